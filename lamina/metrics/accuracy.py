"""Accuracies: the fraction of samples that are predicted right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core import dtypes, errors
from lamina.losses._shapes import align, align_labels, check_classes, label_kind
from lamina.metrics._base import family
from lamina.metrics.reduction import MeanMetricWrapper
from lamina.ops.nn.crossentropy import pick


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """1.0 where prediction and label are equal, else 0.0.

    Args:
        y_true: Labels (batch, ...).
        y_pred: Predicted labels of the same shape, a last axis of length 1 aside.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(accuracy([1, 2, 3], [1, 2, 0]))
        [1. 1. 0.]
    """
    y_true, y_pred = align("accuracy", y_true, y_pred)
    return _as_float(y_true == y_pred)


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> jax.Array:
    """1.0 where `y_pred > threshold` says the label, else 0.0.

    Args:
        y_true: Labels 0 or 1, (batch, ...).
        y_pred: Probabilities or scores of the same shape, a last axis of length 1 aside.
        threshold: What is above it counts as 1. Default 0.5; 0 for logits.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(binary_accuracy([[1], [0]], [[0.8], [0.7]]))
        [[1.]
         [0.]]
    """
    y_true, y_pred = align("binary_accuracy", y_true, y_pred)
    return _as_float(y_true == (y_pred > threshold))


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """1.0 where the largest score is that of the one-hot label, else 0.0.

    Args:
        y_true: One-hot labels (batch, ..., classes).
        y_pred: Scores (probabilities or logits) of the same shape; of equal ones the first counts.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(categorical_accuracy([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]))
        [0. 1.]
    """
    y_true, y_pred = align("categorical_accuracy", y_true, y_pred)
    return _as_float(largest(y_true) == largest(y_pred))


def sparse_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """1.0 where the largest score is that of the label, else 0.0.

    Args:
        y_true: Class numbers (batch, ...) or (batch, ..., 1).
        y_pred: Scores (probabilities or logits), (batch, ..., classes); of equal ones the first counts.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes do not go together, or there is only one class.

    Example:
        >>> print(sparse_categorical_accuracy([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]))
        [0. 1.]
    """
    labels, y_pred = align_labels("sparse_categorical_accuracy", y_true, y_pred)
    check_classes("sparse_categorical_accuracy", y_pred.shape)
    return _as_float(labels == largest(y_pred))


def top_k_categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, k: int = 5) -> jax.Array:
    """1.0 where the one-hot label's score is among the k largest, else 0.0.

    Args:
        y_true: One-hot labels (batch, ..., classes).
        y_pred: Scores of the same shape; equal scores do not push the label out.
        k: Number >= 1. Default 5.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(top_k_categorical_accuracy([[0, 0, 1]], [[0.1, 0.9, 0.8]], k=2))
        [1.]
    """
    y_true, y_pred = align("top_k_categorical_accuracy", y_true, y_pred)
    return _in_top_k(jnp.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, k: int = 5, from_sorted_ids: bool = False
) -> jax.Array:
    """1.0 where the label's score is among the k largest, else 0.0.

    Args:
        y_true: Class numbers (batch, ...) or (batch, ..., 1).
        y_pred: Scores (batch, ..., classes), or class numbers from the best down with `from_sorted_ids`.
        k: Number >= 1. Default 5.
        from_sorted_ids: Whether y_pred holds class numbers. Default False.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes do not go together.

    Example:
        >>> print(sparse_top_k_categorical_accuracy([2, 0], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.5]], k=2))
        [1. 0.]
    """
    labels, y_pred = align_labels("sparse_top_k_categorical_accuracy", y_true, y_pred)
    if from_sorted_ids:
        return _as_float(jnp.any(labels[..., None] == y_pred[..., :k], axis=-1))
    return _in_top_k(labels, y_pred, k)


def largest(scores: jax.Array) -> jax.Array:
    """Return the number of the largest score, the first of equal ones; `classes`, which is no label, for a NaN.

    Two plain reductions: for 1000 classes six times as fast in a compiled loop on a CPU as `jnp.argmax`.
    """
    classes = scores.shape[-1]
    is_largest = scores == jnp.max(scores, axis=-1, keepdims=True)
    return jnp.min(jnp.where(is_largest, jnp.arange(classes), classes), axis=-1)


def accuracy_for(y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> MeanMetricWrapper:
    """Return the metric that "accuracy" or "acc" stands for, under the name "accuracy".

    Args:
        y_true_shape: Shape of the labels, batch axis included; None where free.
        y_pred_shape: Shape of the predictions.

    Example:
        >>> accuracy_for((None,), (None, 10))
        <SparseCategoricalAccuracy name=accuracy>
    """
    kinds = {"binary": BinaryAccuracy, "sparse": SparseCategoricalAccuracy, "categorical": CategoricalAccuracy}
    return kinds[label_kind(y_true_shape, y_pred_shape)](name="accuracy")


def _in_top_k(labels: jax.Array, scores: jax.Array, k: int) -> jax.Array:
    own = pick(scores, labels)  # NaN for a label that is no class, which nothing below calls right
    higher = jnp.sum(scores > own[..., None], axis=-1)
    return _as_float((higher < k) & ~jnp.isnan(own))


def _as_float(matches: jax.Array) -> jax.Array:
    return matches.astype(dtypes.floatx())


@family.add
class Accuracy(MeanMetricWrapper):
    """Fraction of predictions that equal the labels; the metric of `accuracy`.

    Args:
        name: Name in logs. Default "accuracy".
        dtype: See `Metric`.

    Input: y_true and y_pred (batch, ...), labels; sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].

    Example:
        >>> print(Accuracy()([1, 2, 3, 4], [0, 2, 3, 4]))
        0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


@family.add
class BinaryAccuracy(MeanMetricWrapper):
    """Fraction of yes-or-no labels that `y_pred > threshold` says; the metric of `binary_accuracy`.

    Args:
        name: Name in logs. Default "binary_accuracy".
        dtype: See `Metric`.
        threshold: What is above it counts as 1. Default 0.5; 0 for logits.

    Input: y_true (0 or 1) and y_pred, (batch, ...); sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].

    Example:
        >>> print(BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]]))
        0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold


@family.add
class CategoricalAccuracy(MeanMetricWrapper):
    """Fraction of samples whose largest score is that of the one-hot label; the metric of `categorical_accuracy`.

    Args:
        name: Name in logs. Default "categorical_accuracy".
        dtype: See `Metric`.

    Input: y_true (one-hot) and y_pred (scores), (batch, ..., classes); sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].

    Example:
        >>> print(CategoricalAccuracy()([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]))
        0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


@family.add
class SparseCategoricalAccuracy(MeanMetricWrapper):
    """Fraction of samples whose largest score is that of the label; the metric of `sparse_categorical_accuracy`.

    Args:
        name: Name in logs. Default "sparse_categorical_accuracy".
        dtype: See `Metric`.

    Input: y_true (batch, ...) or (batch, ..., 1), class numbers; y_pred (scores), (batch, ..., classes);
        sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].

    Example:
        >>> print(SparseCategoricalAccuracy()([2, 1], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]]))
        0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


@family.add
class TopKCategoricalAccuracy(MeanMetricWrapper):
    """Fraction of samples with the one-hot label among the k largest scores.

    Args:
        k: Number >= 1. Default 5.
        name: Name in logs. Default "top_k_categorical_accuracy".
        dtype: See `Metric`.

    Input: y_true (one-hot) and y_pred (scores), (batch, ..., classes); sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].
    Raises:
        ValueError: k is no whole number >= 1.

    Example:
        >>> print(TopKCategoricalAccuracy(k=2)([[0, 0, 1], [1, 0, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.1]]))
        0.5
    """

    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
        self.k = errors.check_positive_int("k", k, f"{self.name}: ")


@family.add
class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """Fraction of samples with the label among the k largest scores.

    Args:
        k: Number >= 1. Default 5.
        name: Name in logs. Default "sparse_top_k_categorical_accuracy".
        dtype: See `Metric`.
        from_sorted_ids: Whether y_pred holds class numbers from the best down instead of scores. Default False.

    Input: y_true (batch, ...) or (batch, ..., 1), class numbers; y_pred (batch, ..., classes); sample_weight (batch,)
        or more leading axes.
    Output: scalar in [0, 1].
    Raises:
        ValueError: k is no whole number >= 1.

    Example:
        >>> print(SparseTopKCategoricalAccuracy(k=2)([2, 0], [[0.1, 0.9, 0.8], [0.05, 0.95, 0.1]]))
        0.5
    """

    _direction = "up"

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
        self.k = errors.check_positive_int("k", k, f"{self.name}: ")
        self.from_sorted_ids = from_sorted_ids

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; as in Keras `from_sorted_ids` only where it is True."""
        config = super().get_config()
        if not self.from_sorted_ids:
            config.pop("from_sorted_ids")
        return config


# After the classes, which own the names: "binary_accuracy" is the metric, as in Keras.
family.add(binary_accuracy)
family.add(categorical_accuracy)
family.add(sparse_categorical_accuracy)
family.add(top_k_categorical_accuracy)
family.add(sparse_top_k_categorical_accuracy)
