"""A checkpoint as a file: a zip of stored members, which are `checkpoint.json` and the bytes of each array.

Every member has its CRC, and the end of the file the SHA-256 of all of it (`lamina.files`), so that no flipped bit and
no missing byte goes unnoticed. Array n is the member `arrays/n`: its elements in C order, little-endian.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any, NoReturn

import jax.numpy as jnp
import numpy as np

from lamina.files import Archive, ArchiveWriter, FileError, open_file, parse_json, replacing, to_json
from lamina.training.checkpoint.plain import Arrays

FORMAT = 1
MAX_MEMBERS = 10_000  # of an archive that lamina reads
MEMBER = "checkpoint.json"
_KIND = "lamina checkpoint"
_MAX_JSON = 256 << 20  # bytes: a history of millions of epochs, a config of thousands of layers
_MAX_ITEMS = 20_000_000
_DTYPES = {
    *("bool", "int4", "int8", "int16", "int32", "int64", "uint4", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "bfloat16", "float8_e4m3fn", "float8_e5m2"),
}


def check_count(path: Path, arrays: Arrays) -> None:
    """Raise unless one archive can hold so many arrays."""
    if len(arrays.values) >= MAX_MEMBERS:
        raise ValueError(
            f"fit: resume: a checkpoint in {str(path)!r} can hold {MAX_MEMBERS - 1} arrays, and this model with its "
            f"optimizer has {len(arrays.values)}."
        )


def write(path: Path, document: dict[str, Any], arrays: list[np.ndarray]) -> None:
    """Write a checkpoint in one commit: the file is there as a whole, on the disk, or not at all.

    Args:
        path: The file.
        document: What goes into `checkpoint.json`, in JSON's types.
        arrays: Contiguous arrays, by their numbers.

    Raises:
        OSError: the disk refused; what was there before is whole.
    """
    table = [{"dtype": array.dtype.name, "shape": list(array.shape)} for array in arrays]
    text = to_json({"kind": _KIND, "format": FORMAT, **document, "arrays": table})
    with replacing(path) as handle:
        archive = ArchiveWriter(handle)
        archive.add(MEMBER, text)
        for number, array in enumerate(arrays):
            archive.add(_name(number), memoryview(_little_endian(array).reshape(-1).view(np.uint8)))  # type: ignore
        archive.close()


def read(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Return the document and the arrays of a checkpoint, all of its checksums compared.

    Raises:
        FileError: a damaged or foreign file; code "version" where a newer lamina wrote it.
        OSError: the disk refused.
    """
    with open_file(path) as file:
        archive = Archive(file)
        text = archive.read(MEMBER, _MAX_JSON)
        document = parse_json(text, file.path, MEMBER, max_bytes=_MAX_JSON, max_items=_MAX_ITEMS)
        if not isinstance(document, dict) or document.get("kind") != _KIND:
            _refuse(file.path, MEMBER, "it is no checkpoint of lamina's")
        if document.get("format") != FORMAT:
            raise FileError(
                file.path,
                MEMBER,
                f"expected format {FORMAT}, received {document.get('format')!r:.40}",
                code="version",
                way_out="It was written by a newer lamina: go on with that one, or start anew in another folder.",
            )
        table = document.get("arrays")
        if not isinstance(table, list) or sorted(archive.names) != sorted([MEMBER, *map(_name, range(len(table)))]):
            _refuse(file.path, MEMBER, "its table of arrays does not fit the members of the file")
        return document, [_read_array(archive, file.path, number, entry) for number, entry in enumerate(table)]


def _read_array(archive: Archive, path: str, number: int, entry: Any) -> np.ndarray:
    name = _name(number)
    dtype, shape = (entry.get("dtype"), entry.get("shape")) if isinstance(entry, dict) else ("", [])
    sizes = isinstance(shape, list) and all(type(size) is int and size >= 0 for size in shape)
    if dtype not in _DTYPES or not isinstance(shape, list) or not sizes or len(shape) > 32:
        _refuse(path, name, f"expected a dtype of numbers and a shape, received {entry!r:.100}")
    kind = jnp.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    if archive.size(name) != size:
        _refuse(path, name, f"expected {size} bytes for {dtype} of shape {shape}, received {archive.size(name)}")
    array = np.empty(shape, kind)
    if archive.view(name).readinto(array.reshape(-1).view(np.uint8)) != size:  # type: ignore[attr-defined]
        _refuse(path, name, "the file became shorter while it was read")
    return _little_endian(array)


def _little_endian(array: np.ndarray) -> np.ndarray:
    """An array with the bytes of its elements turned round, on the few machines where they must be."""
    return array if sys.byteorder == "little" else array.byteswap()


def _name(number: int) -> str:
    return f"arrays/{number}"


def _refuse(path: str, where: str, reason: str) -> NoReturn:
    raise FileError(path, where, reason, code="checkpoint")
