"""`Clock`: how fast the steps of an epoch go."""

from __future__ import annotations

import time


class Clock:
    """Counts batches and the seconds that their steps take; what comes after an epoch's last step does not count."""

    def __init__(self) -> None:
        self.begin_epoch(0)

    def begin_epoch(self, batches: int) -> None:
        """Hear that an epoch begins, or is gone on with, after so many batches of the training."""
        now = time.perf_counter()
        self._begin = self._mark = self._last = (batches, now)

    def steps_done(self, batches: int) -> None:
        """Hear how many batches of the training are done."""
        self._last = (batches, time.perf_counter())

    def of_epoch(self) -> float:
        """Steps a second since the beginning of the epoch."""
        return _rate(self._begin, self._last)

    def since_mark(self) -> float:
        """Steps a second since this was called before, in this epoch."""
        rate = _rate(self._mark, self._last)
        self._mark = self._last
        return rate


def _rate(first: tuple[int, float], last: tuple[int, float]) -> float:
    seconds = last[1] - first[1]
    return (last[0] - first[0]) / seconds if seconds > 0 else 0.0
