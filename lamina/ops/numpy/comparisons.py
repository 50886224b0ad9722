"""Comparisons and tests of each element; the results are bools."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.ops.numpy._tensors import value


@operation("numpy")
def equal(x1: Tensor, x2: Tensor) -> jax.Array:
    """Whether x1 == x2.

    Example:
        >>> print(equal([1, 2], 2))
        [False  True]
    """
    return jnp.equal(value(x1), value(x2))


@operation("numpy")
def not_equal(x1: Tensor, x2: Tensor) -> jax.Array:
    """Whether x1 != x2.

    Example:
        >>> print(not_equal([1, 2], 2))
        [ True False]
    """
    return jnp.not_equal(value(x1), value(x2))


@operation("numpy")
def less(x1: Tensor, x2: Tensor) -> jax.Array:
    """Whether x1 < x2.

    Example:
        >>> print(less([1, 2], 2))
        [ True False]
    """
    return jnp.less(value(x1), value(x2))


@operation("numpy")
def less_equal(x1: Tensor, x2: Tensor) -> jax.Array:
    """Whether x1 <= x2.

    Example:
        >>> print(less_equal([1, 2], 1))
        [ True False]
    """
    return jnp.less_equal(value(x1), value(x2))


@operation("numpy")
def greater(x1: Tensor, x2: Tensor) -> jax.Array:
    """Whether x1 > x2.

    Example:
        >>> print(greater([1, 2], 1))
        [False  True]
    """
    return jnp.greater(value(x1), value(x2))


@operation("numpy")
def greater_equal(x1: Tensor, x2: Tensor) -> jax.Array:
    """Whether x1 >= x2.

    Example:
        >>> print(greater_equal([1, 2], 2))
        [False  True]
    """
    return jnp.greater_equal(value(x1), value(x2))


@operation("numpy")
def isclose(
    x1: Tensor, x2: Tensor, rtol: float | Tensor = 1e-5, atol: float | Tensor = 1e-8, equal_nan: bool = False
) -> jax.Array:
    """Whether two numbers are nearly the same: |x1 - x2| <= atol + rtol |x2|.

    Args:
        x1, x2: Tensors.
        rtol: Tolerance relative to x2. Default 1e-5.
        atol: Absolute tolerance. Default 1e-8.
        equal_nan: Whether NaN is close to NaN. Default False.

    Example:
        >>> print(isclose([1.0, 2.0], [1.000001, 2.1]))
        [ True False]
    """
    return jnp.isclose(value(x1), value(x2), value(rtol), value(atol), equal_nan)


@operation("numpy", "AllClose")
def allclose(x1: Tensor, x2: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> jax.Array:
    """Whether all elements are nearly the same: all(|x1 - x2| <= atol + rtol |x2|), one bool.

    Args: as for `isclose`.

    Example:
        >>> print(allclose([1.0, 2.0], [1.000001, 2.0]))
        True
    """
    return jnp.allclose(value(x1), value(x2), rtol, atol, equal_nan)


@operation("numpy", "IsIn")
def isin(x1: Tensor, x2: Tensor, assume_unique: bool = False, invert: bool = False) -> jax.Array:
    """Whether each element of x1 occurs in x2.

    Args:
        x1: Tensor of any shape, which the result has too.
        x2: Tensor of the elements to look for.
        assume_unique: Whether both hold each value once, which may be faster. Default False.
        invert: Whether to tell which do not occur. Default False.

    Example:
        >>> print(isin([1, 2, 3], [3, 1]))
        [ True False  True]
    """
    return jnp.isin(value(x1), value(x2), assume_unique=assume_unique, invert=invert)


@operation("numpy")
def isfinite(x: Tensor) -> jax.Array:
    """Whether x is neither infinite nor NaN.

    Example:
        >>> print(isfinite([1.0, float("inf"), float("nan")]))
        [ True False False]
    """
    return jnp.isfinite(value(x))


@operation("numpy")
def isinf(x: Tensor) -> jax.Array:
    """Whether x is infinite, of either sign.

    Example:
        >>> print(isinf([1.0, float("-inf"), float("nan")]))
        [False  True False]
    """
    return jnp.isinf(value(x))


@operation("numpy")
def isneginf(x: Tensor) -> jax.Array:
    """Whether x is minus infinity.

    Example:
        >>> print(isneginf([float("inf"), float("-inf")]))
        [False  True]
    """
    return jnp.isneginf(value(x))


@operation("numpy")
def isposinf(x: Tensor) -> jax.Array:
    """Whether x is plus infinity.

    Example:
        >>> print(isposinf([float("inf"), float("-inf")]))
        [ True False]
    """
    return jnp.isposinf(value(x))


@operation("numpy")
def isnan(x: Tensor) -> jax.Array:
    """Whether x is NaN, not a number.

    Example:
        >>> print(isnan([1.0, float("nan")]))
        [False  True]
    """
    return jnp.isnan(value(x))


@operation("numpy")
def isreal(x: Tensor) -> jax.Array:
    """Whether x has no imaginary part.

    Example:
        >>> print(isreal([1 + 2j, 3 + 0j]))
        [False  True]
    """
    return jnp.isreal(value(x))
