"""Logic of bools, and of the bits of integers, element by element."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.ops.numpy._tensors import value


@operation("numpy")
def logical_and(x1: Tensor, x2: Tensor) -> jax.Array:
    """Whether both are true; numbers are true where they are not 0.

    Example:
        >>> print(logical_and([True, True], [True, False]))
        [ True False]
    """
    return jnp.logical_and(value(x1), value(x2))


@operation("numpy")
def logical_or(x1: Tensor, x2: Tensor) -> jax.Array:
    """Whether one or both are true.

    Example:
        >>> print(logical_or([True, False], [False, False]))
        [ True False]
    """
    return jnp.logical_or(value(x1), value(x2))


@operation("numpy")
def logical_xor(x1: Tensor, x2: Tensor) -> jax.Array:
    """Whether exactly one is true.

    Example:
        >>> print(logical_xor([True, True], [True, False]))
        [False  True]
    """
    return jnp.logical_xor(value(x1), value(x2))


@operation("numpy")
def logical_not(x: Tensor) -> jax.Array:
    """Whether x is false.

    Example:
        >>> print(logical_not([True, False]))
        [False  True]
    """
    return jnp.logical_not(value(x))


@operation("numpy")
def bitwise_and(x: Tensor, y: Tensor) -> jax.Array:
    """Bits that both have: x & y.

    Example:
        >>> print(bitwise_and([12, 10], 6))
        [4 2]
    """
    return jnp.bitwise_and(value(x), value(y))


@operation("numpy")
def bitwise_or(x: Tensor, y: Tensor) -> jax.Array:
    """Bits that one or both have: x | y.

    Example:
        >>> print(bitwise_or([12, 10], 6))
        [14 14]
    """
    return jnp.bitwise_or(value(x), value(y))


@operation("numpy")
def bitwise_xor(x: Tensor, y: Tensor) -> jax.Array:
    """Bits that exactly one has: x ^ y.

    Example:
        >>> print(bitwise_xor([12, 10], 6))
        [10 12]
    """
    return jnp.bitwise_xor(value(x), value(y))


@operation("numpy")
def bitwise_invert(x: Tensor) -> jax.Array:
    """All bits changed: ~x.

    Example:
        >>> print(bitwise_invert([0, 5]))
        [-1 -6]
    """
    return jnp.invert(value(x))


@operation("numpy")
def bitwise_not(x: Tensor) -> jax.Array:
    """All bits changed: ~x; the same as `bitwise_invert`.

    Example:
        >>> print(bitwise_not([0, 5]))
        [-1 -6]
    """
    return jnp.invert(value(x))


@operation("numpy")
def bitwise_left_shift(x: Tensor, y: Tensor) -> jax.Array:
    """Bits moved up by y places: x << y.

    Example:
        >>> print(bitwise_left_shift([1, 3], 2))
        [ 4 12]
    """
    return jnp.left_shift(value(x), value(y))


@operation("numpy")
def left_shift(x: Tensor, y: Tensor) -> jax.Array:
    """Bits moved up by y places: x << y; the same as `bitwise_left_shift`.

    Example:
        >>> print(left_shift([1, 3], 2))
        [ 4 12]
    """
    return jnp.left_shift(value(x), value(y))


@operation("numpy")
def bitwise_right_shift(x: Tensor, y: Tensor) -> jax.Array:
    """Bits moved down by y places: x >> y; the sign of signed integers stays.

    Example:
        >>> print(bitwise_right_shift([8, -8], 2))
        [ 2 -2]
    """
    return jnp.right_shift(value(x), value(y))


@operation("numpy")
def right_shift(x: Tensor, y: Tensor) -> jax.Array:
    """Bits moved down by y places: x >> y; the same as `bitwise_right_shift`.

    Example:
        >>> print(right_shift([8, -8], 2))
        [ 2 -2]
    """
    return jnp.right_shift(value(x), value(y))
