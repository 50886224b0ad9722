"""Metrics of margins: hinge, squared hinge, categorical hinge."""

from __future__ import annotations

from typing import Any

from lamina import losses
from lamina.metrics._base import family
from lamina.metrics.reduction import MeanMetricWrapper


@family.add
class Hinge(MeanMetricWrapper):
    """Mean hinge loss; the metric of `losses.hinge`.

    Args:
        name: Name in logs. Default "hinge".
        dtype: See `Metric`.

    Input: y_true (labels -1 or 1, or 0 or 1) and y_pred (scores), (batch, ..., outputs); sample_weight (batch,) or
        more leading axes.
    Output: scalar.

    Example:
        >>> print(Hinge()([[-1.0], [1.0]], [[-2.0], [0.5]]))
        0.25
    """

    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(losses.hinge, name, dtype)


@family.add
class SquaredHinge(MeanMetricWrapper):
    """Mean squared hinge loss; the metric of `losses.squared_hinge`.

    Args:
        name: Name in logs. Default "squared_hinge".
        dtype: See `Metric`.

    Input: y_true (labels -1 or 1, or 0 or 1) and y_pred (scores), (batch, ..., outputs); sample_weight (batch,) or
        more leading axes.
    Output: scalar.

    Example:
        >>> print(SquaredHinge()([[-1.0], [1.0]], [[-2.0], [0.5]]))
        0.125
    """

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(losses.squared_hinge, name, dtype)


@family.add
class CategoricalHinge(MeanMetricWrapper):
    """Mean categorical hinge loss; the metric of `losses.categorical_hinge`.

    Args:
        name: Name in logs. Default "categorical_hinge".
        dtype: See `Metric`.

    Input: y_true (one-hot) and y_pred (scores), (batch, ..., classes); sample_weight (batch,) or more leading axes.
    Output: scalar.

    Example:
        >>> print(CategoricalHinge()([[0, 1, 0]], [[0.5, 0.75, 0.0]]))
        0.75
    """

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(losses.categorical_hinge, name, dtype)
