"""Correlations between label and prediction: Pearson's and the concordance coefficient."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.losses._shapes import align
from lamina.metrics._base import family
from lamina.metrics.reduction import MeanMetricWrapper
from lamina.ops._arrays import EPSILON

Axis = int | tuple[int, ...]


def pearson_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: Axis = -1) -> jax.Array:
    """Linear correlation along an axis, `mean((y - mean(y)) (p - mean(p))) / (std(y) std(p))`.

    Args:
        y_true: Targets y, (batch, ..., outputs).
        y_pred: Predictions p of the same shape, a last axis of length 1 aside.
        axis: Axis or axes of the mean. Default -1.

    Output: the shape without `axis`, float in [-1, 1]; NaN where y or p is constant.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]).round(4))
        [1.]
    """
    y_true, y_pred = align("pearson_correlation", y_true, y_pred)
    a = y_true - jnp.mean(y_true, axis, keepdims=True)
    b = y_pred - jnp.mean(y_pred, axis, keepdims=True)
    return jnp.mean(a / jnp.std(a, axis, keepdims=True) * (b / jnp.std(b, axis, keepdims=True)), axis)


def concordance_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: Axis = -1) -> jax.Array:
    """Agreement along an axis, `2 cov(y, p) / (var(y) + var(p) + (mean(y) - mean(p))**2 + 1e-7)`.

    Args:
        y_true: Targets y, (batch, ..., outputs).
        y_pred: Predictions p of the same shape, a last axis of length 1 aside.
        axis: Axis or axes of the means. Default -1.

    Output: the shape without `axis`, float in [-1, 1].
    Raises:
        ValueError: the shapes differ.
    Source: Lin 1989, A Concordance Correlation Coefficient to Evaluate Reproducibility.

    Example:
        >>> print(concordance_correlation([[0.0, 1.0, 2.0]], [[1.0, 2.0, 3.0]]).round(4))
        [0.5714]
    """
    y_true, y_pred = align("concordance_correlation", y_true, y_pred)
    mean_true, mean_pred = jnp.mean(y_true, axis, keepdims=True), jnp.mean(y_pred, axis, keepdims=True)
    spread = jnp.var(y_true, axis, keepdims=True) + jnp.var(y_pred, axis, keepdims=True)
    covariance = (y_true - mean_true) * (y_pred - mean_pred)
    return jnp.mean(2 * covariance / (spread + jnp.square(mean_true - mean_pred) + EPSILON), axis)


@family.add
class PearsonCorrelation(MeanMetricWrapper):
    """Mean linear correlation of label and prediction within each sample; the metric of `pearson_correlation`.

    Args:
        name: Name in logs. Default "pearson_correlation".
        dtype: See `Metric`.
        axis: Axis or axes of the correlation. Default -1.

    Input: y_true and y_pred (batch, ..., outputs); sample_weight (batch,) or more leading axes.
    Output: scalar in [-1, 1].

    Example:
        >>> print(f"{PearsonCorrelation()([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]):.4f}")
        0.9967
    """

    _direction = "up"

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: Axis = -1) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=_plain(axis))
        self.axis = axis
        self.mixes_samples = axis != -1


@family.add
class ConcordanceCorrelation(MeanMetricWrapper):
    """Mean agreement of label and prediction within each sample; the metric of `concordance_correlation`.

    Args:
        name: Name in logs. Default "concordance_correlation".
        dtype: See `Metric`.
        axis: Axis or axes of the correlation. Default -1.

    Input: y_true and y_pred (batch, ..., outputs); sample_weight (batch,) or more leading axes.
    Output: scalar in [-1, 1].
    Source: Lin 1989, A Concordance Correlation Coefficient to Evaluate Reproducibility.

    Example:
        >>> print(f"{ConcordanceCorrelation()([[0, 1, 0.5], [1, 1, 0.2]], [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]):.4f}")
        0.9816
    """

    _direction = "up"

    def __init__(self, name: str | None = "concordance_correlation", dtype: Any = None, axis: Axis = -1) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=_plain(axis))
        self.axis = axis
        self.mixes_samples = axis != -1


family.add(pearson_correlation)
family.add(concordance_correlation)


def _plain(axis: Any) -> Axis:
    return tuple(axis) if isinstance(axis, (list, tuple)) else axis
