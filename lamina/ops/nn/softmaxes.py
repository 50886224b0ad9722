"""Functions that turn scores into shares along an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax, nn

from lamina.core.errors import warn_user
from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_float, check_axis


@operation("nn")
def softmax(x: Tensor, axis: int | Sequence[int] | None = -1) -> jax.Array:
    """Probabilities from scores: exp(x) / sum(exp(x)) along an axis, without overflow.

    Args:
        x: Array with at least one axis.
        axis: Axis, or several, that sum to one; None is all of them. Default -1.

    Raises:
        ValueError: an axis that x does not have.
    Warns: an axis of length 1, where the result is always 1.
    Source: Bridle 1990, Training Stochastic Model Recognition Algorithms as Networks.

    Example:
        >>> print(softmax([0.0, 0.0, 1000.0, 1000.0]))
        [0.  0.  0.5 0.5]
    """
    x = as_float(x)
    axes = _axes(x, axis, "softmax")
    if math.prod(x.shape[one] for one in axes) == 1:
        warn_user(
            f"softmax along axis {axis} of an input of shape {x.shape} is always 1, because that axis has one element. "
            "For a single probability use sigmoid."
        )
    return nn.softmax(x, axis=axes)


@operation("nn")
def log_softmax(x: Tensor, axis: int | Sequence[int] | None = -1) -> jax.Array:
    """Logarithm of the softmax: x - log(sum(exp(x))) along an axis, without overflow.

    Args:
        x: Array with at least one axis.
        axis: Axis, or several, along which the probabilities sum to one; None is all of them. Default -1.

    Raises:
        ValueError: an axis that x does not have.

    Example:
        >>> print(log_softmax([0.0, 1000.0]))
        [-1000.     0.]
    """
    x = as_float(x)
    return nn.log_softmax(x, axis=_axes(x, axis, "log_softmax"))


@operation("nn")
def sparsemax(x: Tensor, axis: int = -1) -> jax.Array:
    """Probabilities with exact zeros: max(x - tau, 0), with the tau for which they sum to one along an axis.

    It is the point of the probability simplex that is nearest to x.

    Args:
        x: Array with at least one axis.
        axis: Axis that sums to one. Default -1.

    Raises:
        ValueError: an axis that x does not have.
    Source: Martins & Astudillo 2016, https://arxiv.org/abs/1602.02068, algorithm 1.

    Differs from Keras: the result sums to one. Keras 3.15's tau is wrong as soon as two entries are above zero.

    Example:
        >>> print(sparsemax([0.0, 0.5, 1.0]))
        [0.   0.25 0.75]
    """
    x = as_float(x)
    check_axis(x, axis, "sparsemax")
    z = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    z = z - lax.stop_gradient(jnp.max(z, axis=axis, keepdims=True))  # the answer is the same, the sums stay small
    ranked = -jnp.sort(-lax.stop_gradient(z), axis=axis)
    rank = jnp.expand_dims(jnp.arange(1, x.shape[axis] + 1), [i for i in range(x.ndim) if i != axis % x.ndim])
    above = 1 + rank * ranked > jnp.cumsum(ranked, axis=axis)
    # Ranking only decides who stays; tau is then a plain mean of those, so that no gradient goes through the sort.
    stays = z >= jnp.min(jnp.where(above, ranked, 0), axis=axis, keepdims=True)
    total = jnp.sum(jnp.where(stays, z, 0), axis=axis, keepdims=True)
    tau = (total - 1) / jnp.sum(stays, axis=axis, keepdims=True)
    return jnp.maximum(z - tau, 0).astype(x.dtype)


def _axes(x: jax.Array, axis: int | Sequence[int] | None, where: str) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(x.ndim))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    check_axis(x, axes, where)
    return axes
