"""Pooling to a given size: `AdaptiveMaxPooling1D` to 3D, `AdaptiveAveragePooling1D` to 3D."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax

from lamina.layers._spatial_layer import SpatialLayer
from lamina.layers.base import family
from lamina.ops import nn
from lamina.ops.nn._windows import check_data_format, per_axis


class AdaptivePooling(SpatialLayer):
    """Base of the layers whose windows are spread so that the output has a given size.

    Window i of n covers floor(i * size / n) to ceil((i + 1) * size / n): windows may overlap.

    Args:
        output_size: Size of the output, a whole number >= 1 or one for each spatial axis.
        data_format: "channels_last" or "channels_first"; None is "channels_last".
        kwargs: Arguments of every layer.
    """

    _pool: ClassVar[Callable[..., jax.Array]]

    def __init__(self, output_size: int | Sequence[int], data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = per_axis(output_size, self._spatial_rank, "output_size", self._where)
        self.data_format = check_data_format(data_format, self._where)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return (batch, *output_size, channels)."""
        return type(self)._pool(inputs, self.output_size, self.data_format)

    def _new_sizes(self, sizes: Sequence[int | None]) -> Sequence[int | None]:
        return [0 if size == 0 else wanted for size, wanted in zip(sizes, self.output_size, strict=True)]


@family.add
class AdaptiveMaxPooling1D(AdaptivePooling):
    """Largest values of windows that are spread evenly over sequences, so that the output has a given size.

    Window i of n covers floor(i * size / n) to ceil((i + 1) * size / n).

    Args:
        output_size: Size of the output, a whole number >= 1.
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, steps, channels), or (batch, channels, steps).
    Output: (batch, new steps, channels), or channels first; the same dtype.

    Raises:
        ValueError: an input with other than 3 axes, or without elements on a spatial axis.

    Example:
        >>> import jax.numpy as jnp
        >>> AdaptiveMaxPooling1D(4)(jnp.ones((2, 10, 8))).shape
        (2, 4, 8)
    """

    _spatial_rank = 1
    _pool = staticmethod(nn.adaptive_max_pool)


@family.add
class AdaptiveMaxPooling2D(AdaptivePooling):
    """Largest values of windows that are spread evenly over images, so that the output has a given size.

    Window i of n covers floor(i * size / n) to ceil((i + 1) * size / n).

    Args:
        output_size: Size of the output, a whole number >= 1 for all axes, or 2 of them (height, width).
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, height, width, channels), or (batch, channels, height, width).
    Output: (batch, new height, new width, channels), or channels first; the same dtype.

    Raises:
        ValueError: an input with other than 4 axes, or without elements on a spatial axis.

    Example:
        >>> import jax.numpy as jnp
        >>> AdaptiveMaxPooling2D((7, 6))(jnp.ones((2, 13, 17, 8))).shape
        (2, 7, 6, 8)
    """

    _spatial_rank = 2
    _pool = staticmethod(nn.adaptive_max_pool)


@family.add
class AdaptiveMaxPooling3D(AdaptivePooling):
    """Largest values of windows that are spread evenly over volumes, so that the output has a given size.

    Window i of n covers floor(i * size / n) to ceil((i + 1) * size / n).

    Args:
        output_size: Size of the output, a whole number >= 1 for all axes, or 3 of them (depth, height, width).
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, depth, height, width, channels), or (batch, channels, depth, height, width).
    Output: (batch, new depth, new height, new width, channels), or channels first; the same dtype.

    Raises:
        ValueError: an input with other than 5 axes, or without elements on a spatial axis.

    Example:
        >>> import jax.numpy as jnp
        >>> AdaptiveMaxPooling3D(3)(jnp.ones((2, 5, 9, 7, 8))).shape
        (2, 3, 3, 3, 8)
    """

    _spatial_rank = 3
    _pool = staticmethod(nn.adaptive_max_pool)


@family.add
class AdaptiveAveragePooling1D(AdaptivePooling):
    """Means of windows that are spread evenly over sequences, so that the output has a given size.

    Window i of n covers floor(i * size / n) to ceil((i + 1) * size / n).

    Args:
        output_size: Size of the output, a whole number >= 1.
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, steps, channels), or (batch, channels, steps).
    Output: (batch, new steps, channels), or channels first; float (whole numbers become floats).

    Raises:
        ValueError: an input with other than 3 axes, or without elements on a spatial axis.

    Example:
        >>> import jax.numpy as jnp
        >>> AdaptiveAveragePooling1D(4)(jnp.ones((2, 10, 8))).shape
        (2, 4, 8)
    """

    _spatial_rank = 1
    _pool = staticmethod(nn.adaptive_average_pool)
    _gives_floats = True


@family.add
class AdaptiveAveragePooling2D(AdaptivePooling):
    """Means of windows that are spread evenly over images, so that the output has a given size.

    Window i of n covers floor(i * size / n) to ceil((i + 1) * size / n).

    Args:
        output_size: Size of the output, a whole number >= 1 for all axes, or 2 of them (height, width).
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, height, width, channels), or (batch, channels, height, width).
    Output: (batch, new height, new width, channels), or channels first; float (whole numbers become floats).

    Raises:
        ValueError: an input with other than 4 axes, or without elements on a spatial axis.

    Example:
        >>> import jax.numpy as jnp
        >>> AdaptiveAveragePooling2D((7, 6))(jnp.ones((2, 13, 17, 8))).shape
        (2, 7, 6, 8)
    """

    _spatial_rank = 2
    _pool = staticmethod(nn.adaptive_average_pool)
    _gives_floats = True


@family.add
class AdaptiveAveragePooling3D(AdaptivePooling):
    """Means of windows that are spread evenly over volumes, so that the output has a given size.

    Window i of n covers floor(i * size / n) to ceil((i + 1) * size / n).

    Args:
        output_size: Size of the output, a whole number >= 1 for all axes, or 3 of them (depth, height, width).
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, depth, height, width, channels), or (batch, channels, depth, height, width).
    Output: (batch, new depth, new height, new width, channels), or channels first; float (whole numbers become floats).

    Raises:
        ValueError: an input with other than 5 axes, or without elements on a spatial axis.

    Example:
        >>> import jax.numpy as jnp
        >>> AdaptiveAveragePooling3D(3)(jnp.ones((2, 5, 9, 7, 8))).shape
        (2, 3, 3, 3, 8)
    """

    _spatial_rank = 3
    _pool = staticmethod(nn.adaptive_average_pool)
    _gives_floats = True
