"""A lock file that names its process, and lets go of it when the process ends in whatever way."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from pathlib import Path

from lamina.core.errors import warn_user

try:
    import fcntl
except ImportError:  # Windows: nothing keeps a second process out
    fcntl = None  # type: ignore[assignment]

_UNKNOWN = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # what file systems without locks answer
_held: set[tuple[int, int]] = set()  # device and number of the files that this process holds
_guard = threading.Lock()


class Lock:
    """Holds a file for this process; POSIX locks, which children do not inherit and which work over NFS.

    Args:
        path: The lock file; it is deleted by `release`.

    Raises:
        RuntimeError: another process holds it, or this one does already.
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        while self._descriptor is None:
            self._descriptor = self._take()

    def _take(self) -> int | None:
        """Return the descriptor of the locked file; None where its holder deleted it in the meantime."""
        with _guard:
            # A process loses its lock when it closes any descriptor of the file: look before opening.
            with contextlib.suppress(FileNotFoundError):
                if _identity(os.stat(self.path)) in _held:
                    self._refuse(f"another fit of this process ({os.getpid()})")
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
            try:
                if not self._lock(descriptor):
                    os.close(descriptor)
                    return None
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
            except BaseException:
                os.close(descriptor)
                raise
            _held.add(_identity(os.fstat(descriptor)))
            return descriptor

    def _lock(self, descriptor: int) -> bool:
        """Lock an open file; False where it is no longer the one of this name."""
        if fcntl is None:
            return True
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _UNKNOWN:
                warn_user(f"{self.path}: this file system has no locks. Let only one process use the folder at a time.")
                return True
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise
            number = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            self._refuse(f"process {number}" if number.isdecimal() else "another process")
        try:
            return _identity(os.stat(self.path)) == _identity(os.fstat(descriptor))
        except FileNotFoundError:
            return False

    def _refuse(self, who: str) -> None:
        raise RuntimeError(
            f"fit: resume: the folder {str(self.path.parent)!r} is in use by {who}. Wait for it to end, or give this "
            "run a folder of its own."
        ) from None

    def release(self) -> None:
        """Delete the file and let go of it; harmless when done before."""
        if self._descriptor is None:
            return
        with _guard:
            _held.discard(_identity(os.fstat(self._descriptor)))
            with contextlib.suppress(OSError):  # the folder is gone, or no longer writable: the lock ends all the same
                self.path.unlink()
            os.close(self._descriptor)
            self._descriptor = None


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
