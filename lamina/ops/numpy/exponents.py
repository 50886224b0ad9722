"""Exponentials, logarithms and roots, element by element; integers give the default float type."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.ops.numpy._tensors import floating, floating_pair


@operation("numpy")
def exp(x: Tensor) -> jax.Array:
    """Exponential: e ** x.

    Example:
        >>> f"{exp(1.0):.3f}"
        '2.718'
    """
    return jnp.exp(floating(x))


@operation("numpy")
def exp2(x: Tensor) -> jax.Array:
    """Power of two: 2 ** x.

    Example:
        >>> print(exp2([0, 3]))
        [1. 8.]
    """
    return jnp.exp2(floating(x))


@operation("numpy")
def expm1(x: Tensor) -> jax.Array:
    """Exponential minus one: e ** x - 1, accurate for small x.

    Example:
        >>> print(expm1(1e-8))
        1e-08
    """
    return jnp.expm1(floating(x))


@operation("numpy")
def log(x: Tensor) -> jax.Array:
    """Natural logarithm: ln(x); NaN below 0.

    Example:
        >>> f"{log(2.0):.3f}"
        '0.693'
    """
    return jnp.log(floating(x))


@operation("numpy")
def log10(x: Tensor) -> jax.Array:
    """Logarithm to base 10.

    Example:
        >>> f"{log10(100.0):.3f}"
        '2.000'
    """
    return jnp.log10(floating(x))


@operation("numpy")
def log1p(x: Tensor) -> jax.Array:
    """Logarithm of one more: ln(1 + x), accurate for small x.

    Example:
        >>> print(log1p(1e-8))
        1e-08
    """
    return jnp.log1p(floating(x))


@operation("numpy")
def log2(x: Tensor) -> jax.Array:
    """Logarithm to base 2.

    Example:
        >>> f"{log2(8.0):.3f}"
        '3.000'
    """
    return jnp.log2(floating(x))


@operation("numpy")
def logaddexp(x1: Tensor, x2: Tensor) -> jax.Array:
    """Logarithm of a sum of exponentials: ln(e ** x1 + e ** x2), without overflow.

    Example:
        >>> f"{logaddexp(1000.0, 1000.0):.2f}"
        '1000.69'
    """
    return jnp.logaddexp(*floating_pair(x1, x2))


@operation("numpy")
def logaddexp2(x1: Tensor, x2: Tensor) -> jax.Array:
    """Logarithm of a sum of powers of two: log2(2 ** x1 + 2 ** x2), without overflow.

    Example:
        >>> print(logaddexp2(1000.0, 1000.0))
        1001.0
    """
    return jnp.logaddexp2(*floating_pair(x1, x2))


@operation("numpy")
def sqrt(x: Tensor) -> jax.Array:
    """Square root; NaN below 0.

    Example:
        >>> print(sqrt([4, 9]))
        [2. 3.]
    """
    return jnp.sqrt(floating(x))


@operation("numpy")
def cbrt(x: Tensor) -> jax.Array:
    """Cube root.

    Example:
        >>> f"{cbrt(27.0):.3f}"
        '3.000'
    """
    return jnp.cbrt(floating(x))


@operation("numpy")
def i0(x: Tensor) -> jax.Array:
    """Modified Bessel function of the first kind and order 0: sum over k of (x / 2) ** 2k / (k!) ** 2.

    Example:
        >>> f"{i0(1.0):.3f}"
        '1.266'
    """
    return jnp.i0(floating(x))
