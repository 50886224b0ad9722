"""`Stream`: batches from generators, loaders and datasets, remembered across epochs and read ahead on a thread."""

from __future__ import annotations

import functools
import itertools
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from lamina.core.errors import check_positive_int
from lamina.training.data.arrays import as_arrays
from lamina.training.data.checks import check_lengths, named_leaves
from lamina.training.data.dtypes import target_dtype
from lamina.training.data.frames import is_from
from lamina.training.data.order import in_given_order
from lamina.training.data.prefetch import Prefetch
from lamina.training.data.weights import standardize_weights

_END = object()


class StreamBatch(NamedTuple):
    """One batch: nests of arrays with one row per sample, or None."""

    x: Any
    y: Any
    sample_weight: Any


def unpack(batch: Any, where: str = "") -> tuple[Any, Any, Any]:
    """Return (x, y, sample_weight) of x alone, (x,), (x, y) or (x, y, sample_weight); a list counts as a tuple.

    Messages begin with `where`.

    Raises:
        ValueError: a tuple of another length.

    Example:
        >>> unpack(([1], [0])), unpack({"a": 1})
        (([1], [0], None), ({'a': 1}, None, None))
    """
    if not isinstance(batch, list | tuple):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise ValueError(
            f"{where}expected x, (x,), (x, y) or (x, y, sample_weight), received a {type(batch).__name__} of "
            f"{len(batch)}. Several inputs belong into a tuple of their own: ((x1, x2), y)."
        )
    x, y, sample_weight = (*batch, None, None)[:3]
    return x, y, sample_weight


class Stream:
    """Epochs of batches from anything that yields them.

    What cannot be started again (a generator, an iterator) goes on where the last epoch stopped. Everything else starts
    again at each epoch; with `steps` it goes on instead, and starts again when it is exhausted, so that every epoch has
    its steps.

    Args:
        data: A generator or iterator; an iterable (`torch.utils.data.DataLoader`, `tf.data.Dataset`, Grain); an object
            with `__getitem__(batch)` and `num_batches` or `__len__` (Keras' `PyDataset`), whose `on_epoch_begin` and
            `on_epoch_end` are called; or a function that returns one of these. It yields what `unpack` takes.
        steps: Batches per epoch; None reads each epoch to its end.
        argument: What messages call the data.
        float_dtype: Type of all floats.
        several: What a list as x means, see `as_arrays`.
        seed: Seed of the order in which an object with `__getitem__` is read, a function of (seed, pass); None reads it
            in its own order.
        prefetch: Batches read ahead on a thread; 0 reads in the caller's thread, for data that belongs to it (an SQLite
            connection) and for debugging.

    Differs from Keras: a generator is continued exactly, no batch is read twice or lost between epochs; one that ends
    before its steps are done raises; batches whose structure, shape or type changes raise.

    Example:
        >>> with Stream(lambda: iter([np.zeros((2, 3)), np.ones((2, 3))])) as stream:
        ...     [batch.x.mean() for batch in stream.epoch()]
        [np.float32(0.0), np.float32(1.0)]
    """

    def __init__(
        self,
        data: Any,
        steps: int | None = None,
        argument: str = "x",
        *,
        float_dtype: str = "float32",
        several: bool | None = None,
        seed: int | None = None,
        prefetch: int = 2,
    ) -> None:
        if is_from(data, "torch", "Dataset"):
            raise ValueError(
                f"{argument}: a torch Dataset yields single samples. Wrap it into torch.utils.data.DataLoader(dataset, "
                "batch_size=32, shuffle=True)."
            )
        self.data, self.argument, self.seed, self.prefetch = data, argument, seed, prefetch
        self.float_dtype, self.several = float_dtype, several
        self.steps = None if steps is None else check_positive_int("steps", steps, f"{argument}: ")
        self._length, self._endless = _length(data, argument)
        self._restart = self._passes_over(data)
        self._iterator: Any = None if self._restart else data
        self._pass = 0  # passes over the data begun
        self._position = 0  # batches read of this pass
        self._layout: dict[str, str] = {}
        self._current: weakref.ref[Prefetch[StreamBatch]] | None = None  # weak: an abandoned epoch ends its thread

    @property
    def batches_per_epoch(self) -> int | None:
        """Batches in an epoch: `steps`, else the length of the data, else None until an epoch has ended."""
        return self.steps or self._length

    def epoch(self, steps: int | None = None) -> Prefetch[StreamBatch]:
        """Return an iterator over one epoch of `StreamBatch`es; close it (or the stream) when leaving it early.

        Raises (when read):
            ValueError: a generator that ended before `steps` batches, data without batches, a batch that cannot be read
                or differs in layout from the first one. Errors of the user's code arrive as they are.
        """
        steps = steps or self.steps
        if steps is None and self._endless:
            raise ValueError(f"{self.argument} never ends: pass the number of batches of an epoch (steps_per_epoch).")
        self.close()
        _call(self.data, "on_epoch_begin")
        batches = Prefetch(self._batches(steps), self.prefetch, functools.partial(_call, self.data, "on_epoch_end"))
        self._current = weakref.ref(batches)
        return batches

    def peek(self) -> StreamBatch:
        """Return the first batch of the next epoch, which will yield it again."""
        batch = self._next()
        if batch is _END and self._restart and self._position:
            batch = self._next()
        if batch is _END:
            raise self._ended(0, None)
        self._iterator, self._position = itertools.chain([batch], self._iterator), self._position - 1
        return self._convert(batch, 1)

    def reset(self) -> None:
        """Begin the next epoch at the start of the data; a generator or iterator cannot, and goes on."""
        self.close()
        if self._restart:
            self._iterator = None

    def skip(self, length: int | None) -> bool:
        """Begin a pass over the data, of `length` batches, and leave it; False where there is only the one pass."""
        if not self._restart:
            return False
        self.close()
        _call(self.data, "on_epoch_begin")
        if self._iterator is None or self._position:
            self._begin_pass()
        self._iterator, self._position, self._length = None, 0, length
        _call(self.data, "on_epoch_end")
        return True

    def layout(self) -> list[str]:
        """Shapes and dtypes of the rows of each array of a batch, as far as one was read."""
        return [f"{name}: {rows}" for name, rows in self._layout.items()]

    def close(self) -> None:
        """Stop the thread that reads ahead, if one runs, and wait for it."""
        batches = self._current and self._current()
        if batches:
            batches.close()
        self._current = None

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _passes_over(self, data: Any) -> Callable[[], Iterator[Any]] | None:
        """Return a function that begins a pass over the data; None if there is only the one that has begun."""
        if hasattr(data, "__next__"):
            return None
        if _is_indexed(data):
            return self._by_index
        if hasattr(data, "__iter__") or hasattr(data, "__getitem__"):
            return lambda: iter(data)
        return lambda: iter(data())

    def _by_index(self) -> Iterator[Any]:
        self._length, _ = _length(self.data, self.argument)  # it may change between passes
        if self._length is None:
            indices: Any = itertools.count()
        elif self.seed is None:
            indices = range(self._length)
        else:
            indices = np.random.default_rng([self.seed, self._pass]).permutation(self._length).tolist()
        return (self.data[index] for index in indices)

    def _begin_pass(self) -> None:
        self._iterator = self._restart and self._restart()
        self._pass, self._position = self._pass + 1, 0

    def _next(self) -> Any:
        """Return the next raw batch, or _END once at the end of a pass; the call after that begins a new one."""
        if self._iterator is None and self._restart:
            self._begin_pass()
        batch = next(self._iterator, _END)
        if batch is not _END:
            self._position += 1
        elif self._restart:
            self._iterator = None
        return batch

    def _batches(self, steps: int | None) -> Iterator[StreamBatch]:
        if steps is None and self._restart and self._position:
            self._iterator = None
        done = 0
        while steps is None or done < steps:
            batch = self._next()
            if batch is not _END:
                done += 1
                yield self._convert(batch, done)
                continue
            goes_on = self._position if self._restart else done and steps is None
            if not goes_on:
                raise self._ended(done, steps)
            if steps is None:
                self._length = done
                return

    def _ended(self, done: int, steps: int | None) -> ValueError:
        what = f"{self.argument}: the {type(self.data).__name__}"
        if self._restart or not self._position:
            return ValueError(f"{what} yielded no batch. Expected x, (x, y) or (x, y, sample_weight), at least once.")
        came = f"ended after {done} of {steps} batches" if steps else "has been read to its end in an earlier epoch"
        return ValueError(
            f"{what} {came}, and it can be read only once. Pass a function that returns a new one (x=make_batches "
            "instead of x=make_batches()), or yield steps_per_epoch * epochs batches."
        )

    def _convert(self, batch: Any, step: int) -> StreamBatch:
        place = f"batch {step}" if self.argument == "x" else f"batch {step} of {self.argument}"
        x, y, sample_weight = unpack(batch, f"{place}: ")
        if x is None:
            raise ValueError(f"{place} has no x (None). Expected x, (x, y) or (x, y, sample_weight).")
        result = StreamBatch(
            as_arrays(x, f"x in {place}", float_dtype=self.float_dtype, several=self.several),
            in_given_order(as_arrays(y, f"y in {place}", float_dtype=self.float_dtype)),
            as_arrays(sample_weight, f"sample_weight in {place}", float_dtype=self.float_dtype),
        )
        rows = check_lengths({f"{name} in {place}": tree for name, tree in result._asdict().items()})
        weights = standardize_weights(
            result.sample_weight, rows, argument=f"sample_weight in {place}", float_dtype=self.float_dtype
        )
        result = result._replace(sample_weight=weights)
        self._check_layout(result, place)
        return _owned(result, batch, self.float_dtype)

    def _check_layout(self, batch: StreamBatch, place: str) -> None:
        """Raise unless the batch has the structure, shapes and types of the first one; its number of rows is free."""
        layout = {
            name: f"rows of shape {tuple(leaf.shape[1:])} and dtype {leaf.dtype}"
            for field, tree in batch._asdict().items()
            for name, leaf in named_leaves(tree, field)
        }
        first = self._layout = self._layout or layout
        if list(layout) != list(first):
            raise ValueError(f"{place} holds {', '.join(layout)}; the batches before it held {', '.join(first)}.")
        for name, found in layout.items():
            if found != first[name]:
                raise ValueError(
                    f"{place}: {name} has {found}; the batches before it had {first[name]}. Only the number of rows "
                    "may differ between batches."
                )


def _owned(converted: StreamBatch, batch: Any, float_dtype: str) -> StreamBatch:
    """Copy what is still the user's memory: generators like to fill one buffer again and again."""
    given = {id(leaf) for leaf in jax.tree.leaves(batch)}

    def own(leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray) and (leaf.base is not None or id(leaf) in given):
            return np.array(leaf, target_dtype(leaf.dtype, float_dtype))  # memory maps are cast here
        return leaf

    return jax.tree.map(own, converted)


def _is_indexed(data: Any) -> bool:
    return hasattr(data, "__getitem__") and (hasattr(data, "num_batches") or hasattr(data, "__len__"))


def _length(data: Any, argument: str) -> tuple[int | None, bool]:
    """Return the number of batches of a pass, None if unknown, and whether the data is known never to end."""
    if _is_indexed(data) and hasattr(data, "num_batches"):
        length = data.num_batches
        if length is None:
            return None, True
    else:
        try:
            length = len(data)
        except TypeError:  # no __len__, or one that says that the length is unknown
            return None, False
    if length >= sys.maxsize:  # Grain's way to say endless
        return None, True
    if length < 1:
        raise ValueError(f"{argument}: the {type(data).__name__} holds no batches (its length is {length}).")
    return int(length), False


def _call(data: Any, hook: str) -> None:
    method = getattr(data, hook, None)
    if callable(method):
        method()
