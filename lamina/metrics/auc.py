"""Area under the ROC, precision-recall or precision-recall-gain curve, from counts at many thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core import errors
from lamina.losses._reduction import divide_no_nan
from lamina.losses._shapes import align, to_float
from lamina.metrics._base import family
from lamina.metrics._confusion import (
    ConfusionMetric,
    check_thresholds,
    confusion_counts,
    linear_thresholds,
    weights_of,
)
from lamina.ops._arrays import EPSILON

_NAMES = ("true_positives", "false_positives", "true_negatives", "false_negatives")
_HEIGHTS: dict[str, Callable[..., jax.Array]] = {
    "interpolation": lambda a, b: (a + b) / 2,
    "minoring": jnp.minimum,
    "majoring": jnp.maximum,
}


@family.add
class AUC(ConfusionMetric):
    """Area under a curve that a threshold draws, between evenly spaced thresholds.

    Args:
        num_thresholds: Number of thresholds, > 1; more of them come nearer to the exact area. Default 200.
        curve: "ROC" (recall over false positive rate), "PR" (precision over recall) or "PRGAIN". Default "ROC".
        summation_method: Height between two thresholds: "interpolation" (mean of both; for "PR" the formula of Davis &
            Goadrich), "minoring" (the smaller) or "majoring" (the larger). Default "interpolation".
        name: Name in logs; None gives "auc", numbered.
        dtype: See `Metric`.
        thresholds: Thresholds in [0, 1], instead of `num_thresholds`; one below 0 and one above 1 join them.
        multi_label: Whether each column of (batch, labels) has a curve of its own; the areas are averaged. Default
            False: every entry is a prediction like any other.
        num_labels: Number of columns with `multi_label`; None takes it from the first batch.
        label_weights: Weight >= 0 of each column, in the average (multi_label) or in the counts (else).
        from_logits: Whether y_pred are logits, probabilities = sigmoid(y_pred). Default False.

    Input: y_true (0 or 1) and y_pred (probabilities), (batch, ...); sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].
    Variables: true_positives, false_positives, true_negatives, false_negatives (num_thresholds,), or (num_thresholds,
        labels) with multi_label.
    Raises:
        ValueError: an unknown curve or summation_method, fewer than 2 thresholds, one outside [0, 1], num_labels
            without multi_label, predictions that are not (batch, labels) with it.
    Source: Davis & Goadrich 2006, The Relationship Between Precision-Recall and ROC Curves; Flach & Kull 2015,
        Precision-Recall-Gain Curves.

    Example:
        >>> print(AUC()([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
        0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        given_name = name or "AUC"
        where = f"{given_name}: "
        self.curve = str(curve).upper()
        self.summation_method = str(summation_method).lower()
        errors.check_choice("curve", self.curve, ["ROC", "PR", "PRGAIN"], where)
        errors.check_choice("summation_method", self.summation_method, ["interpolation", "minoring", "majoring"], where)
        if num_labels is not None and not multi_label:
            raise ValueError(f"{where}num_labels: expected None without multi_label=True, received {num_labels!r}.")
        self.init_thresholds = None if thresholds is None else sorted(check_thresholds(given_name, thresholds))
        if self.init_thresholds is None:
            errors.check_positive_int("num_thresholds", num_thresholds, where, minimum=2)
        inner = linear_thresholds(num_thresholds)[1:-1] if self.init_thresholds is None else self.init_thresholds
        # The ends lie a little outside, so that predictions of exactly 0 and 1 are above the first and below the last.
        super().__init__([-EPSILON, *inner, 1 + EPSILON], name=name, dtype=dtype)
        self.num_thresholds = len(self.thresholds)
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else [float(weight) for weight in label_weights]
        self.from_logits = from_logits
        self.built = False
        if not multi_label or num_labels:
            self.build((None, num_labels), (None, num_labels))

    def build(self, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
        """Create the accumulators; with multi_label their shape depends on the number of labels."""
        if self.built:
            return
        if self.multi_label and len(y_pred_shape) != 2:
            raise ValueError(
                f"{self.name}: multi_label=True expects y_pred of shape (batch, labels), received "
                f"{tuple(y_pred_shape)}. Reshape it, or leave multi_label out."
            )
        labels = [int(y_pred_shape[1] or 1)] if self.multi_label else []
        self.add_counts(_NAMES, (self.num_thresholds, *labels))
        self.built = True

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch of labels (0 or 1) and scores of one shape."""
        y_pred = to_float(y_pred).astype(self.accumulator_dtype)
        y_true, y_pred = align(self.name, y_true, jax.nn.sigmoid(y_pred) if self.from_logits else y_pred)
        self.build(y_true.shape, y_pred.shape)
        self.add_batch(y_true, y_pred, weights_of(self.name, y_pred, sample_weight))

    def add_batch(self, y_true: jax.Array, y_pred: jax.Array, weights: jax.Array) -> None:
        """Add labels, scores and weights of one shape."""
        if not self.multi_label:
            if self.label_weights is not None:
                weights = weights * self._weights_of_labels(y_pred.shape[-1])
            super().add_batch(y_true, y_pred, weights)
            return

        def count(y_true: jax.Array, y_pred: jax.Array, weights: jax.Array) -> dict[str, jax.Array]:
            return confusion_counts(y_true, y_pred, weights, self.thresholds, self._evenly)

        added = jax.vmap(count, in_axes=1, out_axes=1)(y_true, y_pred, weights)
        for name, variable in self.counts.items():
            variable.assign_add(added[name])

    def result(self) -> jax.Array:
        """Return the area, with multi_label averaged over the labels."""
        areas = jnp.sum(self._areas(), axis=0)
        if not self.multi_label or self.label_weights is None:
            return jnp.mean(areas).astype(self.dtype)
        weights = self._weights_of_labels(areas.shape[0])
        return divide_no_nan(jnp.sum(areas * weights), jnp.sum(weights)).astype(self.dtype)

    def _weights_of_labels(self, labels: int) -> jax.Array:
        weights = self.label_weights or []
        if len(weights) != labels:
            raise ValueError(f"{self.name}: label_weights has {len(weights)} entries, but y_pred has {labels} labels.")
        return jnp.asarray(weights, self.accumulator_dtype)

    def _areas(self) -> jax.Array:
        """Return the area between each threshold and the next, (num_thresholds - 1, ...)."""
        if not self.built:
            raise ValueError(f"{self.name}: there is no result before the first batch; call update_state first.")
        tp, fp, tn, fn = (self.counts[name].value for name in _NAMES)
        recall, precision = divide_no_nan(tp, tp + fn), divide_no_nan(tp, tp + fp)
        if self.curve == "ROC":
            x, y = divide_no_nan(fp, fp + tn), recall
        elif self.curve == "PR" and self.summation_method == "interpolation":
            return _interpolated_pr_areas(tp, fp, fn)
        elif self.curve == "PR":
            x, y = recall, precision
        else:
            x, y = _gains(tp, fp, tn, fn)
        return (x[:-1] - x[1:]) * _HEIGHTS[self.summation_method](y[:-1], y[1:])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; as in Keras `thresholds` only where they were given."""
        config = super().get_config()
        config.pop("thresholds")
        return config if self.init_thresholds is None else {**config, "thresholds": self.init_thresholds}


def _interpolated_pr_areas(tp: jax.Array, fp: jax.Array, fn: jax.Array) -> jax.Array:
    """Areas under the precision-recall curve where TP and FP, not the precision, run linearly between thresholds.

    With P = TP + FP and TP = slope P + intercept in an interval from A down to B, the area is
    slope (TP_A - TP_B + intercept log(P_A / P_B)) / (TP + FN).
    """
    predicted = tp + fp
    gained = tp[:-1] - tp[1:]
    slope = divide_no_nan(gained, jnp.maximum(predicted[:-1] - predicted[1:], 0))
    intercept = tp[1:] - slope * predicted[1:]
    both = (predicted[:-1] > 0) & (predicted[1:] > 0)
    ratio = jnp.where(both, divide_no_nan(predicted[:-1], predicted[1:]), 1)
    return divide_no_nan(slope * (gained + intercept * jnp.log(ratio)), tp[1:] + fn[1:])


def _gains(tp: jax.Array, fp: jax.Array, tn: jax.Array, fn: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Recall gain (not below 0) and precision gain; 0 and 1 without true positives."""
    ratio = divide_no_nan(tp + fn, tn + fp)
    recall_gain = jnp.where(tp == 0, 0, 1 - ratio * divide_no_nan(fn, tp))
    precision_gain = jnp.where(tp == 0, 1, 1 - ratio * divide_no_nan(fp, tp))
    return jnp.maximum(recall_gain, 0), precision_gain
