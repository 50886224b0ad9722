"""Losses between the embeddings of a batch: circle loss."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.losses._base import Loss, family
from lamina.losses._shapes import mixes_samples, to_float


@mixes_samples
def circle(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    ref_labels: ArrayLike | None = None,
    ref_embeddings: ArrayLike | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80.0,
    margin: float = 0.4,
) -> jax.Array:
    """Draw embeddings of one class together and those of different classes apart.

    With the cosine distances d of each sample to the references, P those of its class and N the others:
    `softplus(logsumexp_P(gamma (m + d)(d - m)) + logsumexp_N(gamma (1 + m - d)(1 - m - d)))`, factors m + d and
    1 + m - d no smaller than 0.

    Args:
        y_true: Class numbers (batch,) or (batch, 1).
        y_pred: Embeddings of length 1, (batch, features).
        ref_labels: Class numbers of the references; None is y_true.
        ref_embeddings: References (references, features) of length 1; None is y_pred.
        remove_diagonal: Whether sample i is not compared with reference i. Default True.
        gamma: Scale > 0. Default 80.
        margin: Relaxation m in [0, 1]. Default 0.4.

    Output: (batch,), float; 0 where a sample has no partner of its class.
    Raises:
        ValueError: y_pred is not (batch, features), or there is not one label for each embedding.
    Source: Sun et al. 2020, Circle Loss.

    Example:
        >>> print(circle([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]).round(1))
        [ 0.  38.4  0. ]
    """
    embeddings = to_float(y_pred)
    references = embeddings if ref_embeddings is None else to_float(ref_embeddings)
    labels = _labels(y_true, embeddings)
    others = labels if ref_labels is None else _labels(ref_labels, references)
    distances = jnp.maximum(1 - embeddings @ references.T, 0)
    same = labels[:, None] == others
    partners = same & ~jnp.eye(same.shape[0], same.shape[1], dtype=bool) if remove_diagonal else same
    together = gamma * jnp.maximum(margin + distances, 0) * (distances - margin)
    apart = gamma * jnp.maximum(1 + margin - distances, 0) * (1 - margin - distances)
    return jax.nn.softplus(_logsumexp(together, partners) + _logsumexp(apart, ~same))


def _logsumexp(values: jax.Array, where: jax.Array) -> jax.Array:
    return jax.nn.logsumexp(jnp.where(where, values, -jnp.inf), axis=1)


def _labels(labels: ArrayLike, embeddings: jax.Array) -> jax.Array:
    labels = jnp.asarray(labels)
    if embeddings.ndim != 2 or labels.shape not in (embeddings.shape[:1], (*embeddings.shape[:1], 1)):
        raise ValueError(
            f"circle: expected embeddings (batch, features) with one class number each, received labels of shape "
            f"{labels.shape} and embeddings of shape {embeddings.shape}."
        )
    return labels.reshape(-1).astype(jnp.int32)


family.add(circle)


@family.add
class Circle(Loss):
    """Draw embeddings of one class together and those of different classes apart; the class of `circle`.

    Args:
        gamma: Scale > 0. Default 80.
        margin: Relaxation in [0, 1]. Default 0.4.
        remove_diagonal: Whether a sample is not compared with itself. Default True.
        reduction: See `Loss`; the mean is over the samples whose loss is more than 0.
        name: See `Loss`. Default "circle".
        dtype: See `Loss`.

    Input: y_true (batch,), class numbers; y_pred (batch, features), embeddings of length 1.
    Output: scalar; (batch,) with reduction "none".
    Source: Sun et al. 2020, Circle Loss.

    Example:
        >>> print(f"{Circle()([0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]):.1f}")
        19.2
    """

    mixes_samples = True

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.gamma = gamma
        self.margin = margin
        self.remove_diagonal = remove_diagonal

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return circle(y_true, y_pred, remove_diagonal=self.remove_diagonal, gamma=self.gamma, margin=self.margin)

    def valid_entries(self, y_true: Any, values: jax.Array) -> jax.Array:
        """Return which samples have a loss."""
        return values > 0
