"""`Translation`: an `OnnxGraph` into which calls of layers and functions are written.

A layer with an emitter writes itself. What has none (models, layers and functions of the user's) is called on symbolic
tensors, and the calls that this records are written in turn, down to emitters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax

from lamina.core import naming
from lamina.core.errors import LaminaError
from lamina.core.symbolic import KerasTensor, Node, Operation, symbolic_leaves
from lamina.export.onnx.graph import OnnxGraph, Value, in_file
from lamina.export.onnx.registry import CannotExport, emitter_of, emitter_of_operation, takes_mask
from lamina.layers.base import Layer


class Refusal(NamedTuple):
    """A layer or operation that cannot be written, and why."""

    path: str
    kind: str
    reason: str


class Translation(OnnxGraph):
    """An ONNX graph under construction, with the means to write calls into it.

    Attributes:
        expected: Nest of the symbolic outputs of the call that is being written: their shapes and dtypes.
        masks: Masks by the name of the value that carries one.
        refused: What could not be written.
    """

    def __init__(self, name: str = "model") -> None:
        super().__init__(name)
        self.expected: Any = None
        self.masks: dict[str, Value] = {}
        self.refused: list[Refusal] = []

    def apply(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Write what a layer, or a function made of `lamina.ops`, does with values; returns the nest of its outputs."""
        leaves, structure = jax.tree.flatten((args, kwargs))
        pairs = [(_symbolic(leaf), leaf) for leaf in leaves if isinstance(leaf, Value)]
        tensors = iter([tensor for tensor, _ in pairs])
        given = [next(tensors) if isinstance(leaf, Value) else leaf for leaf in leaves]
        args, kwargs = jax.tree.unflatten(structure, given)
        try:
            with naming.own_names():
                outputs = function(*args, **kwargs)
        except Exception as error:
            reason = str(error).split("\n")[0]
            raise CannotExport(f"its code cannot be followed on symbolic tensors ({reason:.300})") from error
        return self.write(outputs, pairs)

    def write(self, outputs: Any, given: list[tuple[KerasTensor, Value]]) -> Any:
        """Write the calls that lead from given symbolic tensors to a nest of others; returns the nest of values."""
        values = {id(tensor): value for tensor, value in given}
        for node in _calls_before(symbolic_leaves(outputs), set(values)):
            args, kwargs = _replaced((node.args, node.kwargs), values)
            made = self.call(node.operation, args, kwargs, node.outputs)
            values |= {id(t): v for t, v in zip(node.output_tensors, jax.tree.leaves(made), strict=True)}
        return _replaced(outputs, values)

    def call(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any], expected: Any) -> Any:
        """Write one call of a layer or operation; where that is impossible, keep the reason and give placeholders."""
        outer, self.expected = self.expected, expected
        try:
            with self.scope(operation.name):
                try:
                    write = self._operation if isinstance(operation, Operation) else self.layer
                    return self._conforming(operation, write(operation, args, kwargs), expected)
                except CannotExport as error:
                    kind = operation.class_name if isinstance(operation, Operation) else type(operation).__name__
                    self.refused.append(Refusal(self.path, kind, str(error)))
                    return jax.tree.map(lambda spec: Value("", spec.shape, in_file(spec.dtype)), expected)
                except Exception as error:
                    error.add_note(f"Raised while {self.path!r} was written into an ONNX file.")
                    raise
        finally:
            self.expected = outer

    def _conforming(self, operation: Any, made: Any, expected: Any) -> Any:
        """The outputs in the nest, with the shapes and dtypes that the model gives them."""
        values, (specs, nest) = jax.tree.leaves(made), jax.tree.flatten(expected)
        if len(values) != len(specs):
            raise LaminaError(
                f"export: {self.path!r} ({type(operation).__name__}): its ONNX emitter returned {len(values)} values, "
                f"and its call gives {len(specs)}. Return a Value for each array, in the same nest."
            )
        conforming = []
        for value, spec in zip(values, specs, strict=True):
            value = value if isinstance(value, Value) else self.constant(value)
            value = self.cast(value, in_file(spec.dtype)) if value.name else value
            conforming.append(Value(value.name, spec.shape, value.dtype))
        return jax.tree.unflatten(nest, conforming)

    def _operation(self, operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        emit = emitter_of_operation(operation.function.__name__)
        bound = operation.bind(*args, **kwargs)
        return emit(self, *bound.args, **bound.kwargs)

    def layer(self, layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Write one call of a layer, in the place where the graph is."""
        kwargs = dict(kwargs)
        if kwargs.pop("training", False) and any("training" in part._call_parameters for part in layer.tree.layers):
            raise CannotExport("it is called with training=True")
        emit, mask = emitter_of(layer), self._mask_of(args[0], kwargs.pop("mask", None))
        if jax.tree.leaves(mask) and "mask" in layer._call_parameters:
            if not takes_mask(emit):
                raise CannotExport("it looks at the mask of its inputs")
            kwargs["mask"] = mask
        if emit is not None:
            made = emit(self, layer, *args, **kwargs)
        else:
            made = self.by_its_call(layer, *args, **kwargs)
        self._hand_on(layer, mask, made)
        return made

    def by_its_call(self, layer: Layer, *args: Any, **kwargs: Any) -> Any:
        """Write the calls that a layer's own `call` makes."""
        if type(layer).compute_mask is not Layer.compute_mask and layer.supports_masking:
            raise CannotExport("it makes a mask")
        if "training" in layer._call_parameters:
            kwargs["training"] = False
        return self.apply(layer.call, *args, **kwargs)

    def _mask_of(self, inputs: Any, given: Any) -> Any:
        return given if given is not None else jax.tree.map(lambda x: self.masks.get(getattr(x, "name", "")), inputs)

    def _hand_on(self, layer: Layer, mask: Any, made: Any) -> None:
        """Let the output carry the mask of the input, where the layer hands it on as it is."""
        plain = type(layer).compute_mask is Layer.compute_mask and layer.supports_masking
        if plain and isinstance(mask, Value) and isinstance(made, Value):
            self.masks.setdefault(made.name, mask)


@contextmanager
def forgetting_calls(layer: Layer) -> Iterator[None]:
    """Afterwards, the calls on symbolic tensors that were recorded meanwhile are forgotten by the layers of a model."""
    before = [(part, list(part._inbound_nodes)) for part in layer.tree.layers]
    try:
        yield
    finally:
        for part, nodes in before:
            part._inbound_nodes[:] = nodes


class _Given:
    """What stands in a recorded graph as the maker of the tensors that were there before."""

    name = "given"
    _inbound_nodes: list[Node] = []  # none is kept


def _symbolic(value: Value) -> KerasTensor:
    """A symbolic tensor in the place of a value."""
    node = Node(_Given, (), {})
    node.outputs = KerasTensor(value.shape, value.dtype, value.name, node)
    return node.outputs


def _calls_before(tensors: list[KerasTensor], known: set[int]) -> list[Node]:
    """The calls that lead to tensors from the known ones, in an order in which they can run."""
    nodes: list[Node] = []
    done: set[int] = set()
    todo: list[tuple[KerasTensor, bool]] = [(tensor, False) for tensor in reversed(tensors)]
    while todo:
        tensor, finished = todo.pop()
        node = tensor.node
        if id(tensor) in known or node is None or id(node) in done:
            continue
        if finished:
            done.add(id(node))
            nodes.append(node)
        else:
            todo.append((tensor, True))
            todo.extend((before, False) for before in reversed(node.inputs))
    return nodes


def _replaced(nest: Any, values: dict[int, Any]) -> Any:
    return jax.tree.map(lambda leaf: values[id(leaf)] if isinstance(leaf, KerasTensor) else leaf, nest)
