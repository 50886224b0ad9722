"""Max pooling with a window: `MaxPooling1D`, `MaxPooling2D`, `MaxPooling3D`, and their aliases `MaxPool1D`, …"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lamina.layers.base import family
from lamina.layers.pooling._windows import WindowPooling
from lamina.ops import nn


@family.add
class MaxPooling1D(WindowPooling):
    """Largest value of each window that slides over sequences. The gradient goes to the first of equal values.

    Args:
        pool_size: Size of the window, a whole number >= 1. Default 2.
        strides: Step of the window, likewise; None is the pool size.
        padding: "valid": windows that lie inside, floor((size - window) / step) + 1 of them; "same": ceil(size / step).
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, steps, channels), or (batch, channels, steps).
    Output: (batch, new steps, channels), or channels first; the same dtype.

    Raises:
        ValueError: an input with other than 3 axes, or smaller than the window with padding="valid".

    Differs from Keras: an input smaller than the window is an error in eager calls too, not an empty output.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.array([[[1.0], [4.0], [2.0], [3.0]]])
        >>> print(MaxPooling1D()(x)[0, :, 0])
        [4. 3.]
    """

    _spatial_rank = 1
    _pool = staticmethod(nn.max_pool)

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


@family.add
class MaxPooling2D(WindowPooling):
    """Largest value of each window that slides over images. The gradient goes to the first of equal values.

    Args:
        pool_size: Size of the window, a whole number >= 1, or 2 of them (height, width). Default (2, 2).
        strides: Step of the window, likewise; None is the pool size.
        padding: "valid": windows that lie inside, floor((size - window) / step) + 1 of them; "same": ceil(size / step).
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, height, width, channels), or (batch, channels, height, width).
    Output: (batch, new height, new width, channels), or channels first; the same dtype.

    Raises:
        ValueError: an input with other than 4 axes, or smaller than the window with padding="valid".

    Differs from Keras: an input smaller than the window is an error in eager calls too, not an empty output.

    Example:
        >>> import jax.numpy as jnp
        >>> MaxPool2D()(jnp.ones((2, 28, 28, 64))).shape
        (2, 14, 14, 64)
        >>> MaxPool2D(3, strides=2, padding="same")(jnp.ones((2, 7, 7, 8))).shape
        (2, 4, 4, 8)
    """

    _spatial_rank = 2
    _pool = staticmethod(nn.max_pool)

    def __init__(
        self,
        pool_size: int | Sequence[int] = (2, 2),
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


@family.add
class MaxPooling3D(WindowPooling):
    """Largest value of each window that slides over volumes. The gradient goes to the first of equal values.

    Args:
        pool_size: Size of the window, a whole number >= 1, or 3 of them (depth, height, width). Default (2, 2, 2).
        strides: Step of the window, likewise; None is the pool size.
        padding: "valid": windows that lie inside, floor((size - window) / step) + 1 of them; "same": ceil(size / step).
        data_format: "channels_last" or "channels_first"; None is "channels_last".
    Input: (batch, depth, height, width, channels), or (batch, channels, depth, height, width).
    Output: (batch, new depth, new height, new width, channels), or channels first; the same dtype.

    Raises:
        ValueError: an input with other than 5 axes, or smaller than the window with padding="valid".

    Differs from Keras: an input smaller than the window is an error in eager calls too, not an empty output.

    Example:
        >>> import jax.numpy as jnp
        >>> MaxPooling3D()(jnp.ones((2, 8, 8, 8, 3))).shape
        (2, 4, 4, 4, 3)
    """

    _spatial_rank = 3
    _pool = staticmethod(nn.max_pool)

    def __init__(
        self,
        pool_size: int | Sequence[int] = (2, 2, 2),
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name=name, **kwargs)


MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
MaxPool3D = MaxPooling3D
