"""Where progress shows: in place on a terminal or in a notebook, or as plain lines."""

from __future__ import annotations

import functools
import math
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast

import numpy as np

if TYPE_CHECKING:
    from rich.console import Console

BAR = 20  # characters
RATE = 0.1  # seconds between two drawings, at least


@dataclass(frozen=True)
class Snapshot:
    """What is known of an epoch, an evaluation or a prediction at one moment.

    Fields: title ("Epoch 3/30", or empty), steps done, steps in all (None: unknown), seconds since the start, seconds a
    step, values by name, and whether it is over.
    """

    title: str
    step: int
    steps: int | None
    elapsed: float
    per_step: float
    logs: Mapping[str, Any]
    over: bool

    def line(self) -> str:
        """Return all of it as plain text: `Epoch 1/30 - 1719/1719 - 3s - 2ms/step - loss: 0.9684`."""
        parts = [self.title, self._count(), f"{self.elapsed:.0f}s", step_time(self.per_step), *self._values()]
        return " - ".join(filter(None, parts))

    def bar(self, width: int | None = None, mark: str = "━") -> list[tuple[str, str]]:
        """Return pieces of text, each with its style, that make `1719/1719 ━━━━ 3s 2ms/step - loss: 0.9684`.

        The bar gives way where `width` characters are too few for everything.
        """
        if self.over or not self.steps:
            time = f"{self.elapsed:.0f}s"
        else:
            time = remaining_time(self.per_step * (self.steps - self.step))
        rest = " - ".join([f" {step_time(self.per_step)}", *self._values()])
        pieces = [(self._count(), "bold"), (f" {time}", "bold"), (rest, "")]
        room = BAR if width is None else width - 1 - sum(len(text) for text, _ in pieces)
        length = max(0, min(BAR, room))
        if self.steps and length:
            done = min(length, length * self.step // self.steps)
            pieces[1:1] = [(f" {mark * done}", "green"), (mark * (length - done), "bright_black")]
        return pieces

    def _count(self) -> str:
        return f"{self.step:{len(str(self.steps))}}/{self.steps}" if self.steps else f"{self.step}/Unknown"

    def _values(self) -> list[str]:
        return [f"{name}: {number(value)}" for name, value in self.logs.items()]


def number(value: Any) -> str:
    """Return four decimals, or the scientific form where they would say nothing; an array shows as its mean."""
    if isinstance(value, str):
        return value
    mean = float(np.mean(value))
    return f"{mean:.4f}" if abs(mean) > 1e-3 else f"{mean:.4e}"


def step_time(seconds: float) -> str:
    """Return the time of a step in the unit that fits: `3s/step`, `2ms/step`, `972us/step`."""
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s/step"
    return f"{seconds * 1e3:.0f}ms/step" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us/step"


def remaining_time(seconds: float) -> str:
    """Return `42s`, `3:05` or `2:00:09`."""
    minutes, second = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{second:02d}" if minutes else f"{second}s"
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"


class Display(Protocol):
    """A place where progress shows."""

    def interval(self, elapsed: float) -> float:
        """Return the least number of seconds between two calls of `show`, `elapsed` seconds into an epoch."""

    def begin_epoch(self, title: str) -> None:
        """Announce an epoch (with a title), an evaluation or a prediction."""

    def message(self, text: str) -> None:
        """Show a line until the next one comes."""

    def show(self, snapshot: Snapshot) -> None:
        """Show how far it is."""

    def finish(self, snapshot: Snapshot) -> None:
        """Leave the result for good."""

    def close(self) -> None:
        """Leave the place as it was found, after the end or an exception."""


class Lines:
    """One plain line at the end of each epoch: for files, pipes, CI, and `verbose=2`."""

    def interval(self, elapsed: float) -> float:
        """Never."""
        return math.inf

    def begin_epoch(self, title: str) -> None:
        """Print nothing."""

    def message(self, text: str) -> None:
        """Print nothing."""

    def show(self, snapshot: Snapshot) -> None:
        """Print nothing."""

    def finish(self, snapshot: Snapshot) -> None:
        """Print the line."""
        _print(snapshot.line())

    def close(self) -> None:
        """Do nothing."""


class Terminal:
    """One line rewritten in place, which stays when the epoch is over.

    While it is live, Rich prints above it what callbacks print. Only one such line fits a terminal: while another one
    is live, of a `fit` in another thread or of the user's own, this one prints plain lines.
    """

    _lock = threading.RLock()  # one writer at a time

    def __init__(self) -> None:
        self._console = _console(getattr(sys.stdout, "rich_proxied_file", sys.stdout))
        self._live: Any = None

    def can_rewrite(self) -> bool:
        """Whether the terminal can move its cursor."""
        return self._console.is_terminal and self._console.is_interactive and not self._console.is_dumb_terminal

    def interval(self, elapsed: float) -> float:
        """Ten times a second."""
        return RATE

    def begin_epoch(self, title: str) -> None:
        """Print `Epoch 1/30`."""
        with self._lock:
            self._end_live(transient=True)
            if title and not _occupied():
                _print(title)

    def message(self, text: str) -> None:
        """Show the text in the live line."""
        self._rewrite([(text, "")])

    def show(self, snapshot: Snapshot) -> None:
        """Rewrite the line, no longer than the terminal is wide."""
        self._rewrite(snapshot.bar(self._console.width, self._mark()))

    def finish(self, snapshot: Snapshot) -> None:
        """Print the line in full, though it may wrap."""
        from rich.text import Text

        with self._lock:
            self._end_live(transient=True)
            if _occupied():
                _print(snapshot.line())
            else:
                self._console.print(Text.assemble(*snapshot.bar(mark=self._mark())), soft_wrap=True)

    def close(self) -> None:
        """End a line that is still live, after an exception, where it stands."""
        with self._lock:
            self._end_live(transient=False)

    def _mark(self) -> str:
        return "=" if self._console.options.ascii_only else "━"

    def _rewrite(self, pieces: list[tuple[str, str]]) -> None:
        from rich.text import Text

        text = Text.assemble(*pieces)
        text.truncate(self._console.width, overflow="crop" if self._console.options.ascii_only else "ellipsis")
        with self._lock:
            if self._live is None and not _occupied():
                self._begin_live()
            if self._live is not None:
                self._live.update(text, refresh=True)

    def _begin_live(self) -> None:
        from rich.live import Live

        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._live.start()
        self._console.show_cursor(True)  # Rich hides it; a debugger's prompt needs it
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is not None and stream.isatty():
                setattr(sys, name, _proxy(self._console, stream))

    def _end_live(self, *, transient: bool) -> None:
        if self._live is None:
            return
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if hasattr(stream, "rich_proxied_file"):
                stream.flush()  # what a callback printed without a newline
                setattr(sys, name, stream.rich_proxied_file)
        self._live.transient = transient
        self._live.stop()
        self._live = None


@functools.cache
def _console(stream: TextIO) -> Console:
    from rich.console import Console

    return Console(file=stream, highlight=False)


@functools.cache
def _proxy(console: Console, stream: TextIO) -> TextIO:
    """Return the stream that prints above the console's live line, one for ever.

    It must outlive the line: another thread may be inside `print`, which holds no reference to the stream (CPython 3.11
    crashes). That is also why Rich's own redirection, with a new proxy each time, is off.
    """
    from rich.file_proxy import FileProxy

    return cast(TextIO, FileProxy(console, stream))


class Notebook:
    """A bar that is rewritten in one output, and below it a line for each epoch that is over."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._title = ""
        self._last: Snapshot | None = None

    def interval(self, elapsed: float) -> float:
        """At most ten times a second, then every thirtieth of the time so far: long epochs write little."""
        return max(RATE, elapsed / 30)

    def begin_epoch(self, title: str) -> None:
        """Make the output, above the lines of the epochs."""
        self._title = title
        self._last = None
        if title and self._handle is None:
            self._rewrite("")

    def message(self, text: str) -> None:
        """Show the text in the output."""
        self._rewrite(text)

    def show(self, snapshot: Snapshot) -> None:
        """Rewrite the output."""
        self._rewrite("".join(text for text, _ in snapshot.bar()))

    def finish(self, snapshot: Snapshot) -> None:
        """Print the epoch's line; the result of an evaluation replaces its bar."""
        self._last = snapshot
        if snapshot.title or self._handle is None:
            _print(snapshot.line())

    def close(self) -> None:
        """Show the last result in the output."""
        if self._handle is not None and self._last is not None:
            self.show(self._last)

    def _rewrite(self, text: str) -> None:
        bundle = {"text/plain": f"{self._title} {text}".strip()}
        if self._handle is not None:
            self._handle.update(bundle, raw=True)
        else:
            from IPython.display import display

            self._handle = display(bundle, raw=True, display_id=True)


def choose(verbose: str | int) -> Display:
    """Return the display for `verbose` (not 0) and the place that `sys.stdout` is now."""
    if verbose == 2:
        return Lines()
    if _in_notebook():
        return Notebook()
    if sys.stdout is None or not sys.stdout.isatty():
        return Lines()
    terminal = Terminal()
    return terminal if terminal.can_rewrite() else Lines()


def _print(line: str) -> None:
    print(f"{line}\n", end="", flush=True)  # one write, so that threads do not mix their lines


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def _occupied() -> bool:
    """Whether a live display of Rich has the terminal; it puts a proxy in the place of `sys.stdout`."""
    return hasattr(sys.stdout, "rich_proxied_file")
