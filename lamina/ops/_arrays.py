"""What operations share: arrays from anything that holds numbers, and checks of their arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core import dtypes

EPSILON = 1e-7  # what probabilities and divisors are kept away from zero by


def as_array(x: Any, dtype: Any = None) -> jax.Array:
    """Return an array from an array, `Variable`, list or number, as it is or in another dtype."""
    if isinstance(x, jax.Array) and (dtype is None or x.dtype == dtype):
        return x
    return jnp.asarray(x, dtype)


def as_float(x: Any) -> jax.Array:
    """Return an array of a float (or complex) dtype; whole numbers become the default float type."""
    x = as_array(x)
    return x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(dtypes.floatx())


def at_least_float32(x: Any) -> jax.Array:
    """Return an array in which sums are safe: float32 where its dtype is a shorter one."""
    x = as_float(x)
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def promote_floats(*values: Any) -> list[jax.Array]:
    """Return arrays of one common float dtype."""
    arrays = [as_float(value) for value in values]
    dtype = jnp.result_type(*arrays)
    return [array.astype(dtype) for array in arrays]


def check_axis(x: jax.Array, axis: int | Sequence[int], where: str) -> None:
    """Raise for an axis that the input does not have."""
    for one in [axis] if isinstance(axis, int) else axis:
        if not -x.ndim <= one < x.ndim:
            raise ValueError(
                f"{where}: axis: expected a whole number from {-x.ndim} to {x.ndim - 1} for an input of shape "
                f"{x.shape}, received {one}."
                if x.ndim
                else f"{where}: expected an input with at least one axis, received a single number."
            )


def check_rank(x: Any, ranks: int | Sequence[int], where: str, argument: str, axes: str) -> None:
    """Raise for an array with another number of axes; `axes` spells them."""
    allowed = (ranks,) if isinstance(ranks, int) else tuple(ranks)
    if np.ndim(x) not in allowed:
        wanted = " or ".join(map(str, allowed))
        raise ValueError(
            f"{where}: {argument}: expected {wanted} axes, {axes}, received an input of shape {np.shape(x)}."
        )


def check_same_shape(first: jax.Array, second: jax.Array, where: str, names: str) -> None:
    """Raise for two arrays of different shapes; nothing broadcasts silently."""
    if first.shape != second.shape:
        raise ValueError(f"{where}: {names}: expected equal shapes, received {first.shape} and {second.shape}.")


def check_more_than_zero(argument: str, value: Any, where: str, hint: str) -> None:
    """Raise for a plain number that is not above zero."""
    # A traced value (a learned one) cannot be looked at; plain numbers are what people mistype.
    if isinstance(value, (int, float)) and not value > 0:
        raise ValueError(f"{where}: {argument}: expected a number > 0, received {value!r}. {hint}")
