"""Labels and predictions of one shape, or an error that says how to get there: nothing broadcasts silently."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from lamina.core import dtypes

F = TypeVar("F", bound=Callable[..., Any])


def to_float(values: Any) -> jax.Array:
    """Return an array of a float dtype: its own, or the default one for whole numbers and bools."""
    values = jnp.asarray(values)
    return values if dtypes.is_float(values.dtype) else values.astype(dtypes.floatx())


def same_rank(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Drop or add a last axis of length 1 where the ranks differ by one, as Keras does.

    (batch,) beside (batch, 1) gives (batch, 1); (batch, time) beside (batch, time, 1) gives (batch, time).
    """
    a, b = jnp.asarray(y_true), jnp.asarray(y_pred)
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b[..., None]) if b.ndim == 1 else (a[..., 0], b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        return (a[..., None], b) if a.ndim == 1 else (a, b[..., 0])
    return a, b


def align(where: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """Return both as float arrays of one dtype and one shape; raise a ValueError that starts with `where` otherwise."""
    y_pred = to_float(y_pred)
    y_true, y_pred = same_rank(jnp.asarray(y_true, y_pred.dtype), y_pred)
    if y_true.shape != y_pred.shape or y_pred.ndim == 0:
        raise ValueError(
            f"{where}: y_true has shape {y_true.shape} and y_pred has shape {y_pred.shape}; expected equal shapes "
            f"(batch, ...), a last axis of length 1 aside. {_way_out(y_true.shape, y_pred.shape)}"
        )
    return y_true, y_pred


def align_labels(where: str, y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> tuple[jax.Array, jax.Array]:
    """Return labels (batch, ...) and float scores (batch, ..., classes); raise a ValueError otherwise."""
    labels, scores = jnp.asarray(y_true), to_float(y_pred)
    if labels.ndim == scores.ndim > 0 and labels.shape[axis] == 1:
        labels = labels.squeeze(axis)
    expected = _without(scores.shape, axis)
    if labels.shape == expected and scores.ndim > 0:
        return labels, scores
    way_out = _rows_differ(labels.shape, scores.shape)
    if not way_out and labels.shape == scores.shape:
        way_out = (
            "One-hot labels go with categorical_crossentropy or CategoricalAccuracy; "
            "or turn them into class numbers: y_true.argmax(-1)."
        )
    raise ValueError(
        f"{where}: y_true has shape {labels.shape} and y_pred has shape {scores.shape}; expected class numbers of "
        f"shape {expected} or {(*expected, 1)}. {way_out or 'Give every prediction one label.'}"
    )


def check_classes(where: str, shape: Sequence[int], axis: int = -1) -> None:
    """Raise unless there are two classes or more: over a single one, every cross-entropy is zero."""
    if shape[axis] < 2:
        raise ValueError(
            f"{where}: y_pred has shape {tuple(shape)}: {shape[axis]} class on axis {axis}, expected at least 2. "
            "With one unit use binary_crossentropy and a sigmoid; else give the last layer one unit per class."
        )


def averages_last_axis(fn: F) -> F:
    """Mark a function that takes the mean or sum over the last axis; see `apply`."""
    fn.averages_last_axis = True  # type: ignore[attr-defined]  # a mark on the function object
    return fn


def mixes_samples(fn: F) -> F:
    """Mark a function in which the values of a sample depend on the rest of the batch."""
    fn.mixes_samples = True  # type: ignore[attr-defined]  # a mark on the function object
    return fn


def apply(fn: Callable[..., Any], y_true: Any, y_pred: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a loss or metric function so that it gives one value per sample.

    A function that averages over the last axis would average the samples themselves when both arguments have shape
    (batch,), and no weight could reach one of them; it is given (batch, 1).
    """
    if getattr(fn, "averages_last_axis", False) and np.ndim(y_true) == np.ndim(y_pred) == 1:
        y_true, y_pred = jnp.asarray(y_true)[:, None], jnp.asarray(y_pred)[:, None]
    return fn(y_true, y_pred, *args, **kwargs)


def label_kind(y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> str:
    """Return "binary", "sparse" or "categorical": what "accuracy" and "crossentropy" mean for these shapes.

    Keras' rule; predictions of shape (batch,) are binary too.
    """
    if len(y_pred_shape) < 2 or y_pred_shape[-1] == 1:
        return "binary"
    fewer_axes = len(y_true_shape) < len(y_pred_shape)
    return "sparse" if fewer_axes or y_true_shape[-1] == 1 else "categorical"


def _without(shape: Sequence[int], axis: int) -> tuple[int, ...]:
    axis = axis % len(shape) if shape else 0
    return tuple(size for i, size in enumerate(shape) if i != axis)


def _rows_differ(labels: tuple[int, ...], scores: tuple[int, ...]) -> str:
    if labels and scores and labels[0] != scores[0]:
        return f"There are {labels[0]} rows of labels and {scores[0]} of predictions."
    return ""


def _way_out(labels: tuple[int, ...], scores: tuple[int, ...]) -> str:
    if not scores or not labels:
        return "Give both a batch axis: shape (1,) for a single number."
    if rows := _rows_differ(labels, scores):
        return rows
    if labels in (scores[:-1], (*scores[:-1], 1)):
        return (
            "If the labels are class numbers, use sparse_categorical_crossentropy (metric: "
            f"SparseCategoricalAccuracy) or one-hot labels of shape {scores}; else the last layer needs 1 unit."
        )
    if labels[:-1] == scores[:-1]:
        return f"Give the last layer {labels[-1]} units (`units={labels[-1]}`), or each label {scores[-1]} values."
    return "Reshape the labels, or put Flatten() or Reshape() at the end of the model."
