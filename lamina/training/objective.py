"""What `compile` asked for, resolved against real shapes: one loss and the metrics of the model's output."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from lamina import losses, metrics
from lamina.core.config import Family, registered_name
from lamina.losses import _base as losses_base
from lamina.metrics import Mean, Metric
from lamina.metrics import _base as metrics_base

Spec = jax.ShapeDtypeStruct
_CHOSEN_BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")


class Objective:
    """The loss that training minimises and the metrics that it reports.

    Args:
        loss: Name, function or `Loss`; None leaves only what layers add with `add_loss`.
        loss_weights: Factor of the loss.
        metrics: Names, functions or `Metric`s, updated without sample weights.
        weighted_metrics: The same, updated with sample weights.
    """

    def __init__(self, loss: Any, loss_weights: Any, metrics: Any, weighted_metrics: Any) -> None:
        self._loss, self._loss_weights = _single("loss", loss), _single("loss_weights", loss_weights)
        self._metrics = _as_list("metrics", metrics)
        self._weighted_metrics = _as_list("weighted_metrics", weighted_metrics)
        _require_known(losses_base.family, [self._loss])
        _require_known(metrics_base.family, [*self._metrics, *self._weighted_metrics])
        self.loss_tracker = Mean(name="loss")
        self.loss: losses.Loss | None = None
        self.metrics: list[Metric] = []
        self.weighted_metrics: list[Metric] = []
        self.built = False
        self.checked: Any = None  # what preflight found out last

    def build(self, y_true: Spec | None, y_pred: Spec) -> None:
        """Resolve names such as "accuracy" and "crossentropy" by the shapes of targets and outputs."""
        if self.built:
            return
        if y_true is not None:
            self.loss = resolve_loss(self._loss, y_true, y_pred)
        self.metrics = [resolve_metric(m, y_true, y_pred) for m in self._metrics]
        self.weighted_metrics = [resolve_metric(m, y_true, y_pred) for m in self._weighted_metrics]
        for metric in [*self.metrics, *self.weighted_metrics]:
            if y_true is not None:
                metric.build((None, *y_true.shape[1:]), (None, *y_pred.shape[1:]))
        self.built = True

    @property
    def needs_targets(self) -> bool:
        """Whether there is a loss or a metric that compares outputs with y."""
        return self._loss is not None or bool(self._metrics or self._weighted_metrics)

    @property
    def metric_objects(self) -> list[Metric]:
        """The metrics that were given as objects."""
        return [m for m in [*self._metrics, *self._weighted_metrics] if isinstance(m, Metric)]

    @property
    def all_metrics(self) -> list[Metric]:
        """The loss tracker, then the metrics in the order of `compile`."""
        return [self.loss_tracker, *self.metrics, *self.weighted_metrics]

    @property
    def log_names(self) -> list[str]:
        """The key of each metric in the logs; a name used twice gets a number."""
        names: list[str] = []
        for metric in self.all_metrics:
            name = metric.name
            if name in names and metric in self.weighted_metrics:
                name = f"weighted_{name}"
            copies = sum(other == name or other.rsplit("_", 1)[0] == name for other in names)
            names.append(f"{name}_{copies}" if name in names else name)
        return names

    def compute_loss(self, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any = None) -> jax.Array:
        """Return the scalar loss of a batch; rows where `mask` is 0 do not exist."""
        if self.loss is None or y_true is None:
            return jnp.zeros((), jnp.float32)
        value = self.loss(y_true, y_pred, sample_weight=sample_weight, mask=mask)
        return value if self._loss_weights is None else value * self._loss_weights

    def update(self, loss: Any, rows: Any, y_true: Any, y_pred: Any, sample_weight: Any, mask: Any = None) -> None:
        """Add a batch of `rows` valid rows to the loss tracker and the metrics."""
        self.loss_tracker.update_state(loss, sample_weight=rows)
        if y_true is None:
            return
        for metric in self.metrics:
            metric.update_state(y_true, y_pred, sample_weight=mask)
        if mask is not None and sample_weight is not None:
            sample_weight = sample_weight * mask.reshape(mask.shape + (1,) * (sample_weight.ndim - 1))
        for metric in self.weighted_metrics:
            metric.update_state(y_true, y_pred, sample_weight=mask if sample_weight is None else sample_weight)

    def results(self) -> dict[str, jax.Array]:
        """Return the value of each metric, by log name."""
        return {name: metric.result() for name, metric in zip(self.log_names, self.all_metrics, strict=True)}

    def maskable(self, y_true: Spec | None, y_pred: Spec) -> bool:
        """Whether padded rows can be masked out of the loss and every metric: each gives a value per row.

        Losses and metrics of lamina's own do; a function of the user's is asked for the shape of its result.
        """
        if y_true is None:
            return True
        functions = [getattr(m, "fn", None) for m in [self.loss, *self.metrics, *self.weighted_metrics]]
        members = [m for m in [self.loss, *self.metrics, *self.weighted_metrics] if m is not None]
        own = all(_is_own(m) and not m.mixes_samples for m in members)
        rows = y_pred.shape[:1]
        return own and all(
            _is_own(fn) or jax.eval_shape(fn, y_true, y_pred).shape[:1] == rows for fn in functions if fn is not None
        )


def resolve_loss(identifier: Any, y_true: Spec, y_pred: Spec) -> losses.Loss | None:
    """Return the loss object for what `compile` was given."""
    if identifier is None:
        return None
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        identifier = losses.crossentropy_for(y_true.shape, y_pred.shape)
    loss = losses.get(identifier)
    if isinstance(loss, losses.Loss):
        return loss
    return losses.LossFunctionWrapper(loss, name=identifier if isinstance(identifier, str) else _name_of(loss))


def resolve_metric(identifier: Any, y_true: Spec | None, y_pred: Spec) -> Metric:
    """Return the metric object for what `compile` was given, under the name that the logs show."""
    name = identifier if isinstance(identifier, str) else None
    if name is not None and name.lower() in _CHOSEN_BY_SHAPE and y_true is not None:
        choose = metrics.accuracy_for if name.lower().startswith("acc") else metrics.crossentropy_for
        metric = choose(y_true.shape, y_pred.shape)
    else:
        metric = metrics.get(identifier)
    if not isinstance(metric, metrics.Metric):
        metric = metrics.MeanMetricWrapper(metric, name=name or _name_of(metric))
    if name is not None:
        metric.name = name
    return metric


def _single(argument: str, value: Any) -> Any:
    """The one entry of a list or dict of one, which Keras allows for a single output."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        return value
    if len(value) != 1:
        raise ValueError(
            f"compile: {argument}: the model has one output, received {len(value)} entries. Expected one, e.g. 'mse'."
        )
    return value[0]


def _as_list(argument: str, value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        raise ValueError(
            f"compile: {argument}: expected a list such as ['accuracy'], received {value!r}. Put it into brackets."
        )
    flat: list[Any] = []
    for item in value:
        flat.extend(item if isinstance(item, (list, tuple)) else [item])
    if any(item is None for item in flat):
        raise ValueError(f"compile: {argument}: received None in {value!r}. Leave it out.")
    return flat


def _require_known(family: Family, identifiers: list[Any]) -> None:
    """Raise for unknown names, and for what is no loss or metric; objects are made later, when shapes are known."""
    for identifier in identifiers:
        if isinstance(identifier, str):
            if identifier.lower() not in _CHOSEN_BY_SHAPE:
                family.lookup(identifier)
        elif not isinstance(identifier, dict) and not inspect.isclass(identifier):
            family.get(identifier)


def _name_of(function: Callable[..., Any]) -> str:
    return str(registered_name(function) or getattr(function, "__name__", type(function).__name__))


def _is_own(thing: Any) -> bool:
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return module.startswith("lamina.")
