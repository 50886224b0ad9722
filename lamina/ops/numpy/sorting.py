"""Order: sorting, searching, the places of extremes, and what is there once."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array
from lamina.ops.numpy._tensors import value, values_needed


@operation("numpy")
def sort(x: Tensor, axis: int | None = -1) -> jax.Array:
    """Elements in increasing order, NaN last.

    Args:
        x: Tensor.
        axis: Axis to sort along; None: the flattened tensor. Default -1.

    Example:
        >>> print(sort([3, 1, 2]))
        [1 2 3]
    """
    return jnp.sort(value(x), axis=axis)


@operation("numpy")
def argsort(x: Tensor, axis: int | None = -1) -> jax.Array:
    """Indices that sort x, int32: x[argsort(x)] is in increasing order; ties keep theirs.

    Args: as for `sort`.

    Example:
        >>> print(argsort([3, 1, 2]))
        [1 2 0]
    """
    x = as_array(x)
    return jnp.argsort(x, axis=None if x.ndim == 0 else axis)


@operation("numpy")
def argpartition(x: Tensor, kth: int, axis: int | None = -1) -> jax.Array:
    """Indices that put the element number kth of the sorted order in its place, smaller ones before it; int32.

    Args:
        x: Tensor.
        kth: Number of the element, from 0.
        axis: Axis to order along; None: the flattened tensor. Default -1.

    Example:
        >>> print(argpartition([30, 10, 20], 0)[0])
        1
    """
    x = as_array(x)
    return jnp.argpartition(jnp.ravel(x), kth) if axis is None else jnp.argpartition(x, kth, axis=axis)


@operation("numpy")
def argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> jax.Array:
    """Index of the largest element, the first one of equals; int32.

    Args:
        x: Tensor.
        axis: Axis to reduce; None: index into the flattened tensor. Default None.
        keepdims: Whether the reduced axis stays, with size 1. Default False.

    Example:
        >>> print(argmax([[1, 9], [8, 2]], axis=1))
        [1 0]
    """
    return jnp.argmax(value(x), axis=axis, keepdims=keepdims)


@operation("numpy")
def argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> jax.Array:
    """Index of the smallest element, the first one of equals; int32.

    Args: as for `argmax`.

    Example:
        >>> print(argmin([[1, 9], [8, 2]], axis=1))
        [0 1]
    """
    return jnp.argmin(value(x), axis=axis, keepdims=keepdims)


@operation("numpy", "SearchSorted")
def searchsorted(sorted_sequence: Tensor, values: Tensor, side: str = "left") -> jax.Array:
    """Where values would be inserted into a sorted vector to keep it sorted, int32.

    Args:
        sorted_sequence: Increasing vector.
        values: Tensor of any shape, which the result has too.
        side: Before ("left") or behind ("right") equal elements. Default "left".

    Raises:
        ValueError: a sorted_sequence that is no vector.

    Example:
        >>> print(searchsorted([1, 2, 2, 3], [2, 5]))
        [1 4]
    """
    sequence = as_array(sorted_sequence)
    if sequence.ndim != 1:
        raise ValueError(
            f"searchsorted: sorted_sequence must be a vector, received shape {sequence.shape}. "
            "For more than one sequence use lamina.ops.vectorized_map."
        )
    return jnp.searchsorted(sequence, value(values), side=side)


@operation("numpy")
def unique(
    x: Tensor,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different elements, each once; every NaN is one of its own.

    Args:
        x: Tensor.
        sorted: Whether they come in increasing order. Default True.
        return_index: Whether to return the index of each one's first occurrence. Default False.
        return_inverse: Whether to return, for each element of x, its index among the different ones. Default False.
        return_counts: Whether to return how often each one occurs. Default False.
        axis: Axis along which rows are compared; None: elements. Default None.
        size: Length of the result: cut, or filled up. Needed in models and other compiled functions. Default None.
        fill_value: What fills the result up; None is the smallest element. Default None.

    Returns:
        The different elements, or a tuple of them and the other results asked for.

    Raises:
        TypeError: in a model or another compiled function without `size`.

    Example:
        >>> print(unique([3, 1, 3]))
        [1 3]
    """
    with values_needed("unique", "Give size=, the length of the result."):
        return jnp.unique(
            value(x),
            return_index=return_index,
            return_inverse=return_inverse,
            return_counts=return_counts,
            axis=axis,
            equal_nan=False,
            size=size,
            fill_value=fill_value,
            sorted=sorted,
        )
