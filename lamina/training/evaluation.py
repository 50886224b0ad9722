"""`evaluate`, and the validation inside `fit`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import jax

from lamina.core.errors import check_positive_int
from lamina.training import preflight
from lamina.training.callbacks import CallbackList
from lamina.training.data import Stream, Tape
from lamina.training.feed import layout_of, on_host, rows_of, windows
from lamina.training.interrupt import Interrupts, interrupts
from lamina.training.prepare import (
    adds_losses,
    as_batch,
    is_stream,
    output_spec,
    prepared_program,
    require_ready,
    spec_of,
)
from lamina.training.program import Batch, Program, as_numbers, in_order

_RESIDENT_BYTES = 2**30  # validation data up to this size stay on the device for all epochs


def source(model: Any, x: Any, y: Any, sample_weight: Any, argument: str, steps: int | None) -> Batch | Stream:
    """Turn the data of an evaluation into checked arrays or a stream of batches."""
    if is_stream(x):
        if y is not None or sample_weight is not None:
            raise ValueError(
                f"{argument or 'x'}: y and sample_weight cannot be given beside an iterable of batches: yield (x, y) "
                "pairs, or (x, y, sample_weight)."
            )
        stream = Stream(x, steps, argument or "x", float_dtype=model.float_dtype, several=model.several_inputs)
        preflight.check(model, Batch(*stream.peek()), argument or "batch 1")
        return stream
    batch = as_batch(model, x, y, sample_weight, None, argument)
    preflight.check(model, batch, argument, x)
    return batch


class EvaluationFeed:
    """Data to evaluate, as (batch, rows, batch size) pieces of one size.

    Args:
        source: Arrays or a stream.
        batch_size: Rows a batch.
        steps: Batches to do, or None for all.
    """

    def __init__(self, source: Batch | Stream, batch_size: int, steps: int | None) -> None:
        self.source, self.steps = source, steps
        self.batch_size = batch_size
        if isinstance(source, Batch):
            self.source = source = on_host(source)
            if steps is not None and steps * batch_size < rows_of(source):
                self.source = jax.tree.map(lambda a: a[: steps * batch_size], source)
            self.steps = -(-rows_of(self.source) // batch_size)
        else:
            self.steps = steps or source.batches_per_epoch
        self.tape: Tape | None = None  # hears of each batch of a stream
        self._resident: list[Any] | None = None

    def layout(self) -> Any:
        """Shapes and dtypes of the data, or of a stream's rows, as plain data."""
        return self.source.layout() if isinstance(self.source, Stream) else layout_of(self.source)

    def pieces(self, *, pad: bool, by_batch: bool, keep: bool) -> Iterator[tuple[Batch, int, int]]:
        """Yield (data, rows that count, batch size); with `keep`, arrays stay on the device for the next round."""
        if isinstance(self.source, Stream):
            self.source.reset()
            with contextlib.closing(self.source.epoch(self.steps)) as batches:
                for number, raw in enumerate(batches, 1):
                    if self.tape is not None:
                        self.tape.note(number, raw)
                    yield Batch(*raw), rows_of(raw.x), rows_of(raw.x)
            return
        if self._resident is not None:
            yield from self._resident
            return
        pieces: Iterable[tuple[Batch, int, int]] = (
            (window.data, window.rows, min(self.batch_size, rows_of(window.data)))
            for window in windows(self.source, self.batch_size, pad=pad, batches=1 if by_batch else None)
        )
        size = sum(a.nbytes for a in jax.tree.leaves(self.source))
        if keep and size <= _RESIDENT_BYTES:
            pieces = self._resident = list(pieces)
        yield from pieces


class Validation:
    """Runs an evaluation feed over the model as it stands, with the hooks of testing around."""

    def __init__(
        self, model: Any, program: Program, feed: EvaluationFeed, callbacks: CallbackList, signals: Interrupts
    ) -> None:
        self.model, self.program, self.feed = model, program, feed
        self.callbacks, self.signals = callbacks, signals
        self.by_batch = callbacks.batch_hooks("test")
        self._masked: bool | None = None

    def run(self, progress: Any = None) -> dict[str, Any]:
        """Return the logs of one round over the data."""
        self.callbacks.on_test_begin()
        weights = self.program.state([])[:2]
        metrics = self.program.fresh_metrics()
        logs: dict[str, Any] = {}
        step = 0
        for data, rows, batch_size in self.feed.pieces(pad=self.masked, by_batch=self.by_batch, keep=progress is None):
            masked = self.masked and isinstance(self.feed.source, Batch)
            if self.by_batch:
                self.callbacks.on_test_batch_begin(step)
                weights = self.program.state([])[:2]  # the callbacks may have set them
            with self.signals.held():
                metrics, raw = self.program.run_test(weights, metrics, data, rows, batch_size, masked)
            step += -(-rows // batch_size)
            if self.by_batch or progress is not None:
                logs = as_numbers(raw)
            if self.by_batch:
                logs = self.callbacks.call("on_test_batch_end", step - 1, logs=logs)
            if progress is not None:
                progress.update(step, logs)
        logs = as_numbers(raw)
        self.program.publish_metrics(metrics)
        return self.callbacks.call("on_test_end", logs=logs)

    @property
    def masked(self) -> bool:
        """Whether a last, smaller batch may be padded and masked: unless a function of the user's forbids it."""
        if self._masked is None:
            objective, data = self.program.objective, self.feed.source
            if not isinstance(data, Batch):
                return False
            if not self.program.maskable:
                self._masked = False
                return False
            x, y = spec_of(data.x, 2), spec_of(data.y, 2)
            outputs = output_spec(self.model, x)
            self._masked = objective.maskable(y, outputs) and not adds_losses(self.model, x)
        return self._masked


def evaluate(
    model: Any,
    x: Any,
    y: Any,
    batch_size: int | None,
    verbose: Any,
    sample_weight: Any,
    steps: int | None,
    callbacks: Any,
    return_dict: bool,
) -> Any:
    """Measure loss and metrics; see `Model.evaluate`."""
    rows = check_positive_int("batch_size", 32 if batch_size is None else batch_size, "evaluate: ")
    steps = None if steps is None else check_positive_int("steps", steps, "evaluate: ")
    model.require_compiled("evaluate")
    require_ready(model, x, "evaluate")
    feed = EvaluationFeed(source(model, x, y, sample_weight, "", steps), rows, steps)
    program = prepared_program(model)
    called = callbacks if isinstance(callbacks, CallbackList) else CallbackList(callbacks)
    called.set_model(model)
    called.set_params({"verbose": verbose, "epochs": 1, "steps": feed.steps})
    progress = called.take_progress(verbose, "evaluate")
    with interrupts() as signals, contextlib.ExitStack() as stack:
        stack.callback(progress.end)
        stack.push(called.unwind)
        progress.begin(1)
        progress.begin_epoch(0, 1, feed.steps)
        logs = Validation(model, program, feed, called, signals).run(progress)
        progress.end_epoch(feed.steps or 0, logs)
    if return_dict:
        return logs
    return in_order(program, logs)
