"""What a file says of an array before it is read."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MAX_ELEMENTS = 2**59  # so that NumPy can count the bytes, also of an array with an axis of size 0
MAX_RANK = 32


@dataclass(frozen=True)
class ArrayInfo:
    """Shape and type of a stored array, whose bytes were found in the file."""

    shape: tuple[int, ...]
    dtype: np.dtype  # in the machine's order of bytes
    nbytes: int  # in memory


def is_possible(shape: tuple[int, ...]) -> bool:
    """Whether NumPy can have an array of this shape.

    Example:
        >>> is_possible((0, 3)), is_possible((0, 2**40, 2**40))
        (True, False)
    """
    return len(shape) <= MAX_RANK and math.prod(size for size in shape if size) < MAX_ELEMENTS
