"""Writing HDF5 as h5py does by default: arrays first, one after the other, then all that describes them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from lamina.files.hdf5.checksum import ATTRIBUTE, append_checksum
from lamina.files.hdf5.encoding import (
    Attribute,
    encode_attribute,
    encode_shape,
    encode_type,
    to_little_endian,
    write_texts,
)
from lamina.files.hdf5.groups import ENTRY, MAX_DEPTH, name_fault
from lamina.files.hdf5.messages import BFLOAT16
from lamina.files.hdf5.objects import ATTRIBUTE as ATTRIBUTE_MESSAGE
from lamina.files.hdf5.objects import FILL, LAYOUT, SPACE, SYMBOLS, TYPE
from lamina.files.hdf5.source import UNDEFINED
from lamina.files.hdf5.superblock import LENGTHS, SIGNATURE
from lamina.files.hdf5.tables import (
    CHILDREN_OF_A_NODE,
    SYMBOLS_OF_A_TABLE,
    Output,
    object_header,
    write_members,
)

CONSTANT = 0x01  # a flag of a message
NO_FILL = b"\2\2\2\1\0\0\0\0"  # a fill value message: room is made when values are written, which are 0 until then
WHOLE_LAYOUT = struct.Struct("<2B2Q6x")  # a layout message: version, class, address and bytes


@dataclass
class _Array:
    """An array whose bytes are in the file."""

    address: int
    nbytes: int
    type: bytes
    shape: bytes
    attributes: dict[str, Attribute] = field(default_factory=dict)


@dataclass
class _Group:
    """A group, which is written when its members are."""

    members: dict[str, _Group | _Array] = field(default_factory=dict)
    attributes: dict[str, Attribute] = field(default_factory=dict)


class Hdf5Writer:
    """Writes groups and arrays that h5py and Keras can read; the same content gives the same bytes.

    Args:
        handle: Seekable file for reading and writing, empty.
        checksum: Whether the file is to end with a checksum, for files that lie alone; see `append_checksum`.
    Example:
        >>> import io
        >>> stream = io.BytesIO()
        >>> writer = Hdf5Writer(stream)
        >>> writer.array("layers/dense/vars/0", np.ones((2, 3), "float32"))
        >>> writer.close()
        >>> from lamina.files.hdf5.reader import Hdf5Reader
        >>> Hdf5Reader(stream, "example").arrays["layers/dense/vars/0"].shape
        (2, 3)
    """

    def __init__(self, handle: BinaryIO, *, checksum: bool = False) -> None:
        self._handle, self._checksum = handle, checksum
        self._output = Output(handle, LENGTHS[0])
        self._root = _Group()
        self._texts: list[bytes] = []
        if checksum:
            self.group("", {ATTRIBUTE: "sha256"})

    def group(self, path: str, attributes: Mapping[str, Any] | None = None) -> None:
        """Make a group and those above it, or give one that is there attributes; "" is the root.

        Args:
            path: Names with "/" between them.
            attributes: Numbers, text, lists of one kind of them.
        Raises:
            ValueError: A name that cannot be one, an array of this name, an attribute of 64 KB.
            TypeError: Another kind of attribute.
        """
        self._add_attributes(path, self._group(path.split("/") if path else [], path), attributes)

    def array(self, path: str, value: np.ndarray, attributes: Mapping[str, Any] | None = None) -> None:
        """Write an array; one of bfloat16 gets the attribute by which Keras knows it.

        Raises:
            ValueError: A name that is taken or cannot be one.
            TypeError: An array of other values than numbers.
        """
        *above, name = path.split("/")
        group = self._group(above, path)
        if name in group.members or name_fault(name):
            fault = name_fault(name) or "that it is taken"
            raise ValueError(f"HDF5: expected a new plain name, received {path!r:.200}; wrong is {fault}.")
        value = np.asarray(value)
        try:
            array = _Array(UNDEFINED, value.nbytes, encode_type(value.dtype), encode_shape(value.shape))
        except (TypeError, ValueError) as error:
            raise type(error)(f"HDF5: {path}: {error}.") from None
        marks = {"dtype": "bfloat16"} if value.dtype == BFLOAT16 else {}
        self._add_attributes(path, array, {**marks, **(attributes or {})})
        if value.nbytes:
            array.address = self._output.append(to_little_endian(value).reshape(-1).view(np.uint8).data)
        group.members[name] = array

    def close(self) -> None:
        """Finish the file; the handle stays open."""
        references = write_texts(self._texts, self._output)
        root = self._write(self._root, references)
        # Nothing at the addresses of free space and of a driver; the root group's entry has no name.
        addresses = (0, UNDEFINED, self._output.end, UNDEFINED)
        widths = struct.pack("<5x3B", 8, 8, 0)
        superblock = SIGNATURE + widths + struct.pack("<2HL", SYMBOLS_OF_A_TABLE // 2, CHILDREN_OF_A_NODE // 2, 0)
        self._handle.seek(0)
        self._handle.write(superblock + struct.pack("<4Q", *addresses) + ENTRY.pack(0, root, 0))
        self._handle.truncate(self._output.end)
        if self._checksum:
            append_checksum(self._handle)

    def _group(self, names: list[str], path: str) -> _Group:
        if len(names) > MAX_DEPTH:
            raise ValueError(f"HDF5: expected at most {MAX_DEPTH} groups in each other, received {path!r:.200}.")
        group = self._root
        for name in names:
            if fault := name_fault(name):
                raise ValueError(f"HDF5: expected plain names, received {path!r:.200}; wrong is {fault}.")
            found = group.members.setdefault(name, _Group())
            if not isinstance(found, _Group):
                raise ValueError(f"HDF5: {path!r:.200}: {name!r} is an array, which has no members.")
            group = found
        return group

    def _add_attributes(self, path: str, item: _Group | _Array, attributes: Mapping[str, Any] | None) -> None:
        for name, value in (attributes or {}).items():
            try:
                item.attributes[name] = encode_attribute(name, value, self._texts)
            except (TypeError, ValueError) as error:
                raise type(error)(f"HDF5: {path or 'the root group'}: {error}.") from None

    def _write(self, item: _Group | _Array, references: list[bytes]) -> int:
        """Write the headers and tables of an object and of all below; its address."""
        if isinstance(item, _Array):
            layout = WHOLE_LAYOUT.pack(3, 1, item.address, item.nbytes)
            messages = [(SPACE, 0, item.shape), (TYPE, CONSTANT, item.type), (FILL, CONSTANT, NO_FILL)]
            messages.append((LAYOUT, 0, layout))
        else:
            members = {name: self._write(member, references) for name, member in sorted(item.members.items())}
            messages = [(SYMBOLS, 0, struct.pack("<2Q", *write_members(members, self._output)))]
        messages += [(ATTRIBUTE_MESSAGE, 0, attribute.body(references)) for attribute in item.attributes.values()]
        return self._output.append(object_header(messages))
