"""Tensors put together and taken apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.core.variable import is_traced
from lamina.ops.numpy._tensors import value, values


@operation("numpy")
def concatenate(xs: Sequence[Tensor], axis: int = 0) -> jax.Array:
    """Tensors one after another along an axis that they have; all other axes must agree.

    Args:
        xs: Tensors with the same number of axes.
        axis: Axis to join along. Default 0.

    Sizes may be joined to a shape for `reshape`, also in compiled functions: numbers that are known stay known.

    Example:
        >>> print(concatenate([[1, 2], [3]]))
        [1 2 3]
    """
    return _joined(jnp.concatenate, xs, axis)


@operation("numpy")
def stack(x: Sequence[Tensor], axis: int = 0) -> jax.Array:
    """Tensors of one shape side by side along a new axis.

    Args:
        x: Tensors of the same shape.
        axis: Place of the new axis in the result. Default 0.

    Example:
        >>> print(stack([[1, 2], [3, 4]], axis=1))
        [[1 3]
         [2 4]]
    """
    return _joined(jnp.stack, x, axis)


def _joined(join: Callable[..., jax.Array], xs: Sequence[Any], axis: int) -> jax.Array:
    """Join now where all values are known, also while a function is compiled: the result may be a shape."""
    if is_traced(jax.tree.map(value, xs)):
        return join(values(xs), axis=axis)
    with jax.ensure_compile_time_eval():
        return join(values(xs), axis=axis)


@operation("numpy")
def hstack(xs: Sequence[Tensor]) -> jax.Array:
    """Tensors one after another along the second axis; vectors along their only one.

    Example:
        >>> print(hstack([[[1], [2]], [[3], [4]]]))
        [[1 3]
         [2 4]]
    """
    return jnp.hstack(values(xs))


@operation("numpy")
def vstack(xs: Sequence[Tensor]) -> jax.Array:
    """Tensors one below another along the first axis; vectors are rows.

    Example:
        >>> print(vstack([[1, 2], [3, 4]]))
        [[1 2]
         [3 4]]
    """
    return jnp.vstack(values(xs))


@operation("numpy")
def dstack(xs: Sequence[Tensor]) -> jax.Array:
    """Tensors one behind another along the third axis, which matrices and vectors get first.

    Example:
        >>> dstack([[[1, 2]], [[3, 4]]]).shape
        (1, 2, 2)
    """
    return jnp.dstack(values(xs))


@operation("numpy")
def append(x1: Tensor, x2: Tensor, axis: int | None = None) -> jax.Array:
    """x2 after x1.

    Args:
        x1, x2: Tensors.
        axis: Axis to join along; None: flattened to vectors. Default None.

    Example:
        >>> print(append([[1, 2]], [[3, 4]]))
        [1 2 3 4]
    """
    return jnp.append(value(x1), value(x2), axis=axis)


@operation("numpy")
def split(x: Tensor, indices_or_sections: Any, axis: int = 0) -> list[jax.Array]:
    """Parts along an axis.

    Args:
        x: Tensor.
        indices_or_sections: Number of equal parts, or the indices at which parts begin, without the first.
        axis: Axis to cut. Default 0.

    Raises:
        ValueError: a size that is no multiple of the number of parts.

    Example:
        >>> [part.tolist() for part in split([1, 2, 3, 4], [1, 3])]
        [[1], [2, 3], [4]]
    """
    return jnp.split(value(x), indices_or_sections, axis=axis)


@operation("numpy")
def array_split(x: Tensor, indices_or_sections: int, axis: int = 0) -> list[jax.Array]:
    """Parts along an axis that differ by at most one in size; the first ones are the larger.

    Args:
        x: Tensor.
        indices_or_sections: Number of parts, >= 1.
        axis: Axis to cut. Default 0.

    Raises:
        TypeError: indices_or_sections that is no integer.
        ValueError: fewer than one part.

    Example:
        >>> [part.tolist() for part in array_split([1, 2, 3], 2)]
        [[1, 2], [3]]
    """
    if not isinstance(indices_or_sections, int):
        raise TypeError(
            f"array_split: indices_or_sections must be an integer, received {indices_or_sections!r}. "
            "Use lamina.ops.split for parts of given sizes."
        )
    if indices_or_sections < 1:
        raise ValueError(f"array_split: indices_or_sections must be at least 1, received {indices_or_sections}.")
    return jnp.array_split(value(x), indices_or_sections, axis=axis)


@operation("numpy")
def hsplit(x: Tensor, indices_or_sections: Any) -> list[jax.Array]:
    """Parts along the second axis; of vectors, along the only one.

    Args: as for `split`.

    Example:
        >>> [part.tolist() for part in hsplit([[1, 2], [3, 4]], 2)]
        [[[1], [3]], [[2], [4]]]
    """
    return jnp.hsplit(value(x), indices_or_sections)


@operation("numpy")
def vsplit(x: Tensor, indices_or_sections: Any) -> list[jax.Array]:
    """Parts along the first axis.

    Args: as for `split`.

    Example:
        >>> [part.tolist() for part in vsplit([[1, 2], [3, 4]], 2)]
        [[[1, 2]], [[3, 4]]]
    """
    return jnp.vsplit(value(x), indices_or_sections)


@operation("numpy")
def dsplit(x: Tensor, indices_or_sections: Any) -> list[jax.Array]:
    """Parts along the third axis.

    Args: as for `split`.

    Example:
        >>> [part.tolist() for part in dsplit([[[1, 2]], [[3, 4]]], 2)]
        [[[[1]], [[3]]], [[[2]], [[4]]]]
    """
    return jnp.dsplit(value(x), indices_or_sections)
