"""Metrics that sum or average: `Sum`, `Mean`, and `MeanMetricWrapper`, the mean of a function of each sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from lamina import losses
from lamina.core import config as core_config
from lamina.core import dtypes
from lamina.losses import _base as losses_base
from lamina.losses._reduction import align_weights, divide_no_nan, per_entry, weigh
from lamina.losses._shapes import apply
from lamina.metrics._base import Metric, family


@family.add
class Sum(Metric):
    """Weighted sum of values.

    Args:
        name: Name in logs. Default "sum".
        dtype: See `Metric`.

    Input: values of any shape; sample_weight (), (batch,), or more of their leading axes.
    Output: scalar.
    Variables: total ().

    Example:
        >>> metric = Sum()
        >>> metric.update_state([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
        >>> print(metric.result())
        4.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add values."""
        values = jnp.asarray(values, self.accumulator_dtype)
        if sample_weight is not None:
            values = weigh(values, align_weights(self.name, sample_weight, values.shape))
        self.total.assign_add(jnp.sum(values))

    def result(self) -> jax.Array:
        """Return the sum."""
        return self.total.value.astype(self.dtype)


class Average(Metric):
    """Base of the metrics that are a weighted mean, `sum(w v) / sum(w)`; 0 before the first value.

    A subclass computes values and hands them to `add`.

    Variables: total (), count (): the weighted sum over the samples of their mean value, and the samples' weight.
    """

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def add(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add values (batch, ...), or one number; a value with weight 0 leaves no trace, not even a NaN."""
        values = jnp.asarray(values, self.accumulator_dtype)
        samples = values.shape[0] if values.ndim else 1
        share = samples / max(values.size, 1)  # of one value in its sample's mean
        if sample_weight is None:
            self.total.assign_add(jnp.sum(values) * share)
            self.count.assign_add(samples)
            return
        weights = align_weights(self.name, sample_weight, values.shape).astype(values.dtype)
        self.total.assign_add(jnp.sum(weigh(values, weights)) * share)
        self.count.assign_add(jnp.sum(jnp.broadcast_to(weights, values.shape)) * share)

    def result(self) -> jax.Array:
        """Return the mean."""
        return divide_no_nan(self.total.value, self.count.value).astype(self.dtype)


@family.add
class Mean(Average):
    """Weighted mean of values, `sum(w v) / sum(w)`; 0 before the first one.

    Args:
        name: Name in logs. Default "mean".
        dtype: See `Metric`.

    Input: values (batch, ...) or a single number; sample_weight (), (batch,), or more of their leading axes. A value
        with weight 0 leaves no trace, not even a NaN.
    Output: scalar.
    Variables: total (), count ().

    Example:
        >>> metric = Mean()
        >>> metric.update_state([1, 3])
        >>> metric.update_state([5, 7], sample_weight=[1, 0])
        >>> print(metric.result())
        3.0
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add values."""
        self.add(values, sample_weight)


@family.add
class MeanMetricWrapper(Average):
    """Mean of a function `fn(y_true, y_pred, **kwargs)` over all samples.

    Args:
        fn: Function that returns one value per sample, (batch, ...), or one for the whole batch, which then counts
            once per sample.
        name: Name in logs; None gives "mean_metric_wrapper", numbered. `compile` passes the function's name.
        dtype: See `Metric`. Predictions in 16 bits are cast to it.
        **kwargs: Passed on to `fn`.

    Input: y_true and y_pred as `fn` expects them; sample_weight (batch,), or more of its values' leading axes.
    Output: scalar.
    Variables: total (), count ().
    Raises:
        TypeError: fn cannot be called, or returns None.

    Differs from Keras: one value for the batch counts once per sample, so that a last, smaller batch counts less.

    Example:
        >>> metric = MeanMetricWrapper(lambda y_true, y_pred: (y_true - y_pred) ** 2, name="mse")
        >>> metric.update_state(jnp.array([1.0, 2.0]), jnp.array([1.0, 4.0]))
        >>> print(metric.result())
        2.0
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name, dtype)
        if not callable(fn):
            raise TypeError(f"{self.name}: fn: expected a function fn(y_true, y_pred), received {fn!r}.")
        self.fn = fn
        self._fn_kwargs = kwargs
        self.mixes_samples = getattr(fn, "mixes_samples", False)
        if isinstance(fn, losses.Loss) or any(fn is member for member in losses_base.family.members.values()):
            self._direction = "down"

    def update_state(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Add a batch."""
        y_pred = jnp.asarray(y_pred)
        if dtypes.is_float(y_pred.dtype):
            y_pred = y_pred.astype(self.dtype)
        y_true = per_entry(jnp.asarray(y_true), y_pred, sample_weight)
        try:
            values = apply(self.fn, y_true, y_pred, **self._fn_kwargs)
        except ValueError as error:
            error.add_note(f"This happened in metric {self.name!r} ({type(self).__name__}).")
            raise
        if values is None:
            raise TypeError(
                f"{self.name}: the function returned None; expected one number per sample. Is there a `return` missing?"
            )
        values = jnp.asarray(values)
        if values.ndim == 0 and y_pred.ndim > 0:
            values = jnp.broadcast_to(values, y_pred.shape[:1])
        self.add(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, the function as Keras writes one."""
        if "fn" not in self.config_parameters():
            return super().get_config()
        config = {"name": self.name, "dtype": self.dtype, "fn": losses_base.function_config(self.fn)}
        return {**config, **core_config.serialize(self._fn_kwargs)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> MeanMetricWrapper:
        """Build from `get_config`'s dict; a function of yours has to be registered or in `custom_objects`."""
        if "fn" in config:
            config = {**config, "fn": _function(config["fn"])}
        return super().from_config(config)


def _function(config: Any) -> Any:
    """Find the function of a config: a custom one, or one of the metrics' or losses'."""
    name = config.get("config") if isinstance(config, dict) else config
    if isinstance(name, str) and name in family.members and not core_config.find_custom(name):
        return family.members[name]
    return losses.deserialize(config)
