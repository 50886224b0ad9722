"""Cross-entropies between class labels and predicted probabilities (or logits): binary, categorical, sparse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core import errors
from lamina.losses._base import Loss, family
from lamina.losses._shapes import (
    align,
    align_labels,
    apply,
    averages_last_axis,
    check_classes,
    label_kind,
)
from lamina.ops import nn


@averages_last_axis
def binary_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> jax.Array:
    """Cross-entropy of yes-or-no labels, `-mean(y log(p) + (1 - y) log(1 - p))` over an axis.

    Args:
        y_true: Labels 0 or 1, or probabilities between, (batch, ..., outputs).
        y_pred: Probabilities p of the same shape, kept inside [1e-7, 1 - 1e-7]; a last axis of length 1 aside.
        from_logits: Whether y_pred are logits, p = sigmoid(y_pred). Default False.
        label_smoothing: Fraction in [0, 1] by which labels move towards 0.5. Default 0.
        axis: Axis of the mean. Default -1.

    Output: the shape without `axis`, float.
    Raises:
        ValueError: the shapes differ, or label_smoothing is no fraction.

    Example:
        >>> print(binary_crossentropy([[0.0, 1.0]], [[0.6, 0.4]]).round(4))
        [0.9163]
    """
    y_true, y_pred = align("binary_crossentropy", y_true, y_pred)
    y_true = smooth_binary("binary_crossentropy", y_true, label_smoothing)
    return jnp.mean(nn.binary_crossentropy(y_true, y_pred, from_logits), axis=axis)


def smooth_binary(where: str, y_true: jax.Array, label_smoothing: float) -> jax.Array:
    """Return labels moved towards 0.5 by a fraction."""
    errors.check_fraction("label_smoothing", label_smoothing, f"{where}: ", closed=True)
    return y_true * (1 - label_smoothing) + 0.5 * label_smoothing if label_smoothing else y_true


def categorical_crossentropy(
    y_true: ArrayLike, y_pred: ArrayLike, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> jax.Array:
    """Cross-entropy of one-hot labels, `-sum(y log(p))` over the classes.

    Args:
        y_true: One-hot labels or class probabilities (batch, ..., classes).
        y_pred: Probabilities p of the same shape; divided by their sum, then kept inside [1e-7, 1 - 1e-7].
        from_logits: Whether y_pred are logits, p = softmax(y_pred). Default False.
        label_smoothing: Fraction in [0, 1] of each label that is spread evenly over the classes. Default 0.
        axis: Axis of the classes. Default -1.

    Output: the shape without `axis`, float.
    Raises:
        ValueError: the shapes differ, there is only one class, or label_smoothing is no fraction.

    Differs from Keras: one class is an error (Keras warns and returns zeros).

    Example:
        >>> print(categorical_crossentropy([[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]]).round(4))
        [0.0513 2.3026]
    """
    y_true, y_pred = align("categorical_crossentropy", y_true, y_pred)
    check_classes("categorical_crossentropy", y_pred.shape, axis)
    y_true = smooth_categorical("categorical_crossentropy", y_true, label_smoothing, axis)
    return nn.categorical_crossentropy(y_true, y_pred, from_logits, axis)


def smooth_categorical(where: str, y_true: jax.Array, label_smoothing: float, axis: int) -> jax.Array:
    """Return labels of which a fraction is spread evenly over the classes."""
    errors.check_fraction("label_smoothing", label_smoothing, f"{where}: ", closed=True)
    if not label_smoothing:
        return y_true
    return y_true * (1 - label_smoothing) + label_smoothing / y_true.shape[axis]


def sparse_categorical_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> jax.Array:
    """Cross-entropy of class numbers, `-log(p[label])`.

    Args:
        y_true: Class numbers 0, ..., classes - 1 of any dtype, (batch, ...) or (batch, ..., 1).
        y_pred: Probabilities p (batch, ..., classes); divided by their sum, then kept inside [1e-7, 1 - 1e-7].
        from_logits: Whether y_pred are logits, p = softmax(y_pred). Default False.
        ignore_class: Label whose entries have loss 0 (and do not count in `SparseCategoricalCrossentropy`), as 255 or
            -1 for "no class". Default None.
        axis: Axis of the classes. Default -1.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes do not go together, or there is only one class.

    Differs from Keras: a label that is no class gives NaN (Keras on JAX: 0), so that training shows it; `axis` works.

    Example:
        >>> print(sparse_categorical_crossentropy([1, 2], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]]).round(4))
        [0.0513 2.3026]
    """
    labels, y_pred = align_labels("sparse_categorical_crossentropy", y_true, y_pred, axis)
    check_classes("sparse_categorical_crossentropy", y_pred.shape, axis)
    if ignore_class is not None:
        counts = labels != ignore_class
        labels = jnp.where(counts, labels, 0)
        y_pred = jnp.where(jnp.expand_dims(counts, axis), y_pred, 1)  # no gradient, no NaN from ignored entries
    losses = nn.sparse_categorical_crossentropy(labels, y_pred, from_logits, axis)
    return losses if ignore_class is None else jnp.where(counts, losses, 0)


def crossentropy_for(
    y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]
) -> Callable[..., jax.Array]:
    """Return the cross-entropy function that "crossentropy" or "ce" stands for.

    Args:
        y_true_shape: Shape of the labels, batch axis included; None where free.
        y_pred_shape: Shape of the predictions.

    Example:
        >>> crossentropy_for((None,), (None, 10)).__name__
        'sparse_categorical_crossentropy'
    """
    return {
        "binary": binary_crossentropy,
        "sparse": sparse_categorical_crossentropy,
        "categorical": categorical_crossentropy,
    }[label_kind(y_true_shape, y_pred_shape)]


family.add(binary_crossentropy, "bce", "BCE")
family.add(categorical_crossentropy)
family.add(sparse_categorical_crossentropy)


@family.add
class BinaryCrossentropy(Loss):
    """Cross-entropy of yes-or-no labels; the class of `binary_crossentropy`.

    Args:
        from_logits: Whether predictions are logits instead of probabilities. Default False.
        label_smoothing: Fraction in [0, 1] by which labels move towards 0.5. Default 0.
        axis: Axis of the mean. Default -1.
        reduction: See `Loss`.
        name: See `Loss`. Default "binary_crossentropy".
        dtype: See `Loss`.

    Input: y_true and y_pred (batch, ..., outputs).
    Output: scalar; the shape without `axis` with reduction "none".

    Example:
        >>> print(f"{BinaryCrossentropy()([[0.0], [1.0]], [[0.6], [0.4]]):.4f}")
        0.9163
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        errors.check_fraction("label_smoothing", label_smoothing, f"{self.name}: ", closed=True)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis
        self.mixes_samples = axis != -1

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return apply(binary_crossentropy, y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


@family.add
class CategoricalCrossentropy(Loss):
    """Cross-entropy of one-hot labels; the class of `categorical_crossentropy`.

    Args:
        from_logits: Whether predictions are logits instead of probabilities. Default False.
        label_smoothing: Fraction in [0, 1] of each label that is spread evenly over the classes. Default 0.
        axis: Axis of the classes. Default -1.
        reduction: See `Loss`.
        name: See `Loss`. Default "categorical_crossentropy".
        dtype: See `Loss`.

    Input: y_true and y_pred (batch, ..., classes).
    Output: scalar; the shape without `axis` with reduction "none".

    Example:
        >>> print(f"{CategoricalCrossentropy()([[0, 1, 0]], [[0.05, 0.95, 0]]):.4f}")
        0.0513
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        errors.check_fraction("label_smoothing", label_smoothing, f"{self.name}: ", closed=True)
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return categorical_crossentropy(y_true, y_pred, self.from_logits, self.label_smoothing, self.axis)


@family.add
class SparseCategoricalCrossentropy(Loss):
    """Cross-entropy of class numbers; the class of `sparse_categorical_crossentropy`.

    Args:
        from_logits: Whether predictions are logits instead of probabilities. Default False.
        ignore_class: Label whose entries do not count. Default None.
        reduction: See `Loss`.
        axis: Axis of the classes. Default -1.
        name: See `Loss`. Default "sparse_categorical_crossentropy".
        dtype: See `Loss`.

    Input: y_true (batch, ...) or (batch, ..., 1), class numbers; y_pred (batch, ..., classes).
    Output: scalar; (batch, ...) with reduction "none".

    Differs from Keras: a label that is no class gives NaN instead of 0; the config keeps `axis`.

    Example:
        >>> loss = SparseCategoricalCrossentropy(ignore_class=-1)([1, -1], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]])
        >>> print(f"{loss:.4f}")
        0.0513
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample, 0 for ignored ones."""
        return sparse_categorical_crossentropy(y_true, y_pred, self.from_logits, self.ignore_class, self.axis)

    def valid_entries(self, y_true: Any, values: jax.Array) -> jax.Array | None:
        """Return which labels are not ignored."""
        if self.ignore_class is None:
            return None
        return jnp.reshape(y_true != self.ignore_class, values.shape)
