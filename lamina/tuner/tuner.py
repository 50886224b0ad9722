"""`Tuner`: the search itself; the tuners that users name differ in how they draw values (`tuners.py`)."""

from __future__ import annotations

import gc
import json
import math
import shutil
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

import lamina
from lamina.core.errors import check_positive_int
from lamina.core.naming import own_names
from lamina.files import open_file, parse_json, replacing, to_json
from lamina.tuner.execution import ObjectiveMissing, TrialCallback, copies
from lamina.tuner.hypermodel import as_hypermodel
from lamina.tuner.hyperparameters import HyperParameters
from lamina.tuner.objective import RETURNED, as_objective, best_of
from lamina.tuner.parameters import Parameter
from lamina.tuner.sharing import Programs
from lamina.tuner.store import is_gone, open_storage, open_study, optuna, this_worker
from lamina.tuner.trials import UNCOUNTED, Oracle, Trial, result_of

BUILT = "build.json"  # the input's shape, of models that do not say it themselves
_DUPLICATES = 20  # trials in a row that were tried before, after which nothing new is to be found


class Tuner:
    """Base of the tuners: builds, trains and scores models with hyperparameters that it draws.

    A search that was broken off goes on where it stood when the same lines run again: finished trials stay, one that
    was interrupted is tried again once. Trials are kept in an Optuna study: SQLite in `directory/project_name`, or
    another `storage` that several workers share.

    Args:
        hypermodel: A function of `hp` that returns a compiled model, or a `HyperModel`. May be None where `run_trial`
            is overridden.
        objective: Name of a value in the epochs' logs, an `Objective`, or a list of them (summed up). Default None:
            the number that `HyperModel.fit` or `run_trial` returns, to be small.
        max_trials: Trials in all, those before an interruption included.
        executions_per_trial: Models trained for each trial; its score is their mean.
        max_retries_per_trial: How often a trial that raised is tried again.
        max_consecutive_failed_trials: Failed trials in a row that end the search.
        seed: Of the draws and of each trial's weights. Default None: different each time.
        hyperparameters: Those that take the place of what the model asks for, and others to know in advance.
        tune_new_entries: Whether hyperparameters that are not in `hyperparameters` are tuned; else they have their
            defaults.
        allow_new_entries: Whether there may be such.
        overwrite: Whether an older project of the name is deleted.
        directory: Default ".".
        project_name: Default "untitled_project".
        storage: URL of a database or of a journal file (`journal:///path`), or an Optuna storage.
        keep_models: How many of the best trials keep their weights on disk.
        max_model_size: Parameters that a model may have; a larger one fails.
        optimizer, loss, metrics: Take the place of what the model was compiled with.
        verbose: 0 prints nothing, 1 a line for each trial.

    Raises:
        ValueError, TypeError: an argument out of range. ImportError: Optuna is not installed.
    """

    default_objective: Any = None

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int = 10,
        *,
        executions_per_trial: int = 1,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        seed: int | None = None,
        hyperparameters: HyperParameters | None = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        overwrite: bool = False,
        directory: Any = None,
        project_name: str | None = None,
        storage: Any = None,
        keep_models: int = 10,
        max_model_size: int | None = None,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        verbose: int = 1,
    ) -> None:
        optuna()
        where = f"{type(self).__name__}: "
        if hypermodel is None and type(self).run_trial is Tuner.run_trial:
            raise ValueError(
                f"{where}hypermodel: expected a function of hp or a HyperModel, unless run_trial is overridden."
            )
        self.hypermodel = None if hypermodel is None else as_hypermodel(hypermodel)
        self._wanted = objective
        self.max_trials = check_positive_int("max_trials", max_trials, where)
        self.executions_per_trial = check_positive_int("executions_per_trial", executions_per_trial, where)
        self.max_retries_per_trial = check_positive_int("max_retries_per_trial", max_retries_per_trial, where, 0)
        self.max_consecutive_failed_trials = check_positive_int(
            "max_consecutive_failed_trials", max_consecutive_failed_trials, where
        )
        self.seed = None if seed is None else check_positive_int("seed", seed, where, 0)
        if not (tune_new_entries or hyperparameters):
            raise ValueError(f"{where}tune_new_entries=False needs hyperparameters: there is nothing to tune else.")
        if not (allow_new_entries or hyperparameters):
            raise ValueError(f"{where}allow_new_entries=False needs hyperparameters.")
        self._given = HyperParameters() if hyperparameters is None else hyperparameters.overriding()
        self.tune_new_entries, self.allow_new_entries = tune_new_entries, allow_new_entries
        self.overwrite = overwrite
        self.directory, self.project_name = Path(directory or "."), project_name or "untitled_project"
        self._storage = storage
        self.keep_models = check_positive_int("keep_models", keep_models, where, 0)
        self.max_model_size = max_model_size
        self._compile = {"optimizer": optimizer, "loss": loss, "metrics": metrics}
        self.verbose = verbose
        self.oracle = Oracle(RETURNED)
        self._programs = Programs()
        if overwrite and self._folder.exists():
            shutil.rmtree(self._folder)

    # What differs between tuners -----------------------------------------------------------------------------------

    def _sampler(self, seed: int | None) -> Any:
        """Optuna's sampler for the next trial."""
        return optuna().samplers.RandomSampler(seed)

    def _pruner(self) -> Any:
        """Optuna's pruner; None where trials are never stopped early."""
        return None

    def _suggest(self, parameter: Parameter, trial: Any) -> Any:
        """Draw a hyperparameter."""
        return parameter.suggest(trial)

    def _exhausted(self) -> bool:
        """Whether there is nothing left to try."""
        return False

    # The search -----------------------------------------------------------------------------------------------------

    def search(self, *fit_args: Any, timeout: float | None = None, **fit_kwargs: Any) -> None:
        """Try hyperparameters until there are `max_trials` trials.

        Args:
            *fit_args, **fit_kwargs: What `fit` takes. Each trial gets copies of the callbacks.
            timeout: Seconds after which no further trial begins. Default None.

        Raises:
            ValueError: the objective is not among the values that the model reports, or its direction cannot be told;
                the project belongs to another search; the model is not compiled. All of these come before the first
                trial has been trained.
            RuntimeError: too many trials failed in a row; the reasons are named.
        """
        end = math.inf if timeout is None else time.monotonic() + timeout
        self.reload()
        self._retry_interrupted()
        duplicates = 0
        while len(self.oracle.frozen()) < self.max_trials and time.monotonic() < end and not self._exhausted():
            known = duplicates
            duplicates = 0 if self._run_next(fit_args, fit_kwargs) else known + 1
            if duplicates >= _DUPLICATES:
                self._say(f"The last {_DUPLICATES} draws were tried before: nothing new is left in this space.")
                break
            self._stop_after_failures()

    def reload(self) -> None:
        """Open the project's trials, of this search or of one that was broken off; `search` does it by itself.

        Raises:
            ValueError: as `search`, before the first trial.
        """
        if self.oracle.study is not None:
            return
        space, model = self._first_model()
        objective = as_objective(self._wanted, model)
        self.oracle.objective, self.oracle.space = objective, space
        search = {
            "objective": {"name": objective.name, "direction": objective.direction},
            "space": {one.key: one.get_config() for one in space.space},
        }
        storage = open_storage(self._storage, self._folder)
        minimize = objective.direction == "min"
        self.oracle.study = open_study(storage, self.project_name, self.overwrite, minimize, search)
        pruner = self._pruner()
        self.oracle.study.pruner = pruner or optuna().pruners.NopPruner()

    def _first_model(self) -> tuple[HyperParameters, Any]:
        """The search space as a model with the defaults shows it, and that model."""
        hp = self._given.copy()
        if self.hypermodel is None:
            return hp, None
        model = self._build(hp)
        known = {one.key for one in self._given.space}
        new = [one.name for one in hp.space if one.key not in known]
        if new and not self.allow_new_entries:
            raise ValueError(f"allow_new_entries=False, and the model asks for {', '.join(map(repr, new))}.")
        return hp, model

    def _build(self, hp: HyperParameters) -> Any:
        with own_names():
            model = self.hypermodel.build(hp)  # type: ignore[union-attr]  # of `run_trial` as it is here
        if not isinstance(model, lamina.Model):
            raise TypeError(
                f"{self.hypermodel.name or 'the hypermodel'}: expected build(hp) to return a lamina model, received "  # type: ignore[union-attr]
                f"{type(model).__name__}."
            )
        replaced = {name: value for name, value in self._compile.items() if value is not None}
        if replaced:
            settings = dict(model._compile_config or {}) | replaced
            model.compile(**settings)
        if not model.compiled:
            raise ValueError(
                "the model is not compiled: call model.compile(...) in build(hp), or give the tuner an optimizer and a "
                "loss."
            )
        return model

    def _run_next(self, fit_args: tuple[Any, ...], fit_kwargs: dict[str, Any]) -> bool:
        """Run one trial; False if its values were tried before."""
        study = self.oracle.study
        seed = None if self.seed is None else (self.seed * 1_000_003 + len(study.get_trials(deepcopy=False))) % 2**32
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna warns of what it calls experimental, and has had for years
            study.sampler = self._sampler(seed)
        trial = study.ask()
        trial.set_user_attr("worker", this_worker())
        if sum(one.number <= trial.number for one in self.oracle.frozen()) > self.max_trials:
            self._drop(trial, "beyond max_trials")  # another worker was faster
            return True
        began = time.perf_counter()
        result: dict[str, Any] = {}
        try:
            state, score = self._attempt(trial, result, fit_args, fit_kwargs)
        except _Duplicate:
            self._drop(trial, "these values were tried before")
            return False
        except BaseException:
            self._drop(trial, "interrupted", again=True)
            raise
        result["seconds"] = time.perf_counter() - began
        trial.set_user_attr("result", json.dumps(result))
        study.tell(trial, score, state)
        self._report(trial, state, score, result)
        gc.collect()  # models refer to themselves, and would stay for long
        return True

    def _attempt(
        self, trial: Any, result: dict[str, Any], fit_args: tuple[Any, ...], fit_kwargs: dict[str, Any]
    ) -> tuple[Any, float | None]:
        """Run a trial, several times if it raises; returns Optuna's state and the score, fills the result."""
        states = optuna().trial.TrialState
        for attempt in range(1 + self.max_retries_per_trial):
            try:
                score = self._score(trial, result, fit_args, fit_kwargs)
            except optuna().TrialPruned:
                return states.PRUNED, None
            except (ObjectiveMissing, _Duplicate):
                raise
            except Exception as error:  # noqa: BLE001 - whatever a user's model raises is recorded with its trial
                result["reason"] = f"{type(error).__name__}: {error}"
                result["traceback"] = traceback.format_exc()[-4000:]
                self._say(f"Trial {trial.number:04d}, attempt {attempt + 1}: {result['reason']}")
                continue
            if math.isfinite(score):
                return states.COMPLETE, score
            result["reason"] = f"the objective {self.oracle.objective.name} is {score}"
        return states.FAIL, None

    def _score(
        self, trial: Any, result: dict[str, Any], fit_args: tuple[Any, ...], fit_kwargs: dict[str, Any]
    ) -> float:
        """Run a trial once; returns its score."""
        hp = self._given.copy().draw_with(lambda parameter: self._draw(parameter, trial))
        view = Trial(f"{trial.number:04d}", hp)
        view.frozen = trial  # type: ignore[attr-defined]  # what `run_trial` tells Optuna
        try:
            results = self.run_trial(view, *fit_args, **fit_kwargs)
        finally:
            result["values"] = dict(hp.values)
            self.oracle.space.merge(hp, overwrite=False)
        result["metrics"], result["best_step"] = best_of(results, self.oracle.objective)
        return self.oracle.objective.get_value(result["metrics"])

    def _draw(self, parameter: Parameter, trial: Any) -> Any:
        new = parameter.key not in {one.key for one in self._given.space}
        if new and not self.tune_new_entries:
            return parameter.initial
        return self._suggest(parameter, trial)

    def run_trial(self, trial: Trial, *fit_args: Any, **fit_kwargs: Any) -> Any:
        """Build, train and score a model with `trial.hyperparameters`; to be overridden for anything else.

        Returns: a `History`, a dict of metrics, the objective's value, or a list of these, one for each execution.
        """
        callbacks = fit_kwargs.pop("callbacks", None)
        fit_kwargs.setdefault("verbose", 0)
        told = getattr(trial, "frozen", None) if self._pruner() is not None else None
        watch = TrialCallback(self.oracle.objective, told)
        results = []
        for execution in range(self.executions_per_trial):
            if self.seed is not None:
                lamina.utils.set_random_seed((self.seed * 7919 + int(trial.trial_id) * 101 + execution) % 2**32)
            model = self._programs.model(self._build(trial.hyperparameters))
            if execution == 0:
                self._refuse_duplicate(trial)
            if self.max_model_size and model.built and model.count_params() > self.max_model_size:
                raise ValueError(f"the model has {model.count_params()} parameters, more than {self.max_model_size}")
            arguments = fit_kwargs | {"callbacks": [*copies(callbacks), watch]}
            results.append(self.hypermodel.fit(trial.hyperparameters, model, *fit_args, **arguments))  # type: ignore[union-attr]
        if watch.restore(model):
            self._keep(trial, model, watch.best)
        return results

    def _refuse_duplicate(self, trial: Trial) -> None:
        values = trial.hyperparameters.values
        for other in self.oracle.frozen():
            if other.number != int(trial.trial_id) and result_of(other).get("values") == values:
                raise _Duplicate

    def _keep(self, trial: Trial, model: Any, score: float | None) -> None:
        """Write a model's weights, if it is among the best so far."""
        if self.keep_models == 0 or score is None:
            return
        path = self._weights(trial.trial_id)
        better = self.oracle.get_best_trials(self.keep_models)
        worst = better[-1].score if len(better) == self.keep_models else None
        if worst is not None and not self.oracle.objective.better_than(score, worst):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save_weights(path)
        with replacing(path.with_name(BUILT)) as stream:
            stream.write(to_json(model.get_build_config()))
        for other in better[self.keep_models - 1 :]:
            shutil.rmtree(self._weights(other.trial_id).parent, ignore_errors=True)

    def _report(self, trial: Any, state: Any, score: float | None, result: dict[str, Any]) -> None:
        if not self.verbose:
            return
        best = self.oracle.get_best_trials(1)
        text = state.name.lower() if score is None else f"{self.oracle.objective.name}: {score:.5g}"
        tail = f"; best so far: {best[0].score:.5g} (trial {best[0].trial_id})" if best else ""
        done = len(self.oracle.frozen())
        self._say(f"Trial {done} of {self.max_trials} in {result['seconds']:.1f} s: {text}{tail}")

    def _drop(self, trial: Any, why: str, again: bool = False) -> None:
        """End a trial that does not count."""
        trial.set_user_attr(UNCOUNTED, why)
        if again:
            self._again(trial.params, trial.user_attrs, trial.number)
        self.oracle.study.tell(trial, state=optuna().trial.TrialState.FAIL)

    def _again(self, params: dict[str, Any], attributes: dict[str, Any], number: int) -> None:
        self.oracle.study.enqueue_trial(params, user_attrs={"again": number, "before": attributes.get("again")})

    def _retry_interrupted(self) -> None:
        """Let trials of workers that are gone be tried again, each once."""
        states = optuna().trial.TrialState
        study = self.oracle.study
        for frozen in study.get_trials(deepcopy=False, states=(states.RUNNING,)):
            if not is_gone(frozen.user_attrs.get("worker", {})):
                continue
            storage, number = study._storage, frozen._trial_id
            storage.set_trial_user_attr(number, "result", json.dumps({"reason": "its process ended"}))
            if frozen.user_attrs.get("again") is None:
                storage.set_trial_user_attr(number, UNCOUNTED, "interrupted")
                self._again(frozen.params, frozen.user_attrs, frozen.number)
            study.tell(frozen.number, state=states.FAIL)

    def _stop_after_failures(self) -> None:
        most = self.max_consecutive_failed_trials
        last = [one for one in self.oracle.frozen() if one.state.is_finished()][-most:]
        if len(last) == most and all(one.state.name == "FAIL" for one in last):
            reasons = "; ".join(f"trial {one.number:04d}: {result_of(one).get('reason')}" for one in last)
            raise RuntimeError(f"{most} trials in a row failed, so that the search ends: {reasons}")

    def _say(self, text: str) -> None:
        if self.verbose:
            print(text, flush=True)

    # What came out -----------------------------------------------------------------------------------------------

    @property
    def project_dir(self) -> str:
        """The project's folder."""
        return str(self._folder)

    @property
    def remaining_trials(self) -> int:
        """Trials that are still to come."""
        self.reload()
        return max(0, self.max_trials - len(self.oracle.frozen()))

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[HyperParameters]:
        """Return the hyperparameters of the best trials, best first; `hypermodel.build` takes them."""
        self.reload()
        return [trial.hyperparameters for trial in self.oracle.get_best_trials(num_trials)]

    def get_best_models(self, num_models: int = 1) -> list[Any]:
        """Return the best models with the weights of their best epoch, best first.

        Raises:
            ValueError: more than the `keep_models` whose weights are on disk.
        """
        self.reload()
        if num_models > self.keep_models:
            raise ValueError(
                f"get_best_models: {num_models} models asked for, and the weights of {self.keep_models} are kept "
                "(keep_models of the tuner)."
            )
        return [self.load_model(trial) for trial in self.oracle.get_best_trials(num_models)]

    def load_model(self, trial: Trial) -> Any:
        """Return the model of a trial with the weights of its best epoch."""
        path = self._weights(trial.trial_id)
        if not path.exists():
            raise ValueError(f"trial {trial.trial_id}: its weights are not on disk ({path}).")
        model = self._build(trial.hyperparameters.copy().restore(trial.hyperparameters.values))
        if not model.built:
            with open_file(path.with_name(BUILT)) as file:
                model.build_from_config(parse_json(file.window().read(), file.path, ""))
        model.load_weights(path)
        return model

    def search_space_summary(self, extended: bool = False) -> None:
        """Print the search space as it is known so far."""
        self.reload()
        print(f"Search space: {len(self.oracle.space.space)} hyperparameters")
        for parameter in self.oracle.space.space:
            config = parameter.get_config()["config"]
            shown = {k: v for k, v in config.items() if k != "name" and (extended or v not in (None, []))}
            print(f"{parameter.name} ({type(parameter).__name__}): {', '.join(f'{k}={v}' for k, v in shown.items())}")

    def results_summary(self, num_trials: int = 10) -> None:
        """Print the best trials."""
        self.reload()
        objective = self.oracle.objective
        print(f"Results in {self.project_dir}: the best {num_trials} by {objective.name} ({objective.direction})")
        for trial in self.oracle.get_best_trials(num_trials):
            print(f"\n{trial.summary()}")

    def results(self) -> list[dict[str, Any]]:
        """Return a row for each trial: number, status, score, hyperparameters, metrics; `pandas.DataFrame` takes it.

        Columns of hyperparameters are called `hp.NAME`.
        """
        self.reload()
        return [
            {"trial": trial.trial_id, "status": trial.status, "score": trial.score, "seconds": trial.seconds}
            | {f"hp.{name}": value for name, value in trial.hyperparameters.values.items()}
            | trial.metrics
            | {"reason": trial.message}
            for trial in self.oracle.trials.values()
        ]

    @property
    def _folder(self) -> Path:
        return self.directory / self.project_name

    def _weights(self, trial_id: str) -> Path:
        return self._folder / f"trial_{trial_id}" / "checkpoint.weights.h5"


class _Duplicate(Exception):
    """The values of a trial were tried before."""
