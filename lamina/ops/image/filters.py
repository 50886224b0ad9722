"""Filters: each pixel becomes a weighted sum of its neighbours; beyond the edges are zeros.

Shapes are given for channels_last; with channels_first the channel axis stands before height and width.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_float, at_least_float32
from lamina.ops.image._images import as_images, space, to_dtype
from lamina.ops.nn._windows import per_axis

# Measured on two cores, 32 x 64 x 64 x 3 floats in a compiled loop, shifted sums / matrix products: 3 x 3 elements take
# 0.5 / 1.1 ms, 7 x 7 1.0 / 1.0, 11 x 11 1.9 / 1.0, 31 x 31 8.8 / 1.0 (a depthwise convolution: 22, 43, -, -).
_MATRIX_UP_TO = 8  # an axis of at most this many lengths of the filter is multiplied by a matrix


@operation("image")
def gaussian_blur(
    images: Tensor,
    kernel_size: int | Sequence[int] = (3, 3),
    sigma: jax.Array | float | Sequence[float] = (1.0, 1.0),
    data_format: str | None = None,
) -> jax.Array:
    """Blurred images: across and down, neighbours at distance d count exp(-d**2 / (2 sigma**2)), normed to a sum of 1.

    Args:
        images: Batch (batch, height, width, channels) or one image (height, width, channels); whole numbers too.
        kernel_size: Number of pixels of the filter, across and down, whole numbers >= 1.
        sigma: Standard deviation, across and down, in pixels, > 0.
        data_format: "channels_last" (None) or "channels_first".

    Returns: images of the same shape and dtype; whole numbers are rounded.
    Raises:
        ValueError: other ranks, a kernel_size that is no whole number >= 1, a sigma that is no pair.

    Differs from Keras: on JAX, None as data_format means channels_first there, and bytes overflow.

    Example:
        >>> print(gaussian_blur(jnp.eye(3)[..., None], sigma=(1.0, 1.0))[..., 0].round(2))
        [[0.28 0.25 0.08]
         [0.25 0.35 0.25]
         [0.08 0.25 0.28]]
    """
    where = "gaussian_blur"
    images, data_format = as_images(images, data_format, where)
    across, down = per_axis(kernel_size, 2, "kernel_size", where)
    widths = at_least_float32(sigma)
    if widths.shape not in ((), (2,)):
        raise ValueError(f"{where}: sigma: expected a number or two numbers, received shape {widths.shape}.")
    return _gaussian_blur(images, jnp.broadcast_to(widths, (2,)), (down, across), data_format)


@operation("image")
def sobel_edges(images: Tensor, data_format: str | None = None) -> jax.Array:
    """Slopes of images, down and across: differences of the next and the last pixel, smoothed by (1, 2, 1) sideways.

    Args:
        images: Batch (batch, height, width, channels) or one image; whole numbers become floats.
        data_format: "channels_last" (None) or "channels_first".

    Returns: array (*shape of the images, 2): slopes down and across, float.
    Raises:
        ValueError: other ranks.
    Source: Sobel, Feldman 1968, A 3x3 isotropic gradient operator for image processing.

    Differs from Keras: it also takes one image, and slopes of whole numbers are floats, as they may be negative.

    Example:
        >>> edge = jnp.array([[0.0, 0, 1, 1]] * 3)[..., None]
        >>> print(sobel_edges(edge)[1, :, 0, 1])
        [ 0.  4.  4. -4.]
    """
    images, data_format = as_images(images, data_format, "sobel_edges")
    return _sobel_edges(as_float(images), data_format)


@functools.partial(jax.jit, static_argnames=("sizes", "data_format"), inline=True)
def _gaussian_blur(images: jax.Array, sigma: jax.Array, sizes: tuple[int, int], data_format: str) -> jax.Array:
    blurred = blur(at_least_float32(images), sizes, (sigma[1], sigma[0]), space(data_format))
    return to_dtype(blurred, images.dtype)


def blur(
    x: jax.Array, sizes: Sequence[int], sigma: Sequence[jax.Array | float], axes: Sequence[int], mode: str = "same"
) -> jax.Array:
    """Blur an array along some axes: by Gaussian filters of these sizes and standard deviations."""
    for axis, size, width in zip(axes, sizes, sigma, strict=True):
        place = jnp.arange(size, dtype=x.dtype) - (size - 1) / 2
        weights = jnp.exp(-0.5 * (place / width) ** 2)
        x = correlate(x, weights / weights.sum(), axis, mode)
    return x


def correlate(x: jax.Array, weights: jax.Array, axis: int, mode: str = "same") -> jax.Array:
    """Return y[i] = sum over j of weights[j] * x[i + j - before] along one axis.

    Args:
        x: Array, any shape, float.
        weights: Array (taps,).
        axis: Number of the axis.
        mode: "same": zeros on both sides (one more behind), or "valid": only where all elements are there.
    """
    axis, taps = axis % x.ndim, weights.shape[0]
    size = x.shape[axis]
    before = (taps - 1) // 2 if mode == "same" else 0
    count = size if mode == "same" else size - taps + 1
    if size <= _MATRIX_UP_TO * taps:
        distance = np.arange(size)[:, None] - np.arange(count) + before  # (inputs, outputs)
        matrix = jnp.where((distance >= 0) & (distance < taps), weights[np.clip(distance, 0, taps - 1)], 0)
        return jnp.moveaxis(jnp.tensordot(x, matrix, (axis, 0), precision=lax.Precision.HIGHEST), -1, axis)
    # The axis and those behind it as one: rows of memory are longer, and one place further is a step of `stride`.
    stride = math.prod(x.shape[axis + 1 :])
    rows = x.reshape(*x.shape[:axis], size * stride)
    if mode == "same":
        margins = (before * stride, (taps - 1 - before) * stride, 0)
        rows = lax.pad(rows, jnp.zeros((), x.dtype), [(0, 0, 0)] * axis + [margins])
        rows = lax.optimization_barrier(rows)  # else each of the shifted reads checks for the edge
    parts = [lax.slice_in_dim(rows, j * stride, (j + count) * stride, axis=axis) for j in range(taps)]
    total = sum(part * weights[j] for j, part in enumerate(parts))
    return jnp.reshape(total, (*x.shape[:axis], count, *x.shape[axis + 1 :]))


@functools.partial(jax.jit, static_argnames="data_format", inline=True)
def _sobel_edges(images: jax.Array, data_format: str) -> jax.Array:
    smooth, slope = jnp.array([1, 2, 1], images.dtype), jnp.array([-1, 0, 1], images.dtype)
    rows, columns = space(data_format)
    down = correlate(correlate(images, smooth, columns), slope, rows)
    across = correlate(correlate(images, smooth, rows), slope, columns)
    return jnp.stack([down, across], axis=-1)
