"""The loop of `fit`: epochs, chunks of steps, callbacks, validation, progress.

    fit -> prepare (data, checks, program) -> per epoch: _run_epoch -> program.train, a chunk of steps at a time

A chunk is as many steps as take about 0.1 s, so that progress moves and Ctrl-C works; a callback that overrides a batch
hook gets chunks of one. The weights do not depend on it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from lamina.training import evaluation, preflight
from lamina.training.arguments import FitArguments
from lamina.training.callbacks import CallbackList, History
from lamina.training.checkpoint import NoResume, Position, Resume, resuming
from lamina.training.data import Stream, train_validation_split, unpack
from lamina.training.feed import ArrayFeed, Segment, StreamFeed, WindowFeed
from lamina.training.interrupt import Interrupts, interrupts
from lamina.training.prepare import as_batch, by_windows, is_stream
from lamina.training.program import Batch, Program, as_numbers, key_data

_CHUNK_SECONDS = 0.1
_FIRST_CHUNK = 8
_GROWTH = 16


def fit(model: Any, arguments: FitArguments) -> History:
    """Train the model; see `Model.fit`."""
    with model.exclusive("fit"), interrupts() as signals, resuming(arguments) as resume:
        seed = resume.seed()  # shuffle orders and masks are functions of it, the epoch and the step
        feed, validation = _feeds(model, arguments, seed)
        callbacks = CallbackList(arguments.callbacks, add_history=True)
        program = resume.attach(model, feed, validation, arguments, callbacks)
        progress = callbacks.take_progress(arguments.verbose, "fit")
        callbacks.set_model(model)
        callbacks.set_params(arguments.params(feed.steps))
        if program.log_names is not None:
            names = program.log_names
            validated = validation is not None and arguments.validates_some
            callbacks.expect_logs(names + [f"val_{name}" for name in names] if validated else names)
        if resume.has_ended():
            return model.history
        run = _Run(model, program, callbacks, progress, signals, feed, seed, resume)
        validate = evaluation.Validation(model, program, validation, callbacks, signals) if validation else None
        run.epochs(arguments, validate)
        return model.history


def _feeds(model: Any, arguments: FitArguments, seed: int) -> tuple[ArrayFeed | StreamFeed, Any]:
    """Turn what `fit` was given into the feed of training and the feed of validation, all of it checked."""
    held_out: Any = None
    if is_stream(arguments.x):
        arguments.refuse_with_stream()
        order = seed if arguments.shuffle else None
        stream = Stream(
            arguments.x,
            arguments.steps_per_epoch,
            "x",
            float_dtype=model.float_dtype,
            several=model.several_inputs,
            seed=order,
        )
        feed: Any = StreamFeed(stream, arguments.class_weight, model.output_names)
        first = feed.peek()
        preflight.check(model, first, "batch 1")
        preflight.check_fit(model, first, "batch 1")
        feed.check = preflight.later_batches(model)
    else:
        batch = as_batch(model, arguments.x, arguments.y, arguments.sample_weight, arguments.class_weight)
        preflight.check(model, batch, "", arguments.x)
        preflight.check_fit(model, batch, "")
        if arguments.validation_split and arguments.validation_data is None:
            train, rest = train_validation_split(tuple(batch), arguments.validation_split)
            batch, held_out = Batch(*train), Batch(*rest)
        make = WindowFeed if by_windows(batch) else ArrayFeed
        feed = make(batch, arguments.batch_size or 32, arguments.steps_per_epoch, arguments.shuffle, seed)
    if arguments.validation_data is not None:
        x, y, weights = unpack(arguments.validation_data, "validation_data: ")
        held_out = evaluation.source(model, x, y, weights, "validation_data", arguments.validation_steps)
        if isinstance(held_out, Batch) and not is_stream(arguments.x):
            preflight.compare_classes(model, batch.y, held_out.y)
    if held_out is None:
        return feed, None
    rows = arguments.validation_batch_size or arguments.batch_size or 32
    return feed, evaluation.EvaluationFeed(held_out, rows, arguments.validation_steps)


class _Run:
    """One `fit`: what its epochs share."""

    def __init__(
        self,
        model: Any,
        program: Program,
        callbacks: CallbackList,
        progress: Any,
        signals: Interrupts,
        feed: Any,
        seed: int,
        resume: Resume | NoResume,
    ) -> None:
        self.model, self.program, self.callbacks, self.progress = model, program, callbacks, progress
        self.signals, self.feed, self.resume = signals, feed, resume
        self.seed = key_data(seed)
        self.steps_done = 0
        self.chunk = float(_FIRST_CHUNK)
        self.by_batch = model.steps_per_execution if callbacks.batch_hooks("train") else None

    def epochs(self, arguments: FitArguments, validation: Any) -> None:
        """Run the epochs and every hook around them; whatever happens, `on_train_end` runs and the model is whole."""
        model, callbacks, progress = self.model, self.callbacks, self.progress
        model.stop_training = False
        logs: dict[str, Any] = {}
        error: BaseException | None = None
        try:
            progress.begin(arguments.epochs)
            callbacks.on_train_begin()
            begin, logs = self.resume.start(arguments.initial_epoch)
            self.steps_done = begin.steps_done
            for epoch in range(begin.epoch, arguments.epochs):
                progress.begin_epoch(epoch, arguments.epochs, self.feed.steps)
                callbacks.on_epoch_begin(epoch)
                logs, steps = self._run_epoch(epoch)
                if validation is not None and arguments.validates(epoch):
                    logs |= {f"val_{name}": value for name, value in validation.run().items()}
                logs = callbacks.call("on_epoch_end", epoch, logs=logs)
                progress.end_epoch(steps, logs)
                last = model.stop_training or epoch + 1 == arguments.epochs
                self.resume.epoch_done(Position(epoch + 1, 0, self.steps_done), logs, last=last)
                if last:
                    break
        except BaseException as caught:
            error = caught
            raise
        finally:
            progress.end()
            _finish(model, self.program, callbacks, logs, error)
        self.resume.finish(logs)

    def _run_epoch(self, epoch: int) -> tuple[dict[str, Any], int]:
        """Run the steps of one epoch; returns the logs and the number of steps."""
        step, metrics, logs = self.resume.enter(epoch) or (0, self.program.fresh_metrics(), {})
        for segment in self._segments(epoch, step):
            for first, last, tail in self._chunks(segment):
                if self.by_batch:
                    self.callbacks.on_train_batch_begin(step)
                metrics, logs = self._advance(segment, first, last, tail, metrics)
                step += last - first + tail
                self.steps_done += last - first + tail
                self.callbacks.steps_done(epoch, step - (last - first + tail), step - 1, logs)
                if self.by_batch:
                    logs = self.callbacks.call("on_train_batch_end", step - 1, logs=logs)
                self.progress.update(step, logs)
                if self.model.stop_training:
                    return logs, step
                self.resume.chunk_done(Position(epoch, step, self.steps_done), metrics, logs)
        return logs, step

    def _segments(self, epoch: int, start: int) -> Iterator[Segment]:
        segments = self.feed.epoch(epoch, start)
        try:
            yield from segments
        finally:
            segments.close()

    def _chunks(self, segment: Segment) -> Iterator[tuple[int, int, bool]]:
        """Cut a segment into (first, last, tail) chunks."""
        first = segment.first
        while first < segment.last:
            room = self.by_batch or min(int(self.chunk), self.resume.steps_left, self.callbacks.steps_wanted())
            last = min(segment.last, first + room)
            tail = segment.tail and last == segment.last and last - first < room
            yield first, last, tail
            first = last
            if tail:
                return
        if segment.tail:
            yield first, first, True

    def _advance(
        self, segment: Segment, first: int, last: int, tail: bool, metrics: list[Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """Run one chunk and publish its state; Ctrl-C waits until that is done."""
        with self.signals.held():
            began = time.perf_counter()
            done = np.int32(self.steps_done - first)
            state, logs = self.program.run_train(
                self.program.state(metrics), segment, self.seed, done, np.int32(first), np.int32(last), tail
            )
            logs = as_numbers(logs)  # waits for the chunk
            self.program.publish(state)
        seconds = (time.perf_counter() - began) / (last - first + tail)
        self.chunk = min(max(1.0, _CHUNK_SECONDS / seconds), self.chunk * _GROWTH)
        return state.metrics, logs


def _finish(
    model: Any, program: Program, callbacks: CallbackList, logs: dict[str, Any], error: BaseException | None
) -> None:
    """Close a fit: averages become weights where asked, and every callback hears of the end."""
    if error is None:
        model.optimizer.finalize_variable_values(program.trainable)
        callbacks.on_train_end(logs)
        return
    try:
        callbacks.on_train_end(logs)
    except Exception as second:  # noqa: BLE001 - the first error is the one to raise
        error.add_note(f"And then {type(second).__name__} in on_train_end: {second}")
