"""Arrays in an HDF5 file: found and measured first, read later."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina.files.array_info import ArrayInfo
from lamina.files.hdf5.chunks import Chunk, find_chunks, read_chunks, read_filters
from lamina.files.hdf5.messages import BFLOAT16, Layout, read_layout, read_shape, read_type
from lamina.files.hdf5.objects import FILTERS, LAYOUT, SPACE, TYPE, Messages
from lamina.files.hdf5.source import UNDEFINED, Fields, Refused, Source


@dataclass(frozen=True)
class StoredArray:
    """An array whose bytes are all there."""

    info: ArrayInfo
    dtype: np.dtype  # with the file's order of bytes
    layout: Layout
    chunks: list[Chunk]
    filters: list[int]

    def read(self, source: Source) -> np.ndarray:
        """The array, in memory of its own and in the machine's order of bytes."""
        value = np.empty(self.info.shape, self.dtype)
        data = value.reshape(-1).view(np.uint8)
        if self.layout.kind == "chunked":
            read_chunks(source, self.chunks, self.layout, self.filters, value)
        elif self.layout.kind == "compact":
            data[:] = np.frombuffer(self.layout.data, np.uint8)
        elif self.info.nbytes:
            source.fill(self.layout.address, data.data)
        if self.dtype == np.bool_ and data.max(initial=0) > 1:
            raise Refused("expected 0 and 1 as truth values, received another number", "value")
        return value if self.dtype.isnative else value.byteswap(inplace=True).view(self.info.dtype)


def find_array(source: Source, messages: Messages, attributes: dict[str, Any]) -> StoredArray:
    """Find the bytes of an array and compare them with its shape."""
    single = messages.single
    if messages.links or not {TYPE, SPACE, LAYOUT} <= single.keys():
        raise Refused("it is neither a group nor an array")
    dtype, shape = _dtype(single[TYPE], attributes), read_shape(Fields(single[SPACE]))
    layout = read_layout(single[LAYOUT], len(shape), dtype.itemsize)
    filters = read_filters(single[FILTERS]) if FILTERS in single else []
    info = ArrayInfo(shape, dtype.newbyteorder("="), math.prod(shape) * dtype.itemsize)
    if layout.kind == "chunked":
        return StoredArray(info, dtype, layout, find_chunks(source, layout, shape, dtype.itemsize), filters)
    if filters:
        raise Refused("only arrays in chunks can have filters", "filter")
    _check_whole(source, layout, info.nbytes)
    return StoredArray(info, dtype, layout, [], [])


def _dtype(message: bytes, attributes: dict[str, Any]) -> np.dtype:
    kind = read_type(Fields(message))
    if kind.dtype is not None:
        return kind.dtype
    if not kind.text and attributes.get("dtype") == "bfloat16":  # Keras' mark for these opaque bytes
        return BFLOAT16
    raise Refused(f"expected an array of numbers, received {'text' if kind.text else 'opaque bytes'}", "dtype")


def _check_whole(source: Source, layout: Layout, nbytes: int) -> None:
    """Check that an array in one piece has the bytes that its shape needs."""
    in_file = layout.kind == "contiguous" and nbytes > 0
    stored = 0 if in_file and layout.address == UNDEFINED else layout.size
    if stored != nbytes:
        raise Refused(f"its shape needs {nbytes} bytes, but {stored} are stored", "size")
    if in_file:
        source.claim(layout.address, nbytes)
