"""`Tape`: what a stream has given, so that a run that goes on in another process is given the same, or says so."""

from __future__ import annotations

import contextlib
import zlib
from typing import Any

import jax
import numpy as np

from lamina.core.errors import LaminaError
from lamina.training.data.stream import Stream, StreamBatch


class Tape:
    """Remembers checksums of batches; in a resumed run, takes a stream to where the run before had read it.

    Nobody knows what an iterable keeps in itself (a shuffled order, a position in a file), so the batches that the run
    had before are read again and dropped. Only where its epochs all began with the same batch, and each of them is one
    pass over the data, are they skipped. The last one that is dropped is compared with the one that was.

    Args:
        stream: The stream that is read.

    Example:
        >>> data = [np.zeros((2, 3)), np.ones((2, 3))]
        >>> tape = Tape(Stream(data))
        >>> for number, batch in enumerate(tape.stream.epoch(), 1):
        ...     tape.note(number, batch)
        >>> again = Tape(Stream(data))
        >>> again.replay(tape.state())
        >>> again.compare(tape.state(), "epoch 1")
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._epochs = 0  # begun
        self._first: int | None = None  # checksum of the first batch of all
        self._alike = True  # whether every epoch began with it
        self._last: StreamBatch | None = None
        self._skipped = False
        self._expected: tuple[int, dict[str, Any], str] | None = None

    def note(self, number: int, batch: StreamBatch) -> None:
        """Remember a batch that was taken, the one with this number in the epoch, from 1."""
        self._last = batch
        if number == 1:
            self._note_first(batch)
        if self._expected is not None and self._expected[0] == number:
            self.compare(*self._expected[1:])
            self._expected = None

    def _note_first(self, batch: StreamBatch) -> None:
        first = checksum(batch)
        if self._skipped and first != self._first:
            raise self._other("the first batch of the epoch")
        self._skipped = False
        self._epochs += 1
        self._first = first if self._first is None else self._first
        self._alike = self._alike and first == self._first

    def state(self) -> dict[str, Any]:
        """What has been read, as numbers."""
        last = None if self._last is None else checksum(self._last)
        length = self.stream.batches_per_epoch
        return {"epochs": self._epochs, "first": self._first, "alike": self._alike, "last": last, "length": length}

    def replay(self, state: dict[str, Any], steps: int | None = None, *, from_start: bool = False) -> None:
        """Read an epoch that the run before had, and drop it.

        Args:
            state: What that run's `state` was.
            steps: Batches of an epoch, as for `Stream.epoch`.
            from_start: Whether each epoch begins at the start of the data, however many its steps are.
        """
        one_pass = from_start or self.stream.steps is None
        if state["alike"] and state["epochs"] > 1 and one_pass and self.stream.skip(state["length"]):
            self._epochs, self._first, self._skipped = self._epochs + 1, state["first"], True
            return
        with contextlib.closing(self.stream.epoch(steps)) as batches:
            for number, batch in enumerate(batches, 1):
                self.note(number, batch)

    def expect(self, number: int, state: dict[str, Any], where: str) -> None:
        """Compare once the batch of this number has been taken."""
        self._expected = number, state, where

    def compare(self, state: dict[str, Any], where: str) -> None:
        """Raise unless the last batch was the last one of the run before, too; `where` names it.

        Raises:
            LaminaError: it was another one.
        """
        if self._last is not None and checksum(self._last) != state["last"]:
            raise self._other(where)

    def _other(self, which: str) -> LaminaError:
        argument = self.stream.argument
        return LaminaError(
            f"fit: resume: {argument}: {which} is another one than in the run before, so that this run could not go on "
            f"exactly. Let the {type(self.stream.data).__name__} give the same batches in each process (a fixed seed "
            "for its order and for what it draws), or start anew in another folder."
        )


def checksum(batch: StreamBatch) -> int:
    """CRC-32 of the arrays of a batch, their shapes and dtypes."""
    crc = 0
    for leaf in jax.tree.leaves(batch):
        array = np.ascontiguousarray(leaf)
        crc = zlib.crc32(f"{array.shape}{array.dtype}".encode(), crc)
        crc = zlib.crc32(array.reshape(-1).view(np.uint8).data, crc)
    return crc
