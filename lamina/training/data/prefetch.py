"""`Prefetch`: read an iterator ahead on a thread, without ever leaving the thread behind."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")
_END: Any = object()
_JOIN_SECONDS = 5.0  # a thread that is stuck in the user's code longer is left to end there; it is a daemon


class Prefetch(Iterator[T]):
    """An iterator that is read ahead on a thread, which starts with the first `next` and ends with `close`.

    Args:
        source: What is read; it runs in the thread. Its errors are raised in the caller's thread, as they are.
        prefetch: Items that wait at most; 0 reads in the caller's thread.
        at_end: Called in the caller's thread when everything has been taken.

    Example:
        >>> list(Prefetch(iter([1, 2, 3]), 2))
        [1, 2, 3]
    """

    def __init__(self, source: Iterator[T], prefetch: int, at_end: Callable[[], None] = lambda: None) -> None:
        self._source, self._prefetch, self._at_end = source, prefetch, at_end
        self._ready: queue.Queue[tuple[Any, BaseException | None]] = queue.Queue(max(prefetch, 1))
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __next__(self) -> T:
        if self._stop.is_set():
            raise StopIteration
        try:
            item = self._take() if self._prefetch else next(self._source, _END)
        except BaseException:
            self.close()
            raise
        if item is _END:
            self.close()
            self._at_end()
            raise StopIteration
        return item

    def _take(self) -> Any:
        if self._thread is None:
            arguments = (self._source, self._ready, self._stop)
            thread = threading.Thread(target=_read_ahead, args=arguments, name="lamina-prefetch", daemon=True)
            thread.start()
            self._thread = thread  # only now: an interrupt in between must not leave one that cannot be joined
        while True:
            try:
                item, error = self._ready.get(timeout=0.5)  # a wait without end could not be interrupted on Windows
                break
            except queue.Empty:
                continue
        if error is not None:
            try:
                raise error  # with the traceback of the thread, down to the user's line
            finally:
                del error  # it refers to this frame
        return item

    def close(self) -> None:
        """Stop reading and wait for the thread; harmless when done before."""
        self._stop.set()
        with contextlib.suppress(queue.Empty):
            while True:
                self._ready.get_nowait()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_SECONDS)
        self._thread = None

    def __enter__(self) -> Prefetch[T]:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def _read_ahead(
    source: Iterator[Any], ready: queue.Queue[tuple[Any, BaseException | None]], stop: threading.Event
) -> None:
    """Move items into the queue until they end, fail or `stop` is set; the queue's last item is _END or the error."""
    try:
        for item in source:
            if not _put(ready, (item, None), stop):
                return
        _put(ready, (_END, None), stop)
    except BaseException as error:  # noqa: BLE001 - whatever the user's code raises is raised again where it is read
        _put(ready, (_END, error), stop)


def _put(ready: queue.Queue[Any], item: Any, stop: threading.Event) -> bool:
    """Put an item into the queue as soon as there is room; returns False once `stop` is set."""
    while not stop.is_set():
        with contextlib.suppress(queue.Full):
            ready.put(item, timeout=0.1)
            return not stop.is_set()
    return False
