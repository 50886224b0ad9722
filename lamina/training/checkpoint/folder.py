"""The folder of a run: its checkpoints by number, one process at a time, the two newest good ones kept."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from lamina.core.errors import warn_user
from lamina.files import FileError, to_path
from lamina.training.checkpoint import file
from lamina.training.checkpoint.lock import Lock
from lamina.training.checkpoint.plain import Arrays

KEPT = 2
_NAME = re.compile(r"checkpoint-(\d+)\.lamina")
_LEFT_OVER = re.compile(r"\.checkpoint-\d+\.lamina\..*\.part")  # of a process that was killed while it wrote


class Found(NamedTuple):
    """A checkpoint that was read and is whole."""

    path: Path
    document: dict[str, Any]
    arrays: list[np.ndarray]


class Folder:
    """A folder of checkpoints, which this process alone may use until `close`.

    Args:
        path: The folder, see `lamina.files.to_path`; it is made where it is missing.

    Raises:
        RuntimeError: another process, or another `fit` of this one, uses the folder.
        OSError: it cannot be made or written.
    """

    def __init__(self, path: Any) -> None:
        self.path = to_path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = Lock(self.path / "lock")
        self._good: list[Path] = []  # known to be whole, the newest last
        with contextlib.ExitStack() as stack:
            stack.callback(self._lock.release)
            for name in os.listdir(self.path):
                if _LEFT_OVER.fullmatch(name):
                    (self.path / name).unlink()
            self._next = max(self._numbers(), default=0) + 1
            stack.pop_all()

    def _numbers(self) -> list[int]:
        """The numbers of the checkpoints that are there, the newest first."""
        matches = map(_NAME.fullmatch, os.listdir(self.path))
        return sorted((int(match[1]) for match in matches if match), reverse=True)

    def _file(self, number: int) -> Path:
        return self.path / f"checkpoint-{number:06d}.lamina"

    def newest(self) -> Found | None:
        """Return the newest checkpoint that is whole, or None where there is none at all.

        A damaged one is named in a warning, and the one before it is taken.

        Raises:
            FileError: all of them are damaged, or a newer lamina wrote the newest.
        """
        damaged: list[FileError] = []
        for number in self._numbers():
            try:
                found = Found(self._file(number), *file.read(self._file(number)))
            except FileError as error:
                if error.code == "version":
                    raise
                damaged.append(error)
                continue
            self._good = [found.path]
            for fault in damaged:
                warn_user(f"A checkpoint is damaged and was left out: {fault} The run goes on from {found.path}.")
            return found
        if damaged:
            raise FileError(
                self.path,
                "",
                f"no checkpoint in it can be read: {' '.join(map(str, damaged))}".rstrip("."),
                code="checkpoint",
                way_out="Delete the folder, or name another one, to start anew.",
            )
        return None

    def write(self, document: dict[str, Any], arrays: Arrays) -> Path:
        """Write the next checkpoint, and only then delete those that it makes superfluous.

        Raises:
            OSError: the disk refused; the checkpoints that were there are whole.
        """
        path = self._file(self._next)
        file.write(path, document, arrays.fetch())
        self._next += 1
        self._good = [*self._good, path][-KEPT:]
        if len(self._good) == KEPT:
            for number in self._numbers():
                if self._file(number) not in self._good:
                    with contextlib.suppress(OSError):  # the next save tries again
                        self._file(number).unlink()
        return path

    @property
    def last_good(self) -> Path | None:
        """The newest checkpoint that is known to be whole."""
        return self._good[-1] if self._good else None

    def clear(self) -> None:
        """Delete all checkpoints."""
        self._good = []
        for number in self._numbers():
            self._file(number).unlink()

    def close(self, *, remove: bool = False) -> None:
        """Let others use the folder; with `remove` an empty one is deleted."""
        self._lock.release()
        if remove:
            with contextlib.suppress(OSError):  # it holds something of the user's
                self.path.rmdir()
