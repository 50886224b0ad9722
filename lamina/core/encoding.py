"""NumPy helpers for labels and rows, under Keras' names."""

from __future__ import annotations

from typing import Any

import numpy as np


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Turn class numbers into one-hot rows.

    Args:
        x: Whole numbers in [0, num_classes), any shape; a last axis of size 1 is dropped.
        num_classes: Number of classes; None is the largest number plus 1.
    Output: float32 (..., num_classes).

    Raises:
        ValueError: numbers that are not whole, negative or not below num_classes.

    Example:
        >>> to_categorical([0, 2], 3)
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    labels = np.asarray(x)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    whole = labels.dtype.kind in "iub" or (
        labels.dtype.kind == "f" and np.isfinite(labels).all() and not (labels % 1).any()
    )
    if labels.size and not whole:
        raise ValueError(f"to_categorical: expected whole numbers, received {labels.dtype}: {labels.ravel()[:3]}.")
    labels = labels.astype(np.int64)
    count = int(labels.max(initial=-1)) + 1 if num_classes is None else num_classes
    if labels.size and not (labels.min() >= 0 and labels.max() < count):
        raise ValueError(
            f"to_categorical: expected class numbers from 0 to {count - 1}, received {labels.min()} to {labels.max()}."
        )
    return np.eye(count, dtype=np.float32)[labels]


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """Divide by the norm along an axis; rows of norm 0 stay 0.

    Example:
        >>> normalize([[3.0, 4.0]])
        array([[0.6, 0.8]])
    """
    x = np.asarray(x)
    norms = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norms == 0, 1, norms)
