"""Writing a zip archive: the same members give the same bytes, and a checksum over all of them closes the file."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from lamina.files.archive import form
from lamina.files.archive.form import FULL16, FULL32, UTF8, Member, name_fault
from lamina.files.checksums import LENGTH, crc_of, mark_of
from lamina.files.opening import Window

VERSION, VERSION64 = 20, 45  # of the format, needed to read a member: 2.0 has folders and deflate, 4.5 64-bit sizes
DAY = (1 << 5) | 1  # 1980-01-01, the first day of the format
REGULAR_FILE = 0o100644 << 16


class ArchiveWriter:
    """Writes members, stored as they are, that `zipfile` and Keras can read.

    Args:
        handle: Seekable file for reading and writing, empty.
    Example:
        >>> import io
        >>> stream = io.BytesIO()
        >>> writer = ArchiveWriter(stream)
        >>> writer.add("config.json", b"{}")
        >>> writer.close()
        >>> stream.getvalue()[-78:-64]
        b'lamina sha256 '
    """

    def __init__(self, handle: BinaryIO) -> None:
        self._handle, self._end = handle, 0
        self._members: dict[str, tuple[int, Member]] = {}  # with the place of the local header

    def add(self, name: str, data: bytes) -> None:
        """Write a member as a whole."""
        self._begin(name)
        crc = zlib.crc32(data)
        header = self._local(name, crc, len(data), wide=len(data) >= FULL32)
        self._handle.seek(self._end)
        self._handle.write(header)
        self._handle.write(data)
        self._enter(name, len(data), self._end + len(header), crc)

    @contextlib.contextmanager
    def stream(self, name: str) -> Iterator[BinaryIO]:
        """Give a seekable file for reading and writing, which is the member when the block ends."""
        self._begin(name)
        start = self._end + len(self._local(name, 0, 0, wide=True))
        part = _Part(self._handle, start)
        yield part  # type: ignore[misc]  # RawIOBase has all of BinaryIO
        crc = crc_of(self._handle, start, part.length)
        self._handle.seek(self._end)
        self._handle.write(self._local(name, crc, part.length, wide=True))
        self._enter(name, part.length, start, crc)

    def close(self) -> None:
        """Write the directory and the checksum; without it the file is no archive. The handle stays open."""
        directory = b"".join(self._central(header, member) for header, member in self._members.values())
        self._handle.seek(self._end)
        self._handle.write(directory)
        self._handle.write(self._end_records(len(directory)))
        self._handle.truncate()
        self._handle.write(mark_of(self._handle, self._handle.tell()))

    def _begin(self, name: str) -> None:
        if fault := name_fault(name):
            raise ValueError(
                f"archive: expected a plain relative name, received {name!r:.200}; what is wrong: {fault}."
            )
        if name in self._members:
            raise ValueError(f"archive: the member {name!r:.200} was written already.")

    def _enter(self, name: str, size: int, start: int, crc: int) -> None:
        self._members[name] = (self._end, Member(name, size, size, start, crc, packed=False))
        self._end = start + size

    def _local(self, name: str, crc: int, size: int, *, wide: bool) -> bytes:
        encoded, flags, version = _encoded(name), _flags(name), VERSION64 if wide else VERSION
        extra = _wide(size, size) if wide else b""
        shown = FULL32 if wide else size
        header = form.LOCAL.pack(
            form.LOCAL_SIGN, version, flags, form.STORED, 0, DAY, crc, shown, shown, len(encoded), len(extra)
        )
        return header + encoded + extra

    def _central(self, header: int, member: Member) -> bytes:
        encoded, flags = _encoded(member.name), _flags(member.name)
        values = (member.stored, member.size, header)
        # In the order in which the field holds them: size, stored, place.
        extra = _wide(*(v for v in (member.size, member.stored, header) if v >= FULL32))
        stored, size, place = (min(value, FULL32) for value in values)
        version = VERSION64 if extra else VERSION
        lengths = (len(encoded), len(extra), 0)
        fields = (form.UNIX << 8 | version, version, flags, form.STORED, 0, DAY, member.crc, stored, size)
        return form.CENTRAL.pack(form.CENTRAL_SIGN, *fields, *lengths, 0, 0, REGULAR_FILE, place) + encoded + extra

    def _end_records(self, length: int) -> bytes:
        count, start = len(self._members), self._end
        records = b""
        if count >= FULL16 or length >= FULL32 or start >= FULL32:
            versions = (form.UNIX << 8 | VERSION64, VERSION64)
            records = form.END64.pack(
                form.END64_SIGN, form.END64.size - 12, *versions, 0, 0, count, count, length, start
            ) + form.LOCATOR64.pack(form.LOCATOR64_SIGN, 0, start + length, 1)
        count, length, start = min(count, FULL16), min(length, FULL32), min(start, FULL32)
        return records + form.END.pack(form.END_SIGN, 0, 0, count, count, length, start, LENGTH)


def _encoded(name: str) -> bytes:
    return name.encode("utf-8")


def _flags(name: str) -> int:
    return 0 if name.isascii() else UTF8


def _wide(*values: int) -> bytes:
    """The extra field with 64-bit values; empty without values."""
    if not values:
        return b""
    data = b"".join(value.to_bytes(8, "little") for value in values)
    return form.ZIP64_FIELD.to_bytes(2, "little") + len(data).to_bytes(2, "little") + data


class _Part(Window):
    """A file that grows inside another one, from `start` on."""

    def __init__(self, handle: BinaryIO, start: int) -> None:
        super().__init__(handle, start, length=0)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._position > self.length:
            self.truncate(self._position)
        self._handle.seek(self._start + self._position)
        written = self._handle.write(data)
        self._position += written
        self.length = max(self.length, self._position)
        return written

    def truncate(self, size: int | None = None) -> int:
        self.length = self._position if size is None else size
        self._handle.truncate(self._start + self.length)
        return self.length

    def flush(self) -> None:
        self._handle.flush()
