"""Constraints: functions of a weight that put it back into an allowed range after each step of the optimizer.

Lengths are computed in float32 or better. Differs from Keras: in float16 its fuzz factor vanishes and zeros become NaN.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core import dtypes, errors
from lamina.core.config import Configurable, Family

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "unit_norm",
    "get",
    "serialize",
    "deserialize",
]

_EPSILON = 1e-7  # Keras' fuzz factor: a vector of zeros stays zero


class Constraint(Configurable):
    """Base of the constraints; a subclass defines `__call__(w)`.

    Constructor arguments that are kept under their own names make up the config.

    Example:
        >>> class Clip(Constraint):
        ...     def __init__(self, limit=1.0):
        ...         self.limit = limit
        ...     def __call__(self, w):
        ...         return jnp.clip(w, -self.limit, self.limit)
        >>> print(Clip(2.0)(jnp.array([-3.0, 1.0])))
        [-2.  1.]
    """

    def __init__(self) -> None:
        """Take no arguments; a subclass may."""

    def __call__(self, w: Any) -> Any:
        """Return the allowed weight for `w`; the base class allows everything."""
        return w


_family = Family("constraint", "keras.constraints", Constraint)
_family.add(Constraint)
get, serialize, deserialize = _family.get, _family.serialize, _family.deserialize


def _check_norm(argument: str, value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(
            f"{where}: {argument}: expected a number >= 0, received {value!r} of type {type(value).__name__}."
        )
    if not float(value) >= 0:
        raise ValueError(f"{where}: {argument}: expected a number >= 0, received {value!r}.")


def _check_axis(axis: Any, where: str) -> None:
    axes = axis if isinstance(axis, (list, tuple)) else [axis]
    if any(isinstance(one, bool) or not hasattr(one, "__index__") for one in axes):
        raise TypeError(f"{where}: axis: expected a whole number or a list of them, received {axis!r}.")


def _resized(
    w: Any, axis: int | Sequence[int], wanted: Callable[[jax.Array], jax.Array | float], where: str
) -> jax.Array:
    """Return `w` with its vectors along `axis` brought from their lengths to wanted(lengths)."""
    w = jnp.asarray(w)
    w = w if dtypes.is_float(w.dtype) else w.astype(dtypes.floatx())
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
    if any(not -w.ndim <= one < w.ndim for one in axes):
        raise ValueError(
            f"{where}: axis: {axis!r} does not fit a weight of shape {w.shape}, which has {w.ndim} axes. "
            "For a Dense kernel use 0, for a Conv2D kernel [0, 1, 2]."
        )
    wide = w.astype(jnp.promote_types(w.dtype, jnp.float32))
    lengths = jnp.sqrt(jnp.sum(jnp.square(wide), axis=axes, keepdims=True))
    return (w * (wanted(lengths) / (_EPSILON + lengths))).astype(w.dtype)


@_family.add
class MaxNorm(Constraint):
    """Shrink vectors that are longer than max_value to that length: w * min(|w|, max_value) / |w|.

    Args:
        max_value: Longest allowed, >= 0. Default 2.
        axis: Axis, or several, along which a vector lies: 0 (default) for a Dense kernel (inputs, units), [0, 1, 2] for
            a Conv2D kernel (rows, columns, channels, filters).

    Input: array.   Output: the same shape and dtype.
    Raises:
        ValueError: max_value < 0, or an axis that the weight does not have.
        TypeError: not numbers.
    Source: Srivastava et al. 2014, Dropout, section 5.1.

    Example:
        >>> print(MaxNorm(2.0)([[3.0, 0.5], [4.0, 0.5]]).round(3))
        [[1.2 0.5]
         [1.6 0.5]]
    """

    def __init__(self, max_value: float = 2, axis: int | Sequence[int] = 0) -> None:
        _check_norm("max_value", max_value, "MaxNorm")
        _check_axis(axis, "MaxNorm")
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Any) -> jax.Array:
        """Return the allowed weight for `w`."""
        return _resized(w, self.axis, lambda length: jnp.clip(length, 0, self.max_value), "MaxNorm")


@_family.add
class MinMaxNorm(Constraint):
    """Bring the length of vectors between min_value and max_value, wholly or in part.

    w * (rate * clip(|w|, min_value, max_value) + (1 - rate) * |w|) / |w|

    Args:
        min_value: Shortest allowed, >= 0. Default 0.
        max_value: Longest allowed, >= min_value. Default 1.
        rate: How much of the way each step goes, fraction in [0, 1]. Default 1.
        axis: Axis, or several, along which a vector lies: 0 (default) for a Dense kernel (inputs, units), [0, 1, 2] for
            a Conv2D kernel (rows, columns, channels, filters).

    Input: array.   Output: the same shape and dtype.
    Raises:
        ValueError: min_value < 0, max_value < min_value, a rate outside [0, 1], or an axis that the weight lacks.
        TypeError: not numbers.

    Example:
        >>> print(MinMaxNorm(1.0, 2.0)([[3.0, 0.3], [4.0, 0.4]]).round(3))
        [[1.2 0.6]
         [1.6 0.8]]
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: int | Sequence[int] = 0
    ) -> None:
        _check_norm("min_value", min_value, "MinMaxNorm")
        _check_norm("max_value", max_value, "MinMaxNorm")
        if min_value > max_value:
            raise ValueError(
                f"MinMaxNorm: min_value: expected a number <= max_value = {max_value!r}, received {min_value!r}."
            )
        errors.check_fraction("rate", rate, "MinMaxNorm: ", closed=True)
        _check_axis(axis, "MinMaxNorm")
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Any) -> jax.Array:
        """Return the allowed weight for `w`."""

        def wanted(length: jax.Array) -> jax.Array:
            return self.rate * jnp.clip(length, self.min_value, self.max_value) + (1 - self.rate) * length

        return _resized(w, self.axis, wanted, "MinMaxNorm")


@_family.add
class NonNeg(Constraint):
    """Set negative weights to zero: max(w, 0).

    Input: array.   Output: the same shape and dtype.

    Example:
        >>> print(NonNeg()([-1.0, 2.0]))
        [0. 2.]
    """

    def __call__(self, w: Any) -> jax.Array:
        """Return the allowed weight for `w`."""
        return jnp.maximum(jnp.asarray(w), 0)


@_family.add
class UnitNorm(Constraint):
    """Give every vector length one: w / |w|.

    Args:
        axis: Axis, or several, along which a vector lies: 0 (default) for a Dense kernel (inputs, units), [0, 1, 2] for
            a Conv2D kernel (rows, columns, channels, filters).

    Input: array.   Output: the same shape and dtype.
    Raises:
        ValueError: an axis that the weight does not have.
        TypeError: not a whole number.

    Example:
        >>> print(UnitNorm()([[3.0], [4.0]]).round(3))
        [[0.6]
         [0.8]]
    """

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        _check_axis(axis, "UnitNorm")
        self.axis = axis

    def __call__(self, w: Any) -> jax.Array:
        """Return the allowed weight for `w`."""
        return _resized(w, self.axis, lambda _: 1.0, "UnitNorm")


max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm
