"""Depthwise convolutions whose outputs are mixed over the channels: `SeparableConv1D`, `SeparableConv2D`."""

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


class _SeparableConv(Convolution):
    """Separable convolution over `rank` spatial axes; the public layers say which."""

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
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
        self.filters = check_positive_int("filters", filters, where)
        self.depth_multiplier = check_positive_int("depth_multiplier", depth_multiplier, where)
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_constraint = constraints.get(pointwise_constraint)

    def build(self, input_shape: Shape) -> None:
        """Create the two kernels and bias (filters,)."""
        channels = self._known_channels(input_shape)
        spread = channels * self.depth_multiplier
        self.depthwise_kernel = self._add(
            "depthwise_kernel", (*self.kernel_size, channels, self.depth_multiplier), "depthwise"
        )
        self.pointwise_kernel = self._add("pointwise_kernel", (*(1,) * self.rank, spread, self.filters), "pointwise")
        self.bias = self._add("bias", (self.filters,)) if self.use_bias else None
        self._channels = channels

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return f(z): windows of each channel by itself, then weighted sums over the channels."""
        z = nn.separable_conv(
            inputs,
            self.depthwise_kernel.value,
            self.pointwise_kernel.value,
            self.strides,
            self.padding,
            self.data_format,
            self.dilation_rate,
        )
        return self._finish(z)

    def _output_channels(self, channels: int | None) -> int | None:
        return self.filters

    def _output_space(self, space: Shape) -> Shape:
        return sliding_space(self, space)


class SeparableConv1D(_SeparableConv):
    """Separable convolution of sequences: `SeparableConv2D` for one spatial axis.

    Args:
        filters, kernel_size, strides, padding, …: As in `SeparableConv2D`.
    Input: (batch, steps, channels), or (batch, channels, steps) with channels_first, float.
    Output: (batch, new steps, filters), or (batch, filters, new steps), compute dtype.
    Weights: depthwise_kernel (kernel_size, channels, depth_multiplier);
        pointwise_kernel (1, channels * depth_multiplier, filters); bias (filters,).

    Raises:
        ValueError: as `SeparableConv2D`.

    Example:
        >>> import jax.numpy as jnp
        >>> SeparableConv1D(3, 4, strides=3)(jnp.ones((5, 12, 2))).shape
        (5, 3, 3)
    """

    rank = 1


class SeparableConv2D(_SeparableConv):
    """A depthwise convolution of images, then a mix of its channels at each position, then an activation.

    y[i, j, k] = f(bias[k] + sum over c, q of d[i, j, c * m + q] * pointwise_kernel[c * m + q, k]),
    d[i, j, c * m + q] = sum over u, v of x[i * s_h + u * d_h, j * s_w + v * d_w, c] * depthwise_kernel[u, v, c, q]

    with m = depth_multiplier: a convolution with far fewer weights, in which space and channels are seen one by one.

    Args:
        filters: Number of feature maps k of the output, int >= 1.
        kernel_size: Height and width of the window; one whole number for both.
        strides: Rows and columns from one window to the next. Default 1.
        padding: "valid": windows stay inside the image; "same": zeros around it, output size ceil(size / stride).
        data_format: "channels_last" (None) or "channels_first".
        dilation_rate: Distance between the window's elements. Default 1.
        depth_multiplier: Number m of depthwise filters for each channel, int >= 1. Default 1.
        activation: Name or callable f, applied to the outputs; None is the identity.
        use_bias: Whether bias is added. Default True.
        depthwise_initializer, pointwise_initializer, bias_initializer: Initial weights. Default Glorot uniform, zeros.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer: Penalties.
        depthwise_constraint, pointwise_constraint, bias_constraint: Projections applied after each update.
    Input: (batch, height, width, channels), or (batch, channels, height, width) with channels_first, float.
    Output: (batch, new height, new width, filters), or (batch, filters, new height, new width), compute dtype.
    Weights: depthwise_kernel (height, width, channels, m); pointwise_kernel (1, 1, channels * m, filters);
        bias (filters,).

    Raises:
        ValueError: windows larger than the image; inputs with another number of axes, or of channels than the kernel
            was made for.

    Source: Chollet 2017, Xception, https://arxiv.org/abs/1610.02357

    Differs from Keras: whole numbers as inputs are taken.

    Example:
        >>> import jax.numpy as jnp
        >>> layer = SeparableConv2D(16, 3, padding="same")
        >>> layer(jnp.ones((2, 8, 8, 4))).shape, layer.count_params()
        ((2, 8, 8, 16), 116)
    """

    rank = 2


SeparableConvolution1D = family.add(SeparableConv1D, "SeparableConvolution1D")
SeparableConvolution2D = family.add(SeparableConv2D, "SeparableConvolution2D")
