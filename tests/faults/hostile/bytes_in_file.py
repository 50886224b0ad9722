"""Writers of files whose bytes are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def as_file(make: Callable[[], bytes], name: str) -> Callable[[Path], Path]:
    """A writer of what `make` gives, called when the file is needed."""

    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(make())
        return path

    return write
