"""Tables and columns of pandas, polars and pyarrow -> NumPy arrays; a column that cannot be cast is named.

The libraries are told by the names of their classes, so that none is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.core.dtypes import is_float
from lamina.training.data.dtypes import check_fits, check_numeric, target_dtype
from lamina.training.data.objects import to_numbers

_BLOCK_ROWS = 1024  # rows filled at a time, so that source columns and target rows stay in the cache


def is_from(value: Any, package: str, *names: str) -> bool:
    """Whether the class of `value`, or a base of it, is one of `names` in `package`.

    Example:
        >>> is_from(np.zeros(2), "numpy", "ndarray"), is_from([1], "torch", "Tensor")
        (True, False)
    """
    return any(c.__name__ in names and c.__module__.partition(".")[0] == package for c in type(value).__mro__)


def is_frame(data: Any) -> bool:
    """Whether `data` is a table with named columns: a DataFrame of pandas or polars, or a pyarrow Table."""
    return (
        is_from(data, "pandas", "DataFrame")
        or is_from(data, "polars", "DataFrame", "LazyFrame")
        or is_from(data, "pyarrow", "Table", "RecordBatch")
    )


def is_column(data: Any) -> bool:
    """Whether `data` is one column: a pandas Series, Index or array, a polars Series, a pyarrow array."""
    return (
        is_from(data, "pandas", "Series", "Index", "ExtensionArray")
        or is_from(data, "polars", "Series")
        or is_from(data, "pyarrow", "Array", "ChunkedArray")
    )


def column_names(data: Any) -> list[Any] | None:
    """Return the names of a table's columns; None for anything that has none."""
    if is_from(data, "polars", "LazyFrame"):
        return data.collect_schema().names()
    if not is_frame(data):
        return None
    return list(data.column_names if hasattr(data, "column_names") else data.columns)


def frame_to_array(frame: Any, where: str, float_dtype: str) -> np.ndarray:
    """Return a table as one array (rows, columns): floats if any column holds floats, else the columns' integers.

    Beside the result, memory goes only to columns that are not plain numbers already (nullable ones, objects).
    """
    if is_from(frame, "polars", "LazyFrame"):
        frame = frame.collect()
    places = [f"{where}: column {name!r}" for name in column_names(frame) or []]
    columns = [column_to_array(column, place) for column, place in zip(_columns(frame), places, strict=True)]
    for column, place in zip(columns, places, strict=True):
        if column.ndim != 1:
            raise ValueError(f"{place} holds arrays of shape {column.shape[1:]}; expected one number in each row.")
        check_numeric(column, place)
    if not columns or not len(columns[0]):
        return np.empty((len(columns[0]) if columns else 0, len(columns)), float_dtype)
    dtype = _common_dtype(columns, float_dtype)
    for column, place in zip(columns, places, strict=True):
        check_fits(column, dtype, place)
    return _side_by_side(columns, dtype)


def _columns(frame: Any) -> Sequence[Any]:
    if hasattr(frame, "iloc"):
        return [frame.iloc[:, i] for i in range(frame.shape[1])]  # by number: names may repeat
    return frame.get_columns() if hasattr(frame, "get_columns") else frame.columns


def _common_dtype(columns: Sequence[np.ndarray], float_dtype: str) -> np.dtype:
    dtypes = {column.dtype for column in columns}
    if any(is_float(dtype) for dtype in dtypes):
        return target_dtype(np.float64, float_dtype)  # NumPy would make int32 and float32 a float64
    return target_dtype(np.result_type(*dtypes), float_dtype)


def _side_by_side(columns: Sequence[np.ndarray], dtype: np.dtype) -> np.ndarray:
    result = np.empty((len(columns[0]), len(columns)), dtype)
    with np.errstate(over="ignore"):  # `check_finite` reports what became inf
        for start in range(0, len(result), _BLOCK_ROWS):
            block = slice(start, start + _BLOCK_ROWS)
            for j, column in enumerate(columns):
                result[block, j] = column[block]
    return result


def column_to_array(column: Any, where: str) -> np.ndarray:
    """Return one column as a NumPy array of numbers in its own type.

    Raises:
        ValueError: categories, text, missing values or other objects, with the first row that has one.
    """
    dtype = column.dtype if hasattr(column, "dtype") else column.type  # pyarrow says `type`
    if str(dtype).lower().startswith(("categor", "enum", "dictionary")):
        raise ValueError(
            f"{where} is categorical (dtype {str(dtype)[:60]}), and categories have no numeric order. Features: use "
            "pandas.get_dummies, polars' to_dummies or sklearn.preprocessing.OneHotEncoder. Class labels: use the "
            "codes (pandas .cat.codes, polars .to_physical())."
        )
    values = np.asarray(column)
    if not isinstance(dtype, np.dtype):
        _check_missing(column, values, dtype, where)
    return to_numbers(values, where, dtype)


def _check_missing(column: Any, values: np.ndarray, dtype: Any, where: str) -> None:
    missing = np.asarray(column.isna() if hasattr(column, "isna") else column.is_null())
    if not missing.any() or any(isinstance(value, str) for value in values[~missing][:1]):  # text is told first
        return
    raise ValueError(
        f"{where} (dtype {dtype}) has {missing.sum()} missing values, the first in row {missing.argmax()}. Fill them "
        "(fillna, fill_null, sklearn.impute.SimpleImputer) or drop these rows."
    )
