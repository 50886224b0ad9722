"""Losses between distributions and counts: Kullback-Leibler divergence, Poisson."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.losses._base import Loss, family
from lamina.losses._shapes import align, apply, averages_last_axis
from lamina.ops._arrays import EPSILON


def kl_divergence(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Kullback-Leibler divergence between distributions, `sum(y_true log(y_true / y_pred))` over the last axis.

    Args:
        y_true: Probabilities (batch, ..., classes), kept inside [1e-7, 1].
        y_pred: Probabilities of the same shape, likewise.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(f"{kl_divergence([[0.5, 0.5]], [[0.25, 0.75]])[0]:.4f}")
        0.1438
    """
    y_true, y_pred = align("kl_divergence", y_true, y_pred)
    y_true, y_pred = jnp.clip(y_true, EPSILON, 1), jnp.clip(y_pred, EPSILON, 1)
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


@averages_last_axis
def poisson(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Negative log-likelihood of counts, up to a constant: `mean(y_pred - y_true log(y_pred + 1e-7))`.

    Args:
        y_true: Counts (batch, ..., outputs) >= 0.
        y_pred: Expected counts of the same shape, > 0.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(poisson([[0.0, 2.0]], [[1.0, 1.0]]).round(4))
        [1.]
    """
    y_true, y_pred = align("poisson", y_true, y_pred)
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + EPSILON), axis=-1)


family.add(kl_divergence, "kld", "KLD", "kullback_leibler_divergence")
family.add(poisson)


@family.add
class KLDivergence(Loss):
    """Kullback-Leibler divergence between distributions; the class of `kl_divergence`.

    Args:
        reduction: See `Loss`.
        name: See `Loss`. Default "kl_divergence".
        dtype: See `Loss`.

    Input: y_true and y_pred (batch, ..., classes), probabilities.
    Output: scalar; (batch, ...) with reduction "none".

    Example:
        >>> print(f"{KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]):.4f}")
        0.1438
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "kl_divergence", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return kl_divergence(y_true, y_pred)


@family.add
class Poisson(Loss):
    """Negative log-likelihood of counts, up to a constant; the class of `poisson`.

    Args:
        reduction: See `Loss`.
        name: See `Loss`. Default "poisson".
        dtype: See `Loss`.

    Input: y_true (counts) and y_pred (expected counts), (batch, ..., outputs).
    Output: scalar; (batch, ...) with reduction "none".

    Example:
        >>> print(f"{Poisson()([[0.0, 2.0]], [[1.0, 1.0]]):.4f}")
        1.0000
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "poisson", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return apply(poisson, y_true, y_pred)
