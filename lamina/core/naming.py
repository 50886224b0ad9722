"""Automatic names as Keras gives them: `dense`, `dense_1`, …, and the path that leads to a layer."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import Counter
from collections.abc import Iterator

_counts: Counter[str] = Counter()
_lock = threading.Lock()


class _Scopes(threading.local):
    def __init__(self) -> None:
        self.names: list[str] = []
        self.own_counts: Counter[str] | None = None


_scopes = _Scopes()


def to_snake_case(name: str) -> str:
    """Return a class name in snake case, as Keras spells it.

    Example:
        >>> to_snake_case("BatchNormalization"), to_snake_case("MaxPooling2D"), to_snake_case("SGD")
        ('batch_normalization', 'max_pooling2d', 'sgd')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def unique_name(prefix: str) -> str:
    """Return `prefix`, then `prefix_1`, `prefix_2`, … on later calls, until `clear_session`."""
    with _lock:
        counts = _counts if _scopes.own_counts is None else _scopes.own_counts
        count = counts[prefix]
        counts[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def clear_session() -> None:
    """Start the automatic names (`dense`, `dense_1`, …) again."""
    with _lock:
        _counts.clear()


@contextlib.contextmanager
def own_names() -> Iterator[None]:
    """Within this context, this thread's automatic names start anew, and those given outside go on as if it was not."""
    outer, _scopes.own_counts = _scopes.own_counts, Counter()
    try:
        yield
    finally:
        _scopes.own_counts = outer


@contextlib.contextmanager
def name_scope(name: str) -> Iterator[None]:
    """Within this context, paths of new layers and variables start with `name/`."""
    _scopes.names.append(name)
    try:
        yield
    finally:
        _scopes.names.pop()


def current_path() -> str:
    """Return the names of the scopes now open, joined with slashes."""
    return "/".join(_scopes.names)
