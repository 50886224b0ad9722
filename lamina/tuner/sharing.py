"""One compiled program for all trials of one architecture: a model that is there already takes a new one's state."""

from __future__ import annotations

import inspect
import json
from typing import Any

from lamina.core.config import serialize
from lamina.core.random import SeedGenerator
from lamina.core.variable import Variable
from lamina.training.checkpoint.fingerprint import plain, without_names

_MOST = 4  # models that are kept


class Programs:
    """The models of the last architectures, with the programs that were compiled for them.

    What is in a model's variables (weights, moving statistics, the learning rate, the optimizer's slots) is no part of
    a program; all else is, so that models of one program differ in their variables alone.
    """

    def __init__(self) -> None:
        self._models: dict[str, Any] = {}

    def model(self, new: Any) -> Any:
        """Return a model equal to a new one in everything, whose programs may be compiled already; or the new one.

        Args:
            new: A compiled model. One that is not built yet, or that draws random numbers of its own (dropout), is
                returned itself.
        """
        key = _program(new)
        if key is None:
            return new
        known = self._models.pop(key, None)
        if known is not None:
            for old, fresh in zip(_variables(known), _variables(new), strict=True):
                old.assign(fresh.value)
        self._models[key] = known if known is not None else new
        while len(self._models) > _MOST:
            del self._models[next(iter(self._models))]
        return self._models[key]


def _program(model: Any) -> str | None:
    """What a model's programs depend on, as text; None where not all of it can be told."""
    layers = model.tree.layers
    if not model.built or not all(_is_plain(layer) for layer in layers):
        return None
    try:
        settings = serialize(model._compile_config)
        parts = [without_names(plain(part)) for part in (serialize(model), settings)]
    except (TypeError, ValueError, NotImplementedError):
        return None
    if isinstance(model.optimizer._learning_rate, Variable):
        parts[1]["optimizer"] = {**serialize(model.optimizer), "config": model.optimizer.get_config()}
        parts[1]["optimizer"]["config"].pop("learning_rate")
        parts[1]["optimizer"] = without_names(plain(parts[1]["optimizer"]))
    kinds = [f"{layer.dtype_policy.name} {layer.trainable}" for layer in layers]
    text = json.dumps([*parts, kinds], sort_keys=True)
    # Functions and classes of the user's are known by name alone, and may be others of the same name.
    return None if '"class_name": "function"' in text or '"registered_name": "' in text else text


def _is_plain(layer: Any) -> bool:
    """Whether a layer is one of lamina's that holds no code of the user's and draws no random numbers."""
    home = type(layer).__module__
    held = vars(layer).values()
    foreign = any(inspect.isfunction(value) and value.__module__.partition(".")[0] != "lamina" for value in held)
    draws = any(isinstance(value, SeedGenerator) for value in held)
    return home.startswith("lamina.") and not home.startswith("lamina.layers.interop") and not foreign and not draws


def _variables(model: Any) -> list[Variable]:
    model.optimizer.build(model.trainable_variables)
    return [*model.weights, *model.optimizer.variables]
