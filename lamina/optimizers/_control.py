"""What a step may need beside its formula: a branch on a traced condition, and gradient clipping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core.variable import Variable, bind


def run_if(condition: Any, branch: Callable[[], None], variables: Sequence[Variable]) -> None:
    """Run `branch`, which assigns some of `variables`, when `condition` holds; otherwise its work is skipped.

    Args:
        condition: Scalar bool. One that is not traced costs a Python `if`.
        branch: Function without arguments that assigns variables.
        variables: Every variable that it may assign.
    """
    if not isinstance(condition, jax.core.Tracer):
        if condition:
            branch()
        return

    def taken(values: list[jax.Array]) -> list[jax.Array]:
        with bind(variables, values):
            branch()
            return [v.value for v in variables]

    values = lax.cond(condition, taken, lambda values: values, [v.value for v in variables])
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def cast(value: Any, dtype: Any) -> jax.Array:
    """Return `value` as an array of `dtype`; one that is it already adds nothing to the trace."""
    return value if isinstance(value, jax.Array) and value.dtype == dtype else jnp.asarray(value, dtype)


def clip_by_norm(gradient: jax.Array, limit: float) -> jax.Array:
    """g * c / max(|g|, c): the direction is kept, the Euclidean norm is at most c = `limit`."""
    norm = jnp.sqrt(jnp.sum(jnp.square(gradient)))
    return gradient * limit / jnp.maximum(norm, limit)


def clip_by_global_norm(gradients: Sequence[jax.Array], limit: float) -> list[jax.Array]:
    """g * c / max(n, c), where n is the norm of all gradients together; NaN where n is not finite.

    Source: Pascanu et al. 2013, On the difficulty of training recurrent neural networks, algorithm 1.
    """
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in gradients))
    scale = jnp.where(jnp.isfinite(norm), limit / jnp.maximum(norm, limit), jnp.nan)
    return [g * scale for g in gradients]
