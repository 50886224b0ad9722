"""The search: Keras Tuner's behaviour, failures, and going on after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import optuna
import pandas
import pytest

import lamina
from lamina import callbacks, layers, tuner
from lamina.tuner import (
    BayesianOptimization,
    GridSearch,
    Hyperband,
    HyperModel,
    HyperParameters,
    Objective,
    RandomSearch,
)
from tests.training.helpers import count_compilations

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)).astype("float32")
Y = (X @ [1.0, -2.0, 0.5]).astype("float32")


def build(hp):
    """A line, with a rate of learning to find."""
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile(lamina.optimizers.SGD(hp.Float("rate", 1e-4, 1e-1, sampling="log")), "mse", metrics=["mae"])
    return model


class Bowl:
    """Mixed into a tuner: the objective is a sum of squares, and nothing is trained."""

    def run_trial(self, trial, *args, **kwargs):
        hp = trial.hyperparameters
        return (hp.Float("a", -5, 5) - 1) ** 2 + (hp.Int("b", -3, 3) - 2) ** 2


class RandomBowl(Bowl, RandomSearch):
    pass


class BayesianBowl(Bowl, BayesianOptimization):
    pass


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search over the models of `build`."""
    found = RandomSearch(
        build, "val_loss", max_trials=4, seed=3, directory=tmp_path_factory.mktemp("tuner"), keep_models=2, verbose=0
    )
    found.search(X, Y, epochs=4, validation_split=0.2, callbacks=[callbacks.EarlyStopping("val_loss", patience=2)])
    return found


def test_the_best_trials_come_first_and_their_models_are_those_that_scored(searched):
    trials = searched.oracle.get_best_trials(4)
    assert len(searched.oracle.trials) == 4
    assert [t.score for t in trials] == sorted(t.score for t in trials)
    assert all(t.score == t.metrics["val_loss"] for t in trials)
    for model, trial in zip(searched.get_best_models(2), trials, strict=False):
        assert model.evaluate(X[-12:], Y[-12:], verbose=0)[0] == pytest.approx(trial.score, rel=1e-5)
        assert float(model.optimizer.learning_rate) == pytest.approx(trial.hyperparameters["rate"])
    assert searched.get_best_hyperparameters()[0].values == trials[0].hyperparameters.values
    with pytest.raises(ValueError, match="3 models asked for, and the weights of 2 are kept"):
        searched.get_best_models(3)
    kept = sorted(path.parent.name for path in Path(searched.project_dir).glob("*/checkpoint.weights.h5"))
    assert kept == sorted(f"trial_{t.trial_id}" for t in trials[:2])


def test_results_are_a_table_and_summaries_are_printed(searched, capsys):
    table = pandas.DataFrame(searched.results())
    assert list(table["trial"]) == ["0000", "0001", "0002", "0003"]
    assert {"score", "status", "hp.rate", "loss", "val_mae"} <= set(table.columns)
    searched.results_summary(1)
    searched.search_space_summary()
    text = capsys.readouterr().out
    assert f"Trial {searched.oracle.get_best_trials()[0].trial_id}: completed" in text
    assert "rate (Float): min_value=0.0001, max_value=0.1, sampling=log" in text


def test_the_same_lines_again_repeat_nothing(searched):
    again = RandomSearch(build, "val_loss", max_trials=4, seed=3, directory=searched.directory, verbose=0)
    assert again.remaining_trials == 0
    again.search(X, Y, epochs=4, validation_split=0.2)
    before = searched.results()
    assert again.results() == before
    more = RandomSearch(build, "val_loss", max_trials=5, seed=3, directory=searched.directory, verbose=0)
    more.search(X, Y, epochs=1, validation_split=0.2)
    assert more.results()[:4] == before
    assert len(more.results()) == 5


def test_another_search_in_the_project_is_refused_unless_it_is_overwritten(searched, tmp_path):
    with pytest.raises(tuner.StoreError, match=r"objective.direction was 'min' and is 'max'"):
        RandomSearch(build, Objective("val_loss", "max"), directory=searched.directory).search(X, Y)
    given = HyperParameters()
    given.Choice("rate", [0.1, 0.2])
    with pytest.raises(
        tuner.StoreError, match=r"trials of another search: space\.rate\.class_name was 'Float' and is 'C"
    ):
        RandomSearch(build, "val_loss", hyperparameters=given, directory=searched.directory).search(X, Y)
    first = RandomBowl(max_trials=2, directory=tmp_path, verbose=0)
    first.search()
    new = RandomBowl(max_trials=1, directory=tmp_path, overwrite=True, verbose=0)
    assert new.remaining_trials == 1


def test_a_search_that_came_to_nothing_does_not_stand_in_the_way(tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'loss'"):
        RandomSearch(build, Objective("los", "min"), max_trials=1, directory=tmp_path, verbose=0).search(X, Y)
    mended = RandomSearch(build, "loss", max_trials=1, directory=tmp_path, verbose=0)
    mended.search(X, Y)
    assert len(mended.oracle.trials) == 1


def test_given_hyperparameters_are_used_and_others_have_their_defaults(tmp_path):
    given = HyperParameters()
    given.Choice("a", [0.5, 1.5])
    bowl = RandomBowl(
        max_trials=9, hyperparameters=given, tune_new_entries=False, directory=tmp_path, seed=0, verbose=0
    )
    bowl.search()
    assert {(t.hyperparameters["a"], t.hyperparameters["b"]) for t in bowl.oracle.trials.values()} == {
        (0.5, -3),
        (1.5, -3),
    }
    with pytest.raises(ValueError, match="allow_new_entries=False, and the model asks for 'rate'"):
        RandomSearch(
            build, "val_loss", hyperparameters=given, allow_new_entries=False, directory=tmp_path / "n"
        ).search(X)


def test_a_seed_repeats_the_draws_also_after_a_break(tmp_path):
    def values(folder, *numbers):
        for number in numbers:
            bowl = RandomBowl(max_trials=number, seed=5, directory=tmp_path / folder, verbose=0)
            bowl.search()
        return [t.hyperparameters.values for t in bowl.oracle.trials.values()]

    whole = values("whole", 6)
    assert values("broken", 2, 5, 6) == whole
    assert len({str(v) for v in whole}) == 6


def test_every_combination_of_a_grid_is_tried_once(tmp_path):
    class Grid(GridSearch):
        def run_trial(self, trial, *args, **kwargs):
            hp = trial.hyperparameters
            kind = hp.Choice("kind", ["x", "y"])
            size = hp.Int("size", 1, 3)
            with hp.conditional_scope("kind", "y"):
                deep = hp.Boolean("deep")
            return size + (kind == "y") + bool(deep)

    grid = Grid(directory=tmp_path, verbose=0)
    grid.search()
    found = sorted(tuple(t.hyperparameters.values.values()) for t in grid.oracle.trials.values())
    assert found == sorted([("x", 1), ("x", 2), ("x", 3), *(("y", s, d) for s in (1, 2, 3) for d in (True, False))])
    grid.search()  # nothing is left
    assert len(grid.oracle.trials) == 9


def test_a_space_that_is_used_up_ends_a_random_search(tmp_path, capsys):
    def two(hp):
        model = build(HyperParameters())
        hp.Boolean("flag")
        return model

    few = RandomSearch(two, "loss", max_trials=10, seed=0, directory=tmp_path)
    few.search(X, Y, epochs=1)
    assert len(few.oracle.trials) == 2
    assert "nothing new is left in this space" in capsys.readouterr().out


def test_bayesian_optimization_finds_the_bottom_of_a_bowl_sooner_than_chance(tmp_path):
    def best(kind, seed):
        bowl = kind(max_trials=24, seed=seed, storage=optuna.storages.InMemoryStorage(), directory=tmp_path, verbose=0)
        bowl.search()
        return bowl.oracle.get_best_trials()[0].score

    bayesian, chance = ([best(kind, seed) for seed in range(3)] for kind in (BayesianBowl, RandomBowl))
    assert np.median(bayesian) < np.median(chance)
    with pytest.warns(UserWarning, match="alpha and beta have no effect"):
        BayesianBowl(beta=2.6, directory=tmp_path)


def test_hyperband_gives_most_epochs_to_the_best(tmp_path):
    class Halving(HyperModel):
        def build(self, hp):
            return build(hp)

    band = Hyperband(Halving(), "val_loss", max_epochs=9, factor=3, seed=1, directory=tmp_path, verbose=0)
    assert band.max_trials == 9 * 1 + 5 + 3  # as Keras Tuner has it: 3 / 3 * 9, 3 / 2 * 3 rounded up, 3
    band.search(X, Y, validation_split=0.2)
    trials = list(band.oracle.trials.values())
    states = {t.status for t in trials}
    assert len(trials) == 17
    assert states == {"COMPLETED", "STOPPED"}
    steps = {t.number: len(t.intermediate_values) for t in band.oracle.frozen()}
    assert max(steps.values()) == 9
    assert min(steps.values()) < 9
    assert steps[int(band.oracle.get_best_trials()[0].trial_id)] == 9


def test_executions_are_averaged_and_return_values_of_all_kinds_are_taken(tmp_path):
    answers = iter([[{"cost": 1.0}, {"cost": 3.0}], {"cost": 5}, 7])

    class Given(RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            trial.hyperparameters.Float("a", 0, 1)
            return next(answers)

    found = Given(None, Objective("cost", "min"), max_trials=3, directory=tmp_path, verbose=0)
    found.search()
    assert [t.score for t in found.oracle.trials.values()] == [2.0, 5.0, 7.0]


def test_failures_are_recorded_and_the_search_goes_on_up_to_a_limit(tmp_path):
    class Fragile(RandomSearch):
        calls = 0

        def run_trial(self, trial, *args, **kwargs):
            trial.hyperparameters.Float("a", 0, 1)
            type(self).calls += 1
            if self.calls == 2:
                raise MemoryError("too large")
            if self.calls == 4:
                return float("nan")
            return 1.0

    found = Fragile(max_trials=5, directory=tmp_path / "one", verbose=0)
    found.search()
    trials = list(found.oracle.trials.values())
    assert [t.status for t in trials] == ["COMPLETED", "FAILED", "COMPLETED", "FAILED", "COMPLETED"]
    assert trials[1].message == "MemoryError: too large"
    assert trials[3].message == "the objective default_objective is nan"

    class Broken(RandomSearch):
        def run_trial(self, trial, *args, **kwargs):
            trial.hyperparameters.Float("a", 0, 1)
            raise OSError("no disk")

    broken = Broken(max_trials=9, directory=tmp_path / "two", max_consecutive_failed_trials=2, verbose=0)
    with pytest.raises(RuntimeError, match=r"2 trials in a row failed.*trial 0000: OSError: no disk; trial 0001"):
        broken.search()
    again = Broken(max_trials=9, directory=tmp_path / "three", max_retries_per_trial=1, max_consecutive_failed_trials=1)
    with pytest.raises(RuntimeError, match="1 trials in a row failed"):
        again.search()


@pytest.mark.parametrize(
    ("arguments", "fit", "error", "text"),
    [
        ({"objective": "val_accuracy"}, {}, ValueError, "'val_accuracy' is not among the values.*no validation: pass"),
        (
            {"objective": "val_lss"},
            {"validation_split": 0.2},
            ValueError,
            "objective: nobody says whether less or more",
        ),
        ({"objective": Objective("val_lss", "min")}, {"validation_split": 0.2}, ValueError, "Did you mean 'val_loss'"),
        ({"hypermodel": lambda hp: None}, {}, TypeError, "expected build.hp. to return a lamina model, received None"),
        (
            {"hypermodel": lambda hp: lamina.Sequential([layers.Input((3,)), layers.Dense(1)])},
            {},
            ValueError,
            "the model is not compiled",
        ),
        ({"storage": "sqlite:////no/such/folder/x.db"}, {}, ValueError, "storage: sqlite:.* cannot be opened"),
        ({"hypermodel": 3}, {}, TypeError, "hypermodel: expected a function of hp"),
        ({"max_trials": 0}, {}, ValueError, "max_trials: expected a whole number >= 1"),
        (
            {"hypermodel": None},
            {},
            ValueError,
            "hypermodel: expected a function of hp or a HyperModel, unless run_trial",
        ),
        ({"tune_new_entries": False}, {}, ValueError, "tune_new_entries=False needs hyperparameters"),
    ],
)
def test_what_cannot_be_searched_is_told_before_the_first_trial(tmp_path, arguments, fit, error, text):
    with pytest.raises(error, match=f"(?s){text}"):
        RandomSearch(**{"hypermodel": build, "objective": "loss", "directory": tmp_path} | arguments).search(
            X, Y, **fit
        )
    database = tmp_path / "untitled_project" / "study.db"
    if database.exists():
        study = optuna.load_study(study_name="untitled_project", storage=f"sqlite:///{database}")
        assert not [t for t in study.trials if t.state.name == "COMPLETE"]


KILLED = """
import sys, time
from lamina.tuner import RandomSearch
class Slow(RandomSearch):
    def run_trial(self, trial, *args, **kwargs):
        a = trial.hyperparameters.Float("a", 0, 1)
        print(a, flush=True)
        time.sleep(0.1)
        return a
search = Slow(max_trials=6, seed=1, directory=sys.argv[1], verbose=0)
search.search()
print("end")
"""


def test_a_search_that_was_killed_goes_on_and_tries_the_interrupted_trial_once(tmp_path):
    whole = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "a"], capture_output=True, text=True, timeout=120)
    expected = whole.stdout.split()[:-1]
    assert len(expected) == 6
    with subprocess.Popen([sys.executable, "-c", KILLED, tmp_path / "b"], stdout=subprocess.PIPE, text=True) as process:
        seen = [process.stdout.readline().strip() for _ in range(3)]
        os.kill(process.pid, signal.SIGKILL)
    rest = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "b"], capture_output=True, text=True, timeout=120)
    again = rest.stdout.split()
    assert again[-1] == "end"
    assert seen == expected[:3]
    assert again[0] == expected[2]  # the one that was interrupted
    assert len(again) - 1 == 4
    study = optuna.load_study(
        study_name="untitled_project", storage=f"sqlite:///{tmp_path}/b/untitled_project/study.db"
    )
    assert [t.state.name for t in study.trials].count("COMPLETE") == 6


def test_ctrl_c_leaves_a_search_that_goes_on(tmp_path):
    class Stopped(RandomBowl):
        stop = True

        def run_trial(self, trial, *args, **kwargs):
            value = super().run_trial(trial)
            if trial.trial_id == "0002" and self.stop:
                raise KeyboardInterrupt
            return value

    first = Stopped(max_trials=5, seed=2, directory=tmp_path, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        first.search()
    assert len(first.oracle.trials) == 2
    Stopped.stop = False
    second = Stopped(max_trials=5, seed=2, directory=tmp_path, verbose=0)
    second.search()
    assert len(second.oracle.trials) == 5
    assert all(t.status == "COMPLETED" for t in second.oracle.trials.values())


def test_a_timeout_ends_a_search_after_the_trial_that_runs(tmp_path):
    class Slow(RandomBowl):
        def run_trial(self, trial, *args, **kwargs):
            time.sleep(0.05)
            return super().run_trial(trial)

    slow = Slow(max_trials=1000, directory=tmp_path, verbose=0)
    slow.reload()  # opening the study takes its time, too
    slow.search(timeout=0.5)
    assert 1 <= len(slow.oracle.trials) < 20


def several(hp):
    """Networks of several architectures and optimizers."""
    model = lamina.Sequential([layers.Input((3,)), layers.Dense(hp.Choice("units", [3, 5]), "tanh"), layers.Dense(1)])
    rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
    optimizer = {"adagrad": lamina.optimizers.Adagrad, "adam": lamina.optimizers.Adam}[
        hp.Choice("kind", ["adam", "adagrad"])
    ]
    model.compile(optimizer(rate), "mse", metrics=["mae"])
    return model


def test_trials_of_one_architecture_compile_once_and_have_the_numbers_of_separate_runs(tmp_path):
    alone = RandomSearch(several, "loss", max_trials=7, seed=0, directory=tmp_path / "alone", verbose=0)
    alone._programs.model = lambda new: new
    alone.search(X, Y, epochs=3)
    shared = RandomSearch(several, "loss", max_trials=7, seed=0, directory=tmp_path, verbose=0)
    with count_compilations() as compiled:
        shared.search(X, Y, epochs=3)
    assert [t.metrics for t in shared.oracle.trials.values()] == [t.metrics for t in alone.oracle.trials.values()]
    programs = {(t.hyperparameters["units"], t.hyperparameters["kind"]) for t in shared.oracle.trials.values()}
    assert 1 < len(programs) < 7
    assert len(compiled) == len(programs)


def test_models_whose_programs_may_differ_are_not_shared():
    def model(*hidden, loss="mse", **settings):
        made = lamina.Sequential([layers.Input((3,)), *hidden, layers.Dense(1)])
        made.compile(lamina.optimizers.SGD(**settings), loss)
        return made

    def shares(first, second):
        programs = tuner.sharing.Programs()
        return programs.model(first) is first and programs.model(second) is first

    assert shares(model(learning_rate=0.1), model(learning_rate=0.2))
    assert not shares(model(momentum=0.1), model(momentum=0.2))
    assert not shares(model(layers.Dense(2)), model(layers.Dense(3)))
    assert not shares(model(layers.Dropout(0.2)), model(layers.Dropout(0.2)))
    assert not shares(model(loss=lambda y, p: (y - p) ** 2), model(loss=lambda y, p: (y - p) ** 4))
    assert not shares(model(layers.Lambda(lambda x: x)), model(layers.Lambda(lambda x: 2 * x)))
    frozen = model()
    frozen.layers[0].trainable = False
    assert not shares(model(), frozen)


def test_no_weights_are_kept_where_none_are_wanted(tmp_path):
    found = RandomSearch(build, "loss", max_trials=2, keep_models=0, directory=tmp_path, seed=0, verbose=0)
    found.search(X, Y, epochs=1)
    assert [t.status for t in found.oracle.trials.values()] == ["COMPLETED"] * 2
    assert not list(tmp_path.rglob("*.h5"))


def test_batch_size_and_epochs_may_be_tuned(tmp_path):
    seen = []

    class Fit(HyperModel):
        def build(self, hp):
            hp.batch_size([10, 30])
            hp.epochs(2, 3)
            return build(hp)

        def fit(self, hp, model, *args, **kwargs):
            history = super().fit(hp, model, *args, **kwargs)
            seen.append(
                (hp["batch_size"], hp["epochs"], len(history.epoch), history.params["steps"] * hp["batch_size"])
            )
            return history

    RandomSearch(Fit, "loss", max_trials=3, seed=0, directory=tmp_path, verbose=0).search(X, Y)
    assert all(epochs == trained and rows == 60 for _, epochs, trained, rows in seen)
