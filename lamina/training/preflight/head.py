"""The layer that makes a model's outputs, and its activation, where the structure shows them for certain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from lamina import activations, layers

KEEP_VALUES = (layers.Flatten, layers.Reshape, layers.Dropout, layers.Identity)  # outside of training, for Dropout

PROBABILITIES = frozenset(
    {
        activations.sigmoid,
        activations.hard_sigmoid,
        activations.sparse_sigmoid,
        activations.softmax,
        activations.sparsemax,
    }
)
DISTRIBUTIONS = frozenset({activations.softmax, activations.sparsemax})
# Cross-entropies over classes divide by the sum of the outputs, so that anything positive becomes a distribution.
POSITIVE = PROBABILITIES | {activations.exponential, activations.softplus, activations.squareplus}
KNOWN = frozenset(getattr(activations, name) for name in activations.__all__)


class Head(NamedTuple):
    """The last layer that changes values, and the function that its outputs come from."""

    layer: Any
    activation: Callable[..., Any]

    def __str__(self) -> str:
        kind, units = type(self.layer).__name__, getattr(self.layer, "units", None)
        words = [kind] if units is None else [f"{kind}, {units} unit{'s' if units != 1 else ''}"]
        name = self.activation.__name__
        return f"layer {self.layer.name!r} ({', '.join([*words, name if name != 'linear' else 'no activation'])})"


def find_head(model: Any) -> Head | None:
    """Return the head, or None where it cannot be told: a model, a layer or an activation of the user's own."""
    for layer in from_output(model):
        if type(layer) in KEEP_VALUES:
            continue
        activation = getattr(layer, "activation", None)
        if type(layer) is layers.Activation and activation is activations.linear:
            continue
        if not is_own(layer) or activation is None or activation not in KNOWN:
            return None
        return Head(layer, activation)
    return None


def from_output(model: Any) -> Iterator[Any]:
    """Yield the layers from the last one backwards, those of inner models in their place."""
    for layer in reversed(_chain(model)):
        if _chain(layer):
            yield from from_output(layer)
        else:
            yield layer


def from_input(model: Any) -> Iterator[Any]:
    """Yield the layers from the first one on, those of inner models in their place."""
    for layer in _chain(model):
        if _chain(layer):
            yield from from_input(layer)
        else:
            yield layer


def _chain(layer: Any) -> list[Any]:
    return layer.layer_chain if hasattr(type(layer), "layer_chain") else []


def is_own(layer: Any) -> bool:
    """Whether the layer's class is lamina's; a subclass of the user's may do anything."""
    return type(layer).__module__.startswith("lamina.")
