"""Types, shapes and attributes as messages of an HDF5 file: the counterpart of `messages.py` and `attributes.py`."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina.files.array_info import MAX_RANK
from lamina.files.hdf5.messages import BFLOAT16, ENUM, FLOAT, FLOATS, OPAQUE, VARIABLE, WHOLE
from lamina.files.hdf5.tables import Output

DTYPES = "bool, int8 to int64, uint8 to uint64, float16 to float64 or bfloat16"
FORMS = {dtype: form for form, dtype in FLOATS.items()}
MAX_MESSAGE = 65_000  # bytes; HDF5 itself allows 64 KB with all that belongs to a message
REFERENCE = struct.Struct("<LQL")  # to a text: bytes, address of the heap, number in it
HEAP = struct.Struct("<4s4BQ")  # of texts: signature, version, bytes
OBJECT = struct.Struct("<2H4xQ")  # in a heap: number, references to it, bytes
HEAP_BYTES = 4096  # at least
TEXTS_OF_A_HEAP = 1000


def encode_type(dtype: np.dtype) -> bytes:
    """A datatype message, little-endian.

    Raises:
        TypeError: Another type than those of weights.
    """
    native = dtype.newbyteorder("=")
    if native == BFLOAT16:  # as h5py has it; Keras knows it by an attribute
        return _type(OPAQUE, 0, dtype.itemsize)
    if dtype == np.bool_:
        return _type(ENUM, 2, 1) + encode_type(np.dtype(np.int8)) + b"FALSE\0\0\0TRUE\0\0\0\0\0\1"
    if dtype.kind in "iu":
        return _type(WHOLE, 8 * (dtype.kind == "i"), dtype.itemsize) + struct.pack("<2H", 0, 8 * dtype.itemsize)
    if native in FORMS:
        sign, precision, *places, bias = FORMS[native]
        return _type(FLOAT, sign << 8 | 0x20, dtype.itemsize) + struct.pack("<2H4BL", 0, precision, *places, bias)
    raise TypeError(f"expected {DTYPES}, received {dtype}")


def _type(kind: int, bits: int, size: int) -> bytes:
    return struct.pack("<2L", 0x10 | kind | bits << 8, size)


# Text of any length in UTF-8, a list of characters of 1 byte.
TEXT_TYPE = _type(VARIABLE, 0x101, REFERENCE.size) + _type(WHOLE, 0, 1) + struct.pack("<2H", 0, 8)


def encode_shape(shape: tuple[int, ...]) -> bytes:
    """A dataspace message; the sizes are the largest that the array may have, too."""
    if len(shape) > MAX_RANK:
        raise ValueError(f"expected at most {MAX_RANK} axes, received {len(shape)}")
    return struct.pack(f"<3B5x{2 * len(shape)}Q", 1, len(shape), bool(shape), *shape, *shape)


@dataclass(frozen=True)
class Attribute:
    """An attribute message, in which the addresses of texts may be open yet."""

    head: bytes
    data: bytes | list[int]  # or numbers of texts

    def body(self, references: list[bytes]) -> bytes:
        if isinstance(self.data, bytes):
            return self.head + self.data
        return self.head + b"".join(references[number] for number in self.data)


def encode_attribute(name: str, value: Any, texts: list[bytes]) -> Attribute:
    """Encode an attribute; its texts are appended to `texts`.

    Args:
        name: Its name.
        value: A number, a text, or a list of one kind of them.
        texts: Texts of all attributes so far.
    Raises:
        TypeError: Another value.
        ValueError: One that takes 64 KB or more.
    """
    items = list(value) if isinstance(value, list | tuple) else [value]
    shape = (len(items),) if isinstance(value, list | tuple) else ()
    data: bytes | list[int]
    if items and all(isinstance(item, str) for item in items):
        kind, data = TEXT_TYPE, list(range(len(texts), len(texts) + len(items)))
        size = len(data) * REFERENCE.size
        texts += [item.encode("utf-8") for item in items]
    else:
        array = np.asarray(value if shape != (0,) else np.zeros(0))
        if array.ndim > 1 or array.dtype.kind not in "biuf" or array.dtype == BFLOAT16:
            raise TypeError(f"attribute {name!r}: expected numbers, text or a list of them, received {value!r:.100}")
        shape, kind, data = array.shape, encode_type(array.dtype), to_little_endian(array).tobytes()
        size = len(data)
    encoded, space = name.encode("utf-8") + b"\0", encode_shape(shape)
    head = struct.pack("<2B3H", 1, 0, len(encoded), len(kind), len(space))
    head += b"".join(part + bytes(-len(part) % 8) for part in (encoded, kind, space))
    if len(head) + size > MAX_MESSAGE:
        raise ValueError(f"attribute {name!r}: {size} bytes do not fit; HDF5 has room for 64 KB. Split it into several")
    return Attribute(head, data)


def to_little_endian(array: np.ndarray) -> np.ndarray:
    """The array itself where its bytes are in order already."""
    return np.asarray(array, array.dtype.newbyteorder("<"), order="C")


def write_texts(texts: list[bytes], output: Output) -> list[bytes]:
    """Write heaps of texts; references to the texts."""
    references = []
    for first in range(0, len(texts), TEXTS_OF_A_HEAP):
        part = texts[first : first + TEXTS_OF_A_HEAP]
        objects = b"".join(
            OBJECT.pack(number, 1, len(text)) + text + bytes(-len(text) % 8) for number, text in enumerate(part, 1)
        )
        size = max(HEAP_BYTES, HEAP.size + len(objects) + OBJECT.size)
        free = size - HEAP.size - len(objects)
        heap = HEAP.pack(b"GCOL", 1, 0, 0, 0, size) + objects + OBJECT.pack(0, 0, free)
        address = output.append(heap.ljust(size, b"\0"))
        references += [REFERENCE.pack(len(text), address, number) for number, text in enumerate(part, 1)]
    return references
