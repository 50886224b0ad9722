"""The directory of a zip archive, read without believing any one of its three places by itself.

Each member is described twice, in the central directory and in front of its bytes; both descriptions must agree, and
the members must fill the file from its first byte to the central directory, without gaps and without overlaps.
Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.
"""

from __future__ import annotations

import stat
import struct
from dataclasses import dataclass
from typing import NoReturn

from lamina.core.errors import FileError
from lamina.files.checksums import LENGTH, MARK, mark_of
from lamina.files.opening import OpenFile

MAX_MEMBERS = 10_000
MAX_DIRECTORY = 16 << 20  # bytes
MAX_NAME = 1024  # bytes

END = struct.Struct("<4s4H2LH")  # signature, disks, entries, size and place of the directory, length of the comment
END64 = struct.Struct("<4sQ2H2L4Q")
LOCATOR64 = struct.Struct("<4sLQL")
CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
END_SIGN, END64_SIGN, LOCATOR64_SIGN = b"PK\5\6", b"PK\6\6", b"PK\6\7"
CENTRAL_SIGN, LOCAL_SIGN, DESCRIPTOR_SIGN = b"PK\1\2", b"PK\3\4", b"PK\7\10"
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF

STORED, DEFLATED = 0, 8
ENCRYPTED = 0x0001 | 0x0040 | 0x2000
DESCRIPTOR, UTF8 = 0x0008, 0x0800
KNOWN_FLAGS = 0x0006 | DESCRIPTOR | UTF8
UNIX, ZIP64_FIELD = 3, 0x0001


@dataclass(frozen=True)
class Member:
    """One file in an archive."""

    name: str
    size: int  # bytes, unpacked
    stored: int  # bytes in the archive
    start: int  # first of them
    crc: int
    packed: bool  # deflated, else stored as it is


@dataclass(frozen=True)
class Directory:
    """All members, and whether the file has lamina's checksum, which was verified."""

    members: dict[str, Member]
    has_checksum: bool


@dataclass(frozen=True)
class _Entry:
    """What the central directory says of a member."""

    name: bytes
    flags: int
    method: int
    crc: int
    stored: int
    size: int
    header: int  # place of the local header
    system: int
    mode: int


def name_fault(name: str) -> str:
    """What is wrong with the name of a member; "" for a plain relative path with "/" between its parts.

    Example:
        >>> name_fault("assets/words.txt"), name_fault("../words.txt")
        ('', "the part '..'")
    """
    if not name or len(name.encode("utf-8", "replace")) > MAX_NAME:
        return f"its length (1 to {MAX_NAME} bytes)"
    if not name.isprintable() or "\\" in name or ":" in name:
        return "a backslash, a colon or a control character"
    if name.startswith("/"):
        return "it is absolute"
    wrong = next((part for part in name.removesuffix("/").split("/") if part in ("", ".", "..")), None)
    return "" if wrong is None else f"the part {wrong!r}"


def read_directory(file: OpenFile) -> Directory:
    """Find all members of an archive.

    Raises:
        FileError: No archive, or one that breaks a rule; see `lamina.files.Archive`.
    """
    return _Parser(file).parse()


class _Parser:
    def __init__(self, file: OpenFile) -> None:
        self._file = file

    def _refuse(self, reason: str, code: str = "zip", where: str = "") -> NoReturn:
        raise FileError(self._file.path, where, reason, code=code) from None

    def _bytes(self, start: int, length: int) -> bytes:
        if start < 0 or start + length > self._file.size:
            self._refuse(f"the archive points to bytes {start} to {start + length} of {self._file.size}")
        self._file.handle.seek(start)
        data = self._file.handle.read(length)
        if len(data) != length:
            self._refuse("the file became shorter while it was read")
        return data

    def parse(self) -> Directory:
        end, has_checksum = self._find_end()
        start, size, count = self._find_directory(end)
        entries = self._entries(self._bytes(start, size), count)
        members: dict[str, Member] = {}
        position = 0
        order = sorted(range(count), key=lambda number: entries[number].header)
        borders = [entries[number].header for number in order[1:]] + [start]
        found = {}
        for number, border in zip(order, borders, strict=True):
            found[number] = self._member(entries[number], position, border)
            position = border
        if position != start:
            self._refuse("bytes lie in front of its directory that belong to no member", "layout")
        for number in range(count):
            member = found[number]
            if member.name in members:
                self._refuse("two members have this name", "duplicate", member.name)
            members[member.name] = member
        return Directory({n: m for n, m in members.items() if not n.endswith("/")}, has_checksum)

    def _find_end(self) -> tuple[int, bool]:
        """Place of the end record, which closes the file but for lamina's checksum."""
        size = self._file.size
        tail = self._bytes(max(0, size - END.size - LENGTH), min(size, END.size + LENGTH))
        if tail[-END.size :][:4] == END_SIGN and tail[-2:] == b"\0\0":
            return size - END.size, False
        if len(tail) == END.size + LENGTH and tail[:4] == END_SIGN and tail[END.size :].startswith(MARK):
            if tail[END.size :] != mark_of(self._file.handle, size - LENGTH):
                self._refuse(
                    "its checksum (SHA-256) does not fit its bytes: the file was damaged or changed", "checksum"
                )
            return size - END.size - LENGTH, True
        last = self._bytes(max(0, size - END.size - FULL16), min(size, END.size + FULL16))
        if END_SIGN in last:
            self._refuse("the archive has a comment, or bytes follow its end; neither is expected")
        self._refuse("it is no zip archive, or its end is missing")

    def _find_directory(self, end: int) -> tuple[int, int, int]:
        """First byte and bytes of the central directory, and the number of members."""
        record = END.unpack(self._bytes(end, END.size))
        _, disk, disk_of_start, here, count, size, start, _ = record
        before = end
        if start + size != end and end >= END64.size + LOCATOR64.size:
            before = end - LOCATOR64.size - END64.size
            sign, record_size, _, _, disk64, disk_of_start64, here64, count64, size64, start64 = END64.unpack(
                self._bytes(before, END64.size)
            )
            locator = LOCATOR64.unpack(self._bytes(end - LOCATOR64.size, LOCATOR64.size))
            if sign != END64_SIGN or record_size != END64.size - 12 or locator != (LOCATOR64_SIGN, 0, before, 1):
                self._refuse("its directory does not end where its end record says", "layout")
            old, new = (here, count, size, start), (here64, count64, size64, start64)
            for value, value64, full in zip(old, new, (FULL16, FULL16, FULL32, FULL32), strict=True):
                if value not in (full, value64):
                    self._refuse("its two end records contradict each other", "contradiction")
            disk, disk_of_start, (here, count, size, start) = disk64, disk_of_start64, new
        if disk or disk_of_start or here != count:
            self._refuse("it is a part of an archive of several files")
        if start + size != before:
            self._refuse("its directory does not end where its end record says", "layout")
        if count > MAX_MEMBERS or size > MAX_DIRECTORY:
            self._refuse(f"{count} members in a directory of {size} bytes; at most {MAX_MEMBERS} are read", "size")
        return start, size, count

    def _entries(self, directory: bytes, count: int) -> list[_Entry]:
        entries, at = [], 0
        for _ in range(count):
            if at + CENTRAL.size > len(directory):
                self._refuse(f"its directory has fewer than the {count} members that it declares", "contradiction")
            fields = CENTRAL.unpack_from(directory, at)
            sign, made_by, _, flags, method, _, _, crc, stored, size, *lengths, disk, _, attributes, header = fields
            name_length, extra_length, comment_length = lengths
            name = directory[at + CENTRAL.size :][:name_length]
            extra = directory[at + CENTRAL.size + name_length :][:extra_length]
            at += CENTRAL.size + name_length + extra_length + comment_length
            if sign != CENTRAL_SIGN or at > len(directory):
                self._refuse("its directory is broken", "layout")
            if comment_length or disk:
                self._refuse("a member has a comment, or lies in another file", "zip", self._text(name, flags))
            size, stored, header = self._widened(name, extra, size, stored, header)
            system, mode = made_by >> 8, attributes >> 16
            entries.append(_Entry(name, flags, method, crc, stored, size, header, system, mode))
        if at != len(directory):
            self._refuse(f"its directory has more than the {count} members that it declares", "contradiction")
        return entries

    def _widened(self, name: bytes, extra: bytes, *values: int) -> list[int]:
        """The values, those of 0xFFFFFFFF replaced by the 64-bit ones of the extra field."""
        wide, at, where = None, 0, repr(name)
        while at < len(extra):
            if at + 4 > len(extra):
                self._refuse("its extra field is broken", "layout", where)
            kind, length = struct.unpack_from("<2H", extra, at)
            at += 4 + length
            if at > len(extra) or (kind == ZIP64_FIELD and wide is not None):
                self._refuse("its extra field is broken", "layout", where)
            if kind == ZIP64_FIELD:
                wide = extra[at - length : at]
        needed = sum(value == FULL32 for value in values)
        if len(wide or b"") != 8 * needed:
            self._refuse(
                f"its 64-bit sizes are {len(wide or b'')} bytes long; expected {8 * needed}", "contradiction", where
            )
        replacements = iter(struct.unpack(f"<{needed}Q", wide or b""))
        return [next(replacements) if value == FULL32 else value for value in values]

    def _text(self, name: bytes, flags: int) -> str:
        try:
            return name.decode("utf-8" if flags & UTF8 else "ascii")
        except UnicodeDecodeError:
            self._refuse("its name is no text in the declared encoding", "name", repr(name))

    def _member(self, entry: _Entry, position: int, border: int) -> Member:
        """Check a member that must fill the bytes from `position` to `border`."""
        name = self._text(entry.name, entry.flags)
        if fault := name_fault(name):
            self._refuse(f"expected a plain relative name; what is wrong: {fault}", "name", name)
        if entry.flags & ENCRYPTED:
            self._refuse("it is encrypted", "encrypted", name)
        if entry.method not in (STORED, DEFLATED) or entry.flags & ~KNOWN_FLAGS:
            self._refuse(f"expected a stored or deflated member, received method {entry.method}", "compression", name)
        kind = stat.S_IFMT(entry.mode) if entry.system == UNIX else 0
        if kind not in (0, stat.S_IFDIR if name.endswith("/") else stat.S_IFREG):
            self._refuse("it is no regular file, but a link or a device", "link", name)
        if (name.endswith("/") and entry.size) or (entry.method == STORED and entry.stored != entry.size):
            self._refuse(f"{entry.stored} bytes are stored, but {entry.size} declared", "contradiction", name)
        if entry.header != position:
            self._refuse("it overlaps another member, or bytes lie in front of it that belong to none", "layout", name)
        start = self._local_start(entry, name)
        end = start + entry.stored
        if end > border or (
            end != border and not (entry.flags & DESCRIPTOR and self._is_descriptor(entry, end, border))
        ):
            self._refuse("its bytes do not end where the next member or the directory begins", "layout", name)
        return Member(name, entry.size, entry.stored, start, entry.crc, entry.method == DEFLATED)

    def _local_start(self, entry: _Entry, name: str) -> int:
        """First byte of a member's content, after its local header was compared with the central one."""
        fields = LOCAL.unpack(self._bytes(entry.header, LOCAL.size))
        sign, _, flags, method, _, _, crc, stored, size, name_length, extra_length = fields
        rest = self._bytes(entry.header + LOCAL.size, name_length + extra_length)
        size, stored = self._widened(entry.name, rest[name_length:], size, stored)
        same = (crc, stored, size) == (entry.crc, entry.stored, entry.size)
        if entry.flags & DESCRIPTOR:
            same = same or (crc, stored, size) == (0, 0, 0)
        if (
            sign != LOCAL_SIGN
            or rest[:name_length] != entry.name
            or (flags, method) != (entry.flags, entry.method)
            or not same
        ):
            self._refuse("its two headers contradict each other", "contradiction", name)
        return entry.header + LOCAL.size + name_length + extra_length

    def _is_descriptor(self, entry: _Entry, start: int, end: int) -> bool:
        """Whether the bytes after a member repeat its checksum and sizes, in one of the four forms."""
        if end - start not in (12, 16, 20, 24):
            return False
        data = self._bytes(start, end - start)
        data = data.removeprefix(DESCRIPTOR_SIGN) if len(data) in (16, 24) else data
        form = {12: "<3L", 20: "<L2Q"}.get(len(data))
        return form is not None and struct.unpack(form, data) == (entry.crc, entry.stored, entry.size)
