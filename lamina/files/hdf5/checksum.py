"""The checksum of an HDF5 file that lies alone: a line of text behind its end, which other readers do not see."""

from __future__ import annotations

import os
from typing import BinaryIO

from lamina.core.errors import FileError
from lamina.files.checksums import LENGTH, MARK, mark_of
from lamina.files.opening import OpenFile

ATTRIBUTE = "lamina_checksum"  # of the root group: such a line must be there
LINE = LENGTH + 1  # bytes, with the line feed


def append_checksum(handle: BinaryIO) -> None:
    """Put "lamina sha256 <64 digits>" and a line feed behind a finished HDF5 file.

    The root group must have the attribute that says so, which `Hdf5Writer(handle, checksum=True)` writes; that one
    calls this function itself.
    """
    end = handle.seek(0, os.SEEK_END)
    mark = mark_of(handle, end)
    handle.seek(end)
    handle.write(mark + b"\n")


def verify_checksum(file: OpenFile) -> bool:
    """Whether the file has a checksum; if so, it fits. `Hdf5Reader` calls this itself.

    Raises:
        FileError: It does not fit.
    """
    return verify_stream(file.handle, file.path, "")


def verify_stream(stream: BinaryIO, path: str, where: str) -> bool:
    """The same for a stream; `path` and `where` are for the message."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - LINE))
    line = stream.read(LINE)
    if not line.startswith(MARK):
        return False
    if line != mark_of(stream, size - LINE) + b"\n":
        raise FileError(
            path,
            where,
            "its checksum (SHA-256) does not fit its bytes; it was damaged or changed",
            code="checksum",
            way_out="Take another copy of the file.",
        )
    return True
