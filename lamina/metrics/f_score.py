"""F-scores: harmonic means of precision and recall per class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core import errors
from lamina.losses._reduction import align_weights, weigh
from lamina.losses._shapes import align
from lamina.metrics._base import Metric, family
from lamina.ops._arrays import EPSILON


@family.add
class FBetaScore(Metric):
    """Weighted harmonic mean of precision P and recall R, `(1 + beta**2) P R / (beta**2 P + R)`.

    Args:
        average: None for one score per class, "macro" for their mean, "weighted" for their mean by the number of
            labels, "micro" for one score over all decisions. Default None.
        beta: Weight of the recall, > 0. Default 1.
        threshold: What is above it, in (0, 1], is positive; None takes the largest score of each sample. Default None.
        name: Name in logs. Default "fbeta_score".
        dtype: See `Metric`.

    Input: y_true (one-hot or many-hot) and y_pred (scores), (batch, classes), or (batch,) for one class;
        sample_weight (batch,).
    Output: scalar in [0, 1]; (classes,) with average None.
    Variables: true_positives, false_positives, false_negatives, intermediate_weights: (classes,), or () for "micro".
    Raises:
        ValueError: an unknown average, beta <= 0, a threshold outside (0, 1], other shapes.

    Differs from Keras: one class may come as (batch,); beta may be a whole number.

    Example:
        >>> metric = FBetaScore(average="micro", beta=2.0, threshold=0.5)
        >>> print(f"{metric([[1, 1], [1, 0], [1, 1]], [[0.2, 0.6], [0.2, 0.6], [0.6, 0.8]]):.4f}")
        0.6250
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        errors.check_choice("average", average, [None, "micro", "macro", "weighted"], f"{self.name}: ")
        if isinstance(beta, bool) or not isinstance(beta, (int, float)) or not beta > 0:
            raise ValueError(f"{self.name}: beta: expected a number > 0, received {beta!r}.")
        if threshold is not None and (isinstance(threshold, (bool, str)) or not 0 < threshold <= 1):
            raise ValueError(
                f"{self.name}: threshold: expected a number in (0, 1] or None (the largest score), received "
                f"{threshold!r}."
            )
        self.average = average
        self.beta = float(beta)
        self.threshold = threshold
        self.built = False

    def build(self, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
        """Create one accumulator of each kind per class."""
        if self.built:
            return
        if len(y_pred_shape) > 2:
            raise ValueError(
                f"{self.name}: expected y_pred of shape (batch, classes), received {tuple(y_pred_shape)}. Reshape "
                "labels and predictions to two axes."
            )
        classes = (y_pred_shape[1] if len(y_pred_shape) == 2 else 1) or 1
        shape = () if self.average == "micro" else (classes,)
        self.true_positives = self.add_variable(shape, name="true_positives")
        self.false_positives = self.add_variable(shape, name="false_positives")
        self.false_negatives = self.add_variable(shape, name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, name="intermediate_weights")
        self.built = True

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch."""
        y_true, y_pred = align(self.name, y_true, jnp.asarray(y_pred, self.accumulator_dtype))
        if y_pred.ndim == 1:
            y_true, y_pred = y_true[:, None], y_pred[:, None]
        self.build(y_true.shape, y_pred.shape)
        weights = align_weights(self.name, sample_weight, y_pred.shape)
        positive = self._decide(y_pred).astype(y_pred.dtype)
        axis = None if self.average == "micro" else 0
        for variable, values in (
            (self.true_positives, positive * y_true),
            (self.false_positives, positive * (1 - y_true)),
            (self.false_negatives, (1 - positive) * y_true),
            (self.intermediate_weights, y_true),
        ):
            variable.assign_add(jnp.sum(weigh(values, weights), axis=axis))

    def _decide(self, y_pred: jax.Array) -> jax.Array:
        if self.threshold is not None:
            return y_pred > self.threshold
        largest = jnp.max(y_pred, axis=-1, keepdims=True)
        return (y_pred >= largest) & (jnp.abs(y_pred) > 1e-9)  # all zeros decide nothing

    def result(self) -> jax.Array:
        """Return the score."""
        if not self.built:
            raise ValueError(f"{self.name}: there is no result before the first batch; call update_state first.")
        hits = self.true_positives.value
        precision = hits / (hits + self.false_positives.value + EPSILON)
        recall = hits / (hits + self.false_negatives.value + EPSILON)
        square = self.beta**2
        scores = (1 + square) * (precision * recall / (square * precision + recall + EPSILON))
        if self.average == "weighted":
            labels = self.intermediate_weights.value
            scores = jnp.sum(scores * (labels / (jnp.sum(labels) + EPSILON)))
        elif self.average is not None:
            scores = jnp.mean(scores)
        return scores.astype(self.dtype)


@family.add
class F1Score(FBetaScore):
    """Harmonic mean of precision P and recall R, `2 P R / (P + R)`.

    Args:
        average: None for one score per class, "macro" for their mean, "weighted" for their mean by the number of
            labels, "micro" for one score over all decisions. Default None.
        threshold: What is above it, in (0, 1], is positive; None takes the largest score of each sample. Default None.
        name: Name in logs. Default "f1_score".
        dtype: See `Metric`.

    Input: y_true (one-hot or many-hot) and y_pred (scores), (batch, classes), or (batch,) for one class;
        sample_weight (batch,).
    Output: scalar in [0, 1]; (classes,) with average None.
    Variables: true_positives, false_positives, false_negatives, intermediate_weights: (classes,), or () for "micro".
    Raises:
        ValueError: an unknown average, a threshold outside (0, 1], other shapes.

    Example:
        >>> metric = F1Score(average="macro")
        >>> print(f"{metric([[1, 0], [1, 0], [0, 1]], [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]):.4f}")
        0.6667
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)


family.add(FBetaScore, "fbeta_score")
