"""Metrics at the best threshold under a condition, such as the precision that a recall of 0.9 still allows."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core import errors
from lamina.losses._reduction import divide_no_nan
from lamina.metrics._base import family
from lamina.metrics._confusion import ConfusionMetric, linear_thresholds


class _OperatingPoint(ConfusionMetric):
    """Base: all four counts at evenly spaced thresholds, and the search among them."""

    _direction = "up"

    def __init__(
        self, condition: str, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any
    ) -> None:
        where = f"{name or type(self).__name__}: "
        self.num_thresholds = errors.check_positive_int("num_thresholds", num_thresholds, where)
        self.value = errors.check_fraction(condition, value, where, closed=True)
        if class_id is not None:
            errors.check_positive_int("class_id", class_id, where, minimum=0)
        super().__init__(linear_thresholds(num_thresholds), None, class_id, name, dtype)
        self.add_counts(["true_positives", "false_positives", "true_negatives", "false_negatives"])

    def best(self, wanted: jax.Array, condition: jax.Array) -> jax.Array:
        """Return the largest `wanted` among the thresholds whose `condition` reaches the value; 0 if none does."""
        return jnp.max(jnp.where(condition >= self.value, wanted, 0)).astype(self.dtype)

    @property
    def recalls(self) -> jax.Array:
        """TP / (TP + FN) at each threshold, also called sensitivity."""
        hits, missed = self.counts["true_positives"].value, self.counts["false_negatives"].value
        return divide_no_nan(hits, hits + missed)

    @property
    def precisions(self) -> jax.Array:
        """TP / (TP + FP) at each threshold."""
        hits, false = self.counts["true_positives"].value, self.counts["false_positives"].value
        return divide_no_nan(hits, hits + false)

    @property
    def specificities(self) -> jax.Array:
        """TN / (TN + FP) at each threshold."""
        right, false = self.counts["true_negatives"].value, self.counts["false_positives"].value
        return divide_no_nan(right, right + false)


@family.add
class PrecisionAtRecall(_OperatingPoint):
    """Best precision at a threshold where the recall is at least the given one; 0 if there is none.

    Args:
        recall: Fraction in [0, 1].
        num_thresholds: Number of evenly spaced thresholds that are tried, >= 1. Default 200.
        class_id: The one class (last axis of y_pred) to look at; None for all.
        name: Name in logs; None gives "precision_at_recall", numbered.
        dtype: See `Metric`.

    Input: y_true (0 or 1) and y_pred (probabilities), (batch, ...); sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].
    Variables: true_positives, false_positives, true_negatives, false_negatives (num_thresholds,).
    Raises:
        ValueError: recall outside [0, 1], num_thresholds < 1, class_id beyond the classes.

    Example:
        >>> print(PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
        0.5
    """

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__("recall", recall, num_thresholds, class_id, name, dtype)
        self.recall = recall

    def result(self) -> jax.Array:
        """Return the precision."""
        return self.best(self.precisions, self.recalls)


@family.add
class RecallAtPrecision(_OperatingPoint):
    """Best recall at a threshold where the precision is at least the given one; 0 if there is none.

    Args:
        precision: Fraction in [0, 1].
        num_thresholds: Number of evenly spaced thresholds that are tried, >= 1. Default 200.
        class_id: The one class (last axis of y_pred) to look at; None for all.
        name: Name in logs; None gives "recall_at_precision", numbered.
        dtype: See `Metric`.

    Input: y_true (0 or 1) and y_pred (probabilities), (batch, ...); sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].
    Variables: true_positives, false_positives, true_negatives, false_negatives (num_thresholds,).
    Raises:
        ValueError: precision outside [0, 1], num_thresholds < 1, class_id beyond the classes.

    Example:
        >>> print(RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
        0.5
    """

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__("precision", precision, num_thresholds, class_id, name, dtype)
        self.precision = precision

    def result(self) -> jax.Array:
        """Return the recall."""
        return self.best(self.recalls, self.precisions)


@family.add
class SensitivityAtSpecificity(_OperatingPoint):
    """Best sensitivity, TP / (TP + FN), where the specificity, TN / (TN + FP), is at least the given one.

    Args:
        specificity: Fraction in [0, 1].
        num_thresholds: Number of evenly spaced thresholds that are tried, >= 1. Default 200.
        class_id: The one class (last axis of y_pred) to look at; None for all.
        name: Name in logs; None gives "sensitivity_at_specificity", numbered.
        dtype: See `Metric`.

    Input: y_true (0 or 1) and y_pred (probabilities), (batch, ...); sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].
    Variables: true_positives, false_positives, true_negatives, false_negatives (num_thresholds,).
    Raises:
        ValueError: specificity outside [0, 1], num_thresholds < 1, class_id beyond the classes.

    Example:
        >>> print(SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
        0.5
    """

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__("specificity", specificity, num_thresholds, class_id, name, dtype)
        self.specificity = specificity

    def result(self) -> jax.Array:
        """Return the sensitivity."""
        return self.best(self.recalls, self.specificities)


@family.add
class SpecificityAtSensitivity(_OperatingPoint):
    """Best specificity, TN / (TN + FP), where the sensitivity, TP / (TP + FN), is at least the given one.

    Args:
        sensitivity: Fraction in [0, 1].
        num_thresholds: Number of evenly spaced thresholds that are tried, >= 1. Default 200.
        class_id: The one class (last axis of y_pred) to look at; None for all.
        name: Name in logs; None gives "specificity_at_sensitivity", numbered.
        dtype: See `Metric`.

    Input: y_true (0 or 1) and y_pred (probabilities), (batch, ...); sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].
    Variables: true_positives, false_positives, true_negatives, false_negatives (num_thresholds,).
    Raises:
        ValueError: sensitivity outside [0, 1], num_thresholds < 1, class_id beyond the classes.

    Example:
        >>> print(f"{SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]):.4f}")
        0.6667
    """

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__("sensitivity", sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity

    def result(self) -> jax.Array:
        """Return the specificity."""
        return self.best(self.specificities, self.recalls)
