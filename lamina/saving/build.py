"""From the config of a model to the model, with weights that are promised until the file has shown that it has them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lamina.core.config import custom_object_scope, sharing
from lamina.core.naming import own_names
from lamina.core.random import own_seeds
from lamina.core.variable import Promised, promising
from lamina.models.architecture import compile_from
from lamina.models.graph_config import deserialize_layer
from lamina.models.model import Model

_SPARE = 64 * 2**20  # bytes that weights which no file holds (of metrics, say) may take


@contextmanager
def building(source: Any, custom_objects: dict[str, Any] | None) -> Iterator[Promised]:
    """Inside the context, objects get weights that are only promised, and leave names and random state as they are.

    Args:
        source: The reader of the file's arrays; the weights may take four times their bytes.
        custom_objects: What configs may name besides lamina's own.
    """
    stored = sum(info.nbytes for info in source.arrays.values())
    scope = custom_object_scope(custom_objects or {})
    with own_names(), own_seeds(), sharing(), scope, promising(4 * stored + _SPARE) as promised:
        yield promised


def model_from_config(config: Any, compile: bool) -> Model:
    """Build, and compile, the model of a config as `model_config` writes it."""
    if not (isinstance(config, dict) and "class_name" in config and isinstance(config.get("config"), dict)):
        raise ValueError("expected the config of a model, with class_name and config")
    model = deserialize_layer(config)
    if not isinstance(model, Model):
        raise ValueError(f"the config describes a {type(model).__name__}, which is no model")
    if compile:
        compile_from(model, config)
    return model
