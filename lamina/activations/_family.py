"""The table of activations, and the ways to get one by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lamina.core import config as core_config

family = core_config.Family("activation", "keras.activations")


@family.add
def linear(x: Any) -> Any:
    """Identity: x, untouched.

    Args:
        x: Anything.

    Example:
        >>> linear(3.0)
        3.0
    """
    return x


def get(identifier: Any) -> Callable[..., Any]:
    """Return the activation for a name, config, function or layer; None is `linear`.

    Args:
        identifier: Name such as "relu", dict of `serialize`, any callable, or None.

    Raises:
        LaminaError (a ValueError): an unknown name.
        TypeError: something that cannot be called.

    Example:
        >>> from lamina.activations import relu
        >>> get("relu") is relu, get(None) is linear
        (True, True)
    """
    if identifier is None:
        return linear
    return deserialize(identifier) if isinstance(identifier, dict) else family.get(identifier)


def serialize(activation: Any) -> Any:
    """Return the name of an activation of this module, or the config dict of another function or layer.

    Example:
        >>> from lamina.activations import swish
        >>> serialize(swish)
        'silu'
    """
    return core_config.serialize(activation)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Callable[..., Any]:
    """Return the activation that a name or config of `serialize` stands for.

    Args:
        config: Name, dict, or None. A layer's config (`LeakyReLU()` as an activation) gives that layer.
        custom_objects: Functions and classes of yours by name.

    Raises:
        LaminaError (a ValueError): an unknown name.

    Example:
        >>> from lamina.activations import tanh
        >>> deserialize("tanh") is tanh
        True
    """
    if isinstance(config, dict) and config.get("module") not in (None, "builtins", family.module):
        return core_config.deserialize(config, custom_objects)
    return linear if config is None else family.deserialize(config, custom_objects)
