"""The tuners that users name: at random, all combinations, successive halving, and by a model of what was good."""

from __future__ import annotations

import math
from typing import Any

from lamina.core.errors import check_positive_int, warn_user
from lamina.tuner.parameters import Fixed, Parameter
from lamina.tuner.store import optuna
from lamina.tuner.tuner import Tuner


class RandomSearch(Tuner):
    """Draws each hyperparameter at random; values that were tried before are drawn anew. Arguments: see `Tuner`."""


class GridSearch(Tuner):
    """Tries all combinations: each step of a range, ten values of one without steps. Arguments: see `Tuner`.

    `max_trials` is the most of them; default None: all. Differs from Keras Tuner: the order is not sorted.
    """

    def __init__(
        self, hypermodel: Any = None, objective: Any = None, max_trials: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(hypermodel, objective, 10**9 if max_trials is None else max_trials, **kwargs)

    def _sampler(self, seed: int | None) -> Any:
        return _grid_sampler()(seed)

    def _suggest(self, parameter: Parameter, trial: Any) -> Any:
        values = parameter.values()
        if isinstance(parameter, Fixed) or len(values) == 1:
            return values[0]
        return values[trial.suggest_int(f"{parameter.key} (number)", 0, len(values) - 1)]

    def _exhausted(self) -> bool:
        return bool(self.oracle.study.user_attrs.get("exhausted"))


def _grid_sampler() -> Any:
    class GridSampler(optuna().samplers.BruteForceSampler):  # type: ignore[misc]  # imported when used
        """Notes in the study that every combination was tried, where Optuna would stop its own loop."""

        def after_trial(self, study: Any, trial: Any, state: Any, values: Any) -> None:
            try:
                super().after_trial(study, trial, state, values)
            except RuntimeError:  # `study.stop` outside of `study.optimize`
                study.set_user_attr("exhausted", True)

    return GridSampler


class Hyperband(Tuner):
    """Trains many models for few epochs and the promising ones for more: Li et al., 2018, by Optuna's pruner.

    Differs from Keras Tuner: a model is stopped where it is not promising, so none is trained a second time.

    Args:
        max_epochs: The most epochs of a model.
        factor: Of `factor` models one goes on, for `factor` times the epochs.
        hyperband_iterations: How often the whole is repeated.
        **kwargs: See `Tuner`; there is no `max_trials`.
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_epochs: int = 100,
        factor: int = 3,
        hyperband_iterations: int = 1,
        **kwargs: Any,
    ) -> None:
        where = f"{type(self).__name__}: "
        self.max_epochs = check_positive_int("max_epochs", max_epochs, where)
        self.factor = check_positive_int("factor", factor, where, 2)
        self.hyperband_iterations = check_positive_int("hyperband_iterations", hyperband_iterations, where)
        trials = self.hyperband_iterations * sum(self._sizes())
        super().__init__(hypermodel, objective, trials, **kwargs)

    def _sizes(self) -> list[int]:
        """Models that each bracket begins with, as Keras Tuner counts them."""
        brackets, epochs = 0, float(self.max_epochs)
        while epochs >= 1:
            epochs, brackets = epochs / self.factor, brackets + 1
        last = math.ceil(1 + math.log(self.max_epochs, self.factor))
        return [math.ceil(last / (bracket + 1) * self.factor**bracket) for bracket in range(brackets)]

    def _pruner(self) -> Any:
        return optuna().pruners.HyperbandPruner(
            min_resource=1, max_resource=self.max_epochs, reduction_factor=self.factor
        )

    def run_trial(self, trial: Any, *fit_args: Any, **fit_kwargs: Any) -> Any:
        """Train for `max_epochs`, unless the trial is stopped before."""
        return super().run_trial(trial, *fit_args, **(fit_kwargs | {"epochs": self.max_epochs}))


class BayesianOptimization(Tuner):
    """Draws where a model of the trials so far expects good ones: Optuna's multivariate TPE (Bergstra et al., 2011).

    Differs from Keras Tuner: it models densities instead of a Gaussian process, so `alpha` and `beta` have no effect.

    Args:
        num_initial_points: Trials at random before that. Default None: three for each hyperparameter.
        **kwargs: See `Tuner`.
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int = 10,
        num_initial_points: int | None = None,
        alpha: float | None = None,
        beta: float | None = None,
        **kwargs: Any,
    ) -> None:
        if alpha is not None or beta is not None:
            warn_user("BayesianOptimization: alpha and beta have no effect: there is no Gaussian process here.")
        self.num_initial_points = num_initial_points and check_positive_int(
            "num_initial_points", num_initial_points, f"{type(self).__name__}: "
        )
        super().__init__(hypermodel, objective, max_trials, **kwargs)

    def _sampler(self, seed: int | None) -> Any:
        tuned = [one for one in self.oracle.space.space if not isinstance(one, Fixed)]
        return optuna().samplers.TPESampler(
            n_startup_trials=self.num_initial_points or max(3, 3 * len(tuned)),
            multivariate=True,
            group=True,
            constant_liar=True,
            seed=seed,
        )
