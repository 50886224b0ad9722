"""`predict`: a few rows in one padded batch, many in windows; any number of threads at once."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from lamina.core.errors import LaminaError, check_positive_int
from lamina.layers.base import Layer
from lamina.training import preflight
from lamina.training.callbacks import CallbackList
from lamina.training.data import Stream, as_arrays, check_lengths
from lamina.training.feed import on_host, padded, rows_of, window_batches
from lamina.training.interrupt import interrupts
from lamina.training.predictor import Predictor
from lamina.training.prepare import is_stream, require_ready


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


def _predict_once(run: Predictor, x: np.ndarray, batch_size: int) -> Any:
    """One padded batch: the short way for a few rows."""
    rows = len(x)
    size = _padded_rows(rows, batch_size, 1)
    if size != rows:
        x = np.concatenate([x, np.repeat(x[-1:], size - rows, 0)])
    outputs = run.batch(run.values(), run.next_call(), x)
    if isinstance(outputs, jax.Array):
        return _told(np.array(np.asarray(outputs)[:rows]), x)
    return jax.tree.map(lambda o: _told(np.array(np.asarray(o)[:rows]), x), outputs)


def _told(outputs: np.ndarray, x: Any) -> np.ndarray:
    """Return outputs, with a warning when they hold NaN that the inputs explain or do not explain."""
    if outputs.dtype.kind == "f" and np.isnan(outputs).any():
        row = int(np.argwhere(np.isnan(outputs))[0, 0])
        parts = [np.asarray(part[row]) for part in jax.tree.leaves(x)]
        inside = any(part.dtype.kind == "f" and not np.isfinite(part).all() for part in parts)
        why = (
            "its inputs hold NaN or infinity; impute them"
            if inside
            else "though its inputs are finite: look at the weights"
        )
        warnings.warn(f"predict: the outputs of row {row} are NaN; {why}.", RuntimeWarning, stacklevel=2)
    return outputs


def _predict_all(model: Any, x: Any, batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any) -> Any:
    size = check_positive_int("batch_size", 32 if batch_size is None else batch_size, "predict: ")
    steps = None if steps is None else check_positive_int("steps", steps, "predict: ")
    require_ready(model, x, "predict")
    run = predictor(model)
    called = CallbackList(callbacks)
    called.set_model(model)
    by_batch = called.batch_hooks("predict")
    pieces, count = _prediction_pieces(model, x, size, steps, by_batch)
    called.set_params({"verbose": verbose, "epochs": 1, "steps": count})
    quiet = verbose == "auto" and count == 1  # nothing to see, and a loop of predictions should not print
    progress = called.take_progress(0 if quiet else verbose, "predict")
    parts: list[Any] = []
    with interrupts() as signals, contextlib.ExitStack() as stack:
        stack.callback(progress.end)
        stack.push(called.unwind)
        progress.begin(1)
        progress.begin_epoch(0, 1, count)
        called.on_predict_begin()
        done = 0
        for data, rows, batch in pieces:
            if by_batch:
                called.on_predict_batch_begin(done)
            with signals.held():
                outputs = run(data, rows, batch)
                outputs = jax.tree.map(lambda o, n=rows, x=data: _told(np.array(np.asarray(o)[:n]), x), outputs)
            parts.append(outputs)
            done += -(-rows // batch)
            if by_batch:
                called.on_predict_batch_end(done - 1, {"outputs": outputs})
            progress.update(done, {})
        called.on_predict_end()
        progress.end_epoch(done, {})
    return parts[0] if len(parts) == 1 else jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)


def call(model: Any, x: Any, training: bool | None) -> Any:
    """Apply a model to arrays as one compiled call, or operation by operation where its `call` cannot be compiled."""
    try:
        return predictor(model).call(x, None if training is None else bool(training))
    except (jax.errors.JAXTypeError, jax.errors.JAXIndexError, LaminaError):
        outputs = Layer.__call__(model, x, training=training)
    model.calls_compiled = False  # it looks at values, which only exist outside of a compilation
    return outputs


def predictor(model: Any) -> Predictor:
    """Return the model's predict function, made anew when layers have changed."""
    current = model.predictor
    if current is None or current.tree is not model.tree:
        current = model.predictor = Predictor(model)
    return current


def _prediction_pieces(
    model: Any, x: Any, batch_size: int, steps: int | None, by_batch: bool
) -> tuple[Iterator[tuple[Any, int, int]], int | None]:
    """Inputs padded to a few sizes, with the number of rows that count."""
    if is_stream(x):
        stream = Stream(x, steps, "x", float_dtype=model.float_dtype, several=model.several_inputs)
        return ((xs, rows_of(xs), rows_of(xs)) for xs, _, _ in stream.epoch(steps)), steps or stream.batches_per_epoch
    arrays = on_host(as_arrays(x, "x", float_dtype=model.float_dtype, several=model.several_inputs))
    total = check_lengths({"x": arrays})
    if steps is not None:
        total = min(total, steps * batch_size)
    most = 1 if by_batch else 1 << (window_batches(arrays, batch_size).bit_length() - 1)
    size = _padded_rows(total, batch_size, most)

    def pieces() -> Iterator[tuple[Any, int, int]]:
        for start in range(0, total, size):
            rows = min(size, total - start)
            yield padded(arrays, start, rows, size), rows, min(batch_size, size)

    return pieces(), -(-total // batch_size)


def _padded_rows(rows: int, batch_size: int, most: int) -> int:
    """The size that this many rows are padded to, so that few sizes compile: 1, 2, 3, 4, 8, 16, … up to a batch, then
    4, 16, 64, … batches, `most` at most.
    """
    if rows <= batch_size:
        return rows if rows <= 4 else min(1 << (rows - 1).bit_length(), batch_size)
    batches = 4
    while batches < -(-rows // batch_size):
        batches *= 4
    return batch_size * min(batches, most)
