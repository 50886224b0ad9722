"""The middle of images: `Cropping1D`, `Cropping2D`, `Cropping3D`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from lamina.layers._spatial_layer import SpatialLayer
from lamina.layers.base import family
from lamina.layers.shapes import Shape
from lamina.layers.spatial._margins import Pairs, pairs_per_axis
from lamina.ops.nn._windows import check_data_format


class _Cropping(SpatialLayer):
    """Base: elements cut off before and after each spatial axis."""

    cropping: Any

    def __init__(self, cropping: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._pairs: Pairs = pairs_per_axis(cropping, self._spatial_rank, "cropping", self._where)
        self.cropping = self._pairs if self._spatial_rank > 1 else self._pairs[0]

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the middle of the inputs."""
        for axis, (before, after) in zip(self._axes, self._pairs, strict=True):
            inputs = jax.lax.slice_in_dim(inputs, before, inputs.shape[axis] - after, axis=axis)
        return inputs

    def _new_sizes(self, sizes: Sequence[int | None]) -> Sequence[int | None]:
        return [None if size is None else size - sum(pair) for size, pair in zip(sizes, self._pairs, strict=True)]

    def _why_empty(self, shape: Shape) -> str:
        return (
            f"cropping={self.cropping} leaves nothing of an input of shape {shape}. Cut off less than the size of each "
            "axis."
        )


@family.add
class Cropping1D(_Cropping):
    """Cut steps off sequences.

    Args:
        cropping: Steps on each side, a whole number >= 0, or a pair (before, after). Default (1, 1).
    Input: (batch, steps, channels).   Output: (batch, steps - before - after, channels), the same dtype.

    Raises:
        ValueError: a negative cropping, one that leaves nothing, or an input with other than 3 axes.

    Example:
        >>> import jax.numpy as jnp
        >>> print(Cropping1D((1, 2))(jnp.arange(5.0).reshape(1, 5, 1))[0, :, 0])
        [1. 2.]
    """

    _spatial_rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, **kwargs)


@family.add
class Cropping2D(_Cropping):
    """Cut rows and columns off images.

    Args:
        cropping: Pixels on each side, a whole number >= 0; or (height, width), each a number or a pair (before, after).
            Default 0.
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, height, width, channels), or (batch, channels, height, width).
    Output: the same with height and width smaller by what is cut off; the same dtype.

    Raises:
        ValueError: a negative cropping, one that leaves nothing, or an input with other than 4 axes.

    Example:
        >>> import jax.numpy as jnp
        >>> Cropping2D((2, (0, 4)))(jnp.ones((2, 28, 28, 3))).shape
        (2, 24, 24, 3)
    """

    _spatial_rank = 2

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, **kwargs)
        self.data_format = check_data_format(data_format, self._where)


@family.add
class Cropping3D(_Cropping):
    """Cut off the outside of volumes.

    Args:
        cropping: Elements on each side, a whole number >= 0; or (depth, height, width), each a number or a pair
            (before, after). Default 1 on all sides.
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, depth, height, width, channels), or (batch, channels, depth, height, width).
    Output: the same with spatial axes smaller by what is cut off; the same dtype.

    Raises:
        ValueError: a negative cropping, one that leaves nothing, or an input with other than 5 axes.

    Example:
        >>> import jax.numpy as jnp
        >>> Cropping3D((1, 2, (0, 3)))(jnp.ones((2, 8, 8, 8, 3))).shape
        (2, 6, 4, 5, 3)
    """

    _spatial_rank = 3

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(cropping, **kwargs)
        self.data_format = check_data_format(data_format, self._where)
