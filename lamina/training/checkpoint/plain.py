"""Values of a run as JSON with numbered arrays, and back: numbers, text, lists, tuples, dicts, arrays; nothing else.

What JSON has no form for is a dict with one key that starts with "~": `{"~array": 3}` is array 3 of the checkpoint,
`{"~float": "nan"}` a number, `{"~tuple": [...]}` and `{"~dict": [[key, value], ...]}` what their names say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

_MARK = "~"
_MAX_DEPTH = 40  # of a value of a callback's


class Arrays:
    """The arrays of a checkpoint in the order of their numbers; one object gets one number.

    Arrays of JAX are kept as they are, since nothing can change them; NumPy's are copied.

    Example:
        >>> arrays = Arrays()
        >>> weights = jnp.ones(3)
        >>> arrays.add(weights), arrays.add(np.zeros(2)), arrays.add(weights)
        (0, 1, 0)
    """

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._given: list[Any] = []  # holds what was given, so that no identity is used twice

    def add(self, array: Any) -> int:
        """Return the number of an array."""
        if id(array) not in self._numbers:
            self._numbers[id(array)] = len(self.values)
            self._given.append(array)
            self.values.append(array if isinstance(array, jax.Array) else np.array(array))
        return self._numbers[id(array)]

    def fetch(self) -> list[np.ndarray]:
        """Return all arrays on the host, and let go of those on the device."""
        for number, array in enumerate(self.values):
            self.values[number] = np.asarray(array, order="C")
        self._numbers, self._given = {}, []
        return self.values


def encode(value: Any, arrays: Arrays, place: str) -> Any:
    """Return a value as JSON's types; its arrays go to `arrays`.

    Args:
        value: None, numbers, text, lists, tuples, dicts and arrays of numbers, in each other.
        arrays: Where arrays go.
        place: What messages call the value.

    Raises:
        TypeError: another type; its place is named.

    Example:
        >>> encode({"best": float("inf"), "pair": (1, 2)}, Arrays(), "state")
        {'best': {'~float': 'inf'}, 'pair': {'~tuple': [1, 2]}}
    """
    return _encode(value, arrays, place, 0)


def _encode(value: Any, arrays: Arrays, place: str, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise TypeError(f"{place[:200]}: lists and dicts lie more than {_MAX_DEPTH} deep in each other.")
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"~float": repr(value)}
    if isinstance(value, np.generic) and value.dtype.kind in "biufV":
        return {"~scalar": arrays.add(np.asarray(value))}
    if isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer):
        return {"~device": arrays.add(value)}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufV" and value.dtype.names is None:
        return {"~array": arrays.add(value)}
    if type(value) in (list, tuple):
        items = [_encode(item, arrays, f"{place}[{i}]", depth + 1) for i, item in enumerate(value)]
        return items if type(value) is list else {"~tuple": items}
    if isinstance(value, Mapping):
        return _encode_dict(value, arrays, place, depth)
    raise TypeError(
        f"{place}: a checkpoint cannot hold {value!r:.60} of type {type(value).__name__}. Expected None, numbers, "
        "text, arrays, and lists, tuples and dicts of them."
    )


def _encode_dict(value: Mapping[Any, Any], arrays: Arrays, place: str, depth: int) -> Any:
    items = {key: _encode(item, arrays, f"{place}[{key!r}]", depth + 1) for key, item in value.items()}
    if all(type(key) is str and not key.startswith(_MARK) for key in items):
        return items
    return {"~dict": [[_encode(key, arrays, f"{place}: a key", depth + 1), item] for key, item in items.items()]}


def decode(value: Any, arrays: list[np.ndarray], refuse: Callable[[str], NoReturn]) -> Any:
    """Return what `encode` was given.

    Args:
        value: JSON's types.
        arrays: The arrays of the checkpoint.
        refuse: Called with the reason where the value is not what `encode` makes; it raises.

    Example:
        >>> decode({"pair": {"~tuple": [1, {"~float": "inf"}]}}, [], print)
        {'pair': (1, inf)}
    """
    if isinstance(value, list):
        return [decode(item, arrays, refuse) for item in value]
    if not isinstance(value, dict):
        return value
    mark = next(iter(value), "")
    if not mark.startswith(_MARK):
        return {key: decode(item, arrays, refuse) for key, item in value.items()}
    if len(value) != 1 or mark not in _MARKS:
        refuse(f"expected one of {sorted(_MARKS)} in an object of its own, received the keys {sorted(value)[:5]}")
    kind, read = _MARKS[mark]
    if not isinstance(value[mark], kind) or isinstance(value[mark], bool):
        refuse(f"{mark}: expected {kind.__name__}, received {value[mark]!r:.60}")
    return read(value[mark], arrays, refuse)


def _array(number: int, arrays: list[np.ndarray], refuse: Callable[[str], NoReturn]) -> np.ndarray:
    if not 0 <= number < len(arrays):
        refuse(f"array {number} is not there; there are {len(arrays)}")
    return arrays[number]


def _float(text: str, arrays: list[np.ndarray], refuse: Callable[[str], NoReturn]) -> float:
    if text not in ("nan", "inf", "-inf"):
        refuse(f"~float: expected nan, inf or -inf, received {text!r:.60}")
    return float(text)


def _dict(pairs: list[Any], arrays: list[np.ndarray], refuse: Callable[[str], NoReturn]) -> dict[Any, Any]:
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        refuse("~dict: expected pairs of a key and a value")
    decoded = [(decode(key, arrays, refuse), decode(item, arrays, refuse)) for key, item in pairs]
    try:
        return dict(decoded)
    except TypeError:
        refuse("~dict: expected keys that are numbers, text or tuples of them")


_MARKS: dict[str, tuple[type, Callable[..., Any]]] = {
    "~array": (int, lambda number, arrays, refuse: np.array(_array(number, arrays, refuse))),
    "~device": (int, lambda number, arrays, refuse: jnp.asarray(_array(number, arrays, refuse))),
    "~scalar": (int, lambda number, arrays, refuse: _array(number, arrays, refuse).reshape(-1)[0]),
    "~float": (str, _float),
    "~tuple": (list, lambda items, arrays, refuse: tuple(decode(items, arrays, refuse))),
    "~dict": (list, _dict),
}
