"""Zeros around images: `ZeroPadding1D`, `ZeroPadding2D`, `ZeroPadding3D`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.layers._spatial_layer import SpatialLayer
from lamina.layers.base import family
from lamina.layers.spatial._margins import Pairs, pairs_per_axis
from lamina.ops.nn._windows import check_data_format


class _ZeroPadding(SpatialLayer):
    """Base: zeros before and after each spatial axis."""

    padding: Any

    def __init__(self, padding: Any, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._pairs: Pairs = pairs_per_axis(padding, self._spatial_rank, "padding", self._where)
        self.padding = self._pairs if self._spatial_rank > 1 else self._pairs[0]
        self.data_format = check_data_format(data_format, self._where)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the inputs with zeros around them."""
        widths = [(0, 0)] * inputs.ndim
        widths[self._axes[0] : self._axes[-1] + 1] = self._pairs
        return jnp.pad(inputs, widths)

    def _new_sizes(self, sizes: Sequence[int | None]) -> Sequence[int | None]:
        return [None if size is None else size + sum(pair) for size, pair in zip(sizes, self._pairs, strict=True)]


@family.add
class ZeroPadding1D(_ZeroPadding):
    """Add steps of zeros to sequences.

    Args:
        padding: Steps on each side, a whole number >= 0, or a pair (before, after). Default 1.
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, steps, channels), or (batch, channels, steps).
    Output: (batch, steps + before + after, channels), or channels first; the same dtype.

    Raises:
        ValueError: a negative padding, or an input with other than 3 axes.

    Example:
        >>> print(ZeroPadding1D((1, 2))(jnp.ones((1, 2, 1)))[0, :, 0])
        [0. 1. 1. 0. 0.]
    """

    _spatial_rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)


@family.add
class ZeroPadding2D(_ZeroPadding):
    """Add rows and columns of zeros around images.

    Args:
        padding: Pixels on each side, a whole number >= 0; or (height, width), each a number or a pair (before, after).
            Default (1, 1).
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, height, width, channels), or (batch, channels, height, width).
    Output: the same with height and width larger by what is added; the same dtype.

    Raises:
        ValueError: a negative padding, or an input with other than 4 axes.

    Differs from Keras: a negative number is an error, not a crop.

    Example:
        >>> ZeroPadding2D((1, (0, 2)))(jnp.ones((2, 28, 28, 3))).shape
        (2, 30, 30, 3)
    """

    _spatial_rank = 2

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)


@family.add
class ZeroPadding3D(_ZeroPadding):
    """Add zeros around volumes.

    Args:
        padding: Elements on each side, a whole number >= 0; or (depth, height, width), each a number or a pair
            (before, after). Default 1 on all sides.
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, depth, height, width, channels), or (batch, channels, depth, height, width).
    Output: the same with spatial axes larger by what is added; the same dtype.

    Raises:
        ValueError: a negative padding, or an input with other than 5 axes.

    Differs from Keras: a negative number is an error, not a crop.

    Example:
        >>> ZeroPadding3D((1, 2, (0, 3)))(jnp.ones((2, 4, 4, 4, 3))).shape
        (2, 6, 8, 7, 3)
    """

    _spatial_rank = 3

    def __init__(self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)
