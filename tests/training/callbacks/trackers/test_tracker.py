"""What is sent to a tracker, when, and how its run ends."""

from __future__ import annotations

import re
import subprocess
import sys

import optax
import pytest

import lamina
from lamina import layers
from lamina.callbacks import LambdaCallback, MLflowLogger, WandbLogger
from lamina.optimizers import SGD
from lamina.optimizers.schedules import ExponentialDecay
from lamina.training.callbacks.trackers._tracker import TrackerCallback, described
from tests.training.callbacks.helpers import line
from tests.training.helpers import regression_data

X, Y = regression_data(40)


class Notes(TrackerCallback):
    """A tracker that is a list."""

    def __init__(self, params=None, save_model=False):
        super().__init__(params, save_model)
        self.calls = []

    def start(self, params):
        self.calls.append(("start", self.run_id, params))
        self.run_id = self.run_id or "new"

    def log(self, values, epoch):
        self.calls.append(("log", epoch, values))

    def text(self, name, text):
        self.calls.append(("text", name, text))

    def file(self, path):
        self.calls.append(("file", path.name, path.stat().st_size > 0))

    def end(self, status):
        self.calls.append(("end", status))


def test_a_training_is_sent_in_order_with_its_numbers():
    notes = Notes({"data": "v2"})
    history = line().fit(X, Y, epochs=2, verbose=0, validation_split=0.2, callbacks=[notes]).history
    (_, _, params), (_, name, text), *logs, end = notes.calls
    assert params["data"] == "v2"
    assert (params["epochs"], params["steps"], params["parameters"]) == (2, 1, 5)
    assert (params["model"], params["loss"], params["metrics"]) == ("sequential", "mse", "mae")
    assert (params["optimizer"], params["optimizer.learning_rate"]) == ("SGD", pytest.approx(0.01))
    assert name == "model_summary.txt"
    assert "Trainable params: 5" in text
    assert logs == [("log", e, {name: values[e] for name, values in history.items()}) for e in range(2)]
    assert end == ("end", "finished")


def test_only_numbers_are_logged():
    notes = Notes()
    notes.on_epoch_end(0, {"loss": 0.5, "text": "x", "array": [1, 2]})
    assert notes.calls == [("log", 0, {"loss": 0.5})]


@pytest.mark.parametrize(("error", "status"), [(KeyError, "failed"), (KeyboardInterrupt, "killed")])
def test_a_training_that_raises_is_told_so(error, status):
    notes = Notes(save_model=True)

    def stop(epoch, logs):
        raise error

    with pytest.raises(error):
        line().fit(X, Y, verbose=0, callbacks=[notes, LambdaCallback(on_epoch_end=stop)])
    assert notes.calls[-1] == ("end", status)
    assert not any(call[0] == "file" for call in notes.calls)


def test_a_training_while_an_error_is_being_handled_has_not_failed():
    notes = Notes()
    try:
        raise KeyError
    except KeyError:
        line().fit(X, Y, verbose=0, callbacks=[notes])
    assert notes.calls[-1] == ("end", "finished")


def test_the_trained_model_is_sent_if_asked_for():
    notes = Notes(save_model=True)
    line().fit(X, Y, verbose=0, callbacks=[notes])
    assert notes.calls[-2:] == [("file", "model.keras", True), ("end", "finished")]


def test_a_resumed_training_goes_on_in_its_run(tmp_path):
    fit = {"epochs": 4, "verbose": 0, "resume": tmp_path / "run"}
    first, second, third = Notes(), Notes(), Notes()

    def stop(epoch, logs):
        if epoch == 2:
            raise KeyError

    with pytest.raises(KeyError):
        line().fit(X, Y, callbacks=[first, LambdaCallback(on_epoch_begin=stop)], **fit)
    line().fit(X, Y, callbacks=[second], **fit)
    line().fit(X, Y, callbacks=[third], **fit)  # it has ended
    assert [call[1] for call in first.calls if call[0] in ("start", "log")] == [None, 0, 1]
    assert [call[1] for call in second.calls if call[0] in ("start", "log")] == ["new", 2, 3]
    assert third.calls == []


def test_each_training_is_a_run():
    notes = Notes()
    model = line()
    for _ in range(2):
        model.fit(X, Y, verbose=0, callbacks=[notes])
    assert [call[1] for call in notes.calls if call[0] == "start"] == [None, None]


@pytest.mark.parametrize(
    ("optimizer", "loss", "expected"),
    [
        (SGD(ExponentialDecay(0.1, 5, 0.5)), "mse", {"optimizer.learning_rate": "ExponentialDecay", "loss": "mse"}),
        (optax.sgd(0.1), lamina.losses.Huber(), {"optimizer": "OptaxOptimizer", "loss": "huber_loss"}),
        ("adam", lambda y, p: (y - p) ** 2, {"loss": "<lambda>", "optimizer.beta_1": 0.9, "optimizer.amsgrad": False}),
        ("sgd", {"out": "mae"}, {"loss": "out: mae"}),
        ("sgd", ["mae"], {"loss": "mae"}),
    ],
)
def test_losses_and_optimizers_of_every_form_are_described(optimizer, loss, expected):
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(1, name="out")])
    model.compile(optimizer, loss)
    told = described(model, {"epochs": 1, "steps": None})
    assert {name: told[name] for name in expected} == expected
    assert all(isinstance(value, (str, int, float, bool)) for value in told.values())
    assert "steps" not in told


@pytest.mark.parametrize(("kind", "package"), [(MLflowLogger, "mlflow"), (WandbLogger, "wandb")])
def test_a_missing_package_is_named_with_the_way_to_install_it(kind, package, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    message = f"{kind.__name__} needs {package}. Install it: pip install 'lamina[{package}]'"
    with pytest.raises(ImportError, match=re.escape(message)):
        kind()


def test_the_packages_are_not_imported_with_the_callbacks():
    code = "import sys, lamina.callbacks; print(sorted({'mlflow', 'wandb', 'urllib.request'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"mlflow", "wandb"}.isdisjoint(eval(done.stdout))
