"""What a `learning_rate` argument stands for: a number, or a function of the step."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from lamina.core.config import deserialize
from lamina.core.variable import Variable
from lamina.optimizers._checks import check_number
from lamina.optimizers.schedules import LearningRateSchedule

Rate = float | LearningRateSchedule | Callable[..., Any]


def as_rate(value: Any, where: str) -> Any:
    """Return a number or a function, after the checks; a config becomes its schedule, a variable its value."""
    value = deserialize(value) if isinstance(value, dict) else value
    value = value.value if isinstance(value, Variable) else value
    if not callable(value) and not isinstance(value, jax.core.Tracer):
        check_number("learning_rate", value, where, largest=float(np.finfo(np.float32).max))
    return value


def current_rate(rate: Any, iteration: Variable) -> Any:
    """Return the learning rate of a step: the variable's value, or what the function returns."""
    if isinstance(rate, Variable):
        return rate.value
    return rate(iteration.value) if _takes_step(rate) else rate()


def _takes_step(function: Callable[..., Any]) -> bool:
    """Whether a function takes the step, as schedules and Optax' functions do; Keras calls plain ones without it."""
    if isinstance(function, LearningRateSchedule):
        return True
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a callable without a signature, such as a built-in
        return True
    return any(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL) for p in parameters)
