"""`as_arrays`: arrays, lists, tables, tensors and nests of them -> NumPy or JAX arrays with one row per sample."""

from __future__ import annotations

import array
import functools
import inspect
import numbers
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from lamina.training.data.dtypes import cast, check_numeric, position
from lamina.training.data.frames import column_to_array, frame_to_array, is_column, is_frame, is_from
from lamina.training.data.objects import from_lists, to_numbers

_LISTS = (list, tuple, range, array.array)
_NO_STREAM = (*_LISTS, np.ndarray, jax.Array, Mapping, set, frozenset, str, bytes, numbers.Number, type)
_ACCEPTED = (
    "NumPy and JAX arrays, (nested) lists of numbers, tables and columns of pandas, polars and pyarrow, SciPy sparse "
    "matrices, torch tensors, objects with __array__ or __dlpack__, and lists, tuples and dicts of these"
)


def is_stream(data: Any) -> bool:
    """Whether `data` yields batches (see `Stream`) rather than being arrays.

    Example:
        >>> is_stream(np.zeros(3)), is_stream([[1, 2]]), is_stream(iter([])), is_stream(lambda: iter([]))
        (False, False, True, True)
    """
    if data is None or isinstance(data, _NO_STREAM) or is_frame(data) or is_column(data):
        return False
    if any(hasattr(data, name) for name in ("__array__", "__dlpack__", "shape")):
        return False
    if any(hasattr(data, name) for name in ("__next__", "__iter__", "__getitem__")):
        return True
    return inspect.isroutine(data) or isinstance(data, functools.partial)


def as_arrays(data: Any, argument: str, *, float_dtype: str = "float32", several: bool | None = None) -> Any:
    """Return data as an array, or as the same nest of lists, tuples and dicts with an array in each place.

    Floats are cast to `float_dtype`, 64-bit integers to 32 bits where JAX computes in 32 bits, and other integers and
    booleans keep their type, as in Keras. A cast needs no memory beyond its result. JAX arrays stay as they are, on
    their device; a memory map stays in its file and in its own type (cast the windows that are read, with
    `target_dtype`). SciPy sparse matrices become dense, the whole set at once, in `float_dtype`. None stays None.

    Args:
        data: NumPy and JAX arrays, (nested) lists of numbers, tables and columns of pandas (nullable types too), polars
            and pyarrow, SciPy sparse matrices, torch tensors, objects with `__array__` or `__dlpack__`, and nests of
            these.
        argument: What messages call it: "x", "validation_data[0]", …
        float_dtype: Type of all floats.
        several: What a list at the top means. None: a list of numbers, or of lists of them, is one array, and a list or
            tuple of arrays is several inputs. True: several inputs in any case. False: one input in any case, so that a
            list of images is stacked, and a list of a single array is that array.

    Returns:
        Arrays of shape (rows, ...), rows >= 1.

    Raises:
        ValueError: text, dates, complex numbers, missing values, integers beyond 32 bits, ragged rows, single values
            and empty data, with the first place in `data` where it is so.
        TypeError: a type that cannot be read.

    Differs from Keras: nested lists, nullable columns and polars are read; a pandas Series is 1-D, as in NumPy.

    Example:
        >>> as_arrays([[1.0, 2.0], [3.0, 4.0]], "x").shape
        (2, 2)
        >>> [part.dtype.name for part in as_arrays((np.zeros((2, 3)), np.zeros(2, int)), "x")]
        ['float32', 'int32']
    """
    if data is None:
        return None
    if isinstance(data, Mapping):
        _check_members(data, argument)
        return {k: as_arrays(v, f"{argument}[{k!r}]", float_dtype=float_dtype) for k, v in data.items()}
    if isinstance(data, list | tuple) and (several or (several is None and not _is_rows(data))):
        _check_members(data, argument)
        parts = [as_arrays(v, f"{argument}[{i}]", float_dtype=float_dtype) for i, v in enumerate(data)]
        return type(data)(*parts) if hasattr(data, "_fields") else type(data)(parts)
    if isinstance(data, list | tuple) and not _is_rows(data):
        return _stacked(data, argument, float_dtype)
    return _convert(data, argument, float_dtype)


def _is_rows(data: list[Any] | tuple[Any, ...]) -> bool:
    """Whether a list holds numbers, or lists of them, rather than arrays, tables or dicts; its first member tells."""
    first = next((member for member in data if member is not None), None)
    if isinstance(first, list | tuple):
        return _is_rows(first)
    if isinstance(first, Mapping) or is_frame(first) or is_column(first):
        return False
    return getattr(first, "shape", None if hasattr(first, "__array__") else ()) == ()


def _check_members(data: Any, argument: str) -> None:
    if not data:
        raise ValueError(f"{argument} is an empty {type(data).__name__}: expected at least one array in it.")


def _stacked(data: list[Any] | tuple[Any, ...], where: str, float_dtype: str) -> np.ndarray | jax.Array:
    if len(data) == 1:
        return _convert(data[0], where, float_dtype)
    rows = [np.asarray(_convert(row, f"{where}: row {i}", float_dtype)) for i, row in enumerate(data)]
    for i, row in enumerate(rows):
        if row.shape != rows[0].shape:
            raise ValueError(
                f"{where}: the list holds arrays of different shapes, row {i} of shape {row.shape} after rows of shape "
                f"{rows[0].shape}. This model has one input, so that the list is read as its rows."
            )
    return np.stack(rows)


def _convert(data: Any, where: str, float_dtype: str) -> np.ndarray | jax.Array:
    values = data if isinstance(data, jax.Array) else _read(data, where, float_dtype)
    if values.ndim == 0:
        raise ValueError(f"{where}: expected an array with one row per sample, received a single value: {values}.")
    if 0 in values.shape:
        raise ValueError(
            f"{where} is empty: its shape is {values.shape}. Expected at least one row with a value in it."
        )
    check_numeric(values, where)
    return values if isinstance(values, jax.Array) else cast(values, where, float_dtype)


def _read(data: Any, where: str, float_dtype: str) -> np.ndarray:
    """Return an array-like as a NumPy array in its own type, a view of its memory where its library allows."""
    if type(data) is np.ndarray:  # first, for `predict` of a few rows
        return to_numbers(data, where)
    if isinstance(data, _LISTS):
        return from_lists(data, where)
    if is_frame(data):
        return frame_to_array(data, where, float_dtype)
    if is_column(data):
        return column_to_array(data, where)
    if is_from(data, "scipy", "spmatrix", "sparray", "_spbase"):
        check_numeric(data, where)
        return data.astype(np.dtype(float_dtype)).toarray()
    if is_from(data, "jax", "JAXSparse"):
        return np.asarray(data.todense())
    if is_from(data, "torch", "Tensor"):
        return _from_torch(data)
    if isinstance(data, np.memmap):
        return data
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        first = position(np.unravel_index(np.argmax(np.ma.getmaskarray(data)), data.shape))
        raise ValueError(f"{where}: {first} is masked. Fill masked values with .filled(value), or drop these rows.")
    if isinstance(data, str | bytes | numbers.Number) or not (
        hasattr(data, "__array__") or hasattr(data, "__dlpack__")
    ):
        raise _unreadable(data, where)
    return to_numbers(np.asarray(data) if hasattr(data, "__array__") else np.from_dlpack(data), where)


def _from_torch(tensor: Any) -> np.ndarray:
    tensor = tensor.detach().cpu()
    if str(tensor.layout) != "torch.strided":
        tensor = tensor.to_dense()
    if str(tensor.dtype) == "torch.bfloat16":  # which NumPy does not have
        tensor = tensor.float()
    return tensor.numpy()


def _unreadable(data: Any, where: str) -> ValueError | TypeError:
    if isinstance(data, numbers.Number):
        return ValueError(f"{where}: expected an array with one row per sample, received the single value {data!r}.")
    kind = f"{type(data).__module__}.{type(data).__qualname__}".removeprefix("builtins.")
    if is_stream(data):
        return TypeError(
            f"{where}: a {kind} yields batches, and batches are read from x alone: pass x=an iterable of (x, y) or "
            "(x, y, sample_weight)."
        )
    return TypeError(f"{where}: a value of type {kind} cannot be read as an array. Accepted are {_ACCEPTED}.")
