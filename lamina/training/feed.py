"""Feeds: an epoch as a few segments, each of them data on the device and the batches of it to run.

Arrays are one segment an epoch (two where `steps_per_epoch` crosses the end of the data); a stream is one segment a
batch; memory maps are read a window at a time. The loop treats them all alike.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from lamina.training.data import Stream, Tape, class_weights_to_sample_weights, standardize_weights, target_dtype
from lamina.training.program import Batch

_WINDOW_BYTES = 16 * 2**20  # what evaluation and memory maps move to the device at a time
_WINDOW_BATCHES = 128


class Segment(NamedTuple):
    """Batches to run: `first` to `last` of the full ones over `order`, then the smaller one if `tail`."""

    data: Batch
    order: Any  # int32 (rows,)
    batch_size: int
    first: int
    last: int
    tail: bool


class ArrayFeed:
    """Arrays that live on the device for the whole fit.

    Args:
        data: Host or device arrays of one length.
        batch_size: Rows a step.
        steps: Steps an epoch, or None for one pass over the data. Passes go on where the last epoch stopped.
        shuffle: Whether each pass has an order of its own.
        seed: Seed of the orders; the order of pass p is a function of (seed, p).
    """

    def __init__(self, data: Batch, batch_size: int, steps: int | None, shuffle: bool, seed: int) -> None:
        self.rows = rows_of(data)
        self.batch_size = min(batch_size, self.rows)
        self.data = self._place(data)
        self.shuffle, self.seed = shuffle, seed
        self.batches = -(-self.rows // self.batch_size)
        self.steps = steps or self.batches
        self._order: Any = None
        self._pass = -1

    def _place(self, data: Batch) -> Batch:
        return jax.device_put(data)

    def _order_of(self, number: int) -> Any:
        if self._order is None or (self.shuffle and number != self._pass):
            self._pass = number
            self._order = np.arange(self.rows, dtype=np.int32)
            if self.shuffle:
                np.random.default_rng([self.seed, number]).shuffle(self._order)
        return self._order

    def layout(self) -> Any:
        """Shapes and dtypes of the data, as plain data."""
        return layout_of(self.data)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Segment]:
        """Yield the segments of an epoch, counted from 0, from step `start` on."""
        position, left = epoch * self.steps + start, self.steps - start
        full = self.rows // self.batch_size
        while left:
            number, first = divmod(position, self.batches)
            take = min(left, self.batches - first)
            tail = first + take > full
            yield Segment(self.data, self._order_of(number), self.batch_size, first, first + take - tail, tail)
            position, left = position + take, left - take


class WindowFeed(ArrayFeed):
    """Memory maps: each window of shuffled rows is read from disk when it is due."""

    def __init__(self, data: Batch, batch_size: int, steps: int | None, shuffle: bool, seed: int) -> None:
        super().__init__(data, batch_size, steps, shuffle, seed)
        self._window = window_batches(data, self.batch_size)

    def _place(self, data: Batch) -> Batch:
        return data  # stays on disk

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Segment]:
        """Yield a segment for each window."""
        for part in super().epoch(epoch, start):
            order = part.order
            for batch in range(part.first, part.last, self._window):
                count = min(self._window, part.last - batch)
                rows = order[batch * self.batch_size : (batch + self._window) * self.batch_size]
                rows = np.resize(rows, self._window * self.batch_size)
                yield Segment(self._read(rows), _arange(len(rows)), self.batch_size, 0, count, False)
            if part.tail:
                rows = order[part.last * self.batch_size :]
                yield Segment(self._read(rows), _arange(len(rows)), len(rows), 0, 1, False)

    def _read(self, rows: np.ndarray) -> Batch:
        return jax.device_put(jax.tree.map(lambda a: _in_memory(a[rows]), self.data))


class StreamFeed:
    """Batches as a generator or loader yields them, one step each; class weights join the sample weights."""

    def __init__(self, stream: Stream, class_weight: Any, names: list[str] | None = None) -> None:
        self.stream, self.class_weight, self.names = stream, class_weight, names
        self.check: Callable[[Batch, int], None] | None = None  # sees each batch and its number in the epoch, from 1
        self.batch_size = None  # the stream decides it
        self.tape: Tape | None = None  # hears of each batch that was taken

    @property
    def steps(self) -> int | None:
        """Steps an epoch, None until an epoch has ended."""
        return self.stream.batches_per_epoch

    def peek(self) -> Batch:
        """The first batch, which `epoch` yields again."""
        return self._weighted(self.stream.peek())

    def _weighted(self, batch: Any) -> Batch:
        x, y, weights = batch
        if self.class_weight is not None:
            by_class = class_weights_to_sample_weights(y, self.class_weight, names=self.names, batch=True)
            weights = standardize_weights(weights, rows_of(x), by_class)
        return Batch(x, y, weights)

    def layout(self) -> Any:
        """Shapes and dtypes of the rows, as plain data."""
        return self.stream.layout()

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Segment]:
        """Yield a segment for each batch, from step `start` on."""
        with contextlib.closing(self.stream.epoch()) as batches:
            for number, raw in enumerate(batches, 1):
                if self.tape is not None:
                    self.tape.note(number, raw)
                if number <= start:
                    continue
                batch = self._weighted(raw)
                if self.check is not None:
                    self.check(batch, number)
                batch = jax.device_put(batch)
                rows = rows_of(batch)
                yield Segment(batch, _arange(rows), rows, 0, 1, False)


class Window(NamedTuple):
    """Rows to evaluate or predict, padded to a fixed size; the first `rows` count."""

    data: Batch
    rows: int


def windows(data: Batch, batch_size: int, *, pad: bool, batches: int | None = None) -> Iterator[Window]:
    """Cut arrays into windows of one size, so that data sets of any length share one compiled program.

    With `pad`, the last window repeats its last row up to the full size; without, the rows of a last, smaller batch
    come in a window of their own.
    """
    total = rows_of(data)
    size = (batches or window_batches(data, batch_size)) * batch_size
    whole = total if pad else total - total % batch_size
    for start in range(0, whole, size):
        rows = min(size, whole - start)
        yield Window(jax.device_put(padded(data, start, rows, size)), rows)
    if whole < total:
        yield Window(jax.device_put(padded(data, whole, total - whole, total - whole)), total - whole)


def window_batches(data: Batch, batch_size: int) -> int:
    """Batches in a window: as many as fit into 16 MiB, at least 1, at most 128."""
    row = sum(a.dtype.itemsize * int(np.prod(a.shape[1:])) for a in jax.tree.leaves(data))
    return max(1, min(_WINDOW_BATCHES, _WINDOW_BYTES // max(1, row * batch_size)))


def padded(data: Any, start: int, rows: int, size: int) -> Any:
    """Rows `start` to `start + rows` of arrays, with the last one repeated up to `size` rows."""

    def part(array: Any) -> np.ndarray:
        piece = _in_memory(array[start : start + rows])
        if rows == size:
            return piece
        out = np.empty((size, *piece.shape[1:]), piece.dtype)
        out[:rows] = piece
        out[rows:] = piece[-1:]
        return out

    return jax.tree.map(part, data)


def on_host(data: Any) -> Any:
    """Device arrays as NumPy arrays (on a CPU the same memory), since cutting them there would compile for each cut."""
    return jax.tree.map(lambda a: np.asarray(a) if isinstance(a, jax.Array) else a, data)


def _in_memory(rows: Any) -> np.ndarray:
    """Rows of an array or memory map, in the type in which they are trained."""
    rows = np.asarray(rows)
    return rows.astype(target_dtype(rows.dtype), copy=False)


def layout_of(data: Any) -> list[Any]:
    """Shapes and dtypes of the arrays in a nest, in order, as plain data."""
    return [[list(leaf.shape), str(leaf.dtype)] for leaf in jax.tree.leaves(data)]


def rows_of(data: Any) -> int:
    """Length of the first axis."""
    return jax.tree.leaves(data)[0].shape[0]


def _arange(rows: int) -> np.ndarray:
    return np.arange(rows, dtype=np.int32)
