"""StableHLO: the compiler's own form of a model, which JAX loads and runs without lamina."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
from jax import export as jax_export

from lamina.core.variable import bind, values_of
from lamina.export.signature import TensorSpec
from lamina.layers.context import call_context
from lamina.ops.nn._convolve import plain_convolutions

PLATFORMS = ("cpu", "cuda", "tpu")
_LEAST = (1, 8, 64)  # sizes that free axes are supposed to have at least, tried in turn


def serving_function(model: Any) -> Callable[[Any], Any]:
    """Return the model's forward pass outside of training as a pure function; its weights are constants of it."""
    variables = model.variables
    values = values_of(variables)

    def serve(inputs: Any) -> Any:
        with (
            bind(variables, values, key=jax.random.key(0), drop=True),
            call_context(training=False),
            plain_convolutions(),
        ):
            return model(inputs, training=False)

    return serve


def exported(model: Any, inputs: Any) -> jax_export.Exported:
    """Return the model as `jax.export` has it: for CPU, CUDA and TPU, with a symbol for each free axis.

    Args:
        model: A built model.
        inputs: Nest of `TensorSpec`s.

    Raises:
        ValueError: a `call` that needs a free axis as a number.
    """
    serve = jax.jit(serving_function(model))
    leaves, nest = jax.tree.flatten(inputs)
    refused: Exception | None = None
    for shapes in _symbolic_shapes(leaves):
        specs = [jax.ShapeDtypeStruct(shape, spec.dtype) for shape, spec in zip(shapes, leaves, strict=True)]
        try:
            with _without_source_lines():
                return jax_export.export(serve, platforms=PLATFORMS)(jax.tree.unflatten(nest, specs))
        except Exception as error:  # noqa: BLE001 - the first one is the reason
            refused = refused or error
    free = [spec for spec in leaves if None in spec.shape]
    if not free:
        raise refused  # type: ignore[misc]  # there is one: the loop ran
    fixed = tuple(8 if n is None else n for n in free[0].shape)
    raise ValueError(
        f"export: model {model.name!r} cannot be traced with a free axis: {' '.join(str(refused).split()):.400} … Pass "
        f'input_signature with the sizes that it is to serve, e.g. [jax.ShapeDtypeStruct({fixed}, "{free[0].dtype}")].'
    ) from refused


@contextmanager
def _without_source_lines() -> Iterator[None]:
    """Inside the context, programs do not name the files that they come from: the same model gives the same bytes."""
    limit = jax.config.values["jax_traceback_in_locations_limit"]
    jax.config.update("jax_traceback_in_locations_limit", 0)
    try:
        yield
    finally:
        jax.config.update("jax_traceback_in_locations_limit", limit)


def output_specs(module: jax_export.Exported) -> Any:
    """Return the nest of `TensorSpec`s of what an exported model gives."""
    specs = [
        TensorSpec(tuple(n if isinstance(n, int) else None for n in aval.shape), aval.dtype.name)
        for aval in module.out_avals
    ]
    return jax.tree.unflatten(module.out_tree, specs)


def _symbolic_shapes(leaves: list[TensorSpec]) -> Iterator[list[tuple[Any, ...]]]:
    """The shapes with symbols in the place of None, in the ways that are tried in turn.

    Free axes other than the batch have any size, then 8 at least, then 64: code may have to know that an image is
    larger than a window. Of several inputs each such axis is one by itself, then those of one number are alike.
    """
    further = any(None in spec.shape[1:] for spec in leaves)
    for least in _LEAST if further else _LEAST[:1]:
        for alike in (False, True) if further and len(leaves) > 1 else (False,):
            yield _with_symbols(leaves, least, alike)


def _with_symbols(leaves: list[TensorSpec], least: int, alike: bool) -> list[tuple[Any, ...]]:
    def name_of(i: int, axis: int) -> str:
        return "batch" if axis == 0 else f"size_{axis}" if alike else f"size_{axis}_{i}"

    places = [(i, axis) for i, spec in enumerate(leaves) for axis, n in enumerate(spec.shape) if n is None]
    names = list(dict.fromkeys(name_of(*place) for place in places))
    bounds = [f"{name} >= {least}" for name in names if name != "batch" and least > 1]
    symbols = jax_export.symbolic_shape(", ".join(names), constraints=bounds) if names else ()
    known = dict(zip(names, symbols, strict=True))
    return [
        tuple(known[name_of(i, axis)] if n is None else n for axis, n in enumerate(spec.shape))
        for i, spec in enumerate(leaves)
    ]
