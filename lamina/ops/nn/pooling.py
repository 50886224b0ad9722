"""Pooling over 1, 2 or 3 spatial axes: the largest value or the mean of each window.

Shapes are given for channels_last; with channels_first the channel axis stands after the batch axis.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array, as_float
from lamina.ops.nn._windows import (
    check_data_format,
    check_output,
    check_padding,
    over_all_axes,
    per_axis,
    spatial_axes,
    spatial_rank,
)

# Measured on a CPU, forward and gradient in a compiled loop, inputs 32 x 28 x 28 x 64, slices at once / axis by axis /
# reduce_window: 2 x 2 takes 0.8 / 2 / 31 ms, 3 x 3 by steps of 2 4 / 2 / 39, 7 x 7 - / 8 / 19, 14 x 14 - / 26 / 14.
_AT_ONCE = 4  # most elements of a window that is sliced at once
_LONGEST = 8  # longest window that is sliced axis by axis


@operation("nn")
def max_pool(
    inputs: Tensor,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> jax.Array:
    """Largest value of each window. The gradient goes to the first of equal values.

    Args:
        inputs: Array (batch, *space, channels) with 1 to 3 spatial axes.
        pool_size: Size of the window, one whole number or one per spatial axis.
        strides: Step of the window; None is the pool size.
        padding: "valid" (windows that lie inside) or "same" (output size ceil(size / stride)).
        data_format: "channels_last" (None) or "channels_first".

    Returns: array (batch, *new space, channels) of the same dtype.
    Raises:
        ValueError: a window larger than the input, unknown settings.

    Example:
        >>> print(max_pool([[[1.0], [4.0], [2.0], [3.0]]], 2)[0, :, 0])
        [4. 3.]
    """
    inputs = as_array(inputs)
    windows, steps, padding = _windows(inputs, pool_size, strides, padding, data_format, "max_pool")
    result = _reduce(inputs, windows, steps, padding, _MAX)
    check_output(result.size, inputs, "max_pool", f"the windows, pool_size={pool_size}")
    return result


@operation("nn")
def average_pool(
    inputs: Tensor,
    pool_size: int | Sequence[int],
    strides: int | Sequence[int] | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> jax.Array:
    """Mean of each window; what padding adds does not count.

    Args:
        inputs: Array (batch, *space, channels) with 1 to 3 spatial axes; whole numbers become floats.
        pool_size, strides, padding, data_format: As in `max_pool`.

    Returns: array (batch, *new space, channels), float.
    Raises:
        ValueError: a window larger than the input, unknown settings.

    Example:
        >>> print(average_pool([[[1.0], [4.0], [2.0]]], 2, padding="same")[0, :, 0])
        [2.5 2. ]
    """
    inputs = as_float(inputs)
    windows, steps, padding = _windows(inputs, pool_size, strides, padding, data_format, "average_pool")
    total = _reduce(inputs, windows, steps, padding, _SUM)
    check_output(total.size, inputs, "average_pool", f"the windows, pool_size={pool_size}")
    if padding == "VALID":
        return total / math.prod(windows)
    sizes = [size if window > 1 else 1 for size, window in zip(inputs.shape, windows, strict=True)]
    return total / _reduce(jnp.ones(sizes, inputs.dtype), windows, steps, padding, _SUM)


@operation("nn")
def adaptive_max_pool(inputs: Tensor, output_size: int | Sequence[int], data_format: str | None = None) -> jax.Array:
    """Largest values of windows that are spread evenly, so that the output has a given size.

    Window i of n covers [floor(i * size / n), ceil((i + 1) * size / n)).

    Args:
        inputs: Array (batch, *space, channels) with 1 to 3 spatial axes.
        output_size: Size of the output, one whole number or one per spatial axis.
        data_format: "channels_last" (None) or "channels_first".

    Returns: array (batch, *output_size, channels) of the same dtype.

    Example:
        >>> print(adaptive_max_pool([[[1.0], [4.0], [2.0], [3.0], [5.0]]], 2)[0, :, 0])
        [4. 5.]
    """
    return _adapt(_largest_along, as_array(inputs), output_size, data_format, "adaptive_max_pool")


@operation("nn")
def adaptive_average_pool(
    inputs: Tensor, output_size: int | Sequence[int], data_format: str | None = None
) -> jax.Array:
    """Means of windows that are spread evenly, so that the output has a given size.

    Window i of n covers [floor(i * size / n), ceil((i + 1) * size / n)).

    Args:
        inputs: Array (batch, *space, channels) with 1 to 3 spatial axes; whole numbers become floats.
        output_size: Size of the output, one whole number or one per spatial axis.
        data_format: "channels_last" (None) or "channels_first".

    Returns: array (batch, *output_size, channels), float.

    Example:
        >>> print(adaptive_average_pool([[[1.0], [4.0], [1.0], [3.0]]], 2)[0, :, 0])
        [2.5 2. ]
    """
    return _adapt(_mean_along, as_float(inputs), output_size, data_format, "adaptive_average_pool")


def _windows(
    inputs: jax.Array, pool_size: Any, strides: Any, padding: str, data_format: str | None, where: str
) -> tuple[tuple[int, ...], tuple[int, ...], str]:
    """Window and step along each axis, and the padding as JAX spells it."""
    rank, data_format = spatial_rank(inputs, where), check_data_format(data_format, where)
    windows = per_axis(pool_size, rank, "pool_size", where)
    steps = windows if strides is None else per_axis(strides, rank, "strides", where)
    padding = check_padding(padding, where).upper()
    return over_all_axes(windows, data_format), over_all_axes(steps, data_format), padding


class _Reduction(NamedTuple):
    """How the values of a window become one."""

    neutral: Callable[[Any], Any]  # what padding holds, for a dtype
    join: Callable[[jax.Array, jax.Array], jax.Array]
    whole: Callable[[Any, Any], Any]  # the same as XLA's own reduction


def _lowest(dtype: Any) -> Any:
    if jnp.issubdtype(dtype, jnp.inexact):
        return -np.inf
    return False if jnp.issubdtype(dtype, jnp.bool_) else jnp.iinfo(dtype).min


def _larger(best: jax.Array, part: jax.Array) -> jax.Array:
    """A choice, not `maximum`, whose gradient would be shared between equal values. NaN wins, as it does there."""
    return jnp.where((part > best) | (part != part), part, best)


_MAX = _Reduction(_lowest, _larger, lax.max)
_SUM = _Reduction(lambda dtype: 0, lax.add, lax.add)


def _reduce(
    x: jax.Array, windows: tuple[int, ...], steps: tuple[int, ...], padding: str, reduction: _Reduction
) -> jax.Array:
    """The reduction of each window, out of strided slices where the windows are short."""
    if max(windows) > _LONGEST:
        neutral = np.asarray(reduction.neutral(x.dtype), x.dtype)
        return lax.reduce_window(x, neutral, reduction.whole, windows, steps, padding)
    if math.prod(windows) <= _AT_ONCE:
        return _reduce_slices(x, windows, steps, padding, reduction)
    for axis in reversed(range(x.ndim)):  # from the last axis, so that of equal values the first one is chosen
        if max(windows[axis], steps[axis]) > 1:
            window, step = ([sizes[i] if i == axis else 1 for i in range(x.ndim)] for sizes in (windows, steps))
            x = _reduce_slices(x, tuple(window), tuple(step), padding, reduction)
    return x


@functools.partial(jax.jit, static_argnums=(1, 2, 3, 4), inline=True)  # outside of a step, one program for all slices
def _reduce_slices(
    x: jax.Array, windows: tuple[int, ...], steps: tuple[int, ...], padding: str, reduction: _Reduction
) -> jax.Array:
    """Join one strided slice for each place in the window."""
    margins = lax.padtype_to_pads(x.shape, windows, steps, padding)
    if any(before or after for before, after in margins):
        neutral = np.asarray(reduction.neutral(x.dtype), x.dtype)
        x = lax.pad(x, neutral, [(before, after, 0) for before, after in margins])
    counts = [max((size - window) // step + 1, 0) for size, window, step in zip(x.shape, windows, steps, strict=True)]
    parts = []
    for offsets in itertools.product(*map(range, windows)):
        ends = [at + (n - 1) * step + 1 if n else at for at, n, step in zip(offsets, counts, steps, strict=True)]
        parts.append(lax.slice(x, offsets, ends, steps))
    return functools.reduce(reduction.join, parts)


def _adapt(pool: Any, x: jax.Array, output_size: Any, data_format: str | None, where: str) -> jax.Array:
    """Pool one spatial axis after the other."""
    rank, data_format = spatial_rank(x, where), check_data_format(data_format, where)
    counts = per_axis(output_size, rank, "output_size", where)
    for axis, count in zip(spatial_axes(rank, data_format), counts, strict=True):
        x = pool(x, axis, count)
    return x


@functools.partial(jax.jit, static_argnums=(1, 2), inline=True)
def _largest_along(x: jax.Array, axis: int, count: int) -> jax.Array:
    starts, ends = spans(x.shape[axis], count)
    # All windows get the length of the longest: shorter ones repeat their last element.
    steps = np.arange((ends - starts).max())
    x = jnp.take(x, np.minimum(starts + steps, ends - 1), axis=axis)
    first = jnp.argmax(x, axis=axis + 1, keepdims=True)
    return jnp.take_along_axis(x, first, axis=axis + 1).squeeze(axis + 1)


@functools.partial(jax.jit, static_argnums=(1, 2), inline=True)
def _mean_along(x: jax.Array, axis: int, count: int) -> jax.Array:
    starts, ends = spans(x.shape[axis], count)
    places = np.arange(x.shape[axis])
    shares = ((places >= starts) & (places < ends)) / (ends - starts)  # (outputs, inputs), rows sum to one
    result = jnp.tensordot(jnp.asarray(shares, x.dtype), x, axes=(1, axis), precision=lax.Precision.HIGHEST)
    return jnp.moveaxis(result, 0, axis)


def spans(size: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each adaptive window starts and ends, two columns."""
    place = np.arange(count)[:, None]
    return place * size // count, -(-(place + 1) * size // count)
