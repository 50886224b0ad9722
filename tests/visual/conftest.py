"""A look at a saved picture: its pixels, if there is anything on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def pixels_of() -> Callable[[Path], np.ndarray]:
    """Function that decodes a PNG, (height, width, 4), and fails on a blank one."""
    from matplotlib.image import imread

    def read(path: Path) -> np.ndarray:
        assert path.read_bytes().startswith(b"\x89PNG")
        pixels = imread(path)
        assert (pixels.max(axis=(0, 1)) > pixels.min(axis=(0, 1))).any(), "blank"
        return pixels

    return read
