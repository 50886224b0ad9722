"""The types that data is trained in, and the cast to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.dtypes import is_float


def target_dtype(dtype: Any, float_dtype: str = "float32") -> np.dtype:
    """Return the type in which data of `dtype` is trained: floats in `float_dtype`, other numbers in their own.

    64-bit integers become 32-bit ones while JAX computes in 32 bits (`jax_enable_x64` off).

    Example:
        >>> target_dtype("float64"), target_dtype("int64"), target_dtype("uint8")
        (dtype('float32'), dtype('int32'), dtype('uint8'))
    """
    dtype = jnp.dtype(dtype)
    if is_float(dtype):
        return jnp.dtype(float_dtype)
    return jax.dtypes.canonicalize_dtype(dtype.newbyteorder("="))


def cast(values: np.ndarray, where: str, float_dtype: str) -> np.ndarray:
    """Return a numeric array in its `target_dtype`: the same array where it is that already, or a memory map."""
    target = target_dtype(values.dtype, float_dtype)
    check_fits(values, target, where)
    if isinstance(values, np.memmap) or values.dtype == target:
        return values
    out = aligned_empty(values.shape, target)
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes inf, which `check_finite` reports
        np.copyto(out, values, casting="unsafe")
    return out


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an array that starts at a multiple of 64 bytes, which a CPU device takes over without another copy."""
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(dtype).reshape(shape)


def check_fits(values: np.ndarray, target: np.dtype, where: str) -> None:
    """Raise if an integer in `values` does not fit the smaller integer type `target`, naming its row and value."""
    if target.kind not in "iu" or values.dtype.itemsize <= target.itemsize:
        return
    limits = np.iinfo(target)
    if limits.min <= values.min() and values.max() <= limits.max:
        return
    index = np.unravel_index(np.argmax((values < limits.min) | (values > limits.max)), values.shape)
    raise too_large(where, position(index), values[index], target)


def too_large(where: str, place: str, value: Any, target: Any) -> ValueError:
    """Build the error for an integer that no type holds which JAX computes in now."""
    return ValueError(
        f"{where}: {place} is {value}, which does not fit {target} (JAX computes in 32 bits now). Number class labels "
        "from 0, for example with numpy.unique(y, return_inverse=True); pass other large numbers as floats, or call "
        'jax.config.update("jax_enable_x64", True) first.'
    )


def check_numeric(values: Any, where: str) -> None:
    """Raise unless the dtype of `values` is boolean, integer or real, with advice for the ones people meet."""
    dtype = values.dtype
    kind = getattr(dtype, "kind", None)  # a JAX key has none
    if kind in ("b", "i", "u", "f") or is_float(dtype):
        return
    if kind == "c":
        advice = "Networks compute with real numbers: give real and imaginary parts as two features (x.real, x.imag)."
    elif kind in ("m", "M"):
        advice = "Turn dates into numbers first: days since a start, or month and weekday as categories."
    elif getattr(dtype, "names", None):
        advice = "Use numpy.lib.recfunctions.structured_to_unstructured, or pass a dict of arrays, one per field."
    else:
        advice = "Booleans, integers and floats are accepted."
    raise ValueError(f"{where}: data of dtype {dtype} cannot be trained on. {advice}")


def position(index: Sequence[Any], names: Sequence[Any] | None = None) -> str:
    """Tell an index into an array in words; `names` are the columns' names.

    Example:
        >>> position((3,)), position((3, 1)), position((3, 1), ["age", "income"]), position((3, 1, 2))
        ('row 3', 'row 3, column 1', "row 3, column 'income'", 'row 3, index (1, 2)')
    """
    row, *rest = (int(i) for i in index)
    if not rest:
        return f"row {row}"
    if len(rest) == 1:
        return f"row {row}, column {rest[0] if names is None else repr(names[rest[0]])}"
    return f"row {row}, index {tuple(rest)}"
