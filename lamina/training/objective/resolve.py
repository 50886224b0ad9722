"""Losses and metrics out of what `compile` was given: names such as "accuracy" are chosen by shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax

from lamina import losses, metrics
from lamina.core.config import registered_name
from lamina.metrics import Metric

Spec = jax.ShapeDtypeStruct
CHOSEN_BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")


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
    if name is not None and name.lower() in CHOSEN_BY_SHAPE and y_true is not None:
        choose = metrics.accuracy_for if name.lower().startswith("acc") else metrics.crossentropy_for
        metric = choose(y_true.shape, y_pred.shape)
    else:
        metric = metrics.get(identifier)
    if not isinstance(metric, metrics.Metric):
        metric = metrics.MeanMetricWrapper(metric, name=name or _name_of(metric))
    if name is not None:
        metric.name = name
    return metric


def is_own(thing: Any) -> bool:
    """Whether a class, an object or a function is lamina's; one of the user's may do anything."""
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return module.startswith("lamina.")


def is_users(identifier: Any) -> bool:
    """Whether a loss or metric, as `compile` was given it, is a function or a class of the user's."""
    if isinstance(identifier, (str, Mapping)):
        return False
    return not (is_own(identifier) and is_own(getattr(identifier, "fn", identifier)))


def _name_of(function: Callable[..., Any]) -> str:
    return str(registered_name(function) or getattr(function, "__name__", type(function).__name__))
