"""Reading HDF5: a walk through the whole tree, then arrays by name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from lamina.core.errors import FileError
from lamina.files.array_info import ArrayInfo
from lamina.files.hdf5.arrays import StoredArray, find_array
from lamina.files.hdf5.attributes import Texts, read_attributes
from lamina.files.hdf5.checksum import ATTRIBUTE, LINE, verify_stream
from lamina.files.hdf5.groups import MAX_DEPTH, MAX_OBJECTS, read_members
from lamina.files.hdf5.objects import LINK_INFO, SYMBOLS, Messages, read_object
from lamina.files.hdf5.source import Refused, Source
from lamina.files.hdf5.superblock import root_address

WAYS_OUT = {
    "truncated": "Take another copy of the file.",
    "layout": 'Write the file again with h5py, without libver="latest".',
}


class Hdf5Reader:
    """Arrays and attributes of an HDF5 file; a context manager.

    Only what Keras and h5py write by default is read: a tree of groups, arrays of numbers that are stored whole or in
    chunks (gzip, lzf, shuffle, fletcher32), attributes that are numbers, text or lists of them. Links, external files,
    virtual arrays and all other types are refused, and so is a file whose chunks unpack to more than 64 times its size.
    A checksum of lamina's behind the file is verified.

    Args:
        stream: Seekable binary file, used as long as the reader is.
        path: The file, for messages.
        where: The place inside it, for messages; "" if the file is the HDF5 file itself.
    Attributes:
        arrays: What is stored, by full name without a leading slash.
        groups: Attributes of each group, by full name; "" is the root.
    Raises:
        FileError: The file is none that lamina reads.
    """

    def __init__(self, stream: BinaryIO, path: str, where: str = "") -> None:
        self._path, self._where = path, where
        self.arrays: dict[str, ArrayInfo] = {}
        self.groups: dict[str, dict[str, Any]] = {}
        self._stored: dict[str, StoredArray] = {}
        has_checksum = verify_stream(stream, path, where)
        self._source = Source(stream)
        self._texts = Texts(self._source)
        length = self._source.size - (LINE if has_checksum else 0)
        with self._at(""):
            root = root_address(self._source)
            if self._source.size != length:
                raise Refused(f"it declares {self._source.size} bytes, but has {length}", "truncated")
        self._walk(root)
        with self._at(""):
            self._source.check_claims()
            if ATTRIBUTE in self.groups[""] and not has_checksum:
                raise Refused("the checksum at its end is missing; it was cut off or changed", "checksum")

    def read(self, name: str) -> np.ndarray:
        """The array of this full name, in memory of its own and in the machine's order of bytes.

        Raises:
            FileError: There is no such array, or its bytes are broken.
        """
        with self._at(name):
            if name not in self._stored:
                raise Refused("there is no such array", "missing")
            stored = self._stored[name]
            try:
                return stored.read(self._source)
            except MemoryError:
                raise Refused(f"there is no memory for its {stored.info.nbytes} bytes", "memory") from None

    def close(self) -> None:
        """Do nothing: the stream belongs to the caller."""

    def __enter__(self) -> Hdf5Reader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _walk(self, root: int) -> None:
        waiting = [("", root, 0)]
        while waiting:
            name, address, depth = waiting.pop()
            with self._at(name):
                if len(self.arrays) + len(self.groups) >= MAX_OBJECTS or depth > MAX_DEPTH:
                    raise Refused(f"more than {MAX_OBJECTS} groups and arrays, or {MAX_DEPTH} in each other", "size")
                members = self._enter(name, read_object(self._source, address))
            inner = f"{name}/" if name else ""
            waiting += [(inner + member, place, depth + 1) for member, place in reversed(members.items())]

    def _enter(self, name: str, messages: Messages) -> dict[str, int]:
        """Note a group or an array; the addresses of its members by name."""
        attributes = read_attributes(messages, self._texts)
        if SYMBOLS in messages.single or LINK_INFO in messages.single:
            self.groups[name] = attributes
            return read_members(self._source, messages)
        if not name:
            raise Refused("its root is no group")
        self._stored[name] = stored = find_array(self._source, messages, attributes)
        self.arrays[name] = stored.info
        return {}

    @contextlib.contextmanager
    def _at(self, name: str) -> Iterator[None]:
        """Give the place of a group or an array to what is refused."""
        try:
            yield
        except Refused as fault:
            where = ": ".join(part for part in (self._where, name) if part)
            way_out = WAYS_OUT.get(fault.code, "")
            raise FileError(self._path, where, fault.reason, code=fault.code, way_out=way_out) from None
