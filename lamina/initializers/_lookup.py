"""From names, configs and arrays to initializers, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from lamina.core.variable import Variable
from lamina.initializers._base import family
from lamina.initializers._constant import Constant


def get(identifier: Any) -> Callable[..., Any] | None:
    """Return the initializer for a name, config, class, function, object or array; None stays None.

    Args:
        identifier: Name such as "he_normal", dict of `serialize`, `Initializer`, a function of (shape, dtype), or an
            array that becomes the initial value itself.

    Raises:
        LaminaError (a ValueError): an unknown name.
        TypeError: something that cannot be called.

    Example:
        >>> get("zeros"), get(np.eye(2))
        (<Zeros>, <Constant>)
    """
    is_array = isinstance(identifier, (np.ndarray, np.generic, jax.Array, Variable))
    return Constant(np.asarray(identifier)) if is_array else family.get(identifier)


def serialize(initializer: Any) -> Any:
    """Return the config of an initializer, as plain data.

    Example:
        >>> from lamina.initializers import Constant
        >>> serialize(Constant(2.0))["config"]
        {'value': 2.0}
    """
    return family.serialize(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Callable[..., Any] | None:
    """Return the initializer that a name or config of `serialize` stands for.

    Args:
        config: Name, dict, or None.
        custom_objects: Classes and functions of yours by name.

    Raises:
        LaminaError (a ValueError): an unknown name.

    Example:
        >>> deserialize({"class_name": "Zeros", "config": {}})
        <Zeros>
    """
    return family.deserialize(config, custom_objects)
