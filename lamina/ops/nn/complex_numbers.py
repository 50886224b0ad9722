"""Complex numbers from what layers compute."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import at_least_float32, promote_floats


@operation("nn")
def polar(abs_: Tensor, angle: Tensor) -> jax.Array:
    """Complex numbers from length and angle: abs_ * (cos(angle) + i sin(angle)).

    Args:
        abs_: Lengths, any shape.
        angle: Angles in radians, a shape that goes with it.

    Returns: complex array.

    Example:
        >>> print(polar(2.0, 0.0))
        (2+0j)
    """
    lengths, angles = promote_floats(at_least_float32(abs_), at_least_float32(angle))
    return lax.complex(lengths * jnp.cos(angles), lengths * jnp.sin(angles))
