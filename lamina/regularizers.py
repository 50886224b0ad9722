"""Regularizers: penalties on weights or outputs that are added to the loss.

Each is a function of one array that gives a single number, of the array's dtype. A plain function will do as well.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core import errors
from lamina.core.config import Configurable, Family

__all__ = [
    "Regularizer",
    "L1",
    "L2",
    "L1L2",
    "OrthogonalRegularizer",
    "l1",
    "l2",
    "l1_l2",
    "orthogonal_regularizer",
    "get",
    "serialize",
    "deserialize",
]


class Regularizer(Configurable):
    """Base of the regularizers; a subclass defines `__call__(x)`.

    Constructor arguments that are kept under their own names make up the config.

    Example:
        >>> class Smooth(Regularizer):
        ...     def __init__(self, factor=0.1):
        ...         self.factor = factor
        ...     def __call__(self, x):
        ...         return self.factor * jnp.sum(jnp.square(jnp.diff(x, axis=0)))
        >>> Smooth().get_config()
        {'factor': 0.1}
    """

    def __init__(self) -> None:
        """Take no arguments; a subclass may."""

    def __call__(self, x: Any) -> Any:
        """Return the penalty of `x`; the base class has none."""
        return 0.0


_family = Family("regularizer", "keras.regularizers", Regularizer)
_family.add(Regularizer)
serialize, deserialize = _family.serialize, _family.deserialize


def _factor(argument: str, value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(
            f"{where}: {argument}: expected a number >= 0, received {value!r} of type {type(value).__name__}."
        )
    if not 0 <= float(value) < math.inf:
        raise ValueError(f"{where}: {argument}: expected a finite number >= 0, received {value!r}.")
    return float(value)


@_family.add
class L1(Regularizer):
    """Sum of sizes (lasso): l1 * sum(|x|), which drives weights to exactly zero.

    Args:
        l1: Factor, >= 0. Default 0.01.

    Input: array of any shape.   Output: one number of its dtype.
    Raises:
        ValueError: a negative or infinite factor.
        TypeError: a factor that is not a number.
    Source: Tibshirani 1996, Regression Shrinkage and Selection via the Lasso.

    Differs from Keras: the config holds the factor as given, where Keras rounds it to float32.

    Example:
        >>> print(L1(0.5)([1.0, -3.0]))
        2.0
    """

    def __init__(self, l1: float | None = 0.01) -> None:
        self.l1 = _factor("l1", 0.01 if l1 is None else l1, "L1")

    def __call__(self, x: Any) -> jax.Array:
        """Return the penalty of `x`."""
        return self.l1 * jnp.sum(jnp.abs(jnp.asarray(x)))


@_family.add
class L2(Regularizer):
    """Sum of squares (ridge): l2 * sum(x**2).

    Args:
        l2: Factor, >= 0. Default 0.01.

    Input: array of any shape.   Output: one number of its dtype.
    Raises:
        ValueError: a negative or infinite factor.
        TypeError: a factor that is not a number.
    Source: Krogh & Hertz 1991, A Simple Weight Decay Can Improve Generalization.

    Example:
        >>> print(L2(0.5)([1.0, -3.0]))
        5.0
    """

    def __init__(self, l2: float | None = 0.01) -> None:
        self.l2 = _factor("l2", 0.01 if l2 is None else l2, "L2")

    def __call__(self, x: Any) -> jax.Array:
        """Return the penalty of `x`."""
        return self.l2 * jnp.sum(jnp.square(jnp.asarray(x)))


@_family.add
class L1L2(Regularizer):
    """Both (elastic net): l1 * sum(|x|) + l2 * sum(x**2).

    Args:
        l1: Factor of the sizes, >= 0. Default 0.
        l2: Factor of the squares, >= 0. Default 0.

    The name "l1_l2" stands for L1L2(0.01, 0.01).

    Input: array of any shape.   Output: one number of its dtype.
    Raises:
        ValueError: a negative or infinite factor.
        TypeError: a factor that is not a number.
    Source: Zou & Hastie 2005, Regularization and Variable Selection via the Elastic Net.

    Differs from Keras: the name "l1_l2" works, as Keras' documentation says it does.

    Example:
        >>> print(L1L2(l1=0.5, l2=0.5)([1.0, -3.0]))
        7.0
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1 = _factor("l1", 0.0 if l1 is None else l1, "L1L2")
        self.l2 = _factor("l2", 0.0 if l2 is None else l2, "L1L2")

    def __call__(self, x: Any) -> jax.Array:
        """Return the penalty of `x`."""
        x = jnp.asarray(x)
        return self.l1 * jnp.sum(jnp.abs(x)) + self.l2 * jnp.sum(jnp.square(x))


@_family.add
class OrthogonalRegularizer(Regularizer):
    """Mean size of the cosines between different rows (or columns) of a matrix, times a factor.

    Args:
        factor: Factor, >= 0. Default 0.01.
        mode: What should become orthogonal: "rows" (default) or "columns".

    Input: array (rows, columns).   Output: one number of its dtype.
    Raises:
        ValueError: a bad factor or mode, or an input that has not two axes.
        TypeError: a factor that is not a number.
    Source: Brock et al. 2017, https://arxiv.org/abs/1609.07093

    Differs from Keras: a single row gives 0, not NaN, and a row of zeros has finite gradients.

    Example:
        >>> print(f"{OrthogonalRegularizer(1.0)([[1.0, 0.0], [1.0, 1.0]]):.4f}")  # cos of 45 degrees
        0.7071
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        self.factor = _factor("factor", factor, "OrthogonalRegularizer")
        errors.check_choice("mode", mode, ["rows", "columns"], "OrthogonalRegularizer: ")
        self.mode = mode

    def __call__(self, x: Any) -> jax.Array:
        """Return the penalty of `x`."""
        x = jnp.asarray(x) * 1.0  # whole numbers become floats
        if x.ndim != 2:
            raise ValueError(
                f"OrthogonalRegularizer: expected a matrix (rows, columns), received an array of shape {x.shape}. "
                "For the kernel of a convolution, pass a function that reshapes it and calls this one."
            )
        vectors = (x if self.mode == "rows" else x.T).astype(jnp.promote_types(x.dtype, jnp.float32))
        square = jnp.sum(jnp.square(vectors), axis=1, keepdims=True)
        # The 1 keeps a vector of zeros at zero, with finite gradients; 1e7 is Keras' limit for very short ones.
        unit = vectors * jnp.minimum(lax.rsqrt(jnp.where(square > 0, square, 1)), 1e7)
        count = len(vectors)
        cosines = jnp.abs(unit @ unit.T * (1 - jnp.eye(count)))
        pairs = max(count * (count - 1), 1)  # each of them twice, as in the sum
        return (self.factor * jnp.sum(cosines) / pairs).astype(x.dtype)


def get(identifier: Any) -> Callable[..., Any] | None:
    """Return the regularizer for a name, config, class, function or object; None stays None.

    Args:
        identifier: Name such as "l2", dict of `serialize`, `Regularizer`, or a function of one array.

    Raises:
        LaminaError (a ValueError): an unknown name.
        TypeError: something that cannot be called.

    Example:
        >>> get("l2"), get("l1_l2").get_config()
        (<L2>, {'l1': 0.01, 'l2': 0.01})
    """
    return L1L2(0.01, 0.01) if isinstance(identifier, str) and identifier == "l1_l2" else _family.get(identifier)


_family.add(L1L2, "l1_l2")
l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer
