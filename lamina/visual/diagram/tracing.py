"""What a model's own `call` does with its layers, found by running it on no values.

The call is traced by JAX; each of the model's layers reports what it takes and gives. From which layers an argument
comes is then read off the trace, whatever code stands between them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lamina.core.variable import bind, values_of
from lamina.layers.base import Layer
from lamina.layers.context import call_context
from lamina.layers.shapes import is_shape
from lamina.visual import _calls

_FREE = ((2, 24), (3, 48))  # what stands for a free batch axis and for other free axes, in two traces
_FROM_INPUT = -1

Source = tuple[int, int]  # (number of a call or -1: the model's inputs, place among what it gives)


class Tensor(NamedTuple):
    """Shape (None: free) and dtype."""

    shape: tuple[int | None, ...]
    dtype: str


class Call(NamedTuple):
    """A call of a layer: what it takes and gives, and where each of the former comes from."""

    layer: Layer
    takes: list[Tensor]
    gives: list[Tensor]
    sources: list[list[Source]]


class Trace(NamedTuple):
    """The calls in order, the number of the model's inputs, and where each of its outputs comes from."""

    calls: list[Call]
    inputs: int
    outputs: list[list[Source]]


class _Raw(NamedTuple):
    """A trace for one size: the layers called, and for each the numbers of arrays that it takes and gives."""

    layers: list[Layer]
    counts: list[tuple[int, int]]
    jaxpr: Any


def trace(model: Any) -> Trace | None:
    """Trace a built model's call in inference mode; None if it cannot be run without values.

    The layers are those of `model.layers`; what they call themselves is theirs.
    """
    try:
        first, second = (_run(model, *sizes) for sizes in _FREE)
    except Exception:  # noqa: BLE001 - a call of the user's that looks at values, or takes more than floats of this shape
        return None
    if [id(layer) for layer in first.layers] != [id(layer) for layer in second.layers]:
        return None  # it calls other layers for other sizes
    return _read(first, second)


def _run(model: Any, batch: int, other: int) -> _Raw:
    def spec(shape: Any) -> Any:
        sizes = [batch if place == 0 else other for place in range(len(shape))]
        known = tuple(n if given is None else given for n, given in zip(sizes, shape, strict=True))
        return jax.ShapeDtypeStruct(known, model.float_dtype)

    layers: list[Layer] = []
    counts: list[tuple[int, int]] = []
    variables = model.variables

    def run(inputs: Any) -> list[Any]:
        layers.clear()
        counts.clear()
        reported: list[Any] = []
        inside = [False]

        def around(layer: Layer, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if inside[0]:
                return call(*args, **kwargs)
            inside[0] = True
            try:
                # The barrier gives a name of its own to what a layer hands on unchanged, as Dropout does.
                outputs = jax.tree.map(_barrier, call(*args, **kwargs))
            finally:
                inside[0] = False
            taken, given = _arrays((args, kwargs)), _arrays(outputs)
            layers.append(layer)
            counts.append((len(taken), len(given)))
            reported.extend([*taken, *given])
            return outputs

        with (
            bind(variables, values_of(variables), key=jax.random.key(0), drop=True),
            call_context(training=False),
            _calls.watched(model.layers, around),
        ):
            outputs = model(inputs, training=False)
        return [*reported, *_arrays(outputs)]

    specs = jax.tree.map(spec, model.input_shape, is_leaf=is_shape)
    jaxpr = jax.make_jaxpr(run)(specs).jaxpr
    return _Raw(list(layers), list(counts), jaxpr)


def _barrier(leaf: Any) -> Any:
    return jax.lax.optimization_barrier(jnp.asarray(leaf)) if isinstance(leaf, jax.Array) else leaf


def _arrays(nest: Any) -> list[jax.Array]:
    return [leaf for leaf in jax.tree.leaves(nest) if isinstance(leaf, jax.Array)]


def _read(first: _Raw, second: _Raw) -> Trace:
    variables = first.jaxpr.outvars
    tensors = [_tensor(a.aval, b.aval) for a, b in zip(variables, second.jaxpr.outvars, strict=True)]
    known: dict[Any, Source] = {variable: (_FROM_INPUT, i) for i, variable in enumerate(first.jaxpr.invars)}
    made_by = {variable: equation for equation in first.jaxpr.eqns for variable in equation.outvars}
    places = []  # for each call: where its arrays stand among the trace's results
    start = 0
    for number, (takes, gives) in enumerate(first.counts):
        places.append((range(start, start + takes), range(start + takes, start + takes + gives)))
        for place, i in enumerate(places[-1][1]):
            if not isinstance(variables[i], jax.extend.core.Literal):
                known[variables[i]] = (number, place)
        start += takes + gives
    calls = [
        Call(
            layer,
            [tensors[i] for i in takes],
            [tensors[i] for i in gives],
            [_sources(variables[i], known, made_by) for i in takes],
        )
        for layer, (takes, gives) in zip(first.layers, places, strict=True)
    ]
    return Trace(calls, len(first.jaxpr.invars), [_sources(v, known, made_by) for v in variables[start:]])


def _tensor(first: Any, second: Any) -> Tensor:
    shape = tuple(a if a == b else None for a, b in zip(first.shape, second.shape, strict=True))
    return Tensor(shape, str(first.dtype))


def _sources(variable: Any, known: dict[Any, Source], made_by: dict[Any, Any]) -> list[Source]:
    """The outputs of layers, and the inputs, that a value is computed from, as near as possible."""
    found: dict[Source, None] = {}
    todo, seen = [variable], set()
    while todo:
        one = todo.pop()
        if isinstance(one, jax.extend.core.Literal) or one in seen:
            continue
        seen.add(one)
        if one in known:
            found[known[one]] = None
        elif one in made_by:
            todo += reversed(made_by[one].invars)
    return sorted(found)
