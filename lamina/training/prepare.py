"""From what the user passed to what the engine takes: checked host arrays, a built model, a program."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from lamina.core.errors import LaminaError, NotBuiltError, NotCompiledError
from lamina.core.variable import bind
from lamina.layers.context import call_context
from lamina.training import data as data_module
from lamina.training.data.order import in_given_order
from lamina.training.program import Batch, Program, signature


def as_batch(model: Any, x: Any, y: Any, sample_weight: Any, class_weight: Any = None, argument: str = "") -> Batch:
    """Convert and check the arrays of one data set.

    Args:
        model: The model they are for.
        x, y, sample_weight, class_weight: As `fit` takes them; all but x may be None.
        argument: What to call their owner in messages: "" for `fit`'s own, else "validation_data".
    """
    prefix = f"{argument} " if argument else ""
    dtype = model.float_dtype
    if model.several_inputs is False and isinstance(x, tuple) and len(x) > 1 and np.ndim(x[0]) > 1 and y is not None:
        _refuse_several(model, x, y, f"{prefix}x")
    xs = data_module.as_arrays(x, f"{prefix}x", float_dtype=dtype, several=model.several_inputs)
    ys = in_given_order(data_module.as_arrays(y, f"{prefix}y", float_dtype=dtype, several=several_outputs(model)))
    parts = {f"{prefix}x": xs} | ({} if ys is None else {f"{prefix}y": ys})
    weights = None
    if sample_weight is not None:
        weights = data_module.as_arrays(sample_weight, f"{prefix}sample_weight", float_dtype=dtype)
        parts[f"{prefix}sample_weight"] = weights
    rows = data_module.check_lengths(parts)
    by_class = None
    if class_weight is not None:
        by_class = data_module.class_weights_to_sample_weights(ys, class_weight, names=model.output_names)
    if weights is not None or by_class is not None:
        weights = data_module.standardize_weights(
            weights, rows, by_class, argument=f"{prefix}sample_weight", float_dtype=dtype
        )
    return Batch(xs, ys, weights)


def several_outputs(model: Any) -> bool | None:
    """What a list as y means: True several targets, False one, None as its items look."""
    return model.several_inputs if model.output_names is None else len(model.output_names) > 1


def _refuse_several(model: Any, x: tuple[Any, ...], y: Any, name: str) -> None:
    """Raise for a tuple of inputs; a tuple of rows has as many items as there are labels."""
    if len(x) != len(y):
        shapes = ", ".join(str(np.shape(part)) for part in x)
        raise ValueError(
            f"{name} is a tuple of {len(x)} arrays of shapes {shapes}, but model {model.name!r} has one input. Pass "
            "one array; to join several, use numpy.concatenate(arrays, axis=-1)."
        )


def is_stream(x: Any) -> bool:
    """Whether `x` yields batches instead of being one array or a structure of arrays."""
    return data_module.is_stream(x)


def by_windows(batch: Batch) -> bool:
    """Whether data are read window by window: memory maps, and what takes more than half of the device's memory."""
    leaves = jax.tree.leaves(batch)
    memory = jax.local_devices()[0].memory_stats() or {}
    free = memory.get("bytes_limit", 0) - memory.get("bytes_in_use", 0)
    too_large = bool(memory.get("bytes_limit")) and sum(leaf.nbytes for leaf in leaves) > free / 2
    return too_large or any(isinstance(leaf, np.memmap) for leaf in leaves)


def spec_of(tree: Any, rows: int | None = None) -> Any:
    """Shapes and dtypes of arrays, with `rows` rows if given."""
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct((rows or a.shape[0], *a.shape[1:]), a.dtype), tree)


def output_spec(model: Any, x: Any, rows: int = 2) -> Any:
    """Shape and dtype of the outputs for inputs like `x`, worked out without computing anything."""
    return _trace(model, x, rows)[0]


def adds_losses(model: Any, x: Any) -> bool:
    """Whether layers add losses in `call`, which padded rows would distort."""
    return _trace(model, x, 2)[1]


def _trace(model: Any, x: Any, rows: int) -> tuple[Any, bool]:
    variables = model.variables
    added = []

    def forward(values: list[Any], x: Any) -> Any:
        with bind(variables, values, key=jax.random.key(0), drop=True), call_context(training=False) as context:
            y_pred = model(x, training=False)
            added.extend(context.losses)
            return y_pred

    return jax.eval_shape(forward, [v._value for v in variables], spec_of(x, rows)), bool(added)


def require_ready(model: Any, x: Any, method: str) -> None:
    """Raise for data that are not there, and for a model without weights."""
    if x is None:
        raise ValueError(f"{method}: x is None. Expected the inputs: arrays, a data frame, or an iterable of batches.")
    if not model.built:
        raise NotBuiltError(
            f"{method}: model {model.name!r} has no weights yet. Train it with fit, load weights, or call "
            "build(input_shape) or start it with Input(shape) to go on with initial weights."
        )


def prepared_program(model: Any) -> Program:
    """Return the model's program, made anew when layers, frozen flags, loss or optimizer have changed."""
    if model.objective is None:
        raise NotCompiledError(
            f"Model {model.name!r} is not compiled. Call model.compile(optimizer=..., loss=...) before fit or evaluate."
        )
    if model.program is None or model.program.signature != signature(model, model.objective, model.optimizer):
        if not model.trainable_variables and not model.variables:
            raise LaminaError(
                f"Model {model.name!r} has no weights: there is nothing to train. Add a layer such as Dense."
            )
        model.program = Program(model, model.objective, model.optimizer)
    return model.program
