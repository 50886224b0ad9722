"""Losses between numbers: squared, absolute, relative and logarithmic errors, Huber, log-cosh, cosine similarity."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina.losses._base import Loss, family
from lamina.losses._shapes import align, apply, averages_last_axis
from lamina.ops._arrays import EPSILON


@averages_last_axis
def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Mean of the squared differences, `mean((y_true - y_pred)**2)` over the last axis.

    Args:
        y_true: Targets (batch, ..., outputs), any numbers.
        y_pred: Predictions of the same shape, a last axis of length 1 aside.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(mean_squared_error([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]))
        [0.5 0. ]
    """
    y_true, y_pred = align("mean_squared_error", y_true, y_pred)
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


@averages_last_axis
def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Mean of the absolute differences, `mean(|y_true - y_pred|)` over the last axis.

    Args:
        y_true: Targets (batch, ..., outputs), any numbers.
        y_pred: Predictions of the same shape, a last axis of length 1 aside.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(mean_absolute_error([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 3.0]]))
        [0.5 1.5]
    """
    y_true, y_pred = align("mean_absolute_error", y_true, y_pred)
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


@averages_last_axis
def mean_absolute_percentage_error(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Mean of the relative errors in percent, `100 mean(|y_true - y_pred| / max(|y_true|, 1e-7))` over the last axis.

    Args:
        y_true: Targets (batch, ..., outputs); near zero the loss explodes.
        y_pred: Predictions of the same shape, a last axis of length 1 aside.

    Output: (batch, ...), float, in percent.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 4.0]]))
        [25.]
    """
    y_true, y_pred = align("mean_absolute_percentage_error", y_true, y_pred)
    return 100 * jnp.mean(jnp.abs((y_true - y_pred) / jnp.maximum(jnp.abs(y_true), EPSILON)), axis=-1)


@averages_last_axis
def mean_squared_logarithmic_error(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Mean squared difference of logarithms, `mean((log(1 + y_true) - log(1 + y_pred))**2)` over the last axis.

    Args:
        y_true: Targets (batch, ..., outputs) > 0; smaller values count as 1e-7.
        y_pred: Predictions of the same shape, likewise.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(f"{mean_squared_logarithmic_error([[0.0]], [[1.0]])[0]:.4f}")
        0.4805
    """
    y_true, y_pred = align("mean_squared_logarithmic_error", y_true, y_pred)
    difference = jnp.log(jnp.maximum(y_pred, EPSILON) + 1) - jnp.log(jnp.maximum(y_true, EPSILON) + 1)
    return jnp.mean(jnp.square(difference), axis=-1)


@averages_last_axis
def huber(y_true: ArrayLike, y_pred: ArrayLike, delta: float = 1.0) -> jax.Array:
    """Squared error for small errors, absolute error for large ones, mean over the last axis.

    With e = y_pred - y_true: `e**2 / 2` where |e| <= delta, else `delta |e| - delta**2 / 2`.

    Args:
        y_true: Targets (batch, ..., outputs).
        y_pred: Predictions of the same shape, a last axis of length 1 aside.
        delta: Error at which the loss turns linear, > 0, in the targets' unit. Default 1.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes differ.
    Source: Huber 1964, Robust Estimation of a Location Parameter.

    Example:
        >>> print(huber([[0.0, 0.0]], [[0.5, 3.0]]))
        [1.3125]
    """
    y_true, y_pred = align("huber", y_true, y_pred)
    error = jnp.abs(y_pred - y_true)
    return jnp.mean(jnp.where(error <= delta, 0.5 * jnp.square(error), delta * error - 0.5 * delta**2), axis=-1)


@averages_last_axis
def log_cosh(y_true: ArrayLike, y_pred: ArrayLike) -> jax.Array:
    """Logarithm of the hyperbolic cosine of the error, `mean(log(cosh(y_pred - y_true)))` over the last axis.

    About `e**2 / 2` for small errors e and `|e| - log(2)` for large ones.

    Args:
        y_true: Targets (batch, ..., outputs).
        y_pred: Predictions of the same shape, a last axis of length 1 aside.

    Output: (batch, ...), float.
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(f"{log_cosh([[0.0]], [[1.0]])[0]:.4f}")
        0.4338
    """
    y_true, y_pred = align("log_cosh", y_true, y_pred)
    error = y_pred - y_true
    return jnp.mean(error + jax.nn.softplus(-2 * error) - math.log(2), axis=-1)


def cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> jax.Array:
    """Minus the cosine of the angle between two vectors: -1 for the same direction, 0 for orthogonal or zero vectors.

    Args:
        y_true: Targets (batch, ..., features).
        y_pred: Predictions of the same shape, a last axis of length 1 aside.
        axis: Axis of the vectors. Default -1.

    Output: the shape without `axis`, float in [-1, 1].
    Raises:
        ValueError: the shapes differ.

    Example:
        >>> print(cosine_similarity([[0.0, 1.0], [1.0, 0.0]], [[1.0, 0.0], [-2.0, 0.0]]))
        [-0.  1.]
    """
    y_true, y_pred = align("cosine_similarity", y_true, y_pred)
    return -jnp.sum(unit_vectors(y_true, axis) * unit_vectors(y_pred, axis), axis=axis)


def unit_vectors(x: jax.Array, axis: int = -1) -> jax.Array:
    """Return vectors divided by their length, or by 1e-7 where they are shorter."""
    # The bound stands inside the root: outside, the gradient of a zero vector would be NaN.
    square = jnp.maximum(jnp.sum(jnp.square(x), axis=axis, keepdims=True), EPSILON**2)
    return x * jax.lax.rsqrt(square)


family.add(mean_squared_error, "mse", "MSE")
family.add(mean_absolute_error, "mae", "MAE")
family.add(mean_absolute_percentage_error, "mape", "MAPE")
family.add(mean_squared_logarithmic_error, "msle", "MSLE")
family.add(huber)
family.add(log_cosh, "logcosh")
family.add(cosine_similarity)


@family.add
class MeanSquaredError(Loss):
    """Mean of the squared differences; the class of `mean_squared_error`.

    Args:
        reduction: See `Loss`.
        name: See `Loss`. Default "mean_squared_error".
        dtype: See `Loss`.

    Input: y_true and y_pred (batch, ..., outputs).
    Output: scalar; (batch, ...) with reduction "none".

    Example:
        >>> print(MeanSquaredError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 0.0]]))
        0.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return apply(mean_squared_error, y_true, y_pred)


@family.add
class MeanAbsoluteError(Loss):
    """Mean of the absolute differences; the class of `mean_absolute_error`.

    Args:
        reduction: See `Loss`.
        name: See `Loss`. Default "mean_absolute_error".
        dtype: See `Loss`.

    Input: y_true and y_pred (batch, ..., outputs).
    Output: scalar; (batch, ...) with reduction "none".

    Example:
        >>> print(MeanAbsoluteError()([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 0.0]]))
        0.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return apply(mean_absolute_error, y_true, y_pred)


@family.add
class MeanAbsolutePercentageError(Loss):
    """Mean of the relative errors in percent; the class of `mean_absolute_percentage_error`.

    Args:
        reduction: See `Loss`.
        name: See `Loss`. Default "mean_absolute_percentage_error".
        dtype: See `Loss`.

    Input: y_true and y_pred (batch, ..., outputs).
    Output: scalar in percent; (batch, ...) with reduction "none".

    Example:
        >>> print(MeanAbsolutePercentageError()([[2.0], [4.0]], [[1.0], [4.0]]))
        25.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return apply(mean_absolute_percentage_error, y_true, y_pred)


@family.add
class MeanSquaredLogarithmicError(Loss):
    """Mean squared difference of logarithms; the class of `mean_squared_logarithmic_error`.

    Args:
        reduction: See `Loss`.
        name: See `Loss`. Default "mean_squared_logarithmic_error".
        dtype: See `Loss`.

    Input: y_true and y_pred (batch, ..., outputs).
    Output: scalar; (batch, ...) with reduction "none".

    Example:
        >>> print(f"{MeanSquaredLogarithmicError()([[0.0]], [[1.0]]):.4f}")
        0.4805
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return apply(mean_squared_logarithmic_error, y_true, y_pred)


@family.add
class Huber(Loss):
    """Squared error for small errors, absolute error for large ones; the class of `huber`.

    Args:
        delta: Error at which the loss turns linear, > 0, in the targets' unit. Default 1.
        reduction: See `Loss`.
        name: See `Loss`. Default "huber_loss".
        dtype: See `Loss`.

    Input: y_true and y_pred (batch, ..., outputs).
    Output: scalar; (batch, ...) with reduction "none".
    Raises:
        ValueError: delta <= 0.
    Source: Huber 1964, Robust Estimation of a Location Parameter.

    Differs from Keras: the config keeps `delta`.

    Example:
        >>> print(Huber()([[0.0, 0.0]], [[0.5, 3.0]]))
        1.3125
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        if not delta > 0:
            raise ValueError(f"{self.name}: delta: expected a number > 0, received {delta!r}.")
        self.delta = delta

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return apply(huber, y_true, y_pred, delta=self.delta)


@family.add
class LogCosh(Loss):
    """Logarithm of the hyperbolic cosine of the error; the class of `log_cosh`.

    Args:
        reduction: See `Loss`.
        name: See `Loss`. Default "log_cosh".
        dtype: See `Loss`.

    Input: y_true and y_pred (batch, ..., outputs).
    Output: scalar; (batch, ...) with reduction "none".

    Example:
        >>> print(f"{LogCosh()([[0.0]], [[1.0]]):.4f}")
        0.4338
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = "log_cosh", dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return apply(log_cosh, y_true, y_pred)


@family.add
class CosineSimilarity(Loss):
    """Minus the cosine of the angle between label and prediction; the class of `cosine_similarity`.

    Args:
        axis: Axis of the vectors. Default -1.
        reduction: See `Loss`.
        name: See `Loss`. Default "cosine_similarity".
        dtype: See `Loss`.

    Input: y_true and y_pred (batch, ..., features).
    Output: scalar in [-1, 1]; the shape without `axis` with reduction "none".

    Differs from Keras: the config keeps `axis`.

    Example:
        >>> print(CosineSimilarity()([[0.0, 1.0]], [[0.0, 1.0]]))
        -1.0
    """

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.axis = axis
        self.mixes_samples = axis != -1

    def call(self, y_true: Any, y_pred: Any) -> jax.Array:
        """Return one value per sample."""
        return cosine_similarity(y_true, y_pred, axis=self.axis)
