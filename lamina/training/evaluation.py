"""`evaluate`, the validation inside `fit`, and `predict`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import numpy as np

from lamina.core.errors import NotBuiltError, check_positive_int
from lamina.training import preflight
from lamina.training.callbacks import CallbackList
from lamina.training.data import Stream, as_arrays, check_lengths
from lamina.training.feed import padded, rows_of, window_batches, windows
from lamina.training.interrupt import Interrupts, interrupts
from lamina.training.prepare import adds_losses, as_batch, is_stream, output_spec, prepared_program, spec_of
from lamina.training.program import Batch, Predictor, Program, as_numbers
from lamina.training.progress import make_progress

_RESIDENT_BYTES = 2**30  # validation data up to this size stay on the device for all epochs
_ONE = np.int32(1)


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
            total = rows_of(source)
            if steps is not None and steps * batch_size < total:
                self.source = jax.tree.map(lambda a: a[: steps * batch_size], source)
            self.steps = -(-rows_of(self.source) // batch_size)
        else:
            self.steps = steps or source.batches_per_epoch
        self._resident: list[Any] | None = None

    def pieces(self, *, pad: bool, by_batch: bool, keep: bool) -> Iterator[tuple[Batch, int, int]]:
        """Yield (data, rows that count, batch size); with `keep`, arrays stay on the device for the next round."""
        if isinstance(self.source, Stream):
            self.source.reset()
            with contextlib.closing(self.source.epoch(self.steps)) as batches:
                for raw in batches:
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
    _require_ready(model, x, "evaluate")
    feed = EvaluationFeed(source(model, x, y, sample_weight, "", steps), rows, steps)
    program = prepared_program(model)
    called = callbacks if isinstance(callbacks, CallbackList) else CallbackList(callbacks)
    called.set_model(model)
    called.set_params({"verbose": verbose, "epochs": 1, "steps": feed.steps})
    progress = make_progress(verbose, "evaluate")
    with interrupts() as signals, contextlib.closing(_Closing(progress)):
        progress.begin(1)
        progress.begin_epoch(0, 1, feed.steps)
        logs = Validation(model, program, feed, called, signals).run(progress)
        progress.end_epoch(feed.steps or 0, logs)
    if return_dict:
        return logs
    ordered = [logs[name] for name in program.objective.log_names]
    return ordered[0] if len(ordered) == 1 else ordered


class _Closing:
    def __init__(self, progress: Any) -> None:
        self.close = progress.end


def predict(model: Any, x: Any, batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any) -> Any:
    """Compute the outputs of all rows; see `Model.predict`."""
    try:
        return _predict(model, x, batch_size, verbose, steps, callbacks)
    except ValueError as error:
        refused = error
    if type(refused) is ValueError and hasattr(x, "shape") and len(x):
        preflight.check_inputs(model, x, "")  # says it of x as the user knows it, not of a padded batch
    raise refused


def _predict(model: Any, x: Any, batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any) -> Any:
    plain = isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.ndim > 0 and model.built
    if plain and callbacks is None and steps is None and verbose in ("auto", 0):
        size = 32 if batch_size is None else batch_size
        if isinstance(size, int) and 0 < len(x) <= size:
            return _predict_once(predictor(model), x.astype(model.float_dtype, copy=False), size)
    return _predict_all(model, x, batch_size, verbose, steps, callbacks)


def _require_ready(model: Any, x: Any, method: str) -> None:
    if x is None:
        raise ValueError(f"{method}: x is None. Expected the inputs: arrays, a data frame, or an iterable of batches.")
    if not model.built:
        raise NotBuiltError(
            f"{method}: model {model.name!r} has no weights yet. Train it with fit, load weights, or call "
            "build(input_shape) or start it with Input(shape) to go on with initial weights."
        )


def _predict_once(run: Predictor, x: np.ndarray, batch_size: int) -> Any:
    """One padded batch: the short way for a few rows."""
    rows = len(x)
    size = min(1 << (rows - 1).bit_length(), batch_size)
    if size != rows:
        x = np.concatenate([x, np.repeat(x[-1:], size - rows, 0)])
    outputs = run.run(run.values(), x, _ONE, batch_size=batch_size)
    if isinstance(outputs, jax.Array):
        return np.array(np.asarray(outputs)[:rows])
    return jax.tree.map(lambda o: np.array(np.asarray(o)[:rows]), outputs)


def _predict_all(model: Any, x: Any, batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any) -> Any:
    size = check_positive_int("batch_size", 32 if batch_size is None else batch_size, "predict: ")
    steps = None if steps is None else check_positive_int("steps", steps, "predict: ")
    _require_ready(model, x, "predict")
    run = predictor(model)
    called = CallbackList(callbacks)
    called.set_model(model)
    by_batch = called.batch_hooks("predict")
    pieces, count = _prediction_pieces(model, x, size, steps, by_batch)
    called.set_params({"verbose": verbose, "epochs": 1, "steps": count})
    quiet = verbose == "auto" and count == 1  # nothing to see, and a loop of predictions should not print
    progress = make_progress(0 if quiet else verbose, "predict")
    parts: list[Any] = []
    with interrupts() as signals, contextlib.closing(_Closing(progress)):
        progress.begin(1)
        progress.begin_epoch(0, 1, count)
        called.on_predict_begin()
        done = 0
        for data, rows, batch in pieces:
            if by_batch:
                called.on_predict_batch_begin(done)
            with signals.held():
                outputs = run.run(run.values(), data, np.int32(-(-rows // batch)), batch_size=batch)
                outputs = jax.tree.map(lambda o, rows=rows: np.array(np.asarray(o)[:rows]), outputs)
            parts.append(outputs)
            done += -(-rows // batch)
            if by_batch:
                called.on_predict_batch_end(done - 1, {"outputs": outputs})
            progress.update(done, {})
        called.on_predict_end()
        progress.end_epoch(done, {})
    return parts[0] if len(parts) == 1 else jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)


def predictor(model: Any) -> Predictor:
    """Return the model's predict function, made anew when layers have changed."""
    current = model.predictor
    if current is None or current.tree is not model.tree:
        current = model.predictor = Predictor(model)
    return current


def _prediction_pieces(
    model: Any, x: Any, batch_size: int, steps: int | None, by_batch: bool
) -> tuple[Iterator[tuple[Any, int, int]], int | None]:
    """Inputs padded to a power of two (of rows up to a batch, of batches beyond), so that few sizes compile."""
    if is_stream(x):
        stream = Stream(x, steps, "x", float_dtype=model.float_dtype, several=model.several_inputs)
        return ((xs, rows_of(xs), rows_of(xs)) for xs, _, _ in stream.epoch(steps)), steps or stream.batches_per_epoch
    arrays = as_arrays(x, "x", float_dtype=model.float_dtype, several=model.several_inputs)
    total = check_lengths({"x": arrays})
    if steps is not None:
        total = min(total, steps * batch_size)
    most = 1 if by_batch else 1 << (window_batches(arrays, batch_size).bit_length() - 1)
    if total <= batch_size:
        size = min(1 << (total - 1).bit_length(), batch_size)
    else:
        batches = -(-total // batch_size)
        size = batch_size * min(1 << (batches - 1).bit_length(), most)

    def pieces() -> Iterator[tuple[Any, int, int]]:
        for start in range(0, total, size):
            rows = min(size, total - start)
            yield padded(arrays, start, rows, size), rows, min(batch_size, size)

    return pieces(), -(-total // batch_size)
