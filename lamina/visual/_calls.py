"""A forward pass in which every layer's call is seen, and may be changed.

It works alike for graphs, stacks, models of one's own and models inside of models: while the pass runs, each layer's
`call` is replaced by one that reports. Imported where it is used: it needs JAX, which the other pictures do without.
"""

from __future__ import annotations

import collections
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax

from lamina.core import errors
from lamina.core.variable import bind, values_of
from lamina.layers.base import Layer
from lamina.layers.context import call_context
from lamina.visual._model_images import is_convolution

_watching = threading.RLock()  # one pass at a time replaces and restores the calls


class Call(NamedTuple):
    """One call of a layer."""

    layer: Layer
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: Any


class Pass(NamedTuple):
    """What a forward pass gave: the model's outputs, and the calls in the order in which they ended."""

    outputs: Any
    calls: list[Call]


def forward(model: Layer, batch: Any, change: Callable[[int, Any], Any] | None = None) -> Pass:
    """Apply a model to a batch in inference mode, layer by layer, without touching its state.

    Args:
        model: A built model.
        batch: Its input, (batch, ...), or the nest of several.
        change: Function of the number of a call and its outputs that returns what to hand on in their place.
    """
    calls: list[Call] = []

    def around(layer: Layer, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        outputs = call(*args, **kwargs)
        if change is not None:
            outputs = change(len(calls), outputs)
        calls.append(Call(layer, args, kwargs, outputs))
        return outputs

    variables = model.variables
    with (
        bind(variables, values_of(variables), key=jax.random.key(0), drop=True),
        call_context(training=False),
        watched(model.tree.layers, around),
    ):
        return Pass(model(batch, training=False), calls)


@contextlib.contextmanager
def watched(layers: Sequence[Layer], around: Callable[..., Any]) -> Iterator[None]:
    """Inside the context, the calls of these layers in this thread go through `around(layer, call, args, kwargs)`."""
    thread = threading.get_ident()

    def replaced(layer: Layer, call: Callable[..., Any]) -> Callable[..., Any]:
        def call_around(*args: Any, **kwargs: Any) -> Any:
            return around(layer, call, args, kwargs) if threading.get_ident() == thread else call(*args, **kwargs)

        return call_around

    with _watching:
        own = [(vars(layer), vars(layer).get("call")) for layer in layers]  # an object may have a call of its own
        try:
            for layer in layers:
                vars(layer)["call"] = replaced(layer, layer.call)
            yield
        finally:
            for attributes, call in own:
                attributes.pop("call", None)
                if call is not None:
                    attributes["call"] = call


def select(where: str, model: Layer, layer: Any, calls: Sequence[Call]) -> list[int]:
    """Numbers of the calls to draw: the last one of each layer, in the order of the calls.

    Args:
        where: Name of the function, for messages.
        model: The model.
        layer: Name, path or object, or a list of these; None: every convolution layer that gives maps.
        calls: The calls of a forward pass.

    Raises:
        TypeError: neither name nor layer. ValueError: no such layer in the model, one that was not called, no
            convolution.
    """
    last = {id(call.layer): number for number, call in enumerate(calls)}
    if layer is None:
        found = [n for n in last.values() if is_convolution(calls[n].layer) and _rank(calls[n].outputs) == 4]
        if not found:
            raise errors.LaminaError(
                f"{where}: model {model.name!r} has no convolution layer that gives maps (height, width, channels). "
                f"Its layers give: {_listed(model, last, calls)}. Name another layer with four axes: layer=..."
            )
        return sorted(found)
    wanted = find(where, model, layer)
    for one in wanted:
        if id(one) not in last:
            raise errors.LaminaError(f"{where}: layer {one.name!r} of model {model.name!r} is not called for an image.")
    return sorted({last[id(one)] for one in wanted})


def require_layer(where: str, model: Any) -> None:
    """Raise unless it is a model (or a layer)."""
    if not isinstance(model, Layer):
        raise TypeError(f"{where}: model: expected a model, received {model!r:.80} of type {type(model).__name__}.")


def find(where: str, model: Layer, layer: Any) -> list[Layer]:
    """The layers that are meant: a name, a path, a layer, or a list of these."""
    if isinstance(layer, (list, tuple)) and not layer:
        raise errors.LaminaError(f"{where}: layer: expected a layer or a list of layers, received an empty list.")
    return [_find(where, model, one) for one in (layer if isinstance(layer, (list, tuple)) else [layer])]


def _find(where: str, model: Layer, wanted: Any) -> Layer:
    """The layer of this name or path, or the object itself, anywhere in the model."""
    inside = model.tree.layers[1:]
    if isinstance(wanted, Layer):
        if not any(layer is wanted for layer in inside):
            raise errors.LaminaError(f"{where}: layer: {wanted!r} is not in model {model.name!r}.")
        return wanted
    if not isinstance(wanted, str):
        raise TypeError(
            f"{where}: layer: expected the name of a layer or the layer, received {wanted!r:.60} of type "
            f"{type(wanted).__name__}."
        )
    for layer in inside:
        if wanted in (layer.name, layer.path):
            return layer
    names = [layer.name for layer in inside]
    raise errors.LaminaError(
        f"{where}: layer: no layer named {wanted!r} in model {model.name!r}.{errors.closest_match(wanted, names)} "
        f"Layers: {names}."
    )


def _listed(model: Layer, last: dict[int, int], calls: Sequence[Call]) -> str:
    """Names of the layers with the shapes of their outputs, at most twenty."""
    shown = [calls[n] for n in sorted(last.values()) if calls[n].layer is not model]
    listed = [f"{call.layer.name} {tuple(leaf.shape)}" for call in shown for leaf in jax.tree.leaves(call.outputs)[:1]]
    return ", ".join(listed[:20]) + (", ..." if len(listed) > 20 else "")


def _rank(outputs: Any) -> int | None:
    return getattr(outputs, "ndim", None)


def require_maps(where: str, call: Call) -> None:
    """Raise unless a call gave maps, (1, height, width, channels) or with the channels first."""
    if _rank(call.outputs) != 4:
        shapes = [tuple(leaf.shape) for leaf in jax.tree.leaves(call.outputs)]
        raise errors.LaminaError(
            f"{where}: layer: expected one that gives maps, (batch, height, width, channels); {call.layer.name!r} "
            f"({type(call.layer).__name__}) gives {shapes[0] if len(shapes) == 1 else shapes}."
        )


def by_name(calls: Sequence[Call], chosen: Sequence[int]) -> dict[str, Call]:
    """Chosen calls by their layers' names, or paths where several layers of the pass share a name."""
    layers = {id(call.layer): call.layer.name for call in calls}
    shared = {name for name, count in collections.Counter(layers.values()).items() if count > 1}
    return {
        call.layer.path if call.layer.name in shared else call.layer.name: call
        for call in (calls[number] for number in chosen)
    }
