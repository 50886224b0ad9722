"""What a model made of test data: which kind of task each output is, and true and predicted values side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lamina.core import errors
from lamina.visual import _labels

TASKS = ("classification", "labels", "regression")
_OF_CLASSES = ("crossentropy", "cross_entropy", "hinge", "focal")
_OF_NUMBERS = ("mse", "mae", "mape", "msle", "error", "huber", "log_cosh", "logcosh", "poisson", "cosine")
_TOLERANCE = 0.02


@dataclass
class Outcome:
    """One output of the model.

    Fields:
        name: Of the output; "" where there is one.
        task: "classification" (one class for each sample), "labels" (several yes-or-no answers) or "regression".
        true, predicted: Class numbers (n,), 0 and 1 (n, labels), or numbers (n, columns).
        scores: Of classes, (n, classes), or of labels, (n, labels): larger is more.
        probabilities: The same as probabilities, where it is known how to make them.
        names: Of the classes, labels or columns.
        per_sample: Whether there is one answer for each sample, not for each pixel or step.
    """

    name: str
    task: str
    true: np.ndarray
    predicted: np.ndarray
    scores: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    names: list[str] = field(default_factory=list)
    per_sample: bool = True


def outcomes(
    model: Any, predictions: Sequence[np.ndarray], targets: Sequence[np.ndarray], class_names: Any, task: str | None
) -> list[Outcome]:
    """Pair outputs and targets.

    Args:
        model: The model, which knows its losses and the names of its outputs.
        predictions, targets: Arrays of each output, (n, ...).
        class_names: Names, or a list or dict by output of names, or None.
        task: One of `TASKS` for all outputs, or None: as loss, shapes and values say.
    """
    errors.check_choice("task", task, (None, *TASKS), "report: ")
    known = model.output_names or []
    names = list(known) if len(known) == len(predictions) else [f"output {i}" for i in range(len(predictions))]
    several = len(predictions) > 1
    found = []
    for place, (predicted, true) in enumerate(zip(predictions, targets, strict=True)):
        loss = _loss_of(model, place, names[place])
        chosen = _of_output(class_names, place, names[place]) if several else class_names
        where = f"report: y_test{f' of output {names[place]!r}' if several else ''}"
        found.append(_outcome(where, names[place] if several else "", predicted, true, loss, chosen, task))
    return found


def _of_output(given: Any, place: int, name: str) -> Any:
    if isinstance(given, dict):
        return given.get(name)
    nested = isinstance(given, (list, tuple)) and any(isinstance(one, (list, tuple)) for one in given)
    return (given[place] if place < len(given) else None) if nested else given


def _loss_of(model: Any, place: int, name: str) -> Any:
    loss = model.loss
    if isinstance(loss, dict):
        return loss.get(name)
    if isinstance(loss, (list, tuple)):
        return loss[place] if place < len(loss) else None
    return loss


def _outcome(
    where: str, name: str, predicted: np.ndarray, true: np.ndarray, loss: Any, class_names: Any, task: str | None
) -> Outcome:
    if len(predicted) != len(true):
        raise ValueError(
            f"{where}: expected as many rows as x_test has, {len(predicted):,}, received {len(true):,}. Hand in the "
            "same samples in the same order."
        )
    if true.dtype.kind not in "biuf":
        raise ValueError(f"{where}: expected numbers, received dtype {true.dtype}. Hand in class numbers.")
    _labels.check_finite(where, true)
    said = str(loss if isinstance(loss, str) else getattr(loss, "name", None) or getattr(loss, "__name__", "")).lower()
    task = task or _task(predicted, true, said)
    missing = int((~np.isfinite(predicted.astype(np.float64))).sum())
    if missing and task != "regression":
        raise ValueError(
            f"report: the model gives NaN or infinity in {missing:,} of {predicted.size:,} places, so that there are "
            "no classes to report on. Look for them in its weights: lamina.visual.weight_histograms(model)."
        )
    if task == "regression":
        return _numbers(where, name, predicted, true)
    if task == "labels":
        return _several_labels(where, name, predicted, true, loss, class_names)
    return _classes(where, name, predicted, true, loss, said, class_names)


def _task(predicted: np.ndarray, true: np.ndarray, loss: str) -> str:
    wide = predicted.ndim > 1 and predicted.shape[-1] > 1
    whole = bool((true == np.round(true)).all())
    same = predicted.shape == true.shape
    one_hot = same and wide and whole and bool((true.sum(axis=-1) == 1).all() and true.min() >= 0)
    of_numbers = any(word in loss for word in _OF_NUMBERS)
    if any(word in loss for word in _OF_CLASSES):
        binary = "binary" in loss or "hinge" in loss
        return "labels" if same and wide and binary and not one_hot else "classification"
    if of_numbers or not whole:
        return "regression"
    if wide and (one_hot or not same):
        return "classification"
    inside = predicted.min() >= 0 and predicted.max() <= 1
    return "classification" if inside and bool(np.isin(true, (0, 1)).all()) else "regression"


def _classes(
    where: str, name: str, predicted: np.ndarray, true: np.ndarray, loss: Any, said: str, class_names: Any
) -> Outcome:
    width = predicted.shape[-1] if predicted.ndim > 1 else 1
    flat = predicted.reshape(-1, width).astype(np.float64)
    one_hot = width > 1 and true.shape == predicted.shape
    labels = true.reshape(-1, width).argmax(axis=1) if one_hot else true.reshape(-1)
    if len(labels) != len(flat):
        raise ValueError(
            f"{where}: expected a class for each of the model's answers, of shape {predicted.shape[:-1]} or "
            f"{predicted.shape}, received shape {true.shape}. For numbers: task='regression'."
        )
    if not (labels == np.round(labels)).all():
        raise ValueError(f"{where}: expected whole numbers of classes. For numbers: task='regression'.")
    labels = labels.astype(np.int64)
    hinge = "hinge" in said and width == 1
    if hinge:
        labels = np.maximum(labels, 0)  # -1 is the other class
    scores = np.column_stack([1 - flat, flat]) if width == 1 else flat
    probabilities = _as_probabilities(flat, loss)
    classes = scores.shape[1]
    _labels.check_range(where, labels, classes)
    names = _labels.as_names("report", class_names, classes)[:classes]
    if width == 1:
        cut = 0.5 if probabilities is not None or not hinge else 0.0
        answer = (flat[:, 0] if probabilities is None else probabilities[:, 1]) > cut
        chosen = answer.astype(np.int64)
    else:
        chosen = scores.argmax(axis=1)
    return Outcome(name, "classification", labels, chosen, scores, probabilities, names, len(flat) == len(predicted))


def _as_probabilities(flat: np.ndarray, loss: Any) -> np.ndarray | None:
    """Rows with the sum 1, (n, classes): as they are, or of logits where the loss says that they are; else None."""
    if getattr(loss, "from_logits", False):
        if flat.shape[1] == 1:
            flat = 0.5 * (1 + np.tanh(flat / 2))  # a sigmoid that does not overflow
        else:
            raised = np.exp(flat - flat.max(axis=1, keepdims=True))
            flat = raised / raised.sum(axis=1, keepdims=True)
    if not np.isfinite(flat).all() or flat.min() < -_TOLERANCE or flat.max() > 1 + _TOLERANCE:
        return None
    if flat.shape[1] == 1:
        return np.column_stack([1 - flat, flat])
    return flat if (abs(flat.sum(axis=1) - 1) <= _TOLERANCE).all() else None


def _several_labels(
    where: str, name: str, predicted: np.ndarray, true: np.ndarray, loss: Any, class_names: Any
) -> Outcome:
    if predicted.shape != true.shape or predicted.ndim < 2 or not np.isin(true, (0, 1)).all():
        raise ValueError(
            f"{where}: expected 0 or 1 for each of the model's answers, of shape {predicted.shape}, received shape "
            f"{true.shape} with values from {true.min()} to {true.max()}."
        )
    width = predicted.shape[-1]
    flat = predicted.reshape(-1, width).astype(np.float64)
    if getattr(loss, "from_logits", False):
        flat = 0.5 * (1 + np.tanh(flat / 2))
    names = _labels.as_names("report", class_names, width)[:width]
    labels = true.reshape(-1, width).astype(np.int64)
    return Outcome(name, "labels", labels, (flat > 0.5).astype(np.int64), flat, None, names, predicted.ndim == 2)


def _numbers(where: str, name: str, predicted: np.ndarray, true: np.ndarray) -> Outcome:
    if predicted.size != true.size:
        raise ValueError(
            f"{where}: expected a number for each of the model's, of shape {predicted.shape}, received {true.shape}. "
            "For classes: task='classification'."
        )
    width = predicted.shape[1] if predicted.ndim == 2 else 1
    truth, answer = (array.reshape(-1, width).astype(np.float64) for array in (true, predicted))
    columns = [str(i) for i in range(width)]
    return Outcome(name, "regression", truth, answer, names=columns, per_sample=predicted.ndim <= 2)
