"""Checks of converted data before anything is compiled: equal lengths, finite numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from lamina.core.dtypes import is_float
from lamina.training.data.dtypes import position
from lamina.training.data.frames import column_names

_BLOCK = 2**18  # values looked at in one go, small enough for the cache
_LISTED = 12


def named_leaves(tree: Any, argument: str) -> Iterator[tuple[str, Any]]:
    """Yield (name, array) for the arrays of a nest.

    Example:
        >>> [name for name, _ in named_leaves({"a": 1, "b": (2, 3)}, "x")]
        ["x['a']", "x['b'][0]", "x['b'][1]"]
    """
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        yield argument + jax.tree_util.keystr(path), leaf


def check_lengths(trees: Mapping[str, Any]) -> int:
    """Return the number of rows that all arrays share.

    Args:
        trees: Nests of arrays by the name of their argument: {"x": ..., "y": ..., "sample_weight": None}.

    Raises:
        ValueError: different numbers of rows, listing every array's.

    Example:
        >>> check_lengths({"x": {"a": np.zeros((4, 2))}, "y": np.zeros(4), "sample_weight": None})
        4
    """
    lengths = {name: leaf.shape[0] for key, tree in trees.items() for name, leaf in named_leaves(tree, key)}
    if not lengths:
        raise ValueError(f"No data: {', '.join(trees)} hold no arrays.")
    if len(set(lengths.values())) > 1:
        listed = [f"{name} has {rows}" for name, rows in lengths.items()]
        more = f", and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
        raise ValueError(
            f"The arrays have different numbers of rows: {', '.join(listed[:_LISTED])}{more}. Each sample needs its "
            "row in every one of them. Was one of them filtered, split or transposed and the others not?"
        )
    return next(iter(lengths.values()))


def check_finite(tree: Any, argument: str, data: Any = None) -> None:
    """Raise for NaN and infinite values; integers and booleans cost nothing.

    Args:
        tree: Arrays from `as_arrays`.
        argument: What messages call it.
        data: What the user passed; if that is a table, columns are called by its names.

    Raises:
        ValueError: with the first bad row and column, and how many there are.

    Example:
        >>> check_finite(np.array([[1.0, 2.0], [np.nan, 3.0]]), "x")
        Traceback (most recent call last):
            ...
        ValueError: x: row 1, column 0 is nan; 1 value of 4 is NaN or infinite. Fill them ...
    """
    names = column_names(data)
    for name, leaf in named_leaves(tree, argument):
        values = np.asarray(leaf)
        found = _first_not_finite(values) if is_float(values.dtype) else None
        if found is not None:
            index, count = found
            several = f"{count} values of {values.size} are" if count > 1 else f"1 value of {values.size} is"
            scale = " Finite float64 values beyond 3.4e38 become infinite in float32: rescale them."
            raise ValueError(
                f"{name}: {position(index, names)} is {values[index]}; {several} NaN or infinite. Fill them "
                "(sklearn.impute.SimpleImputer, numpy.nan_to_num) or drop these rows."
                f"{scale if np.isinf(values[index]) else ''}"
            )


def _first_not_finite(values: np.ndarray) -> tuple[tuple[Any, ...], int] | None:
    """Return the index of the first value that is not finite and how many there are, or None."""
    if _surely_finite(values):
        return None
    rows = max(1, _BLOCK * len(values) // values.size)
    first: tuple[Any, ...] | None = None
    count = 0
    for start in range(0, len(values), rows):
        bad = ~np.isfinite(values[start : start + rows])
        count += int(bad.sum())
        if first is None and count:
            row, *rest = np.unravel_index(int(bad.argmax()), bad.shape)
            first = (start + row, *rest)
    return None if first is None else (first, count)


def _surely_finite(values: np.ndarray) -> bool:
    """Whether the sums of squares are finite: half the cost of a mask, and only finite values can have that.

    Large finite values (beyond 1e19 in float32) overflow here and are then looked at one by one; so are arrays with
    gaps.
    """
    if values.dtype.itemsize < 4 or not (values.flags.c_contiguous or values.flags.f_contiguous):
        return False
    flat = values.ravel(order="K")
    with np.errstate(over="ignore", invalid="ignore"):
        blocks = (flat[start : start + _BLOCK] for start in range(0, flat.size, _BLOCK))
        return all(np.isfinite(np.dot(block, block)) for block in blocks)
