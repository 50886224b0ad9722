"""The values of one data set: finite, labels that the loss knows, weights that are not negative."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from lamina.core.errors import LaminaConfigError
from lamina.training.data import check_finite
from lamina.training.data.checks import named_leaves
from lamina.training.data.dtypes import position
from lamina.training.preflight.case import Case, called, labelled
from lamina.training.preflight.losses import LossFacts
from lamina.training.program import Batch

_DISK_BYTES = 2**26  # of a memory map's first rows that are looked at


def check_values(cases: list[Case], batch: Batch, argument: str, given: Any = None) -> None:
    """Raise for the first value that cannot be trained on, by row and column.

    Args:
        cases: The outputs of the model.
        batch: The data set.
        argument: What messages call its owner.
        given: x as the user passed it; if that is a table, columns are called by its names.
    """
    same = batch.y is batch.x
    batch = on_host(batch)
    check_finite(batch.x, called("x", argument), given)
    if batch.y is not None and not same:
        check_finite(batch.y, called("y", argument))
    for name, leaf in named_leaves(batch.sample_weight, called("sample_weight", argument)):
        _refuse(name, leaf, leaf < 0, "but expected numbers >= 0. If they are meant so: compile(preflight=False).")
    for case, loss in labelled(cases, batch, argument):
        if loss.labels == "classes":
            _check_class_numbers(case, loss)
        elif loss.labels == "binary":
            _check_fractions(case, loss)


def on_host(batch: Batch) -> Batch:
    """Return NumPy arrays, of large memory maps the first rows only: reading them whole could take minutes."""

    def part(leaf: Any) -> np.ndarray:
        if isinstance(leaf, np.memmap) and leaf.nbytes > _DISK_BYTES:
            return leaf[: max(1, _DISK_BYTES * len(leaf) // leaf.nbytes)]
        return np.asarray(leaf)  # slices and comparisons of device arrays would be compiled

    return jax.tree.map(part, batch)


def _check_class_numbers(case: Case, loss: LossFacts) -> None:
    """Raise unless all labels are 0, ..., classes - 1, or the one that the loss ignores."""
    labels, classes, ignored = case.y, case.classes, loss.ignore_class
    whole = is_whole(labels)
    if whole and labels.min() >= 0 and labels.max() < classes:
        return
    bad = (labels < 0) | (labels >= classes)
    if not whole:
        bad |= labels != np.floor(labels)
    if ignored is not None:
        bad &= labels != ignored
    if bad.any():
        expected = f"but {loss.name} and {case.maker} expect class numbers from 0 to {classes - 1}."
        _refuse(case.y_called, labels, bad, f"{expected} {_way_to_classes(labels, bad, classes)}")


def _way_to_classes(labels: np.ndarray, bad: np.ndarray, classes: int) -> str:
    first, low, high = labels[bad][0], labels.min(), labels.max()
    if not is_whole(labels[bad]):
        return "For targets that are any numbers use loss='mse'; for class numbers in a float array round them first."
    if first < 0:
        return (
            f"If {int(first)} stands for 'no class', use lamina.losses.SparseCategoricalCrossentropy("
            f"ignore_class={int(first)}); else number the classes from 0: numpy.unique(y, return_inverse=True)[1]."
        )
    if low == 1 and high == classes:
        return "The labels begin at 1: pass y - 1."
    return (
        f"Give the last layer one unit per class ({int(high) + 1} for labels up to {int(high)}), or number the classes "
        "without gaps from 0: numpy.unique(y, return_inverse=True)[1]."
    )


def _check_fractions(case: Case, loss: LossFacts) -> None:
    """Raise unless all labels are in [0, 1]."""
    labels = case.y
    if labels.dtype.kind == "b" or (labels.min() >= 0 and labels.max() <= 1):
        return
    expected = f"but {loss.name} expects labels 0 and 1, or probabilities between."
    _refuse(case.y_called, labels, (labels < 0) | (labels > 1), f"{expected} {_way_to_fractions(labels)}")


def _way_to_fractions(labels: np.ndarray) -> str:
    low, high = labels.min(), labels.max()
    if not is_whole(labels):
        return "For targets that are any numbers use loss='mse' and a last layer without activation."
    if (low, high) == (1, 2):
        return "The labels begin at 1: pass y - 1."
    if (low, high) == (-1, 1):
        return "Pass (y + 1) / 2, or use loss='hinge' and activation='tanh'."
    if low >= 0 and high <= 255 and labels.ndim > 2:
        return f"Scale them: y / {int(high)}."
    return (
        f"For several classes use loss='sparse_categorical_crossentropy', with one unit per class ({int(high) + 1} for "
        f"labels up to {int(high)}) and activation='softmax'; for other numbers loss='mse'."
    )


def is_whole(values: np.ndarray) -> bool:
    """Whether all values are whole numbers."""
    return values.dtype.kind in "biu" or bool((values == np.floor(values)).all())


def _refuse(name: str, values: np.ndarray, bad: np.ndarray, expected: str) -> None:
    """Raise for the first bad value, if there is one."""
    if not bad.any():
        return
    index = np.unravel_index(int(bad.argmax()), bad.shape)
    count = int(bad.sum())
    others = f" ({count} of {bad.size} are like it)" if count > 1 else ""
    value = values[index].item()
    shown = value if isinstance(value, int) else f"{value:.6g}"
    raise LaminaConfigError(f"{name}: {position(index)} is {shown}{others}, {expected}")
