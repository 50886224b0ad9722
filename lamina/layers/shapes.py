"""Shapes as users write them."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

Shape = tuple[int | None, ...]


def is_shape(value: Any) -> bool:
    """Whether a value is one shape: a tuple or list of ints, Nones, or the symbols that `jax.export` traces with."""
    return isinstance(value, (tuple, list)) and all(map(_is_size, value))


def _is_size(n: Any) -> bool:
    return n is None or isinstance(n, (int, np.integer)) or jax.export.is_symbolic_dim(n)


def as_shape(value: Any) -> Any:
    """Turn lists into tuples, in any nest of shapes."""
    return jax.tree.map(tuple, value, is_leaf=is_shape)


def shape_hint(kwargs: dict[str, Any], owner: str) -> Shape | None:
    """Take `input_shape`, `batch_input_shape` or `input_dim` out of the keyword arguments; batch axis included."""
    if "batch_input_shape" in kwargs:
        return tuple(kwargs.pop("batch_input_shape"))
    shape = kwargs.pop("input_shape", None)
    if "input_dim" in kwargs:
        shape = (kwargs.pop("input_dim"),)
    if shape is None:
        return None
    if not is_shape(shape) or any(n is not None and n < 1 for n in shape):
        raise ValueError(f"{owner}: input_shape: expected a tuple of sizes >= 1 such as (28, 28), received {shape!r}.")
    return (None, *shape)
