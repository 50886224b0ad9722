"""`Tape`: a stream is taken to where the run before had read it, and is found out when it gives something else."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.training.data import Stream, Tape
from lamina.training.data.tape import checksum


def batches(count: int = 3, start: float = 0.0):
    return [np.full((2, 2), start + i, "float32") for i in range(count)]


class Changing:
    """Each pass begins with another number, and counts what is read."""

    def __init__(self, seed: int = 0) -> None:
        self.rng, self.reads = np.random.default_rng(seed), 0

    def __iter__(self):
        for number in self.rng.permutation(5):
            self.reads += 1
            yield np.full((2, 2), number, "float32")


def read(tape: Tape, steps: int | None = None) -> list[float]:
    """Read an epoch, and tell the tape."""
    means = []
    for number, batch in enumerate(tape.stream.epoch(steps), 1):
        tape.note(number, batch)
        means.append(float(batch.x.mean()))
    return means


def taped(data, steps=None):
    return Tape(Stream(data, steps, prefetch=0))


@pytest.mark.parametrize("steps", [None, 2, 4, 7])
@pytest.mark.parametrize("make", [batches, Changing, lambda: lambda: iter(batches())])
def test_a_replayed_stream_goes_on_as_the_first_one_did(make, steps):
    first = taped(make(), steps)
    read(first)
    read(first)
    state = first.state()
    second = taped(make(), steps)
    for _ in range(2):
        second.replay(state)
    second.compare(state, "the last batch")
    assert [read(first), read(first)] == [read(second), read(second)]


def test_a_generator_is_read_on(tmp_path):
    first = taped((b for b in batches(9)), 2)
    read(first)
    read(first)
    second = taped((b for b in batches(9)), 2)
    for _ in range(2):
        second.replay(first.state())
    assert read(second) == read(first) == [4.0, 5.0]


def test_passes_that_begin_alike_are_skipped_and_others_are_read():
    alike, other = taped(lambda: iter(batches())), taped(Changing())
    for tape in (alike, other):
        read(tape)
        read(tape)
    assert (alike.state()["alike"], other.state()["alike"]) == (True, False)
    data = Changing()
    again = taped(data)
    again.replay(other.state())
    again.replay(other.state())
    assert data.reads == 10
    counted = []

    def make():
        counted.append(True)
        yield from batches()

    skipped = taped(make)
    skipped.replay(alike.state())
    skipped.replay(alike.state())
    assert counted == []
    assert skipped.stream.batches_per_epoch == 3
    assert read(skipped) == [0.0, 1.0, 2.0]


def test_other_batches_are_found_out():
    first = taped(Changing(0))
    read(first)
    read(first)
    second = taped(Changing(1))
    second.replay(first.state())
    second.replay(first.state())
    with pytest.raises(
        ValueError, match=r"fit: resume: x: the end is another one than in the run before, so .* Changing give"
    ):
        second.compare(first.state(), "the end")
    expecting = taped(Changing(1))
    expecting.expect(2, first.state(), "batch 2")
    with pytest.raises(ValueError, match="x: batch 2 is another one"):
        read(expecting)
    alike, shifted = taped(batches()), taped(batches(start=1))
    read(alike)
    read(alike)
    shifted.replay(alike.state())
    with pytest.raises(ValueError, match="x: the first batch of the epoch is another one"):
        read(shifted)


def test_the_checksum_tells_values_shapes_and_dtypes_apart():
    arrays = [np.zeros(4), np.zeros((2, 2)), np.zeros(4, "float32"), np.zeros(8, "float32"), np.ones(4)]
    arrays += [np.arange(4.0)[::-1], np.arange(4.0)]
    assert len({checksum(array) for array in arrays}) == len(arrays)
    assert checksum(np.arange(4.0)[::-1]) == checksum(np.arange(4.0)[::-1].copy())
