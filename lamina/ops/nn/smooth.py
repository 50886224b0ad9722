"""Smooth rectifiers, positive everywhere: softplus and its relatives."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import nn

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_float, check_more_than_zero


@operation("nn")
def softplus(x: Tensor) -> jax.Array:
    """Smooth rectifier: log(1 + exp(x)), without overflow.

    Args:
        x: Array, any shape.

    Source: Dugas et al. 2001, Incorporating Second-Order Functional Knowledge for Better Option Pricing.

    Example:
        >>> print(f"{softplus(0.0):.4f} {softplus(100.0):.4f}")
        0.6931 100.0000
    """
    return nn.softplus(as_float(x))


@operation("nn")
def squareplus(x: Tensor, b: float = 4) -> jax.Array:
    """Smooth rectifier without exponentials: (x + sqrt(x**2 + b)) / 2.

    Args:
        x: Array, any shape.
        b: Width of the bend, > 0. Default 4.

    Raises:
        ValueError: b <= 0.
    Source: Barron 2021, https://arxiv.org/abs/2112.11687

    Differs from Keras: exact for large |x|, where the formula as written cancels to 0 or overflows to infinity.

    Example:
        >>> print(squareplus([-1.5, 0.0, 1.5]))
        [0.5 1.  2. ]
    """
    check_more_than_zero("b", b, "squareplus", "It is the width of the bend; for none use relu.")
    x = as_float(x)
    positive, size = jnp.where(x >= 0, x, 0), jnp.where(x >= 0, x, -x)
    # The same formula multiplied by its conjugate: max(x, 0) + (b / 2) / (|x| + sqrt(x**2 + b)).
    return positive + 0.5 * b / (size + jnp.hypot(x, jnp.sqrt(jnp.asarray(b, x.dtype))))


@operation("nn")
def sparse_plus(x: Tensor) -> jax.Array:
    """Rectifier with a parabola for a bend: 0 for x <= -1, (x + 1)**2 / 4 between, x for x >= 1.

    Args:
        x: Array, any shape.

    Source: Martins & Astudillo 2016, https://arxiv.org/abs/1602.02068 (it is the integral of `sparse_sigmoid`).

    Example:
        >>> print(sparse_plus([-2.0, 0.0, 2.0]))
        [0.   0.25 2.  ]
    """
    x = as_float(x)
    bend = jnp.where(jnp.abs(x) < 1, x, 0)  # the square is taken of small numbers only: no overflow in its gradient
    return jnp.where(x <= -1, 0, jnp.where(x >= 1, x, jnp.square(bend + 1) / 4))
