"""Replacing a file as a whole: the old bytes or the new ones, whatever fails or interrupts."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from lamina.files.opening import to_path


@contextlib.contextmanager
def replacing(path: Any) -> Iterator[BinaryIO]:
    """Give a seekable file for reading and writing which takes the place of `path` when the block ends well.

    It lies beside the target under a name of its own. It is on the disk (fsync) before it is renamed, and so is the
    rename before the block is left; any error or interrupt removes it and leaves the old file as it was.

    Args:
        path: The target (see `to_path`); the folder must exist. Of a link, the file that it leads to is replaced.
    Raises:
        ValueError: Not a path.
        FileNotFoundError: The folder is missing.
        IsADirectoryError: The target is a folder.
        OSError: Any other fault, with the target's path.
    Example:
        >>> import tempfile, pathlib
        >>> target = pathlib.Path(tempfile.mkdtemp()) / "note.txt"
        >>> with replacing(target) as stream:
        ...     _ = stream.write(b"whole or not at all")
        >>> target.read_text()
        'whole or not at all'
    """
    named = to_path(path)
    target = Path(os.path.realpath(named))
    part = target.with_name(f".lamina-{uuid.uuid4().hex[:16]}.part")
    stream: BinaryIO | None = None
    try:
        old = _check(target)
        stream = _create(part)
        if old is not None:
            _adopt_rights(stream.fileno(), old)
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
        stream.close()
        os.replace(part, target)
        _sync_folder(target.parent)
    except OSError as error:
        raise _with_path(error, named, part) from error
    finally:
        try:
            if stream is not None:
                with contextlib.suppress(OSError):  # what is buffered cannot be written either when the disk is full
                    stream.close()
        finally:  # also after a second Ctrl-C
            with contextlib.suppress(OSError):
                part.unlink()


def _check(target: Path) -> os.stat_result | None:
    """What is at the target now; None if nothing is."""
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"There is no folder {str(target.parent)!r}, make it first")
    try:
        old = target.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(errno.EISDIR, "This is a folder, name a file")
    if not stat.S_ISREG(old.st_mode):
        raise OSError(errno.EINVAL, "This is a device or a pipe, name a file")
    return old


def _create(part: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    return open(os.open(part, flags, 0o666), "w+b")


def _adopt_rights(descriptor: int, old: os.stat_result) -> None:
    """Give the new file the mode of the old one, and its owner and group where that is allowed."""
    if not hasattr(os, "fchown"):
        return
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    """Put the rename on the disk; Windows does so by itself."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _with_path(error: OSError, named: Path, part: Path) -> OSError:
    """The same fault, naming the target where it names the temporary file or none."""
    if error.filename is not None and str(error.filename) != str(part):
        return error
    return OSError(error.errno or errno.EIO, error.strerror or str(error), str(named))
