"""Writing HDF5 with h5py: the same content gives the same bytes, and a disk that fails cannot upset the library."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import ml_dtypes
import numpy as np

from lamina.files.hdf5.checksum import ATTRIBUTE, append_checksum


class Hdf5Writer:
    """Writes groups and arrays that h5py and Keras can read.

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
        import h5py  # takes 0.1 s, which reading does not need

        self._handle, self._checksum = _Patient(handle), checksum
        self._file = h5py.File(self._handle, "w")
        if checksum:
            self.group("", {ATTRIBUTE: "sha256"})

    def group(self, path: str, attributes: Mapping[str, Any] | None = None) -> None:
        """Make a group and those above it, or give one that is there attributes; "" is the root.

        Args:
            path: Names with "/" between them.
            attributes: Numbers, text, lists of text.
        """
        _set(self._file.require_group(path) if path else self._file, attributes)
        self._handle.check()

    def array(self, path: str, value: np.ndarray, attributes: Mapping[str, Any] | None = None) -> None:
        """Write an array; one of bfloat16 gets the attribute by which Keras knows it."""
        value = np.asarray(value)
        data = self._file.create_dataset(path, data=value, track_times=False)
        _set(data, {"dtype": "bfloat16"} if value.dtype == ml_dtypes.bfloat16 else None)
        _set(data, attributes)
        self._handle.check()

    def close(self) -> None:
        """Finish the file; the handle stays open."""
        self._file.close()
        self._handle.check()
        if self._checksum:
            append_checksum(self._handle.handle)


def _set(item: Any, attributes: Mapping[str, Any] | None) -> None:
    for name, value in (attributes or {}).items():
        item.attrs[name] = value


class _Patient:
    """A file that keeps to itself what goes wrong until it is asked.

    HDF5 cannot close a file that it cannot write: it would keep it open, and try again when the process ends. So it is
    told that all went well, and the writer raises what happened: a full disk, a Ctrl-C.
    """

    def __init__(self, handle: BinaryIO) -> None:
        self.handle = handle
        self._fault: BaseException | None = None

    def check(self) -> None:
        """Raise the first fault."""
        if self._fault is not None:
            raise self._fault

    def _try(self, action: Callable[..., Any], *arguments: Any, otherwise: Any) -> Any:
        if self._fault is None:
            try:
                return action(*arguments)
            except BaseException as fault:  # noqa: BLE001  # `check` raises it
                self._fault = fault
        return otherwise

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return int(self._try(self.handle.seek, offset, whence, otherwise=0))

    def tell(self) -> int:
        return int(self._try(self.handle.tell, otherwise=0))

    def read(self, size: int = -1) -> bytes:
        return bytes(self._try(self.handle.read, size, otherwise=b""))

    def readinto(self, buffer: Any) -> int:
        return int(self._try(self.handle.readinto, buffer, otherwise=len(buffer)))  # type: ignore[attr-defined]

    def write(self, data: Any) -> int:
        return int(self._try(self.handle.write, data, otherwise=len(data)))

    def truncate(self, size: int | None = None) -> int:
        return int(self._try(self.handle.truncate, size, otherwise=size or 0))

    def flush(self) -> None:
        self._try(self.handle.flush, otherwise=None)
