"""Progress of `fit`, `evaluate` and `predict`, as people know it from Keras, and drawn ten times a second at most.

On a terminal: `Epoch 1/30`, then one line that is rewritten in place; in a notebook: one output that is rewritten,
above a line for each epoch; into a file, a pipe or CI: one line for each epoch, evaluation or prediction, without
control codes. `_display.py` has these places; here is when they are drawn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from lamina.core import errors
from lamina.training import _display


class Progress:
    """Progress that says nothing (`verbose=0`), and the calls that the loop makes, in this order.

    `begin`, then for each epoch `begin_epoch`, `update` any number of times and `end_epoch`, then `end`. As a context
    it closes itself, so that an exception leaves the terminal whole.
    """

    def begin(self, epochs: int = 1) -> None:
        """Begin a run of so many epochs; 1 for an evaluation or prediction."""

    def begin_epoch(self, epoch: int = 0, epochs: int = 1, steps: int | None = None) -> None:
        """Begin an epoch, counted from 0, of `steps` steps (None: unknown)."""

    def update(self, step: int, logs: Mapping[str, Any]) -> None:
        """Say that `step` steps of the epoch are done; cheap, however often it is called."""

    def end_epoch(self, step: int, logs: Mapping[str, Any]) -> None:
        """End an epoch after `step` steps, with its final values."""

    def message(self, text: str) -> None:
        """Show a passing remark, such as "compiling ...", where a line is rewritten in place."""

    def end(self) -> None:
        """End the run."""

    def close(self) -> None:
        """Leave the terminal whole, whatever happened; safe to call again."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class VisibleProgress(Progress):
    """Progress shown on a display.

    The time a step is measured from the first `update` of an epoch to the last, so that it counts neither compilation
    nor validation. Differs from Keras, which counts validation in.

    Args:
        display: Where to show it.
        mode: "fit", "evaluate" or "predict".
        clock: Function that returns seconds.
    """

    def __init__(self, display: _display.Display, mode: str, clock: Callable[[], float]) -> None:
        self._display = display
        self._mode = mode
        self._clock = clock
        self._drawn = clock()
        self._start_epoch("", None)

    def _start_epoch(self, title: str, steps: int | None) -> None:
        self._title = title
        self._steps = steps
        self._start = self._clock()
        self._first: tuple[int, float] | None = None  # steps done and time, at the first update and at the last
        self._last = (0, self._start)

    def begin_epoch(self, epoch: int = 0, epochs: int = 1, steps: int | None = None) -> None:
        """Announce the epoch."""
        self._start_epoch(f"Epoch {epoch + 1}/{epochs}" if self._mode == "fit" and epochs > 1 else "", steps)
        self._display.begin_epoch(self._title)

    def update(self, step: int, logs: Mapping[str, Any]) -> None:
        """Show the step if the last drawing is old enough."""
        now = self._clock()
        self._last = (step, now)
        self._first = self._first or self._last
        if now - self._drawn >= self._display.interval(now - self._start):
            self._drawn = now
            self._display.show(self._snapshot(self._steps, logs, now, over=False))

    def end_epoch(self, step: int, logs: Mapping[str, Any]) -> None:
        """Leave the epoch's result on the display."""
        now = self._clock()
        if step != self._last[0]:
            self._last = (step, now)
        self._display.finish(self._snapshot(self._steps or step, logs, now, over=True))

    def message(self, text: str) -> None:
        """Show the remark until the next drawing."""
        self._display.message(text)

    def end(self) -> None:
        """Close the display."""
        self.close()

    def close(self) -> None:
        """Close the display."""
        self._display.close()

    def _snapshot(self, steps: int | None, logs: Mapping[str, Any], now: float, *, over: bool) -> _display.Snapshot:
        return _display.Snapshot(
            self._title, self._last[0], steps, now - self._start, self._seconds_per_step(), logs, over
        )

    def _seconds_per_step(self) -> float:
        step, when = self._last
        first_step, first_when = self._first or (0, self._start)
        if step == first_step:
            first_step, first_when = 0, self._start
        return (when - first_when) / max(1, step - first_step)


def make_progress(
    verbose: str | int = "auto", mode: str = "fit", *, clock: Callable[[], float] = time.perf_counter
) -> Progress:
    """Return the progress for a `verbose` argument and the place that `sys.stdout` is now.

    Args:
        verbose: 0: nothing. 1: rewritten in place on a terminal or in a notebook, else one line an epoch. 2: one line
            an epoch everywhere. Default "auto", the same as 1.
        mode: "fit", "evaluate" or "predict".
        clock: Function that returns seconds; tests hand in their own.

    Raises:
        ValueError: another `verbose` or `mode`.

    Example:
        >>> with make_progress(2) as progress:
        ...     progress.begin(1)
        ...     progress.begin_epoch(0, 1, steps=3)
        ...     progress.end_epoch(3, {"loss": 0.5})  # doctest: +ELLIPSIS
        3/3 - 0s - ...s/step - loss: 0.5000
    """
    errors.check_choice("mode", mode, ["fit", "evaluate", "predict"], "make_progress: ")
    errors.check_choice("verbose", verbose, ["auto", 0, 1, 2], f"{mode}: ")
    if verbose == 0:
        return Progress()
    return VisibleProgress(_display.choose(verbose), mode, clock)
