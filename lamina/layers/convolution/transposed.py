"""Transposed convolutions, which make the space larger: `Conv1DTranspose`, `Conv2DTranspose`, `Conv3DTranspose`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from lamina import constraints, initializers, regularizers
from lamina.core.errors import check_positive_int
from lamina.layers.base import family
from lamina.layers.convolution._base import Convolution
from lamina.layers.shapes import Shape
from lamina.ops import nn
from lamina.ops.nn._windows import per_axis


class _ConvTranspose(Convolution):
    """Transposed convolution over `rank` spatial axes; the public layers say which."""

    _when_empty = "Use larger inputs or a larger output_padding."

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        output_padding: int | Sequence[int] | None = None,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
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
        where = f"{type(self).__name__} {self.name!r}"
        self.filters = check_positive_int("filters", filters, f"{where}: ")
        self.output_padding: tuple[int, ...] | None = None
        if output_padding is not None:
            self.output_padding = per_axis(output_padding, self.rank, "output_padding", where, minimum=0)
            if any(extra >= stride for extra, stride in zip(self.output_padding, self.strides, strict=True)):
                raise ValueError(
                    f"{where}: output_padding: expected numbers below strides {self.strides}, axis by axis, received "
                    f"{self.output_padding}: what is added at the end is less than a step."
                )
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)

    def build(self, input_shape: Shape) -> None:
        """Create kernel (*kernel_size, filters, channels) and bias (filters,)."""
        channels = self._known_channels(input_shape)
        self.kernel = self._add("kernel", (*self.kernel_size, self.filters, channels))
        self.bias = self._add("bias", (self.filters,)) if self.use_bias else None
        self._channels = channels

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return f(z): each input, times the kernel, is added to z at i * stride."""
        z = nn.conv_transpose(
            inputs,
            self.kernel.value,
            self.strides,
            self.padding,
            self.output_padding,
            self.data_format,
            self.dilation_rate,
        )
        return self._finish(z)

    def _output_channels(self, channels: int | None) -> int | None:
        return self.filters

    def _output_space(self, space: Shape) -> Shape:
        extras = self.output_padding or (None,) * self.rank
        axes = zip(space, self._span(), self.strides, extras, strict=True)
        return tuple(None if n is None else self._grown(n, span, stride, extra) for n, span, stride, extra in axes)

    def _grown(self, n: int, span: int, stride: int, extra: int | None) -> int:
        """Size that n steps of `stride` give: all that the windows reach with "valid", n * stride with "same"."""
        if self.padding == "valid":
            return (n - 1) * stride + (max(span, stride) if extra is None else span + extra)
        return n * stride if extra is None else (n - 1) * stride + span % 2 + extra


class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution of sequences: `Conv2DTranspose` for one spatial axis.

    Args:
        filters, kernel_size, strides, padding, …: As in `Conv2DTranspose`.
    Input: (batch, steps, channels), or (batch, channels, steps) with channels_first, float.
    Output: (batch, new steps, filters), or (batch, filters, new steps), compute dtype.
    Weights: kernel (kernel_size, filters, channels); bias (filters,).

    Raises:
        ValueError: as `Conv2DTranspose`.

    Differs from Keras: strides and dilation_rate may both be above 1.

    Example:
        >>> import jax.numpy as jnp
        >>> Conv1DTranspose(4, 3, strides=2, padding="same")(jnp.ones((2, 5, 8))).shape
        (2, 10, 4)
    """

    rank = 1


class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution of images, which makes them larger, then an activation: y = f(z + bias).

    z[i * s_h + u * d_h, j * s_w + v * d_w, k] = sum over all such i, j, u, v and c of x[i, j, c] * kernel[u, v, k, c]

    It is the gradient of a convolution with the same kernel, strides (s_h, s_w) and dilation (d_h, d_w).

    Args:
        filters: Number of feature maps k of the output, int >= 1.
        kernel_size: Height and width of the window; one whole number for both.
        strides: Rows and columns from one window to the next: the factor by which the image grows. Default 1.
        padding: "valid" keeps all that the windows reach; "same" gives size * stride.
        output_padding: Rows and columns added at the end, below strides; None fits the size to `padding`.
            With "same" the size is then (size - 1) * stride + (1 for odd windows, else 0) + output_padding.
        data_format: "channels_last" (None) or "channels_first".
        dilation_rate: Distance between the window's elements. Default 1.
        activation: Name or callable f, applied to the outputs; None is the identity.
        use_bias: Whether bias is added. Default True.
        kernel_initializer, bias_initializer: Initial weights. Default Glorot uniform and zeros.
        kernel_regularizer, bias_regularizer, activity_regularizer: Penalties that join the loss.
        kernel_constraint, bias_constraint: Projections applied after each update.
    Input: (batch, height, width, channels), or (batch, channels, height, width) with channels_first, float.
    Output: (batch, new height, new width, filters), or (batch, filters, new height, new width), compute dtype.
    Weights: kernel (height, width, filters, channels); bias (filters,).

    Raises:
        ValueError: output_padding that is not below strides; inputs with another number of axes, or of channels than
            the kernel was made for.

    Source: Zeiler et al. 2010, Deconvolutional Networks.

    Differs from Keras: strides and dilation_rate may both be above 1.

    Example:
        >>> import jax.numpy as jnp
        >>> layer = Conv2DTranspose(8, 3, strides=2, padding="same")
        >>> layer(jnp.ones((2, 7, 7, 16))).shape, layer.kernel.shape
        ((2, 14, 14, 8), (3, 3, 8, 16))
    """

    rank = 2


class Conv3DTranspose(_ConvTranspose):
    """Transposed convolution of volumes: `Conv2DTranspose` for three spatial axes.

    Args:
        filters, kernel_size, strides, padding, …: As in `Conv2DTranspose`; data_format stands before output_padding.
    Input: (batch, depth, height, width, channels), or with the channels before the space (channels_first), float.
    Output: (batch, new depth, new height, new width, filters), or with the filters before the space, compute dtype.
    Weights: kernel (depth, height, width, filters, channels); bias (filters,).

    Raises:
        ValueError: as `Conv2DTranspose`.

    Differs from Keras: strides and dilation_rate may both be above 1.

    Example:
        >>> import jax.numpy as jnp
        >>> Conv3DTranspose(2, 2, strides=(1, 2, 2))(jnp.ones((1, 3, 4, 4, 5))).shape
        (1, 4, 8, 8, 2)
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: int | Sequence[int] | None = None,
        dilation_rate: int | Sequence[int] = 1,
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
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            output_padding=output_padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


Convolution1DTranspose = family.add(Conv1DTranspose, "Convolution1DTranspose")
Convolution2DTranspose = family.add(Conv2DTranspose, "Convolution2DTranspose")
Convolution3DTranspose = family.add(Conv3DTranspose, "Convolution3DTranspose")
