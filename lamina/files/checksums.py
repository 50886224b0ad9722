"""Checksums over streams: SHA-256 of what lamina writes, CRC-32 of members of archives."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from typing import BinaryIO

CHUNK = 1 << 20  # bytes in memory at a time
# The fastest of hashlib's on CPUs with SHA instructions (1.0 to 2.0 GB/s against 0.4 of BLAKE2b and 0.2 of SHA3).
MARK = b"lamina sha256 "
LENGTH = len(MARK) + 64  # bytes of a whole mark


def mark_of(stream: BinaryIO, length: int) -> bytes:
    """The mark that follows the first `length` bytes of a file of lamina's: "lamina sha256 <64 hexadecimal digits>"."""
    digest = hashlib.sha256()
    for piece in pieces(stream, length):
        digest.update(piece)
    return MARK + digest.hexdigest().encode("ascii")


def crc_of(stream: BinaryIO, start: int = 0, length: int | None = None) -> int:
    """CRC-32 of `length` bytes from `start` on, or of all that follow."""
    crc = 0
    for piece in pieces(stream, length, start):
        crc = zlib.crc32(piece, crc)
    return crc


def pieces(stream: BinaryIO, length: int | None = None, start: int = 0) -> Iterator[memoryview]:
    """The bytes of a stream in one buffer that is used again and again; fewer than `length` where the stream ends."""
    buffer = memoryview(bytearray(CHUNK if length is None else min(CHUNK, length)))
    stream.seek(start)
    done = 0
    while length is None or done < length:
        wanted = buffer if length is None else buffer[: length - done]
        read: int = stream.readinto(wanted)  # type: ignore[attr-defined]  # each binary file has it
        if not read:
            return
        done += read
        yield buffer[:read]
