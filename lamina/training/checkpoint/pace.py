"""`Pace`: when the next checkpoint is due. It decides how much a kill costs, and never what is computed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from lamina.training.callbacks import BackupAndRestore

_SHARE = 30  # ends of epochs are saved at most every so many times the duration of a save


class Pace:
    """Knows when the last checkpoint was made.

    Args:
        settings: How often they are wanted.
        clock: Function that returns seconds; tests hand in their own.
    """

    def __init__(self, settings: BackupAndRestore, clock: Callable[[], float] = time.monotonic) -> None:
        self._frequency, self._seconds, self._clock = settings.save_freq, settings.seconds, clock
        self._steps = settings.save_freq if type(settings.save_freq) is int else None
        self._saved_at, self._steps_saved, self._steps_done = clock(), 0, 0

    def saved(self, steps_done: int) -> None:
        """Count from here."""
        self._saved_at, self._steps_saved, self._steps_done = self._clock(), steps_done, steps_done

    @property
    def steps_left(self) -> int:
        """Steps until the next checkpoint, where steps are counted; else as good as endless."""
        return sys.maxsize if self._steps is None else max(1, self._steps_saved + self._steps - self._steps_done)

    def is_due(self, steps_done: int) -> bool:
        """Whether to save inside of an epoch, where the run has done so many steps."""
        self._steps_done = steps_done
        if self._steps is not None:
            return steps_done - self._steps_saved >= self._steps
        return self._frequency == "epoch" and self._clock() - self._saved_at >= self._seconds

    def is_due_after_epoch(self, seconds_of_save: float) -> bool:
        """Whether to save at the end of an epoch; short epochs share a checkpoint."""
        pause = _SHARE * seconds_of_save if self._seconds else 0.0
        return self._frequency is not False and self._clock() - self._saved_at >= pause
