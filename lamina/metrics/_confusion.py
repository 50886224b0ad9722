"""Counts of right and wrong yes-or-no predictions at one or many thresholds, and the metrics' base that keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from lamina.losses._reduction import align_weights
from lamina.losses._shapes import align
from lamina.metrics._base import Metric
from lamina.ops._arrays import EPSILON

BELOW_ALL = -1e10  # the threshold of top-k metrics, and the score of what is not among the top k


class ConfusionMetric(Metric):
    """Base of the metrics that count true and false positives and negatives.

    A subclass sets `thresholds` (sorted or not) and names its accumulators, each of shape (thresholds,).

    Args:
        thresholds: Scores above which a prediction counts as positive.
        top_k: Only the k largest scores of a sample can be positive; None for no such limit.
        class_id: The one class (column) to look at; None for all.
        name: See `Metric`.
        dtype: See `Metric`.
    """

    def __init__(
        self,
        thresholds: Sequence[float],
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        self.thresholds = [float(t) for t in thresholds]
        self.top_k = top_k
        self.class_id = class_id
        self._evenly = is_evenly_distributed(self.thresholds)
        self.counts: dict[str, Any] = {}

    def add_counts(self, names: Iterable[str], shape: tuple[int, ...] | None = None) -> None:
        """Create an accumulator for each name: "true_positives", "false_positives", and so on with "negatives"."""
        for name in names:
            self.counts[name] = self.add_variable(shape or (len(self.thresholds),), name=name)
            setattr(self, name, self.counts[name])

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch of labels (0 or 1) and scores of one shape."""
        y_true, y_pred = align(self.name, y_true, jnp.asarray(y_pred, self.accumulator_dtype))
        if self.top_k is not None:
            y_pred = only_top_k(self.name, y_pred, self.top_k)
        if self.class_id is not None:
            check_class_id(self.name, self.class_id, y_pred.shape)
            y_true, y_pred = y_true[..., self.class_id, None], y_pred[..., self.class_id, None]
        self.add_batch(y_true, y_pred, weights_of(self.name, y_pred, sample_weight))

    def add_batch(self, y_true: jax.Array, y_pred: jax.Array, weights: jax.Array) -> None:
        """Add labels, scores and weights of one shape; every entry is a prediction of its own."""
        added = confusion_counts(y_true.ravel(), y_pred.ravel(), weights.ravel(), self.thresholds, self._evenly)
        for name, variable in self.counts.items():
            variable.assign_add(added[name])


def confusion_counts(
    y_true: jax.Array, y_pred: jax.Array, weights: jax.Array, thresholds: Sequence[float], evenly: bool
) -> dict[str, jax.Array]:
    """Return the weights of true and false positives and negatives at each threshold, (thresholds,) each.

    Args:
        y_true: Labels (entries,), positive where not 0.
        y_pred: Scores (entries,), positive where above the threshold.
        weights: Weights (entries,).
        thresholds: Any order; or sorted, evenly spaced from 0 to 1, with `evenly`.
        evenly: Whether scores can be sorted into buckets: time grows with entries + thresholds, not their product.
    """
    positive = jnp.where(y_true != 0, weights, 0)
    negative = jnp.where(y_true != 0, 0, weights)
    count = _count_in_buckets if evenly else _count_one_by_one
    true_positives, false_negatives = count(positive, y_pred, thresholds)
    false_positives, true_negatives = count(negative, y_pred, thresholds)
    return {
        "true_positives": true_positives,
        "false_positives": false_positives,
        "true_negatives": true_negatives,
        "false_negatives": false_negatives,
    }


def _count_one_by_one(
    weights: jax.Array, y_pred: jax.Array, thresholds: Sequence[float]
) -> tuple[jax.Array, jax.Array]:
    """Return the weights above and not above each threshold."""
    above = y_pred > jnp.asarray(thresholds, y_pred.dtype)[:, None]  # (thresholds, entries)
    return jnp.sum(jnp.where(above, weights, 0), axis=1), jnp.sum(jnp.where(above, 0, weights), axis=1)


def _count_in_buckets(
    weights: jax.Array, y_pred: jax.Array, thresholds: Sequence[float]
) -> tuple[jax.Array, jax.Array]:
    """Return the same by a histogram and its running sum."""
    number = len(thresholds)
    passed = jnp.ceil(jnp.clip(y_pred, 0, 1) * (number - 1))  # how many thresholds the score is above
    if thresholds[0] < 0:
        passed = jnp.maximum(passed, 1)  # a score of 0 too
    buckets = jax.ops.segment_sum(weights, passed.astype(jnp.int32), number + 1)
    above = jnp.cumsum(buckets[::-1])[::-1]
    return above[1:], above[0] - above[1:]


def is_evenly_distributed(thresholds: Sequence[float]) -> bool:
    """Whether there are three thresholds or more, evenly spaced from 0 to 1 (1e-7 aside)."""
    return len(thresholds) > 2 and np.allclose(thresholds, np.linspace(0, 1, len(thresholds)), atol=EPSILON)


def linear_thresholds(number: int) -> list[float]:
    """Return thresholds evenly spaced from 0 to 1; 0.5 for a single one."""
    return [i / (number - 1) for i in range(number)] if number > 1 else [0.5]


def check_thresholds(where: str, thresholds: Any, default: float = 0.5) -> list[float]:
    """Return thresholds as a list, or raise unless each is in [0, 1]; None is the default alone."""
    if thresholds is None:
        return [default]
    listed = list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    bad = [t for t in listed if isinstance(t, (str, bool)) or not hasattr(t, "__float__") or not 0 <= t <= 1]
    if bad or not listed:
        raise ValueError(f"{where}: thresholds: expected numbers in [0, 1], received {bad or thresholds!r}.")
    return [float(t) for t in listed]


def check_class_id(where: str, class_id: int, shape: tuple[int, ...]) -> None:
    """Raise unless predictions have a column of that number."""
    if len(shape) < 2 or not 0 <= class_id < shape[-1]:
        raise ValueError(
            f"{where}: class_id is {class_id}, but y_pred has shape {shape}; expected (batch, classes) with more than "
            f"{class_id} classes."
        )


def only_top_k(where: str, y_pred: jax.Array, k: int) -> jax.Array:
    """Return scores with all but the k largest of the last axis set to `BELOW_ALL`."""
    if k > y_pred.shape[-1]:
        raise ValueError(f"{where}: top_k is {k}, but y_pred has shape {y_pred.shape}: {y_pred.shape[-1]} scores each.")
    best = jax.lax.top_k(y_pred, k)[1]
    chosen = jnp.any(best[..., None] == jnp.arange(y_pred.shape[-1]), axis=-2)
    return jnp.where(chosen, y_pred, BELOW_ALL)


def weights_of(where: str, y_pred: jax.Array, sample_weight: ArrayLike | None) -> jax.Array:
    """Return one weight for each entry of `y_pred`."""
    weights = align_weights(where, sample_weight, y_pred.shape)
    return jnp.broadcast_to(weights.astype(y_pred.dtype), y_pred.shape)
