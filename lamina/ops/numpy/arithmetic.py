"""Arithmetic, element by element; shapes broadcast, and numbers take the type of the array beside them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array
from lamina.ops.numpy._tensors import floating, value


@operation("numpy")
def add(x1: Tensor, x2: Tensor) -> jax.Array:
    """Sum: x1 + x2.

    Example:
        >>> print(add([1, 2], 3))
        [4 5]
    """
    return jnp.add(value(x1), value(x2))


@operation("numpy")
def subtract(x1: Tensor, x2: Tensor) -> jax.Array:
    """Difference: x1 - x2.

    Example:
        >>> print(subtract([1, 2], 3))
        [-2 -1]
    """
    return jnp.subtract(value(x1), value(x2))


@operation("numpy")
def multiply(x1: Tensor, x2: Tensor) -> jax.Array:
    """Product of the elements: x1 * x2.

    Example:
        >>> print(multiply([1, 2], [3, 4]))
        [3 8]
    """
    return jnp.multiply(value(x1), value(x2))


@operation("numpy")
def divide(x1: Tensor, x2: Tensor) -> jax.Array:
    """Quotient: x1 / x2, a float also for integers; infinite or NaN where x2 is 0.

    Example:
        >>> print(divide([1, 3], 2))
        [0.5 1.5]
    """
    return jnp.divide(value(x1), value(x2))


@operation("numpy")
def true_divide(x1: Tensor, x2: Tensor) -> jax.Array:
    """Quotient: x1 / x2; the same as `divide`.

    Example:
        >>> print(true_divide([1, 3], 2))
        [0.5 1.5]
    """
    return jnp.divide(value(x1), value(x2))


@operation("numpy")
def divide_no_nan(x1: Tensor, x2: Tensor) -> jax.Array:
    """Quotient that is 0 where x2 is 0: x1 / x2, with gradients that are finite there too.

    Example:
        >>> print(divide_no_nan([1.0, 3.0], [0.0, 2.0]))
        [0.  1.5]
    """
    x1, x2 = value(x1), value(x2)
    is_zero = jnp.equal(x2, 0)
    return jnp.where(is_zero, 0, jnp.divide(x1, jnp.where(is_zero, 1, x2)))


@operation("numpy")
def floor_divide(x1: Tensor, x2: Tensor) -> jax.Array:
    """Quotient rounded down: floor(x1 / x2).

    Example:
        >>> print(floor_divide([7, -7], 2))
        [ 3 -4]
    """
    return jnp.floor_divide(value(x1), value(x2))


@operation("numpy")
def mod(x1: Tensor, x2: Tensor) -> jax.Array:
    """Remainder with the sign of x2: x1 - floor(x1 / x2) x2.

    Example:
        >>> print(mod([7, -7], 3))
        [1 2]
    """
    return jnp.mod(value(x1), value(x2))


@operation("numpy")
def fmod(x1: Tensor, x2: Tensor) -> jax.Array:
    """Remainder with the sign of x1: x1 - trunc(x1 / x2) x2.

    Example:
        >>> print(fmod([7, -7], 3))
        [ 1 -1]
    """
    return jnp.fmod(value(x1), value(x2))


@operation("numpy")
def power(x1: Tensor, x2: Tensor) -> jax.Array:
    """Power: x1 ** x2.

    Example:
        >>> print(power([2.0, 3.0], 2))
        [4. 9.]
    """
    return jnp.power(value(x1), value(x2))


@operation("numpy")
def square(x: Tensor) -> jax.Array:
    """Square: x * x.

    Example:
        >>> print(square([-2, 3]))
        [4 9]
    """
    return jnp.square(value(x))


@operation("numpy")
def reciprocal(x: Tensor) -> jax.Array:
    """Reciprocal: 1 / x, a float also for integers.

    Example:
        >>> print(reciprocal([2.0, 4.0]))
        [0.5  0.25]
    """
    return jnp.reciprocal(value(x))


@operation("numpy")
def negative(x: Tensor) -> jax.Array:
    """Negation: -x.

    Example:
        >>> print(negative([1, -2]))
        [-1  2]
    """
    return jnp.negative(value(x))


@operation("numpy")
def absolute(x: Tensor) -> jax.Array:
    """Absolute value: |x|; of complex numbers, their length.

    Example:
        >>> print(absolute([1, -2]))
        [1 2]
    """
    return jnp.absolute(value(x))


abs = absolute


@operation("numpy")
def fabs(x: Tensor) -> jax.Array:
    """Absolute value as a float: |x|.

    Raises:
        TypeError: complex numbers.

    Example:
        >>> print(fabs([1, -2]))
        [1. 2.]
    """
    return jnp.fabs(floating(x))


@operation("numpy")
def sign(x: Tensor) -> jax.Array:
    """Sign: -1, 0 or 1, in the type of x.

    Example:
        >>> print(sign([-3.0, 0.0, 2.0]))
        [-1.  0.  1.]
    """
    return jnp.sign(value(x))


@operation("numpy")
def signbit(x: Tensor) -> jax.Array:
    """Whether the sign bit is set: x < 0, or x is -0.0.

    Example:
        >>> print(signbit([-3.0, -0.0, 2.0]))
        [ True  True False]
    """
    return jnp.signbit(value(x))


@operation("numpy")
def maximum(x1: Tensor, x2: Tensor) -> jax.Array:
    """The larger of two: max(x1, x2); NaN where one is.

    Example:
        >>> print(maximum([1, 5], 3))
        [3 5]
    """
    return jnp.maximum(value(x1), value(x2))


@operation("numpy")
def minimum(x1: Tensor, x2: Tensor) -> jax.Array:
    """The smaller of two: min(x1, x2); NaN where one is.

    Example:
        >>> print(minimum([1, 5], 3))
        [1 3]
    """
    return jnp.minimum(value(x1), value(x2))


@operation("numpy")
def fmax(x1: Tensor, x2: Tensor) -> jax.Array:
    """The larger of two, or the other one where one is NaN.

    Example:
        >>> print(fmax([1.0, float("nan")], 0.0))
        [1. 0.]
    """
    return jnp.fmax(value(x1), value(x2))


@operation("numpy")
def fmin(x1: Tensor, x2: Tensor) -> jax.Array:
    """The smaller of two, or the other one where one is NaN.

    Example:
        >>> print(fmin([1.0, float("nan")], 0.0))
        [0. 0.]
    """
    return jnp.fmin(value(x1), value(x2))


@operation("numpy")
def clip(x: Tensor, x_min: Any, x_max: Any) -> jax.Array:
    """Values limited to a range: min(max(x, x_min), x_max).

    Args:
        x: Tensor; bools become int32.
        x_min, x_max: Limits: numbers, or arrays that broadcast with x.

    Example:
        >>> print(clip([-2, 0, 5], -1, 1))
        [-1  0  1]
    """
    x = as_array(x)
    if x.dtype == "bool":
        x = x.astype("int32")
    return jnp.clip(x, value(x_min), value(x_max))


@operation("numpy")
def heaviside(x1: Tensor, x2: Tensor) -> jax.Array:
    """Step: 0 where x1 < 0, x2 where x1 is 0, 1 where x1 > 0.

    Example:
        >>> print(heaviside([-1.0, 0.0, 2.0], 0.5))
        [0.  0.5 1. ]
    """
    return jnp.heaviside(value(x1), value(x2))


@operation("numpy")
def gcd(x1: Tensor, x2: Tensor) -> jax.Array:
    """Greatest common divisor of integers.

    Example:
        >>> print(gcd([12, 7], 18))
        [6 1]
    """
    return jnp.gcd(value(x1), value(x2))


@operation("numpy")
def lcm(x1: Tensor, x2: Tensor) -> jax.Array:
    """Least common multiple of integers.

    Example:
        >>> print(lcm([4, 7], 6))
        [12 42]
    """
    return jnp.lcm(value(x1), value(x2))
