"""Images with borders cut off or added.

Shapes are given for channels_last; with channels_first the channel axis stands before height and width.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core.errors import check_positive_int
from lamina.core.symbolic import Tensor, operation
from lamina.ops.image._images import as_images, space


@operation("image")
def crop_images(
    images: Tensor,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> jax.Array:
    """Images without some rows and columns at their edges.

    Give two of top, bottom and target height, and two of left, right and target width; the third follows.

    Args:
        images: Batch (batch, height, width, channels) or one image (height, width, channels).
        top_cropping, bottom_cropping: Numbers of rows to cut off, whole numbers >= 0.
        left_cropping, right_cropping: Numbers of columns to cut off, whole numbers >= 0.
        target_height, target_width: Size of what is left.
        data_format: "channels_last" (None) or "channels_first".

    Returns: images (..., target height, target width, channels) of the same dtype.
    Raises:
        ValueError: other ranks, other than two numbers for an axis, negative ones, more than the images have.

    Example:
        >>> print(crop_images(jnp.arange(12).reshape(3, 4, 1), 1, 0, target_height=2, target_width=2)[..., 0])
        [[4 5]
         [8 9]]
    """
    where = "crop_images"
    images, data_format = as_images(images, data_format, where)
    rows = _complete(where, "cropping", "height", top_cropping, bottom_cropping, target_height)
    columns = _complete(where, "cropping", "width", left_cropping, right_cropping, target_width)
    for axis, (before, after, target) in zip(space(data_format), (rows, columns), strict=True):
        size, axis = images.shape[axis], axis % images.ndim
        before = size - after - target if before is None else before
        target = size - before - after if target is None else target
        if min(before, target, size - before - target) < 0:
            raise ValueError(
                f"{where}: cannot cut {before} off before and {size - before - target} off behind axis {axis} of "
                f"images of shape {images.shape}, so that {target} are left."
            )
        images = lax.slice_in_dim(images, before, before + target, axis=axis)
    return images


@operation("image")
def pad_images(
    images: Tensor,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> jax.Array:
    """Images with rows and columns of zeros at their edges.

    Give two of top, bottom and target height, and two of left, right and target width; the third follows.

    Args:
        images: Batch (batch, height, width, channels) or one image (height, width, channels).
        top_padding, bottom_padding: Numbers of rows to add, whole numbers >= 0.
        left_padding, right_padding: Numbers of columns to add, whole numbers >= 0.
        target_height, target_width: Size of the result.
        data_format: "channels_last" (None) or "channels_first".

    Returns: images (..., target height, target width, channels) of the same dtype.
    Raises:
        ValueError: other ranks, other than two numbers for an axis, negative ones, a target below the images' size.

    Example:
        >>> print(pad_images(jnp.ones((1, 2, 1)), 0, 1, target_height=2, target_width=4)[..., 0])
        [[0. 1. 1. 0.]
         [0. 0. 0. 0.]]
    """
    where = "pad_images"
    images, data_format = as_images(images, data_format, where)
    rows = _complete(where, "padding", "height", top_padding, bottom_padding, target_height)
    columns = _complete(where, "padding", "width", left_padding, right_padding, target_width)
    margins = [(0, 0, 0)] * images.ndim
    for axis, (before, after, target) in zip(space(data_format), (rows, columns), strict=True):
        size = images.shape[axis]
        before = target - size - after if before is None else before
        after = target - size - before if after is None else after
        if min(before, after) < 0:
            raise ValueError(
                f"{where}: cannot add {before} before and {after} behind axis {axis % images.ndim} of images of shape "
                f"{images.shape}, so that there are {target}."
            )
        margins[axis] = (before, after, 0)
    return lax.pad(images, jnp.zeros((), images.dtype), margins)


def _complete(
    where: str, what: str, axis: str, before: int | None, after: int | None, target: int | None
) -> tuple[int | None, int | None, int | None]:
    """Raise unless two of three numbers are given, and none is negative."""
    sides = ("top", "bottom") if axis == "height" else ("left", "right")
    names = (f"{sides[0]}_{what}", f"{sides[1]}_{what}", f"target_{axis}")
    given = {name: value for name, value in zip(names, (before, after, target), strict=True) if value is not None}
    if len(given) != 2:
        raise ValueError(f"{where}: expected exactly two of {', '.join(names)}, received {given or 'none of them'}.")
    for name, value in given.items():
        check_positive_int(name, value, f"{where}: ", 0)
    return before, after, target
