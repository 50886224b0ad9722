"""What the functions of this package do to their arguments before `jax.numpy` gets them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.dtypes import floatx, standardize_dtype
from lamina.core.variable import Variable

# `jax.numpy` takes these as they are; arrays first, since they are the common case.
_READY = (jax.Array, np.ndarray, int, float, complex, np.generic)


def value(x: Any) -> Any:
    """Return what `jax.numpy` takes for x: a variable's array, an array for lists, tables and other array-likes.

    Numbers stay numbers, so that their type is weak: `multiply(float16_array, 2.0)` is float16.
    """
    if isinstance(x, Variable):
        return x.value
    return x if x is None or isinstance(x, _READY) else jnp.asarray(x)


def values(xs: Iterable[Any]) -> list[Any]:
    """Return `value` of each."""
    return [value(x) for x in xs]


def floating(x: Any) -> Any:
    """Return `value(x)`, with integers and bools as the default float type, as everywhere in Keras."""
    x = value(x)
    return jnp.asarray(x, floatx()) if _is_whole(x) else x


def floating_pair(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Return `value` of two, as the default float type where both are whole; `jax.numpy` does the mixed pairs right."""
    x1, x2 = value(x1), value(x2)
    return (floating(x1), floating(x2)) if _is_whole(x1) and _is_whole(x2) else (x1, x2)


def _is_whole(x: Any) -> bool:
    dtype = getattr(x, "dtype", None)
    return isinstance(x, int) if dtype is None else dtype.kind in "iub"


def axes(axis: Any) -> Any:
    """Return an axis or axes in a form that `jax.numpy` can hash."""
    return tuple(axis) if isinstance(axis, list) else axis


def dtype_name(dtype: Any) -> str | None:
    """Return the plain name of a dtype, or None for None."""
    return None if dtype is None else standardize_dtype(dtype)


@contextmanager
def values_needed(function: str, way_out: str) -> Iterator[None]:
    """Explain why a function whose result has a shape that depends on values cannot be compiled."""
    try:
        yield
    except (jax.errors.ConcretizationTypeError, jax.errors.NonConcreteBooleanIndexError) as error:
        raise TypeError(
            f"lamina.ops.{function}: the shape of the result depends on values, so it cannot be part of a model or of "
            f"another compiled function. {way_out}"
        ) from error
