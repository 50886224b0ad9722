"""`Initializer`, the table of initializers, and what all of them share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core import dtypes
from lamina.core.config import Configurable, Family


class Initializer(Configurable):
    """Base of the initializers: callables that make the initial value of a weight.

    A subclass defines `__call__(shape, dtype=None)`; constructor arguments that are kept under their own names make up
    its config.

    Example:
        >>> class Sevens(Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return np.full(shape, 7.0, dtype)
        >>> print(Sevens()((2,)))
        [7. 7.]
    """

    def __init__(self) -> None:
        """Take no arguments; a subclass may."""

    def __call__(self, shape: Sequence[int], dtype: Any = None) -> Any:
        """Return the initial value.

        Args:
            shape: Shape of the weight, whole numbers >= 0.
            dtype: Its dtype; None is the default float type.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no __call__. An initializer defines __call__(self, shape, dtype=None) and "
            "returns an array of that shape."
        )

    def clone(self) -> Initializer:
        """Return a new initializer with the same config; without a seed it draws other values."""
        return type(self).from_config(self.get_config())


family = Family("initializer", "keras.initializers", Initializer)
family.add(Initializer)


def check_shape(shape: Any, where: str) -> tuple[int, ...]:
    """Return `shape` as a tuple of ints >= 0, or raise."""
    sizes = tuple(shape) if np.iterable(shape) else (shape,)
    if any(isinstance(size, bool) or not hasattr(size, "__index__") or int(size) < 0 for size in sizes):
        raise ValueError(f"{where}: shape: expected a tuple of whole numbers >= 0, received {shape!r}.")
    return tuple(map(int, sizes))


def check_number(argument: str, value: Any, where: str, minimum: float = -math.inf) -> float:
    """Return `value` as a float, or raise unless it is a finite number >= `minimum`."""
    at_least = "" if minimum == -math.inf else f" >= {minimum:g}"
    if isinstance(value, bool) or not hasattr(value, "__float__") or np.ndim(value) != 0:
        raise TypeError(
            f"{where}: {argument}: expected a number{at_least}, received {value!r} of type {type(value).__name__}."
        )
    if not math.isfinite(value) or value < minimum:
        raise ValueError(f"{where}: {argument}: expected a finite number{at_least}, received {value!r}.")
    return float(value)


def to_device(values: np.ndarray, dtype: str) -> jax.Array:
    """Round host values to a dtype and move them to the device; concrete even while JAX traces, compiles nothing."""
    with jax.ensure_compile_time_eval():
        return jax.device_put(np.array(values, jnp.dtype(dtype), order="C"))


def float_dtype(dtype: Any, where: str) -> str:
    """Return the plain name of a float dtype, or raise."""
    name = dtypes.standardize_dtype(dtype)
    if not dtypes.is_float(name):
        raise ValueError(
            f"{where}: dtype: expected a float dtype such as 'float32', received {name!r}. "
            "Weights of whole numbers start from Zeros, Ones or Constant."
        )
    return name
