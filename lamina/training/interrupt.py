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


class Termination:
    """Lets a SIGTERM wait for the next step border, where the state can be saved; then it ends the process as ever.

    Attributes:
        requested: Whether it has come.
    """

    def __init__(self) -> None:
        self.requested = False
        self._installed = False

    def install(self) -> None:
        """Take the signal, in the main thread and where nobody else has."""
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._handle)
            self._installed = True

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            self.obey()  # a second one does not wait
        self.requested = True

    def obey(self) -> None:
        """End the process if the signal has come."""
        if self.requested:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTERM)

    def uninstall(self) -> None:
        """Put the old handling back; a signal that came too late for a step border acts now."""
        if self._installed:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._installed = False
            self.obey()


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
