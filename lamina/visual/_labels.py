"""Labels, probabilities and names as they come, to class numbers 0, 1, 2, … and one name for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

_MOST_CLASSES = 1000  # a picture with more shows nothing
_TOLERANCE = 0.02  # of a row's sum from 1; bfloat16 needs as much


def as_classes(argument: str, values: Any, *, scores: bool) -> np.ndarray:
    """Class numbers (or texts) of each sample, (n,).

    Args:
        argument: Name of the argument, with the function, for messages.
        values: Labels (n,) or (n, 1), whole numbers or texts; one-hot rows (n, classes); with `scores` also
            probabilities or logits (n, classes), whose largest counts, or probabilities of class 1, (n,) or (n, 1).
        scores: Whether the values may be a model's outputs.
    """
    array = as_array(argument, values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2) or not array.size:
        raise ValueError(
            f"{argument}: expected labels of shape (samples,){' or scores of shape (samples, classes)' * scores}, at "
            f"least one of them, received shape {array.shape}."
        )
    if array.dtype.kind in "UO":
        return _texts(argument, array)
    check_finite(argument, array)
    if array.ndim == 2:
        if not scores and not np.allclose(array.sum(axis=1), 1):
            raise ValueError(
                f"{argument}: expected one class for each sample: labels, or rows with a single 1. Samples of several "
                "classes at once need one picture for each class, of column i: y_true[:, i]."
            )
        return array.argmax(axis=1)
    whole = array.astype(np.int64)
    if (whole == array).all():
        return whole
    if scores and array.min() >= 0 and array.max() <= 1:
        return (array > 0.5).astype(np.int64)
    wanted = "labels or probabilities of class 1, from 0 to 1" if scores else "whole numbers"
    raise ValueError(f"{argument}: expected {wanted}, received {float(array[whole != array][0])!r} among them.")


def as_array(argument: str, values: Any) -> np.ndarray:
    """A NumPy array of numbers, or of Python strings (kind "O")."""
    try:
        array = np.asarray(values)
        return array.astype(np.float64) if array.dtype.kind == "O" and not _has_text(array) else array
    except (TypeError, ValueError) as error:
        raise ValueError(f"{argument}: expected an array, received a {type(values).__name__}: {error}") from None


def check_finite(argument: str, array: np.ndarray) -> None:
    """Raise if there is NaN or infinity; the first is named."""
    bad = ~np.isfinite(array) if array.dtype.kind == "f" else np.zeros(0, bool)
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        raise ValueError(
            f"{argument}: sample {row} is {array[row]}, one of {int(bad.sum())} values that are not finite."
        )


def check_lengths(where: str, **arrays: Any) -> None:
    """Raise unless all arrays have as many samples."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {length:,}" for name, length in lengths.items())
        raise ValueError(
            f"{where}: the numbers of samples differ: {listed}. Hand in the same samples in the same order."
        )


def as_names(where: str, class_names: Sequence[Any] | None, classes: int) -> list[str]:
    """A name for each class: those given, or the numbers."""
    if class_names is None:
        return [str(number) for number in range(classes)]
    if isinstance(class_names, str):
        raise TypeError(f"{where}: class_names: expected a list of names, received the text {class_names!r}.")
    names = [str(name) for name in class_names]
    if len(names) < classes:
        raise ValueError(
            f"{where}: class_names: expected {classes} names, one for each class from 0 to {classes - 1}, received "
            f"{len(names)}: {names}. (A missing comma between two names makes one of them.)"
        )
    return names


def check_range(argument: str, labels: np.ndarray, classes: int) -> None:
    """Raise unless all labels are in 0 to classes - 1."""
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"{argument}: expected labels from 0 to {classes - 1}, received {int(labels[row])} for sample {row}."
        )


def pair(
    where: str, y_true: Any, y_pred: Any, class_names: Sequence[Any] | None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """True and predicted class numbers, (n,) each, and the name of every class."""
    true = as_classes(f"{where}: y_true", y_true, scores=False)
    predicted = as_classes(f"{where}: y_pred", y_pred, scores=True)
    check_lengths(where, y_true=true, y_pred=predicted)
    if true.dtype.kind == "O" or predicted.dtype.kind == "O":
        return _by_name(where, true, predicted, class_names)
    shape = np.shape(y_pred)
    columns = shape[1] if len(shape) == 2 else 0
    classes = max(int(true.max()) + 1, int(predicted.max()) + 1, columns, 2)
    if classes > _MOST_CLASSES:
        raise ValueError(f"{where}: expected class numbers from 0 to {_MOST_CLASSES - 1}, received {classes - 1}.")
    names = as_names(where, class_names, classes)
    for name, labels in (("y_true", true), ("y_pred", predicted)):
        check_range(f"{where}: {name}", labels, len(names))
    return true, predicted, names


def as_scores(argument: str, values: Any) -> np.ndarray:
    """What `predict` gives for classes, (n, classes), float64; of a sigmoid's (n, 1) or (n,) the classes 0 and 1.

    Of one column z the other is 1 - z, which ranks as it should, whether they are probabilities or logits.
    """
    array = as_array(argument, values)
    if array.ndim not in (1, 2) or not array.size or array.dtype.kind in "UO":
        raise ValueError(
            f"{argument}: expected what predict gives, numbers of shape (samples, classes), received shape "
            f"{array.shape} and dtype {array.dtype}."
        )
    array = array.astype(np.float64)
    check_finite(argument, array)
    if array.ndim == 1 or array.shape[1] == 1:
        array = np.column_stack([1 - array.ravel(), array.ravel()])
    return array


def as_probabilities(argument: str, values: Any) -> np.ndarray:
    """`as_scores` of what is a probability: from 0 to 1, each row's sum 1."""
    array = as_scores(argument, values)
    bad = (array.min(axis=1) < -_TOLERANCE) | (abs(array.sum(axis=1) - 1) > _TOLERANCE)
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f"{argument}: expected rows of numbers from 0 to 1 with the sum 1, received {array[row].round(3).tolist()} "
            f"for sample {row}. If these are logits, apply a softmax (a sigmoid for two classes) first."
        )
    return array


def classes_of_scores(
    where: str, y_true: Any, scores: np.ndarray, class_names: Sequence[Any] | None, **others: np.ndarray
) -> tuple[np.ndarray, list[str]]:
    """True class numbers, (n,), in the range of the scores' columns, and the name of each class.

    Args:
        where: Name of the function, for messages.
        y_true, scores, class_names: What it was given; scores as `as_scores` returns them.
        **others: Arrays that must be as long, by the names of their arguments.
    """
    true = as_classes(f"{where}: y_true", y_true, scores=False)
    check_lengths(where, **others, y_true=true, probabilities=scores)
    if true.dtype.kind == "O":
        raise ValueError(f"{where}: y_true: expected class numbers, received texts. Hand in names.index(text).")
    check_range(f"{where}: y_true", true, scores.shape[1])
    return true, as_names(where, class_names, scores.shape[1])


def _by_name(
    where: str, true: np.ndarray, predicted: np.ndarray, class_names: Sequence[Any] | None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The same for labels that are texts: each one's place among the names."""
    present = {str(label) for label in [*true, *predicted]}
    names = sorted(present) if class_names is None else as_names(where, class_names, 0)
    unknown = sorted(present - set(names))
    if unknown:
        raise ValueError(f"{where}: class_names: {names} lacks {unknown[0]!r}, which is among the labels.")
    place = {name: number for number, name in enumerate(names)}
    by_number = [np.array([place[str(label)] for label in labels]) for labels in (true, predicted)]
    return by_number[0], by_number[1], names


def _texts(argument: str, array: np.ndarray) -> np.ndarray:
    if array.ndim != 1:
        raise ValueError(f"{argument}: expected texts of shape (samples,), received shape {array.shape}.")
    return np.array([str(text) for text in array], dtype=object)


def _has_text(array: np.ndarray) -> bool:
    return any(isinstance(value, str) for value in array.flat)
