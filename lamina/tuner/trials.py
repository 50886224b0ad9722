"""`Trial`, and `Oracle`: what a search knows of its trials, in Keras Tuner's words."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from lamina.tuner.hyperparameters import HyperParameters
from lamina.tuner.objective import Objective

UNCOUNTED = "uncounted"  # attribute of trials that are not among `max_trials`: why


@dataclass
class Trial:
    """One set of hyperparameters and what came of it.

    Fields:
        trial_id: Its number with leading zeros.
        hyperparameters: Its values.
        status: "RUNNING", "COMPLETED", "STOPPED" (early, as it was not promising), "FAILED".
        score: Value of the objective; None if there is none.
        best_step: Epoch of that value.
        metrics: All values of that epoch.
        message: Why it failed.
        seconds: How long it took.
    """

    trial_id: str
    hyperparameters: HyperParameters
    status: str = "RUNNING"
    score: float | None = None
    best_step: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    message: str | None = None
    seconds: float | None = None

    def summary(self) -> str:
        """Return it as text."""
        lines = [f"Trial {self.trial_id}: {self.status.lower()}"]
        lines += [f"  {name}: {value}" for name, value in self.hyperparameters.values.items()]
        lines += [f"Score: {self.score}"] if self.score is not None else []
        return "\n".join(lines + ([f"Reason: {self.message}"] if self.message else []))


_STATUS = {"COMPLETE": "COMPLETED", "PRUNED": "STOPPED", "FAIL": "FAILED", "RUNNING": "RUNNING", "WAITING": "WAITING"}


def trial_of(frozen: Any, space: HyperParameters) -> Trial:
    """A trial of Optuna's as a `Trial`."""
    result = result_of(frozen)
    return Trial(
        f"{frozen.number:04d}",
        space.copy().restore(result.get("values", {})),
        _STATUS[frozen.state.name],
        frozen.value if frozen.state.name == "COMPLETE" else None,
        result.get("best_step", 0),
        result.get("metrics", {}),
        result.get("reason"),
        result.get("seconds"),
    )


def result_of(frozen: Any) -> dict[str, Any]:
    """What a trial wrote down at its end: values, metrics, best step, reason of a failure, seconds."""
    return json.loads(frozen.user_attrs.get("result", "{}"))


def counted(frozen: Any) -> bool:
    """Whether a trial of Optuna's is among those that `max_trials` counts."""
    return UNCOUNTED not in frozen.user_attrs and frozen.state.name != "WAITING"


class Oracle:
    """The trials of a search.

    Args:
        objective: What they are compared by.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.study: Any = None
        self.space = HyperParameters()

    def frozen(self) -> list[Any]:
        """Optuna's trials that count."""
        return [] if self.study is None else [one for one in self.study.get_trials(deepcopy=False) if counted(one)]

    @property
    def trials(self) -> dict[str, Trial]:
        """All trials by their number."""
        found = (trial_of(one, self.space) for one in self.frozen())
        return {trial.trial_id: trial for trial in found}

    def get_trial(self, trial_id: str) -> Trial:
        """Return one trial. Raises KeyError for none of them."""
        return self.trials[trial_id]

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """Return the completed trials with the best scores, best first."""
        done = [trial for trial in self.trials.values() if trial.status == "COMPLETED" and trial.score is not None]
        sign = 1 if self.objective.direction == "min" else -1
        return sorted(done, key=lambda trial: sign * (trial.score or 0.0))[:num_trials]

    def get_space(self) -> HyperParameters:
        """Return all hyperparameters that are known, with their defaults."""
        new = HyperParameters()
        new.merge(self.space)
        return new
