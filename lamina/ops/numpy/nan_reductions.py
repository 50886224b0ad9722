"""Reductions that leave NaN out.

In all of them `axis` is an axis, a tuple or list of axes, or None for all; `keepdims` keeps reduced axes with size 1.
Where only NaN is left, sums are 0, products 1, and the others NaN (`nanargmax` and `nanargmin`: -1).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.ops.numpy._tensors import axes, dtype_name, floating, value
from lamina.ops.numpy.reductions import Axis


@operation("numpy")
def nansum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Sum of the elements that are not NaN.

    Example:
        >>> print(nansum([1.0, float("nan"), 2.0]))
        3.0
    """
    return jnp.nansum(value(x), axis=axes(axis), keepdims=keepdims)


@operation("numpy")
def nanprod(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Product of the elements that are not NaN.

    Example:
        >>> print(nanprod([3.0, float("nan"), 2.0]))
        6.0
    """
    return jnp.nanprod(value(x), axis=axes(axis), keepdims=keepdims)


@operation("numpy")
def nanmax(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Largest element that is not NaN.

    Example:
        >>> print(nanmax([1.0, float("nan"), 2.0]))
        2.0
    """
    return jnp.nanmax(value(x), axis=axes(axis), keepdims=keepdims)


@operation("numpy")
def nanmin(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Smallest element that is not NaN.

    Example:
        >>> print(nanmin([1.0, float("nan"), 2.0]))
        1.0
    """
    return jnp.nanmin(value(x), axis=axes(axis), keepdims=keepdims)


@operation("numpy")
def nanargmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> jax.Array:
    """Index of the largest element that is not NaN, int32; -1 where all are.

    Example:
        >>> print(nanargmax([1.0, float("nan"), 2.0]))
        2
    """
    return jnp.nanargmax(value(x), axis=axis, keepdims=keepdims)


@operation("numpy")
def nanargmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> jax.Array:
    """Index of the smallest element that is not NaN, int32; -1 where all are.

    Example:
        >>> print(nanargmin([1.0, float("nan"), 2.0]))
        0
    """
    return jnp.nanargmin(value(x), axis=axis, keepdims=keepdims)


@operation("numpy")
def nanmean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Mean of the elements that are not NaN.

    Example:
        >>> print(nanmean([1.0, float("nan"), 2.0]))
        1.5
    """
    return jnp.nanmean(floating(x), axis=axes(axis), keepdims=keepdims)


@operation("numpy")
def nanvar(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Variance of the elements that are not NaN: mean((x - mean(x))²).

    Example:
        >>> print(nanvar([1.0, float("nan"), 3.0]))
        1.0
    """
    return jnp.nanvar(floating(x), axis=axes(axis), keepdims=keepdims)


@operation("numpy")
def nanstd(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Standard deviation of the elements that are not NaN: sqrt(nanvar(x)).

    Example:
        >>> print(nanstd([1.0, float("nan"), 3.0]))
        1.0
    """
    return jnp.nanstd(floating(x), axis=axes(axis), keepdims=keepdims)


@operation("numpy")
def nanmedian(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Median of the elements that are not NaN.

    Example:
        >>> print(nanmedian([1.0, float("nan"), 3.0, 8.0]))
        3.0
    """
    return jnp.nanmedian(floating(x), axis=axes(axis), keepdims=keepdims)


@operation("numpy")
def nanquantile(x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> jax.Array:
    """Quantiles of the elements that are not NaN.

    Args: as for `quantile`.

    Example:
        >>> print(nanquantile([1.0, float("nan"), 2.0], 0.5))
        1.5
    """
    return jnp.nanquantile(floating(x), value(q), axis=axes(axis), method=method, keepdims=keepdims)


@operation("numpy")
def nanpercentile(x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> jax.Array:
    """Percentiles of the elements that are not NaN.

    Args: as for `percentile`.

    Example:
        >>> print(nanpercentile([1.0, float("nan"), 2.0], 50))
        1.5
    """
    return jnp.nanpercentile(floating(x), value(q), axis=axes(axis), method=method, keepdims=keepdims)


@operation("numpy")
def nancumsum(x: Tensor, axis: int | None = None, dtype: str | None = None) -> jax.Array:
    """Running sum in which NaN counts as 0.

    Args: as for `cumsum`.

    Example:
        >>> print(nancumsum([1.0, float("nan"), 2.0]))
        [1. 1. 3.]
    """
    return jnp.nancumsum(value(x), axis=axis, dtype=dtype_name(dtype))


@operation("numpy")
def nancumprod(x: Tensor, axis: int | None = None, dtype: str | None = None) -> jax.Array:
    """Running product in which NaN counts as 1.

    Args: as for `cumsum`.

    Example:
        >>> print(nancumprod([3.0, float("nan"), 2.0]))
        [3. 3. 6.]
    """
    return jnp.nancumprod(value(x), axis=axis, dtype=dtype_name(dtype))
