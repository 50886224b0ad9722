"""Patches of images and of volumes, each as one row of channels.

Shapes are given for channels_last; with channels_first the channel axis stands before the spatial axes.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array, check_rank
from lamina.ops.nn._windows import check_data_format, check_output, check_padding, per_axis


@operation("image")
def extract_patches(
    images: Tensor,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> jax.Array:
    """Patches of images or volumes; the pixels of a patch, row by row with all their channels, become channels.

    Args:
        images: Batch (batch, height, width, channels) or one image (height, width, channels); for patches of three axes
            volumes (batch, depth, height, width, channels) or (depth, height, width, channels).
        size: Size of a patch: a number (height and width), two, or three (depth, height, width).
        strides: Step from patch to patch; None is the size.
        dilation_rate: Distance between the pixels of a patch. Default 1.
        padding: "valid" (patches that lie inside) or "same" (zeros around, output size ceil(size / stride)).
        data_format: "channels_last" (None) or "channels_first".

    Returns: array (batch, rows, columns, pixels of a patch * channels), with three axes (batch, layers, rows, ...), of
        the same dtype; without the batch axis for one image.
    Raises:
        ValueError: other ranks, patches larger than the images, unknown settings.

    Example:
        >>> print(extract_patches(jnp.arange(16).reshape(4, 4, 1), 2)[0])
        [[0 1 4 5]
         [2 3 6 7]]
    """
    where = "extract_patches"
    rank = 3 if isinstance(size, (tuple, list)) and len(size) == 3 else 2
    sizes = per_axis(size, rank, "size", where)
    steps = sizes if strides is None else per_axis(strides, rank, "strides", where)
    rates = per_axis(dilation_rate, rank, "dilation_rate", where)
    padding, data_format = check_padding(padding, where), check_data_format(data_format, where)
    images = as_array(images)
    spatial = "height, width" if rank == 2 else "depth, height, width"
    axes = f"{spatial}, channels" if data_format == "channels_last" else f"channels, {spatial}"
    check_rank(images, (rank + 1, rank + 2), where, "images", f"({axes}) or (batch, {axes})")
    return _extract(images, sizes, steps, rates, padding.upper(), data_format)


def extract_patches_3d(
    volumes: Tensor,
    size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    dilation_rate: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> jax.Array:
    """Patches of volumes: `extract_patches` where one number as size stands for depth, height and width.

    Args:
        volumes: Batch (batch, depth, height, width, channels) or one volume (depth, height, width, channels).
        size: Size of a patch: a number, or three.
        strides, dilation_rate, padding, data_format: As in `extract_patches`.

    Returns: array (batch, layers, rows, columns, voxels of a patch * channels) of the same dtype.
    Raises:
        ValueError: as `extract_patches`.

    Example:
        >>> extract_patches_3d(jnp.ones((4, 4, 6, 2)), 2).shape
        (2, 2, 3, 16)
    """
    sizes = per_axis(size, 3, "size", "extract_patches_3d")
    return extract_patches(volumes, sizes, strides, dilation_rate, padding, data_format)


@functools.partial(jax.jit, static_argnums=(1, 2, 3, 4, 5), inline=True)
def _extract(
    x: jax.Array,
    sizes: tuple[int, ...],
    steps: tuple[int, ...],
    rates: tuple[int, ...],
    padding: str,
    data_format: str,
) -> jax.Array:
    """Put strided slices, one for each place in the patch, side by side on the channel axis: axis after axis."""
    rank, last = len(sizes), data_format == "channels_last"
    first = x.ndim - rank - 1 if last else x.ndim - rank  # number of the first spatial axis
    reach = [(size - 1) * rate + 1 for size, rate in zip(sizes, rates, strict=True)]
    margins = lax.padtype_to_pads(x.shape[first : first + rank], reach, steps, padding)
    x = jnp.pad(x, [(0, 0)] * first + margins + [(0, 0)] * (x.ndim - first - rank))
    starts = [max(x.shape[first + i] - reach[i] + 1, 0) for i in range(rank)]  # along each axis, before strides
    check_output(min(starts), x, "extract_patches", f"a patch, size={sizes} with dilation_rate={rates}")
    for i in reversed(range(rank)):  # from the last axis, so that its places change fastest
        places = [place * rates[i] for place in range(sizes[i])]
        parts = [lax.slice_in_dim(x, place, place + starts[i], steps[i], first + i) for place in places]
        x = jnp.concatenate(parts, -1 if last else first - 1)
    return x
