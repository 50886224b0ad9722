"""Makes the model of a fit, with its optimizer, loss, metrics and callbacks, from what the user gave."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from lamina import losses, metrics, optimizers
from lamina.core.errors import LaminaError
from lamina.estimators.wrappers.routing import routed
from lamina.models import Model, Sequential


def arguments_of(model: Any) -> list[str] | None:
    """Names that a model-building function takes; None for any, and an empty list for a model."""
    if isinstance(model, Model):
        return []
    parameters = inspect.signature(model).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    return [one.name for one in parameters if one.kind is not one.VAR_POSITIONAL]


def build(
    estimator: Any, parameters: dict[str, Any], meta: dict[str, Any], default_loss: Callable[[Any], Any]
) -> Model:
    """A compiled model of its own for this fit.

    Args:
        estimator: The estimator, for its `model`, `optimizer`, `loss`, `metrics`.
        parameters: All its parameters.
        meta: What is known of the data, for functions with an argument `meta`.
        default_loss: Gives the loss for a built model where none was given.
    Raises:
        TypeError: the function gave no model.
        ValueError: loss and model do not go together.
    """
    compiling = routed(parameters, "compile")
    compiling["optimizer"] = _part(estimator.optimizer, routed(parameters, "optimizer"), optimizers.get)
    if estimator.loss is not None:
        compiling["loss"] = _part(estimator.loss, routed(parameters, "loss"), losses.get)
    if estimator.metrics is not None:
        compiling["metrics"] = _metrics(estimator.metrics, routed(parameters, "metrics"))
    name = type(estimator).__name__
    if isinstance(estimator.model, Model):
        model = copy.deepcopy(estimator.model)
    else:
        model = estimator.model(**_arguments(estimator.model, parameters, meta, compiling))
    if not isinstance(model, Model):
        raise TypeError(f"{name}: model: the function should return a lamina model, it returned {model!r}.")
    if not model.compiled:
        if not model.built and isinstance(model, Sequential):
            model.build((None, *meta["X_shape_"][1:]))
        if "loss" not in compiling:
            compiling["loss"] = default_loss(model)
        model.compile(**compiling)
    return model


def _arguments(
    function: Callable[..., Any], parameters: dict[str, Any], meta: dict[str, Any], compiling: dict[str, Any]
) -> dict[str, Any]:
    """What the function is called with: its own parameters, and those of the estimator that it names."""
    named = inspect.signature(function).parameters
    anything = any(one.kind is one.VAR_KEYWORD for one in named.values())
    shared = {name: parameters[name] for name in named if name in parameters and name != "model"}
    free = {name: value for name, value in parameters.items() if "__" not in name and anything and name in meta["free"]}
    special = {"meta": meta, "compile_kwargs": compiling}
    return shared | free | routed(parameters, "model") | {name: special[name] for name in named if name in special}


def _part(given: Any, options: dict[str, Any], get: Callable[[Any], Any]) -> Any:
    """An optimizer or loss of its own: from a name or class with options, or a copy of an object with other options."""
    if inspect.isclass(given):
        return given(**options)
    if isinstance(given, str) and not options:
        return get(given)
    found = get(given)
    words = getattr(found, "__name__", "").split("_")
    named = getattr(losses, "".join(word.title() for word in words), None)
    if options and named is not None:  # a loss' function, which has no options: its class has
        return named(**options)
    if not hasattr(found, "get_config"):
        if options:
            raise ValueError(f"{given!r}: it takes no further options, received {options}. Give a class or a name.")
        return found
    config = found.get_config()
    unknown = [name for name in options if name not in config]
    if unknown:
        raise ValueError(f"{type(found).__name__}: unknown options {unknown}; it has {sorted(config)}.")
    try:
        return type(found).from_config(config | options)
    except LaminaError:
        if options:
            raise
        return copy.deepcopy(found)  # of a class that has no full config


def _metrics(given: Any, options: dict[str, Any]) -> list[Any]:
    parts = given if isinstance(given, list | tuple) else [given]
    return [
        one(**options) if inspect.isclass(one) else copy.deepcopy(metrics.get(one) if isinstance(one, dict) else one)
        for one in parts
    ]


def make_callbacks(given: Any, options: dict[str, Any]) -> list[Any]:
    """Callbacks of their own for this fit: copies of objects; of classes new ones with their options.

    Options are named after a callback's key in a dict or place in a list (`early__patience`, `0__patience`); those
    without either go to all classes.
    """
    if given is None:
        return []
    if isinstance(given, Mapping):
        pairs = [(str(key), one) for key, one in given.items()]
    else:
        pairs = [(str(place), one) for place, one in enumerate(given if isinstance(given, list | tuple) else [given])]
    shared = {name: value for name, value in options.items() if "__" not in name}
    made = []
    for key, one in pairs:
        own = routed(options, key)
        made.append(one(**(shared | own)) if inspect.isclass(one) else copy.deepcopy(one))
        if own and not inspect.isclass(one):
            raise ValueError(f"callbacks__{key}: options {own} are for a class; received the object {one!r}.")
    return made
