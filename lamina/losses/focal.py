"""Cross-entropies that weigh hard examples more, or wrong labels less: focal and generalized cross-entropy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core import errors
from lamina.losses._base import Loss, family
from lamina.losses._shapes import align, align_labels, apply, averages_last_axis, check_classes
from lamina.losses.crossentropy import smooth_binary, smooth_categorical
from lamina.ops import nn
from lamina.ops.nn.crossentropy import class_probabilities, pick


@averages_last_axis
def binary_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """Binary cross-entropy times `(1 - q)**gamma`, q = probability given to the label; mean over an axis.

    Args:
        y_true: Labels 0 or 1, (batch, ..., outputs).
        y_pred: Probabilities p of the same shape, a last axis of length 1 aside; q = p for label 1, 1 - p for 0.
        apply_class_balancing: Whether to multiply by alpha for label 1 and 1 - alpha for label 0. Default False.
        alpha: Weight of label 1, in [0, 1]. Default 0.25.
        gamma: Focus on hard examples, >= 0; 0 is the plain cross-entropy. Default 2.
        from_logits: Whether y_pred are logits, p = sigmoid(y_pred). Default False.
        label_smoothing: Fraction in [0, 1] by which labels move towards 0.5. Default 0.
        axis: Axis of the mean. Default -1.

    Output: the shape without `axis`, float.
    Raises:
        ValueError: the shapes differ, or label_smoothing is no fraction.
    Source: Lin et al. 2018, Focal Loss for Dense Object Detection.

    Example:
        >>> print(binary_focal_crossentropy([[0.0, 1.0]], [[0.6, 0.4]]).round(4))
        [0.3299]
    """
    y_true, y_pred = align("binary_focal_crossentropy", y_true, y_pred)
    y_true = smooth_binary("binary_focal_crossentropy", y_true, label_smoothing)
    p = jax.nn.sigmoid(y_pred) if from_logits else y_pred
    q = y_true * p + (1 - y_true) * (1 - p)
    losses = jnp.power(1 - q, gamma) * nn.binary_crossentropy(y_true, p)
    if apply_class_balancing:
        losses *= y_true * alpha + (1 - y_true) * (1 - alpha)
    return jnp.mean(losses, axis=axis)


def categorical_focal_crossentropy(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """Cross-entropy of one-hot labels that weighs hard examples more, `-sum(alpha (1 - p)**gamma y log(p))`.

    Args:
        y_true: One-hot labels (batch, ..., classes).
        y_pred: Probabilities p of the same shape; divided by their sum, then kept inside [1e-7, 1 - 1e-7].
        alpha: Weight >= 0, one for all classes or one for each. Default 0.25.
        gamma: Focus on hard examples, >= 0; 0 is the plain cross-entropy. Default 2.
        from_logits: Whether y_pred are logits, p = softmax(y_pred). Default False.
        label_smoothing: Fraction in [0, 1] of each label that is spread evenly over the classes. Default 0.
        axis: Axis of the classes. Default -1.

    Output: the shape without `axis`, float.
    Raises:
        ValueError: the shapes differ, there is only one class, or label_smoothing is no fraction.
    Source: Lin et al. 2018, Focal Loss for Dense Object Detection.

    Example:
        >>> print(categorical_focal_crossentropy([[0, 0, 1]], [[0.1, 0.85, 0.05]]).round(4))
        [0.6759]
    """
    y_true, y_pred = align("categorical_focal_crossentropy", y_true, y_pred)
    check_classes("categorical_focal_crossentropy", y_pred.shape, axis)
    y_true = smooth_categorical("categorical_focal_crossentropy", y_true, label_smoothing, axis)
    p = class_probabilities(jax.nn.softmax(y_pred, axis=axis) if from_logits else y_pred, axis)
    weights = jnp.power(1 - p, gamma) * jnp.asarray(alpha, p.dtype)
    return jnp.sum(-weights * y_true * jnp.log(p), axis=axis)


def categorical_generalized_cross_entropy(y_true: ArrayLike, y_pred: ArrayLike, q: float) -> jax.Array:
    """A loss that wrong labels disturb less: `(1 - p[label]**q) / q`.

    Args:
        y_true: Class numbers (batch, ...) or (batch, ..., 1).
        y_pred: Probabilities p (batch, ..., classes).
        q: In (0, 1); near 0 it is the cross-entropy, near 1 the absolute error.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes do not go together.
    Source: Zhang & Sabuncu 2018, Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels.

    Example:
        >>> print(f"{categorical_generalized_cross_entropy([0], [[0.81, 0.19]], q=0.5)[0]:.4f}")
        0.2000
    """
    labels, y_pred = align_labels("categorical_generalized_cross_entropy", y_true, y_pred)
    check_classes("categorical_generalized_cross_entropy", y_pred.shape)
    return (1 - jnp.power(pick(y_pred, labels), q)) / q


family.add(binary_focal_crossentropy)
family.add(categorical_focal_crossentropy)
family.add(categorical_generalized_cross_entropy)


@family.add
class BinaryFocalCrossentropy(Loss):
    """Binary cross-entropy that weighs hard examples more; the class of `binary_focal_crossentropy`.

    Args:
        apply_class_balancing: Whether to multiply by alpha for label 1 and 1 - alpha for label 0. Default False.
        alpha: Weight of label 1, in [0, 1]. Default 0.25.
        gamma: Focus on hard examples, >= 0. Default 2.
        from_logits: Whether predictions are logits instead of probabilities. Default False.
        label_smoothing: Fraction in [0, 1] by which labels move towards 0.5. Default 0.
        axis: Axis of the mean. Default -1.
        reduction: See `Loss`.
        name: See `Loss`. Default "binary_focal_crossentropy".
        dtype: See `Loss`.

    Input: y_true and y_pred (batch, ..., outputs).
    Output: scalar; the shape without `axis` with reduction "none".
    Source: Lin et al. 2018, Focal Loss for Dense Object Detection.

    Example:
        >>> print(f"{BinaryFocalCrossentropy()([[0.0, 1.0]], [[0.6, 0.4]]):.4f}")
        0.3299
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        errors.check_fraction("label_smoothing", label_smoothing, f"{self.name}: ", closed=True)
        self.apply_class_balancing = apply_class_balancing
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis
        self.mixes_samples = axis != -1

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return apply(
            binary_focal_crossentropy,
            y_true,
            y_pred,
            apply_class_balancing=self.apply_class_balancing,
            alpha=self.alpha,
            gamma=self.gamma,
            from_logits=self.from_logits,
            label_smoothing=self.label_smoothing,
            axis=self.axis,
        )


@family.add
class CategoricalFocalCrossentropy(Loss):
    """Cross-entropy of one-hot labels that weighs hard examples more; the class of `categorical_focal_crossentropy`.

    Args:
        alpha: Weight >= 0, one for all classes or one for each. Default 0.25.
        gamma: Focus on hard examples, >= 0. Default 2.
        from_logits: Whether predictions are logits instead of probabilities. Default False.
        label_smoothing: Fraction in [0, 1] of each label that is spread evenly over the classes. Default 0.
        axis: Axis of the classes. Default -1.
        reduction: See `Loss`.
        name: See `Loss`. Default "categorical_focal_crossentropy".
        dtype: See `Loss`.

    Input: y_true and y_pred (batch, ..., classes).
    Output: scalar; the shape without `axis` with reduction "none".
    Source: Lin et al. 2018, Focal Loss for Dense Object Detection.

    Example:
        >>> print(f"{CategoricalFocalCrossentropy()([[0, 0, 1]], [[0.1, 0.85, 0.05]]):.4f}")
        0.6759
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        errors.check_fraction("label_smoothing", label_smoothing, f"{self.name}: ", closed=True)
        self.alpha = alpha
        self.gamma = gamma
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return categorical_focal_crossentropy(
            y_true, y_pred, self.alpha, self.gamma, self.from_logits, self.label_smoothing, self.axis
        )


@family.add
class CategoricalGeneralizedCrossEntropy(Loss):
    """A loss that wrong labels disturb less; the class of `categorical_generalized_cross_entropy`.

    Args:
        q: In (0, 1); near 0 it is the cross-entropy, near 1 the absolute error. Default 0.5.
        reduction: See `Loss`.
        name: See `Loss`. Default "categorical_generalized_cross_entropy".
        dtype: See `Loss`.

    Input: y_true (batch, ...) or (batch, ..., 1), class numbers; y_pred (batch, ..., classes).
    Output: scalar; (batch, ...) with reduction "none".
    Raises:
        ValueError: q outside (0, 1).
    Source: Zhang & Sabuncu 2018, Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels.

    Example:
        >>> print(f"{CategoricalGeneralizedCrossEntropy()([0, 1], [[0.81, 0.19], [0.36, 0.64]]):.4f}")
        0.3000
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        if not 0 < q < 1:
            raise ValueError(f"{self.name}: q: expected a number between 0 and 1, both excluded, received {q!r}.")
        self.q = q

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return categorical_generalized_cross_entropy(y_true, y_pred, self.q)
