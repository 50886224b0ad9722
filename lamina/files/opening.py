"""Opening a file for reading, once: what the checks see is what is read."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from lamina.core.errors import FileError


def to_path(path: Any) -> Path:
    """Turn what a user names a file with into a `Path`; "~" is the home folder.

    Args:
        path: str, `os.PathLike` of str, or a "file://" address of this machine.
    Raises:
        ValueError: Another type, an empty name, a NUL character, or an address of another kind.
    Example:
        >>> to_path("file:///models/my%20model.keras").name
        'my model.keras'
    """
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise ValueError(f"path: expected a str or pathlib.Path, received {type(path).__name__}: {text!r:.100}.")
    if not text.strip() or "\0" in text:
        raise ValueError(f"path: expected the name of a file, received {text!r:.100}.")
    scheme = text.partition("://")[0].lower()
    if scheme == text.lower() or not scheme.isalnum():
        return Path(text).expanduser()
    address = urlsplit(text)
    if scheme != "file" or address.netloc not in ("", "localhost"):
        raise ValueError(
            f"path: expected a file of this machine, received {text!r:.200}. "
            "Download it first, or mount it as a folder."
        )
    return to_path(unquote(address.path))


def fill(stream: BinaryIO, start: int, buffer: memoryview) -> int:
    """Read bytes from `start` on into `buffer`; how many there were."""
    stream.seek(start)
    done = 0
    while done < len(buffer):
        read: int = stream.readinto(buffer[done:])  # type: ignore[attr-defined]  # each binary file has it
        if not read:
            break
        done += read
    return done


class Window(io.RawIOBase):
    """A part of a seekable file as a file of its own, read-only.

    Args:
        handle: Seekable binary file.
        start: First byte, counted from the beginning of `handle`.
        length: Bytes.
    """

    def __init__(self, handle: BinaryIO, start: int, length: int) -> None:
        self._handle, self._start, self.length, self._position = handle, start, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        position = offset + (0, self._position, self.length)[whence]
        if position < 0:
            raise ValueError(f"seek: expected a place from 0 on, received {position}.")
        self._position = position
        return position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        count = max(0, min(len(view), self.length - self._position))
        read = fill(self._handle, self._start + self._position, view[:count])
        self._position += read
        return read


class OpenFile:
    """A file that was opened once, for reading; a context manager.

    Args:
        path: What messages call it.
        handle: Seekable binary file.
        owned: Whether `close` closes the handle.
    """

    def __init__(self, path: str, handle: BinaryIO, *, owned: bool) -> None:
        self.path, self.handle, self._owned = path, handle, owned
        self.size = handle.seek(0, os.SEEK_END)
        handle.seek(0)

    def window(self, start: int = 0, length: int | None = None) -> BinaryIO:
        """Bytes `start` to `start + length` as a seekable, read-only file; None is up to the end."""
        length = self.size - start if length is None else length
        if start < 0 or length < 0 or start + length > self.size:
            raise FileError(
                self.path, "", f"bytes {start} to {start + length} are not in the file, which has {self.size}"
            )
        return Window(self.handle, start, length)  # type: ignore[return-value]  # RawIOBase has all of BinaryIO

    def close(self) -> None:
        if self._owned:
            self.handle.close()

    def __enter__(self) -> OpenFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_file(source: Any) -> OpenFile:
    """Open a file for reading; the name itself may be a link, what it leads to must be a regular file.

    Args:
        source: A path (see `to_path`), or a seekable binary file, which stays open.
    Raises:
        ValueError: Neither of them.
        FileError: A folder, a device, a pipe or a socket.
        OSError: No such file, no permission.
    """
    if hasattr(source, "read"):
        return _adopt(source)
    path = to_path(source)
    return _opened(str(path), str(path), 0, None)


def open_beside(neighbour: Any, name: str) -> OpenFile:
    """Open the file `name` in the folder `neighbour`, or in the folder that the file `neighbour` lies in.

    Args:
        neighbour: A path that the user named (see `to_path`).
        name: One plain name, as it stands in a file: no separators, not "..", and no link on the disk.
    Raises:
        FileError: Another name, a link, or no regular file.
        OSError: No such file, no permission.
    """
    path = to_path(neighbour)
    folder = path if path.is_dir() else path.parent
    if not name or name in (".", "..") or any(c in name for c in "/\\\0:") or not name.isprintable():
        raise FileError(path, "", f"it names the file {name!r}, which is no plain name in its folder", code="name")
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        return _opened(str(folder / name), name, getattr(os, "O_NOFOLLOW", 0), descriptor)
    finally:
        os.close(descriptor)


def _opened(path: str, name: str, flags: int, folder: int | None) -> OpenFile:
    # Without O_NONBLOCK, opening a pipe would wait for somebody who writes to it.
    flags |= os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FileError(path, "", "it is a link; expected a regular file", code="link") from None
        error.filename = path
        raise
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise FileError(path, "", "it is a folder; expected a file", code="kind")
        if not stat.S_ISREG(mode):
            raise FileError(path, "", "it is no regular file", code="kind")
        return OpenFile(path, open(descriptor, "rb"), owned=True)
    except BaseException:
        os.close(descriptor)
        raise


def _adopt(source: Any) -> OpenFile:
    name = getattr(source, "name", None)
    path = name if isinstance(name, str) else f"<{type(source).__name__}>"
    try:
        usable = source.seekable() and source.readable() and isinstance(source.read(0), bytes)
    except (AttributeError, OSError, ValueError):
        usable = False
    if not usable or not hasattr(source, "readinto"):
        raise ValueError(f"file: expected a seekable file that was opened for reading bytes, received {source!r:.200}.")
    return OpenFile(path, source, owned=False)
