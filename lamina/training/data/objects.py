"""Python objects -> arrays of numbers: nested lists, object arrays; text and ragged rows are refused by their place."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lamina.training.data.dtypes import position, too_large

_TEXT_ADVICE = (
    "Networks compute with numbers. For class labels use sklearn.preprocessing.LabelEncoder, for categories "
    "OneHotEncoder or pandas.get_dummies, for numbers that were read as text .astype('float32') or pandas.to_numeric."
)
_MISSING_ADVICE = (
    "Fill missing values (fillna, sklearn.impute.SimpleImputer) or drop these rows, and turn what else is not a number "
    "into numbers."
)


def from_lists(rows: Sequence[Any], where: str) -> np.ndarray:
    """Return nested lists of numbers as one array; `where` names the value in messages."""
    try:
        values = np.array(rows)
    except ValueError as error:
        raise ValueError(f"{where}: {_first_ragged(rows)} All rows need one shape: pad or cut them.") from error
    return to_numbers(values, where)


def to_numbers(values: np.ndarray, where: str, dtype: Any = None) -> np.ndarray:
    """Return an array of Python objects as numbers, an array of numbers as it is; refuse text.

    `dtype` is what messages call the type, where the user knows the values by another one.

    Raises:
        ValueError: with the first value that is no number. Among numbers written as text, that is the first text that
            does not read as one.
    """
    if values.dtype.kind not in "OUST":
        return values
    bad = _first_not_number(values.flat)
    if bad is None:
        return _from_numbers(values, where)
    if isinstance(values.flat[bad], list | tuple | np.ndarray):
        return from_lists(values.tolist(), where)
    raise _not_a_number(values, bad, where, dtype or values.dtype)


def _first_not_number(values: Iterable[Any]) -> int | None:
    first_text = None
    for i, value in enumerate(values):
        if isinstance(value, numbers.Number | np.bool_):
            continue
        if first_text is None:
            first_text = i
        if not (isinstance(value, str | bytes) and _reads_as_number(value)):
            return i
    return first_text


def _reads_as_number(text: str | bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _from_numbers(values: np.ndarray, where: str) -> np.ndarray:
    result = np.array(values.ravel().tolist())
    if result.dtype == object:  # integers beyond 64 bits, decimals, fractions
        for i, value in enumerate(values.flat):
            if isinstance(value, numbers.Integral) and not -(2**63) <= int(value) < 2**63:
                raise too_large(where, position(np.unravel_index(i, values.shape)), value, "int64")
        result = result.astype(np.float64)
    return result.reshape(values.shape)


def _not_a_number(values: np.ndarray, bad: int, where: str, dtype: Any) -> ValueError:
    value, place = values.flat[bad], position(np.unravel_index(bad, values.shape))
    shown = repr(value.item() if isinstance(value, np.generic) else value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    if isinstance(value, str | bytes):
        return ValueError(f"{where} holds text (dtype {dtype}): {place} is {shown}. {_TEXT_ADVICE}")
    return ValueError(
        f"{where} holds objects that are not numbers (dtype {dtype}): {place} is {shown}. {_MISSING_ADVICE}"
    )


def _first_ragged(rows: Sequence[Any], outer: str = "") -> str:
    """Tell which row is the first whose shape differs from the rows before it."""
    first: tuple[int, ...] | None = None
    for i, row in enumerate(rows):
        try:
            shape = np.shape(row)
        except ValueError:
            return _first_ragged(row, f"{outer}row {i}, ")
        if first is not None and shape != first:
            lengths = len(shape) == len(first) == 1
            came, before = (f"length {s[0]}" if lengths else f"shape {s}" for s in (shape, first))
            return f"{outer}row {i} has {came}, the rows before it have {before}."
        first = shape
    return "the rows do not make one array."
