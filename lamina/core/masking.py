"""Masks: which entries (batch, time) of an array count. They travel beside the arrays, from layer to layer.

A concrete array carries its mask as an attribute, as in Keras. Traced values take no attributes: theirs are kept by the
forward pass that made them, until it ends.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax


class _Local(threading.local):
    def __init__(self) -> None:
        self.masks: dict[int, tuple[Any, Any]] | None = None  # id of a traced value -> (the value, its mask)


_local = _Local()


@contextmanager
def mask_scope() -> Iterator[None]:
    """Keep the masks of traced values inside the context; a scope inside another one is the same."""
    if _local.masks is not None:
        yield
        return
    _local.masks = {}
    try:
        yield
    finally:
        _local.masks = None


def set_mask(x: Any, mask: Any) -> None:
    """Let an array carry a mask: bools (batch, time) that are True where it counts; None takes it away."""
    if isinstance(x, jax.core.Tracer):
        if _local.masks is not None:
            _local.masks[id(x)] = (x, mask)
    elif mask is not None or hasattr(x, "_keras_mask"):
        x._keras_mask = mask


def get_mask(x: Any) -> Any:
    """Return the mask that an array carries, or None.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.ones((2, 3))
        >>> set_mask(x, jnp.ones((2, 3), bool))
        >>> get_mask(x).shape, get_mask(jnp.zeros(1))
        ((2, 3), None)
    """
    if isinstance(x, jax.core.Tracer):
        return _local.masks.get(id(x), (x, None))[1] if _local.masks else None
    return getattr(x, "_keras_mask", None)
