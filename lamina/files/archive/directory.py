"""The directory of a zip archive, read without believing any one of its three places by itself.

Each member is described twice, in the central directory and in front of its bytes; both descriptions must agree, and
the members must fill the file from its first byte to the central directory, without gaps and without overlaps.
"""

from __future__ import annotations

import stat
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from lamina.core.errors import FileError
from lamina.files.archive import form
from lamina.files.archive.form import FULL16, FULL32, Member, name_fault
from lamina.files.checksums import LENGTH, MARK, mark_of
from lamina.files.opening import OpenFile

MAX_MEMBERS = 10_000
MAX_BYTES = 16 << 20  # of a directory


@dataclass(frozen=True)
class _Entry:
    """What the central directory says of a member."""

    name: str
    flags: int
    method: int
    crc: int
    stored: int
    size: int
    header: int  # place of the local header
    mode: int


class Directory:
    """The members of an archive by name, all checked; folders are left out.

    Args:
        file: The archive.
    Attributes:
        members: In the order of the central directory.
        has_checksum: Whether the file ends with lamina's checksum, which then was verified.
    Raises:
        FileError: No archive, or one that breaks a rule; see `lamina.files.Archive`.
    """

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        end, self.has_checksum = self._find_end()
        start, size, count = self._find_directory(end)
        entries = list(self._entries(self._bytes(start, size), count))
        members = self._members(entries, start)
        self.members = {name: member for name, member in members.items() if not name.endswith("/")}

    def _refuse(self, reason: str, code: str = "zip", where: str = "", way_out: str = "") -> NoReturn:
        raise FileError(self._file.path, where, reason, code=code, way_out=way_out) from None

    def _bytes(self, start: int, length: int) -> bytes:
        if start + length > self._file.size:
            self._refuse(f"it points to bytes {start} to {start + length}, but has {self._file.size}", "truncated")
        return self._file.window(start, length).read()

    def _find_end(self) -> tuple[int, bool]:
        """Place of the end record, and whether lamina's checksum follows it; nothing else may."""
        size = self._file.size
        tail = self._bytes(size - form.END.size, form.END.size) if size >= form.END.size else b""
        if tail.startswith(form.END_SIGN) and tail.endswith(b"\0\0"):
            return size - form.END.size, False
        end = size - form.END.size - LENGTH
        comment = self._bytes(end + form.END.size, LENGTH) if end >= 0 else b""
        if comment.startswith(MARK):
            if comment != mark_of(self._file.handle, size - LENGTH):
                reason = "its checksum (SHA-256) does not fit its bytes; it was damaged or changed"
                self._refuse(reason, "checksum", way_out="Take another copy of the file.")
            return end, True
        last = min(size, form.END.size + FULL16)
        if form.END_SIGN in self._bytes(size - last, last)[: 4 - form.END.size]:
            self._refuse("it has a comment, or bytes follow its end; neither is expected", "comment")
        reason = "it is no zip archive, or its end is missing"
        self._refuse(reason, "signature", way_out="If it was copied or downloaded, do that again.")

    def _find_directory(self, end: int) -> tuple[int, int, int]:
        """First byte and bytes of the central directory, and the number of members."""
        sign, disk, disk_of_start, here, count, size, start, _ = form.END.unpack(self._bytes(end, form.END.size))
        if sign == form.END_SIGN and start + size != end:
            narrow, end = (here, count, size, start), end - form.LOCATOR64.size - form.END64.size
            disk, disk_of_start, here, count, size, start = wide = self._end64(end)
            for short, long, full in zip(narrow, wide[2:], (FULL16, FULL16, FULL32, FULL32), strict=True):
                if short not in (full, long):
                    self._refuse("its two end records contradict each other", "contradiction")
        if sign != form.END_SIGN or start + size != end:
            self._refuse("its directory does not end where its end record says", "layout")
        if disk or disk_of_start or here != count:
            self._refuse("it is a part of an archive of several files")
        if count > MAX_MEMBERS or size > MAX_BYTES:
            self._refuse(f"{count} members in a directory of {size} bytes; at most {MAX_MEMBERS} are read", "size")
        return start, size, count

    def _end64(self, start: int) -> tuple[int, ...]:
        """Fields of the end record with 64 bits, which lies at `start`, and its locator behind it."""
        if start >= 0:
            record = self._bytes(start, form.END64.size + form.LOCATOR64.size)
            sign, length, _, _, *fields = form.END64.unpack(record[: form.END64.size])
            locator = form.LOCATOR64.unpack(record[form.END64.size :])
            known = (sign, length) == (form.END64_SIGN, form.END64.size - 12)
            if known and locator == (form.LOCATOR64_SIGN, 0, start, 1):
                return tuple(fields)
        self._refuse("its directory does not end where its end record says", "layout")

    def _entries(self, directory: bytes, count: int) -> Iterator[_Entry]:
        at = 0
        for _ in range(count):
            head = directory[at : at + form.CENTRAL.size]
            if len(head) < form.CENTRAL.size or not head.startswith(form.CENTRAL_SIGN):
                self._refuse(f"its directory has fewer than the {count} members that it declares", "contradiction")
            _, _, _, flags, method, _, _, crc, stored, size, *rest = form.CENTRAL.unpack(head)
            name_length, extra_length, comment_length, disk, _, attributes, header = rest
            at += form.CENTRAL.size
            name = self._text(directory[at : at + name_length], flags)
            extra = directory[at + name_length : at + name_length + extra_length]
            at += name_length + extra_length
            if comment_length or disk:
                self._refuse("it has a comment, or lies in another file", "comment", name)
            size, stored, header = self._widened(name, extra, size, stored, header)
            yield _Entry(name, flags, method, crc, stored, size, header, attributes >> 16)
        if at != len(directory):
            self._refuse(f"its directory has more than the {count} members that it declares", "contradiction")

    def _text(self, name: bytes, flags: int) -> str:
        try:
            text = name.decode("utf-8" if flags & form.UTF8 else "ascii")
        except UnicodeDecodeError:
            self._refuse("its name is no text in the declared encoding", "name", repr(name))
        if fault := name_fault(text):
            self._refuse(f"expected a plain relative name; wrong is {fault}", "name", text)
        return text

    def _widened(self, name: str, extra: bytes, *values: int) -> list[int]:
        """The values; in place of those of 0xFFFFFFFF the 64-bit ones in the extra field, which has no others."""
        wide, at = b"", 0
        while at < len(extra):
            kind, length = struct.unpack_from("<2H", extra.ljust(at + 4, b"\0"), at)
            at += 4 + length
            if at > len(extra) or (kind == form.ZIP64_FIELD and wide):
                self._refuse("its extra field is broken", "layout", name)
            if kind == form.ZIP64_FIELD:
                wide = extra[at - length : at]
        needed = values.count(FULL32)
        if len(wide) != 8 * needed:
            self._refuse(f"its 64-bit sizes take {len(wide)} bytes; expected {8 * needed}", "contradiction", name)
        replacements = iter(struct.unpack(f"<{needed}Q", wide))
        return [next(replacements) if value == FULL32 else value for value in values]

    def _members(self, entries: list[_Entry], end: int) -> dict[str, Member]:
        """Check that the entries fill the file up to its directory; the members in the order of `entries`."""
        members: dict[str, Member | None] = dict.fromkeys(entry.name for entry in entries)
        by_place = sorted(entries, key=lambda entry: entry.header)
        if len(members) < len(entries):
            twice = next(name for name, count in Counter(entry.name for entry in entries).items() if count > 1)
            self._refuse("two members have this name", "duplicate", twice)
        position = 0
        borders = [entry.header for entry in by_place[1:]] + [end]
        for entry, border in zip(by_place, borders, strict=False):
            if entry.header != position:
                self._refuse(
                    "it overlaps another member, or bytes that belong to none precede it", "layout", entry.name
                )
            members[entry.name] = self._member(entry, border)
            position = border
        if position != end:
            self._refuse("bytes that belong to no member precede its directory", "layout")
        return {name: member for name, member in members.items() if member is not None}

    def _member(self, entry: _Entry, border: int) -> Member:
        """Check a member whose local header is in its place, and which must fill the bytes up to `border`."""
        name = entry.name
        if entry.flags & form.ENCRYPTED:
            self._refuse("it is encrypted", "encrypted", name)
        if entry.method not in (form.STORED, form.DEFLATED) or entry.flags & ~form.KNOWN_FLAGS:
            reason = f"expected a stored or deflated member, received method {entry.method}, flags {entry.flags:#x}"
            self._refuse(reason, "compression", name)
        if stat.S_IFMT(entry.mode) not in (0, stat.S_IFDIR if name.endswith("/") else stat.S_IFREG):
            self._refuse("it is no regular file, but a link or a device", "link", name)
        if (name.endswith("/") and entry.size) or (entry.method == form.STORED and entry.stored != entry.size):
            self._refuse(f"{entry.stored} bytes are stored, but {entry.size} declared", "contradiction", name)
        start = self._content(entry)
        end = start + entry.stored
        if end != border and not (entry.flags & form.DESCRIPTOR and self._is_descriptor(entry, end, border)):
            self._refuse("it does not end where the next member or the directory begins", "layout", name)
        return Member(name, entry.size, entry.stored, start, entry.crc, entry.method == form.DEFLATED)

    def _content(self, entry: _Entry) -> int:
        """First byte of a member's content, after its local header was compared with the central one."""
        fields = form.LOCAL.unpack(self._bytes(entry.header, form.LOCAL.size))
        sign, _, flags, method, _, _, crc, stored, size, name_length, extra_length = fields
        start = entry.header + form.LOCAL.size
        rest = self._bytes(start, name_length + extra_length)
        size, stored = self._widened(entry.name, rest[name_length:], size, stored)
        wanted = [(entry.crc, entry.stored, entry.size)]
        if entry.flags & form.DESCRIPTOR:
            wanted.append((0, 0, 0))
        same = (sign, flags, method) == (form.LOCAL_SIGN, entry.flags, entry.method)
        if not same or rest[:name_length] != entry.name.encode() or (crc, stored, size) not in wanted:
            self._refuse("its two headers contradict each other", "contradiction", entry.name)
        return start + name_length + extra_length

    def _is_descriptor(self, entry: _Entry, start: int, end: int) -> bool:
        """Whether the bytes after a member repeat its checksum and sizes, in one of the four forms."""
        layout = {12: "<3L", 16: "<4x3L", 20: "<L2Q", 24: "<4xL2Q"}.get(end - start)
        if layout is None:
            return False
        data = self._bytes(start, end - start)
        signed = len(data) in (12, 20) or data.startswith(form.DESCRIPTOR_SIGN)
        return signed and struct.unpack(layout, data) == (entry.crc, entry.stored, entry.size)
