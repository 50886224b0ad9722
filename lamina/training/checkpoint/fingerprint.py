"""What a run is: everything that its numbers depend on, as plain data that two runs are compared by."""

from __future__ import annotations

import inspect
import itertools
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from lamina.core.config import serialize
from lamina.core.variable import Variable
from lamina.files import FileError

_NAMED = 3  # differences that a message names
_LONG = 1000  # items of a list, from which on it is told by its checksum


def fingerprint(program: Any, feed: Any, validation: Any, arguments: Any, callbacks: list[str]) -> dict[str, Any]:
    """Describe a run in JSON's types.

    Args:
        program: The compiled programs, which know the model, the optimizer and all variables.
        feed, validation: Data of training and of validation (or None).
        arguments: The arguments of `fit`.
        callbacks: The callbacks with a state, by name and in order.
    """
    model = program.model
    compiled = {name: _config(value) for name, value in model._compile_config.items() if name != "optimizer"}
    given = {name: plain(value) for name, value in arguments.numbers().items()}
    return {
        "model": without_names(_model(model)),
        "compile": without_names({"optimizer": _optimizer(program.optimizer), **compiled}),
        "weights": {
            "trainable": _shapes(program.trainable),
            "other": _shapes(program.non_trainable),
            "optimizer": _shapes(program.slots),
            "metrics": _shapes(program.metrics),
        },
        "data": {"training": feed.layout(), "validation": None if validation is None else validation.layout()},
        "fit": given | {"batch_size": feed.batch_size, "validation_batch_size": validation and validation.batch_size},
        "callbacks": callbacks,
    }


def refuse_another_run(path: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Raise unless two descriptions are equal; the first differences are named.

    Args:
        path: The checkpoint that `old` comes from.
        old, new: What `fingerprint` returned, then and now.

    Raises:
        FileError: they are not.
    """
    found = list(differences(old, new))
    if found:
        more = f", and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise FileError(
            path,
            "",
            f"it is the checkpoint of another run: {'; '.join(found[:_NAMED])}{more}",
            code="run",
            way_out="Put this back to go on with it, or start anew in another folder.",
        )


def differences(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """Name each place where two descriptions differ, with what was there and what is.

    Example:
        >>> list(differences({"fit": {"batch_size": 32}}, {"fit": {"batch_size": 64}}))
        ['fit.batch_size was 32 and is 64']
    """
    if isinstance(old, dict) and isinstance(new, dict) and (old.keys() & new.keys() or not (old and new)):
        for key in dict.fromkeys([*old, *new]):
            yield from differences(old.get(key), new.get(key), f"{place}.{key}" if place else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, now) in enumerate(zip(old, new, strict=True)):
            yield from differences(before, now, f"{place}[{index}]")
    elif old != new:
        yield f"{place} was {_short(old)} and is {_short(new)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:70]} ... {text[-20:]}"


def plain(value: Any) -> Any:
    """A value of a config or an argument in JSON's types; what has none is told by its type."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, (np.ndarray, jax.Array)):
        array = np.asarray(value)
        return f"array {array.shape} {array.dtype} {zlib.crc32(np.ascontiguousarray(array).tobytes()):08x}"
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=repr)
    if isinstance(value, Iterable):
        items = [plain(item) for item in itertools.islice(value, 10 * _LONG)]
        if len(items) < _LONG:
            return items
        return f"list of {len(items)}, {zlib.crc32(repr(items).encode()):08x}"
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _config(value: Any) -> Any:
    """The config of an object, or its type where it has none."""
    if isinstance(value, (list, tuple)):
        return [_config(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _config(item) for key, item in value.items()}
    try:
        return plain(serialize(value))
    except (TypeError, ValueError, NotImplementedError, AttributeError):  # a class of the user's without a config
        return f"{type(value).__module__}.{type(value).__qualname__}"


def _model(model: Any) -> Any:
    """The model's config; of a class of the user's, which shows its arguments only, those of its layers too."""
    config = _config(model)
    if isinstance(config, dict) and "layers" in config.get("config", {}):
        return config
    return {"model": config, "layers": [_config(layer) for layer in model.tree.layers if layer is not model]}


def _optimizer(optimizer: Any) -> Any:
    """The optimizer's config, with the learning rate that it was made with: what it is now belongs to the state."""
    config = _config(optimizer)
    if not isinstance(config, dict):
        return config
    inner = getattr(optimizer, "inner_optimizer", None)
    if inner is not None:
        config["config"]["inner_optimizer"] = _optimizer(inner)
        return config
    rate = optimizer._learning_rate
    if isinstance(rate, Variable):
        parameter = inspect.signature(type(optimizer).__init__).parameters.get("learning_rate")
        rate = optimizer._arguments.get("learning_rate", None if parameter is None else parameter.default)
    config["config"]["learning_rate"] = _config(rate)
    return config


def _shapes(variables: list[Variable]) -> list[Any]:
    return [[list(variable.shape), variable.dtype] for variable in variables]


def without_names(config: Any) -> Any:
    """A config with numbers in the place of names, which count up when a model is made again in one process."""
    names: dict[str, str] = {}
    for name in _names(config):
        names.setdefault(name, f"#{len(names) + 1}")
    return _renamed(config, names)


def _names(config: Any) -> Iterator[str]:
    if isinstance(config, dict):
        if config.get("class_name") == "DTypePolicy":
            return  # whose name is what it does
        if isinstance(config.get("name"), str):
            yield config["name"]
        for value in config.values():
            yield from _names(value)
    elif isinstance(config, list):
        for value in config:
            yield from _names(value)


def _renamed(config: Any, names: dict[str, str]) -> Any:
    if isinstance(config, str):
        return names.get(config, config)
    if isinstance(config, dict):
        return {names.get(key, key): _renamed(value, names) for key, value in config.items()}
    return [_renamed(item, names) for item in config] if isinstance(config, list) else config
