"""Object headers: the messages that make a group or an array."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from lamina.files.hdf5.source import Fields, Refused, Source

SPACE, LINK_INFO, TYPE, OLD_FILL, FILL, LINK = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
EXTERNAL, LAYOUT, GROUP_INFO, FILTERS, ATTRIBUTE = 0x07, 0x08, 0x0A, 0x0B, 0x0C
CONTINUATION, SYMBOLS, TIME, ATTRIBUTE_INFO, REFERENCES = 0x10, 0x11, 0x12, 0x15, 0x16
NOTHING = 0x00

# Meaning nothing to an array or a group as a whole; neither leads anywhere.
IGNORED = {NOTHING, OLD_FILL, FILL, GROUP_INFO, TIME, REFERENCES}
SINGLE = {SPACE, LINK_INFO, TYPE, LAYOUT, FILTERS, SYMBOLS, ATTRIBUTE_INFO}
SHARED = 0x02  # a flag of a message
HEAD = struct.Struct("<2HB3x")  # of a message: kind, size, flags
MAX_CONTINUATIONS = 1000


@dataclass
class Messages:
    """What an object header holds."""

    single: dict[int, bytes] = field(default_factory=dict)  # by kind
    attributes: list[bytes] = field(default_factory=list)
    links: list[bytes] = field(default_factory=list)

    def add(self, kind: int, body: bytes) -> None:
        if kind in IGNORED:
            return
        if kind == EXTERNAL:
            raise Refused("its bytes lie in another file", "external")
        if kind == ATTRIBUTE:
            self.attributes.append(body)
        elif kind == LINK:
            self.links.append(body)
        elif kind not in SINGLE:
            raise Refused(f"it has a message of kind {kind}, which lamina does not read", "message")
        elif kind in self.single:
            raise Refused(f"it has two messages of kind {kind}", "message")
        else:
            self.single[kind] = body


def read_object(source: Source, address: int) -> Messages:
    """All messages of the object at an address."""
    if source.look(address, 4) == b"OHDR":
        return _modern(source, address)
    return _classic(source, address)


def _classic(source: Source, address: int) -> Messages:
    version, count, size = struct.unpack("<BxH4xL4x", source.take(address, 16))
    if version != 1:
        raise Refused(f"expected an object at byte {address}, found none")
    messages, blocks = Messages(), [(address + 16, size)]
    for start, length in blocks:  # grows while it is walked through
        fields = Fields(source.take(start, length))
        while fields.at < length:
            kind, size, flags = HEAD.unpack(fields.take(HEAD.size))
            _note(messages, blocks, kind, flags, fields.take(size))
            count -= 1
    if count:
        raise Refused("it has another number of messages than it declares")
    return messages


def _modern(source: Source, address: int) -> Messages:
    flags = source.look(address, 6)[5]
    before = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    width = 1 << (flags & 3)
    prefix = Fields(source.take(address, before + width))
    if prefix.take(5)[4] != 2:
        raise Refused(f"expected an object of version 1 or 2 at byte {address}", "version")
    prefix.take(before - 5)
    messages, blocks = Messages(), [(address + before + width, prefix.number(width) + 4)]
    for number, (start, length) in enumerate(blocks):  # grows while it is walked through
        fields = Fields(source.take(start, length))
        if number and fields.take(4) != b"OCHK":
            raise Refused("a part of its description is missing")
        header = 6 if flags & 0x04 else 4
        while fields.at + header <= length - 4:  # the last 4 bytes are a checksum, a few before it may be empty
            kind, size, message_flags = fields.number(1), fields.number(2), fields.number(1)
            fields.take(header - 4)
            _note(messages, blocks, kind, message_flags, fields.take(size))
    return messages


def _note(messages: Messages, blocks: list[tuple[int, int]], kind: int, flags: int, body: bytes) -> None:
    """Keep a message, or note the place where the header goes on."""
    if flags & SHARED:
        raise Refused("a part of its description lies in another place", "shared")
    if kind != CONTINUATION:
        messages.add(kind, body)
        return
    if len(blocks) > MAX_CONTINUATIONS:
        raise Refused("its description lies in too many pieces")
    start, length = Fields(body).numbers(2)
    blocks.append((start, length))
