"""The arguments of `compile` that say something of each output: checked, and spread over the outputs."""

from __future__ import annotations

import inspect
import math
import numbers
from collections.abc import Callable, Mapping
from typing import Any

from lamina.core.config import Family
from lamina.core.errors import LaminaConfigError
from lamina.training.objective.outputs import Outputs, is_nest
from lamina.training.objective.resolve import CHOSEN_BY_SHAPE


def identifiers(value: Any) -> list[Any]:
    """Return the names, functions and objects in what an argument was given, without None.

    Example:
        >>> identifiers({"main": ["mae", "mse"], "aux": None})
        ['mae', 'mse']
    """
    members = _flat(value) if _is_several(value) else [value]
    return [member for member in members if member is not None]


def require_known(family: Family, value: Any) -> None:
    """Raise for unknown names, and for what is no loss or metric; objects are made later, when shapes are known."""
    for identifier in identifiers(value):
        if isinstance(identifier, str):
            if identifier.lower() not in CHOSEN_BY_SHAPE:
                family.lookup(identifier)
        elif not isinstance(identifier, Mapping) and not inspect.isclass(identifier):
            family.get(identifier)


def require_factors(loss_weights: Any) -> None:
    """Raise for loss weights that are no finite numbers."""
    for weight in identifiers(loss_weights):
        value = weight.item() if getattr(weight, "shape", None) == () else weight
        if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
            raise ValueError(
                f"compile: loss_weights: expected finite numbers, such as [0.9, 0.1], one for each output; received "
                f"{weight!r}."
            )


def require_list(argument: str, metrics: Any) -> None:
    """Raise for metrics that are no list, tuple or dict, and for a list of nothing but None."""
    if metrics is None:
        return
    if not _is_several(metrics):
        raise ValueError(
            f"compile: {argument}: expected a list such as ['accuracy'], received {metrics!r}. Put it into brackets."
        )
    if len(metrics) and not identifiers(metrics):
        raise ValueError(f"compile: {argument}: received None in {metrics!r}. Leave it out.")


def spread_loss(outputs: Outputs, loss: Any) -> list[Any]:
    """Return the loss of each output; one serves them all."""
    if not _is_several(loss):
        return [loss] * outputs.count
    way = f"Pass {_forms(outputs, 'mse')}; None is no loss."
    found = _entries(outputs, "loss", loss, _is_several, way)
    if isinstance(loss, Mapping) and outputs.names is not None and outputs.named and not outputs.is_dict:
        missing = [name for name in outputs.names if name not in loss]
        if missing and outputs.count > 1:
            raise LaminaConfigError(f"compile: loss: there is none for output {missing[0]!r} of {outputs.owner}. {way}")
    return found


def spread_factors(outputs: Outputs, loss_weights: Any) -> list[Any]:
    """Return the factor of each output's loss, None for 1; one number serves them all."""
    if not is_nest(loss_weights):
        return [loss_weights] * outputs.count
    return _entries(outputs, "loss_weights", loss_weights, is_nest, f"Pass one number, or {_forms(outputs, 0.5)}.")


def spread_metrics(outputs: Outputs, argument: str, metrics: Any) -> list[list[Any]]:
    """Return the metrics of each output: of a single one all that are there, else an entry for each."""
    if not metrics:
        return [[] for _ in range(outputs.count)]
    way = f"Pass {_forms(outputs, ['mae'])}; None is no metric."
    if outputs.count > 1 or isinstance(metrics, Mapping):
        metrics = _entries(outputs, argument, metrics, lambda m: isinstance(m, Mapping) and _is_several(m), way)
    else:
        metrics = [metrics]
    for entry in metrics:
        if _is_several(entry) and any(member is None for member in _flat(entry)):
            raise LaminaConfigError(f"compile: {argument}: received None in {entry!r}. Leave it out.")
    return [identifiers(entry) for entry in metrics]


def _entries(outputs: Outputs, argument: str, value: Any, is_wrong: Callable[[Any], bool], way: str) -> list[Any]:
    """What an argument holds for each output, or an error that says what may be passed."""
    found = outputs.entries(value)
    if found is None or (outputs.count == 1 and is_wrong(found[0])):
        raise outputs.misfit(f"compile: {argument}", value, way)
    for i, entry in enumerate(found):
        if is_wrong(entry):
            raise LaminaConfigError(f"compile: {argument}: received {entry!r} for {outputs.of(i)}. {way}")
    return found


def _is_several(value: Any) -> bool:
    """Whether a value is a container, and not the config of one loss or metric."""
    return is_nest(value) and not (isinstance(value, Mapping) and "class_name" in value and "config" in value)


def _flat(value: Any) -> list[Any]:
    """The members of a container and of those inside it, None included."""
    members = value.values() if isinstance(value, Mapping) else value
    return [leaf for member in members for leaf in (_flat(member) if _is_several(member) else [member])]


def _forms(outputs: Outputs, example: Any) -> str:
    """What may be passed, as one would write it."""
    if outputs.count == 1:
        by_name = f", or {dict.fromkeys(outputs.names, example)}" if outputs.named and outputs.names else ""
        return f"one, e.g. {example!r}{by_name}"
    entries = [example] * outputs.count
    by_name = f", or {dict(zip(outputs.names, entries, strict=True))}" if outputs.names is not None else ""
    return f"one entry for each, e.g. {entries}{by_name}"
