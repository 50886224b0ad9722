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


def find_heads(model: Any) -> list[Head | None]:
    """Return the head of each output of a model, None where it cannot be told; empty where nothing is known of them."""
    return [_head(chain) for chain in _chains(model)]


def _head(chain: list[Any]) -> Head | None:
    """The head of a chain of layers, or None: a model, a layer or an activation of the user's own stands there."""
    for layer in _from_output(chain):
        if type(layer) in KEEP_VALUES:
            continue
        activation = getattr(layer, "activation", None)
        if type(layer) is layers.Activation and activation is activations.linear:
            continue
        if not is_own(layer) or activation is None or activation not in KNOWN:
            return None
        return Head(layer, activation)
    return None


def _from_output(chain: list[Any]) -> Iterator[Any]:
    """Yield the layers from the last one backwards, those of inner models in their place."""
    for layer in reversed(chain):
        inner = _chains(layer)
        if len(inner) == 1:
            yield from _from_output(inner[0])
        else:
            yield layer


def _chains(model: Any) -> list[list[Any]]:
    """The layers that lead to each output, as far as they form a chain; empty for what is no model, or not known."""
    chain = _chain(model)
    return [chain] if chain else getattr(model, "output_chains", [])


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
