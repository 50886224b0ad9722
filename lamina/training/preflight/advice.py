"""Warnings at the start of `fit`: what is legal, trains, and is rarely meant."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina import layers, metrics
from lamina.core.errors import warn_user
from lamina.training.data.split import is_by_chance
from lamina.training.preflight.case import Case, called, labelled
from lamina.training.preflight.head import DISTRIBUTIONS, KEEP_VALUES, from_input, is_own
from lamina.training.preflight.losses import LossFacts
from lamina.training.preflight.values import is_whole, on_host
from lamina.training.program import Batch

_SCALES = (layers.Rescaling, layers.Normalization, layers.BatchNormalization)
_LOOKED_AT = 2**16  # values of x that show whether they are pixels
_SUMMED = 2**22  # values of y whose rows are added up


def advise(cases: list[Case], model: Any, batch: Batch, argument: str) -> None:
    """Warn of raw pixels, logits that accuracy takes for probabilities, odd one-hot rows, mse on classes."""
    batch = on_host(batch)
    _warn_of_pixels(model, batch.x, argument)
    for case, loss in labelled(cases, batch, argument):
        _warn_of_threshold(case, loss)
        _warn_of_rows(case, loss)
        _warn_of_regression(case, loss)


def _warn_of_pixels(model: Any, x: Any, argument: str) -> None:
    if not hasattr(x, "shape") or x.ndim < 3 or not _meets_weights_first(model):
        return
    rows = max(1, _LOOKED_AT * len(x) // x.size)
    some = x[:: max(1, len(x) // rows)][:rows]
    low, high = some.min(), some.max()
    if low >= 0 and 100 < high <= 255 and is_whole(some):
        warn_user(
            f"{called('x', argument)} of shape {x.shape} looks like pixels from 0 to 255, and model "
            f"{model.name!r} does not scale them: networks train badly on inputs so large. Pass x / 255.0, or put "
            "lamina.layers.Rescaling(1 / 255) first."
        )


def _meets_weights_first(model: Any) -> bool:
    """Whether the first layer that changes values is one of lamina's with weights, and none that scales them."""
    first = next((layer for layer in from_input(model) if type(layer) not in KEEP_VALUES), None)
    return first is not None and is_own(first) and bool(first.weights) and not isinstance(first, _SCALES)


def _warn_of_threshold(case: Case, loss: LossFacts) -> None:
    if loss.labels != "binary" or not loss.from_logits:
        return
    for metric in [*case.goal.metrics, *case.goal.weighted_metrics]:
        if type(metric) is metrics.BinaryAccuracy and metric.threshold == 0.5:
            warn_user(
                f"metric {metric.name!r} counts outputs above 0.5 as yes, but {loss.name}(from_logits=True) makes them "
                "logits, where yes begins at 0. Use metrics=[lamina.metrics.BinaryAccuracy(threshold=0)]."
            )


def _warn_of_rows(case: Case, loss: LossFacts) -> None:
    """One-hot rows and class probabilities sum to 1; a row of zeros is the usual way to leave an entry out."""
    if loss.labels != "one-hot" or case.y.shape[1:] != case.output.shape[1:]:
        return
    y = case.y
    sums = y[:: 1 + y.size // _SUMMED].sum(loss.axis, dtype=np.float64)
    odd = (np.abs(sums - 1) > 1e-3) & (sums != 0)
    if odd.any():
        warn_user(
            f"{case.y_called}: {loss.name} expects rows that sum to 1 (one-hot, or class probabilities); "
            f"{int(odd.sum())} of {odd.size} do not, one sums to {sums[odd][0]:g}. For several labels a row use "
            "activation='sigmoid' and loss='binary_crossentropy'."
        )


def _warn_of_regression(case: Case, loss: LossFacts) -> None:
    if loss.labels != "numbers" or case.head is None or case.head.activation not in DISTRIBUTIONS:
        return
    y = case.y[:: 1 + case.y.size // _SUMMED]
    if y.shape[1:] == case.output.shape[1:] and _is_one_hot(y):
        warn_user(
            f"loss {loss.name!r} on class labels and {case.head}: its gradient vanishes where the network is "
            "surely wrong, so training is slow or stalls. Use loss='categorical_crossentropy'."
        )


def _is_one_hot(y: np.ndarray) -> bool:
    return bool(((y == 0) | (y == 1)).all() and (y.sum(-1) == 1).all())


def compare_classes(model: Any, train: Any, held_out: Any) -> None:
    """Warn of classes that only the training data have, or only `validation_data`; fewer than chance explains are none.

    Args:
        model: Compiled and built for the data.
        train: y of the training data.
        held_out: y of the validation data.
    """
    if not model.preflight:
        return
    cases = model.objective.checked.cases
    mine = labelled(cases, Batch(None, train, None), "")
    others = labelled(cases, Batch(None, held_out, None), "validation_data")
    for (case, loss), (other, _) in zip(mine, others, strict=True):
        if loss.labels != "numbers":
            _compare(case, other, loss)


def _compare(case: Case, other: Case, loss: LossFacts) -> None:
    first, second = (_class_numbers(y, loss.labels == "one-hot", loss.ignore_class) for y in (case.y, other.y))
    if first is None or second is None:
        return
    classes, code = np.unique(np.concatenate([first, second]), return_inverse=True)
    counts = np.bincount(code)
    parts = (
        (code[: len(first)], "the training data have", "validation_data have: the network cannot learn it"),
        (code[len(first) :], "validation_data have", "the training data have: the val_ metrics say nothing of it"),
    )
    place = "" if case.y_name == "y" else f" of {case.y_name}"
    for part, side, but in parts:
        absent = np.bincount(part, minlength=len(classes)) == 0
        if absent.any() and not is_by_chance(absent, counts, len(part) / len(code)):
            told = ", ".join(str(label) for label in classes[absent][:20]) + (", ..." if absent.sum() > 20 else "")
            warn_user(
                f"{side} no row of class {told}{place}, but {but}. Take both from "
                "one shuffled set, e.g. with sklearn.model_selection.train_test_split(x, y, stratify=y)."
            )


def _class_numbers(y: Any, one_hot: bool, ignored: int | None) -> np.ndarray | None:
    """The class of each row; None where rows have no one class."""
    if one_hot:
        return np.asarray(y).argmax(-1) if y.ndim == 2 and y.shape[1] > 1 else None
    labels = np.asarray(y).reshape(-1) if y.size == len(y) else None
    if labels is None or not is_whole(labels):
        return None
    labels = labels.astype(np.int32)
    return labels if ignored is None else labels[labels != ignored]
