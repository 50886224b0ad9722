"""Losses that compare regions: Dice and Tversky."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.losses._base import Loss, family
from lamina.losses._shapes import align, mixes_samples
from lamina.ops._arrays import EPSILON


@mixes_samples
def dice(y_true: ArrayLike, y_pred: ArrayLike, axis: int | Sequence[int] | None = None) -> jax.Array:
    """One minus the overlap of two regions, `1 - 2 sum(y p) / (sum(y) + sum(p) + 1e-7)`.

    Args:
        y_true: Labels y, 0 or 1, (batch, ...).
        y_pred: Probabilities p of the same shape.
        axis: Axes of the sums; None is all of them, one number for the batch. (1, 2, 3) for images one by one.

    Output: the shape without `axis`, float in [0, 1].
    Raises:
        ValueError: the shapes differ.
    Source: Milletari et al. 2016, V-Net.

    Example:
        >>> print(dice([[1.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]], axis=1).round(4))
        [0.3333 1.    ]
    """
    y_true, y_pred = align("dice", y_true, y_pred)
    axis = _axes(axis)
    overlap = 2 * jnp.sum(y_true * y_pred, axis=axis)
    return 1 - overlap / (jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis) + EPSILON)


@mixes_samples
def tversky(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float = 0.5,
    beta: float = 0.5,
    axis: int | Sequence[int] | None = None,
) -> jax.Array:
    """Dice loss with one weight for each kind of mistake, `1 - o / (o + alpha m + beta f + 1e-7)`.

    With labels y and probabilities p: o = sum(y p), m = sum(y (1 - p)), f = sum((1 - y) p).

    Args:
        y_true: Labels, 0 or 1, (batch, ...).
        y_pred: Probabilities of the same shape.
        alpha: Weight >= 0 of m, positives that were missed. Default 0.5.
        beta: Weight >= 0 of f, false alarms. Default 0.5; both 0.5 is `dice`.
        axis: Axes of the sums; None is all of them, one number for the batch.

    Output: the shape without `axis`, float in [0, 1].
    Raises:
        ValueError: the shapes differ.
    Source: Salehi et al. 2017, Tversky Loss Function for Image Segmentation.

    Example:
        >>> print(tversky([[1.0, 1.0]], [[1.0, 0.0]], alpha=1.0, axis=1).round(4))
        [0.5]
    """
    y_true, y_pred = align("tversky", y_true, y_pred)
    axis = _axes(axis)
    overlap = jnp.sum(y_true * y_pred, axis=axis)
    missed = jnp.sum(y_true * (1 - y_pred), axis=axis)
    false = jnp.sum((1 - y_true) * y_pred, axis=axis)
    return 1 - overlap / (overlap + alpha * missed + beta * false + EPSILON)


def _includes_batch(axis: int | Sequence[int] | None) -> bool:
    return axis is None or 0 in (axis if isinstance(axis, (list, tuple)) else [axis])


def _axes(axis: int | Sequence[int] | None) -> int | tuple[int, ...] | None:
    return tuple(axis) if isinstance(axis, (list, tuple)) else axis  # type: ignore[return-value]  # int or None


family.add(dice)
family.add(tversky)


@family.add
class Dice(Loss):
    """One minus the overlap of two regions; the class of `dice`.

    Args:
        reduction: See `Loss`.
        name: See `Loss`. Default "dice".
        axis: Axes of the sums; None is all of them, one number for the batch. Default None.
        dtype: See `Loss`.

    Input: y_true (0 or 1) and y_pred (probabilities), (batch, ...).
    Output: scalar; the shape without `axis` with reduction "none".

    Example:
        >>> print(f"{Dice()([[1.0, 1.0]], [[1.0, 0.0]]):.4f}")
        0.3333
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: int | Sequence[int] | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis
        self.mixes_samples = _includes_batch(axis)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample, or one for the batch."""
        return dice(y_true, y_pred, self.axis)


@family.add
class Tversky(Loss):
    """Dice loss with one weight for each kind of mistake; the class of `tversky`.

    Args:
        alpha: Weight >= 0 of positives that were missed. Default 0.5.
        beta: Weight >= 0 of false alarms. Default 0.5.
        reduction: See `Loss`.
        name: See `Loss`. Default "tversky".
        axis: Axes of the sums; None is all of them, one number for the batch. Default None.
        dtype: See `Loss`.

    Input: y_true (0 or 1) and y_pred (probabilities), (batch, ...).
    Output: scalar; the shape without `axis` with reduction "none".

    Example:
        >>> print(f"{Tversky(alpha=1.0)([[1.0, 1.0]], [[1.0, 0.0]]):.4f}")
        0.5000
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: int | Sequence[int] | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.alpha = alpha
        self.beta = beta
        self.axis = axis
        self.mixes_samples = _includes_batch(axis)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample, or one for the batch."""
        return tversky(y_true, y_pred, self.alpha, self.beta, self.axis)
