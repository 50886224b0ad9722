"""Convolutions over 1, 2 or 3 spatial axes.

Shapes are given for channels_last; with channels_first the channel axis stands after the batch axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array, as_float, promote_floats
from lamina.ops.nn._convolve import Geometry, convolve
from lamina.ops.nn._windows import (
    channel_axis,
    check_data_format,
    check_output,
    check_padding,
    per_axis,
    spatial_axes,
    spatial_rank,
)


@operation("nn")
def conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> jax.Array:
    """Convolution: y[b, i, k] = sum over j, c of x[b, i * stride + j * dilation, c] * kernel[j, c, k].

    Args:
        inputs: Array (batch, *space, channels) with 1 to 3 spatial axes.
        kernel: Array (*window, channels / groups, filters). The inputs are cast to its dtype.
        strides: Step of the window, one whole number or one per spatial axis. Default 1.
        padding: "valid" (none) or "same" (zeros on both sides, output size ceil(size / stride)).
        data_format: "channels_last" (None) or "channels_first".
        dilation_rate: Distance between the window's elements. Default 1.

    Returns: array (batch, *new space, filters).
    Raises:
        ValueError: channels that are no multiple of the kernel's, a window larger than the input, unknown settings.

    Example:
        >>> print(conv([[[1.0], [2.0], [3.0]]], [[[1.0]], [[10.0]]])[0, :, 0])
        [21. 32.]
    """
    kernel = as_float(kernel)
    inputs = as_array(inputs, kernel.dtype)
    data_format = check_data_format(data_format, "conv")
    _check_kernel(inputs, kernel, "conv")
    channels, expected = inputs.shape[channel_axis(data_format)], kernel.shape[-2]
    if channels % expected or kernel.shape[-1] % (channels // expected):
        raise ValueError(
            f"conv: inputs of shape {inputs.shape} have {channels} channels ({data_format}), but the kernel of shape "
            f"{kernel.shape} (*window, channels, filters) is for {expected}. In grouped convolutions both the channels "
            "and the filters are multiples of the number of groups."
        )
    return _convolve(inputs, kernel, strides, padding, data_format, dilation_rate, channels // expected, "conv")


@operation("nn")
def depthwise_conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> jax.Array:
    """Convolution of each channel by itself, with `multiplier` filters for each.

    Args:
        inputs: Array (batch, *space, channels).
        kernel: Array (*window, channels, multiplier).
        strides, padding, data_format, dilation_rate: As in `conv`.

    Returns: array (batch, *new space, channels * multiplier).
    Raises:
        ValueError: as `conv`.

    Example:
        >>> print(depthwise_conv([[[1.0, 5.0], [2.0, 6.0]]], [[[1.0], [1.0]], [[1.0], [-1.0]]]))
        [[[ 3. -1.]]]
    """
    inputs, kernel = promote_floats(inputs, kernel)
    data_format = check_data_format(data_format, "depthwise_conv")
    channels = _check_channels(inputs, kernel, data_format, -2, "depthwise_conv")
    kernel = kernel.reshape((*kernel.shape[:-2], 1, channels * kernel.shape[-1]))
    return _convolve(inputs, kernel, strides, padding, data_format, dilation_rate, channels, "depthwise_conv")


@operation("nn")
def separable_conv(
    inputs: Tensor,
    depthwise_kernel: Tensor,
    pointwise_kernel: Tensor,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> jax.Array:
    """A depthwise convolution, then one with windows of size 1 that mixes the channels.

    Args:
        inputs: Array (batch, *space, channels).
        depthwise_kernel: Array (*window, channels, multiplier).
        pointwise_kernel: Array (1, …, channels * multiplier, filters).
        strides, padding, data_format, dilation_rate: As in `conv`, of the depthwise convolution.

    Returns: array (batch, *new space, filters).
    Raises:
        ValueError: as `conv`.
    Source: Chollet 2017, https://arxiv.org/abs/1610.02357

    Example:
        >>> from jax.numpy import ones
        >>> separable_conv(ones((1, 5, 5, 2)), ones((3, 3, 2, 1)), ones((1, 1, 2, 4))).shape
        (1, 3, 3, 4)
    """
    spread = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(spread, pointwise_kernel, data_format=data_format)


@operation("nn")
def conv_transpose(
    inputs: Tensor,
    kernel: Tensor,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> jax.Array:
    """Transpose of a convolution, from its output's shape back to its input's.

    y[b, i * stride + j * dilation, k] = sum over all such i, j, c of x[b, i, c] * kernel[j, k, c].

    Args:
        inputs: Array (batch, *space, channels).
        kernel: Array (*window, filters, channels).
        strides: Factor by which the space grows. Default 1.
        padding: "valid" keeps all that windows reach; "same" gives size * stride.
        output_padding: Size of what is added at the end of each spatial axis; None fits it to the sizes above.
        data_format: "channels_last" (None) or "channels_first".
        dilation_rate: Distance between the window's elements. Default 1.

    Returns: array (batch, *new space, filters).
    Raises:
        ValueError: channels that are not the kernel's, unknown settings.
    Source: Zeiler et al. 2010, Deconvolutional Networks.

    Example:
        >>> print(conv_transpose([[[1.0], [2.0]]], [[[1.0]], [[10.0]]], strides=2)[0, :, 0])
        [ 1. 10.  2. 20.]
    """
    where = "conv_transpose"
    inputs, kernel = promote_floats(inputs, kernel)
    data_format, padding = check_data_format(data_format, where), check_padding(padding, where)
    _check_channels(inputs, kernel, data_format, -1, where)
    rank = spatial_rank(inputs, where)
    strides = per_axis(strides, rank, "strides", where)
    dilation_rate = per_axis(dilation_rate, rank, "dilation_rate", where)
    extra = (None,) * rank if output_padding is None else per_axis(output_padding, rank, "output_padding", where, 0)
    windows = [(size - 1) * rate + 1 for size, rate in zip(kernel.shape, dilation_rate, strict=False)]
    margins = [transposed_margins(*sizes, padding) for sizes in zip(windows, strides, extra, strict=True)]
    geometry = Geometry((1,) * rank, tuple(margins), strides, dilation_rate)
    turned = jnp.swapaxes(jnp.flip(kernel, range(rank)), -1, -2)  # (*window, channels, filters)
    return _with_channels_last(lambda x: convolve(x, turned, geometry), inputs, data_format)


def transposed_margins(window: int, stride: int, extra: int | None, padding: str) -> tuple[int, int]:
    """Zeros before and after inputs that are spread by `stride`, so that the output has the size Keras gives it.

    From n inputs that is (n - 1) * stride + 1 + before + after - (window - 1).
    """
    if padding == "valid":  # (n - 1) * stride + window + extra; without extra at least n * stride
        before = window - 1
        return before, before + (max(stride - window, 0) if extra is None else extra)
    # n * stride, or (n - 1) * stride + window % 2 + extra
    total = stride + window - 2 if extra is None else window + window % 2 - 2 + extra
    before = min((total + 1) // 2, window - 1)
    return before, total - before


def _convolve(
    inputs: jax.Array,
    kernel: jax.Array,
    strides: int | Sequence[int],
    padding: str,
    data_format: str,
    dilation_rate: int | Sequence[int],
    groups: int,
    where: str,
) -> jax.Array:
    rank = spatial_rank(inputs, where)
    steps = per_axis(strides, rank, "strides", where)
    rates = per_axis(dilation_rate, rank, "dilation_rate", where)
    sizes = [inputs.shape[axis] for axis in spatial_axes(rank, data_format)]
    windows = [(size - 1) * rate + 1 for size, rate in zip(kernel.shape, rates, strict=False)]
    margins = lax.padtype_to_pads(sizes, windows, steps, check_padding(padding, where).upper())
    counts = [
        max((size + sum(margin) - window) // step + 1, 0)
        for size, margin, window, step in zip(sizes, margins, windows, steps, strict=True)
    ]
    check_output(math.prod(counts), inputs, where, f"the windows of a kernel of shape {kernel.shape}")
    geometry = Geometry(steps, tuple(margins), (1,) * rank, rates)
    return _with_channels_last(lambda x: convolve(x, kernel, geometry, groups), inputs, data_format)


def _with_channels_last(function: Callable[[jax.Array], jax.Array], x: jax.Array, data_format: str) -> jax.Array:
    """Apply a function of channels-last arrays to an array of either format."""
    if data_format == "channels_last":
        return function(x)
    return jnp.moveaxis(function(jnp.moveaxis(x, 1, -1)), -1, 1)


def _check_kernel(inputs: jax.Array, kernel: jax.Array, where: str) -> None:
    spatial_rank(inputs, where)
    if kernel.ndim != inputs.ndim or 0 in kernel.shape:
        raise ValueError(
            f"{where}: kernel: expected {inputs.ndim} axes of at least one element, as many as the inputs of shape "
            f"{inputs.shape} have, received shape {kernel.shape}."
        )


def _check_channels(inputs: jax.Array, kernel: jax.Array, data_format: str, axis: int, where: str) -> int:
    """Return the number of channels, which has to be that of the kernel's axis."""
    _check_kernel(inputs, kernel, where)
    channels = inputs.shape[channel_axis(data_format)]
    if channels != kernel.shape[axis]:
        raise ValueError(
            f"{where}: inputs of shape {inputs.shape} have {channels} channels ({data_format}), but the kernel of "
            f"shape {kernel.shape} is for {kernel.shape[axis]}."
        )
    return channels
