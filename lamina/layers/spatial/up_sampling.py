"""Larger images: `UpSampling1D`, `UpSampling2D`, `UpSampling3D`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import check_choice, check_positive_int
from lamina.layers._spatial_layer import SpatialLayer
from lamina.layers.base import family
from lamina.ops import image
from lamina.ops.nn._windows import check_data_format, per_axis

_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


class _UpSampling(SpatialLayer):
    """Base: each element is repeated along the spatial axes."""

    _factors: tuple[int, ...]  # one for each spatial axis

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the inputs with each element repeated along the spatial axes."""
        for axis, times in zip(self._axes, self._factors, strict=True):
            inputs = jnp.repeat(inputs, times, axis) if times > 1 else inputs
        return inputs

    def _new_sizes(self, sizes: Sequence[int | None]) -> Sequence[int | None]:
        return [None if size is None else size * times for size, times in zip(sizes, self._factors, strict=True)]


@family.add
class UpSampling1D(_UpSampling):
    """Repeat each step of sequences: y[b, size * t + i] = x[b, t] for i < size.

    Args:
        size: How often, a whole number >= 1. Default 2.
    Input: (batch, steps, channels).   Output: (batch, size * steps, channels), the same dtype.

    Raises:
        ValueError: a size below 1, or an input with other than 3 axes.

    Example:
        >>> print(UpSampling1D()(jnp.array([[[1.0], [2.0]]]))[0, :, 0])
        [1. 1. 2. 2.]
    """

    _spatial_rank = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = check_positive_int("size", size, f"{self._where}: ")
        self._factors = (self.size,)


@family.add
class UpSampling2D(_UpSampling):
    """Make images larger by whole factors: repeat pixels, or interpolate between them.

    Args:
        size: Factor, a whole number >= 1, or two of them (height, width). Default (2, 2).
        data_format: "channels_last" or "channels_first"; None is "channels_last".
        interpolation: "nearest" repeats pixels; "bilinear", "bicubic", "lanczos3" and "lanczos5" interpolate between
            the centres of pixels. Default "nearest".
    Input: (batch, height, width, channels), or (batch, channels, height, width).
    Output: (batch, size[0] * height, size[1] * width, channels), or channels first; the same dtype: interpolated whole
        numbers are rounded.

    Raises:
        ValueError: a size below 1, an unknown interpolation, or an input with other than 4 axes.

    Source: Keys 1981 for "bicubic".

    Differs from Keras: 16-bit floats are interpolated in 32 bits; truth values are rounded, as whole numbers are.

    Example:
        >>> UpSampling2D((2, 3), interpolation="bilinear")(jnp.ones((1, 4, 4, 3))).shape
        (1, 8, 12, 3)
    """

    _spatial_rank = 2

    def __init__(
        self,
        size: int | Sequence[int] = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.size = self._factors = per_axis(size, 2, "size", self._where)
        self.data_format = check_data_format(data_format, self._where)
        self.interpolation = interpolation.lower() if isinstance(interpolation, str) else interpolation
        check_choice("interpolation", self.interpolation, _INTERPOLATIONS, f"{self._where}: ")

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the larger images."""
        if self.interpolation == "nearest":
            return super().call(inputs)
        size = [inputs.shape[axis] * times for axis, times in zip(self._axes, self.size, strict=True)]
        return image.resize(inputs, size, self.interpolation, data_format=self.data_format)


@family.add
class UpSampling3D(_UpSampling):
    """Repeat each element of volumes along their three axes.

    Args:
        size: How often, a whole number >= 1, or three of them (depth, height, width). Default (2, 2, 2).
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, depth, height, width, channels), or (batch, channels, depth, height, width).
    Output: the same with size[i] times as many elements on spatial axis i; the same dtype.

    Raises:
        ValueError: a size below 1, or an input with other than 5 axes.

    Example:
        >>> UpSampling3D((1, 2, 3))(jnp.ones((1, 4, 4, 4, 3))).shape
        (1, 4, 8, 12, 3)
    """

    _spatial_rank = 3

    def __init__(self, size: int | Sequence[int] = (2, 2, 2), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = self._factors = per_axis(size, 3, "size", self._where)
        self.data_format = check_data_format(data_format, self._where)
