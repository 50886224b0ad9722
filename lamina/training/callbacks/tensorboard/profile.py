"""`Profile`: some steps of a training recorded by JAX's profiler."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jax

from lamina.core import errors


class Profile:
    """Records the batches from `first` to `last`, counted from 1, once; nothing if both are 0.

    JAX writes `plugins/profile/<time>/` into the folder of the run, which TensorBoard's profile plugin opens. Chunks of
    steps begin and end there, and are the steps that the plugin shows.

    Args:
        batches: What `profile_batch` was given.

    Raises:
        ValueError: anything else than whole numbers 0 <= first <= last.
    """

    def __init__(self, batches: Any) -> None:
        self.first, self.last = _parse(batches)
        self._trace: Any = None  # the mark of the chunk that runs; None: not recording
        self._done = self.last == 0

    def steps_wanted(self, done: int) -> int:
        """Steps until recording begins or ends, after `done` batches."""
        if self._done:
            return sys.maxsize
        return max(1, self.last - done if self._trace is not None else self.first - 1 - done)

    def advance(self, done: int, folder: Path) -> None:
        """Begin or end the recording, between batches; `done` of them are over."""
        if self._done or done + 1 < self.first:
            return
        if done >= self.last:
            self.stop()
            self._done = True
            return
        if self._trace is not None:
            self._trace.__exit__(None, None, None)
        elif not self._start(folder):
            return
        self._trace = jax.profiler.StepTraceAnnotation("train", step_num=done + 1)
        self._trace.__enter__()

    def _start(self, folder: Path) -> bool:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            jax.profiler.start_trace(str(folder))
        except (OSError, RuntimeError) as error:
            self._done = True
            errors.warn_user(f"TensorBoard: profile_batch: the profiler did not start: {error}")
        return not self._done

    def stop(self) -> None:
        """Write what was recorded, if anything."""
        if self._trace is None:
            return
        self._trace.__exit__(None, None, None)
        self._trace, self._done = None, True
        try:
            jax.profiler.stop_trace()
        except (OSError, RuntimeError) as error:
            errors.warn_user(f"TensorBoard: profile_batch: the profile was not written: {error}")

    @property
    def missed(self) -> bool:
        """Whether the batches to record have not come yet."""
        return not self._done and self._trace is None


def _parse(given: Any) -> tuple[int, int]:
    parts = given.split(",") if isinstance(given, str) else given
    try:
        numbers = [int(part) for part in parts] if isinstance(given, str) else parts
    except ValueError:
        numbers = None
    if isinstance(numbers, (list, tuple)) and len(numbers) == 1:
        numbers = numbers[0]
    pair = tuple(numbers) if isinstance(numbers, (list, tuple)) else (numbers, numbers)
    if (
        len(pair) != 2
        or not all(hasattr(n, "__index__") and not isinstance(n, bool) for n in pair)
        or not 0 <= pair[0] <= pair[1]
        or (pair[0] == 0 and pair[1] > 0)
    ):
        raise ValueError(
            "TensorBoard: profile_batch: expected the number of a batch, from 1, or the first and the last one, such "
            f"as (100, 200), or 0 for none; received {given!r}."
        )
    return int(pair[0]), int(pair[1])
