"""Sample weights: checked, made from class weights, and the product of both."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from lamina.core.errors import warn_user
from lamina.training.data.arrays import as_arrays
from lamina.training.data.checks import check_finite, check_lengths


def standardize_weights(
    sample_weight: Any,
    rows: int,
    class_weights: np.ndarray | None = None,
    *,
    argument: str = "sample_weight",
    float_dtype: str = "float32",
) -> Any:
    """Return sample weights as floats, times the class weights where both are given; None if neither is.

    Args:
        sample_weight: Array-like of shape (rows,) or (rows, ...), a nest with one per output, or None. Finite.
        rows: Number of samples.
        class_weights: Weight of each sample's class, shape (rows,), from `class_weights_to_sample_weights`.
        argument: What messages call the weights.
        float_dtype: Type of the result.

    Raises:
        ValueError: another number of rows, or weights that are not finite.

    Differs from Keras: class_weight and sample_weight may be given together.

    Example:
        >>> standardize_weights([1, 2], 2, np.array([0.5, 3.0], "float32")).tolist()
        [0.5, 6.0]
    """
    if sample_weight is None:
        return class_weights
    weights = jax.tree.map(lambda w: np.asarray(w, float_dtype), as_arrays(sample_weight, argument))
    check_lengths({argument: weights, "y": np.empty((rows, 0))})
    check_finite(weights, argument, sample_weight)
    if class_weights is None:
        return weights
    return jax.tree.map(lambda w: w * class_weights.reshape(-1, *[1] * (w.ndim - 1)), weights)


def class_weights_to_sample_weights(
    y: Any, class_weight: Mapping[Any, float] | str, *, batch: bool = False
) -> np.ndarray:
    """Return the weight of each sample's class, shape (rows,), float32.

    "balanced" weighs class c by n / (k * n_c): n rows, k classes in y, n_c rows of class c.

    Args:
        y: Class labels of shape (n,) or (n, 1), integers or whole floats, or one-hot (n, classes).
        class_weight: Class -> weight >= 0, or "balanced". Classes that are not in it weigh 1.
        batch: Whether y is one batch of many, in which classes may be absent.

    Raises:
        ValueError: a weight that is negative or not finite, a class that y does not have, and y without classes.

    Warns:
        UserWarning: classes in y that `class_weight` leaves out (not for a batch).

    Differs from Keras: "balanced" is known; a class left out is told; classes that y does not have, bad weights,
    fractional and multi-label y are refused.

    Source: King & Zeng 2001, Logistic Regression in Rare Events Data ("balanced", as in scikit-learn).

    Example:
        >>> class_weights_to_sample_weights(np.array([0, 0, 0, 0, 1]), "balanced").tolist()
        [0.625, 0.625, 0.625, 0.625, 2.5]
    """
    labels, known = _labels(y)
    classes, code, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if isinstance(class_weight, str):
        if class_weight != "balanced" or batch:
            way = (
                "needs all labels at once: give the weights as a dict"
                if batch
                else "is unknown: use 'balanced' or a dict"
            )
            raise ValueError(f"class_weight={class_weight!r} {way}, such as {{0: 1.0, 1: 5.0}}.")
        weights = len(labels) / (len(classes) * counts)
    else:
        given = _checked(class_weight)
        if not batch:
            _compare(given, classes, known)
        weights = np.array([given.get(int(c), 1.0) for c in classes])
    return weights[code].astype(np.float32)


def _labels(y: Any) -> tuple[np.ndarray, int | None]:
    """Return the classes of the rows, and how many there are if the shape of `y` tells."""
    if not hasattr(y, "shape"):
        raise ValueError(f"class_weight works with one y array; y is a {type(y).__name__}. Pass sample_weight instead.")
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] > 1:
        sums = values.sum(axis=1, dtype=np.float64)
        if not np.allclose(sums, 1, atol=1e-3):
            row = int(np.argmax(np.abs(sums - 1)))
            raise ValueError(
                f"class_weight needs one class a sample: row {row} of y, {values[row].tolist()}, is not one-hot. For "
                "several labels a sample pass sample_weight."
            )
        return values.argmax(axis=1), values.shape[1]
    if values.size != len(values):
        raise ValueError(
            f"class_weight needs y of shape (n,), (n, 1) or one-hot (n, classes), received {values.shape}."
        )
    values = values.reshape(-1)
    whole = values == np.round(values)  # False for NaN as well
    if not whole.all():
        row = int(np.argmin(whole))
        raise ValueError(f"class_weight needs class labels in y: row {row} is {values[row]}, not a whole number.")
    return values.astype(np.int64), None


def _checked(class_weight: Any) -> dict[int, float]:
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f"class_weight: expected a dict of class -> weight or 'balanced', received a {type(class_weight).__name__}."
        )
    for label, weight in class_weight.items():
        if not isinstance(label, numbers.Real) or not float(label).is_integer():
            raise ValueError(
                f"class_weight: expected whole numbers as classes, received {label!r}. Use the labels in y."
            )
        if not isinstance(weight, numbers.Real) or not math.isfinite(weight) or weight < 0:
            raise ValueError(f"class_weight: the weight of class {label} is {weight!r}; expected a finite number >= 0.")
    return {int(label): float(weight) for label, weight in class_weight.items()}


def _compare(given: dict[int, float], classes: np.ndarray, known: int | None) -> None:
    present = {int(c) for c in classes}
    strange = sorted(set(given) - (present if known is None else set(range(known))))
    if strange:
        raise ValueError(
            f"class_weight has weights for classes that y does not have: {_listed(strange)}. The classes in y are "
            f"{_listed(sorted(present))}."
        )
    left_out = sorted(present - set(given))
    if left_out:
        warn_user(
            f"class_weight leaves out classes of y, which weigh 1: {_listed(left_out)}. Give them a weight, or use "
            "'balanced'."
        )


def _listed(labels: list[int]) -> str:
    return ", ".join(map(str, labels[:20])) + (", ..." if len(labels) > 20 else "")
