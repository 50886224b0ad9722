"""Functions that saturate on both sides: sigmoids, tanh and their piecewise linear forms."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import nn

from lamina.activations._family import as_float, family


@family.add
def sigmoid(x: Any) -> jax.Array:
    """Logistic function: 1 / (1 + exp(-x)), from 0 to 1.

    Args:
        x: Array, any shape.

    Example:
        >>> print(sigmoid([-100.0, 0.0, 100.0]))
        [0.  0.5 1. ]
    """
    return nn.sigmoid(as_float(x))


@family.add
def hard_sigmoid(x: Any) -> jax.Array:
    """Piecewise linear sigmoid: min(max(x / 6 + 1/2, 0), 1).

    Args:
        x: Array, any shape.

    Source: Courbariaux et al. 2015, https://arxiv.org/abs/1511.00363 (with slope 1/6 as in Howard et al. 2019).

    Example:
        >>> print(hard_sigmoid([-3.0, 0.0, 3.0]))
        [0.  0.5 1. ]
    """
    return nn.hard_sigmoid(as_float(x))


@family.add
def log_sigmoid(x: Any) -> jax.Array:
    """Logarithm of the sigmoid: -log(1 + exp(-x)), without overflow.

    Args:
        x: Array, any shape.

    Example:
        >>> print(f"{log_sigmoid(0.0):.4f} {log_sigmoid(-100.0):.4f}")
        -0.6931 -100.0000
    """
    return nn.log_sigmoid(as_float(x))


@family.add
def sparse_sigmoid(x: Any) -> jax.Array:
    """Sigmoid that reaches its limits: min(max((x + 1) / 2, 0), 1).

    Args:
        x: Array, any shape.

    Source: Martins & Astudillo 2016, https://arxiv.org/abs/1602.02068

    Example:
        >>> print(sparse_sigmoid([-1.0, 0.0, 1.0]))
        [0.  0.5 1. ]
    """
    return nn.sparse_sigmoid(as_float(x))


def hard_silu(x: Any) -> jax.Array:
    """Piecewise form of silu, also called hard swish: x * hard_sigmoid(x).

    Args:
        x: Array, any shape.

    Source: Howard et al. 2019, https://arxiv.org/abs/1905.02244

    Example:
        >>> print(hard_silu([-3.0, 0.0, 3.0]))
        [-0.  0.  3.]
    """
    return nn.hard_silu(as_float(x))


hard_swish = hard_silu
family.add(hard_silu, "hard_swish")


@family.add
def tanh(x: Any) -> jax.Array:
    """Hyperbolic tangent: (exp(x) - exp(-x)) / (exp(x) + exp(-x)), from -1 to 1.

    Args:
        x: Array, any shape.

    Example:
        >>> print(tanh([-100.0, 0.0, 100.0]))
        [-1.  0.  1.]
    """
    return jnp.tanh(as_float(x))


@family.add
def hard_tanh(x: Any) -> jax.Array:
    """Piecewise linear tanh: min(max(x, -1), 1).

    Args:
        x: Array, any shape. Whole numbers stay whole.

    Source: Collobert 2004, Large Scale Machine Learning.

    Example:
        >>> print(hard_tanh([-2.0, 0.5, 2.0]))
        [-1.   0.5  1. ]
    """
    return nn.hard_tanh(jnp.asarray(x))


@family.add
def tanh_shrink(x: Any) -> jax.Array:
    """What tanh takes away: x - tanh(x).

    Args:
        x: Array, any shape.

    Example:
        >>> print(tanh_shrink([0.0, 20.0]))
        [ 0. 19.]
    """
    x = as_float(x)
    return x - jnp.tanh(x)


@family.add
def softsign(x: Any) -> jax.Array:
    """Softsign: x / (1 + |x|), from -1 to 1.

    Args:
        x: Array, any shape.

    Source: Turian et al. 2009, Quadratic Features and Deep Architectures for Chunking.

    Example:
        >>> print(softsign([-1.0, 0.0, 3.0]))
        [-0.5   0.    0.75]
    """
    return nn.soft_sign(as_float(x))
