"""What `lamina.ops` offers: the functions of its files, loaded when the first one is used."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from lamina.core.errors import closest_match

FILES = ("control_flow", "core", "fourier", "linalg", "math", "nn", "numpy", "tensorflow_names")  # named in the package
PACKAGES = ("image",)  # named by themselves, as in Keras: ops.image.resize


def load() -> list[str]:
    """Give the package the functions of its files; returns their names."""
    package = sys.modules["lamina.ops"]
    names: list[str] = []
    for file in FILES:
        module = importlib.import_module(f"lamina.ops.{file}")
        vars(package).update({name: getattr(module, name) for name in module.__all__})
        names += module.__all__
    for name in PACKAGES:
        importlib.import_module(f"lamina.ops.{name}")
    vars(package)["__all__"] = names
    return names


def __getattr__(name: str) -> Any:
    if name in (*FILES, *PACKAGES):
        return importlib.import_module(f"lamina.ops.{name}")
    package = vars(sys.modules["lamina.ops"])
    if "__all__" not in package and (name == "__all__" or not name.startswith("_")):
        load()
    if name not in package:
        hint = closest_match(name, package.get("__all__", []))
        raise AttributeError(f"module 'lamina.ops' has no attribute {name!r}.{hint}")
    return package[name]


def __dir__() -> list[str]:
    return sorted({*vars(sys.modules["lamina.ops"]), *load(), *FILES, *PACKAGES})
