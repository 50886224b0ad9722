"""Models as JSON text: the architecture, and how the model is compiled; no weights. `Model.to_json` is `to_json`."""

from __future__ import annotations

import json
from typing import Any

from lamina.core.config import custom_object_scope, deserialize, inside
from lamina.core.errors import LaminaError
from lamina.models.graph_config import deserialize_layer, serialize_layer


def to_json(model: Any, **kwargs: Any) -> str:
    """Return a model's architecture as JSON text, which `model_from_json` and Keras read.

    Args:
        model: The model.
        **kwargs: For `json.dumps`, e.g. indent=2.

    Raises:
        TypeError: something in the model has no name and no config, such as a lambda.

    Example:
        >>> from lamina.models import Sequential
        >>> from lamina.layers import Dense, Input
        >>> text = to_json(Sequential([Input((3,)), Dense(2)]))
        >>> model_from_json(text).count_params()
        8
    """

    def refuse(value: Any) -> Any:
        raise TypeError(
            f"Model {model.name!r}: to_json: {value!r} of type {type(value).__name__} cannot be written as JSON. "
            "Give a function a name (def) and register it with @lamina.saving.register_serializable()."
        )

    config = serialize_layer(model)
    if model.compiled:
        config |= compile_configs(model.get_compile_config())
    return json.dumps(config, **{"default": refuse, **kwargs})


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """Build a model from the text of `Model.to_json`, lamina's or Keras'; weights start anew.

    It is compiled if the text says how. Classes and functions come from lamina's tables, from registrations and from
    `custom_objects`; nothing is imported, and no code in the text is run.

    Args:
        json_string: The text.
        custom_objects: Classes and functions by the names that the text uses.

    Raises:
        ValueError: no JSON of a model, or a class or function that is not known.

    Example:
        >>> from lamina.layers import Dense, Input
        >>> from lamina.models import Model
        >>> x = Input((3,))
        >>> model_from_json(to_json(Model(x, Dense(2)(x), name="small"))).name
        'small'
    """
    try:
        config = json.loads(json_string)
    except (TypeError, ValueError) as error:
        raise LaminaError(
            f"model_from_json: expected the text of Model.to_json(), received {json_string!r:.60}."
        ) from error
    if not (isinstance(config, dict) and "class_name" in config and "config" in config):
        raise LaminaError(f"model_from_json: expected the config of a model, received {config!r:.60}.")
    with custom_object_scope(custom_objects or {}):
        model = deserialize_layer(config)
        if not hasattr(model, "compile"):
            raise LaminaError(f"model_from_json: the text describes a {type(model).__name__}, which is no model.")
        compile_from(model, config)
    return model


_OWN = ("output_losses", "auto_scale_loss", "preflight")  # arguments of compile that Keras does not have


def compile_configs(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of `compile` as they stand in a model's config, those that Keras lacks apart."""
    own = {name: settings[name] for name in _OWN if name in settings}
    config = {"compile_config": {name: value for name, value in settings.items() if name not in own}}
    return config | ({"lamina_compile_config": own} if own else {})


def compile_from(model: Any, config: dict[str, Any]) -> None:
    """Compile a model as its config says, if it does."""
    if config.get("compile_config"):
        with inside("compile_config"):
            model.compile_from_config(config["compile_config"] | config.get("lamina_compile_config", {}))


def restored(value: Any) -> Any:
    """The objects for the configs in a nest of lists and dicts."""
    if isinstance(value, list):
        return [restored(item) for item in value]
    if isinstance(value, dict) and not {"class_name", "config"} <= set(value):
        return {name: restored(item) for name, item in value.items()}
    return deserialize(value)
