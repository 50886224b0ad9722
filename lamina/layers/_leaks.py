"""`Watch`: finds what a traced `call` left on its layer, and takes it off again.

While a model is compiled, arrays are placeholders (JAX's tracers). One that is kept has no numbers, and is an error as
soon as it is used after the compilation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from types import FunctionType, MethodType, ModuleType
from typing import Any

import jax
import numpy as np

from lamina.core.errors import LaminaError
from lamina.core.variable import Variable
from lamina.layers.owner import Owner

_OF_LAYERS = frozenset({"_losses", "_tree", "_arguments", "_inbound_nodes", "_compile_config"})  # never the user's
_OPAQUE = (Owner, jax.Array, np.ndarray, type, ModuleType, FunctionType, MethodType)
_CONTAINERS = (list, tuple, dict, deque)
_DEEPEST = 4  # how far containers in containers are looked into
_LONGEST = 10_000  # items of a container that is: longer ones are data


class Watch:
    """What a layer holds before its `call` is traced: its attributes, and the lists, dicts and objects in them.

    Args:
        layer: The layer.
    """

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.before: dict[int, Any] = {
            id(c): (c, c if isinstance(c, tuple) else c.copy()) for _, c in _containers(layer)
        }

    def refuse(self) -> None:
        """Raise for variables that `call` made as attributes, and for values of the compilation that it kept."""
        who = f"Layer {self.layer.path!r} ({type(self.layer).__name__})"
        attributes: dict[str, Any]
        old: dict[str, Any]
        attributes, old = self.before[id(vars(self.layer))]
        made = [n for n, v in attributes.items() if isinstance(v, Variable) and v is not old.get(n)]
        kept = next(_traced(self.layer), None)
        if not made and kept is None:
            return
        self.undo()
        if made:
            delattr(self.layer, made[0])
            raise LaminaError(
                f"{who}: call made the variable self.{made[0]}, so that every call would start with a new one. Make "
                "variables in __init__ or build: self.add_weight(...)."
            )
        raise LaminaError(
            f"{who}: call kept a value of the compiled computation in {kept}; it has no numbers and is gone when the "
            "compilation ends (a tracer leak). Return it as one more output, or keep it in a variable: "
            "self.add_weight(..., trainable=False) in build, and .assign(value) in call."
        )

    def undo(self) -> None:
        """Give containers that hold traced values back what they held before."""
        for container, old in self.before.values():
            if isinstance(container, dict):
                for key in [key for key, value in container.items() if self._is_new_and_traced(value)]:
                    if key in old:
                        container[key] = old[key]
                    else:
                        del container[key]
            elif not isinstance(container, tuple) and any(map(self._is_new_and_traced, container)):
                container.clear()
                container.extend(old)

    def _is_new_and_traced(self, value: Any) -> bool:
        if isinstance(value, jax.core.Tracer):
            return True
        inside = _inside(value)
        return inside is not None and id(inside) not in self.before and next(_traced(value), None) is not None


def _traced(holder: Any) -> Iterator[str]:
    """Where a layer, object or container holds traced values: "self.cache[0]"."""
    for pattern, container in _containers(holder):
        for place, value in _items(container, pattern):
            if isinstance(value, jax.core.Tracer):
                yield place


def _containers(holder: Any) -> Iterator[tuple[str, Any]]:
    """The attributes of a layer or object, and the containers in them, each once and with a pattern for its items."""
    todo = [(_pattern(holder, "self"), vars(holder) if isinstance(holder, Owner) else _inside(holder), 0)]
    seen: set[int] = set()
    while todo:
        pattern, container, depth = todo.pop()
        seen.add(id(container))
        yield pattern, container
        for place, value in _items(container, pattern):
            inside = _inside(value)
            if inside is not None and id(inside) not in seen and depth < _DEEPEST and len(inside) <= _LONGEST:
                todo.append((_pattern(value, place), inside, depth + 1))


def _items(container: Any, pattern: str) -> Iterator[tuple[str, Any]]:
    """The items of a container, each with its place: the pattern with the key in it."""
    pairs = list(container.items() if isinstance(container, dict) else enumerate(container))
    start, dotted = pattern[:-2], pattern.endswith(".*")
    for key, value in pairs:
        if key not in _OF_LAYERS:
            yield f"{start}.{key}" if dotted else f"{start}[{key!r}]", value


def _pattern(value: Any, place: str) -> str:
    return f"{place}[]" if isinstance(value, _CONTAINERS) else f"{place}.*"


def _inside(value: Any) -> Any:
    """The container that a value is, or an object's attributes; None where nothing of the user's is inside."""
    if isinstance(value, _OPAQUE) or type(value).__module__.startswith("lamina."):
        return None
    return value if isinstance(value, _CONTAINERS) else getattr(value, "__dict__", None)
