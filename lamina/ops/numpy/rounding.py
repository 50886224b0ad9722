"""Rounding, the neighbours of a number, and what stands for numbers that are not finite."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array
from lamina.ops.numpy._tensors import floating, value


@operation("numpy")
def ceil(x: Tensor) -> jax.Array:
    """Smallest whole number that is not below x, as a float.

    Example:
        >>> print(ceil([1.2, -1.2]))
        [ 2. -1.]
    """
    return jnp.ceil(floating(x))


@operation("numpy")
def floor(x: Tensor) -> jax.Array:
    """Largest whole number that is not above x, as a float.

    Example:
        >>> print(floor([1.2, -1.2]))
        [ 1. -2.]
    """
    return jnp.floor(floating(x))


@operation("numpy")
def trunc(x: Tensor) -> jax.Array:
    """Whole part: x without its decimals; integers and bools stay as they are.

    Example:
        >>> print(trunc([1.7, -1.7]))
        [ 1. -1.]
    """
    x = as_array(x)
    return jnp.asarray(x) if x.dtype.kind in "iub" else jnp.trunc(x)


@operation("numpy")
def round(x: Tensor, decimals: int = 0) -> jax.Array:
    """Nearest number with a given count of decimals; halves go to the even one. The type stays.

    Args:
        x: Tensor.
        decimals: Decimals to keep; negative: zeros before the point. Default 0.

    Example:
        >>> print(round([0.5, 1.5, 2.51], 0), round(1234, -2))
        [0. 2. 3.] 1200
    """
    x = as_array(x)
    if decimals < 0 and x.dtype.kind in "iu":  # jnp.round has no such case
        factor = 10.0**decimals
        return jnp.asarray(jnp.round(floating(x) * factor) / factor, x.dtype)
    return jnp.round(x, decimals)


@operation("numpy")
def nextafter(x1: Tensor, x2: Tensor) -> jax.Array:
    """The float that follows x1 in the direction of x2.

    Example:
        >>> bool(nextafter(1.0, 2.0) > 1.0)
        True
    """
    return jnp.nextafter(value(x1), value(x2))


@operation("numpy")
def ldexp(x1: Tensor, x2: Tensor) -> jax.Array:
    """Scaling by a power of two: x1 * 2 ** x2.

    Args:
        x1: Tensor.
        x2: Tensor of integers.

    Raises:
        TypeError: x2 that is no integer.

    Example:
        >>> print(ldexp([0.75, 3.0], [2, -1]))
        [3.  1.5]
    """
    x2 = as_array(x2)
    if x2.dtype.kind not in "iu":
        raise TypeError(f"ldexp: x2 is the exponent and must be an integer tensor; received dtype {x2.dtype}.")
    return jnp.ldexp(value(x1), x2)


@operation("numpy")
def nan_to_num(x: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> jax.Array:
    """Finite numbers in place of NaN and infinities.

    Args:
        x: Tensor.
        nan: What replaces NaN. Default 0.
        posinf, neginf: What replaces the infinities; None is the largest and the smallest number of the type.

    Example:
        >>> print(nan_to_num([float("nan"), 1.0, float("inf")], posinf=9.0))
        [0. 1. 9.]
    """
    return jnp.nan_to_num(value(x), nan=nan, posinf=posinf, neginf=neginf)
