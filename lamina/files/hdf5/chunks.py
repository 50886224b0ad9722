"""Arrays in pieces, each of which went through filters: found before any is unpacked, unpacked one by one."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass

import numpy as np

from lamina.files.hdf5.messages import Layout
from lamina.files.hdf5.source import UNDEFINED, Fields, Refused, Source
from lamina.files.hdf5.tree import CHUNKS, leaves

DEFLATE, SHUFFLE, FLETCHER32, LZF = 1, 2, 3, 32000
MAX_FILTERS = 8


@dataclass(frozen=True)
class Chunk:
    """One piece of an array."""

    corner: tuple[int, ...]  # its first element
    address: int
    stored: int  # bytes
    skipped: int  # filters that it did not go through, a bit each


def read_filters(body: bytes) -> list[int]:
    """Read a filter pipeline message: the numbers of the filters, in the order in which they were applied."""
    fields = Fields(body)
    version, count = fields.number(1), fields.number(1)
    if version not in (1, 2) or count > MAX_FILTERS:
        raise Refused(f"expected at most {MAX_FILTERS} filters, received {count} of version {version}", "filter")
    fields.take(6 if version == 1 else 0)
    filters = []
    for _ in range(count):
        number = fields.number(2)
        length = fields.number(2) if version == 1 or number >= 256 else 0
        _, values = fields.number(2), fields.number(2)
        fields.take(length)
        fields.take(4 * (values + (values % 2 if version == 1 else 0)))
        if number not in (DEFLATE, SHUFFLE, FLETCHER32, LZF) or number in filters:
            raise Refused(f"expected gzip, shuffle, fletcher32 or lzf once each, received filter {number}", "filter")
        filters.append(number)
    return filters


def find_chunks(source: Source, layout: Layout, shape: tuple[int, ...], itemsize: int) -> list[Chunk]:
    """All chunks of an array, each of which must be there once."""
    expected = math.prod(-(-size // step) for size, step in zip(shape, layout.chunk, strict=True))
    each = math.prod(layout.chunk) * itemsize
    source.unpack(expected * each)
    limit = each + each // 16 + 64  # what a filter cannot make smaller grows by a few bytes
    found: dict[tuple[int, ...], Chunk] = {}
    rank = len(shape)
    is_there = expected and layout.address != UNDEFINED
    for key, address in leaves(source, layout.address, CHUNKS, 8 + 8 * (rank + 1)) if is_there else ():
        fields = Fields(key)
        stored, skipped, corner = fields.number(4), fields.number(4), fields.numbers(rank)
        inside = all(c < size and c % step == 0 for c, size, step in zip(corner, shape, layout.chunk, strict=True))
        if corner in found or not inside or not 0 < stored <= limit:
            raise Refused(f"its chunk at {corner} is not where one may be, or there twice", "chunk")
        source.claim(address, stored)
        found[corner] = Chunk(corner, address, stored, skipped)
    if len(found) != expected:
        raise Refused(f"expected {expected} chunks, found {len(found)}", "chunk")
    return list(found.values())


def read_chunks(source: Source, chunks: list[Chunk], layout: Layout, filters: list[int], value: np.ndarray) -> None:
    """Unpack all chunks into `value`; its bytes have the order of the file's."""
    nbytes = math.prod(layout.chunk) * value.itemsize
    for chunk in chunks:
        data = source.look(chunk.address, chunk.stored)
        for number, name in reversed(list(enumerate(filters))):
            if not chunk.skipped >> number & 1:
                data = _unfilter(name, data, nbytes, value.itemsize)
        if len(data) != nbytes:
            raise Refused(f"its chunk at {chunk.corner} has {len(data)} bytes; expected {nbytes}", "chunk")
        place = tuple(
            slice(c, min(c + step, size)) for c, step, size in zip(chunk.corner, layout.chunk, value.shape, strict=True)
        )
        piece = np.frombuffer(data, value.dtype).reshape(layout.chunk)
        value[place] = piece[tuple(slice(0, s.stop - s.start) for s in place)]


def _unfilter(name: int, data: bytes, nbytes: int, itemsize: int) -> bytes:
    """Undo one filter; at most `nbytes` and a checksum can be right."""
    limit = nbytes + 4
    if name == SHUFFLE:
        count = len(data) // itemsize
        whole = np.frombuffer(data, np.uint8, count * itemsize).reshape(itemsize, count)
        return whole.T.tobytes() + data[count * itemsize :]
    if name == FLETCHER32:
        if len(data) < 4 or int.from_bytes(data[-4:], "little") != fletcher32(data[:-4]):
            raise Refused("a checksum (Fletcher-32) does not fit its bytes", "checksum")
        return data[:-4]
    if name == LZF:
        # A chunk that lzf could not make smaller is stored as it is, and marked as one that skipped it.
        return unpack_lzf(data, limit)
    decoder = zlib.decompressobj()
    try:
        unpacked = decoder.decompress(data, limit + 1)
    except zlib.error:
        raise Refused("its packed bytes are broken", "packed") from None
    if len(unpacked) > limit or not decoder.eof:
        raise Refused(f"its packed bytes are not {nbytes} bytes", "packed")
    return unpacked


def fletcher32(data: bytes) -> int:
    """Fletcher's checksum over words of 16 bits, the high byte first, as HDF5 has it.

    Source: Fletcher 1982, "An Arithmetic Checksum for Serial Transmissions"; sums of 65535 are never written as 0.
    """
    words = np.frombuffer(data + b"\0" * (len(data) % 2), ">u2").astype(np.uint64)
    first = int(words.sum())
    # The second sum adds up the first one after each word, so that a word counts once for each word from it on.
    second = int((words * np.arange(len(words), 0, -1, dtype=np.uint64) % 65535).sum())
    low, high = ((total - 1) % 65535 + 1 if first else 0 for total in (first, second))
    return high << 16 | low


def unpack_lzf(data: bytes, limit: int) -> bytes:
    """Unpack LZF: runs of literal bytes, and references to what was unpacked already.

    Source: Marc Lehmann's LibLZF 3.6, lzf_d.c, for the format.
    """
    unpacked, at = bytearray(), 0
    try:
        while at < len(data):
            control = data[at]
            at += 1
            if control < 32:
                unpacked += data[at : at + control + 1]
                at += control + 1
                continue
            length = control >> 5
            if length == 7:
                length, at = length + data[at], at + 1
            distance = ((control & 31) << 8 | data[at]) + 1
            at += 1
            start = len(unpacked) - distance
            if start < 0:
                raise Refused("its packed bytes are broken", "packed")
            piece = bytes(unpacked[start : start + length + 2])
            while len(piece) < length + 2:  # the reference overlaps what it makes
                piece += piece[: length + 2 - len(piece)]
            unpacked += piece
            if len(unpacked) > limit:
                raise Refused("its packed bytes are too many", "packed")
    except IndexError:
        raise Refused("its packed bytes are broken", "packed") from None
    return bytes(unpacked)
