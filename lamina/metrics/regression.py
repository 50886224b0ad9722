"""Metrics between numbers: mean errors, their root, cosine similarity, R2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina import losses
from lamina.core import errors
from lamina.losses._reduction import align_weights, divide_no_nan, per_entry, weigh
from lamina.losses._shapes import align
from lamina.metrics._base import Metric, family
from lamina.metrics.reduction import Average, MeanMetricWrapper


@family.add
class MeanSquaredError(MeanMetricWrapper):
    """Mean of the squared differences; the metric of `losses.mean_squared_error`.

    Args:
        name: Name in logs. Default "mean_squared_error".
        dtype: See `Metric`.

    Input: y_true and y_pred (batch, ..., outputs); sample_weight (batch,) or more leading axes.
    Output: scalar.

    Example:
        >>> print(MeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]))
        0.25
    """

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_error, name, dtype)


@family.add
class MeanAbsoluteError(MeanMetricWrapper):
    """Mean of the absolute differences; the metric of `losses.mean_absolute_error`.

    Args:
        name: Name in logs. Default "mean_absolute_error".
        dtype: See `Metric`.

    Input: y_true and y_pred (batch, ..., outputs); sample_weight (batch,) or more leading axes.
    Output: scalar.

    Example:
        >>> print(MeanAbsoluteError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]))
        0.25
    """

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_error, name, dtype)


@family.add
class MeanAbsolutePercentageError(MeanMetricWrapper):
    """Mean of the relative errors in percent; the metric of `losses.mean_absolute_percentage_error`.

    Args:
        name: Name in logs. Default "mean_absolute_percentage_error".
        dtype: See `Metric`.

    Input: y_true and y_pred (batch, ..., outputs); sample_weight (batch,) or more leading axes.
    Output: scalar, in percent.

    Example:
        >>> print(MeanAbsolutePercentageError()([[2.0], [4.0]], [[1.0], [4.0]]))
        25.0
    """

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_absolute_percentage_error, name, dtype)


@family.add
class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """Mean squared difference of logarithms; the metric of `losses.mean_squared_logarithmic_error`.

    Args:
        name: Name in logs. Default "mean_squared_logarithmic_error".
        dtype: See `Metric`.

    Input: y_true and y_pred (batch, ..., outputs); sample_weight (batch,) or more leading axes.
    Output: scalar.

    Example:
        >>> print(f"{MeanSquaredLogarithmicError()([[0.0]], [[1.0]]):.4f}")
        0.4805
    """

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(losses.mean_squared_logarithmic_error, name, dtype)


@family.add
class LogCoshError(MeanMetricWrapper):
    """Mean logarithm of the hyperbolic cosine of the error; the metric of `losses.log_cosh`.

    Args:
        name: Name in logs. Default "logcosh".
        dtype: See `Metric`.

    Input: y_true and y_pred (batch, ..., outputs); sample_weight (batch,) or more leading axes.
    Output: scalar.

    Example:
        >>> print(f"{LogCoshError()([[0.0]], [[1.0]]):.4f}")
        0.4338
    """

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(losses.log_cosh, name, dtype)


@family.add
class CosineSimilarity(MeanMetricWrapper):
    """Mean cosine of the angle between label and prediction; 1 for the same direction, unlike the loss.

    Args:
        name: Name in logs. Default "cosine_similarity".
        dtype: See `Metric`.
        axis: Axis of the vectors. Default -1.

    Input: y_true and y_pred (batch, ..., features); sample_weight (batch,) or more leading axes.
    Output: scalar in [-1, 1].

    Differs from Keras: the config keeps `axis`.

    Example:
        >>> print(CosineSimilarity()([[0.0, 1.0], [1.0, 0.0]], [[0.0, 2.0], [0.0, 1.0]]))
        0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(_cosine_similarity, name, dtype, axis=axis)
        self.axis = axis
        self.mixes_samples = axis != -1


def _cosine_similarity(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> jax.Array:
    return -losses.cosine_similarity(y_true, y_pred, axis)


@family.add
class RootMeanSquaredError(Average):
    """Square root of the mean squared difference, over all that was seen: `sqrt(mean((y_true - y_pred)**2))`.

    Args:
        name: Name in logs. Default "root_mean_squared_error".
        dtype: See `Metric`.

    Input: y_true and y_pred (batch, ..., outputs); sample_weight (batch,) or more leading axes.
    Output: scalar, in the targets' unit.

    Example:
        >>> print(RootMeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]))
        0.5
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch."""
        y_true, y_pred = (jnp.asarray(y, self.dtype) for y in (y_true, y_pred))
        y_true, y_pred = align(self.name, per_entry(y_true, y_pred, sample_weight), y_pred)
        self.add(jnp.square(y_true - y_pred), sample_weight)

    def result(self) -> jax.Array:
        """Return the root of the mean."""
        return jnp.sqrt(super().result())


@family.add
class R2Score(Metric):
    """Share of the targets' variance that is predicted: `1 - sum((y - p)**2) / sum((y - mean(y))**2)`.

    Args:
        class_aggregation: How outputs become one number: "uniform_average", "variance_weighted_average", or None for
            one number each. Default "uniform_average".
        num_regressors: Number p of inputs for the adjusted score `1 - (1 - R2)(n - 1)/(n - p - 1)` of n samples;
            0 is the plain score, which also stands where n <= p + 1. Default 0.
        name: Name in logs. Default "r2_score".
        dtype: See `Metric`.

    Input: y_true and y_pred (batch, outputs), or (batch,); sample_weight (batch,) or (batch, outputs).
    Output: scalar, at most 1; (outputs,) with class_aggregation None. Without variance it is 1 for perfect
        predictions, else 0, as in scikit-learn.
    Variables: num_samples (); squared_sum, sum, residual, count (outputs,).
    Raises:
        ValueError: an unknown class_aggregation, num_regressors < 0, more than two axes.

    Differs from Keras: squares are summed about the mean, so that targets far from zero (years, prices) lose no digits;
    num_samples counts rows of weight other than 0, not rows times outputs.

    Example:
        >>> metric = R2Score()
        >>> metric.update_state([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])
        >>> print(f"{metric.result():.4f}")
        0.5714
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        errors.check_choice(
            "class_aggregation",
            class_aggregation,
            ["uniform_average", "variance_weighted_average", None],
            f"{self.name}: ",
        )
        self.class_aggregation = class_aggregation
        self.num_regressors = errors.check_positive_int("num_regressors", num_regressors, f"{self.name}: ", minimum=0)
        self.num_samples = self.add_variable(name="num_samples")
        self.built = False

    def build(self, y_true_shape: Sequence[int | None], y_pred_shape: Sequence[int | None]) -> None:
        """Create one accumulator per output."""
        if self.built:
            return
        if len(y_pred_shape) > 2:
            raise ValueError(
                f"{self.name}: expected y_pred of shape (batch, outputs), received {tuple(y_pred_shape)}. Reshape both "
                "to two axes; each column gets its own score."
            )
        outputs = (y_pred_shape[1] if len(y_pred_shape) == 2 else 1) or 1
        self.squared_sum = self.add_variable((outputs,), name="squared_sum")  # of deviations from the mean
        self.sum = self.add_variable((outputs,), name="sum")
        self.total_mse = self.add_variable((outputs,), name="residual")
        self.count = self.add_variable((outputs,), name="count")
        self.built = True

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch."""
        y_true, y_pred = align(self.name, y_true, jnp.asarray(y_pred, self.accumulator_dtype))
        if y_pred.ndim == 1:
            y_true, y_pred = y_true[:, None], y_pred[:, None]
        self.build(y_true.shape, y_pred.shape)
        weights = align_weights(self.name, sample_weight, y_true.shape)
        weights = jnp.broadcast_to(weights.astype(y_true.dtype), y_true.shape)

        count, total = jnp.sum(weights, axis=0), jnp.sum(weigh(y_true, weights), axis=0)
        mean = divide_no_nan(total, count)
        squares = jnp.sum(weigh(jnp.square(y_true - mean), weights), axis=0)
        # Two sets of samples have the squares of both about their own means, plus those between the means
        # (Chan, Golub & LeVeque 1979).
        before = self.count.value
        gap = mean - divide_no_nan(self.sum.value, before)
        between = jnp.square(gap) * divide_no_nan(before * count, before + count)
        self.squared_sum.assign_add(squares + between)
        self.sum.assign_add(total)
        self.count.assign_add(count)
        self.total_mse.assign_add(jnp.sum(weigh(jnp.square(y_true - y_pred), weights), axis=0))
        self.num_samples.assign_add(jnp.sum(jnp.any(weights != 0, axis=1), dtype=count.dtype))

    def result(self) -> jax.Array:
        """Return the score."""
        total, residual = self.squared_sum.value, self.total_mse.value
        scores = jnp.where(total > 0, 1 - divide_no_nan(residual, total), (residual == 0).astype(total.dtype))
        if self.class_aggregation == "uniform_average":
            scores = jnp.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            scores = divide_no_nan(jnp.sum(total * scores), jnp.sum(total))
        if self.num_regressors:
            free = self.num_samples.value - self.num_regressors - 1
            adjusted = 1 - (1 - scores) * divide_no_nan(self.num_samples.value - 1, free)
            scores = jnp.where(free > 0, adjusted, scores)
        return scores.astype(self.dtype)


family.add(MeanSquaredError, "mse", "MSE")
family.add(MeanAbsoluteError, "mae", "MAE")
family.add(MeanAbsolutePercentageError, "mape", "MAPE")
family.add(MeanSquaredLogarithmicError, "msle", "MSLE")
family.add(LogCoshError, "log_cosh", "logcosh")
family.add(losses.huber)
