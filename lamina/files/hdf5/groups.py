"""The members of a group: names and addresses."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from lamina.files.hdf5.messages import as_text
from lamina.files.hdf5.objects import LINK_INFO, SYMBOLS, Messages
from lamina.files.hdf5.source import UNDEFINED, Fields, Refused, Source
from lamina.files.hdf5.tree import GROUP, leaves

ENTRY = struct.Struct("<2QL20x")  # of a table of symbols: place of the name, address, what is kept of it
SOFT = 2  # what an entry holds: nothing, addresses of a group, or a soft link
MAX_NAME = 1024  # bytes
MAX_OBJECTS = 50_000  # groups and arrays of a file; 10,000 layers of Keras' are as many
MAX_DEPTH = 64  # groups in each other


def name_fault(name: str) -> str:
    """What is wrong with the name of a group or an array; "" for a plain one.

    Example:
        >>> name_fault("kernel"), name_fault("..")
        ('', 'that it has a meaning of its own')
    """
    if not name or len(name.encode("utf-8", "replace")) > MAX_NAME:
        return f"its length (1 to {MAX_NAME} bytes)"
    if "/" in name or not name.isprintable():
        return "a slash or a control character"
    return "that it has a meaning of its own" if name in (".", "..") else ""


def read_members(source: Source, messages: Messages) -> dict[str, int]:
    """Addresses of a group's members by name."""
    members: dict[str, int] = {}
    found = _from_symbols(source, messages) if SYMBOLS in messages.single else _from_links(messages)
    for name, address in found:
        text = as_text(name)
        if fault := name_fault(text):
            raise Refused(f"expected a plain name of a member, received {text[:100]!r}; wrong is {fault}", "name")
        if text in members:
            raise Refused(f"two members are called {text!r}", "duplicate")
        members[text] = address
    return members


def _from_links(messages: Messages) -> Iterator[tuple[bytes, int]]:
    info = Fields(messages.single.get(LINK_INFO, b""))
    if info.data:
        _, flags = info.number(1), info.number(1)
        info.take(8 if flags & 1 else 0)
        if info.number(8) != UNDEFINED:
            raise Refused("expected a group as h5py stores it by default, found its members in a heap", "layout")
    for body in messages.links:
        yield _link(Fields(body))


def _link(fields: Fields) -> tuple[bytes, int]:
    version, flags = fields.number(1), fields.number(1)
    kind = fields.number(1) if flags & 0x08 else 0
    fields.take(8 if flags & 0x04 else 0)
    fields.take(1 if flags & 0x10 else 0)
    name = fields.take(fields.number(1 << (flags & 3)))
    if version != 1 or kind:
        raise Refused(f"its member {as_text(name)!r} is a link to another place or file", "link")
    return name, fields.number(8)


def _from_symbols(source: Source, messages: Messages) -> Iterator[tuple[bytes, int]]:
    tree, heap = Fields(messages.single[SYMBOLS]).numbers(2)
    names = _heap(source, heap)
    for _, table in leaves(source, tree, GROUP, 8):
        yield from _table(source, table, names)


def _heap(source: Source, address: int) -> bytes:
    """The bytes of a local heap, in which names lie."""
    fields = Fields(source.take(address, 32))
    if fields.take(8) != b"HEAP\0\0\0\0":
        raise Refused("the names of its members are missing")
    size, _, data = fields.numbers(3)
    return source.take(data, size)


def _table(source: Source, address: int, names: bytes) -> Iterator[tuple[bytes, int]]:
    head = source.look(address, 8)
    if head[:6] != b"SNOD\1\0":
        raise Refused("a table of its members is missing")
    entries = source.take(address, 8 + int.from_bytes(head[6:], "little") * ENTRY.size)[8:]
    for offset, header, kind in ENTRY.iter_unpack(entries):
        end = names.find(b"\0", offset, offset + MAX_NAME + 1)
        if end < 0:
            raise Refused("the name of a member is missing, or too long", "name")
        name = names[offset:end]
        if kind == SOFT:
            raise Refused(f"its member {as_text(name)!r} is a link to another place", "link")
        yield name, header
