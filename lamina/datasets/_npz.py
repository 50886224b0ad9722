"""Reading NumPy's .npz archives without trusting them."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lamina.datasets._errors import DatasetCorrupt


def read_npz(dataset: str, path: Path, shapes: Mapping[str, tuple[int, ...]], dtype: str) -> dict[str, np.ndarray]:
    """The arrays called and shaped as in `shapes`; pickled objects are refused, other arrays ignored.

    Raises:
        DatasetCorrupt: No such archive, an array is missing, or has another shape or dtype.
    """
    try:
        # Opened here, because NumPy leaves a file open that turns out to be no archive.
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in shapes}
    except (ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise DatasetCorrupt(
            f"{dataset}: {path} is not a NumPy archive with the arrays {', '.join(shapes)} ({error}). "
            "Replace or remove it."
        ) from None
    for name, array in arrays.items():
        if array.shape != shapes[name] or array.dtype != dtype:
            raise DatasetCorrupt(
                f"{dataset}: {path}: the array {name} has shape {array.shape} and dtype {array.dtype}, expected "
                f"{shapes[name]} and {dtype}. Replace or remove the file."
            )
    return arrays
