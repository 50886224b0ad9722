"""Cross-entropies of labels and predictions, without the mean over a batch: `lamina.losses` takes it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax, nn

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import EPSILON, as_array, as_float, check_axis, check_same_shape

_NAMES = "target and output"


@operation("nn")
def binary_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False) -> jax.Array:
    """Cross-entropy of each yes-or-no label: -y log(p) - (1 - y) log(1 - p).

    Args:
        target: Labels y, 0 or 1 or between, any shape.
        output: Probabilities p of the same shape, kept inside [1e-7, 1 - 1e-7].
        from_logits: Whether output is logits, p = sigmoid(output). Default False.

    Returns: array of the same shape.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(binary_crossentropy([0.0, 1.0], [0.6, 0.4]).round(4))
        [0.9163 0.9163]
    """
    target, output = as_array(target), as_float(output)
    check_same_shape(target, output, "binary_crossentropy", _NAMES)
    target = target.astype(output.dtype)
    if from_logits:  # log(1 + exp(x)) - x y, without overflow and exact for large |x|
        return jnp.maximum(output, 0) - output * target + jnp.log1p(jnp.exp(-jnp.abs(output)))
    p = jnp.clip(output, EPSILON, 1 - EPSILON)
    return -(target * jnp.log(p) + (1 - target) * jnp.log(1 - p))


@operation("nn")
def categorical_crossentropy(target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1) -> jax.Array:
    """Cross-entropy of one-hot labels: -sum(y log(p)) over the classes.

    Args:
        target: One-hot labels or class probabilities y (..., classes, ...).
        output: Probabilities p of the same shape; divided by their sum, then kept inside [1e-7, 1 - 1e-7].
        from_logits: Whether output is logits, p = softmax(output). Default False.
        axis: Axis of the classes. Default -1.

    Returns: array, the shape without `axis`.
    Raises:
        ValueError: the shapes differ, or there is no such axis.

    Example:
        >>> print(categorical_crossentropy([[0, 1, 0]], [[0.05, 0.95, 0.0]]).round(4))
        [0.0513]
    """
    target, output = as_array(target), as_float(output)
    check_same_shape(target, output, "categorical_crossentropy", _NAMES)
    check_axis(output, axis, "categorical_crossentropy")
    logs = nn.log_softmax(output, axis) if from_logits else jnp.log(class_probabilities(output, axis))
    return -jnp.sum(target.astype(output.dtype) * logs, axis)


@operation("nn")
def sparse_categorical_crossentropy(
    target: Tensor, output: Tensor, from_logits: bool = False, axis: int = -1
) -> jax.Array:
    """Cross-entropy of class numbers: -log(p[target]).

    Args:
        target: Class numbers, (...) or with a last axis of size 1.
        output: Probabilities p (..., classes, ...); divided by their sum, then kept inside [1e-7, 1 - 1e-7].
        from_logits: Whether output is logits, p = softmax(output). Default False.
        axis: Axis of the classes. Default -1.

    Returns: array, the shape of output without `axis`.
    Raises:
        ValueError: the shapes do not go together, or there is no such axis.

    Differs from Keras: a label that is no class gives NaN (Keras on JAX: 0); `axis` works.

    Example:
        >>> print(sparse_categorical_crossentropy([1], [[0.05, 0.95, 0.0]]).round(4))
        [0.0513]
    """
    labels, output = as_array(target), as_float(output)
    check_axis(output, axis, "sparse_categorical_crossentropy")
    if labels.ndim == output.ndim and labels.shape[-1] == 1:
        labels = labels[..., 0]
    expected = tuple(size for i, size in enumerate(output.shape) if i != axis % output.ndim)
    if labels.shape != expected:
        raise ValueError(
            f"sparse_categorical_crossentropy: target: expected class numbers of shape {expected} for an output of "
            f"shape {output.shape}, received shape {labels.shape}."
        )
    if from_logits:
        shifted = output - lax.stop_gradient(jnp.max(output, axis, keepdims=True))
        return jnp.log(jnp.sum(jnp.exp(shifted), axis)) - pick(shifted, labels, axis)
    p = pick(output, labels, axis) / jnp.sum(output, axis)
    return -jnp.log(jnp.clip(p, EPSILON, 1 - EPSILON))


def class_probabilities(scores: jax.Array, axis: int) -> jax.Array:
    """Return scores divided by their sum, inside [1e-7, 1 - 1e-7]."""
    return jnp.clip(scores / jnp.sum(scores, axis, keepdims=True), EPSILON, 1 - EPSILON)


def pick(scores: jax.Array, labels: jax.Array, axis: int = -1) -> jax.Array:
    """Return each label's own score, shape without `axis`; NaN for a label that is no class (-1, 1.5, NaN, `classes`).

    A comparison and a sum instead of a gather: inside a compiled training loop it is as fast for 10 classes and its
    gradient needs no scatter, which is slow or not reproducible on accelerators.
    """
    classes = scores.shape[axis]
    whole = labels.astype(jnp.int32)
    numbers = jnp.arange(classes).reshape((classes,) + (1,) * (scores.ndim - 1 - axis % scores.ndim))
    picked = jnp.sum(jnp.where(jnp.expand_dims(whole, axis) == numbers, scores, 0), axis)
    return jnp.where((labels == whole) & (whole >= 0) & (whole < classes), picked, jnp.nan)
