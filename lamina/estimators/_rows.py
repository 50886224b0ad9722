"""Rows of compiled programs: padded to a few sizes, so that the folds of a cross-validation share one program."""

from __future__ import annotations

from typing import Any

import numpy as np


def padded_size(rows: int) -> int:
    """The next of the sizes 32, 40, 48, 56, 64, 80, … (four between powers of two): at most a quarter more.

    Example:
        >>> [padded_size(rows) for rows in (1, 33, 1437, 1438)]
        [32, 40, 1536, 1536]
    """
    step = max(8, 1 << max(0, (max(rows, 1) - 1).bit_length() - 3))
    return max(32, -(-rows // step) * step)


def pad(values: np.ndarray, size: int) -> np.ndarray:
    """The array with rows of zeros behind it, `size` rows in all."""
    if len(values) == size:
        return values
    padded = np.zeros((size, *values.shape[1:]), values.dtype)
    padded[: len(values)] = values
    return padded


def dense(x: Any) -> np.ndarray:
    """A NumPy array of rows that may be sparse."""
    return x.toarray() if hasattr(x, "toarray") else np.asarray(x)
