"""Reductions: one number out of all elements, or out of those along some axes; and running sums.

In all of them `axis` is an axis, a tuple or list of axes, or None for all; `keepdims` keeps reduced axes with size 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.ops.numpy._tensors import axes, dtype_name, value

Axis: TypeAlias = int | Sequence[int] | None


@operation("numpy")
def sum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Sum of the elements; small integers and bools add up in 32 bits.

    Args:
        x: Tensor.
        axis: Axis or axes to sum over; None: all. Default None.
        keepdims: Whether reduced axes stay, with size 1. Default False.

    Example:
        >>> print(sum([[1, 2], [3, 4]], axis=0))
        [4 6]
    """
    return jnp.sum(value(x), axis=axis, keepdims=keepdims)


@operation("numpy")
def prod(x: Tensor, axis: Axis = None, keepdims: bool = False, dtype: str | None = None) -> jax.Array:
    """Product of the elements; small integers and bools multiply in 32 bits.

    Args:
        x: Tensor.
        axis: Axis or axes to multiply over; None: all. Default None.
        keepdims: Whether reduced axes stay, with size 1. Default False.
        dtype: Type to compute in; None follows x. Default None.

    Example:
        >>> print(prod([[1, 2], [3, 4]], axis=0))
        [3 8]
    """
    return jnp.prod(value(x), axis=axis, keepdims=keepdims, dtype=dtype_name(dtype))


@operation("numpy")
def max(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: float | None = None) -> jax.Array:
    """Largest element; NaN where there is one.

    Args:
        x: Tensor.
        axis: Axis or axes to reduce; None: all. Default None.
        keepdims: Whether reduced axes stay, with size 1. Default False.
        initial: Lower bound of the result, needed where an axis is empty. Default None.

    Example:
        >>> print(max([[1, 2], [3, 4]], axis=1))
        [2 4]
    """
    return jnp.max(value(x), axis=axis, keepdims=keepdims, initial=initial)


@operation("numpy")
def min(x: Tensor, axis: Axis = None, keepdims: bool = False, initial: float | None = None) -> jax.Array:
    """Smallest element; NaN where there is one.

    Args:
        x: Tensor.
        axis: Axis or axes to reduce; None: all. Default None.
        keepdims: Whether reduced axes stay, with size 1. Default False.
        initial: Upper bound of the result, needed where an axis is empty. Default None.

    Example:
        >>> print(min([[1, 2], [3, 4]], axis=1))
        [1 3]
    """
    return jnp.min(value(x), axis=axis, keepdims=keepdims, initial=initial)


@operation("numpy")
def amax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Largest element; `max` without `initial`.

    Example:
        >>> print(amax([[1, 2], [3, 4]], axis=1))
        [2 4]
    """
    return jnp.max(value(x), axis=axis, keepdims=keepdims)


@operation("numpy")
def amin(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Smallest element; `min` without `initial`.

    Example:
        >>> print(amin([[1, 2], [3, 4]], axis=1))
        [1 3]
    """
    return jnp.min(value(x), axis=axis, keepdims=keepdims)


@operation("numpy")
def ptp(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Range, peak to peak: max(x) - min(x).

    Example:
        >>> print(ptp([[1, 5], [3, 4]], axis=1))
        [4 1]
    """
    return jnp.ptp(value(x), axis=axis, keepdims=keepdims)


@operation("numpy")
def all(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Whether all elements are true, that is not 0.

    Example:
        >>> print(all([[True, False], [True, True]], axis=1))
        [False  True]
    """
    return jnp.all(value(x), axis=axis, keepdims=keepdims)


@operation("numpy")
def any(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Whether some element is true, that is not 0.

    Example:
        >>> print(any([[True, False], [False, False]], axis=1))
        [ True False]
    """
    return jnp.any(value(x), axis=axis, keepdims=keepdims)


@operation("numpy")
def count_nonzero(x: Tensor, axis: Axis = None) -> jax.Array:
    """Number of elements that are not 0, int32.

    Example:
        >>> print(count_nonzero([[1, 0], [3, 4]], axis=0))
        [2 1]
    """
    return jnp.count_nonzero(value(x), axis=axes(axis))


@operation("numpy")
def cumsum(x: Tensor, axis: int | None = None, dtype: str | None = None) -> jax.Array:
    """Running sum: y[i] = x[0] + … + x[i].

    Args:
        x: Tensor.
        axis: Axis to run along; None: along the flattened tensor. Default None.
        dtype: Type to compute in; None follows x. Default None.

    Example:
        >>> print(cumsum([1, 2, 3]))
        [1 3 6]
    """
    return jnp.cumsum(value(x), axis=axis, dtype=dtype_name(dtype))


@operation("numpy")
def cumprod(x: Tensor, axis: int | None = None, dtype: str | None = None) -> jax.Array:
    """Running product: y[i] = x[0] · … · x[i].

    Args: as for `cumsum`.

    Example:
        >>> print(cumprod([1, 2, 3]))
        [1 2 6]
    """
    return jnp.cumprod(value(x), axis=axis, dtype=dtype_name(dtype))
