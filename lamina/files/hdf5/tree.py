"""B-trees of version 1, which list the members of a group or the chunks of an array."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from lamina.files.hdf5.source import Refused, Source

GROUP, CHUNKS = 0, 1  # what a tree is of
HEAD = struct.Struct("<4s2BH")  # signature, what it is of, level, entries
START = HEAD.size + 16  # bytes before the first key: the addresses of two neighbours follow the head
MAX_LEVEL = 16


def leaves(source: Source, address: int, kind: int, key: int) -> Iterator[tuple[bytes, int]]:
    """Give the key and the address of each entry in the lowest level of a tree, in order.

    Args:
        source: The file.
        address: The root node.
        kind: `GROUP` or `CHUNKS`.
        key: Bytes of a key.
    """
    waiting = [(address, MAX_LEVEL)]  # nodes, and the level that each is to be below
    while waiting:
        place, above = waiting.pop()
        sign, found, level, count = HEAD.unpack(source.look(place, HEAD.size))
        wrong_level = level >= above or (above < MAX_LEVEL and level != above - 1)
        if sign != b"TREE" or found != kind or wrong_level:
            raise Refused("a node of its tree is missing")
        data = source.take(place, START + count * (key + 8))
        entries = struct.iter_unpack(f"<{key}sQ", data[START:])
        if level:
            waiting += [(child, level) for _, child in reversed(list(entries))]
        else:
            yield from entries
