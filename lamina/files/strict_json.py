"""JSON that says one thing only: strict when read, the same bytes for the same value when written."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from lamina.core.errors import FileError

MAX_BYTES = 32 << 20  # of a text
MAX_DEPTH = 200  # lists and objects in each other; Keras' configs nest about 6 for each model in a model
MAX_ITEMS = 500_000  # values; a thousand layers of Keras have about 50,000
MAX_DIGITS = 100  # of a number; turning text into a whole one takes time with the square of it
CHUNK = 1 << 20  # bytes that are looked through at a time

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_MARKS = {0xEF: "UTF-8 with a byte order mark", 0xFF: "UTF-16", 0xFE: "UTF-16", 0x00: "UTF-16 or UTF-32"}


def parse_json(
    data: bytes,
    path: str,
    where: str,
    *,
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_items: int = MAX_ITEMS,
    allow_nan: bool = False,
) -> Any:
    """Parse JSON text of unknown origin.

    Args:
        data: UTF-8 text.
        path: The file, for messages.
        where: The place in the file, for messages.
        max_bytes: Longest text.
        max_depth: How deep lists and objects may lie in each other.
        max_items: How many values there may be.
        allow_nan: Whether NaN, Infinity and -Infinity are numbers, as Keras writes them.
    Raises:
        FileError: It is no JSON, or breaks one of the rules, or names a key twice.
    Example:
        >>> parse_json(b'{"units": 3}', "m.keras", "config.json")
        {'units': 3}
    """
    reader = _Reader(path, where, allow_nan)
    if len(data) > max_bytes:
        reader.refuse(f"{len(data)} bytes of JSON; at most {max_bytes} are read", "size")
    if data[:1] and data[0] in _MARKS:
        reader.refuse(f"expected UTF-8 text, received {_MARKS[data[0]]}", "encoding")
    _check_size(reader, data, max_depth, max_items)
    return reader.parse(data)


def _check_size(reader: _Reader, data: bytes, max_depth: int, max_items: int) -> None:
    """Count brackets and commas outside of strings, before the parser makes objects of them."""
    items = depth = deepest = start = 0
    inside = False
    while start < len(data):
        piece = data[start : start + CHUNK]
        if (len(piece) - len(piece.rstrip(b"\\"))) % 2:
            piece = data[start : start + CHUNK + 1]  # not to part a backslash and what it escapes
        start += len(piece)
        text = np.frombuffer(piece.replace(b"\\\\", b"--").replace(b'\\"', b"--"), np.uint8)
        quotes = np.cumsum(text == ord('"'), dtype=np.uint8) + np.uint8(inside)  # odd inside of a string
        inside = bool(quotes[-1] & 1)
        text = text[quotes & 1 == 0]
        opening = (text == ord("[")) | (text == ord("{"))
        closing = (text == ord("]")) | (text == ord("}"))
        items += int(np.count_nonzero(opening)) + int(np.count_nonzero(text == ord(",")))
        depths = np.cumsum(opening.astype(np.int8) - closing, dtype=np.int32) + depth
        deepest = max(deepest, int(depths.max(initial=0)))
        depth = int(depths[-1]) if len(depths) else depth
        if items > max_items:
            reader.refuse(f"more than {max_items} values, which is more than lamina reads", "size")
        if deepest > max_depth:
            reader.refuse(f"lists and objects lie more than {max_depth} deep in each other", "depth")


class _Reader:
    """Python's parser with the rules put in."""

    def __init__(self, path: str, where: str, allow_nan: bool) -> None:
        self._path, self._where, self._allow_nan = path, where, allow_nan

    def refuse(self, reason: str, code: str = "json") -> NoReturn:
        raise FileError(self._path, self._where, reason, code=code) from None

    def parse(self, data: bytes) -> Any:
        try:
            text = data.decode("utf-8")
            value = json.loads(
                text,
                object_pairs_hook=self._object,
                parse_int=self._whole,
                parse_float=self._number,
                parse_constant=self._constant,
            )
        except UnicodeDecodeError as error:
            self.refuse(f"byte {error.start} is not UTF-8 text", "encoding")
        except json.JSONDecodeError as error:
            self.refuse(f"line {error.lineno}, column {error.colno} is not JSON: {error.msg}")
        except RecursionError:
            self.refuse("lists and objects lie too deep in each other", "depth")
        except MemoryError:
            self.refuse("there is no memory for its values", "memory")
        if _SURROGATE.search(data):
            self._check_surrogates(value)
        return value

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            seen: set[str] = set()
            twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            self.refuse(f"the key {twice!r} stands twice in one object", "duplicate")
        return value

    def _whole(self, digits: str) -> int:
        self._check_length(digits)
        return int(digits)

    def _number(self, digits: str) -> float:
        self._check_length(digits)
        value = float(digits)
        if not math.isfinite(value):
            self.refuse(f"the number {digits[:40]} is beyond what a float can hold", "number")
        return value

    def _check_length(self, digits: str) -> None:
        if len(digits) > MAX_DIGITS:
            self.refuse(f"a number with {len(digits)} digits; at most {MAX_DIGITS} are read", "number")

    def _constant(self, name: str) -> float:
        if not self._allow_nan:
            self.refuse(f"{name} is no number in JSON", "number")
        return float(name)

    def _check_surrogates(self, value: Any) -> None:
        try:
            if isinstance(value, str):
                value.encode("utf-8")
            elif isinstance(value, dict):
                for name, item in value.items():
                    self._check_surrogates(name)
                    self._check_surrogates(item)
            elif isinstance(value, list):
                for item in value:
                    self._check_surrogates(item)
        except UnicodeEncodeError:
            self.refuse("half of a surrogate pair, which is no character", "encoding")


def to_json(value: Any, *, indent: int | None = None) -> bytes:
    """Write a value as JSON, in UTF-8 (ASCII); the same value gives the same bytes.

    Args:
        value: None, bool, int, finite float, str, and lists, tuples and dicts with str keys of them.
        indent: Spaces for each level; None is one line.
    Raises:
        ValueError: NaN or infinity, half of a surrogate pair, a list in itself; the place is named.
        TypeError: Another type; the place is named.
    Example:
        >>> to_json({"rate": 0.5, "axes": (1, 2)})
        b'{"rate": 0.5, "axes": [1, 2]}'
    """
    _check(value, "value", 0)
    return json.dumps(value, indent=indent, allow_nan=False).encode("ascii")


def _check(value: Any, place: str, depth: int) -> None:
    """Raise for what JSON cannot hold, naming its place, such as config.layers[3].rate."""
    if depth > MAX_DEPTH:
        raise ValueError(f"{place[:200]}: lists and dicts lie more than {MAX_DEPTH} deep in each other.")
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError(f"{place}: expected text, received half of a surrogate pair: {value!r:.100}.") from None
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{place}: JSON holds finite numbers only, received {value}.")
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if not isinstance(name, str):
                raise TypeError(f"{place}: expected keys of type str, received {type(name).__name__}: {name!r:.100}.")
            _check(name, place, depth)
            _check(item, f"{place}.{name}" if depth else name, depth + 1)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            _check(item, f"{place}[{number}]", depth + 1)
    elif not (value is None or isinstance(value, int)):
        raise TypeError(f"{place}: JSON cannot hold a value of type {type(value).__name__}: {value!r:.100}.")
