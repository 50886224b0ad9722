"""Keras' older `.h5`: a model, or its weights, in one HDF5 file, the arrays in the order of the layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lamina.core.errors import FileError
from lamina.core.variable import Variable
from lamina.files import Hdf5Reader, Hdf5Writer, OpenFile, parse_json, replacing
from lamina.files import to_json as json_bytes
from lamina.layers.base import Layer
from lamina.models.model import Model
from lamina.saving.build import building, model_from_config
from lamina.saving.renamed import Renamed, array_name, named_variables
from lamina.saving.restore import refusing, restore

_MAGIC = b"\x89HDF\r\n\x1a\n"
_ATTRIBUTE_LIMIT = 64512  # bytes of one attribute of HDF5; longer lists of names go into several
_TOP = "top_level_model_weights"


def is_hdf5(file: OpenFile) -> bool:
    """Whether the first bytes are those of HDF5."""
    return file.window(0, min(8, file.size)).read() == _MAGIC


def is_legacy(source: Any) -> bool:
    """Whether an HDF5 file has the older layout: of a whole model, or of weights alone."""
    root = source.groups.get("", {})
    return "model_weights" in source.groups or "layer_names" in root or "layer_names0" in root


# Reading --------------------------------------------------------------------------------------------------------------


def source_of(source: Any, model: Layer, by_name: bool = False) -> Renamed:
    """The arrays of an older file in the layout of today.

    Args:
        source: The file's reader.
        model: The model that they are for.
        by_name: Whether layers are matched by name; the default goes by order among those that have weights.
    """
    top = "model_weights" if "model_weights" in source.groups else ""
    ours = {id(variable): name for name, variable in named_variables(model).items()}
    names: dict[str, str] = {}
    layers = [layer for layer in _layers(model) if layer.variables]
    stored = [name for name in _texts(source, top, "layer_names") if _weights(source, _join(top, name))]
    if by_name:
        known = {layer.name: layer for layer in layers}
        pairs = [(known[name], name) for name in stored if name in known]
    elif len(stored) != len(layers):
        raise ValueError(
            f"the file has weights of {len(stored)} layers ({', '.join(stored[:10])}), the model {model.name!r} has "
            f"{len(layers)} layers with weights. Build the model as it was saved, or pass by_name=True."
        )
    else:
        pairs = list(zip(layers, stored, strict=True))
    for layer, name in pairs:
        _pair(names, ours, _in_old_order(layer), _weights(source, _join(top, name)), layer.name)
    own = [variable for variable in model.own_variables() if id(variable) in ours]
    _pair(names, ours, own, _weights(source, _join(top, _TOP)), model.name)
    state = _weights(source, "optimizer_weights")
    if len(state) > 1:  # more than the number of steps, which is all of one that has not trained
        names |= {array_name("optimizer", i): name for i, name in enumerate(state)}
    return Renamed(source, names)


def _pair(names: dict[str, str], ours: dict[int, str], variables: list[Variable], stored: list[str], who: str) -> None:
    if len(variables) != len(stored):
        raise ValueError(f"layer {who!r} has {len(variables)} weights, the file has {len(stored)} for it: {stored}.")
    names.update((ours[id(variable)], name) for variable, name in zip(variables, stored, strict=True))


def _in_old_order(layer: Layer) -> list[Variable]:
    return [*layer.trainable_variables, *layer.non_trainable_variables]


def _layers(model: Layer) -> list[Layer]:
    return model.layers if isinstance(model, Model) else model._tracked()[1]


def _weights(source: Any, group: str) -> list[str]:
    """The paths of the arrays of a group, in their order."""
    return [_join(group, name) for name in _texts(source, group, "weight_names")]


def _texts(source: Any, group: str, name: str) -> list[str]:
    """A list of texts among the attributes of a group; a long one goes on in name0, name1, …"""
    attributes = source.groups.get(group, {})
    if name in attributes:
        return _as_texts(attributes[name])
    parts: list[str] = []
    while f"{name}{len(parts)}" in attributes:
        parts.append(f"{name}{len(parts)}")
    return [text for part in parts for text in _as_texts(attributes[part])]


def _as_texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(item) for item in value]


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def load(file: OpenFile, custom_objects: dict[str, Any] | None, compile: bool) -> Model:
    """Read a whole model."""
    with Hdf5Reader(file.handle, file.path, "") as source:
        root = source.groups.get("", {})
        if "model_config" not in root:
            raise FileError(
                file.path, "model_config", "the file holds weights alone, no model", code="incomplete",
                way_out="Build the model, then call model.load_weights(path).",
            )  # fmt: skip
        config = parse_json(_bytes(root["model_config"]), file.path, "model_config")
        training = root.get("training_config") if compile else None
        settings = parse_json(_bytes(training), file.path, "training_config") if training is not None else None
        with building(source, custom_objects) as promised:
            with refusing(file.path, "model_config"):
                model = model_from_config(_modern(config), compile=False)
            with refusing(file.path, "training_config"):
                if settings is not None:
                    model.compile(**_compile_arguments(model, settings))
            with refusing(file.path, "model_weights"):
                restore(model, source_of(source, model), file.path)
                promised.keep()
    return model


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _modern(config: Any) -> Any:
    """The config of a model in today's form."""
    if isinstance(config, list):
        return [_modern(item) for item in config]
    if not isinstance(config, dict):
        return config
    config = {key: _modern(value) for key, value in config.items()}
    nodes, kind, plain = config.get("inbound_nodes"), str(config.get("class_name")), config.get("config")
    if isinstance(nodes, list) and nodes and all(isinstance(node, list) for node in nodes):
        config["inbound_nodes"] = [_call(node) for node in nodes]
    if isinstance(plain, dict):
        config |= {"class_name": "Functional" if kind == "Model" else kind, "config": _modern_arguments(kind, plain)}
    return config


_OLD_KERNEL = ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint")


def _modern_arguments(kind: str, plain: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a layer that Keras 2 wrote in another form."""
    if kind == "InputLayer" and "batch_input_shape" in plain:
        return {("batch_shape" if key == "batch_input_shape" else key): value for key, value in plain.items()}
    axis = plain.get("axis")
    if kind == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        return plain | {"axis": axis[0]}
    if kind.startswith(("Separable", "Depthwise")):  # which have depthwise and pointwise kernels
        return {key: value for key, value in plain.items() if key not in _OLD_KERNEL}
    return plain


def _call(node: list[Any]) -> dict[str, Any]:
    """A call in a graph: it was a list of (layer, call, output, arguments), one for each input."""

    def tensor(key: list[Any]) -> dict[str, Any]:
        return {"class_name": "__keras_tensor__", "config": {"keras_history": key[:3]}}

    keys = [node] if node and isinstance(node[0], str) else node
    inputs = [tensor(key) for key in keys]
    arguments = keys[0][3] if keys and len(keys[0]) > 3 else {}
    named = {
        name: tensor(value) if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) else value
        for name, value in arguments.items()
    }
    return {"args": inputs if len(inputs) == 1 else [inputs], "kwargs": named}


def _compile_arguments(model: Model, settings: dict[str, Any]) -> dict[str, Any]:
    from lamina import losses, metrics, optimizers

    def nested(get: Any, value: Any) -> Any:
        if isinstance(value, dict) and "class_name" not in value:
            return {key: nested(get, item) for key, item in value.items()}
        if isinstance(value, list):
            return [nested(get, item) for item in value]
        return value if value is None or isinstance(value, str) else get(value)

    arguments: dict[str, Any] = {"optimizer": optimizers.deserialize(_without_old_keys(settings["optimizer_config"]))}
    arguments["loss"] = nested(losses.deserialize, settings.get("loss"))
    for name in ("metrics", "weighted_metrics"):
        arguments[name] = nested(metrics.deserialize, settings.get(name))
    return arguments | {"loss_weights": settings.get("loss_weights")}


def _without_old_keys(config: Any) -> Any:
    """The config of an optimizer without what Keras 2 wrote into it for itself."""
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        return config
    old = ("jit_compile", "is_legacy_optimizer")
    plain = {key: value for key, value in config["config"].items() if key not in old}
    return config | {"class_name": str(config.get("class_name")).removeprefix("Custom>"), "config": plain}


# Writing --------------------------------------------------------------------------------------------------------------


def save(model: Model, target: Path, include_optimizer: bool) -> None:
    """Write a whole model in the older layout, which Keras 2 and 3 read."""
    config = {"class_name": type(model).__name__, "config": model.get_config()}
    root: dict[str, Any] = {"keras_version": "3.15.1", "backend": "jax", "model_config": json_bytes(config).decode()}
    settings = model.get_compile_config() if model.compiled and include_optimizer else None
    if settings is not None:
        kept = {key: settings.get(key) for key in ("loss", "loss_weights", "metrics", "weighted_metrics")}
        root["training_config"] = json_bytes(kept | {"optimizer_config": settings["optimizer"]}).decode()
    with replacing(target) as file:
        writer = Hdf5Writer(file, checksum=True)
        writer.group("", root)
        _write_layers(writer, model)
        if settings is not None:
            _write(writer, "optimizer_weights", model.optimizer.variables)
        writer.close()


def _write_layers(writer: Hdf5Writer, model: Model) -> None:
    versions = {"keras_version": "3.15.1", "backend": "jax"}
    writer.group("model_weights", _named("layer_names", [layer.name for layer in model.layers]) | versions)
    for layer in sorted(model.layers, key=lambda layer: layer.name):
        _write(writer, f"model_weights/{layer.name}", _in_old_order(layer))
    _write(writer, f"model_weights/{_TOP}", model.own_variables())


def _write(writer: Hdf5Writer, group: str, variables: list[Variable]) -> None:
    writer.group(group, _named("weight_names", [variable.path for variable in variables]))
    for variable in variables:
        writer.array(f"{group}/{variable.path}", np.asarray(variable._value))


def _named(name: str, texts: list[str]) -> dict[str, list[str]]:
    """Attributes that hold a list of texts, in as many parts as they need."""
    size, parts = max((len(text.encode()) for text in texts), default=1), []
    step = max(1, _ATTRIBUTE_LIMIT // size)
    parts = [texts[i : i + step] for i in range(0, len(texts), step)]
    return {name: texts} if len(parts) <= 1 else {f"{name}{i}": part for i, part in enumerate(parts)}
