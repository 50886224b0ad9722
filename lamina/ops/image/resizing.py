"""Images at other sizes.

Resizing is one linear map along each axis; its weights depend on sizes alone, so they are constants of the program.
Shapes are given for channels_last; with channels_first the channel axis stands before height and width.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core.errors import check_choice
from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array, as_float, at_least_float32
from lamina.ops.image._images import as_images, space, to_dtype
from lamina.ops.image._resampling import KERNELS, resample
from lamina.ops.nn._windows import per_axis

INTERPOLATIONS = ("nearest", *KERNELS)
_METHODS = ("linear", "bilinear", "trilinear", "triangle", "cubic", "bicubic", "tricubic", "lanczos3", "lanczos5")


@operation("image")
def resize(
    images: Tensor,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> jax.Array:
    """Images at another size: pixels are squares, and the new grid covers the same area as the old one.

    Args:
        images: Batch (batch, height, width, channels) or one image (height, width, channels); whole numbers too.
        size: New height and width, whole numbers >= 1.
        interpolation: "nearest", "bilinear", "bicubic" (Keys), "lanczos3" or "lanczos5".
        antialias: Whether pixels are averaged where an axis gets shorter. Default False: detail is skipped.
        crop_to_aspect_ratio: Cut off what has another shape than the new size, on both sides, and keep proportions.
        pad_to_aspect_ratio: Fill up to the shape of the new size, on both sides, and keep proportions.
        fill_mode: How to fill up: "constant".
        fill_value: What to fill up with.
        data_format: "channels_last" (None) or "channels_first".

    Returns: images (..., new height, new width, channels) of the same dtype; whole numbers are rounded.
    Raises:
        ValueError: other ranks, sizes below 1, cropping and padding at once, unknown settings.
    Source: Keys 1981, Cubic convolution interpolation for digital image processing.

    Differs from Keras: half precision is computed in float32.

    Example:
        >>> print(resize(jnp.array([[[0.0], [1.0]]]), (1, 4))[0, :, 0])
        [0.   0.25 0.75 1.  ]
    """
    where = "resize"
    images, data_format = as_images(images, data_format, where)
    if not isinstance(size, (tuple, list)):
        raise ValueError(f"{where}: size: expected two numbers, (height, width), received {size!r}.")
    size = per_axis(size, 2, "size", where)
    check_choice("interpolation", interpolation, INTERPOLATIONS, f"{where}: ")
    check_choice("fill_mode", fill_mode, ("constant",), f"{where}: ")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            f"{where}: crop_to_aspect_ratio and pad_to_aspect_ratio: expected at most one of them to be True, received "
            "True for both."
        )
    fit = "crop" if crop_to_aspect_ratio else "pad" if pad_to_aspect_ratio else "stretch"
    return _resize(images, fill_value, size, interpolation, bool(antialias), fit, data_format)


@operation("image")
def scale_and_translate(
    images: Tensor,
    output_shape: Sequence[int],
    scale: Tensor,
    translation: Tensor,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> jax.Array:
    """Images scaled and shifted: what was at place p comes to lie at p * scale + translation; zeros elsewhere.

    Args:
        images: Array, any shape; whole numbers become floats.
        output_shape: New size of each axis.
        scale, translation: One number for each of `spatial_dims`. Places count from the edge of the first pixel: its
            centre is at 0.5.
        spatial_dims: Numbers of the axes that are scaled.
        method: "linear" (also "bilinear", "trilinear", "triangle"), "cubic" ("bicubic", "tricubic"), "lanczos3" or
            "lanczos5".
        antialias: Whether pixels are averaged where an axis gets shorter.

    Returns: array (*output_shape,), float.
    Raises:
        ValueError: another number of sizes, scales or translations than axes, unknown method.

    Example:
        >>> print(scale_and_translate(jnp.arange(3.0), (3,), [1.0], [1.0], (0,), "linear"))
        [0. 0. 1.]
    """
    where = "scale_and_translate"
    images, scale, translation = as_float(images), as_array(scale), as_array(translation)
    check_choice("method", method, _METHODS, f"{where}: ")
    if len(output_shape) != images.ndim:
        raise ValueError(
            f"{where}: output_shape: expected {images.ndim} sizes for images of shape {images.shape}, received "
            f"{tuple(output_shape)}."
        )
    for argument, value in (("scale", scale), ("translation", translation)):
        if value.shape != (len(spatial_dims),):
            raise ValueError(
                f"{where}: {argument}: expected a number for each of spatial_dims, {tuple(spatial_dims)}, received "
                f"shape {value.shape}."
            )
    return _scale_and_translate(
        images, tuple(output_shape), scale, translation, tuple(spatial_dims), method, bool(antialias)
    )


@functools.partial(jax.jit, static_argnames=("size", "interpolation", "antialias", "fit", "data_format"), inline=True)
def _resize(
    images: jax.Array,
    fill_value: jax.Array | float,
    size: tuple[int, int],
    interpolation: str,
    antialias: bool,
    fit: str,
    data_format: str,
) -> jax.Array:
    x = images if interpolation == "nearest" else at_least_float32(images)
    axes = [axis % x.ndim for axis in space(data_format)]
    x = {"crop": _crop, "pad": _pad, "stretch": lambda x, *_: x}[fit](x, axes, size, fill_value)
    # First along the axis that shrinks more, so that there is less to do for the other one.
    for axis, count in sorted(zip(axes, size, strict=True), key=lambda pair: (pair[1] / x.shape[pair[0]], -pair[0])):
        if x.shape[axis] != count:
            x = resample(x, axis, x.shape[axis], count, interpolation, antialias)
    return to_dtype(x, images.dtype)


def _crop(x: jax.Array, axes: Sequence[int], size: tuple[int, int], fill_value: jax.Array | float) -> jax.Array:
    """Keep the largest part in the middle that has the proportions of a size."""
    for axis, wanted in zip(axes, _in_proportion(x, axes, size), strict=True):
        count = max(min(x.shape[axis], wanted), 1)
        start = (x.shape[axis] - count) // 2
        x = lax.slice_in_dim(x, start, start + count, axis=axis)
    return x


def _pad(x: jax.Array, axes: Sequence[int], size: tuple[int, int], fill_value: jax.Array | float) -> jax.Array:
    """Add as much on both sides that the proportions become those of a size, to a pixel."""
    margins = [(0, 0, 0)] * x.ndim
    for axis, wanted in zip(axes, _in_proportion(x, axes, size), strict=True):
        margin = max(wanted - x.shape[axis], 0) // 2
        margins[axis] = (margin, margin, 0)
    return lax.pad(x, to_dtype(jnp.asarray(fill_value), x.dtype), margins)


def _in_proportion(x: jax.Array, axes: Sequence[int], size: tuple[int, int]) -> tuple[int, int]:
    """The height that fits the width, and the width that fits the height."""
    height, width = (x.shape[axis] for axis in axes)
    return width * size[0] // size[1], height * size[1] // size[0]


@functools.partial(jax.jit, static_argnums=(1, 4, 5, 6), inline=True)
def _scale_and_translate(
    images: jax.Array,
    shape: tuple[int, ...],
    scale: jax.Array,
    translation: jax.Array,
    axes: tuple[int, ...],
    method: str,
    antialias: bool,
) -> jax.Array:
    return jax.image.scale_and_translate(images, shape, axes, scale, translation, method, antialias)
