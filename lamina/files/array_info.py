"""What a file says of an array before it is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ArrayInfo:
    """Shape and type of a stored array, whose bytes were found in the file."""

    shape: tuple[int, ...]
    dtype: np.dtype  # in the machine's order of bytes
    nbytes: int  # in memory
