"""`Lambda`: a function as a layer."""

from __future__ import annotations

import inspect
from typing import Any

import jax

from lamina.activations import _family as activations
from lamina.core.config import deserialize, find_custom, serialize
from lamina.core.errors import LaminaError, unknown_name
from lamina.layers.base import Layer, family
from lamina.layers.shapes import is_shape


@family.add
class Lambda(Layer):
    """A function of arrays as a layer: y = function(inputs, **arguments).

    Args:
        function: Callable that takes the inputs (an array or a nest of them) and returns the outputs. Parameters of
            it named `mask` and `training` are given the inputs' mask and the training flag.
        output_shape: Shape of the outputs without the batch axis, or a function from input shape to output shape;
            None (default) finds it by tracing the function.
        mask: Mask of the outputs, or a function `(inputs, mask)` that returns it; None (default): they have none.
        arguments: Dict of further keyword arguments for the function.
    Input: what the function takes.   Output: what it returns.

    Weights that the function reads are not trained with the layer; a class of your own with `add_weight` has weights.

    Differs from Keras: configs and files hold the function's name, never its code. A named function is registered with
    `@lamina.saving.register_serializable()` or passed in `custom_objects` to load it. A lambda has no name: it stands
    in the config as itself, so that `clone_model` works, and cannot go into a file. For a Keras file with a lambda in
    it, pass the function in `custom_objects` under the layer's name.

    Example:
        >>> import jax.numpy as jnp
        >>> Lambda(lambda x: x**2)(jnp.array([2.0, 3.0]))
        Array([4., 9.], dtype=float32)
    """

    def __init__(
        self,
        function: Any,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(
                f"Lambda {self.name!r}: function: expected a function of the inputs, received {function!r}. "
                "A named activation is a layer Activation('relu')."
            )
        if arguments is not None and not isinstance(arguments, dict):
            raise TypeError(
                f"Lambda {self.name!r}: arguments: expected a dict of keyword arguments, received {arguments!r}."
            )
        self.function = function
        self.mask = mask
        self.arguments = arguments or {}
        self._output_shape = (output_shape,) if isinstance(output_shape, int) else output_shape
        self.supports_masking = mask is not None
        self._wanted = {"mask", "training"} & _parameters(function)

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        """Return function(inputs, **arguments)."""
        known = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{name: known[name] for name in self._wanted})

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape that `output_shape` says, or what tracing the function gives."""
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        batch = jax.tree.leaves(input_shape, is_leaf=is_shape)[0][0]
        return jax.tree.map(lambda sizes: (batch, *sizes), self._output_shape, is_leaf=is_shape)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return what `mask` says."""
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; functions by their names, lambdas as themselves."""
        config = {**super().get_config(), "function": _function_config(self.function)}
        for key, value in {"output_shape": self._output_shape, "mask": self.mask}.items():
            config.pop(key, None)
            if value is not None:
                config[key] = _function_config(value) if callable(value) else serialize(value)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Lambda:
        """Build a layer from `get_config`'s dict; code in it is refused."""
        name = config.get("name", "lambda")
        restored: dict[str, Any] = {
            key: _restored(config[key], name if key == "function" else f"{name}_{key}")
            for key in ("function", "output_shape", "mask")
            if key in config
        }
        restored["arguments"] = {key: deserialize(value) for key, value in (config.get("arguments") or {}).items()}
        return super().from_config({**config, **restored})


def _parameters(function: Any) -> set[str]:
    try:
        return set(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # functions written in C may have no signature
        return set()


def _function_config(function: Any) -> Any:
    config = serialize(function)
    if isinstance(config, str):
        return {"module": "builtins", "class_name": "function", "config": config, "registered_name": "function"}
    nameless = getattr(function, "__name__", "<lambda>") == "<lambda>" and config["config"] in ("<lambda>", "partial")
    return function if nameless else config


def _restored(value: Any, custom_name: str) -> Any:
    """The function, shape or mask that a part of a config stands for; names come from tables only."""
    if not isinstance(value, dict):
        return value
    if value.get("class_name") == "__lambda__":
        found = find_custom(custom_name)
        if found is None:
            raise LaminaError(
                f"Lambda: the config holds the code of a lambda, and lamina never runs code from a config or file. "
                f"Pass the function yourself: custom_objects={{{custom_name!r}: the_function}}."
            )
        return found
    if value.get("class_name") != "function":
        return deserialize(value)
    name = value["config"]
    found = find_custom(name) or activations.family.aliases.get(name)
    if found is None:
        hint = (
            f" Pass custom_objects={{{name!r}: {name}}}, or register the function with"
            " @lamina.saving.register_serializable() before loading."
        )
        raise unknown_name("function", name, activations.family.members, hint)
    return found
