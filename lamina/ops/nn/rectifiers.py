"""Rectifiers and their smooth relatives: zero or small on one side, linear on the other."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import nn

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array, as_float, check_axis, check_more_than_zero


@operation("nn")
def relu(x: Tensor) -> jax.Array:
    """Rectified linear unit: max(x, 0).

    Args:
        x: Array, any shape. Whole numbers stay whole.

    Source: Nair & Hinton 2010, Rectified Linear Units Improve Restricted Boltzmann Machines.

    Example:
        >>> print(relu([-2.0, 0.0, 3.0]))
        [0. 0. 3.]
    """
    return nn.relu(as_array(x))


@operation("nn")
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> jax.Array:
    """Leaky rectifier: x for x >= 0, negative_slope * x below.

    Args:
        x: Array, any shape.
        negative_slope: Slope below zero. Default 0.2.

    Source: Maas et al. 2013, Rectifier Nonlinearities Improve Neural Network Acoustic Models.

    Example:
        >>> print(leaky_relu([-1.0, 1.0], negative_slope=0.5))
        [-0.5  1. ]
    """
    return nn.leaky_relu(as_float(x), negative_slope)


@operation("nn")
def relu6(x: Tensor) -> jax.Array:
    """Rectifier with a ceiling of six: min(max(x, 0), 6).

    Args:
        x: Array, any shape.

    Source: Krizhevsky 2010, Convolutional Deep Belief Networks on CIFAR-10.

    Example:
        >>> print(relu6([-1.0, 3.0, 8.0]))
        [0. 3. 6.]
    """
    return nn.relu6(as_float(x))


@operation("nn")
def elu(x: Tensor, alpha: float = 1.0) -> jax.Array:
    """Exponential linear unit: x for x > 0, alpha * (exp(x) - 1) below.

    Args:
        x: Array, any shape.
        alpha: Minus the limit for x -> -infinity. Default 1.

    Source: Clevert et al. 2016, https://arxiv.org/abs/1511.07289

    Example:
        >>> print(elu([-100.0, 2.0]))
        [-1.  2.]
    """
    return nn.elu(as_float(x), alpha)


@operation("nn")
def selu(x: Tensor) -> jax.Array:
    """Scaled exponential linear unit: 1.0507 * elu(x, alpha=1.67326), which keeps mean 0 and variance 1.

    Use it with `lecun_normal` kernels and `AlphaDropout`.

    Args:
        x: Array, any shape.

    Source: Klambauer et al. 2017, https://arxiv.org/abs/1706.02515

    Example:
        >>> print(f"{selu(1.0):.4f} {selu(-100.0):.4f}")
        1.0507 -1.7581
    """
    return nn.selu(as_float(x))


@operation("nn")
def celu(x: Tensor, alpha: float = 1.0) -> jax.Array:
    """Continuously differentiable ELU: max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1).

    Args:
        x: Array, any shape.
        alpha: Minus the limit for x -> -infinity, > 0. Default 1.

    Raises:
        ValueError: alpha <= 0.
    Source: Barron 2017, https://arxiv.org/abs/1704.07483

    Example:
        >>> print(celu([-100.0, 2.0], alpha=0.5))
        [-0.5  2. ]
    """
    check_more_than_zero("alpha", alpha, "celu", "It is the depth of the negative side; for none of it use relu.")
    return nn.celu(as_float(x), alpha)


@operation("nn")
def gelu(x: Tensor, approximate: bool = True) -> jax.Array:
    """Gaussian error linear unit: x * P(Z <= x) for a standard normal Z.

    Exact: 0.5 * x * (1 + erf(x / sqrt(2))). Approximate: 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))).

    Args:
        x: Array, any shape.
        approximate: Whether to use the tanh form. Default True.

    Source: Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415

    Example:
        >>> print(f"{gelu(-1.0):.4f} {gelu(-1.0, approximate=False):.4f}")
        -0.1588 -0.1587
    """
    x = as_float(x)
    if not approximate:
        return nn.gelu(x, approximate=False)
    near = jnp.clip(x, -10.0, 10.0)  # tanh is +-1 beyond; the cube of a large x would overflow and make NaN gradients
    return x * 0.5 * (1.0 + jnp.tanh(math.sqrt(2 / math.pi) * (near + 0.044715 * near**3)))


@operation("nn")
def silu(x: Tensor) -> jax.Array:
    """Sigmoid-weighted linear unit, also called swish: x * sigmoid(x).

    Args:
        x: Array, any shape.

    Source: Ramachandran et al. 2017, https://arxiv.org/abs/1710.05941

    Example:
        >>> print(f"{silu(1.0):.4f} {silu(-1.0):.4f}")
        0.7311 -0.2689
    """
    return nn.silu(as_float(x))


swish = silu


@operation("nn")
def glu(x: Tensor, axis: int = -1) -> jax.Array:
    """Gated linear unit: a * sigmoid(b), where a and b are the halves of x along an axis.

    Args:
        x: Array (..., 2 * n, ...).
        axis: Axis to halve, of even length. Default -1.

    Returns: array (..., n, ...).
    Raises:
        ValueError: an axis that is absent, or of odd length.
    Source: Dauphin et al. 2017, https://arxiv.org/abs/1612.08083

    Example:
        >>> print(glu([3.0, 5.0, 0.0, 100.0]))
        [1.5 5. ]
    """
    x = as_float(x)
    check_axis(x, axis, "glu")
    if x.shape[axis] % 2:
        raise ValueError(
            f"glu: axis {axis} is split in half, so its length must be even; received an input of shape {x.shape}."
        )
    return nn.glu(x, axis)
