"""Weights in several HDF5 files with an index `.weights.json`, as Keras writes them with `max_shard_size`.

The index names the files beside it:

    {"metadata": {...}, "weight_map": {"/layers/dense/vars": "model_00000.weights.h5"}}
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lamina.core.errors import FileError
from lamina.files import Hdf5Reader, Hdf5Writer, OpenFile, open_beside, parse_json, replacing
from lamina.files import to_json as json_bytes

_DEFAULT_SIZE = 5.0  # GiB of a file
_SUMS = "lamina_sha256"


def save(groups: list[tuple[str, dict[str, Any], dict[str, np.ndarray]]], target: Path, max_size: float | None) -> None:
    """Write the groups of arrays into as many files as they need; all take their places after all are written.

    Args:
        groups: Path, attributes and arrays of each.
        target: Path of the index.
        max_size: Gigabytes (2**30 bytes) that the arrays of a file may take.
    """
    limit = (_DEFAULT_SIZE if max_size is None else float(max_size)) * 2**30
    shards = _divide(groups, limit)
    base = target.name.removesuffix(".json").removesuffix(".weights")
    names = [f"{base}_{i:05}.weights.h5" for i in range(len(shards))]
    weight_map: dict[str, Any] = {}
    with ExitStack() as stack:
        index = stack.enter_context(replacing(target))  # the first in, so the last to be replaced
        sums = {}
        for name, shard in zip(names, shards, strict=True):
            file = stack.enter_context(replacing(target.with_name(name)))
            _write(file, shard)
            sums[name] = _sha256(file)
            for group, _, arrays in shard:
                if arrays:
                    weight_map.setdefault(f"/{group}", []).append(name)
        total = sum(array.nbytes for _, _, arrays in groups for array in arrays.values())
        weight_map = {group: files[0] if len(files) == 1 else files for group, files in weight_map.items()}
        index.write(json_bytes({"metadata": {"total_size": total, _SUMS: sums}, "weight_map": weight_map}, indent=4))


def _divide(groups: list[Any], limit: float) -> list[list[Any]]:
    shards: list[list[Any]] = [[]]
    size = 0
    for group, attributes, arrays in groups:
        part: dict[str, np.ndarray] = {}
        shards[-1].append((group, attributes, part))
        for key, array in arrays.items():
            if array.nbytes > limit:
                raise ValueError(
                    f"save_weights: max_shard_size: {group}/{key} alone takes {array.nbytes / 2**30:.3g} GiB, "
                    f"more than the {limit / 2**30:.3g} that a file may have. Raise max_shard_size."
                )
            if size and size + array.nbytes > limit:
                size, part = 0, {}
                shards.append([(group, attributes, part)])
            part[key] = array
            size += array.nbytes
    return shards


def _write(file: BinaryIO, shard: list[Any]) -> None:
    writer = Hdf5Writer(file)
    for group, attributes, arrays in shard:
        writer.group(group, attributes)
        for key, array in arrays.items():
            writer.array(f"{group}/{key}", array)
    writer.close()


def _sha256(file: BinaryIO) -> str:
    file.flush()
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # it is a binary file


class Reader:
    """The arrays of all files that an index names, as one source."""

    def __init__(self, index: OpenFile, filepath: Any) -> None:
        if hasattr(filepath, "read"):
            raise FileError(index.path, "", "weights in several files need the path of their index, not an open file")
        self._index, self._path = index, filepath
        self._stack = ExitStack()
        self.arrays: dict[str, Any] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self._readers: dict[str, Hdf5Reader] = {}

    def __enter__(self) -> Reader:
        with ExitStack() as stack:
            plain = parse_json(self._index.window(0, self._index.size).read(), self._index.path, "")
            sums = self._checked(plain)
            for name in sums:
                self._open(name, sums[name], stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _checked(self, plain: Any) -> dict[str, str | None]:
        """The names of the files, with their checksums where the index has them."""
        where = plain.get("weight_map") if isinstance(plain, dict) else None
        files = [name for value in (where or {}).values() for name in (value if isinstance(value, list) else [value])]
        if not files or not all(isinstance(name, str) for name in files):
            raise FileError(self._index.path, "weight_map", "expected a map from groups to names of files")
        metadata = plain.get("metadata")
        sums = metadata.get(_SUMS, {}) if isinstance(metadata, dict) else {}
        if not isinstance(sums, dict):
            raise FileError(self._index.path, "metadata", "expected a map from names of files to checksums")
        return {name: sums.get(name) for name in dict.fromkeys([*files, *sums])}

    def _open(self, name: str, expected: str | None, stack: ExitStack) -> None:
        file = stack.enter_context(open_beside(self._path, name))
        if expected is not None and _sha256(file.handle) != expected:
            raise FileError(
                file.path, "", "it is not the file that the index names: its checksum differs", code="checksum",
                way_out="Copy the index and all of its files from one save.",
            )  # fmt: skip
        reader = stack.enter_context(Hdf5Reader(file.window(0, file.size), file.path, ""))
        for array, info in reader.arrays.items():
            if array in self.arrays:
                raise FileError(file.path, array, "another file of the index has this array too")
            self.arrays[array], self._readers[array] = info, reader
        self.groups |= reader.groups

    def read(self, name: str) -> np.ndarray:
        """Return an array."""
        return self._readers[name].read(name)
