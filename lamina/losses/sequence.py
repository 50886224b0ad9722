"""Losses between sequences of different length: connectionist temporal classification."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.losses._base import Loss, family
from lamina.losses._shapes import to_float
from lamina.ops import nn


def ctc(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Negative log-likelihood of label sequences, summed over every way to align them with the time steps.

    Args:
        y_true: Class numbers >= 1, (batch, length); 0 is the blank and pads sequences that are shorter.
        y_pred: Logits (batch, time, classes), class 0 the blank.

    Output: (batch,), float.
    Raises:
        ValueError: y_true has not two axes, y_pred not three, or their rows differ.
    Source: Graves et al. 2006, Connectionist Temporal Classification.

    Example:
        >>> print(ctc([[1]], [[[0.0, 0.0], [0.0, 0.0]]]).round(4))  # -log(3/4): 3 of the 4 paths read "1"
        [0.2877]
    """
    labels, logits = jnp.asarray(y_true), to_float(y_pred)
    if labels.ndim != 2 or logits.ndim != 3 or labels.shape[0] != logits.shape[0]:
        raise ValueError(
            f"ctc: expected labels of shape (batch, length) and logits of shape (batch, time, classes), received "
            f"{labels.shape} and {logits.shape}."
        )
    # As in Keras, what counts is the number of labels that are not 0, wherever the zeros stand.
    length = jnp.sum(labels != 0, axis=1, dtype=jnp.int32)
    return nn.ctc_loss(labels, logits, length, jnp.full(logits.shape[0], logits.shape[1])).astype(logits.dtype)


family.add(ctc)


@family.add
class CTC(Loss):
    """Connectionist temporal classification; the class of `ctc`.

    Args:
        reduction: See `Loss`.
        name: See `Loss`. Default "ctc".
        dtype: See `Loss`.

    Input: y_true (batch, length), class numbers >= 1 padded with 0; y_pred (batch, time, classes), logits.
    Output: scalar; (batch,) with reduction "none".
    Source: Graves et al. 2006, Connectionist Temporal Classification.

    Example:
        >>> print(f"{CTC()([[1]], [[[0.0, 0.0], [0.0, 0.0]]]):.4f}")
        0.2877
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "ctc", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return ctc(y_true, y_pred)
