"""Images read at other places: affine and perspective maps, any coordinates, elastic distortion.

Shapes are given for channels_last; with channels_first the channel axis stands before height and width.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.errors import check_choice
from lamina.core.random import SeedGenerator, next_seed, normal
from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array, at_least_float32, check_more_than_zero
from lamina.ops.image._images import as_images, space
from lamina.ops.image._interpolation import ORDERS, check_fill_mode, interpolate, sample
from lamina.ops.image.filters import blur

_STATIC = ("order", "fill_mode", "data_format")
_noise = jax.jit(normal, static_argnames="shape", inline=True)


@operation("image")
def affine_transform(
    images: Tensor,
    transform: Tensor,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> jax.Array:
    """Rotated, scaled, sheared, shifted images: pixel (x, y) of the result is read at (x', y') of the image.

        x' = (a0 x + a1 y + a2) / k,   y' = (b0 x + b1 y + b2) / k,   k = c0 x + c1 y + 1

    Args:
        images: Batch (batch, height, width, channels) or one image (height, width, channels); whole numbers too.
        transform: Coefficients (a0, a1, a2, b0, b1, b2, c0, c1), shape (8,), or (batch, 8) with some for each image.
            x counts columns and y rows, in pixels.
        interpolation: "bilinear" or "nearest".
        fill_mode: What is beyond the edges of a b c d: "constant" (k k | a b c d | k k), "nearest" (a a | a b c d |
            d d), "reflect" (b a | a b c d | d c), "mirror" (c b | a b c d | c b) or "wrap" (c d | a b c d | a b).
        fill_value: The k of "constant".
        data_format: "channels_last" (None) or "channels_first".

    Returns: images of the same shape and dtype.
    Raises:
        ValueError: other ranks, coefficients for another number of images, unknown settings.

    Differs from Keras: c0 and c1 act as on its TensorFlow backend; on the others they are ignored or misread.

    Example:
        >>> image = jnp.array([[1.0, 2.0, 3.0]])[..., None]
        >>> print(affine_transform(image, [1.0, 0, 0.5, 0, 1, 0, 0, 0])[0, :, 0])
        [1.5 2.5 1.5]
    """
    where = "affine_transform"
    images, data_format = as_images(images, data_format, where)
    check_choice("interpolation", interpolation, ORDERS, f"{where}: ")
    check_fill_mode(fill_mode, where)
    transform = at_least_float32(transform)
    _check_for_each_image(transform, (8,), images, where, "transform")
    return _project(images, transform, fill_value, ORDERS[interpolation], fill_mode, data_format)


@operation("image")
def perspective_transform(
    images: Tensor,
    start_points: Tensor,
    end_points: Tensor,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> jax.Array:
    """Images seen from another side: what lies at four start points comes to lie at four end points.

    Args:
        images: Batch (batch, height, width, channels) or one image (height, width, channels); whole numbers too.
        start_points, end_points: Four points (x, y) in pixels, no three of them on a line, shape (4, 2), or
            (batch, 4, 2) with some for each image.
        interpolation: "bilinear" or "nearest".
        fill_value: Value beyond the edges.
        data_format: "channels_last" (None) or "channels_first".

    Returns: images of the same shape and dtype.
    Raises:
        ValueError: other ranks, points for another number of images, unknown settings.

    Example:
        >>> image = jnp.arange(9.0).reshape(3, 3, 1)
        >>> corners, turned = [[0, 0], [2, 0], [2, 2], [0, 2]], [[2, 0], [2, 2], [0, 2], [0, 0]]
        >>> print(perspective_transform(image, corners, turned)[..., 0])
        [[6. 3. 0.]
         [7. 4. 1.]
         [8. 5. 2.]]
    """
    where = "perspective_transform"
    images, data_format = as_images(images, data_format, where)
    check_choice("interpolation", interpolation, ORDERS, f"{where}: ")
    start, end = at_least_float32(start_points), at_least_float32(end_points)
    _check_for_each_image(start, (4, 2), images, where, "start_points")
    if start.shape != end.shape:
        raise ValueError(
            f"{where}: end_points: expected the shape of start_points, {start.shape}, received {end.shape}."
        )
    return _project(images, homography(start, end), fill_value, ORDERS[interpolation], "constant", data_format)


@operation("image")
def map_coordinates(
    inputs: Tensor, coordinates: Tensor, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> jax.Array:
    """Values of an array at any coordinates, interpolated.

    Args:
        inputs: Array, any shape of at least one axis.
        coordinates: Array (axes of the inputs, *shape): for each axis where to read, counted in elements.
        order: 0 (the nearest element; halves away from zero) or 1 (linear along each axis).
        fill_mode: As in `affine_transform`. SciPy calls these "grid-constant", "nearest", "reflect", "mirror" and
            "grid-wrap".
        fill_value: Value beyond the edges, for fill_mode "constant".

    Returns: array (*shape,) of the inputs' dtype; whole numbers are rounded, halves away from zero.
    Raises:
        ValueError: coordinates for another number of axes, unknown settings.

    Example:
        >>> print(map_coordinates([1.0, 2.0, 4.0], [[0.5, 1.5, 2.5]], order=1))
        [1.5 3.  2. ]
    """
    where = "map_coordinates"
    inputs, coordinates = as_array(inputs), at_least_float32(coordinates)
    if coordinates.ndim < 2 or coordinates.shape[0] != inputs.ndim:
        raise ValueError(
            f"{where}: coordinates: expected shape ({inputs.ndim}, ...), a row for each axis of the inputs of shape "
            f"{inputs.shape} and at least one more axis, received {coordinates.shape}."
        )
    check_choice("order", order, ORDERS.values(), f"{where}: ")
    check_fill_mode(fill_mode, where)
    return _interpolate(inputs, coordinates, fill_value, order, fill_mode)


@operation("image")
def elastic_transform(
    images: Tensor,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: int | SeedGenerator | jax.Array | None = None,
    data_format: str | None = None,
) -> jax.Array:
    """Images distorted by a smooth random field: pixel p is read at p + alpha * blur(sigma * noise, sigma)[p].

    Args:
        images: Batch (batch, height, width, channels) or one image (height, width, channels); whole numbers too.
        alpha: Strength of the distortion.
        sigma: Standard deviation of the blur that smooths the noise, in pixels, > 0.
        interpolation, fill_mode, fill_value: As in `affine_transform`.
        seed: Whole number (the same distortion each time), `SeedGenerator`, JAX key, or None (another one each time).
        data_format: "channels_last" (None) or "channels_first".

    Returns: images of the same shape and dtype.
    Raises:
        ValueError: other ranks, sigma that is not above 0, unknown settings.
    Source: Simard, Steinkraus, Platt 2003, Best Practices for Convolutional Neural Networks.

    Differs from Keras: on JAX it moves pixels by the same noise down and across, so along a diagonal only.

    Example:
        >>> elastic_transform(jnp.ones((8, 8, 3)), seed=1).shape
        (8, 8, 3)
    """
    where = "elastic_transform"
    images, data_format = as_images(images, data_format, where)
    check_choice("interpolation", interpolation, ORDERS, f"{where}: ")
    check_fill_mode(fill_mode, where)
    check_more_than_zero("sigma", sigma, where, "It is a width in pixels.")
    height, width = (images.shape[axis] for axis in space(data_format))
    noise = _noise(_key(seed), (2, images.shape[0] if images.ndim == 4 else 1, height, width))
    taps = int(6 * sigma) | 1
    return distort(images, noise, alpha, sigma, fill_value, taps, ORDERS[interpolation], fill_mode, data_format)


@functools.partial(jax.jit, static_argnames=("taps", *_STATIC), inline=True)
def distort(
    images: jax.Array,
    noise: jax.Array,
    alpha: jax.Array | float,
    sigma: jax.Array | float,
    fill_value: jax.Array | float,
    taps: int,
    order: int,
    fill_mode: str,
    data_format: str,
) -> jax.Array:
    """Return images with pixel p read at p + alpha * blur(sigma * noise, sigma)[p].

    Args:
        images: One image or a batch.
        noise: Movement down and across, (2, batch, height, width).
        alpha, sigma, fill_value, order, fill_mode, data_format: As in `elastic_transform`, order 1 being bilinear.
        taps: Number of elements of the blur along each axis: int(6 * sigma) | 1.
    """
    rows, columns = (jnp.arange(size, dtype=noise.dtype) for size in noise.shape[2:])
    down, across = alpha * blur(noise * sigma, (taps, taps), (sigma, sigma), (2, 3))
    batch = images if images.ndim == 4 else images[None]
    moved = sample(batch, rows[:, None] + down, columns + across, fill_value, order, fill_mode, data_format)
    return moved.reshape(images.shape)


@functools.partial(jax.jit, static_argnames=_STATIC, inline=True)
def _project(
    images: jax.Array,
    transform: jax.Array,
    fill_value: jax.Array | float,
    order: int,
    fill_mode: str,
    data_format: str,
) -> jax.Array:
    batch = images if images.ndim == 4 else images[None]
    height, width = (images.shape[axis] for axis in space(data_format))
    x = jnp.arange(width, dtype=transform.dtype)
    y = jnp.arange(height, dtype=transform.dtype)[:, None]
    coefficients = jnp.broadcast_to(transform, (batch.shape[0], 8))
    a0, a1, a2, b0, b1, b2, c0, c1 = coefficients.T[..., None, None]
    k = c0 * x + c1 * y + 1
    rows, columns = (b0 * x + b1 * y + b2) / k, (a0 * x + a1 * y + a2) / k
    return sample(batch, rows, columns, fill_value, order, fill_mode, data_format).reshape(images.shape)


@functools.partial(jax.jit, static_argnames=_STATIC[:2], inline=True)
def _interpolate(
    inputs: jax.Array, coordinates: jax.Array, fill_value: jax.Array | float, order: int, fill_mode: str
) -> jax.Array:
    return interpolate(inputs, tuple(coordinates), fill_value, order, fill_mode)


@functools.partial(jax.jit, inline=True)
def homography(start: jax.Array, end: jax.Array) -> jax.Array:
    """Coefficients (..., 8), in the order of `affine_transform`, of the map that takes end points to start points.

    In homogeneous coordinates it is sum_i w_i s_i l_i^T: l_i is the line through two of the end points 0, 1, 2, so that
    point i of them goes to s_i, and the weights w_i make the fourth point fit.
    """
    s, e = (jnp.concatenate([points, jnp.ones_like(points[..., :1])], -1) for points in (start, end))
    others = np.array([[1, 2], [2, 0], [0, 1]]).T

    def lines_and_shares(points: jax.Array) -> tuple[jax.Array, jax.Array]:
        lines = jnp.cross(points[..., others[0], :], points[..., others[1], :])
        return lines, jnp.einsum("...ij,...j->...i", lines, points[..., 3, :], precision="highest")

    lines, shares = lines_and_shares(e)
    weights = lines_and_shares(s)[1] / shares
    matrix = jnp.einsum("...i,...ij,...ik->...jk", weights, s[..., :3, :], lines, precision="highest")
    matrix = matrix / matrix[..., 2:, 2:]
    return matrix.reshape(*matrix.shape[:-2], 9)[..., :8]


def _check_for_each_image(x: jax.Array, shape: tuple[int, ...], images: jax.Array, where: str, argument: str) -> None:
    """Raise unless x has this shape, or is a batch of such, one for each image."""
    batch = images.shape[0] if images.ndim == 4 else 1
    if x.shape != shape and x.shape != (batch, *shape):
        raise ValueError(
            f"{where}: {argument}: expected shape {shape}, or {(batch, *shape)} for images of shape {images.shape}, "
            f"received {x.shape}."
        )


def _key(seed: Any) -> jax.Array:
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, jax.Array):
        return seed
    return jax.random.key((next_seed() if seed is None else SeedGenerator(seed).seed) % 2**32)
