"""Colours: red, green, blue as grey, and as hue, saturation, value and back.

Shapes are given for channels_last; with channels_first the channel axis stands before height and width.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import at_least_float32
from lamina.ops.image._images import as_images, channel_axis


@operation("image", "RGBToGrayscale")
def rgb_to_grayscale(images: Tensor, data_format: str | None = None) -> jax.Array:
    """Brightness of each pixel: 0.2989 red + 0.587 green + 0.114 blue.

    Args:
        images: Batch (batch, height, width, 3) or one image (height, width, 3); with one channel it is grey already.
        data_format: "channels_last" (None) or "channels_first".

    Returns: images (..., height, width, 1) of the same dtype; whole numbers are rounded down.
    Raises:
        ValueError: other ranks or numbers of channels.
    Source: ITU-R Recommendation BT.601.

    Example:
        >>> print(rgb_to_grayscale([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])[0, :, 0])
        [0.2989 0.587 ]
    """
    images, data_format = as_images(images, data_format, "rgb_to_grayscale")
    if images.shape[channel_axis(data_format)] == 1:
        return images
    _check_channels(images, data_format, "rgb_to_grayscale", "3 (red, green, blue) or 1 (grey)")
    return _rgb_to_grayscale(images, data_format)


@operation("image", "RGBToHSV")
def rgb_to_hsv(images: Tensor, data_format: str | None = None) -> jax.Array:
    """Hue, saturation and value of colours.

    Value is the largest of red, green, blue; saturation is (largest - smallest) / largest; hue goes round from red (0)
    over green (1/3) and blue (2/3) back to red (1).

    Args:
        images: Batch (batch, height, width, 3) or one image (height, width, 3), float, from 0 to 1.
        data_format: "channels_last" (None) or "channels_first".

    Returns: images of the same shape and dtype, from 0 to 1.
    Raises:
        ValueError: other ranks, numbers of channels or dtypes.
    Source: Smith 1978, Color gamut transform pairs.

    Example:
        >>> print(rgb_to_hsv([[[0.5, 0.25, 0.25], [0.0, 1.0, 1.0]]])[0])
        [[0.  0.5 0.5]
         [0.5 1.  1. ]]
    """
    images, data_format = as_images(images, data_format, "rgb_to_hsv")
    _check_channels(images, data_format, "rgb_to_hsv", "3 (red, green, blue)")
    _check_float(images, "rgb_to_hsv")
    return _rgb_to_hsv(images, data_format)


@operation("image", "HSVToRGB")
def hsv_to_rgb(images: Tensor, data_format: str | None = None) -> jax.Array:
    """Red, green and blue of colours given as hue, saturation, value: the inverse of `rgb_to_hsv`.

    Args:
        images: Batch (batch, height, width, 3) or one image (height, width, 3), float; saturation and value from 0 to
            1, hue any number: 0 and 1 are the same.
        data_format: "channels_last" (None) or "channels_first".

    Returns: images of the same shape and dtype, from 0 to 1.
    Raises:
        ValueError: other ranks, numbers of channels or dtypes.
    Source: Smith 1978, Color gamut transform pairs.

    Example:
        >>> print(hsv_to_rgb([[[0.0, 0.5, 0.5], [0.5, 1.0, 1.0]]])[0])
        [[0.5  0.25 0.25]
         [0.   1.   1.  ]]
    """
    images, data_format = as_images(images, data_format, "hsv_to_rgb")
    _check_channels(images, data_format, "hsv_to_rgb", "3 (hue, saturation, value)")
    _check_float(images, "hsv_to_rgb")
    return _hsv_to_rgb(images, data_format)


@functools.partial(jax.jit, static_argnames="data_format", inline=True)
def _rgb_to_grayscale(images: jax.Array, data_format: str) -> jax.Array:
    red, green, blue = _channels(images, data_format)
    grey = 0.2989 * red + 0.5870 * green + 0.1140 * blue
    return jnp.expand_dims(grey, channel_axis(data_format)).astype(images.dtype)


@functools.partial(jax.jit, static_argnames="data_format", inline=True)
def _rgb_to_hsv(images: jax.Array, data_format: str) -> jax.Array:
    channels = _channels(images, data_format)
    red, green, blue = (jnp.where(jnp.abs(c) < jnp.finfo(c.dtype).eps, 0, c) for c in channels)
    value = jnp.maximum(jnp.maximum(red, green), blue)
    spread = value - jnp.minimum(jnp.minimum(red, green), blue)
    # Divisors of 1 where nothing is divided: neither values nor gradients are NaN there.
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1), 0)
    sixth = 1 / (6 * jnp.where(spread > 0, spread, 1))
    hue = jnp.where(value == green, sixth * (blue - red) + 2 / 6, sixth * (red - green) + 4 / 6)
    hue = jnp.where(value == red, sixth * (green - blue), hue)
    hue = jnp.where(spread > 0, hue, 0) + (hue < 0)
    return jnp.stack([hue, saturation, value], channel_axis(data_format)).astype(images.dtype)


@functools.partial(jax.jit, static_argnames="data_format", inline=True)
def _hsv_to_rgb(images: jax.Array, data_format: str) -> jax.Array:
    hue, saturation, value = _channels(images, data_format)
    angle = (hue % 1) * 6
    shares = (
        jnp.abs(angle - 3) - 1,
        2 - jnp.abs(angle - 2),
        2 - jnp.abs(angle - 4),
    )  # of red, green, blue; 0 to 1 is kept
    colours = [value * (1 - saturation + saturation * jnp.clip(share, 0, 1)) for share in shares]
    return jnp.stack(colours, channel_axis(data_format)).astype(images.dtype)


def _channels(images: jax.Array, data_format: str) -> tuple[jax.Array, ...]:
    """The three channels, each without the channel axis."""
    axis = channel_axis(data_format)
    images = at_least_float32(images)
    return tuple(jax.lax.index_in_dim(images, i, axis % images.ndim, keepdims=False) for i in range(3))


def _check_channels(images: jax.Array, data_format: str, where: str, expected: str) -> None:
    axis = channel_axis(data_format)
    if images.shape[axis] != 3:
        raise ValueError(
            f"{where}: images: expected {expected} channels on axis {axis} ({data_format}), received shape "
            f"{images.shape}."
        )


def _check_float(images: jax.Array, where: str) -> None:
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(
            f"{where}: images: expected floats from 0 to 1, received {images.dtype}. Divide bytes by 255 first."
        )
