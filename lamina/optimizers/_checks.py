"""Checks of what an optimizer is given: numbers, keyword arguments, gradients."""

from __future__ import annotations

import math
import warnings
from collections.abc import Collection, Sequence
from typing import Any

import jax
import numpy as np

from lamina.core import errors
from lamina.core.variable import Variable


def check_number(
    argument: str, value: Any, where: str, *, minimum: float = 0, above: bool = False, largest: float = math.inf
) -> None:
    """Raise a ValueError unless `value` is a finite number >= `minimum` (> with `above`) and <= `largest`."""
    numeric = isinstance(value, (int, float, np.number, np.ndarray, jax.Array)) and not isinstance(value, bool)
    number = float(value) if numeric and np.ndim(value) == 0 else math.nan
    too_small = number <= minimum if above else number < minimum
    if not math.isfinite(number) or too_small or number > largest:
        limit = "" if largest == math.inf else f" and <= {largest:.3g}"
        raise ValueError(
            f"{where}: {argument}: expected a finite number {'>' if above else '>='} {minimum:g}{limit}, "
            f"received {value!r}."
        )


def check_betas(where: str, *, beta_1: float, beta_2: float, epsilon: float = 0.0) -> None:
    """Raise a ValueError unless both betas are in [0, 1) and epsilon is a number >= 0."""
    errors.check_fraction("beta_1", beta_1, f"{where}: ")
    errors.check_fraction("beta_2", beta_2, f"{where}: ")
    check_number("epsilon", epsilon, where)


def refuse_unknown(unknown: dict[str, Any], known: Sequence[str], where: str) -> None:
    """Raise a TypeError for keyword arguments that no optimizer has; Keras' retired `decay` is a warning."""
    if unknown.pop("decay", None):
        warnings.warn(
            f"{where}: decay has no effect, as in Keras 3. "
            "Use learning_rate=schedules.InverseTimeDecay(learning_rate, decay_steps=1, decay_rate=decay).",
            stacklevel=4,
        )
    if unknown:
        first = next(iter(unknown))
        hint = " Did you mean 'learning_rate'?" if first == "lr" else errors.closest_match(first, known)
        raise TypeError(f"{where}: unknown argument {first!r}.{hint} Known: {', '.join(known)}.")


def check_common_arguments(arguments: dict[str, Any], where: str) -> None:
    """Raise a ValueError for a value of `OptimizerArguments` that makes no sense."""
    clips = {name: arguments[name] for name in ("clipnorm", "clipvalue", "global_clipnorm")}
    for name, value in {**clips, "loss_scale_factor": arguments["loss_scale_factor"]}.items():
        if value is not None:
            check_number(name, value, where, above=True)
    if sum(clip is not None for clip in clips.values()) > 1:
        raise ValueError(f"{where}: expected one of clipnorm, clipvalue, global_clipnorm at most, received {clips}.")
    if arguments["weight_decay"] is not None:
        check_number("weight_decay", arguments["weight_decay"], where)
    check_number("ema_momentum", arguments["ema_momentum"], where, largest=1)
    for name, minimum in (("ema_overwrite_frequency", 1), ("gradient_accumulation_steps", 2)):
        if arguments[name] is not None:
            errors.check_positive_int(name, arguments[name], f"{where}: ", minimum)


def check_gradients(
    gradients: Sequence[Any], variables: Sequence[Variable], known: Collection[Variable], where: str
) -> None:
    """Raise a ValueError unless each gradient that is not None has the shape of its variable; warn of each None."""
    for gradient, variable in zip(gradients, variables, strict=True):
        if variable not in known:
            raise ValueError(
                f"{where}: unknown variable {variable.path!r}. An optimizer serves the variables that it was built "
                "with; make a new one for other variables."
            )
        if gradient is not None and np.shape(gradient) != variable.shape:
            raise ValueError(
                f"{where}: expected a gradient of shape {variable.shape} for {variable.path!r}, received shape "
                f"{np.shape(gradient)}."
            )
    missing = [v.path for g, v in zip(gradients, variables, strict=True) if g is None]
    if len(missing) == len(variables):
        raise ValueError(f"{where}: every gradient is None. Does the loss depend on {', '.join(missing)}?")
    if missing:
        warnings.warn(
            f"{where}: no gradient for {', '.join(missing)}, so nothing changes there. Does the loss depend on it?",
            stacklevel=4,
        )
