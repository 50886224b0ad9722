"""Metrics of yes-or-no predictions: counts of right and wrong ones, precision, recall."""

from __future__ import annotations

from typing import Any

import jax

from lamina.core import errors
from lamina.losses._reduction import divide_no_nan
from lamina.metrics._base import family
from lamina.metrics._confusion import BELOW_ALL, ConfusionMetric, check_thresholds


class _Count(ConfusionMetric):
    """One of the four counts; a subclass names it."""

    counted = ""

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        self.init_thresholds = thresholds
        super().__init__(check_thresholds(name or type(self).__name__, thresholds), name=name, dtype=dtype)
        self.accumulator = self.add_variable((len(self.thresholds),), name="accumulator")
        self.counts = {self.counted: self.accumulator}

    def result(self) -> jax.Array:
        """Return the count, one for each threshold where there are several."""
        return _single(self.accumulator.value, self.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "thresholds": _listed(self.init_thresholds)}


@family.add
class TruePositives(_Count):
    """Number (or weight) of predictions above the threshold whose label is 1.

    Args:
        thresholds: Number in [0, 1] or a list of them, one count each. Default 0.5; 0 for logits.
        name: Name in logs; None gives "true_positives", numbered.
        dtype: See `Metric`.

    Input: y_true (0 or 1) and y_pred, (batch, ...); sample_weight (batch,) or more leading axes.
    Output: scalar, or (thresholds,) for a list.
    Raises:
        ValueError: a threshold outside [0, 1].

    Example:
        >>> print(TruePositives()([0, 1, 1, 1], [1, 0, 1, 1]))
        2.0
    """

    counted = "true_positives"


@family.add
class TrueNegatives(_Count):
    """Number (or weight) of predictions not above the threshold whose label is 0.

    Args:
        thresholds: Number in [0, 1] or a list of them, one count each. Default 0.5; 0 for logits.
        name: Name in logs; None gives "true_negatives", numbered.
        dtype: See `Metric`.

    Input: y_true (0 or 1) and y_pred, (batch, ...); sample_weight (batch,) or more leading axes.
    Output: scalar, or (thresholds,) for a list.
    Raises:
        ValueError: a threshold outside [0, 1].

    Example:
        >>> print(TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0]))
        2.0
    """

    counted = "true_negatives"


@family.add
class FalsePositives(_Count):
    """Number (or weight) of predictions above the threshold whose label is 0.

    Args:
        thresholds: Number in [0, 1] or a list of them, one count each. Default 0.5; 0 for logits.
        name: Name in logs; None gives "false_positives", numbered.
        dtype: See `Metric`.

    Input: y_true (0 or 1) and y_pred, (batch, ...); sample_weight (batch,) or more leading axes.
    Output: scalar, or (thresholds,) for a list.
    Raises:
        ValueError: a threshold outside [0, 1].

    Example:
        >>> print(FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1]))
        2.0
    """

    counted = "false_positives"
    _direction = "down"


@family.add
class FalseNegatives(_Count):
    """Number (or weight) of predictions not above the threshold whose label is 1.

    Args:
        thresholds: Number in [0, 1] or a list of them, one count each. Default 0.5; 0 for logits.
        name: Name in logs; None gives "false_negatives", numbered.
        dtype: See `Metric`.

    Input: y_true (0 or 1) and y_pred, (batch, ...); sample_weight (batch,) or more leading axes.
    Output: scalar, or (thresholds,) for a list.
    Raises:
        ValueError: a threshold outside [0, 1].

    Example:
        >>> print(FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0]))
        2.0
    """

    counted = "false_negatives"
    _direction = "down"


class _Ratio(ConfusionMetric):
    """True positives out of those and another count; a subclass names it."""

    others = ""
    _direction = "up"

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        where = name or type(self).__name__
        self.init_thresholds = thresholds
        if top_k is not None:
            errors.check_positive_int("top_k", top_k, f"{where}: ")
        if class_id is not None:
            errors.check_positive_int("class_id", class_id, f"{where}: ", minimum=0)
        listed = check_thresholds(where, thresholds, 0.5 if top_k is None else BELOW_ALL)
        super().__init__(listed, top_k, class_id, name, dtype)
        self.add_counts(["true_positives", self.others])

    def result(self) -> jax.Array:
        """Return the ratio, one for each threshold where there are several; 0 where there is nothing to divide."""
        hits, others = self.counts["true_positives"].value, self.counts[self.others].value
        return _single(divide_no_nan(hits, hits + others), self.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "thresholds": _listed(self.init_thresholds)}


@family.add
class Precision(_Ratio):
    """Fraction of the positive predictions that are right, TP / (TP + FP).

    Args:
        thresholds: Number in [0, 1] or a list of them: what is above it is positive. Default 0.5; 0 for logits.
        top_k: Only the k largest scores of a sample can be positive; the threshold is then none by default.
        class_id: The one class (last axis of y_pred) to look at; None for all.
        name: Name in logs; None gives "precision", numbered.
        dtype: See `Metric`.

    Input: y_true (0 or 1) and y_pred, (batch, ...); sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1], or (thresholds,) for a list; 0 without a positive prediction.
    Variables: true_positives, false_positives (thresholds,).
    Raises:
        ValueError: a threshold outside [0, 1], top_k or class_id beyond the classes.

    Example:
        >>> print(f"{Precision()([0, 1, 1, 1], [1, 0, 1, 1]):.4f}")
        0.6667
    """

    others = "false_positives"


@family.add
class Recall(_Ratio):
    """Fraction of the positive labels that are found, TP / (TP + FN).

    Args:
        thresholds: Number in [0, 1] or a list of them: what is above it is positive. Default 0.5; 0 for logits.
        top_k: Only the k largest scores of a sample can be positive; the threshold is then none by default.
        class_id: The one class (last axis of y_pred) to look at; None for all.
        name: Name in logs; None gives "recall", numbered.
        dtype: See `Metric`.

    Input: y_true (0 or 1) and y_pred, (batch, ...); sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1], or (thresholds,) for a list; 0 without a positive label.
    Variables: true_positives, false_negatives (thresholds,).
    Raises:
        ValueError: a threshold outside [0, 1], top_k or class_id beyond the classes.

    Example:
        >>> print(f"{Recall()([0, 1, 1, 1], [1, 0, 1, 1]):.4f}")
        0.6667
    """

    others = "false_negatives"


def _single(values: jax.Array, dtype: str) -> jax.Array:
    return (values[0] if values.shape == (1,) else values).astype(dtype)


def _listed(thresholds: Any) -> Any:
    return [float(t) for t in thresholds] if hasattr(thresholds, "__len__") else thresholds
