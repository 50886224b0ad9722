"""Means and variances, and what is divided by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core.errors import check_positive_int
from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import EPSILON, as_array, as_float, at_least_float32, check_axis

Axes = int | Sequence[int]


@operation("nn")
def moments(x: Tensor, axes: Axes, keepdims: bool = False, synchronized: bool = False) -> tuple[jax.Array, jax.Array]:
    """Mean and variance, mean((x - mean)**2), over some axes.

    Args:
        x: Array, any shape. Half precision is summed in float32.
        axes: Axes to average over.
        keepdims: Whether these stay, with size 1. Default False.
        synchronized: No effect: where a batch is spread over devices, JAX averages over all of it anyway.

    Returns: two arrays of the dtype of x, inside float16's range where that is a half precision.

    Differs from Keras: `synchronized=True` is no error.

    Example:
        >>> print(*moments([1.0, 3.0], axes=[0]))
        2.0 1.0
    """
    x = as_float(x)
    check_axis(x, axes, "moments")
    wide, over = at_least_float32(x), axes if isinstance(axes, int) else tuple(axes)
    mean = jnp.mean(wide, over, keepdims=True)
    variance = jnp.mean(jnp.square(wide - mean), over, keepdims=keepdims)
    mean = mean if keepdims else jnp.squeeze(mean, over)
    if wide.dtype == x.dtype:
        return mean, variance
    limits = jnp.finfo("float16")
    return tuple(jnp.clip(one, limits.min, limits.max).astype(x.dtype) for one in (mean, variance))  # type: ignore[return-value]


@operation("nn", "BatchNorm")
def batch_normalization(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    axis: int,
    offset: Tensor | None = None,
    scale: Tensor | None = None,
    epsilon: float = 1e-3,
) -> jax.Array:
    """Normalise with given statistics: scale * (x - mean) / sqrt(variance + epsilon) + offset.

    Args:
        x: Array (..., channels, ...).
        mean, variance: Statistics (channels,).
        axis: Axis of the channels.
        offset, scale: Vectors (channels,); None is 0 and 1.
        epsilon: Added to the variance. Default 0.001.

    Raises:
        ValueError: an axis that x does not have, a vector of another length.
    Source: Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167

    Example:
        >>> print(batch_normalization([[1.0], [3.0]], [2.0], [1.0], axis=-1, epsilon=0.0)[:, 0])
        [-1.  1.]
    """
    x = as_float(x)
    check_axis(x, axis, "batch_normalization")
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]

    def along_axis(name: str, vector: Any) -> jax.Array:
        vector = as_array(vector)
        if vector.shape != (x.shape[axis],):
            raise ValueError(
                f"batch_normalization: {name}: expected a vector of length {x.shape[axis]}, the size of axis {axis} of "
                f"x, received shape {vector.shape}."
            )
        return vector.reshape(shape)

    factor = lax.rsqrt(as_float(along_axis("variance", variance)) + epsilon)
    if scale is not None:
        factor = factor * along_axis("scale", scale)
    constant = -along_axis("mean", mean) * factor
    if offset is not None:
        constant = constant + along_axis("offset", offset)
    return x * factor + constant


@operation("nn", "LayerNorm")
def layer_normalization(
    x: Tensor, gamma: Tensor | None = None, beta: Tensor | None = None, axis: Axes = -1, epsilon: float | None = None
) -> jax.Array:
    """Normalise each sample by its own statistics: gamma * (x - mean) / sqrt(variance + epsilon) + beta.

    Args:
        x: Array, any shape. Half precision is computed in float32.
        gamma, beta: Arrays with the shape of the normalised axes, or of all; None is 1 and 0.
        axis: Axes that mean and variance are taken over. Default -1.
        epsilon: Added to the variance; None is 1e-7.

    Returns: array of the dtype of x.
    Raises:
        ValueError: an axis that x does not have.
    Source: Ba et al. 2016, https://arxiv.org/abs/1607.06450

    Differs from Keras: no `rms_scaling`, which Keras deprecates; see `rms_normalization`.

    Example:
        >>> print(layer_normalization([1.0, 3.0], beta=[10.0, 10.0]))
        [ 9. 11.]
    """
    x = as_float(x)
    check_axis(x, axis, "layer_normalization")
    axes = sorted(one % x.ndim for one in ([axis] if isinstance(axis, int) else axis))
    wide = at_least_float32(x)
    shape = [size if i in axes else 1 for i, size in enumerate(x.shape)]

    def broadcast(vector: Any) -> jax.Array:
        vector = as_array(vector, wide.dtype)
        return vector if vector.ndim == x.ndim else vector.reshape(shape)

    mean, variance = moments(wide, axes, keepdims=True)
    factor = lax.rsqrt(variance + (EPSILON if epsilon is None else epsilon))
    if gamma is not None:
        factor = factor * broadcast(gamma)
    result = (wide - mean) * factor
    return (result if beta is None else result + broadcast(beta)).astype(x.dtype)


@operation("nn", "RMSNorm")
def rms_normalization(
    x: Tensor, scale: Tensor | None = None, axis: Axes = -1, epsilon: float | None = None
) -> jax.Array:
    """Divide by the root of the mean square: scale * x / sqrt(mean(x**2) + epsilon).

    Args:
        x: Array, any shape; a number counts as a vector of length 1. Half precision is computed in float32.
        scale: Array that multiplies the result; None is 1.
        axis: Axes that the mean is taken over. Default -1.
        epsilon: Added to the mean square; None is 1e-7.

    Returns: array of the dtype of x.
    Raises:
        ValueError: an axis that x does not have.
    Source: Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467

    Example:
        >>> print(rms_normalization([3.0, 3.0]).round(4))
        [1. 1.]
    """
    x = jnp.atleast_1d(as_float(x))
    check_axis(x, axis, "rms_normalization")
    wide = at_least_float32(x)
    square = jnp.mean(jnp.square(wide), axis if isinstance(axis, int) else tuple(axis), keepdims=True)
    result = wide * lax.rsqrt(square + (EPSILON if epsilon is None else epsilon))
    return (result if scale is None else result * as_array(scale, wide.dtype)).astype(x.dtype)


@operation("nn")
def normalize(x: Tensor, axis: Axes | None = -1, order: int = 2, epsilon: float | None = None) -> jax.Array:
    """Divide by the norm: x / max(sum(|x|**order)**(1 / order), epsilon); zeros stay zeros.

    Args:
        x: Array, any shape; a number counts as a vector of length 1.
        axis: Axes that the sum is taken over; None is all. Default -1.
        order: Order of the norm, a whole number >= 1. Default 2.
        epsilon: Smallest divisor; None is 1e-7.

    Raises:
        ValueError: order < 1, an axis that x does not have.

    Differs from Keras: over two axes too, the norm is that of the elements (Keras: a matrix norm unless order is 2);
    the gradient of zeros is finite.

    Example:
        >>> print(normalize([3.0, 4.0]), normalize([3.0, 1.0], order=1))
        [0.6 0.8] [0.75 0.25]
    """
    check_positive_int("order", order, "normalize: ")
    x = jnp.atleast_1d(as_float(x))
    check_axis(x, range(x.ndim) if axis is None else axis, "normalize")
    wide, over = at_least_float32(x), axis if axis is None or isinstance(axis, int) else tuple(axis)
    # Divided by the largest element, so that powers neither overflow nor vanish; zeros get a root with a finite slope.
    largest = lax.stop_gradient(jnp.max(jnp.abs(wide), over, keepdims=True))
    largest = jnp.where(largest == 0, 1, largest)
    powers = jnp.sum(jnp.abs(wide / largest) ** order, over, keepdims=True)
    norm = largest * jnp.where(powers == 0, 1, powers) ** (1 / order)
    return (wide / jnp.maximum(norm, EPSILON if epsilon is None else epsilon)).astype(x.dtype)
