"""Metrics of probabilities: the cross-entropies, Kullback-Leibler divergence, Poisson."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina import losses
from lamina.losses._reduction import align_weights
from lamina.losses._shapes import label_kind
from lamina.metrics._base import family
from lamina.metrics.reduction import MeanMetricWrapper


@family.add
class KLDivergence(MeanMetricWrapper):
    """Mean Kullback-Leibler divergence; the metric of `losses.kl_divergence`.

    Args:
        name: Name in logs. Default "kl_divergence".
        dtype: See `Metric`.

    Input: y_true and y_pred (batch, ..., classes), probabilities; sample_weight (batch,) or more leading axes.
    Output: scalar.

    Example:
        >>> print(f"{KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]):.4f}")
        0.1438
    """

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(losses.kl_divergence, name, dtype)


@family.add
class Poisson(MeanMetricWrapper):
    """Mean Poisson loss; the metric of `losses.poisson`.

    Args:
        name: Name in logs. Default "poisson".
        dtype: See `Metric`.

    Input: y_true (counts) and y_pred (expected counts), (batch, ..., outputs); sample_weight (batch,) or more leading
        axes.
    Output: scalar.

    Example:
        >>> print(f"{Poisson()([[0.0, 2.0]], [[1.0, 1.0]]):.4f}")
        1.0000
    """

    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(losses.poisson, name, dtype)


@family.add
class BinaryCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of yes-or-no labels; the metric of `losses.binary_crossentropy`.

    Args:
        name: Name in logs. Default "binary_crossentropy".
        dtype: See `Metric`.
        from_logits: Whether predictions are logits instead of probabilities. Default False.
        label_smoothing: Fraction in [0, 1] by which labels move towards 0.5. Default 0.

    Input: y_true and y_pred (batch, ..., outputs); sample_weight (batch,) or more leading axes.
    Output: scalar.

    Example:
        >>> print(f"{BinaryCrossentropy()([[0.0], [1.0]], [[0.6], [0.4]]):.4f}")
        0.9163
    """

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            losses.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing


@family.add
class CategoricalCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of one-hot labels; the metric of `losses.categorical_crossentropy`.

    Args:
        name: Name in logs. Default "categorical_crossentropy".
        dtype: See `Metric`.
        from_logits: Whether predictions are logits instead of probabilities. Default False.
        label_smoothing: Fraction in [0, 1] of each label that is spread evenly over the classes. Default 0.
        axis: Axis of the classes. Default -1.

    Input: y_true and y_pred (batch, ..., classes); sample_weight (batch,) or more leading axes.
    Output: scalar.

    Example:
        >>> print(f"{CategoricalCrossentropy()([[0, 1, 0]], [[0.05, 0.95, 0]]):.4f}")
        0.0513
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


@family.add
class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """Mean cross-entropy of class numbers; the metric of `losses.sparse_categorical_crossentropy`.

    Args:
        name: Name in logs. Default "sparse_categorical_crossentropy".
        dtype: See `Metric`.
        from_logits: Whether predictions are logits instead of probabilities. Default False.
        ignore_class: Label whose entries do not count. Default None.
        axis: Axis of the classes. Default -1.

    Input: y_true (batch, ...) or (batch, ..., 1), class numbers; y_pred (batch, ..., classes); sample_weight (batch,)
        or more leading axes.
    Output: scalar.

    Differs from Keras: ignored entries never count; in Keras without weights they count with the value 0.

    Example:
        >>> metric = SparseCategoricalCrossentropy(ignore_class=-1)
        >>> print(f"{metric([1, -1], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]]):.4f}")
        0.0513
    """

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            losses.sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )
        self.from_logits = from_logits
        self.ignore_class = ignore_class
        self.axis = axis

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch."""
        if self.ignore_class is not None:
            labels = jnp.asarray(y_true)
            if labels.ndim == jnp.ndim(jnp.asarray(y_pred)) and labels.shape[self.axis] == 1:
                labels = labels.squeeze(self.axis)
            weights = align_weights(self.name, sample_weight, labels.shape)
            sample_weight = jnp.where(labels != self.ignore_class, weights, 0)
        super().update_state(y_true, y_pred, sample_weight)


def crossentropy_for(y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> MeanMetricWrapper:
    """Return the metric that "crossentropy" or "ce" stands for, under the name "crossentropy".

    Args:
        y_true_shape: Shape of the labels, batch axis included; None where free.
        y_pred_shape: Shape of the predictions.

    Example:
        >>> crossentropy_for((None, 1), (None, 1))
        <BinaryCrossentropy name=crossentropy>
    """
    kinds = {
        "binary": BinaryCrossentropy,
        "sparse": SparseCategoricalCrossentropy,
        "categorical": CategoricalCrossentropy,
    }
    return kinds[label_kind(y_true_shape, y_pred_shape)](name="crossentropy")


family.add(BinaryCrossentropy, "bce", "BCE")
family.add(KLDivergence, "kld", "KLD")
family.add(losses.binary_focal_crossentropy)
family.add(losses.categorical_focal_crossentropy)
