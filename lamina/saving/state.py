"""Which object's state stands where in a file, in Keras' own layout.

    layers/dense/vars/0, 1                the first Dense of a Sequential or Functional: kernel, bias
    encoder/vars/0                        of a class of its own: the layer in `self.encoder`
    blocks/container/dense_1/vars/0       in lists, tuples and dicts: the class and the number among those of its class
    optimizer/vars/0, 1, 2, …             iteration, learning rate, slots

Names of layers do not count, since automatic ones differ between two objects of one model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from lamina.core.naming import own_names, to_snake_case
from lamina.core.random import SeedGenerator
from lamina.core.variable import Variable
from lamina.layers.base import Layer
from lamina.layers.owner import Owner
from lamina.models.functional import Functional
from lamina.models.model import Model
from lamina.models.sequential import Sequential
from lamina.optimizers import Optimizer

OPTIMIZER = "optimizer"
_KINDS = (Owner, Optimizer)
_CONTAINERS = (list, tuple, dict)


def places(model: Layer) -> dict[str, Any]:
    """Return the layers and optimizers of a model by their paths in a file; the model's own path is "".

    Example:
        >>> from lamina.layers import Dense, Input
        >>> list(places(Sequential([Input((2,)), Dense(3), Dense(4)])))
        ['', 'layers/dense', 'layers/dense_1']
    """
    found: dict[str, Any] = {}
    _walk(model, "", {}, found)
    return found


def _walk(thing: Any, path: str, seen: dict[int, Any], found: dict[str, Any]) -> None:
    if id(thing) in seen:
        return
    seen[id(thing)] = thing
    if isinstance(thing, _KINDS):
        found[path] = thing
        children = _attributes(thing)
    else:
        children = _items(thing)
    for name, child in children:
        _walk(child, f"{path}/{name}" if path else name, seen, found)


def _attributes(thing: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of an object that hold state, in Keras' order: by name, private ones last."""
    graph = isinstance(thing, (Sequential, Functional))
    if graph:
        yield "layers", thing.layers
    internal = _INTERNAL if isinstance(thing, Owner) else ()
    held = {name: value for name, value in vars(thing).items() if name not in internal}
    if isinstance(thing, Model) and not graph:
        held["layers"] = thing.layers  # a property, which Keras meets among the attributes
    for name in sorted(held, key=lambda name: f"~{name}" if name.startswith("_") else name):
        if isinstance(held[name], (*_KINDS, *_CONTAINERS)):
            yield name, held[name]


def _items(container: Any) -> Iterator[tuple[str, Any]]:
    """What a list, tuple or dict holds, by class."""
    count: Counter[str] = Counter()
    for item in container.values() if isinstance(container, dict) else container:
        if isinstance(item, _KINDS):
            name = to_snake_case(type(item).__name__)
        elif isinstance(item, _CONTAINERS):
            name = "container"
        else:
            continue
        yield f"{name}_{count[name]}" if count[name] else name, item
        count[name] += 1


with own_names():
    _INTERNAL = {*vars(Layer()), *vars(Model()), "_tree", "_stack", "_graph", "_tensors", "_input"} - {OPTIMIZER}


def own_variables(thing: Any) -> list[Variable]:
    """The variables of a layer alone, or those of an optimizer."""
    return thing.variables if isinstance(thing, Optimizer) else thing.own_variables()


def own_seeds(thing: Any) -> dict[str, SeedGenerator]:
    """The seed generators of a layer by attribute."""
    return {name: value for name, value in sorted(vars(thing).items()) if isinstance(value, SeedGenerator)}
