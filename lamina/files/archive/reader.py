"""Zip archives: all that describes a member is compared before it is read; nothing is extracted to the disk."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NoReturn

from lamina.core.errors import FileError
from lamina.files.archive.directory import Directory
from lamina.files.archive.form import Member
from lamina.files.checksums import CHUNK, crc_of, pieces
from lamina.files.opening import OpenFile

MAX_RATIO = 64  # unpacked bytes of all members to bytes of the file
BAD_CRC = "its checksum (CRC) does not fit its bytes; it was damaged or changed"


class Archive:
    """The members of a zip archive.

    Refused are: names that are absolute, lead upwards, or stand twice; links; encryption; compression other than
    deflate; members that overlap or leave gaps; headers that contradict each other; more than `MAX_RATIO` times the
    file's size in all; comments, except lamina's checksum, which is verified.

    Args:
        file: The open file, used as long as the archive is.
    Attributes:
        names: Names of the members, in the order of the directory; folders are left out.
    Raises:
        FileError: The file is no such archive.
    """

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        directory = Directory(file)
        self._members, self._checked = directory.members, directory.has_checksum
        total = sum(member.size for member in self._members.values())
        if total > MAX_RATIO * file.size:
            raise FileError(
                file.path,
                "",
                f"its members unpack to {total} bytes, more than {MAX_RATIO} times the file's {file.size}",
                code="ratio",
                way_out="If it is yours, pack it again without compression.",
            )
        self.names = list(self._members)

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def size(self, name: str) -> int:
        """Bytes of a member when unpacked."""
        return self._member(name).size

    def read(self, name: str, limit: int) -> bytes:
        """The bytes of a member, which may be at most `limit`; their checksum was compared."""
        member = self._member(name)
        if member.size > limit:
            self._refuse(name, f"{member.size} bytes; at most {limit} were expected", "size")
        return self._unpack(member).getvalue()

    def view(self, name: str) -> BinaryIO:
        """A member as a seekable, read-only file, whose checksum was compared; only packed ones are held in memory."""
        member = self._member(name)
        if member.packed:
            return self._unpack(member)
        stored = self._file.window(member.start, member.size)
        # The checksum of the whole file covers the members'.
        if not self._checked and crc_of(stored) != member.crc:
            self._refuse(name, BAD_CRC, "checksum")
        stored.seek(0)
        return stored

    def _member(self, name: str) -> Member:
        if name not in self._members:
            listed = ", ".join(self.names[:20]) + (", ..." if len(self.names) > 20 else "")
            self._refuse(name, f"there is no such member; there are: {listed or 'none'}", "missing")
        return self._members[name]

    def _unpack(self, member: Member) -> io.BytesIO:
        """Read a member into memory: no more than it declares, and only if its checksum fits."""
        unpacked, crc = io.BytesIO(), 0
        try:
            for data in self._pieces(member):
                crc = zlib.crc32(data, crc)
                unpacked.write(data)
                if unpacked.tell() > member.size:
                    self._refuse(member.name, f"it unpacks to more than the declared {member.size} bytes", "size")
        except MemoryError:
            self._refuse(member.name, f"there is no memory for its {member.size} bytes", "memory")
        if unpacked.tell() != member.size:
            self._refuse(member.name, f"it unpacks to {unpacked.tell()} bytes, but declares {member.size}", "size")
        if crc != member.crc:
            self._refuse(member.name, BAD_CRC, "checksum")
        unpacked.seek(0)
        return unpacked

    def _pieces(self, member: Member) -> Iterator[bytes | memoryview]:
        """The unpacked bytes of a member, at most `CHUNK` at a time."""
        stored = pieces(self._file.window(member.start, member.stored))
        if not member.packed:
            yield from stored
            return
        decoder = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for piece in stored:
                data = decoder.decompress(piece, CHUNK)
                yield data
                while decoder.unconsumed_tail or len(data) == CHUNK:  # some is left in the decoder
                    data = decoder.decompress(decoder.unconsumed_tail, CHUNK)
                    yield data
        except zlib.error:
            self._refuse(member.name, "its packed bytes are broken", "packed")
        if not decoder.eof or decoder.unused_data:
            self._refuse(member.name, "its packed bytes do not end where the archive says", "packed")

    def _refuse(self, name: str, reason: str, code: str) -> NoReturn:
        raise FileError(self._file.path, name, reason, code=code) from None
