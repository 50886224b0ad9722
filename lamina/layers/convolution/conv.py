"""Convolutions: `Conv1D`, `Conv2D`, `Conv3D`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina import constraints, initializers, regularizers
from lamina.core.errors import check_positive_int
from lamina.layers.base import family
from lamina.layers.convolution._base import Convolution, sliding_space
from lamina.layers.shapes import Shape
from lamina.ops import nn


class _Conv(Convolution):
    """Convolution over `rank` spatial axes; the public layers say which."""

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
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
        self.groups = check_positive_int("groups", groups, where)
        if self.filters % self.groups:
            raise ValueError(
                f"{where}filters: expected a multiple of groups={self.groups}, as each group makes an equal share of "
                f"them, received {self.filters}."
            )
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)

    def build(self, input_shape: Shape) -> None:
        """Create kernel (*kernel_size, channels / groups, filters) and bias (filters,)."""
        channels = self._known_channels(input_shape)
        if channels % self.groups:
            raise ValueError(
                f"{type(self).__name__} {self.path!r}: the {channels} channels of an input of shape {input_shape} "
                f"({self.data_format}) cannot be split into groups={self.groups} of equal size. Choose a number of "
                f"groups that divides {channels}."
            )
        self.kernel = self._add("kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self.bias = self._add("bias", (self.filters,)) if self.use_bias else None
        self._channels = channels

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return f(z): z[i, j, k] = bias[k] + sum over u, v, c of x[i * s + u, j * s + v, c] * kernel[u, v, c, k]."""
        return self._finish(self.convolution_op(inputs, self.kernel.value))

    def convolution_op(self, inputs: jax.Array, kernel: jax.Array) -> jax.Array:
        """Return the sums over the windows, without bias; a subclass may override it to change the kernel first."""
        padding = self.padding
        if padding == "causal":
            inputs, padding = self._pad_start(inputs), "valid"
        return nn.conv(inputs, kernel, self.strides, padding, self.data_format, self.dilation_rate)

    def _pad_start(self, inputs: jax.Array) -> jax.Array:
        """Put zeros before the first step, so that no window reaches beyond its own step."""
        margin = (self._span()[0] - 1, 0)
        last = self.data_format == "channels_last"
        return jnp.pad(inputs, [(0, 0), margin, (0, 0)] if last else [(0, 0), (0, 0), margin])

    def _output_channels(self, channels: int | None) -> int | None:
        return self.filters

    def _output_space(self, space: Shape) -> Shape:
        return sliding_space(self, space)


class Conv1D(_Conv):
    """Convolution of sequences: windows that slide over the steps, then an activation.

    y[i, k] = f(bias[k] + sum over u, c of x[i * stride + u * dilation, c] * kernel[u, c, k])

    Args:
        padding: "valid", "same", or "causal": zeros before the first step, so that no output sees a later step.
        filters, kernel_size, strides, data_format, dilation_rate, groups, …: As in `Conv2D`, for one spatial axis.
    Input: (batch, steps, channels), or (batch, channels, steps) with channels_first, float.
    Output: (batch, new steps, filters), or (batch, filters, new steps), compute dtype.
    Weights: kernel (kernel_size, channels / groups, filters); bias (filters,).

    Raises:
        ValueError: as `Conv2D`.

    Source: "causal" after van den Oord et al. 2016, WaveNet, https://arxiv.org/abs/1609.03499

    Differs from Keras: strides and dilation_rate may both be above 1.

    Example:
        >>> Conv1D(32, 3, padding="causal", dilation_rate=2)(jnp.ones((4, 10, 8))).shape
        (4, 10, 32)
    """

    rank = 1
    _paddings = ("valid", "same", "causal")


class Conv2D(_Conv):
    """Convolution of images: windows that slide over rows and columns, then an activation.

    y[i, j, k] = f(z[i, j, k]),
    z[i, j, k] = bias[k] + sum over u, v, c of x[i * s_h + u * d_h, j * s_w + v * d_w, c] * kernel[u, v, c, k]

    with strides (s_h, s_w), dilation (d_h, d_w), u and v over the kernel's rows and columns, c over the channels.

    Args:
        filters: Number of feature maps k of the output, int >= 1.
        kernel_size: Height and width of the window; one whole number for both.
        strides: Rows and columns from one window to the next. Default 1.
        padding: "valid": windows stay inside the image; "same": zeros around it, output size ceil(size / stride).
        data_format: "channels_last" (None) or "channels_first".
        dilation_rate: Distance between the window's elements. Default 1.
        groups: Into how many parts channels and filters are split, each part with filters of its own. Default 1.
        activation: Name or callable f, applied to the outputs; None is the identity.
        use_bias: Whether bias is added. Default True.
        kernel_initializer, bias_initializer: Initial weights. Default Glorot uniform and zeros.
        kernel_regularizer, bias_regularizer, activity_regularizer: Penalties that join the loss.
        kernel_constraint, bias_constraint: Projections applied after each update.
    Input: (batch, height, width, channels), or (batch, channels, height, width) with channels_first, float.
    Output: (batch, new height, new width, filters), or (batch, filters, new height, new width), compute dtype.
    Weights: kernel (height, width, channels / groups, filters); bias (filters,).

    Raises:
        ValueError: windows larger than the image; channels or filters that are no multiple of groups; inputs with
            another number of axes, or of channels than the kernel was made for.

    Source: LeCun et al. 1989, Backpropagation Applied to Handwritten Zip Code Recognition.

    Differs from Keras: strides and dilation_rate may both be above 1.

    Example:
        >>> layer = Conv2D(32, kernel_size=7, padding="same", activation="relu")
        >>> layer(jnp.ones((2, 70, 120, 3))).shape, layer.kernel.shape
        ((2, 70, 120, 32), (7, 7, 3, 32))
    """

    rank = 2


class Conv3D(_Conv):
    """Convolution of volumes or films: windows that slide over three axes, then an activation.

    y[h, i, j, k] = f(bias[k] + sum over t, u, v, c of x[h * s + t, i * s + u, j * s + v, c] * kernel[t, u, v, c, k])

    Args:
        filters, kernel_size, strides, padding, …: As in `Conv2D`, for three spatial axes.
    Input: (batch, depth, height, width, channels), or with the channels before the space (channels_first), float.
    Output: (batch, new depth, new height, new width, filters), or with the filters before the space, compute dtype.
    Weights: kernel (depth, height, width, channels / groups, filters); bias (filters,).

    Raises:
        ValueError: as `Conv2D`.

    Differs from Keras: strides and dilation_rate may both be above 1.

    Example:
        >>> Conv3D(4, (1, 3, 3), strides=2)(jnp.ones((2, 5, 9, 9, 1))).shape
        (2, 3, 4, 4, 4)
    """

    rank = 3


Convolution1D = family.add(Conv1D, "Convolution1D")
Convolution2D = family.add(Conv2D, "Convolution2D")
Convolution3D = family.add(Conv3D, "Convolution3D")
