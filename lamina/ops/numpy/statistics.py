"""Means, spreads, quantiles and counts; integers give the default float type."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array
from lamina.ops.numpy._tensors import axes, floating, floating_pair, value, values_needed
from lamina.ops.numpy.reductions import Axis


@operation("numpy")
def mean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Mean: sum(x) / n. 16-bit floats are added in float32.

    Args:
        x: Tensor.
        axis: Axis or axes to reduce; None: all. Default None.
        keepdims: Whether reduced axes stay, with size 1. Default False.

    Example:
        >>> print(mean([[1, 2], [3, 4]], axis=0))
        [2. 3.]
    """
    return jnp.mean(floating(x), axis=axis, keepdims=keepdims)


@operation("numpy")
def var(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Variance: mean((x - mean(x))²). 16-bit floats are computed in float32.

    Args: as for `mean`.

    Example:
        >>> print(var([1, 3]))
        1.0
    """
    return jnp.var(floating(x), axis=axis, keepdims=keepdims)


@operation("numpy")
def std(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Standard deviation: sqrt(var(x)).

    Args: as for `mean`.

    Example:
        >>> print(std([1, 3]))
        1.0
    """
    return jnp.std(floating(x), axis=axis, keepdims=keepdims)


@operation("numpy")
def average(x: Tensor, axis: Axis = None, weights: Tensor | None = None) -> jax.Array:
    """Weighted mean: sum(w x) / sum(w).

    Args:
        x: Tensor.
        axis: Axis or axes to reduce; None: all. Default None.
        weights: Tensor of x's shape, or a vector along `axis`; None weighs all alike. Default None.

    Example:
        >>> print(average([1.0, 4.0], weights=[2.0, 1.0]))
        2.0
    """
    if weights is None:
        return jnp.average(floating(x), axis=axis)
    x, weights = floating_pair(x, weights)
    return jnp.average(x, axis=axis, weights=weights)


@operation("numpy")
def median(x: Tensor, axis: Axis = None, keepdims: bool = False) -> jax.Array:
    """Median: the middle one of the sorted elements, or the mean of the middle two.

    Args: as for `mean`.

    Example:
        >>> print(median([1, 8, 3]))
        3.0
    """
    return jnp.median(floating(x), axis=axes(axis), keepdims=keepdims)


@operation("numpy")
def quantile(x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> jax.Array:
    """Quantiles: the values below which a fraction q of the elements lies.

    Args:
        x: Tensor.
        q: Fraction or vector of fractions in [0, 1].
        axis: Axis or axes to reduce; None: all. Default None.
        method: What stands between two elements: "linear", "lower", "higher", "midpoint" or "nearest".
        keepdims: Whether reduced axes stay, with size 1. Default False.

    Returns:
        Tensor whose first axis runs over q, if that is a vector; the others are those of x that are left.

    Example:
        >>> print(quantile([1, 2, 3, 4, 5], [0.25, 0.5]))
        [2. 3.]
    """
    return jnp.quantile(floating(x), value(q), axis=axes(axis), method=method, keepdims=keepdims)


@operation("numpy")
def percentile(x: Tensor, q: Tensor, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> jax.Array:
    """Percentiles: `quantile` with q in percent, in [0, 100].

    Args: as for `quantile`.

    Example:
        >>> print(percentile([1, 2, 3, 4, 5], 25))
        2.0
    """
    return jnp.percentile(floating(x), value(q), axis=axes(axis), method=method, keepdims=keepdims)


@operation("numpy")
def corrcoef(x: Tensor) -> jax.Array:
    """Correlation of the rows of x with one another: r[i, j] = cov(x[i], x[j]) / (std(x[i]) std(x[j])).

    Args:
        x: Tensor (variables, observations), or a vector, whose correlation is 1.

    Example:
        >>> print(corrcoef([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]).round(3))
        [[ 1. -1.]
         [-1.  1.]]
    """
    return jnp.corrcoef(floating(x))


@operation("numpy")
def bincount(x: Tensor, weights: Any = None, minlength: int = 0, sparse: bool = False) -> jax.Array:
    """Count of each integer: y[k] = number of elements of x that are k, or the sum of their weights.

    Args:
        x: Integers >= 0: a vector, or (batch, n), whose rows are counted one by one.
        weights: Tensor of x's shape; None counts each element as 1. Default None.
        minlength: Least length of the result. Default 0.
        sparse: Only False: lamina has no sparse tensors.

    Returns:
        Tensor (max(x) + 1,) or (batch, max(x) + 1), at least `minlength` long; int32, or of the weights' type.

    Raises:
        TypeError: in a model or another compiled function; the length depends on x.
        ValueError: sparse=True.

    Differs from Keras: rows may have different largest elements.

    Example:
        >>> print(bincount([0, 1, 1, 3]))
        [1 2 0 1]
    """
    if sparse:
        raise ValueError("bincount: sparse=True is not supported, since lamina has no sparse tensors; leave it out.")
    x, weights = as_array(x), value(weights)
    with values_needed(
        "bincount", "Count with lamina.ops.one_hot and lamina.ops.sum, whose number of classes is fixed."
    ):
        length = int(jnp.maximum(jnp.max(x, initial=-1) + 1, minlength))
    if x.ndim < 2:
        return jnp.bincount(x, weights, length=length)
    weights = jnp.ones(x.shape, "int32") if weights is None else weights
    return jax.vmap(lambda row, w: jnp.bincount(row, w, length=length))(x, weights)


@operation("numpy")
def histogram(x: Tensor, bins: int = 10, range: tuple[float, float] | None = None) -> tuple[jax.Array, jax.Array]:
    """Number of elements in each of some bins of equal width.

    Args:
        x: Vector.
        bins: Number of bins, >= 1. Default 10.
        range: Lower end of the first bin and upper end of the last; None: the smallest and largest element.

    Returns:
        Counts (bins,), and the edges of the bins (bins + 1,).

    Raises:
        TypeError: bins that is no integer.
        ValueError: bins < 0, a range that is no increasing pair, or x with more than one axis.

    Example:
        >>> print(histogram([1.0, 2.0, 2.5], bins=2, range=(0, 4))[0])
        [1. 2.]
    """
    if not isinstance(bins, int):
        raise TypeError(f"histogram: bins must be an integer, received {bins!r}.")
    if bins < 0:
        raise ValueError(f"histogram: bins must not be negative, received {bins}.")
    if range is not None and (len(range) != 2 or range[1] < range[0]):
        raise ValueError(f"histogram: range must be a pair (lower end, upper end), received {range!r}.")
    x = as_array(x)
    if x.ndim > 1:
        raise ValueError(f"histogram: x must be a vector, received shape {x.shape}. Flatten it with lamina.ops.ravel.")
    return jnp.histogram(x, bins=bins, range=range)


@operation("numpy")
def digitize(x: Tensor, bins: Tensor) -> jax.Array:
    """Number of the bin of each element: i with bins[i - 1] <= x < bins[i], int32.

    Args:
        x: Tensor.
        bins: Increasing vector of the edges.

    Example:
        >>> print(digitize([0.5, 1.0, 9.0], bins=[0.0, 1.0, 2.0]))
        [1 2 3]
    """
    return jnp.digitize(value(x), value(bins))
