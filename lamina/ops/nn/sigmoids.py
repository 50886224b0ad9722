"""Functions that saturate on both sides: sigmoids, and the piecewise linear forms of sigmoid and tanh."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import nn

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array, as_float


@operation("nn")
def sigmoid(x: Tensor) -> jax.Array:
    """Logistic function: 1 / (1 + exp(-x)), from 0 to 1.

    Args:
        x: Array, any shape.

    Example:
        >>> print(sigmoid([-100.0, 0.0, 100.0]))
        [0.  0.5 1. ]
    """
    return nn.sigmoid(as_float(x))


@operation("nn")
def hard_sigmoid(x: Tensor) -> jax.Array:
    """Piecewise linear sigmoid: min(max(x / 6 + 1/2, 0), 1).

    Args:
        x: Array, any shape.

    Source: Courbariaux et al. 2015, https://arxiv.org/abs/1511.00363 (with slope 1/6 as in Howard et al. 2019).

    Example:
        >>> print(hard_sigmoid([-3.0, 0.0, 3.0]))
        [0.  0.5 1. ]
    """
    return nn.hard_sigmoid(as_float(x))


@operation("nn")
def log_sigmoid(x: Tensor) -> jax.Array:
    """Logarithm of the sigmoid: -log(1 + exp(-x)), without overflow.

    Args:
        x: Array, any shape.

    Example:
        >>> print(f"{log_sigmoid(0.0):.4f} {log_sigmoid(-100.0):.4f}")
        -0.6931 -100.0000
    """
    return nn.log_sigmoid(as_float(x))


@operation("nn")
def sparse_sigmoid(x: Tensor) -> jax.Array:
    """Sigmoid that reaches its limits: min(max((x + 1) / 2, 0), 1).

    Args:
        x: Array, any shape.

    Source: Martins & Astudillo 2016, https://arxiv.org/abs/1602.02068

    Example:
        >>> print(sparse_sigmoid([-1.0, 0.0, 1.0]))
        [0.  0.5 1. ]
    """
    return nn.sparse_sigmoid(as_float(x))


@operation("nn")
def hard_silu(x: Tensor) -> jax.Array:
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


@operation("nn")
def hard_tanh(x: Tensor) -> jax.Array:
    """Piecewise linear tanh: min(max(x, -1), 1).

    Args:
        x: Array, any shape. Whole numbers stay whole.

    Source: Collobert 2004, Large Scale Machine Learning.

    Example:
        >>> print(hard_tanh([-2.0, 0.5, 2.0]))
        [-1.   0.5  1. ]
    """
    return nn.hard_tanh(as_array(x))


@operation("nn")
def tanh_shrink(x: Tensor) -> jax.Array:
    """What tanh takes away: x - tanh(x).

    Args:
        x: Array, any shape.

    Example:
        >>> print(tanh_shrink([0.0, 20.0]))
        [ 0. 19.]
    """
    x = as_float(x)
    return x - jnp.tanh(x)


@operation("nn")
def softsign(x: Tensor) -> jax.Array:
    """Softsign: x / (1 + |x|), from -1 to 1.

    Args:
        x: Array, any shape.

    Source: Turian et al. 2009, Quadratic Features and Deep Architectures for Chunking.

    Example:
        >>> print(softsign([-1.0, 0.0, 3.0]))
        [-0.5   0.    0.75]
    """
    return nn.soft_sign(as_float(x))
