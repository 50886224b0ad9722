"""What goes along with `fit` in a trial: the objective of each epoch, the weights of the best one, and pruning."""

from __future__ import annotations

import copy
import math
from typing import Any

from lamina.training.callbacks import Callback
from lamina.tuner.objective import RETURNED, Objective
from lamina.tuner.store import optuna


class TrialCallback(Callback):
    """Keeps the weights of the best epoch of a trial, and tells Optuna of each epoch where trials may be stopped early.

    Args:
        objective: What is looked at.
        trial: Optuna's, if it is told; None otherwise.
    """

    def __init__(self, objective: Objective, trial: Any = None) -> None:
        self.objective, self.trial = objective, trial
        self.best: float | None = None
        self.weights: list[Any] | None = None
        self.told = -1

    def expect_logs(self, names: Any) -> None:
        """Refuse an objective that the logs will not have, before the first epoch."""
        parts = getattr(self.objective, "parts", ()) or (self.objective,)
        for part in parts:
            if part != RETURNED and part.name not in names:
                raise ObjectiveMissing(part.name, list(names))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Look at the objective. Arrays never change, so that the weights are kept by reference."""
        logs = logs or {}
        if not self.objective.has_value(logs):
            return
        value = self.objective.get_value(logs)
        if not math.isnan(value) and (self.best is None or self.objective.better_than(value, self.best)):
            self.best, self.weights = value, [variable.value for variable in self.model.weights]
        if self.trial is not None and epoch > self.told:
            self.trial.report(value, epoch + 1)
            self.told = epoch
            if self.trial.should_prune():
                raise optuna().TrialPruned

    def restore(self, model: Any) -> bool:
        """Give a model the weights of the best epoch; returns whether there are any."""
        if self.weights is None:
            return False
        for variable, value in zip(model.weights, self.weights, strict=True):
            variable.assign(value)
        return True


class ObjectiveMissing(ValueError):
    """The search cannot go on: no trial will have its objective."""

    def __init__(self, name: str, names: list[str]) -> None:
        from lamina.core.errors import closest_match

        validation = ""
        if name.startswith("val_") and not any(known.startswith("val_") for known in names):
            validation = " There is no validation: pass validation_data or validation_split to search."
        super().__init__(
            f"objective: {name!r} is not among the values of this training, which are {', '.join(names)}."
            f"{closest_match(name, names)}{validation}"
        )


def copies(callbacks: Any) -> list[Any]:
    """Callbacks for one trial: each starts as the user made it.

    Raises:
        TypeError: one cannot be copied.
    """
    listed = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks] if callbacks is not None else []
    try:
        return copy.deepcopy(listed)
    except Exception as error:
        raise TypeError(
            f"callbacks: each trial needs copies of its own, and these cannot be copied: {error}. Make them inside of "
            "HyperModel.fit."
        ) from error
