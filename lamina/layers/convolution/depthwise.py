"""Convolutions of each channel by itself: `DepthwiseConv1D`, `DepthwiseConv2D`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from lamina import constraints, initializers, regularizers
from lamina.core.errors import check_positive_int
from lamina.layers.base import family
from lamina.layers.convolution._base import Convolution, sliding_space
from lamina.layers.shapes import Shape
from lamina.ops import nn


class _DepthwiseConv(Convolution):
    """Depthwise convolution over `rank` spatial axes; the public layers say which."""

    _keras_only = {**Convolution._keras_only, "groups": 1}  # Keras 2 wrote it into this layer's configs

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            bias_constraint=bias_constraint,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        where = f"{type(self).__name__} {self.name!r}: "
        self.depth_multiplier = check_positive_int("depth_multiplier", depth_multiplier, where)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)

    def build(self, input_shape: Shape) -> None:
        """Create kernel (*kernel_size, channels, depth_multiplier) and bias (channels * depth_multiplier,)."""
        channels = self._known_channels(input_shape)
        self.kernel = self._add("kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise")
        self.bias = self._add("bias", (channels * self.depth_multiplier,)) if self.use_bias else None
        self._channels = channels

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return f(z): z[i, j, c * m + q] is a bias + the sum over u, v of x[i + u, j + v, c] * kernel[u, v, c, q]."""
        z = nn.depthwise_conv(
            inputs, self.kernel.value, self.strides, self.padding, self.data_format, self.dilation_rate
        )
        return self._finish(z)

    def _output_channels(self, channels: int | None) -> int | None:
        return None if channels is None else channels * self.depth_multiplier

    def _output_space(self, space: Shape) -> Shape:
        return sliding_space(self, space)


@family.add
class DepthwiseConv1D(_DepthwiseConv):
    """Convolution of each channel of sequences by itself: `DepthwiseConv2D` for one spatial axis.

    Args:
        kernel_size, strides, padding, depth_multiplier, …: As in `DepthwiseConv2D`.
    Input: (batch, steps, channels), or (batch, channels, steps) with channels_first, float.
    Output: (batch, new steps, channels * depth_multiplier), or with the channels first, compute dtype.
    Weights: kernel (kernel_size, channels, depth_multiplier); bias (channels * depth_multiplier,).

    Raises:
        ValueError: as `DepthwiseConv2D`.

    Example:
        >>> import jax.numpy as jnp
        >>> DepthwiseConv1D(3, depth_multiplier=2)(jnp.ones((4, 10, 6))).shape
        (4, 8, 12)
    """

    rank = 1


@family.add
class DepthwiseConv2D(_DepthwiseConv):
    """Convolution of each channel of images by itself, then an activation.

    y[i, j, n] = f(z[i, j, n]),
    z[i, j, n] = bias[n] + sum over u, v of x[i * s_h + u * d_h, j * s_w + v * d_w, c] * kernel[u, v, c, q]

    with n = c * m + q, m = depth_multiplier, q < m, strides (s_h, s_w) and dilation (d_h, d_w).

    Args:
        kernel_size: Height and width of the window; one whole number for both.
        strides: Rows and columns from one window to the next. Default 1.
        padding: "valid": windows stay inside the image; "same": zeros around it, output size ceil(size / stride).
        depth_multiplier: Number m of filters for each channel, int >= 1. Default 1.
        data_format: "channels_last" (None) or "channels_first".
        dilation_rate: Distance between the window's elements. Default 1.
        activation: Name or callable f, applied to the outputs; None is the identity.
        use_bias: Whether bias is added. Default True.
        depthwise_initializer, bias_initializer: Initial weights. Default Glorot uniform and zeros.
        depthwise_regularizer, bias_regularizer, activity_regularizer: Penalties that join the loss.
        depthwise_constraint, bias_constraint: Projections applied after each update.
    Input: (batch, height, width, channels), or (batch, channels, height, width) with channels_first, float.
    Output: (batch, new height, new width, channels * m), or with the channels first, compute dtype.
    Weights: kernel (height, width, channels, m); bias (channels * m,).

    Raises:
        ValueError: windows larger than the image; inputs with another number of axes, or of channels than the kernel
            was made for.

    Differs from Keras: configs of Keras 2, with a key `groups`, load; whole numbers as inputs are taken.

    Example:
        >>> import jax.numpy as jnp
        >>> layer = DepthwiseConv2D(3, depth_multiplier=2)
        >>> layer(jnp.ones((2, 8, 8, 4))).shape, layer.kernel.shape
        ((2, 6, 6, 8), (3, 3, 4, 2))
    """

    rank = 2
