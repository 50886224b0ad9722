"""Angles and their functions, element by element, in radians; integers give the default float type."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.ops.numpy._tensors import floating, floating_pair


@operation("numpy")
def sin(x: Tensor) -> jax.Array:
    """Sine of x radians.

    Example:
        >>> f"{sin(1.0):.3f}"
        '0.841'
    """
    return jnp.sin(floating(x))


@operation("numpy")
def cos(x: Tensor) -> jax.Array:
    """Cosine of x radians.

    Example:
        >>> f"{cos(1.0):.3f}"
        '0.540'
    """
    return jnp.cos(floating(x))


@operation("numpy")
def tan(x: Tensor) -> jax.Array:
    """Tangent of x radians: sin(x) / cos(x).

    Example:
        >>> f"{tan(1.0):.3f}"
        '1.557'
    """
    return jnp.tan(floating(x))


@operation("numpy")
def arcsin(x: Tensor) -> jax.Array:
    """Angle in [-π/2, π/2] whose sine is x; NaN outside [-1, 1].

    Example:
        >>> f"{arcsin(1.0):.3f}"
        '1.571'
    """
    return jnp.arcsin(floating(x))


@operation("numpy")
def arccos(x: Tensor) -> jax.Array:
    """Angle in [0, π] whose cosine is x; NaN outside [-1, 1].

    Example:
        >>> f"{arccos(0.0):.3f}"
        '1.571'
    """
    return jnp.arccos(floating(x))


@operation("numpy")
def arctan(x: Tensor) -> jax.Array:
    """Angle in (-π/2, π/2) whose tangent is x.

    Example:
        >>> f"{arctan(1.0):.3f}"
        '0.785'
    """
    return jnp.arctan(floating(x))


@operation("numpy")
def arctan2(x1: Tensor, x2: Tensor) -> jax.Array:
    """Angle in [-π, π] of the point at height x1 and width x2: arctan(x1 / x2) in the right quadrant.

    Example:
        >>> f"{arctan2(1.0, -1.0):.3f}"
        '2.356'
    """
    return jnp.arctan2(*floating_pair(x1, x2))


@operation("numpy")
def sinh(x: Tensor) -> jax.Array:
    """Hyperbolic sine: (e ** x - e ** -x) / 2.

    Example:
        >>> f"{sinh(1.0):.3f}"
        '1.175'
    """
    return jnp.sinh(floating(x))


@operation("numpy")
def cosh(x: Tensor) -> jax.Array:
    """Hyperbolic cosine: (e ** x + e ** -x) / 2.

    Example:
        >>> f"{cosh(1.0):.3f}"
        '1.543'
    """
    return jnp.cosh(floating(x))


@operation("numpy")
def tanh(x: Tensor) -> jax.Array:
    """Hyperbolic tangent: sinh(x) / cosh(x).

    Example:
        >>> f"{tanh(1.0):.3f}"
        '0.762'
    """
    return jnp.tanh(floating(x))


@operation("numpy")
def arcsinh(x: Tensor) -> jax.Array:
    """Inverse of the hyperbolic sine: ln(x + sqrt(x² + 1)).

    Example:
        >>> f"{arcsinh(1.0):.3f}"
        '0.881'
    """
    return jnp.arcsinh(floating(x))


@operation("numpy")
def arccosh(x: Tensor) -> jax.Array:
    """Inverse of the hyperbolic cosine: ln(x + sqrt(x² - 1)); NaN below 1.

    Example:
        >>> f"{arccosh(2.0):.3f}"
        '1.317'
    """
    return jnp.arccosh(floating(x))


@operation("numpy")
def arctanh(x: Tensor) -> jax.Array:
    """Inverse of the hyperbolic tangent: ln((1 + x) / (1 - x)) / 2; NaN outside [-1, 1].

    Example:
        >>> f"{arctanh(0.5):.3f}"
        '0.549'
    """
    return jnp.arctanh(floating(x))


@operation("numpy")
def deg2rad(x: Tensor) -> jax.Array:
    """Degrees to radians: x π / 180.

    Example:
        >>> f"{deg2rad(180.0):.3f}"
        '3.142'
    """
    return jnp.deg2rad(floating(x))


@operation("numpy")
def rad2deg(x: Tensor) -> jax.Array:
    """Radians to degrees: x 180 / π.

    Example:
        >>> f"{rad2deg(1.0):.2f}"
        '57.30'
    """
    return jnp.rad2deg(floating(x))


@operation("numpy")
def sinc(x: Tensor) -> jax.Array:
    """Normalised sinc: sin(π x) / (π x), and 1 at 0.

    Example:
        >>> f"{sinc(0.5):.3f}"
        '0.637'
    """
    return jnp.sinc(floating(x))


@operation("numpy")
def hypot(x1: Tensor, x2: Tensor) -> jax.Array:
    """Length of the hypotenuse: sqrt(x1² + x2²), without overflow.

    Example:
        >>> print(hypot([3.0, 6.0], [4.0, 8.0]))
        [ 5. 10.]
    """
    return jnp.hypot(*floating_pair(x1, x2))
