"""Conversion between kinds of arrays, and parts of arrays. Functions that take functions are in `control_flow.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from lamina.core import dtypes
from lamina.core.errors import check_choice
from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array

__all__ = [
    "convert_to_tensor",
    "convert_to_numpy",
    "is_tensor",
    "shape",
    "dtype",
    "cast",
    "saturate_cast",
    "slice",
    "slice_update",
    "scatter",
    "scatter_update",
    "unstack",
    "stop_gradient",
]


@operation("core")
def convert_to_tensor(
    x: Tensor, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> jax.Array:
    """Array from a NumPy array, `Variable`, list (nested, of numbers or arrays) or number.

    Args:
        x: What to convert. An array of the right dtype comes back as it is.
        dtype: Dtype of the result; None keeps that of x. 64-bit types become 32-bit ones, as everywhere in JAX.
        sparse: No effect: sparse matrices always become dense ones.
        ragged: Must not be True; JAX has no ragged arrays.

    Raises:
        ValueError: ragged=True, an unknown dtype, rows of different length.

    Example:
        >>> convert_to_tensor([1, 2], dtype="float32")
        Array([1., 2.], dtype=float32)
    """
    if ragged:
        raise ValueError("convert_to_tensor: ragged: expected None or False, received True: JAX has no ragged arrays.")
    return as_array(x.todense() if hasattr(x, "todense") else x, _dtype_for(dtype))


def convert_to_numpy(x: Any) -> np.ndarray:
    """Copy of an array, `Variable`, list or number as a NumPy array.

    Example:
        >>> convert_to_numpy(jnp.ones(2))
        array([1., 1.], dtype=float32)
    """
    return np.array(x.todense() if hasattr(x, "todense") else x)


def is_tensor(x: Any) -> bool:
    """Whether x is an array of JAX; NumPy's arrays, variables and symbolic tensors are not.

    Example:
        >>> is_tensor(jnp.ones(2)), is_tensor([1.0])
        (True, False)
    """
    return isinstance(x, jax.Array)


def shape(x: Any) -> tuple[int | None, ...]:
    """Shape as a tuple of whole numbers; in a model, None stands for a free axis of a symbolic tensor.

    Example:
        >>> shape([[1, 2, 3]])
        (1, 3)
    """
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def dtype(x: Any) -> str:
    """Name of the dtype.

    Example:
        >>> dtype(jnp.ones(2))
        'float32'
    """
    return str(jnp.dtype(x.dtype if hasattr(x, "dtype") else as_array(x).dtype).name)


@operation("core")
def cast(x: Tensor, dtype: Any) -> jax.Array:
    """Convert to another dtype; numbers that it cannot hold wrap around or are cut.

    Args:
        x: Array, any shape.
        dtype: Name of the dtype, or another spelling of it. 64-bit types become 32-bit ones, as everywhere in JAX.

    Example:
        >>> print(cast([0.5, 2.7], "int32"))
        [0 2]
    """
    return as_array(x, _dtype_for(dtype))


@operation("core")
def saturate_cast(x: Tensor, dtype: Any) -> jax.Array:
    """Convert to another dtype; numbers that it cannot hold become its smallest or largest one.

    Args:
        x: Array, any shape.
        dtype: Name of the dtype, or another spelling of it.

    Example:
        >>> print(saturate_cast([-3.0, 7.0, 300.0], "uint8"))
        [  0   7 255]
    """
    x, target = as_array(x), jnp.dtype(_dtype_for(dtype))
    if x.dtype == bool:
        return x.astype(target)
    low, high = _limits(target)
    own_low, own_high = _limits(x.dtype)
    low, high = np.asarray(max(low, own_low), x.dtype), np.asarray(min(high, own_high), x.dtype)
    # A limit that the dtype of x rounds outwards is moved inwards: 2**31 - 1 is 2**31 as a float32.
    low = np.nextafter(low, np.zeros_like(low)) if int(low) < _limits(target)[0] else low
    high = np.nextafter(high, np.zeros_like(high)) if int(high) > _limits(target)[1] else high
    return jnp.clip(x, low, high).astype(target)


@operation("core")
def slice(inputs: Tensor, start_indices: Tensor, shape: Sequence[int]) -> jax.Array:
    """Part of an array: inputs[start[0] : start[0] + shape[0], start[1] : start[1] + shape[1], ...].

    Args:
        inputs: Array.
        start_indices: First place along each axis; may be computed by the model. Moved so that the part lies inside.
        shape: Size of the part; -1 is all that is left, for places that are known.

    Raises:
        ValueError: not one place and size for each axis; -1 where the place is computed.

    Example:
        >>> print(slice([1, 2, 3, 4], (1,), (2,)))
        [2 3]
    """
    inputs = as_array(inputs)
    starts = _starts(inputs, start_indices, "slice")
    if len(shape) != inputs.ndim:
        raise ValueError(
            f"slice: shape: expected one size for each axis of inputs of shape {inputs.shape}, received {tuple(shape)}."
        )
    sizes = [inputs.shape[i] - _known(start_indices, i) if size == -1 else size for i, size in enumerate(shape)]
    return lax.dynamic_slice(inputs, starts, sizes)


@operation("core")
def slice_update(inputs: Tensor, start_indices: Tensor, updates: Tensor) -> jax.Array:
    """Copy of an array in which a block is replaced.

    Args:
        inputs: Array.
        start_indices: First place of the block along each axis. Moved so that the block lies inside.
        updates: The block, cast to the dtype of inputs.

    Raises:
        ValueError: not one place for each axis.

    Example:
        >>> print(slice_update([1, 2, 3, 4], (1,), [8, 9]))
        [1 8 9 4]
    """
    inputs = as_array(inputs)
    starts = _starts(inputs, start_indices, "slice_update")
    return lax.dynamic_update_slice(inputs, as_array(updates, inputs.dtype), starts)


@operation("core")
def scatter(indices: Tensor, values: Tensor, shape: Sequence[int]) -> jax.Array:
    """Zeros with values at given places; values for the same place add up.

    Args:
        indices: Places (..., k): numbers along the first k axes.
        values: Array (..., *shape[k:]).
        shape: Shape of the result.

    Example:
        >>> print(scatter([[0], [3]], [5, 6], (4,)))
        [5 0 0 6]
    """
    values = as_array(values)
    return jnp.zeros(tuple(shape), values.dtype).at[_places(indices)].add(values)


@operation("core")
def scatter_update(inputs: Tensor, indices: Tensor, updates: Tensor, reduction: str | None = None) -> jax.Array:
    """Copy of an array with other values at given places.

    Args:
        inputs: Array.
        indices: Places (n, k): numbers along the first k axes.
        updates: Array (n, *inputs.shape[k:]).
        reduction: None (replace; of several values for one place, the last one), or "add", "max", "min", "mul" with
            what is there.

    Raises:
        ValueError: an unknown reduction.

    Example:
        >>> print(scatter_update([1, 2, 3], [[0], [2]], [10, 10], reduction="add"))
        [11  2 13]
    """
    reduction = reduction.lower() if isinstance(reduction, str) else reduction
    check_choice("reduction", reduction, (None, "add", "max", "min", "mul"), "scatter_update: ")
    places = as_array(inputs).at[_places(indices)]
    updates = as_array(updates)
    if reduction is None:
        return places.set(updates)
    return getattr(places, "multiply" if reduction == "mul" else reduction)(updates)


@operation("core")
def unstack(x: Tensor, num: int | None = None, axis: int = 0) -> list[jax.Array]:
    """Parts of an array along an axis, as a list.

    Args:
        x: Array.
        num: How many parts to take; None is the size of the axis.
        axis: Axis that is taken apart and left out. Default 0.

    Example:
        >>> unstack([[1, 2], [3, 4]])
        [Array([1, 2], dtype=int32), Array([3, 4], dtype=int32)]
    """
    x = as_array(x)
    return [lax.index_in_dim(x, i, axis, keepdims=False) for i in range(x.shape[axis] if num is None else num)]


@operation("core")
def stop_gradient(variable: Tensor) -> Any:
    """The same value, which counts as a constant when gradients are taken.

    Args:
        variable: Array, `Variable`, or a nest of them.

    Example:
        >>> print(jax.grad(lambda x: x * stop_gradient(x))(3.0))
        3.0
    """
    return lax.stop_gradient(jax.tree.map(as_array, variable))


def _dtype_for(dtype: Any) -> Any:
    """The dtype that JAX computes in where this one is asked for."""
    return None if dtype is None else jax.dtypes.canonicalize_dtype(dtypes.standardize_dtype(dtype))


def _limits(dtype: Any) -> tuple[Any, Any]:
    """Smallest and largest number of a dtype, as Python numbers."""
    if jnp.issubdtype(dtype, jnp.bool_):
        return 0, 1
    if jnp.issubdtype(dtype, jnp.integer):
        return int(jnp.iinfo(dtype).min), int(jnp.iinfo(dtype).max)
    return float(jnp.finfo(dtype).min), float(jnp.finfo(dtype).max)


def _starts(inputs: jax.Array, start_indices: Any, where: str) -> list[jax.Array]:
    starts = [as_array(start) for start in start_indices]
    if len(starts) != inputs.ndim:
        raise ValueError(
            f"{where}: start_indices: expected one place for each axis of inputs of shape {inputs.shape}, received "
            f"{len(starts)}."
        )
    return starts


def _known(start_indices: Any, axis: int) -> int:
    is_nest = isinstance(start_indices, (list, tuple))
    if isinstance(start_indices[axis] if is_nest else start_indices, jax.core.Tracer):
        raise ValueError(
            f"slice: shape: -1 needs a place that is known, but start_indices[{axis}] is computed by the model. Give "
            "the size."
        )
    return int(start_indices[axis] if is_nest else np.asarray(start_indices)[axis])


def _places(indices: Any) -> tuple[jax.Array, ...]:
    return tuple(jnp.moveaxis(as_array(indices), -1, 0))
