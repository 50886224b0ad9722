"""`Writer`: writes beside the training, on a thread; at most one thing at a time, and of what waits only the newest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Writer(Generic[T]):
    """Hands things to `write` on a thread, which starts with the first of them and ends with `close`.

    Args:
        write: Writes one thing; an exception is kept for `take_error`.

    Attributes:
        seconds: How long the last one took.

    Example:
        >>> done = []
        >>> writer = Writer(done.append)
        >>> writer.put(1)
        >>> writer.close()
        >>> done
        [1]
    """

    def __init__(self, write: Callable[[T], object]) -> None:
        self._write = write
        self._changed = threading.Condition()
        self._waiting: list[T] = []  # none or one
        self._busy = self._closed = False
        self._error: Exception | None = None
        self._thread: threading.Thread | None = None
        self.seconds = 0.0

    def put(self, thing: T) -> None:
        """Let the thread write a thing next, in place of what waits."""
        with self._changed:
            self._waiting = [thing]
            self._changed.notify_all()
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="lamina-checkpoint", daemon=True)
            thread.start()
            self._thread = thread  # only now: an interrupt in between must not leave one that cannot be joined

    def wait(self) -> None:
        """Return when everything is written."""
        with self._changed:
            # A wait without end could not be interrupted on Windows.
            while not self._changed.wait_for(lambda: not self._busy and not self._waiting, timeout=0.5):
                pass

    def take_error(self) -> Exception | None:
        """Return the exception of the last write, once."""
        with self._changed:
            error, self._error = self._error, None
            return error

    def close(self) -> None:
        """Write what waits and end the thread; harmless when done before."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            while self._thread.is_alive():
                self._thread.join(0.5)

    def _run(self) -> None:
        while (thing := self._take()) is not None:
            began = time.perf_counter()
            error = None
            try:
                self._write(thing[0])
            except Exception as caught:  # noqa: BLE001 - whatever it is, the training thread hears of it
                error = caught
            with self._changed:
                self._busy, self._error, self.seconds = False, error, time.perf_counter() - began
                self._changed.notify_all()

    def _take(self) -> list[T] | None:
        """Return what is to be written next, in a list; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            thing, self._waiting = self._waiting, []
            self._busy = bool(thing)
            return thing or None
