"""The table of activations: operations of `lamina.ops.nn`, and those that have other settings or names in Keras."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.activations._family import family
from lamina.core.symbolic import Tensor, operation
from lamina.ops import nn
from lamina.ops.numpy import exp, multiply, tanh

for _function in (
    *(nn.leaky_relu, nn.relu6, nn.elu, nn.selu, nn.celu, nn.glu, nn.softplus, nn.squareplus, nn.sparse_plus),
    *(nn.sigmoid, nn.hard_sigmoid, nn.log_sigmoid, nn.sparse_sigmoid, tanh, nn.hard_tanh, nn.tanh_shrink, nn.softsign),
    *(nn.soft_shrink, nn.hard_shrink, nn.threshold, nn.softmax, nn.log_softmax, nn.sparsemax),
):
    family.add(_function)
family.add(nn.silu, "swish")
family.add(nn.hard_silu, "hard_swish")


@family.add
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> jax.Array:
    """Rectified linear unit: x above the threshold, negative_slope * (x - threshold) below, at most max_value.

    Args:
        x: Array, any shape. Whole numbers stay whole with the default arguments.
        negative_slope: Slope below the threshold. Default 0.
        max_value: Largest output, >= 0; None (default) is no limit.
        threshold: Where the line starts. Default 0.

    Returns: array of the same shape and dtype.
    Raises:
        ValueError: max_value < 0.
    Source: Nair & Hinton 2010, Rectified Linear Units Improve Restricted Boltzmann Machines.

    Example:
        >>> print(relu([-2.0, 0.0, 3.0]))
        [0. 0. 3.]
        >>> print(relu([-2.0, 0.0, 3.0], negative_slope=0.5, max_value=2.0))
        [-1.  0.  2.]
    """
    if isinstance(max_value, (int, float)) and not max_value >= 0:
        raise ValueError(f"relu: max_value: expected a number >= 0 or None, received {max_value!r}.")
    if max_value is None and threshold == 0:
        return nn.relu(x) if negative_slope == 0.0 else nn.leaky_relu(x, negative_slope)
    return bent_relu(x, negative_slope, max_value, threshold)


@operation("nn", "ReLU")
def bent_relu(x: Tensor, negative_slope: float, max_value: float | None, threshold: float) -> jax.Array:
    """`relu` with a ceiling or a threshold."""
    x = jnp.asarray(x)
    upper = nn.relu(x) if threshold == 0 else jnp.where(x > threshold, x, 0)
    if max_value == 6 and threshold == 0:
        upper = nn.relu6(x)  # its gradient at 6 is 0, that of clip is 1/2
    elif max_value is not None:
        upper = jnp.clip(upper, 0, max_value)
    return upper if negative_slope == 0.0 else upper - negative_slope * nn.relu(threshold - x)


@family.add
def gelu(x: Any, approximate: bool = False) -> jax.Array:
    """Gaussian error linear unit, as in `lamina.ops.gelu`, but exact unless told otherwise.

    Args:
        x: Array, any shape.
        approximate: Whether to use the tanh form. Default False.

    Example:
        >>> print(f"{gelu(1.0):.4f} {gelu(-1.0):.4f} {gelu(-1.0, approximate=True):.4f}")
        0.8413 -0.1587 -0.1588
    """
    return nn.gelu(x, approximate)


@family.add
def mish(x: Any) -> jax.Array:
    """Mish: x * tanh(softplus(x)).

    Args:
        x: Array, any shape.

    Source: Misra 2019, https://arxiv.org/abs/1908.08681

    Example:
        >>> print(mish([0.0, 20.0]))
        [ 0. 20.]
    """
    return multiply(x, tanh(nn.softplus(x)))


@family.add
def exponential(x: Any) -> jax.Array:
    """Exponential: exp(x).

    Args:
        x: Array, any shape.

    Example:
        >>> print(f"{exponential(1.0):.4f}")
        2.7183
    """
    return exp(x)
