"""Margin losses of the support vector machine: hinge, squared hinge, categorical hinge."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.losses._base import Loss, family
from lamina.losses._shapes import align, apply, averages_last_axis


@averages_last_axis
def hinge(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Distance below the margin, `mean(max(1 - y_true y_pred, 0))` over the last axis.

    Args:
        y_true: Labels -1 or 1, (batch, ..., outputs); labels that are all 0 or 1 are taken as -1 or 1.
        y_pred: Scores of the same shape, a last axis of length 1 aside.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(hinge([[-1.0, 1.0]], [[-2.0, 0.5]]))
        [0.25]
    """
    y_true, y_pred = align("hinge", y_true, y_pred)
    return jnp.mean(jnp.maximum(1 - plus_minus_one(y_true) * y_pred, 0), axis=-1)


@averages_last_axis
def squared_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Squared distance below the margin, `mean(max(1 - y_true y_pred, 0)**2)` over the last axis.

    Args:
        y_true: Labels -1 or 1, (batch, ..., outputs); labels that are all 0 or 1 are taken as -1 or 1.
        y_pred: Scores of the same shape, a last axis of length 1 aside.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(squared_hinge([[-1.0, 1.0]], [[-2.0, 0.5]]))
        [0.125]
    """
    y_true, y_pred = align("squared_hinge", y_true, y_pred)
    return jnp.mean(jnp.square(jnp.maximum(1 - plus_minus_one(y_true) * y_pred, 0)), axis=-1)


def categorical_hinge(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Margin between the label's score and the best other one, `max(1 + max((1 - y) s) - sum(y s), 0)`.

    Args:
        y_true: One-hot labels y (batch, ..., classes).
        y_pred: Scores s of the same shape.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes differ.
    Source: Crammer & Singer 2001, On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines.

    Example:
        >>> print(categorical_hinge([[0, 1, 0]], [[0.5, 0.75, 0.0]]))
        [0.75]
    """
    y_true, y_pred = align("categorical_hinge", y_true, y_pred)
    others = jnp.max((1 - y_true) * y_pred, axis=-1)
    return jnp.maximum(1 + others - jnp.sum(y_true * y_pred, axis=-1), 0)


def plus_minus_one(y_true: jax.Array) -> jax.Array:
    """Return labels as -1 or 1, where all of them are 0 or 1; others as they are."""
    return jnp.where(jnp.all((y_true == 0) | (y_true == 1)), 2 * y_true - 1, y_true)


family.add(hinge)
family.add(squared_hinge)
family.add(categorical_hinge)


@family.add
class Hinge(Loss):
    """Distance below the margin; the class of `hinge`.

    Args:
        reduction: See `Loss`.
        name: See `Loss`. Default "hinge".
        dtype: See `Loss`.

    Input: y_true (labels -1 or 1, or 0 or 1) and y_pred (scores), (batch, ..., outputs).
    Output: scalar; (batch, ...) with reduction "none".

    Example:
        >>> print(Hinge()([[-1.0], [1.0]], [[-2.0], [0.5]]))
        0.25
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "hinge", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return apply(hinge, y_true, y_pred)


@family.add
class SquaredHinge(Loss):
    """Squared distance below the margin; the class of `squared_hinge`.

    Args:
        reduction: See `Loss`.
        name: See `Loss`. Default "squared_hinge".
        dtype: See `Loss`.

    Input: y_true (labels -1 or 1, or 0 or 1) and y_pred (scores), (batch, ..., outputs).
    Output: scalar; (batch, ...) with reduction "none".

    Example:
        >>> print(SquaredHinge()([[-1.0], [1.0]], [[-2.0], [0.5]]))
        0.125
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "squared_hinge", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return apply(squared_hinge, y_true, y_pred)


@family.add
class CategoricalHinge(Loss):
    """Margin between the label's score and the best other one; the class of `categorical_hinge`.

    Args:
        reduction: See `Loss`.
        name: See `Loss`. Default "categorical_hinge".
        dtype: See `Loss`.

    Input: y_true (one-hot) and y_pred (scores), (batch, ..., classes).
    Output: scalar; (batch, ...) with reduction "none".

    Example:
        >>> print(CategoricalHinge()([[0, 1, 0]], [[0.5, 0.75, 0.0]]))
        0.75
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "categorical_hinge", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return categorical_hinge(y_true, y_pred)
