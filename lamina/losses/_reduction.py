"""From one loss per sample to one number: weights, masks and Keras' reductions."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

REDUCTIONS = ("sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none", None)


def reduce_weighted_values(
    where: str,
    values: jax.Array,
    sample_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    reduction: str | None = "sum_over_batch_size",
) -> jax.Array:
    """Weigh values, leave out those that the mask marks invalid, and reduce what is left.

    With w the weights (1 where none are given) and n the number of values that the mask leaves:

        "sum_over_batch_size", "mean":  sum(w * values) / n
        "mean_with_sample_weight":      sum(w * values) / sum(w)
        "sum":                          sum(w * values)
        "none", None:                   w * values, 0 where masked

    A division by zero gives 0. Weight 0 leaves no trace of its value, not even of a NaN.

    Args:
        where: What the error about a wrong shape starts with.
        values: (batch, ...); or () from a loss that reduces by itself, which counts for every weight.
        sample_weight: (), (batch,), or more of the values' leading axes.
        mask: Of the same shapes; True (or not 0) marks a valid entry.
        reduction: One of `REDUCTIONS`.
    """
    sample_weight, mask = (None if given is None else jnp.asarray(given) for given in (sample_weight, mask))
    shape = values.shape or next((given.shape for given in (sample_weight, mask) if given is not None), ())
    weights = None if sample_weight is None else align_weights(where, sample_weight, shape).astype(values.dtype)
    valid = None if mask is None else align_weights(where, mask, shape, "mask") != 0
    if weights is not None:
        values = weigh(values, weights)
    if valid is not None:
        values = jnp.where(valid, values, 0)
    if reduction in (None, "none") or values.ndim == 0:
        return values
    total = jnp.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weights is not None:
        counted = weights if valid is None else jnp.where(valid, weights, 0)
        return divide_no_nan(total, jnp.sum(jnp.broadcast_to(counted, shape)))
    if valid is None:
        return total / max(math.prod(values.shape), 1)
    return divide_no_nan(total, jnp.sum(jnp.broadcast_to(valid, shape), dtype=values.dtype))


def align_weights(
    where: str, weights: ArrayLike | None, shape: tuple[int, ...], argument: str = "sample_weight"
) -> jax.Array:
    """Return weights with as many axes as `shape`, that broadcast along the trailing ones; raise a ValueError else.

    None is the weight 1.
    """
    weights = jnp.asarray(1.0 if weights is None else weights)
    if weights.ndim == len(shape) + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    fits = all(size in (1, expected) for size, expected in zip(weights.shape, shape, strict=False))
    if weights.ndim > len(shape) or not fits:
        raise ValueError(
            f"{where}: {argument} has shape {weights.shape}, but there is one value for each entry of shape {shape}. "
            f"Expected shape {shape[:1]} (one per sample){f' or {shape}' if len(shape) > 1 else ''}."
        )
    return weights.reshape(weights.shape + (1,) * (len(shape) - weights.ndim))


def weigh(values: jax.Array, weights: jax.Array) -> jax.Array:
    """Return `weights * values`, with 0 where the weight is 0 whatever the value is (NaN and inf too)."""
    return jnp.where(weights == 0, 0, values * weights)


def per_entry(y_true: Any, y_pred: Any, *weights: ArrayLike | None) -> Any:
    """Give labels (batch, time) the last axis of predictions (batch, time, 1) when a weight or mask is per time step.

    Without it the loss would average over time before the weights are applied.
    """
    labels = np.shape(y_true)
    per_step = any(np.ndim(w) == len(labels) for w in weights if w is not None)
    if per_step and len(labels) > 1 and np.shape(y_pred) == (*labels, 1):
        return jnp.asarray(y_true)[..., None]
    return y_true


def divide_no_nan(numerator: jax.Array, denominator: jax.Array) -> jax.Array:
    """Return the quotient, and 0 where the denominator is 0."""
    zero = denominator == 0
    return jnp.where(zero, 0, numerator / jnp.where(zero, 1, denominator))
