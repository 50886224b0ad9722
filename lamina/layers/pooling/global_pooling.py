"""Global pooling, one number per channel: `GlobalMaxPooling1D` to 3D, `GlobalAveragePooling1D` to 3D, their aliases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from lamina.layers._spatial_layer import SpatialLayer
from lamina.layers.base import family
from lamina.layers.shapes import Shape
from lamina.ops._arrays import at_least_float32
from lamina.ops.nn._windows import check_data_format


class GlobalPooling(SpatialLayer):
    """Base of the layers that make one number of all places of a channel.

    Args:
        data_format: "channels_last" or "channels_first"; None is "channels_last".
        keepdims: Whether the spatial axes stay, with size 1. Default False.
        kwargs: Arguments of every layer.
    """

    _reduce: ClassVar[Callable[..., jax.Array]]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = check_data_format(data_format, self._where)
        self.keepdims = bool(keepdims)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return one number for each channel."""
        return type(self)._reduce(inputs, self._axes, keepdims=self.keepdims)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, channels), or with axes of size 1 where the spatial ones were."""
        super().compute_output_shape(input_shape)  # checks
        sizes = [(1 if axis in self._axes else size) for axis, size in enumerate(input_shape)]
        return tuple(size for axis, size in enumerate(sizes) if self.keepdims or axis not in self._axes)


@family.add
class GlobalMaxPooling1D(GlobalPooling):
    """Largest value of each channel over a whole sequence; equal ones share the gradient.

    Args:
        data_format: "channels_last" or "channels_first"; None is "channels_last".
        keepdims: Whether the spatial axes stay, with size 1. Default False.
    Input: (batch, steps, channels), or (batch, channels, steps).
    Output: (batch, channels); with keepdims (batch, 1, channels), or (batch, channels, 1); the same dtype.

    Raises:
        ValueError: an input with other than 3 axes, or without elements on a spatial axis.

    Example:
        >>> GlobalMaxPooling1D()(jnp.ones((2, 10, 8))).shape
        (2, 8)
        >>> GlobalMaxPooling1D(keepdims=True)(jnp.ones((2, 10, 8))).shape
        (2, 1, 8)
    """

    _spatial_rank = 1
    _reduce = staticmethod(jnp.max)


@family.add
class GlobalMaxPooling2D(GlobalPooling):
    """Largest value of each channel over a whole image; equal ones share the gradient.

    Args:
        data_format: "channels_last" or "channels_first"; None is "channels_last".
        keepdims: Whether the spatial axes stay, with size 1. Default False.
    Input: (batch, height, width, channels), or (batch, channels, height, width).
    Output: (batch, channels); with keepdims (batch, 1, 1, channels), or (batch, channels, 1, 1); the same dtype.

    Raises:
        ValueError: an input with other than 4 axes, or without elements on a spatial axis.

    Example:
        >>> GlobalMaxPooling2D()(jnp.ones((2, 7, 7, 8))).shape
        (2, 8)
        >>> GlobalMaxPooling2D(keepdims=True)(jnp.ones((2, 7, 7, 8))).shape
        (2, 1, 1, 8)
    """

    _spatial_rank = 2
    _reduce = staticmethod(jnp.max)


@family.add
class GlobalMaxPooling3D(GlobalPooling):
    """Largest value of each channel over a whole volume; equal ones share the gradient.

    Args:
        data_format: "channels_last" or "channels_first"; None is "channels_last".
        keepdims: Whether the spatial axes stay, with size 1. Default False.
    Input: (batch, depth, height, width, channels), or (batch, channels, depth, height, width).
    Output: (batch, channels); with keepdims (batch, 1, 1, 1, channels), or (batch, channels, 1, 1, 1); the same dtype.

    Raises:
        ValueError: an input with other than 5 axes, or without elements on a spatial axis.

    Example:
        >>> GlobalMaxPooling3D()(jnp.ones((2, 4, 7, 7, 8))).shape
        (2, 8)
        >>> GlobalMaxPooling3D(keepdims=True)(jnp.ones((2, 4, 7, 7, 8))).shape
        (2, 1, 1, 1, 8)
    """

    _spatial_rank = 3
    _reduce = staticmethod(jnp.max)


@family.add
class GlobalAveragePooling1D(GlobalPooling):
    """Mean of each channel over a whole sequence.

    Args:
        data_format: "channels_last" or "channels_first"; None is "channels_last".
        keepdims: Whether the spatial axes stay, with size 1. Default False.
    Input: (batch, steps, channels), or (batch, channels, steps).
    Output: (batch, channels); with keepdims (batch, 1, channels), or (batch, channels, 1); float.
    Mask: (batch, steps); steps where it is False do not count. The output has none.

    Raises:
        ValueError: an input with other than 3 axes, or without elements on a spatial axis; a mask of another shape.

    Differs from Keras: a sequence in which no step counts gives 0, not NaN; 16-bit floats are added up in 32 bits.

    Example:
        >>> GlobalAveragePooling1D()(jnp.ones((2, 10, 8))).shape
        (2, 8)
        >>> GlobalAveragePooling1D(keepdims=True)(jnp.ones((2, 10, 8))).shape
        (2, 1, 8)
    """

    _spatial_rank = 1
    _reduce = staticmethod(jnp.mean)
    _gives_floats = True

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: jax.Array, mask: Any = None) -> jax.Array:
        """Return the means of the steps that count."""
        if mask is None:
            return super().call(inputs)
        (steps,) = self._axes
        mask = jnp.asarray(mask, bool)
        if mask.shape != (inputs.shape[0], inputs.shape[steps]):
            raise ValueError(
                f"{self._where}: mask: expected one truth value for each step, shape "
                f"{(inputs.shape[0], inputs.shape[steps])}, received shape {mask.shape}."
            )
        counted = jnp.expand_dims(mask, 3 - steps)  # 3 - steps is the channel axis
        number = jnp.maximum(jnp.sum(counted, steps, keepdims=self.keepdims), 1)
        means = jnp.sum(at_least_float32(inputs), steps, where=counted, keepdims=self.keepdims) / number
        return means.astype(inputs.dtype) if jnp.issubdtype(inputs.dtype, jnp.inexact) else means

    def compute_mask(self, inputs: jax.Array, previous_mask: Any = None) -> None:
        """Return None: there are no steps any more."""


@family.add
class GlobalAveragePooling2D(GlobalPooling):
    """Mean of each channel over a whole image.

    Args:
        data_format: "channels_last" or "channels_first"; None is "channels_last".
        keepdims: Whether the spatial axes stay, with size 1. Default False.
    Input: (batch, height, width, channels), or (batch, channels, height, width).
    Output: (batch, channels); with keepdims (batch, 1, 1, channels), or (batch, channels, 1, 1); float.

    Raises:
        ValueError: an input with other than 4 axes, or without elements on a spatial axis.

    Example:
        >>> GlobalAveragePooling2D()(jnp.ones((2, 7, 7, 8))).shape
        (2, 8)
        >>> GlobalAveragePooling2D(keepdims=True)(jnp.ones((2, 7, 7, 8))).shape
        (2, 1, 1, 8)
    """

    _spatial_rank = 2
    _reduce = staticmethod(jnp.mean)
    _gives_floats = True


@family.add
class GlobalAveragePooling3D(GlobalPooling):
    """Mean of each channel over a whole volume.

    Args:
        data_format: "channels_last" or "channels_first"; None is "channels_last".
        keepdims: Whether the spatial axes stay, with size 1. Default False.
    Input: (batch, depth, height, width, channels), or (batch, channels, depth, height, width).
    Output: (batch, channels); with keepdims (batch, 1, 1, 1, channels), or (batch, channels, 1, 1, 1); float.

    Raises:
        ValueError: an input with other than 5 axes, or without elements on a spatial axis.

    Example:
        >>> GlobalAveragePooling3D()(jnp.ones((2, 4, 7, 7, 8))).shape
        (2, 8)
        >>> GlobalAveragePooling3D(keepdims=True)(jnp.ones((2, 4, 7, 7, 8))).shape
        (2, 1, 1, 1, 8)
    """

    _spatial_rank = 3
    _reduce = staticmethod(jnp.mean)
    _gives_floats = True


GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
