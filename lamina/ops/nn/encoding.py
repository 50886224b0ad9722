"""Class numbers as vectors of zeros and ones."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core import dtypes
from lamina.core.errors import check_positive_int
from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array, check_axis


@operation("nn")
def one_hot(x: Tensor, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> jax.Array:
    """Vectors with a one at each class number: y[..., k] = 1 if x[...] == k else 0.

    Args:
        x: Class numbers, any shape. A number that is no class, such as -1, gives zeros.
        num_classes: Number of classes.
        axis: Axis of the result that the classes get. Default -1.
        dtype: Dtype of the result; None is the default float type.
        sparse: Must be False; lamina has no sparse arrays.

    Returns: array with one axis more.
    Raises:
        ValueError: num_classes < 1, an axis that the result does not have, sparse=True.

    Example:
        >>> print(one_hot([2, -1], 3))
        [[0. 0. 1.]
         [0. 0. 0.]]
    """
    _check("one_hot", num_classes, sparse)
    labels = as_array(x)
    check_axis(labels[None], axis, "one_hot")
    numbers = jnp.arange(num_classes).reshape((num_classes,) + (1,) * (labels.ndim - axis % (labels.ndim + 1)))
    return (jnp.expand_dims(labels, axis) == numbers).astype(dtypes.standardize_dtype(dtype))


@operation("nn")
def multi_hot(
    inputs: Tensor, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> jax.Array:
    """One vector for several class numbers, with a one at each of them.

    Args:
        inputs: Class numbers (labels,), or (batch, labels, ...). A number that is no class, such as -1, adds nothing.
        num_classes: Number of classes; needed.
        axis: Axis of the result that the classes get. Default -1.
        dtype: Dtype of the result; None is the default float type.
        sparse: Must be False; lamina has no sparse arrays.

    Returns: array (classes,), or (batch, ..., classes).
    Raises:
        ValueError: no num_classes, a single number for inputs, sparse=True.

    Differs from Keras: with another axis than -1 too, it is the labels that are merged (Keras merges the batch or the
    classes); the old name `num_tokens` does not exist.

    Example:
        >>> print(multi_hot([0, 3], 5))
        [1. 0. 0. 1. 0.]
    """
    classes = _check("multi_hot", num_classes, sparse)
    labels = as_array(inputs).astype("int32")
    if labels.ndim == 0:
        raise ValueError(f"multi_hot: inputs: expected a list of class numbers, received the single number {inputs!r}.")
    ones = labels[..., None] == jnp.arange(classes)
    merged = jnp.any(ones, axis=min(1, labels.ndim - 1)).astype(dtypes.standardize_dtype(dtype))
    return jnp.moveaxis(merged, -1, axis)


def _check(where: str, num_classes: Any, sparse: bool) -> int:
    if sparse:
        raise ValueError(f"{where}: sparse: expected False, received {sparse!r}: lamina has no sparse arrays.")
    return check_positive_int("num_classes", num_classes, f"{where}: ")
