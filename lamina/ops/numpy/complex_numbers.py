"""Parts of complex numbers; real numbers count as complex ones without an imaginary part."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.ops.numpy._tensors import floating, value


@operation("numpy")
def real(x: Tensor) -> jax.Array:
    """Real part.

    Example:
        >>> print(real([1 + 2j, 3.0]))
        [1. 3.]
    """
    return jnp.real(value(x))


@operation("numpy")
def imag(x: Tensor) -> jax.Array:
    """Imaginary part.

    Example:
        >>> print(imag([1 + 2j, 3.0]))
        [2. 0.]
    """
    return jnp.imag(value(x))


@operation("numpy")
def conjugate(x: Tensor) -> jax.Array:
    """Complex conjugate: the imaginary part with the other sign.

    Example:
        >>> print(conjugate([1 + 2j]))
        [1.-2.j]
    """
    return jnp.conjugate(value(x))


conj = conjugate


@operation("numpy")
def angle(x: Tensor) -> jax.Array:
    """Angle of a complex number in radians, in (-π, π]; π for negative real numbers.

    Example:
        >>> f"{angle(1j):.3f}"
        '1.571'
    """
    return jnp.angle(floating(x))
