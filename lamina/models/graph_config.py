"""Graphs as plain data, in Keras' layout: the layers with their calls, then which tensors go in and come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from lamina.core.config import deserialize, inside, serialize
from lamina.core.errors import LaminaError
from lamina.core.symbolic import KerasTensor, Operation, find_operation, symbolic_leaves
from lamina.layers.base import family
from lamina.layers.core import InputLayer

# Where `call` has a default for `training` other than None, as in Dropout, Keras writes the default into the config of
# every call, as if it had been asked for. In these layers its default is None: False is only where it was asked for.
_TRAINING_IS_SAID = ("BatchNormalization", "TimeDistributed", "Lambda")

Key = list[Any]  # of a tensor: the layer's name, the number of its call, the number among the outputs of that call


def serialize_layer(layer: Any) -> dict[str, Any]:
    """Return the config of a layer with what it was built for, or that of an operation."""
    if isinstance(layer, Operation):
        return layer.serialize()
    config = serialize(layer)
    build_config = layer.get_build_config()
    return config | ({"build_config": build_config} if build_config else {})


def deserialize_layer(entry: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """Build a layer or an operation from `serialize_layer`'s dict."""
    plain = entry.get("config") if isinstance(entry, dict) else None
    with inside(str(plain.get("name", entry.get("class_name")) if isinstance(plain, dict) else entry)):
        return _deserialized(entry, custom_objects)


def _deserialized(entry: dict[str, Any], custom_objects: dict[str, Any] | None) -> Any:
    if str(entry.get("module")).startswith(("keras.src.ops.", "keras.ops.")):
        settings = {name: _from_plain(value, _no_tensor) for name, value in entry["config"].items()}
        return Operation(find_operation(entry["class_name"]), settings.pop("name", None), settings)
    layer = family.deserialize(entry, custom_objects)
    if entry.get("build_config"):
        layer.build_from_config(entry["build_config"])
    return layer


# A graph to a dict ----------------------------------------------------------------------------------------------------


def graph_config(model: Any) -> dict[str, Any]:
    """Return the config of a `Functional`."""
    graph = model._graph

    def key_of(tensor: KerasTensor) -> Key:
        node: Any = tensor.node
        number = next(i for i, other in enumerate(graph.of(node.operation)) if other is node)
        return [node.operation.name, number, tensor.index]

    def end_of(tensor: KerasTensor) -> Key:
        name, number, index = key_of(tensor)
        return [name, number + _own_calls(tensor.producer), index]

    layers = []
    for operation in graph.operations:
        entry = serialize_layer(operation) | {"name": operation.name}
        nodes = [node for node in graph.of(operation) if node.inputs]
        calls = [{"args": _plain(list(node.args), key_of), "kwargs": _plain(node.kwargs, key_of)} for node in nodes]
        layers.append(entry | {"inbound_nodes": calls})
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": jax.tree.map(end_of, model.input),
        "output_layers": jax.tree.map(end_of, model.output),
    }


def _own_calls(layer: Any) -> int:
    """How many calls Keras counts before the first, where a config says what the model's inputs and outputs are."""
    return int(hasattr(layer, "_graph"))


def _plain(value: Any, key_of: Callable[[KerasTensor], Key]) -> Any:
    """The plain form of an argument of a call."""
    if isinstance(value, KerasTensor):
        config = {"shape": list(value.shape), "dtype": value.dtype, "keras_history": key_of(value)}
        return {"class_name": "__keras_tensor__", "config": config}
    if isinstance(value, slice):
        parts = {name: _plain(getattr(value, name), key_of) for name in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": parts}
    if value is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, dict):
        return {name: _plain(item, key_of) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, key_of) for item in value]
    return serialize(value)


# A dict to a graph ----------------------------------------------------------------------------------------------------


def model_from_graph_config(cls: type, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """Build a `Functional` from `graph_config`'s dict.

    Args:
        cls: Its class; what the dict holds beside the graph goes to its constructor.
        config: The dict.
        custom_objects: Classes and functions by the names that the dict uses.

    Raises:
        LaminaError: a call, an input or an output of a tensor that no layer of the dict makes.
    """
    names = [entry["name"] for entry in config["layers"]]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise LaminaError(f"{cls.__name__}.from_config: two layers of the config are named {twice!r}.")
    calls = _Calls(
        cls.__name__, {entry["name"]: deserialize_layer(entry, custom_objects) for entry in config["layers"]}
    )
    calls.make({entry["name"]: list(entry["inbound_nodes"]) for entry in config["layers"]})
    inputs, outputs = calls.ends(config["input_layers"]), calls.ends(config["output_layers"])
    rest = {key: value for key, value in config.items() if key not in ("layers", "input_layers", "output_layers")}
    return cls(inputs=inputs, outputs=outputs, **rest)


class _Calls:
    """The layers of a config, and the symbolic tensors that each of their calls has given."""

    def __init__(self, model: str, layers: dict[str, Any]) -> None:
        self.model, self.layers = model, layers
        self.given: dict[str, list[list[KerasTensor]]] = {
            name: [[layer.tensor]] if isinstance(layer, InputLayer) else [] for name, layer in layers.items()
        }

    def make(self, waiting: dict[str, list[dict[str, Any]]]) -> None:
        """Make the calls of each layer in their order, each when what it takes is there."""
        while any(waiting.values()):
            left = sum(map(len, waiting.values()))
            for name, nodes in waiting.items():
                while nodes and all(len(self.given.get(other, [])) > number for other, number, _ in _keys(nodes[0])):
                    self.given[name].append(symbolic_leaves(self._call(self.layers[name], nodes.pop(0))))
            if left == sum(map(len, waiting.values())):
                raise LaminaError(
                    f"{self.model}.from_config: the calls of {[name for name, nodes in waiting.items() if nodes]} need "
                    "tensors that no layer of the config makes. The config is not whole."
                )

    def _call(self, layer: Any, node: dict[str, Any]) -> Any:
        args, kwargs = (_from_plain(node.get(part, {}), self.tensor) for part in ("args", "kwargs"))
        if not isinstance(layer, Operation):
            said = type(layer).__name__ in _TRAINING_IS_SAID
            default = None if said else layer._call_parameters.get("training")
            kwargs = {k: v for k, v in kwargs.items() if v is not None and (k != "training" or v is not default)}
        return layer(*args, **kwargs)

    def tensor(self, key: Key) -> KerasTensor:
        """The tensor of a key."""
        name, number, index = _checked_key(key)
        return self.given[name][number][index]

    def ends(self, keys: Any) -> Any:
        """The nest of tensors for the nest of keys of a model's inputs or outputs."""
        if isinstance(keys, dict):
            return {name: self.ends(item) for name, item in keys.items()}
        if not (len(keys) == 3 and isinstance(keys[0], str)):
            return type(keys)(self.ends(item) for item in keys)
        name, number, index = keys
        try:
            return self.tensor([name, number - _own_calls(self.layers[name]), index])
        except (KeyError, IndexError) as error:
            raise LaminaError(
                f"{self.model}.from_config: the config takes output {index} of call {number} of {name!r} for an input "
                f"or output of the model; nothing makes it. Layers: {list(self.layers)}."
            ) from error


def _checked_key(key: Any) -> Key:
    """The key of a tensor, or raise unless it is a layer's name and two whole numbers from 0 on."""
    whole = isinstance(key, list) and len(key) == 3 and all(type(n) is int and n >= 0 for n in key[1:])
    if not whole or not isinstance(key[0], str):
        raise LaminaError(f"The config names a tensor {key!r:.80}; expected [layer, number of its call, output].")
    return key


def _keys(value: Any) -> list[Key]:
    """The keys of the tensors in the plain arguments of a call."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return [_checked_key(value["config"]["keras_history"])]
        value = list(value.values())
    return [key for item in value for key in _keys(item)] if isinstance(value, (list, tuple)) else []


def _from_plain(value: Any, tensor: Callable[[Key], KerasTensor]) -> Any:
    """The argument of a call for its plain form."""
    if isinstance(value, (list, tuple)):
        items = [_from_plain(item, tensor) for item in value]
        return tuple(items) if any(item is Ellipsis or isinstance(item, slice) for item in items) else items
    if not isinstance(value, dict):
        return value
    kind, config = value.get("class_name"), value.get("config")
    if kind == "__keras_tensor__":
        return tensor(value["config"]["keras_history"])
    if kind == "__slice__":
        return slice(*(_from_plain(value["config"][name], tensor) for name in ("start", "stop", "step")))
    if kind == "__ellipsis__":
        return Ellipsis
    if kind is not None and config is not None:
        return deserialize(value)
    return {name: _from_plain(item, tensor) for name, item in value.items()}


def _no_tensor(key: Key) -> KerasTensor:
    raise LaminaError(f"The tensor {key} stands among the settings of an operation, which can only be plain values.")
