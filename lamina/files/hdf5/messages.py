"""What the messages of an object say: its type, its shape, where its bytes are, its attributes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import ml_dtypes
import numpy as np

from lamina.files.array_info import MAX_RANK, is_possible
from lamina.files.hdf5.source import UNDEFINED, Fields, Refused

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
WHOLE, FLOAT, TEXT, OPAQUE, ENUM, VARIABLE = 0, 1, 3, 5, 8, 9  # classes of types
CLASSES = {
    2: "times",
    4: "bit fields",
    5: "opaque bytes",
    6: "compounds",
    7: "references",
    9: "lists of any length",
    10: "arrays",
}
# Place of the sign, bits in all, places and sizes of exponent and mantissa, bias.
FLOATS = {
    (15, 16, 10, 5, 0, 10, 15): np.dtype(np.float16),
    (15, 16, 7, 8, 0, 7, 127): BFLOAT16,
    (31, 32, 23, 8, 0, 23, 127): np.dtype(np.float32),
    (63, 64, 52, 11, 0, 52, 1023): np.dtype(np.float64),
}


@dataclass(frozen=True)
class Type:
    """The type of an element: a number, or text."""

    size: int  # bytes
    dtype: np.dtype | None = None  # None for text and opaque bytes
    text: str = ""  # "fixed": the bytes themselves, "variable": an address, "": no text


def read_type(fields: Fields) -> Type:
    """Read a datatype message; other types than those of weights and of Keras' attributes are refused."""
    kind, bits, size = fields.number(1), fields.number(3), fields.number(4)
    kind, version = kind & 0x0F, kind >> 4
    if not 1 <= version <= 5:
        raise Refused(f"expected a type of version 1 to 5, received {version}", "version")
    if kind == WHOLE:
        return Type(size, _whole(fields, bits, size))
    if kind == FLOAT:
        return Type(size, _float(fields, bits, size))
    if kind == TEXT and size:
        return Type(size, text="fixed")
    if kind == ENUM:
        return Type(size, _boolean(fields, bits, version))
    if kind == VARIABLE and bits & 0x0F == 1 and size == 16:
        return Type(size, text="variable")
    if kind == OPAQUE and size == BFLOAT16.itemsize:  # how h5py stores bfloat16
        return Type(size)
    raise Refused(f"expected numbers or text, received {CLASSES.get(kind, 'another type')}", "dtype")


def _whole(fields: Fields, bits: int, size: int) -> np.dtype:
    offset, precision = fields.number(2), fields.number(2)
    if size not in (1, 2, 4, 8) or offset or precision != 8 * size:
        raise Refused(f"expected whole numbers of 8 to 64 bits, received {precision} bits in {size} bytes", "dtype")
    return np.dtype(f"{'>' if bits & 1 else '<'}{'i' if bits & 8 else 'u'}{size}")


def _float(fields: Fields, bits: int, size: int) -> np.dtype:
    offset, precision = fields.number(2), fields.number(2)
    form = ((bits >> 8) & 0xFF, precision, *fields.take(4), fields.number(4))
    dtype = FLOATS.get(form)
    # 0x20: a mantissa with its leading bit left out; 0x41: the order of bytes.
    if dtype is None or size != dtype.itemsize or offset or bits & 0x7E != 0x20:
        raise Refused(f"expected floats of 16, 32 or 64 bits, received {precision} bits in {size} bytes", "dtype")
    return dtype.newbyteorder(">") if bits & 1 else dtype


def _boolean(fields: Fields, bits: int, version: int) -> np.dtype:
    """The enumeration by which h5py knows NumPy's bool."""
    base = read_type(fields)
    names = []
    for _ in range(min(bits & 0xFFFF, 3)):
        start = fields.at
        end = fields.data.find(b"\0", start)
        names.append(fields.take(max(end - start, 0)))
        fields.take(1)
        if version < 3:
            fields.align(start)
    if base.dtype != np.int8 or names != [b"FALSE", b"TRUE"] or fields.take(2) != b"\0\1":
        raise Refused("expected numbers or text, received an enumeration", "dtype")
    return np.dtype(np.bool_)


def read_shape(fields: Fields) -> tuple[int, ...]:
    """Read a dataspace message: the sizes of an array."""
    version, rank, flags = fields.take(3)
    kind = fields.number(1)
    if version == 1:
        fields.take(4)
    if version not in (1, 2) or (version == 2 and kind > 1) or rank > MAX_RANK or flags > 1:
        raise Refused(f"expected a shape of at most {MAX_RANK} sizes, received one of version {version}", "shape")
    shape = fields.numbers(rank)
    if not is_possible(shape):
        raise Refused(f"no array can have the shape {shape}", "shape")
    return shape


@dataclass(frozen=True)
class Layout:
    """Where the bytes of an array are."""

    kind: str  # "compact", "contiguous" or "chunked"
    address: int = UNDEFINED  # of the bytes, or of the tree of chunks
    size: int = 0  # bytes
    data: bytes = b""  # those of a compact array
    chunk: tuple[int, ...] = ()  # shape of a chunk


def read_layout(body: bytes, rank: int, itemsize: int) -> Layout:
    """Read a data layout message."""
    fields = Fields(body)
    version, kind = fields.number(1), fields.number(1)
    if kind == 3:
        raise Refused("it is a virtual array, whose bytes lie in other files", "virtual")
    if version not in (3, 4) or kind > 3 or (version == 4 and kind == 2):
        raise Refused(
            f"expected an array as h5py stores it by default, received layout {kind} of version {version}", "layout"
        )
    if kind == 0:
        data = fields.take(fields.number(2))
        return Layout("compact", size=len(data), data=data)
    if kind == 1:
        return Layout("contiguous", fields.number(8), fields.number(8))
    count, address = fields.number(1), fields.number(8)
    *chunk, size = fields.numbers(count, "L") if count else (0,)
    if len(chunk) != rank or size != itemsize or not rank or 0 in chunk:
        raise Refused(f"expected chunks of {rank} sizes and {itemsize} bytes, received {chunk} and {size}", "layout")
    return Layout("chunked", address, chunk=tuple(chunk))


def read_attribute(body: bytes) -> tuple[str, Type, tuple[int, ...], bytes]:
    """Read an attribute message: name, type, shape and bytes."""
    fields = Fields(body)
    version, flags = fields.number(1), fields.number(1)
    if version not in (1, 2, 3) or (version > 1 and flags):
        raise Refused(f"expected an attribute of version 1 to 3, received {version}", "attribute")
    lengths = fields.numbers(3, "H")
    fields.take(1 if version == 3 else 0)
    parts = []
    for length in lengths:
        parts.append(fields.take(length))
        if version == 1:
            fields.take(-length % 8)
    name = as_text(parts[0].removesuffix(b"\0"))
    kind, shape = read_type(Fields(parts[1])), read_shape(Fields(parts[2]))
    size = math.prod(shape) * kind.size
    if len(shape) > 1:
        raise Refused(f"the attribute {name!r} has {len(shape)} axes; expected a value or a list", "attribute")
    return name, kind, shape, fields.take(size)


def as_text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(f"a name or an attribute is no UTF-8 text: {data[:40]!r}", "encoding") from None
