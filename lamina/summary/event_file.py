"""`EventFile`: records that TensorBoard reads, appended to a file."""

from __future__ import annotations

import functools
import itertools
import os
import socket
import struct
import threading
import time
import weakref
from pathlib import Path
from typing import Any

from lamina.summary import _package
from lamina.summary._checksum import masked_crc

_number = itertools.count()


class EventFile:
    """A new event file in a folder, which is made if need be.

    A record is its length, that length's checksum, an `Event` message, and the message's checksum.

    Args:
        folder: Folder of the run.
        where: What messages call the owner.
        suffix: End of the file's name.
        max_queue: Records that are kept back at most, int >= 0.
        flush_seconds: Seconds for which a record is kept back, until the next one comes.

    Raises:
        OSError: the folder cannot be made or written, or a file is in its place.
    """

    def __init__(
        self, folder: Path, where: str, suffix: str = "", max_queue: int = 10, flush_seconds: float = 120
    ) -> None:
        _package.required(where)
        self._event = _package.protocol("event_pb2").Event
        self._max_queue, self._flush_seconds = max_queue, flush_seconds
        # TensorBoard reads the files of a folder in the order of their names.
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_number):06d}"
        self.path = folder / f"{name}{suffix}"
        make_folder(folder, where)
        self._file = self.path.open("ab")
        self._close = weakref.finalize(self, self._file.close)  # also where the interpreter ends
        self._lock = threading.Lock()
        self._waiting, self._flushed = 0, time.monotonic()
        self.add(file_version="brain.Event:2")
        self.flush()

    def add(self, wall_time: float | None = None, **fields: Any) -> None:
        """Append an event, now or at a time given: `step=` and `summary=`, or `graph_def=`."""
        if not self._close.alive:
            raise ValueError(f"lamina.summary: the writer of {str(self.path.parent)!r} is closed; make another one.")
        message = self._event(wall_time=time.time() if wall_time is None else wall_time, **fields).SerializeToString()
        record = _head(len(message)) + message + struct.pack("<I", masked_crc(message))
        with self._lock:
            self._file.write(record)
            self._waiting += 1
        if self._waiting > self._max_queue or time.monotonic() - self._flushed > self._flush_seconds:
            self.flush()

    def flush(self) -> int:
        """Hand what was kept back to the system; returns the size of the file, bytes."""
        with self._lock:
            if self._close.alive:
                self._file.flush()
            self._waiting, self._flushed = 0, time.monotonic()
        return self.path.stat().st_size if self.path.exists() else 0

    def close(self) -> None:
        """Close the file; once is enough."""
        with self._lock:
            self._close()


@functools.lru_cache(1024)
def _head(size: int) -> bytes:
    length = struct.pack("<Q", size)
    return length + struct.pack("<I", masked_crc(length))


def make_folder(folder: Path, where: str) -> None:
    """Make a folder, or raise an OSError that names the owner and what is in the way."""
    check_folder(folder, where)
    folder.mkdir(parents=True, exist_ok=True)


def check_folder(folder: Path, where: str) -> None:
    """Raise an OSError if a folder can neither be written nor made."""
    there = next(part for part in (folder, *folder.absolute().parents) if part.exists())
    if not there.is_dir():
        raise NotADirectoryError(
            f"{where}: {str(folder)!r} cannot be a folder of logs: {str(there)!r} is a file. Use another folder."
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(
            f"{where}: {str(folder)!r} cannot be written: {str(there)!r} gives no permission. Use another folder."
        )
