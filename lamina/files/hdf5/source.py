"""The bytes of an HDF5 file, none of which may belong to two structures."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from lamina.files.opening import fill

UNDEFINED = 2**64 - 1  # the address of what is not there
MAX_RATIO = 64  # unpacked bytes of all chunks to bytes of the file


class Refused(Exception):
    """Why a file is refused; `reader.py` knows the place and makes a `FileError` of it."""

    def __init__(self, reason: str, code: str = "hdf5") -> None:
        super().__init__(reason)
        self.reason, self.code = reason, code


class Source:
    """The stream of an HDF5 file.

    In a sound file, structures do not overlap. Each that is read here is claimed: none can be claimed twice, all
    together cannot be longer than the file, and `check_claims` finds those that overlap. So the file is a tree, nothing
    in it goes round in circles, and reading takes no longer than its size allows.

    Args:
        stream: Seekable binary file.
    Attributes:
        size: Bytes of the file; `superblock.py` lowers it to what belongs to HDF5.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.size = stream.seek(0, os.SEEK_END)
        self._claims: dict[int, int] = {}  # ends by starts
        self._claimed = self._unpacked = 0  # bytes

    def claim(self, start: int, length: int) -> None:
        """Reserve bytes for one structure."""
        end = start + length
        self._claimed += length
        if end > self.size:
            raise Refused(f"it points to bytes {start} to {end}, but the file has {self.size}", "truncated")
        if start in self._claims or self._claimed > self.size:
            raise Refused(
                f"what is at byte {start} has two places in the file, which may go round in a circle", "cycle"
            )
        if length:
            self._claims[start] = end

    def check_claims(self) -> None:
        """Raise if structures overlap."""
        before = 0
        for start, end in sorted(self._claims.items()):
            if start < before:
                raise Refused(f"what is at byte {start} lies inside of something else", "overlap")
            before = end

    def unpack(self, nbytes: int) -> None:
        """Count what chunks will unpack to."""
        self._unpacked += nbytes
        if self._unpacked > MAX_RATIO * self.size:
            raise Refused(
                f"its chunks and those before them unpack to {self._unpacked} bytes, more than {MAX_RATIO} times the "
                f"file's {self.size}",
                "ratio",
            )

    def look(self, start: int, length: int) -> bytes:
        """Read bytes without a claim."""
        if start + length > self.size:
            raise Refused(f"it points to bytes {start} to {start + length}, but the file has {self.size}", "truncated")
        self.stream.seek(start)
        data = self.stream.read(length)
        if len(data) != length:
            raise Refused("the file became shorter while it was read", "truncated")
        return data

    def take(self, start: int, length: int) -> bytes:
        """Read bytes and claim them."""
        self.claim(start, length)
        return self.look(start, length)

    def fill(self, start: int, buffer: memoryview) -> None:
        """Read as many bytes as `buffer` holds into it; they were claimed before."""
        if fill(self.stream, start, buffer) != len(buffer):
            raise Refused("the file became shorter while it was read", "truncated")


class Fields:
    """Reads one field after the other from the bytes of a structure."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, length: int) -> bytes:
        start, self.at = self.at, self.at + length
        if self.at > len(self.data):
            raise Refused("one of its structures is shorter than its content")
        return self.data[start : self.at]

    def number(self, length: int) -> int:
        """An unsigned whole number of `length` bytes."""
        return int.from_bytes(self.take(length), "little")

    def numbers(self, count: int, form: str = "Q") -> tuple[int, ...]:
        """Unsigned whole numbers of 8 bytes, or of another form that `struct` knows."""
        layout = f"<{count}{form}"
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def align(self, start: int) -> None:
        """Skip to the next multiple of 8 bytes, counted from `start`."""
        self.take(-(self.at - start) % 8)

    def rest(self) -> bytes:
        return self.take(len(self.data) - self.at)
