"""Tables of emitters: functions that write a layer, or an operation of `lamina.ops`, into an `OnnxGraph`."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any, TypeVar

from lamina.layers.base import Layer

F = TypeVar("F", bound=Callable[..., Any])
Emitter = Callable[..., Any]

_LAYERS = (
    "activations",
    "convolution",
    "core",
    "images",
    "merging",
    "normalization",
    "pooling",
    "reshaping",
    "wrappers",
)
_OPERATIONS = (
    *("activations", "arithmetic", "comparisons", "convolution", "images", "indexing", "joining", "normalization"),
    *("pooling", "products", "reductions", "shapes"),
)
_own: dict[type, Emitter] = {}
_of_users: dict[type, Emitter] = {}
_operations: dict[str, Emitter] = {}  # by the name of the function in lamina.ops
_taking_masks: set[Emitter] = set()


class CannotExport(Exception):
    """Something has no form in the file; the message is the reason, without a full stop."""


def onnx_emitter(*layer_types: type) -> Callable[[F], F]:
    """Decorator: let `model.export("….onnx")` write layers of a class with this function.

    Args:
        layer_types: Classes of layers. A subclass with a `call` of its own needs an emitter of its own.

    The function is called as `emit(graph, layer, *inputs, **arguments)`, with the arguments of the layer's call and a
    `Value` in the place of each array. It adds nodes with `graph.add` and its kin, and returns a `Value`, or a nest of
    them as `call` does. `graph.apply(function, *values)` writes what a layer, or a function made of `lamina.ops`, does.

    Raises:
        TypeError: something that is no class of layers.

    Example:
        >>> from lamina.layers import Layer
        >>> class Twice(Layer):
        ...     def call(self, inputs):
        ...         return inputs * 2
        >>> @onnx_emitter(Twice)
        ... def emit(graph, layer, x):
        ...     return graph.add("Mul", x, 2.0)
    """
    for cls in layer_types:
        if not (isinstance(cls, type) and issubclass(cls, Layer)):
            raise TypeError(f"onnx_emitter: expected classes of layers, such as MyLayer, received {cls!r}.")
    return functools.partial(_register, _of_users, layer_types)


def layer_emitter(*layer_types: type, mask: bool = False) -> Callable[[F], F]:
    """Decorator: `onnx_emitter` for lamina's own layers; with `mask` the function is given the inputs' mask."""

    def decorate(function: F) -> F:
        if mask:
            _taking_masks.add(function)
        return _register(_own, layer_types, function)

    return decorate


def operation_emitter(*names: str) -> Callable[[F], F]:
    """Decorator: let operations of `lamina.ops` be written by this function; it has their parameters behind `graph`."""
    return functools.partial(_register, _operations, names)


def _register(table: dict[Any, Emitter], keys: Any, function: F) -> F:
    table.update(dict.fromkeys(keys, function))
    return function


@functools.cache
def load() -> None:
    """Fill the tables with what lamina itself has."""
    for file in _LAYERS:
        importlib.import_module(f"lamina.export.onnx.layers.{file}")
    for file in _OPERATIONS:
        importlib.import_module(f"lamina.export.onnx.operations.{file}")


def emitter_of(layer: Layer) -> Emitter | None:
    """Return the emitter for a layer: that of its class, or of the class whose `call` it has."""
    for cls in type(layer).__mro__:
        found = _of_users.get(cls) or _own.get(cls)
        if found is not None:
            return found if type(layer).call is cls.call else None  # type: ignore[attr-defined]  # classes of layers
    return None


def takes_mask(emitter: Emitter | None) -> bool:
    """Whether an emitter looks at masks."""
    return emitter in _taking_masks


def emitter_of_operation(name: str) -> Emitter:
    """Return the emitter for an operation of `lamina.ops`."""
    if name not in _operations:
        raise CannotExport(f"lamina.ops.{name} has no form in ONNX that lamina writes")
    return _operations[name]
