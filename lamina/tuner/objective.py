"""`Objective`: which value of the logs a search makes small or large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import lamina
from lamina.core.errors import check_choice


@dataclass(frozen=True)
class Objective:
    """A value of the epochs' logs, and whether less or more of it is better.

    Fields:
        name: Such as "val_loss".
        direction: "min" or "max".

    Example:
        >>> Objective("val_f1_score", direction="max").better_than(0.9, 0.8)
        True
    """

    name: str
    direction: str

    def __post_init__(self) -> None:
        check_choice("direction", self.direction, ["min", "max"], f"Objective({self.name!r}): ")

    def has_value(self, logs: Mapping[str, Any]) -> bool:
        """Whether logs hold it."""
        return self.name in logs

    def get_value(self, logs: Mapping[str, Any]) -> float:
        """Return its value in logs."""
        return float(logs[self.name])

    def better_than(self, a: float, b: float) -> bool:
        """Whether one value is better than another; NaN never is."""
        return a > b if self.direction == "max" else a < b


@dataclass(frozen=True)
class SumOfObjectives(Objective):
    """Several objectives as one: the sum of those to be small less those to be large, as Keras Tuner has it."""

    parts: tuple[Objective, ...] = ()

    def has_value(self, logs: Mapping[str, Any]) -> bool:
        """Whether logs hold all of them."""
        return all(part.has_value(logs) for part in self.parts)

    def get_value(self, logs: Mapping[str, Any]) -> float:
        """Return the sum."""
        return sum(part.get_value(logs) * (1 if part.direction == "min" else -1) for part in self.parts)


RETURNED = Objective("default_objective", "min")  # what `fit` or `run_trial` returns, where no objective is named


def as_objective(objective: Any, model: Any = None) -> Objective:
    """An `Objective` from one, from a name, or from a list of these; None is what `fit` returns.

    Args:
        objective: As the tuners take it.
        model: A compiled model, whose metrics know their direction.
    Raises:
        ValueError: the direction cannot be told.
    """
    if objective is None:
        return RETURNED
    if isinstance(objective, Objective):
        return objective
    if isinstance(objective, str):
        return Objective(objective, _direction(objective, model))
    if isinstance(objective, Sequence) and objective:
        return SumOfObjectives("multi_objective", "min", tuple(as_objective(part, model) for part in objective))
    raise TypeError(f"objective: expected a name, an Objective or a list of them, received {objective!r}.")


def _direction(name: str, model: Any) -> str:
    plain = name.removeprefix("val_")
    if plain == "loss" or plain.endswith("_loss"):
        return "min"
    metrics = [*getattr(model, "metrics", ())]
    if not any(metric.name == plain for metric in metrics):
        try:
            metrics.append(lamina.metrics.get(plain))
        except (ValueError, TypeError):  # a name of the user's
            metrics = [metric for metric in metrics if plain.endswith(f"_{metric.name}")]
    for metric in metrics:
        way = getattr(metric, "_direction", None)
        if way and (plain == metric.name or plain.endswith(f"_{metric.name}") or len(metrics) == 1):
            return "max" if way == "up" else "min"
    raise ValueError(
        f"objective: nobody says whether less or more {name!r} is better. Pass "
        f"lamina.tuner.Objective({name!r}, direction='max') or 'min'."
    )


def best_of(results: Any, objective: Objective) -> tuple[dict[str, float], int]:
    """The metrics of the best epoch of what `fit` returned, and its number; of several executions the mean.

    Raises:
        ValueError: the objective is not among the results; TypeError: results of a kind that is none.
    """
    if isinstance(results, list):
        found = [best_of(result, objective) for result in results]
        names = [name for name in found[0][0] if all(name in metrics for metrics, _ in found)]
        return {name: float(np.mean([metrics[name] for metrics, _ in found])) for name in names}, found[0][1]
    if isinstance(results, (int, float, np.number)):
        return {objective.name: float(results)}, 0
    if isinstance(results, Mapping):
        _require(results, objective)
        return {name: float(value) for name, value in results.items()}, 0
    if hasattr(results, "history"):
        _require(results.history, objective)
        epochs = [
            dict(zip(results.history, values, strict=True)) for values in zip(*results.history.values(), strict=False)
        ]
        values = np.array([objective.get_value(epoch) for epoch in epochs])
        values = values if objective.direction == "min" else -values
        best = int(np.nanargmin(values)) if not np.isnan(values).all() else 0
        return {name: float(value) for name, value in epochs[best].items() if np.ndim(value) == 0}, best
    raise TypeError(
        f"a trial has to return a History, a dict of metrics, or the objective's value, received "
        f"{type(results).__name__}."
    )


def _require(names: Mapping[str, Any], objective: Objective) -> None:
    if not objective.has_value(names):
        raise ValueError(f"objective: {objective.name!r} is not among the results, which are {', '.join(names)}.")
