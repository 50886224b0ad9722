"""Keras' `keras.ops`: functions of arrays that work on symbolic tensors too, where their calls become nodes of a graph.

    from lamina import ops
    ops.mean(x, axis=1)          x: number, list, NumPy array, JAX array or Variable -> a JAX array
    ops.mean(tensor, axis=1)     tensor: symbolic, made by `Input` or a layer        -> a symbolic tensor

All of them are functions of `jax.numpy` and `jax.lax` with Keras' names and types, so `jax.jit`, `grad` and `vmap` take
them. Read `numpy/arithmetic.py` first, then `lamina/core/symbolic.py`, whose `operation` makes nodes of calls.

The files are loaded when the first function is used: layers and losses need but a few of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lamina.ops import image as image
    from lamina.ops.control_flow import *  # noqa: F403
    from lamina.ops.core import *  # noqa: F403
    from lamina.ops.fourier import *  # noqa: F403
    from lamina.ops.linalg import *  # noqa: F403
    from lamina.ops.math import *  # noqa: F403
    from lamina.ops.nn import *  # noqa: F403
    from lamina.ops.numpy import *  # noqa: F403
    from lamina.ops.tensorflow_names import *  # noqa: F403

_FILES = ("control_flow", "core", "fourier", "linalg", "math", "nn", "numpy", "tensorflow_names")  # names stand here


def __getattr__(name: str) -> Any:
    if name in (*_FILES, "image"):
        return importlib.import_module(f"lamina.ops.{name}")
    if name.startswith("_") and name != "__all__":
        raise AttributeError(f"module 'lamina.ops' has no attribute {name!r}.")
    if "__all__" not in globals():
        _load()
    if name in globals():
        return globals()[name]
    from lamina.core.errors import closest_match

    raise AttributeError(f"module 'lamina.ops' has no attribute {name!r}.{closest_match(name, globals()['__all__'])}")


def _load() -> None:
    """Give the package the functions of all files."""
    names: list[str] = []
    for file in _FILES:
        module = importlib.import_module(f"lamina.ops.{file}")
        globals().update({name: getattr(module, name) for name in module.__all__})
        names += module.__all__
    globals()["__all__"] = names


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__"), *_FILES, "image"})
