"""Elements chosen by index or by condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array
from lamina.ops.numpy._tensors import value, values, values_needed


@operation("numpy")
def get_item(x: Tensor, key: Any | Tensor) -> jax.Array:
    """Part of a tensor: x[key].

    Args:
        x: Tensor.
        key: What may stand in the brackets: integers, slices, ..., None, tensors of integers or bools, tuples of them.

    Raises:
        TypeError: a tensor of bools as key in a model or another compiled function.

    Example:
        >>> print(get_item([[1, 2], [3, 4]], (slice(None), 1)))
        [2 4]
    """
    with values_needed("get_item", "Use lamina.ops.where(condition, x, 0) instead of bools in the brackets."):
        return as_array(x)[tuple(key) if isinstance(key, list) else key]


@operation("numpy")
def take(x: Tensor, indices: Tensor, axis: int | None = None) -> jax.Array:
    """Elements, or whole rows, at indices: x[…, indices, …].

    Args:
        x: Tensor.
        indices: Integers of any shape; negative ones count from the end, those outside give NaN (integers: extremes).
        axis: Axis that is indexed; None: the flattened tensor. Default None.

    Example:
        >>> print(take([10, 20, 30], [2, 0]))
        [30 10]
    """
    return jnp.take(value(x), value(indices), axis=axis)


@operation("numpy")
def take_along_axis(x: Tensor, indices: Tensor, axis: int | None = None) -> jax.Array:
    """One element for each index, at its own place in the other axes: y[i, j] = x[i, indices[i, j]].

    Args:
        x: Tensor.
        indices: Integers, with as many axes as x.
        axis: Axis that is indexed; None: the flattened tensor. Default None.

    Example:
        >>> print(take_along_axis([[1, 2], [3, 4]], [[1], [0]], axis=1))
        [[2]
         [3]]
    """
    return jnp.take_along_axis(value(x), value(indices), axis=axis)


@operation("numpy")
def where(condition: Tensor, x1: Tensor | None = None, x2: Tensor | None = None) -> Any:
    """x1 where a condition holds, x2 elsewhere; with the condition alone, the indices where it holds.

    Args:
        condition: Tensor of bools.
        x1, x2: Tensors that broadcast with the condition, or both None.

    Raises:
        ValueError: one of x1 and x2 without the other.
        TypeError: the condition alone in a model or another compiled function.

    Example:
        >>> print(where([True, False], [1, 2], 0))
        [1 0]
    """
    if (x1 is None) != (x2 is None):
        raise ValueError("where: give both x1 and x2, or neither of them; received only one.")
    if x1 is None:
        with values_needed("where", "Give x1 and x2."):
            return jnp.where(value(condition))
    return jnp.where(value(condition), value(x1), value(x2))


@operation("numpy")
def select(condlist: Sequence[Tensor], choicelist: Sequence[Tensor], default: Tensor = 0) -> jax.Array:
    """Elements of the first choice whose condition holds, or a default.

    Args:
        condlist: List of tensors of bools.
        choicelist: List of as many tensors.
        default: What stands where no condition holds. Default 0.

    Raises:
        ValueError: no lists, or empty ones.

    Example:
        >>> x = jnp.arange(4)
        >>> print(select([x < 1, x > 2], [x, x * 10], default=-1))
        [ 0 -1 -1 30]
    """
    if not (isinstance(condlist, (list, tuple)) and isinstance(choicelist, (list, tuple)) and condlist and choicelist):
        raise ValueError(
            "select: condlist and choicelist must be lists of tensors that are not empty; received "
            f"condlist={condlist!r}, choicelist={choicelist!r}."
        )
    return jnp.select(values(condlist), values(choicelist), value(default))


@operation("numpy")
def nonzero(x: Tensor) -> tuple[jax.Array, ...]:
    """Indices of the elements that are not 0, one vector for each axis.

    Raises:
        TypeError: in a model or another compiled function; the length depends on x.

    Example:
        >>> [i.tolist() for i in nonzero([[0, 5], [6, 0]])]
        [[0, 1], [1, 0]]
    """
    with values_needed("nonzero", "Use lamina.ops.where(condition, x1, x2)."):
        return jnp.nonzero(value(x))


@operation("numpy")
def unravel_index(indices: Tensor, shape: Sequence[int]) -> tuple[jax.Array, ...]:
    """Index along each axis for indices into the flattened tensor.

    Args:
        indices: Integers.
        shape: Shape of the tensor.

    Example:
        >>> [i.tolist() for i in unravel_index([1, 5], (2, 3))]
        [[0, 1], [1, 2]]
    """
    return jnp.unravel_index(value(indices), tuple(shape))


@operation("numpy")
def diag(x: Tensor, k: int = 0) -> jax.Array:
    """Diagonal of a matrix, or the matrix with a vector as its diagonal.

    Args:
        x: Matrix or vector.
        k: Which diagonal: above the main one (> 0), or below (< 0). Default 0.

    Example:
        >>> print(diag([[1, 2], [3, 4]]))
        [1 4]
    """
    return jnp.diag(value(x), k)


@operation("numpy")
def diagflat(x: Tensor, k: int = 0) -> jax.Array:
    """Matrix with the elements of a tensor of any shape on its diagonal number k.

    Example:
        >>> print(diagflat([1, 2]))
        [[1 0]
         [0 2]]
    """
    return jnp.diagflat(value(x), k)


@operation("numpy")
def diagonal(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> jax.Array:
    """Diagonals of the matrices in two axes, as the last axis of the result.

    Args:
        x: Tensor with two axes or more.
        offset: Which diagonal: above the main one (> 0), or below (< 0). Default 0.
        axis1, axis2: Rows and columns of the matrices. Default 0 and 1.

    Raises:
        ValueError: axis1 and axis2 that are the same.

    Example:
        >>> print(diagonal([[1, 2], [3, 4]], offset=1))
        [2]
    """
    return jnp.diagonal(value(x), offset, axis1, axis2)


@operation("numpy")
def tril(x: Tensor, k: int = 0) -> jax.Array:
    """Lower triangle of the matrices in the last two axes: 0 above diagonal number k.

    Example:
        >>> print(tril([[1, 2], [3, 4]]))
        [[1 0]
         [3 4]]
    """
    return jnp.tril(value(x), k)


@operation("numpy")
def triu(x: Tensor, k: int = 0) -> jax.Array:
    """Upper triangle of the matrices in the last two axes: 0 below diagonal number k.

    Example:
        >>> print(triu([[1, 2], [3, 4]]))
        [[1 2]
         [0 4]]
    """
    return jnp.triu(value(x), k)
