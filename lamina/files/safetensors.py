"""Safetensors: a JSON header, then the bytes of the arrays.

Source: https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, BinaryIO, NoReturn

import ml_dtypes
import numpy as np

from lamina.core.errors import FileError
from lamina.files.array_info import ArrayInfo, is_possible
from lamina.files.opening import OpenFile, fill
from lamina.files.strict_json import MAX_BYTES, parse_json, to_json

METADATA = "__metadata__"
HEAD = 8  # bytes of the header's length, which is the first thing in the file
DTYPES = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "I64": np.dtype(np.int64),
    "I32": np.dtype(np.int32),
    "I16": np.dtype(np.int16),
    "I8": np.dtype(np.int8),
    "U64": np.dtype(np.uint64),
    "U32": np.dtype(np.uint32),
    "U16": np.dtype(np.uint16),
    "U8": np.dtype(np.uint8),
    "BOOL": np.dtype(np.bool_),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}


class SafetensorsReader:
    """The arrays of a safetensors file.

    Args:
        file: The open file, used as long as the reader is.
    Attributes:
        arrays: What is stored, by name.
        metadata: Texts by name.
    Raises:
        FileError: The header is broken, or does not describe the file's bytes exactly once.
    Example:
        >>> import io
        >>> stream = io.BytesIO()
        >>> SafetensorsWriter(stream).write({"kernel": np.ones((2, 3), "float32")})
        >>> SafetensorsReader(OpenFile("example", stream, owned=False)).read("kernel").shape
        (2, 3)
    """

    def __init__(self, file: OpenFile) -> None:
        self._file = file
        self.arrays: dict[str, ArrayInfo] = {}
        self._starts: dict[str, int] = {}
        header, data = self._read_header()
        self.metadata: dict[str, str] = self._check_metadata(header.pop(METADATA, {}))
        places = {name: self._enter(name, entry) for name, entry in header.items()}
        end = 0
        for name, (start, stop) in sorted(places.items(), key=lambda item: item[1]):
            if start != end:
                self._refuse(name, f"its bytes begin at {start}; expected {end}, where those before it end", "overlap")
            self._starts[name], end = data + start, stop
        if data + end != file.size:
            self._refuse("", f"its arrays take {end} bytes, but {file.size - data} follow the header", "size")

    def read(self, name: str) -> np.ndarray:
        """The array of this name, in memory of its own and in the machine's order of bytes.

        Raises:
            FileError: There is no such array, or it holds truth values other than 0 and 1.
        """
        if name not in self.arrays:
            self._refuse(name, "there is no such array", "missing")
        info = self.arrays[name]
        value = np.empty(info.shape, info.dtype.newbyteorder("<"))
        data = value.reshape(-1).view(np.uint8)
        if fill(self._file.handle, self._starts[name], data.data) != info.nbytes:
            self._refuse(name, "the file became shorter while it was read", "size")
        if info.dtype == np.bool_ and data.max(initial=0) > 1:
            self._refuse(name, "expected 0 and 1 as truth values, received another number", "value")
        return value if value.dtype.isnative else value.byteswap(inplace=True).view(info.dtype)

    def _refuse(self, where: str, reason: str, code: str = "header") -> NoReturn:
        raise FileError(self._file.path, where, reason, code=code)

    def _read_header(self) -> tuple[dict[str, Any], int]:
        """The header, and the place of the first byte after it."""
        size = self._file.size
        if size < HEAD:
            self._refuse("", f"it is no safetensors file: {size} bytes are too few", "signature")
        length = int.from_bytes(self._file.window(0, HEAD).read(), "little")
        if length > min(size - HEAD, MAX_BYTES):
            reason = f"it declares a header of {length} bytes, but has {size}; at most {MAX_BYTES} are read"
            self._refuse("", reason, "size")
        header = parse_json(self._file.window(HEAD, length).read(), self._file.path, "header")
        if not isinstance(header, dict):
            self._refuse("header", f"expected an object, received {type(header).__name__}")
        return header, HEAD + length

    def _check_metadata(self, metadata: Any) -> dict[str, str]:
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            self._refuse(METADATA, "expected texts by name")
        return metadata

    def _enter(self, name: str, entry: Any) -> tuple[int, int]:
        """Check one entry of the header; the first of its bytes and their end, counted from the header's."""
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            self._refuse(name, "expected an object with dtype, shape and data_offsets")
        kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(kind, str) or kind not in DTYPES:
            self._refuse(name, f"expected one of {', '.join(DTYPES)} as dtype, received {kind!r:.100}", "dtype")
        if not (_are_sizes(shape) and _are_sizes(offsets) and len(offsets) == 2 and is_possible(tuple(shape))):
            self._refuse(name, f"expected sizes, received shape {shape!r:.200} and offsets {offsets!r:.200}", "shape")
        nbytes = math.prod(shape) * DTYPES[kind].itemsize
        if offsets[1] - offsets[0] != nbytes:
            reason = f"shape {shape} of {kind} needs {nbytes} bytes, but has those from {offsets[0]} to {offsets[1]}"
            self._refuse(name, reason, "size")
        self.arrays[name] = ArrayInfo(tuple(shape), DTYPES[kind], nbytes)
        return offsets[0], offsets[1]


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(size) is int and 0 <= size < 2**63 for size in value)


class SafetensorsWriter:
    """Writes a safetensors file; the same arrays in the same order give the same bytes.

    Args:
        handle: File for writing, empty.
    """

    def __init__(self, handle: BinaryIO) -> None:
        self._handle = handle

    def write(self, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None) -> None:
        """Write all arrays, those of larger elements first, so that each is aligned; and the texts that go with them.

        Raises:
            ValueError: An array of another type than the format's, or one called "__metadata__".
            TypeError: Metadata that are no texts.
        """
        if not all(isinstance(value, str) for value in (metadata or {}).values()):
            raise TypeError(f"safetensors: metadata: expected texts by name, received {dict(metadata or {})!r:.200}.")
        header: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
        order = sorted(arrays, key=lambda name: -arrays[name].itemsize)
        end = 0
        for name in order:
            value = arrays[name]
            kind = NAMES.get(value.dtype.newbyteorder("="))
            if kind is None or name == METADATA:
                raise ValueError(
                    f"safetensors: {name}: expected an array of {', '.join(DTYPES)}, received {value.dtype}."
                )
            place = [end, end + value.nbytes]
            header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": place}
            end += value.nbytes
        text = to_json(header)
        text += b" " * (-len(text) % 8)
        self._handle.write(len(text).to_bytes(HEAD, "little") + text)
        for name in order:
            value = np.ascontiguousarray(arrays[name], arrays[name].dtype.newbyteorder("<"))
            self._handle.write(value.reshape(-1).view(np.uint8).data)
