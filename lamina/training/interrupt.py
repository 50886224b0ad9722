"""Ctrl-C at step borders: an interrupt that comes while the engine works waits until the model is whole again."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any


class Interrupts:
    """Defers SIGINT inside `with interrupts.held():`; outside, it acts at once. A second Ctrl-C is never deferred."""

    def __init__(self) -> None:
        self._held = False
        self._pending = False
        self._previous: Any = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        again, self._pending = self._pending, True
        if not self._held or again:
            self._forward(number, frame)

    def _forward(self, number: int, frame: FrameType | None) -> None:
        if callable(self._previous):
            self._previous(number, frame)
        elif self._previous != signal.SIG_IGN:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Inside the context, the first Ctrl-C waits for its end; one that came before and was lost is raised now.

        Python swallows what is raised in a hook of the garbage collector, and JAX has one.
        """
        if self._pending:
            self._pending = False
            self._forward(signal.SIGINT, None)
        self._held = True
        try:
            yield
        finally:
            self._held = False
            if self._pending:
                self._pending = False
                self._forward(signal.SIGINT, None)


@contextlib.contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Install the handler in the main thread (other threads get no signals) and put the old one back at the end."""
    handler = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield handler
        return
    handler._previous = signal.getsignal(signal.SIGINT)
    if handler._previous is None:  # set by C code: not ours to replace
        yield handler
        return
    signal.signal(signal.SIGINT, handler._handle)
    try:
        yield handler
    finally:
        signal.signal(signal.SIGINT, handler._previous)
