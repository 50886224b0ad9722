"""Overlap of predicted and true regions: intersection over union per class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.core import errors
from lamina.losses._reduction import align_weights
from lamina.losses._shapes import same_rank
from lamina.metrics._base import Metric, family
from lamina.ops._arrays import EPSILON


@family.add
class IoU(Metric):
    """Intersection over union of chosen classes, TP / (TP + FP + FN), the mean over those that occur.

    Args:
        num_classes: Number of classes, >= 1.
        target_class_ids: Classes of the mean.
        name: Name in logs; None gives "io_u", numbered.
        dtype: See `Metric`. Default "int32", as in Keras; counts and the result are float32 all the same.
        ignore_class: Label whose entries do not count, such as 255 for "no class". Default None.
        sparse_y_true: Whether labels are class numbers; False for one-hot. Default True.
        sparse_y_pred: Whether predictions are class numbers; False for scores. Default True.
        axis: Axis of the classes where labels or predictions are not class numbers. Default -1.

    Input: y_true and y_pred of one shape once they are class numbers; entries outside 0, ..., num_classes - 1 do not
        count; sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].
    Variables: total_confusion_matrix (num_classes, num_classes), rows are labels.
    Raises:
        ValueError: num_classes < 1, a target outside the classes, shapes that differ.

    Differs from Keras: fractional weights count as they are (Keras cuts them to whole numbers), and weights of shape
    (batch,) count for all entries of a sample.

    Example:
        >>> print(f"{IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1]):.4f}")
        0.3333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype or "int32", name)
        self.num_classes = errors.check_positive_int("num_classes", num_classes, f"{self.name}: ")
        self.target_class_ids = list(target_class_ids)
        if not self.target_class_ids or not all(0 <= i < num_classes for i in self.target_class_ids):
            raise ValueError(
                f"{self.name}: target_class_ids: expected class numbers from 0 to {num_classes - 1}, received "
                f"{self.target_class_ids}."
            )
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable((num_classes, num_classes), name="total_confusion_matrix")

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch."""
        y_true, y_pred = jnp.asarray(y_true), jnp.asarray(y_pred)
        labels = y_true if self.sparse_y_true else jnp.argmax(y_true, axis=self.axis)
        predicted = y_pred if self.sparse_y_pred else jnp.argmax(y_pred, axis=self.axis)
        labels, predicted = same_rank(labels.astype(jnp.int32), predicted.astype(jnp.int32))
        if labels.shape != predicted.shape:
            raise ValueError(
                f"{self.name}: y_true has shape {y_true.shape} and y_pred has shape {y_pred.shape}; as class numbers "
                f"{labels.shape} and {predicted.shape}, which should be equal. Scores need sparse_y_pred=False, "
                "one-hot labels sparse_y_true=False."
            )
        weights = align_weights(self.name, sample_weight, labels.shape)
        weights = jnp.broadcast_to(weights.astype(self.accumulator_dtype), labels.shape)
        classes = self.num_classes
        counts = (labels >= 0) & (labels < classes) & (predicted >= 0) & (predicted < classes)
        if self.ignore_class is not None:
            counts &= labels != self.ignore_class
        cell = jnp.where(counts, labels * classes + predicted, classes * classes)  # the last one is dropped
        matrix = jax.ops.segment_sum(weights.ravel(), cell.ravel(), classes * classes + 1)[:-1]
        self.total_cm.assign_add(matrix.reshape(classes, classes))

    def result(self) -> jax.Array:
        """Return the mean over the target classes that occur as label or prediction."""
        matrix = self.total_cm.value
        hits = jnp.diag(matrix)
        union = jnp.sum(matrix, axis=0) + jnp.sum(matrix, axis=1) - hits
        targets = jnp.asarray(self.target_class_ids)
        hits, union = hits[targets], union[targets]
        occurs = union > 1e-9
        scores = jnp.where(occurs, hits / (union + EPSILON), 0)
        return jnp.sum(scores) / (jnp.sum(occurs) + EPSILON)


@family.add
class BinaryIoU(IoU):
    """Intersection over union of the classes 0 and 1, predicted 1 where `y_pred >= threshold`.

    Args:
        target_class_ids: Classes of the mean: (0,), (1,) or (0, 1). Default (0, 1).
        threshold: Score from which on class 1 is predicted. Default 0.5.
        name: Name in logs; None gives "binary_io_u", numbered.
        dtype: See `IoU`.

    Input: y_true (0 or 1) and y_pred (scores) of one shape; sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].
    Raises:
        ValueError: a target that is neither 0 nor 1, shapes that differ.

    Example:
        >>> print(f"{BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]):.4f}")
        0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch."""
        super().update_state(y_true, jnp.asarray(y_pred) >= self.threshold, sample_weight)


@family.add
class MeanIoU(IoU):
    """Mean intersection over union of all classes that occur.

    Args:
        num_classes: Number of classes, >= 1.
        name: Name in logs; None gives "mean_io_u", numbered.
        dtype: See `IoU`.
        ignore_class: Label whose entries do not count. Default None.
        sparse_y_true: Whether labels are class numbers; False for one-hot. Default True.
        sparse_y_pred: Whether predictions are class numbers; False for scores. Default True.
        axis: Axis of the classes where labels or predictions are not class numbers. Default -1.

    Input: y_true and y_pred of one shape once they are class numbers; sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].
    Raises:
        ValueError: num_classes < 1, shapes that differ.

    Example:
        >>> print(f"{MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1]):.4f}")
        0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


@family.add
class OneHotIoU(IoU):
    """Intersection over union of chosen classes, for one-hot labels.

    Args:
        num_classes: Number of classes, >= 1.
        target_class_ids: Classes of the mean.
        name: Name in logs; None gives "one_hot_io_u", numbered.
        dtype: See `IoU`.
        ignore_class: Label whose entries do not count. Default None.
        sparse_y_pred: Whether predictions are class numbers instead of scores. Default False.
        axis: Axis of the classes. Default -1.

    Input: y_true (one-hot) and y_pred (scores), (..., classes); sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].
    Raises:
        ValueError: num_classes < 1, a target outside the classes, shapes that differ.

    Example:
        >>> print(f"{OneHotIoU(2, [0])([[1, 0], [0, 1]], [[0.9, 0.1], [0.8, 0.2]]):.4f}")
        0.5000
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


@family.add
class OneHotMeanIoU(IoU):
    """Mean intersection over union of all classes that occur, for one-hot labels.

    Args:
        num_classes: Number of classes, >= 1.
        name: Name in logs; None gives "one_hot_mean_io_u", numbered.
        dtype: See `IoU`.
        ignore_class: Label whose entries do not count. Default None.
        sparse_y_pred: Whether predictions are class numbers instead of scores. Default False.
        axis: Axis of the classes. Default -1.

    Input: y_true (one-hot) and y_pred (scores), (..., classes); sample_weight (batch,) or more leading axes.
    Output: scalar in [0, 1].
    Raises:
        ValueError: num_classes < 1, shapes that differ.

    Example:
        >>> print(f"{OneHotMeanIoU(2)([[1, 0], [0, 1]], [[0.9, 0.1], [0.8, 0.2]]):.4f}")
        0.2500
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, False, sparse_y_pred, axis)


family.add(IoU, "iou")
family.add(BinaryIoU, "binary_iou")
family.add(MeanIoU, "mean_iou")
family.add(OneHotIoU, "one_hot_iou")
family.add(OneHotMeanIoU, "one_hot_mean_iou")
