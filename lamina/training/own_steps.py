"""What a model's class may take over of a step (`train_step`, `compute_loss`, …), and checks of what it returns."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import LaminaError

Logs = dict[str, Any]  # name -> scalar


def overrides(model: Any, method: str) -> bool:
    """Whether the model's class defines a method that lamina's models have a default for."""
    defining = next(cls for cls in type(model).__mro__ if method in vars(cls))
    return not defining.__module__.startswith("lamina.")


def takes(function: Callable[..., Any], parameter: str) -> bool:
    """Whether a function has a parameter of this name, or takes any."""
    parameters = inspect.signature(function).parameters.values()
    return any(p.name == parameter or p.kind is p.VAR_KEYWORD for p in parameters)


def packed(batch: Any) -> tuple[Any, ...]:
    """A batch as steps of the model's own get it: (x,), (x, y) or (x, y, sample_weight)."""
    return tuple(batch) if batch.sample_weight is not None else (batch.x,) if batch.y is None else (batch.x, batch.y)


def checked_logs(where: str, logs: Any) -> Logs:
    """The logs that the user's code returned, as arrays; a metric's dict of results adds its entries."""
    if not isinstance(logs, dict):
        raise LaminaError(
            f"{where}: expected a dict of logs, such as self.get_metrics_result(), received {type(logs).__name__}."
        )
    checked: Logs = {}
    for name, value in logs.items():
        if isinstance(value, dict):
            checked |= checked_logs(where, value)
        elif not hasattr(value, "dtype") and not isinstance(value, (bool, int, float)):
            raise LaminaError(f"{where}: logs[{name!r}]: expected a number, received {value!r:.60}.")
        else:
            checked[name] = jnp.asarray(value)
    return checked


def checked_loss(model: Any, loss: Any) -> jax.Array:
    """The loss that a model's own `compute_loss` returned, if it is one number."""
    if loss is None or jnp.shape(loss) != ():
        received = "None" if loss is None else f"an array of shape {jnp.shape(loss)}"
        raise LaminaError(
            f"{type(model).__name__}: compute_loss: expected one number, received {received}. Return the mean over the "
            "batch, or super().compute_loss(...) with what you add."
        )
    return jnp.asarray(loss)


def own_result(model: Any, method: str, result: Any, given: tuple[Any, ...]) -> tuple[Logs, tuple[Any, ...]]:
    """The logs and the state that a step of the user's returned, in either order, checked against the state it got."""
    parts = result if isinstance(result, tuple) and len(result) == 2 else (None, None)
    logs, state = parts if isinstance(parts[0], dict) else parts[::-1]
    where = f"{type(model).__name__}.{method}"
    if not isinstance(logs, dict) or not isinstance(state, (tuple, list)) or len(state) != len(given):
        raise LaminaError(
            f"{where}: expected (logs, state): a dict of logs, and the {len(given)} lists of the state, received "
            f"{type(result).__name__}."
        )
    names = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
    for name, old, new in zip(names if len(given) == 4 else (*names[:2], names[3]), given, state, strict=True):
        shapes = [tuple(jnp.shape(value)) for value in new]
        expected = [tuple(value.shape) for value in old]
        if shapes != expected:
            raise LaminaError(
                f"{where}: {name} came back with shapes {shapes}, expected {expected}: one value for each, in "
                "the order in which they were given."
            )
    values = tuple(
        [jnp.asarray(value, before.dtype) for value, before in zip(new, old, strict=True)]
        for new, old in zip(state, given, strict=True)
    )
    return checked_logs(where, logs), values
