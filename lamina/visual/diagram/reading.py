"""From a model to boxes and lines: graphs and stacks as they are recorded, classes of one's own as they run.

Imported where it is used: it needs JAX.
"""

from __future__ import annotations

import itertools
from typing import Any

from lamina.core.errors import NotBuiltError
from lamina.core.symbolic import Operation, symbolic_leaves
from lamina.layers.base import Layer
from lamina.models import Model, Sequential
from lamina.models.functional import Functional
from lamina.visual.diagram import tracing
from lamina.visual.diagram.boxes import Box, Group, shapes_text

_INSIDE = 2  # of "lamina.layers.convolution.conv": the family


def read(where: str, model: Any, expand_nested: bool) -> Group:
    """The boxes and lines of a model.

    Args:
        where: Name of the function, for messages.
        model: Model.
        expand_nested: Whether inner models are groups with boxes of their own, or one box each.

    Raises:
        TypeError: no model. NotBuiltError: a class of one's own that has seen no input yet.
    """
    if not isinstance(model, Model):
        hint = f" Write {model.__name__}(...)." if isinstance(model, type) else ""
        raise TypeError(
            f"{where}: model: expected a model, received {model!r:.80} of type {type(model).__name__}.{hint}"
        )
    return _Reader(where, bool(expand_nested)).group(model)


class _Reader:
    def __init__(self, where: str, expand: bool) -> None:
        self.where, self.expand = where, expand
        self.numbers = itertools.count()

    def group(self, model: Any) -> Group:
        """Read a model into a group with ports."""
        group = Group(f"group{next(self.numbers)}", model.name, type(model).__name__)
        if isinstance(model, Functional) and type(model).call is Functional.call:
            self._graph(group, model)
        elif isinstance(model, Sequential) and type(model).call is Sequential.call:
            self._stack(group, model)
        else:
            self._own(group, model)
        return group

    def _item(self, group: Group, layer: Any, calls: list[Any]) -> Box | Group:
        """Add a layer to a group; `calls`: for each call the lists of tensors it takes and gives."""
        item: Box | Group
        if self.expand and isinstance(layer, Model):
            item = self.group(layer)
        else:
            item = _box(f"layer{next(self.numbers)}", layer, calls)
        group.items.append(item)
        return item

    def _graph(self, group: Group, model: Any) -> None:
        graph = model._graph
        items: dict[int, Box | Group] = {}
        for operation in graph.operations:
            calls = [(node.inputs, node.output_tensors) for node in graph.of(operation)]
            items[id(operation)] = self._item(group, operation, calls)
        _ports(group, len(graph.inputs), len(graph.outputs))
        ends: dict[int, str] = {}  # where a tensor comes from
        for node in graph.nodes:
            item = items[id(node.operation)]
            for number, tensor in enumerate(node.inputs):
                if id(tensor) in ends:
                    group.connect(ends[id(tensor)], _entry(item, number))
            for number, tensor in enumerate(node.output_tensors):
                ends[id(tensor)] = _exit(item, number)
        for port, tensor in zip(group.inputs, graph.inputs, strict=True):
            group.connect(port, ends[id(tensor)])  # its InputLayer
        for port, tensor in zip(group.outputs, graph.outputs, strict=True):
            group.connect(ends[id(tensor)], port)

    def _stack(self, group: Group, model: Any) -> None:
        tensors = [symbolic_leaves(tensor) for tensor in model._tensors]
        last: list[str] = []
        for place, layer in enumerate(model.layers):
            known = [(tensors[place], tensors[place + 1])] if place + 1 < len(tensors) else []
            item = self._item(group, layer, known)
            if place == 0:
                _ports(group, 1, 1)
                last = list(group.inputs)
            for number, end in enumerate(last):
                group.connect(end, _entry(item, number))
            last = list(item.outputs) if isinstance(item, Group) else [item.key]
        for end in last:
            group.connect(end, group.outputs[0])

    def _own(self, group: Group, model: Any) -> None:
        if not model.built or model.input_shape is None:
            raise NotBuiltError(
                f"{self.where}: model {model.name!r} has not yet been built, so that nobody knows which layers its "
                "call runs on. Call it on a batch of data, or build(input_shape), first."
            )
        seen = tracing.trace(model)
        if seen is None:  # as Keras draws every class of one's own: one box
            box = _box(f"layer{next(self.numbers)}", model, [])
            group.items.append(box)
            _ports(group, 1, 1)
            group.connect(group.inputs[0], box.key)
            group.connect(box.key, group.outputs[0])
            return
        calls_of: dict[int, list[Any]] = {id(layer): [] for layer in model.layers}
        for call in seen.calls:
            calls_of[id(call.layer)].append((call.takes, call.gives))
        items = {id(layer): self._item(group, layer, calls_of[id(layer)]) for layer in model.layers}
        _ports(group, seen.inputs, len(seen.outputs))

        def end_of(source: tuple[int, int]) -> str:
            call, number = source
            return group.inputs[number] if call < 0 else _exit(items[id(seen.calls[call].layer)], number)

        for call in seen.calls:
            for number, sources in enumerate(call.sources):
                for source in sources:
                    group.connect(end_of(source), _entry(items[id(call.layer)], number))
        for port, sources in zip(group.outputs, seen.outputs, strict=True):
            for source in sources:
                group.connect(end_of(source), port)


def _ports(group: Group, inputs: int, outputs: int) -> None:
    group.inputs = [f"{group.key}.in{number}" for number in range(inputs)]
    group.outputs = [f"{group.key}.out{number}" for number in range(outputs)]


def _entry(item: Box | Group, number: int) -> str:
    if isinstance(item, Box):
        return item.key
    return item.inputs[min(number, len(item.inputs) - 1)]  # masks may come after the inputs


def _exit(item: Box | Group, number: int) -> str:
    return item.key if isinstance(item, Box) else item.outputs[min(number, len(item.outputs) - 1)]


def _box(key: str, layer: Any, calls: list[Any]) -> Box:
    activation = getattr(layer, "activation", None)
    gives = [gives for _, gives in calls]
    is_layer = isinstance(layer, Layer)
    return Box(
        key,
        layer.name,
        layer.class_name if isinstance(layer, Operation) else type(layer).__name__,
        family_of(layer),
        None if activation is None else _name_of(activation),
        shapes_text([[tensor.shape for tensor in takes] for takes, _ in calls]),
        shapes_text([[tensor.shape for tensor in tensors] for tensors in gives]),
        ", ".join(dict.fromkeys(str(tensor.dtype) for tensors in gives for tensor in tensors)) or "?",
        layer.trainable if is_layer and layer.weights else None,
    )


def _name_of(activation: Any) -> str:
    return str(getattr(activation, "name", None) or getattr(activation, "__name__", None) or activation)


def family_of(layer: Any) -> str:
    """The family of a layer, after the file or folder that it is in; "own" for the user's classes.

    Example:
        >>> from lamina.layers import Dense, MaxPool2D
        >>> family_of(Dense(3)), family_of(MaxPool2D()), family_of(Operation(len))
        ('core', 'pooling', 'ops')
    """
    if isinstance(layer, Operation):
        return "ops"
    if isinstance(layer, Model):
        return "model"
    parts = type(layer).__module__.split(".")
    if type(layer).__name__ == "InputLayer":
        return "input"
    return parts[_INSIDE] if parts[:_INSIDE] == ["lamina", "layers"] else "own"
