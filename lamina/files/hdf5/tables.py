"""Object headers and the tables of a group's members, for writing: the counterpart of `objects.py` and `groups.py`."""

from __future__ import annotations

import struct
from typing import BinaryIO

from lamina.files.hdf5.groups import ENTRY
from lamina.files.hdf5.objects import HEAD
from lamina.files.hdf5.source import UNDEFINED
from lamina.files.hdf5.tree import GROUP, START
from lamina.files.hdf5.tree import HEAD as NODE

SYMBOLS_OF_A_TABLE, CHILDREN_OF_A_NODE = 8, 32  # HDF5's defaults; the superblock has half of each
NO_FREE_BLOCK = 1  # in a heap of names
TABLE_BYTES = 8 + SYMBOLS_OF_A_TABLE * ENTRY.size
NODE_BYTES = START + CHILDREN_OF_A_NODE * 16 + 8


class Output:
    """The end of a file that grows by whole structures, each of which begins at a multiple of 8 bytes.

    Args:
        handle: The file.
        end: Where the first one will be.
    """

    def __init__(self, handle: BinaryIO, end: int) -> None:
        self._handle, self.end = handle, end

    def append(self, data: bytes | memoryview) -> int:
        """Write bytes; their address."""
        address = self.end
        self._handle.seek(address)
        self._handle.write(data)
        self._handle.write(bytes(-len(data) % 8))
        self.end += len(data) + -len(data) % 8
        return address


def object_header(messages: list[tuple[int, int, bytes]]) -> bytes:
    """The header of an object, of version 1; a message is its kind, its flags and its body."""
    bodies = b""
    for kind, flags, body in messages:
        padded = body + bytes(-len(body) % 8)
        bodies += HEAD.pack(kind, len(padded), flags) + padded
    return struct.pack("<BxH2L4x", 1, len(messages), 1, len(bodies)) + bodies


def write_members(members: dict[str, int], output: Output) -> tuple[int, int]:
    """Write names and addresses of a group's members; addresses of the tree and of the heap of names."""
    names, entries = bytearray(8), []  # it begins with an empty name
    for name, address in sorted((name.encode("utf-8"), address) for name, address in members.items()):
        entries.append((len(names), address))
        names += name + bytes(8 - len(name) % 8)
    data = output.append(bytes(names))
    heap = output.append(struct.pack("<4s4x3Q", b"HEAP", len(names), NO_FREE_BLOCK, data))
    tables = [entries[n : n + SYMBOLS_OF_A_TABLE] for n in range(0, len(entries), SYMBOLS_OF_A_TABLE)]
    return _write_tree([(output.append(_table(table)), table[-1][0]) for table in tables], output), heap


def _table(entries: list[tuple[int, int]]) -> bytes:
    """A table of symbols: places of names, addresses of objects."""
    head = struct.pack("<4sBxH", b"SNOD", 1, len(entries))
    return (head + b"".join(ENTRY.pack(place, address, 0) for place, address in entries)).ljust(TABLE_BYTES, b"\0")


def _write_tree(children: list[tuple[int, int]], output: Output) -> int:
    """Write the nodes above some children, each an address and the place of its last name; address of the root."""
    level = 0
    while True:
        nodes = [children[n : n + CHILDREN_OF_A_NODE] for n in range(0, len(children), CHILDREN_OF_A_NODE)] or [[]]
        first, before = output.end, 0  # the key before the first name is that of an empty one
        above = []
        for number, node in enumerate(nodes):
            left = first + (number - 1) * NODE_BYTES if number else UNDEFINED
            right = first + (number + 1) * NODE_BYTES if number + 1 < len(nodes) else UNDEFINED
            data = NODE.pack(b"TREE", GROUP, level, len(node)) + struct.pack("<3Q", left, right, before)
            data += b"".join(struct.pack("<2Q", address, last) for address, last in node)
            before = node[-1][1] if node else before
            above.append((output.append(data.ljust(NODE_BYTES, b"\0")), before))
        if len(nodes) == 1:
            return above[0][0]
        children, level = above, level + 1
