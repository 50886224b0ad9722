"""What the operations on images share: images alone or in batches, channels last or first, whole numbers and floats."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.ops._arrays import as_array, check_rank
from lamina.ops.core import saturate_cast
from lamina.ops.nn._windows import check_data_format


def as_images(images: Any, data_format: str | None, where: str, argument: str = "images") -> tuple[jax.Array, str]:
    """Return one image or a batch as an array, and where its channels stand."""
    array, data_format = as_array(images), check_data_format(data_format, where)
    axes = "height, width, channels" if data_format == "channels_last" else "channels, height, width"
    check_rank(array, (3, 4), where, argument, f"({axes}) or (batch, {axes})")
    return array, data_format


def space(data_format: str) -> tuple[int, int]:
    """Return the numbers of the axes of height and width, counted from the end."""
    return (-3, -2) if data_format == "channels_last" else (-2, -1)


def channel_axis(data_format: str) -> int:
    """Return the number of the channel axis, counted from the end."""
    return -1 if data_format == "channels_last" else -3


def to_dtype(x: jax.Array, dtype: Any) -> jax.Array:
    """Convert to the dtype of the images: floats are rounded for whole numbers, and stay in their range."""
    if x.dtype == dtype:
        return x
    return saturate_cast(x if jnp.issubdtype(dtype, jnp.inexact) else jnp.round(x), dtype)
