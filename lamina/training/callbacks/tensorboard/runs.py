"""`Runs`: the event files of one training, which can be cut back to what they were at a checkpoint."""

from __future__ import annotations

import math
import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamina.core import errors
from lamina.summary import SummaryWriter

NAMES = ("train", "validation")


class Runs:
    """A writer for each run of a training, made with its first value.

    The names of the files end with a word drawn for the training, so that after a crash those are known that were begun
    behind the last checkpoint.

    Args:
        log_dir: Folder of the runs' folders.
    """

    def __init__(self, log_dir: Path) -> None:
        self.log_dir = log_dir
        self.identity = uuid.uuid4().hex[:12]  # of the system's randomness, not of the training's
        self._writers: dict[str, SummaryWriter] = {}
        self._sizes: dict[str, int] = {}  # bytes of the files so far, by their paths below log_dir
        self._flushed = -math.inf
        self._kept: list[tuple[str, dict[str, Any], int, float]] = []  # run, numbers, step, time
        self._before = {name: _event_files(log_dir / name) for name in NAMES}

    def __getitem__(self, name: str) -> SummaryWriter:
        """The writer of "train" or "validation"."""
        if name not in self._writers:
            writer = SummaryWriter(self.log_dir / name, 2**31, 2**31, f".{self.identity}")
            self._writers[name] = writer
            self._sizes[self._path(writer)] = 0
        return self._writers[name]

    def scalars(self, name: str, values: dict[str, Any], step: int) -> None:
        """Keep numbers of a run until the next `flush`: one after the other, they are written in half of the time."""
        if values:
            self._kept.append((name, values, step, time.time()))

    def others(self, name: str) -> list[str]:
        """Event files that were in the folder of a run before this training."""
        return self._before[name]

    def flush(self, every: float = 0) -> None:
        """Write what was kept, unless that was done in the last `every` seconds."""
        now = time.monotonic()
        if now - self._flushed < every:
            return
        self._flushed = now
        kept, self._kept = self._kept, []
        for name, values, step, when in kept:
            self[name].scalars(values, step, wall_time=when)
        for writer in self._writers.values():
            self._sizes[self._path(writer)] = writer.flush()

    def close(self) -> None:
        """Close the files; further values begin new ones."""
        self.flush()
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def get_state(self) -> dict[str, Any]:
        """Return which files there are, and how many bytes each has."""
        self.flush()
        return {"training": self.identity, "files": dict(self._sizes)}

    def set_state(self, state: Mapping[str, Any]) -> bool:
        """Cut the files back to what they were when `get_state` was called; returns whether they are in this folder.

        What this object wrote itself is deleted.
        """
        self.close()
        for path in self._sizes:
            if path not in state["files"]:
                (self.log_dir / path).unlink(missing_ok=True)
        self.identity, self._sizes = state["training"], dict(state["files"])
        for name in NAMES:
            for file in _event_files(self.log_dir / name):
                path = f"{name}/{file}"
                if file.endswith(f".{self.identity}") and path not in self._sizes:
                    (self.log_dir / path).unlink()
        sizes = {path: _size(self.log_dir / path) for path in self._sizes}
        if not any(sizes.values()):
            self._sizes = {}
            return False
        short = [path for path, size in self._sizes.items() if sizes[path] < size]
        for path, size in self._sizes.items():
            if sizes[path] > size:
                os.truncate(self.log_dir / path, size)
        if short:
            errors.warn_user(
                f"TensorBoard: {', '.join(short)} in {str(self.log_dir)!r} was changed or deleted since the training "
                "was interrupted. Values of the epochs before are missing."
            )
        return True

    def _path(self, writer: SummaryWriter) -> str:
        return f"{writer.path.parent.name}/{writer.path.name}"


def _event_files(folder: Path) -> list[str]:
    return sorted(name for name in os.listdir(folder) if "tfevents" in name) if folder.is_dir() else []


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
