"""Attributes as Python values: numbers, text, and lists of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.files.hdf5.messages import Type, as_text, read_attribute
from lamina.files.hdf5.objects import ATTRIBUTE_INFO, Messages
from lamina.files.hdf5.source import UNDEFINED, Fields, Refused, Source


class Texts:
    """The texts of any length, which lie in heaps that all attributes share.

    Args:
        source: The file.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._heaps: dict[int, dict[int, bytes]] = {}  # by address, then by number
        self._texts: dict[tuple[int, int], str] = {}  # once each, however often they are named

    def get(self, reference: bytes) -> str:
        """The text for a reference: length, address of the heap, number in it."""
        fields = Fields(reference)
        length, address, number = fields.number(4), fields.number(8), fields.number(4)
        if not length:
            return ""
        if (address, number) not in self._texts:
            if address not in self._heaps:
                self._heaps[address] = self._read(address)
            data = self._heaps[address].get(number)
            if data is None or len(data) != length:
                raise Refused("a text is not where an attribute says", "attribute")
            self._texts[address, number] = as_text(data.rstrip(b"\0"))
        return self._texts[address, number]

    def _read(self, address: int) -> dict[int, bytes]:
        """All objects of a global heap collection."""
        head = Fields(self._source.look(address, 16))
        if head.take(8) != b"GCOL\1\0\0\0":
            raise Refused("a text is not where an attribute says", "attribute")
        fields = Fields(self._source.take(address, head.number(8)))
        fields.take(16)
        objects: dict[int, bytes] = {}
        while fields.at + 16 <= len(fields.data):
            number, _, _, size = (fields.number(length) for length in (2, 2, 4, 8))
            if number == 0:  # the rest is free
                break
            if number in objects:
                raise Refused("two texts have one number", "attribute")
            objects[number] = fields.take(size)
            fields.take(-size % 8)
        return objects


def read_attributes(messages: Messages, texts: Texts) -> dict[str, Any]:
    """The attributes of an object by name."""
    info = Fields(messages.single.get(ATTRIBUTE_INFO, b""))
    if info.data:
        _, flags = info.number(1), info.number(1)
        info.take(2 if flags & 1 else 0)
        if info.number(8) != UNDEFINED:
            raise Refused("expected attributes as h5py stores them by default, found them in a heap", "layout")
    values: dict[str, Any] = {}
    for body in messages.attributes:
        name, kind, shape, data = read_attribute(body)
        if name in values:
            raise Refused(f"the attribute {name!r} is there twice", "duplicate")
        items = _items(kind, data, texts)
        values[name] = items if shape else items[0]
    return values


def _items(kind: Type, data: bytes, texts: Texts) -> list[Any]:
    if kind.dtype is not None:
        return np.frombuffer(data, kind.dtype).tolist()
    pieces = [data[start : start + kind.size] for start in range(0, len(data), kind.size)]
    if kind.text == "variable":
        return [texts.get(piece) for piece in pieces]
    if kind.text == "fixed":
        return [as_text(piece.split(b"\0", 1)[0]) for piece in pieces]
    raise Refused("expected attributes of numbers or text, received opaque bytes", "dtype")
