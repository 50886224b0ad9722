"""`Owner`: what a layer owns is found by walking its attributes; nothing is wrapped when it is set.

The walk is a `Tree`, kept as long as no attribute of any layer was set and the lists and dicts hold the same items.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.core.variable import Variable
from lamina.metrics import Metric


class _Revision:
    """Counts the changes of any layer's attributes that may hold layers or variables."""

    def __init__(self) -> None:
        self.number = 0

    def bump(self) -> None:
        self.number += 1


revision = _Revision()


class Tree:
    """A layer and all below it, as they stood when it was made.

    Attributes:
        layers: The layers, parents first, each once.
        own: The variables of each of them, the trainable ones first.
        variables: All of these, each once.
    """

    def __init__(self, root: Owner) -> None:
        self._revision = revision.number
        self.layers: list[Any] = []
        self.own: list[list[Variable]] = []
        containers: list[Any] = []
        todo: list[Any] = [root]
        seen: set[int] = set()
        while todo:
            layer = todo.pop()
            if id(layer) in seen:
                continue
            seen.add(id(layer))
            own, below, held = layer._tracked()
            self.layers.append(layer)
            self.own.append(sorted(own, key=lambda v: not v.trainable))
            containers += held
            todo.extend(reversed(below))
        self.variables = list({id(v): v for own in self.own for v in own}.values())
        self._containers = [(held, _identities(held)) for held in containers]

    def is_current(self) -> bool:
        """Whether no attribute was set since, and the lists and dicts hold the same items."""
        return self._revision == revision.number and all(_identities(c) == ids for c, ids in self._containers)

    def same_as(self, other: Tree) -> bool:
        """Whether another tree has the same layers and variables."""
        return _identities([*self.layers, *self.variables]) == _identities([*other.layers, *other.variables])

    def renewed(self, other: Tree) -> Tree:
        """Take over when a tree that is the same was made."""
        self._revision, self._containers = other._revision, other._containers
        return self


def _identities(container: Any) -> list[int]:
    return list(map(id, container.values() if isinstance(container, dict) else container))


class Owner:
    """The part of a layer that knows its variables and the layers below it."""

    name: str
    _trainable: bool

    _weights: list[Variable]

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, _TRACKABLE) and name not in _UNTRACKED:
            revision.bump()
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        revision.bump()
        object.__delattr__(self, name)

    def _tracked(self) -> tuple[list[Variable], list[Any], list[Any]]:
        """The variables and layers kept in attributes, in their order, each once; and the containers that hold them."""
        self._check_initialised()
        found: dict[int, Any] = {}
        containers: list[Any] = []
        for name, value in vars(self).items():
            if name not in _UNTRACKED and isinstance(value, _TRACKABLE):
                _collect(value, found, containers)
        own = [thing for thing in found.values() if isinstance(thing, Variable)]
        return own, [thing for thing in found.values() if isinstance(thing, Owner)], containers

    @property
    def tree(self) -> Tree:
        """This layer and all below with their variables; the same object as long as nothing is added or removed."""
        known = self.__dict__.get("_tree")
        if known is None or known.layers[0] is not self or not known.is_current():
            new = Tree(self)
            known = known.renewed(new) if known is not None and known.same_as(new) else new
            object.__setattr__(self, "_tree", known)
        return known

    def _flatten_layers(self) -> list[Any]:
        """This layer and all layers below, parents first, each once."""
        return self.tree.layers

    @property
    def variables(self) -> list[Variable]:
        """All variables of this layer and those below: of each layer the trainable ones first, as Keras orders them."""
        return list(self.tree.variables)

    @property
    def weights(self) -> list[Variable]:
        """Same as `variables` (Keras keeps seeds apart; here seeds are no variables)."""
        return self.variables

    @property
    def trainable_variables(self) -> list[Variable]:
        """The variables that training updates: none of a frozen layer, and of the layers below those not frozen."""
        tree = self.tree
        if not self.trainable:
            return []
        layers = zip(tree.layers, tree.own, strict=True)
        frozen = {id(v) for layer, own in layers if not layer.trainable for v in own}
        return [v for v in tree.variables if v.trainable and id(v) not in frozen]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The other variables: moving statistics, and all of frozen layers."""
        trainable = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in trainable]

    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables

    @property
    def trainable(self) -> bool:
        """Whether training may change this layer. Setting it sets the layers below too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self._flatten_layers():
            layer._trainable = bool(value)

    def freeze(self) -> None:
        """Keep training from changing this layer and those below: the same as `trainable = False`."""
        self.trainable = False

    def unfreeze(self) -> None:
        """Let training change this layer and those below again: the same as `trainable = True`."""
        self.trainable = True

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the weights as NumPy arrays, in the order of `weights`."""
        return [np.array(v.value) for v in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights from arrays in the order of `weights`; nothing changes unless all of them fit."""
        variables = self.weights
        if len(weights) != len(variables):
            raise ValueError(
                f"Layer {self.name!r}: set_weights expected {len(variables)} arrays, received {len(weights)}. "
                f"Expected shapes: {[v.shape for v in variables]}."
            )
        for variable, value in zip(variables, weights, strict=True):
            if np.shape(value) != variable.shape:
                raise ValueError(
                    f"Layer {self.name!r}: set_weights: {variable.path!r} has shape {variable.shape}, "
                    f"received shape {np.shape(value)}."
                )
        arrays = [self._as_weight(variable, value) for variable, value in zip(variables, weights, strict=True)]
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)

    def own_variables(self) -> list[Variable]:
        """The variables of this layer alone, without those of layers below; the trainable ones first."""
        return sorted(self._tracked()[0], key=lambda variable: not variable.trainable)

    def save_own_variables(self, store: Any) -> None:
        """Write the layer's own variables into a dict under "0", "1", …; a subclass may override this and the next."""
        for i, variable in enumerate(self.own_variables()):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read what `save_own_variables` wrote: a dict of arrays."""
        variables = self.own_variables()
        if sorted(store) != sorted(map(str, range(len(variables)))):
            raise ValueError(
                f"Layer {self.name!r}: expected {len(variables)} arrays, of shapes {[v.shape for v in variables]}, "
                f"received the arrays {sorted(store)}."
            )
        for i, variable in enumerate(variables):
            variable.assign(store[str(i)])

    def _check_initialised(self) -> None:
        if "_weights" not in vars(self):
            raise RuntimeError(
                f"{type(self).__name__}: super().__init__() was not called. "
                "Make it the first line of __init__, before any attribute is set."
            )

    def _as_weight(self, variable: Variable, value: Any) -> np.ndarray:
        try:
            return np.asarray(value, variable.dtype)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Layer {self.name!r}: set_weights: {variable.path!r} expected numbers, received {value!r:.60}."
            ) from error


_TRACKABLE = (Variable, Owner, list, tuple, dict)
_UNTRACKED = frozenset(
    {"_arguments", "_losses", "_build_shape", "_input_shape_hint", "_tree", "_tensors", "_inbound_nodes"}
)


def metrics_of(layer: Any) -> list[Metric]:
    """The metrics that a layer keeps in attributes, lists and dicts, in their order."""
    found: list[Metric] = []
    for name, value in vars(layer).items():
        if name not in _UNTRACKED and name != "_compile_config":
            items = (
                value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
            )
            found += [item for item in items if isinstance(item, Metric)]
    return found


def _collect(value: Any, found: dict[int, Any], containers: list[Any]) -> None:
    if isinstance(value, (Variable, Owner)):
        found.setdefault(id(value), value)
        return
    containers.append(value)
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, _TRACKABLE):
            _collect(item, found, containers)
