"""Safetensors: a JSON header, then the bytes of the arrays.

Source: https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any, BinaryIO, NoReturn

import ml_dtypes
import numpy as np

from lamina.core.errors import FileError
from lamina.files.array_info import ArrayInfo
from lamina.files.opening import OpenFile
from lamina.files.strict_json import parse_json, to_json

MAX_HEADER = 100_000_000  # bytes, the format's own limit
METADATA = "__metadata__"
DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
    "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2,
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U64": np.uint64,
    "U32": np.uint32,
    "U16": np.uint16,
    "U8": np.uint8,
    "BOOL": np.bool_,
    "C64": np.complex64,
}
NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}


class SafetensorsReader:
    """The arrays of a safetensors file.

    Args:
        file: The open file, used as long as the reader is.
    Attributes:
        arrays: What is stored, by name.
        metadata: Texts by name.
    Raises:
        FileError: The header is broken, or does not describe the file's bytes exactly once.
    """

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self.arrays: dict[str, ArrayInfo] = {}
        self._starts: dict[str, int] = {}
        header, self._data = self._read_header()
        self.metadata: dict[str, str] = self._check_metadata(header.pop(METADATA, {}))
        end = 0
        for name, (begin, stop) in sorted(
            ((name, self._enter(name, entry)) for name, entry in header.items()), key=lambda item: item[1]
        ):
            if begin != end:
                self._refuse(name, f"its bytes begin at {begin}; expected {end}, where those before it end")
            end = stop
        if self._data + end != file.size:
            self._refuse("", f"the arrays take {end} bytes, but {file.size - self._data} follow the header")

    def read(self, name: str) -> np.ndarray:
        """The array of this name, in memory of its own."""
        if name not in self.arrays:
            self._refuse(name, "there is no such array")
        info = self.arrays[name]
        value = np.empty(info.shape, info.dtype)
        self._file.handle.seek(self._data + self._starts[name])
        if info.nbytes and self._file.handle.readinto(value.reshape(-1).view(np.uint8)) != info.nbytes:  # type: ignore[attr-defined]
            self._refuse(name, "the file became shorter while it was read")
        return value

    def _refuse(self, where: str, reason: str) -> NoReturn:
        raise FileError(self._file.path, where, reason, code="safetensors")

    def _read_header(self) -> tuple[dict[str, Any], int]:
        self._file.handle.seek(0)
        first = self._file.handle.read(8)
        if len(first) < 8:
            self._refuse("", "it is no safetensors file: shorter than 8 bytes")
        (length,) = struct.unpack("<Q", first)
        if length > MAX_HEADER or 8 + length > self._file.size:
            self._refuse("header", f"it declares {length} bytes of header in a file of {self._file.size}")
        header = parse_json(self._file.handle.read(length), self._file.path, "header", max_bytes=MAX_HEADER)
        if not isinstance(header, dict):
            self._refuse("header", f"expected an object, received {type(header).__name__}")
        return header, 8 + length

    def _check_metadata(self, metadata: Any) -> dict[str, str]:
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            self._refuse(METADATA, "expected texts by name")
        return metadata

    def _enter(self, name: str, entry: Any) -> tuple[int, int]:
        """Check one entry of the header; the first byte and the end of its bytes."""
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            self._refuse(name, "expected an object with dtype, shape and data_offsets")
        kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(kind, str) or kind not in DTYPES:
            self._refuse(name, f"expected a dtype of {', '.join(DTYPES)}, received {kind!r:.100}")
        if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2 or len(shape) > 32:
            self._refuse(name, "expected lists of whole numbers >= 0 as shape and data_offsets")
        dtype = np.dtype(DTYPES[kind])
        nbytes = math.prod(shape) * dtype.itemsize
        if offsets[1] - offsets[0] != nbytes or self._data + offsets[1] > self._file.size:
            self._refuse(name, f"shape {shape} of {kind} takes {nbytes} bytes, but bytes {offsets} are declared")
        self.arrays[name] = ArrayInfo(tuple(shape), dtype, nbytes)
        self._starts[name] = offsets[0]
        return offsets[0], offsets[1]


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(n) is int and 0 <= n < 2**63 for n in value)


class SafetensorsWriter:
    """Writes a safetensors file.

    Args:
        handle: File for writing, empty.
    """

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle

    def write(self, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> None:
        """Write all arrays, in this order, and the texts that go with them."""
        header: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
        end = 0
        for name, value in arrays.items():
            if value.dtype not in NAMES:
                raise ValueError(
                    f"safetensors: {name}: expected a dtype of {', '.join(DTYPES)}, received {value.dtype}."
                )
            header[name] = {
                "dtype": NAMES[value.dtype],
                "shape": list(value.shape),
                "data_offsets": [end, end := end + value.nbytes],
            }
        text = to_json(header)
        text += b" " * (-len(text) % 8)  # so that the arrays are aligned
        self._handle.write(struct.pack("<Q", len(text)) + text)
        for value in arrays.values():
            self._handle.write(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
