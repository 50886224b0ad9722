"""HDF5: arrays and attributes in a tree of groups, as Keras keeps weights."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, NoReturn

import h5py
import ml_dtypes
import numpy as np

from lamina.core.errors import FileError
from lamina.files.checksums import LENGTH, MARK, mark_of
from lamina.files.opening import OpenFile

CHECKSUM_ATTRIBUTE = "lamina_checksum"  # of the root group: the file must end with a mark


@dataclass(frozen=True)
class ArrayInfo:
    """What a file says of an array before it is read."""

    shape: tuple[int, ...]
    dtype: np.dtype
    nbytes: int


class Hdf5Reader:
    """Arrays and attributes of an HDF5 file; a context manager.

    Args:
        stream: Seekable binary file.
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
        try:
            self._file = h5py.File(stream, "r")
            self._walk(self._file, "")
        except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
            if isinstance(error, FileError):
                raise
            self._refuse("", f"it is no HDF5 file, or a broken one ({error})")

    def _walk(self, group: h5py.Group, name: str) -> None:
        self.groups[name] = {key: _plain(value) for key, value in group.attrs.items()}
        for key in group:
            full = f"{name}/{key}" if name else key
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                self._refuse(full, "it is a link to another place")
            item = group[key]
            if isinstance(item, h5py.Group):
                self._walk(item, full)
            else:
                bfloat16 = item.attrs.get("dtype") == "bfloat16"
                dtype = np.dtype(ml_dtypes.bfloat16) if bfloat16 else item.dtype
                self.arrays[full] = ArrayInfo(item.shape, dtype, item.size * dtype.itemsize)

    def read(self, name: str) -> np.ndarray:
        """The array of this full name."""
        info = self.arrays.get(name)
        if info is None:
            self._refuse(name, "there is no such array")
        return np.asarray(self._file[name][()]).view(info.dtype).reshape(info.shape)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Hdf5Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _refuse(self, name: str, reason: str) -> NoReturn:
        where = ": ".join(part for part in (self._where, name) if part)
        raise FileError(self._path, where, reason) from None


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray):
        return [_plain(v) for v in value.tolist()]
    return value.item() if isinstance(value, np.generic) else value


class Hdf5Writer:
    """Writes groups and arrays; the same content gives the same bytes.

    Args:
        handle: Seekable file for reading and writing, empty.
        checksum: Whether the file is to end with a checksum, for files that lie alone; see `append_checksum`.
    """

    def __init__(self, handle: BinaryIO, *, checksum: bool = False) -> None:
        self._handle, self._checksum = handle, checksum
        self._file = h5py.File(handle, "w")
        if checksum:
            self.group("", {CHECKSUM_ATTRIBUTE: "sha256"})

    def group(self, path: str, attributes: dict[str, Any] | None = None) -> None:
        """Make a group and those above it, or add attributes to one that is there; "" is the root.

        Args:
            path: Names with "/" between them.
            attributes: Numbers, text, lists of text.
        """
        group = self._file.require_group(path) if path else self._file
        for name, value in (attributes or {}).items():
            group.attrs[name] = value

    def array(self, path: str, value: np.ndarray, attributes: dict[str, Any] | None = None) -> None:
        """Write an array; bfloat16 gets the attribute by which Keras knows it."""
        value = np.asarray(value)
        data = self._file.create_dataset(path, data=value, track_times=False)
        if value.dtype == ml_dtypes.bfloat16:
            data.attrs["dtype"] = "bfloat16"
        for name, item in (attributes or {}).items():
            data.attrs[name] = item

    def close(self) -> None:
        """Finish the file; the handle stays open."""
        self._file.close()
        if self._checksum:
            append_checksum(self._handle)


def append_checksum(handle: BinaryIO) -> None:
    """Put "lamina sha256 <64 digits>" and a line feed behind a finished HDF5 file; h5py and Keras do not see it.

    The root group must have the attribute that says so, which `Hdf5Writer(handle, checksum=True)` writes.
    """
    end = handle.seek(0, 2)
    mark = mark_of(handle, end)
    handle.seek(end)
    handle.write(mark + b"\n")


def verify_checksum(file: OpenFile) -> bool:
    """Whether the file ends with a checksum, which then fits.

    Raises:
        FileError: It does not fit.
    """
    length = LENGTH + 1
    if file.size < length:
        return False
    file.handle.seek(file.size - length)
    tail = file.handle.read(length)
    if not tail.startswith(MARK):
        return False
    if tail != mark_of(file.handle, file.size - length) + b"\n":
        raise FileError(file.path, "", "its checksum (SHA-256) does not fit its bytes", code="checksum")
    return True
