"""`fit(resume=folder)`: a training that was broken off ends with the same bits; another one is refused."""

from __future__ import annotations

import copy
import errno
import os
import random
import re
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import lamina
from lamina import layers, optimizers
from lamina.callbacks import BackupAndRestore, Callback, EarlyStopping, LambdaCallback
from lamina.core import naming
from lamina.core.random import global_state, next_seed, set_global_state
from lamina.files import FileError
from lamina.training.checkpoint import file
from lamina.training.checkpoint.fingerprint import differences
from lamina.training.checkpoint.folder import Found
from lamina.training.checkpoint.pace import Pace
from lamina.training.checkpoint.snapshot import Run, Stored
from lamina.training.prepare import prepared_program
from tests.training.helpers import class_data, classifier, regression_data, regressor

X, Y = regression_data(100)


class BreakOff(Callback):
    """Ends a training with an error at an epoch's end, or at a step."""

    def __init__(self, epoch: int, batch: int | None = None) -> None:
        self.epoch, self.batch, self.now = epoch, batch, 0
        if batch is not None:
            self.on_train_batch_end = self._batch_end

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def _batch_end(self, batch, logs=None):
        if (self.now, batch) == (self.epoch, self.batch):
            raise InterruptedError

    def on_epoch_end(self, epoch, logs=None):
        if self.batch is None and epoch == self.epoch:
            raise InterruptedError


def outcome(model: Any) -> list[bytes]:
    """All that a training ends with, bit by bit."""
    values = [*model.get_weights(), *map(np.asarray, [*model.optimizer.variables, *model.metrics_variables])]
    return [*(value.tobytes() for value in values), repr(model.history.history).encode(), str(next_seed()).encode()]


def fresh(make: Callable[..., Any], seed: int) -> Any:
    """A model as in a new process."""
    naming.clear_session()
    lamina.utils.set_random_seed(seed)
    random.seed(seed)
    return make()


def check_exact(
    tmp_path: Path, make: Callable[[], Any], fit: Callable[..., Any], breaks: list[Any], **settings: Any
) -> None:
    """Break a training off several times, in processes with other seeds, and compare its end with an unbroken one's."""
    folder = tmp_path / "run"
    whole = fresh(make, 1)
    fit(whole, resume=None, also=[])
    expected = outcome(whole)
    backup = BackupAndRestore(folder, **{"seconds": 0, "delete_checkpoint": False} | settings)
    for number, place in enumerate(breaks):
        model = fresh(make, 50 + number if folder.exists() and os.listdir(folder) else 1)
        with pytest.raises(InterruptedError):
            fit(model, resume=backup, also=[BreakOff(*place)])
    model = fresh(make, 99)
    fit(model, resume=backup, also=[])
    assert outcome(model) == expected


@pytest.mark.parametrize("places", [[(0,)], [(2,), (2,)]], ids=str)
def test_broken_off_at_the_end_of_an_epoch(tmp_path, places):
    def fit(model, resume, also):
        model.fit(X, Y, epochs=5, validation_split=0.2, callbacks=also, resume=resume, verbose=0)

    check_exact(tmp_path, regressor_unseeded, fit, places)


def regressor_unseeded() -> lamina.Sequential:
    """`regressor`, with weights and dropout that depend on the seeds of the process."""
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(8, "relu"), layers.Dropout(0.3), layers.Dense(1)])
    model.compile(optimizers.SGD(0.01, momentum=0.9), "mse")
    return model


def seeded() -> lamina.Sequential:
    """The same with the same seeds each time."""
    return fresh(regressor_unseeded, 1)


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("execution", [1, 2])
def test_broken_off_inside_of_an_epoch(tmp_path, every, execution):
    def make():
        model = regressor_unseeded()
        model.compile(optimizers.SGD(0.01, momentum=0.9), "mse", steps_per_execution=execution)
        return model

    def fit(model, resume, also):
        counts = Counts()
        counted = LambdaCallback(on_train_batch_end=lambda batch, logs: counts.add(batch, logs))
        model.fit(X, Y, batch_size=16, epochs=3, callbacks=[counts, counted, *also], resume=resume, verbose=0)

    check_exact(tmp_path, make, fit, [(0, 3), (1, 5), (2, 1)], save_freq=every)


class Counts(Callback):
    """Remembers which batches it heard of, and the last loss."""

    def on_train_begin(self, logs=None):
        self.seen: list[Any] = []

    def add(self, batch, logs):
        self.seen.append((batch, logs["loss"]))

    def on_epoch_end(self, epoch, logs=None):
        logs["seen"] = float(sum((i + 1) * b * loss for i, (b, loss) in enumerate(self.seen)))

    def get_state(self):
        return {"seen": self.seen}

    def set_state(self, state):
        self.seen = state["seen"]


def test_arrays_on_disk_and_epochs_of_other_lengths_than_the_data(tmp_path):
    x = np.memmap(tmp_path / "x", "float32", "w+", shape=X.shape)
    x[:] = X

    def fit(model, resume, also):
        model.fit(x, Y, batch_size=8, steps_per_epoch=9, epochs=4, callbacks=also, resume=resume, verbose=0)

    check_exact(tmp_path, regressor_unseeded, fit, [(0, 4), (1, 8), (2, 2)], save_freq=1)


def test_augmentation_class_weights_averages_and_early_stopping(tmp_path):
    x, y = class_data(60, features=16)

    def make():
        augment = [layers.Reshape((4, 4, 1)), layers.RandomFlip(), layers.RandomBrightness(0.2, value_range=(-5, 5))]
        hidden = [layers.Conv2D(3, 2, activation="relu"), layers.BatchNormalization(), layers.Flatten()]
        model = lamina.Sequential([layers.Input((16,)), *augment, *hidden, layers.Dense(3, "softmax")])
        schedule = optimizers.schedules.ExponentialDecay(0.05, 10, 0.9)
        adam = optimizers.Adam(schedule, use_ema=True, ema_momentum=0.8, gradient_accumulation_steps=3)
        model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def fit(model, resume, also):
        stopping = EarlyStopping(patience=2, restore_best_weights=True)
        model.fit(
            x, y, batch_size=7, epochs=12, validation_split=0.3, validation_freq=2, callbacks=[stopping, *also],
            class_weight={0: 2.0, 1: 1.0, 2: 0.5}, resume=resume, verbose=0,
        )  # fmt: skip

    check_exact(tmp_path, make, fit, [(0, 2), (3,), (4, 1)], save_freq=2)


# Streams


class Loader:
    """An iterable whose order depends on all passes before."""

    def __init__(self) -> None:
        self.rng, self.reads = np.random.default_rng(0), 0

    def __iter__(self):
        for rows in self.rng.permutation(96).reshape(-1, 16):
            self.reads += 1
            yield X[rows] + np.random.normal(size=(16, 4)).astype("float32"), Y[rows]


class Indexed:
    """Batches by number, reshuffled by hand at the end of an epoch, as Keras' `PyDataset` does."""

    def __init__(self) -> None:
        self.order = np.arange(6)

    def __len__(self):
        return 6

    def __getitem__(self, index):
        rows = slice(16 * self.order[index], 16 * self.order[index] + 16)
        return X[rows], Y[rows]

    def on_epoch_end(self):
        self.order = np.roll(self.order, 1)


def in_order():
    """A function that returns a generator."""
    for start in range(0, 96, 16):
        yield X[start : start + 16], Y[start : start + 16]


def endless():
    """A generator to be read once."""
    rng = np.random.default_rng(0)
    while True:
        rows = rng.permutation(100)[:16]
        yield X[rows], Y[rows]


@pytest.mark.parametrize(
    ("make_data", "steps"),
    [(Loader, None), (Loader, 4), (Indexed, None), (lambda: in_order, 4), (endless, 5)],
)
@pytest.mark.parametrize("make_validation", [lambda: (X, Y), Loader, endless])
def test_streams(tmp_path, make_data, steps, make_validation):
    def fit(model, resume, also):
        validation = make_validation()
        model.fit(
            make_data(), epochs=5, steps_per_epoch=steps, validation_data=validation,
            validation_steps=None if isinstance(validation, tuple) else 2, callbacks=also, resume=resume, verbose=0,
        )  # fmt: skip

    check_exact(tmp_path, regressor_unseeded, fit, [(1, 2), (3,)], save_freq=1)


def test_epochs_that_all_begin_alike_are_not_read_again(tmp_path):
    read = []

    def batches():
        read.append(0)
        for batch in in_order():
            read[-1] += 1
            yield batch

    backup = BackupAndRestore(tmp_path, seconds=0, delete_checkpoint=False)
    with pytest.raises(InterruptedError):
        seeded().fit(batches, epochs=6, callbacks=BreakOff(4), resume=backup, verbose=0)
    read.clear()
    seeded().fit(batches, epochs=6, resume=backup, verbose=0)
    assert read == [1, 6, 6]  # one batch was looked at before training


@pytest.mark.parametrize("place", [(1,), (1, 3)])
def test_a_stream_that_gives_other_batches_is_refused(tmp_path, place):
    def batches(rng):
        while True:
            rows = rng.permutation(100)[:16]
            yield X[rows], Y[rows]

    backup = BackupAndRestore(tmp_path, save_freq=1, delete_checkpoint=False)
    with pytest.raises(InterruptedError):
        seeded().fit(
            batches(np.random.default_rng(0)), steps_per_epoch=5, epochs=4, callbacks=BreakOff(*place), resume=backup,
            verbose=0,
        )  # fmt: skip
    with pytest.raises(
        ValueError, match=r"fit: resume: x: .* is another one than in the run before, so that this run c"
    ):
        seeded().fit(batches(np.random.default_rng(1)), steps_per_epoch=5, epochs=4, resume=backup, verbose=0)


# What a finished run gives


def test_a_finished_run_returns_at_once_with_everything(tmp_path):
    stopping = EarlyStopping("loss", patience=1, restore_best_weights=True)
    first = regressor(optimizer=optimizers.SGD(0.2))
    history = first.fit(X, Y, epochs=9, callbacks=stopping, resume=tmp_path, verbose=0)
    assert stopping.stopped_epoch
    heard = []
    told = {name: lambda *_, name=name: heard.append(name) for name in ("on_train_begin", "on_epoch_begin")}
    again, stopped = (
        regressor(seed=3, optimizer=optimizers.SGD(0.2)),
        EarlyStopping("loss", patience=1, restore_best_weights=True),
    )
    state = global_state()
    second = again.fit(X, Y, epochs=9, callbacks=[stopped, LambdaCallback(**told)], resume=tmp_path, verbose=0)
    assert heard == []
    assert (second.history, second.epoch) == (history.history, history.epoch)
    assert second.to_pandas().equals(history.to_pandas())
    assert again.history is second
    assert (stopped.best, stopped.stopped_epoch) == (stopping.best, stopping.stopped_epoch)
    assert all((a == b).all() for a, b in zip(first.get_weights(), again.get_weights(), strict=True))
    assert global_state()["lamina"] != state["lamina"]


def test_where_a_run_goes_on_is_told_unless_it_is_to_be_silent(tmp_path, capsys):
    backup = BackupAndRestore(tmp_path, save_freq=3, delete_checkpoint=False)
    with pytest.raises(InterruptedError):
        seeded().fit(X, Y, batch_size=20, epochs=2, callbacks=BreakOff(1, 3), resume=backup, verbose=0)
    with pytest.raises(InterruptedError):
        seeded().fit(X, Y, batch_size=20, epochs=2, callbacks=BreakOff(1), resume=backup, verbose=2)
    assert capsys.readouterr().out.split("\n")[0].endswith(".lamina: going on in epoch 2 of 2, after step 3.")
    for _ in range(2):
        seeded().fit(X, Y, batch_size=20, epochs=3, resume=backup, verbose=2)
    first, *_, last, end = capsys.readouterr().out.split("\n")
    assert re.search(r"\.lamina: going on in epoch 2 of 3, after step \d\.$", first)
    assert last.endswith(".lamina: training has ended; nothing is left to do.")
    assert end == ""
    seeded().fit(X, Y, batch_size=20, epochs=3, resume=backup, verbose=0)
    assert capsys.readouterr().out == ""


def test_more_epochs_go_on_as_if_they_had_been_asked_for_at_once(tmp_path):
    def make():
        model = regressor_unseeded()
        model.compile(optimizers.Adam(use_ema=True, ema_momentum=0.5), "mse")
        return model

    fit = {"batch_size": 16, "verbose": 0}
    whole = fresh(make, 1)
    whole.fit(X, Y, epochs=6, callbacks=EarlyStopping("loss", patience=9, restore_best_weights=True), **fit)
    expected = outcome(whole)
    for seed, epochs in ((1, 2), (2, 3), (3, 6)):
        model = fresh(make, seed)
        stopping = EarlyStopping("loss", patience=9, restore_best_weights=True)
        model.fit(X, Y, epochs=epochs, callbacks=stopping, resume=tmp_path, **fit)
    assert outcome(model) == expected
    with pytest.raises(
        ValueError, match=rf"fit: epochs: received 5, but the run in '{tmp_path}' has done 6. Use epochs=6"
    ):
        fresh(make, 4).fit(
            X,
            Y,
            epochs=5,
            resume=tmp_path,
            callbacks=EarlyStopping("loss", patience=9, restore_best_weights=True),
            **fit,
        )


def test_a_run_broken_off_between_the_last_epoch_and_the_end(tmp_path):
    def fit(model, resume, also):
        broken = [LambdaCallback(on_train_end=_interrupt)] if also else []
        model.fit(X, Y, epochs=2, callbacks=broken, resume=resume, verbose=0)

    def _interrupt(logs):
        raise InterruptedError

    check_exact(tmp_path, regressor_unseeded, fit, [(0,)])


def test_the_numbers_do_not_depend_on_checkpoints(tmp_path):
    outcomes = []
    for number, settings in enumerate([None, {"seconds": 0}, {"save_freq": 5}, {"save_freq": False}]):
        model = fresh(regressor_unseeded, 1)
        backup = settings and BackupAndRestore(tmp_path / str(number), **settings)
        model.fit(X, Y, batch_size=16, epochs=3, resume=backup, verbose=0)
        outcomes.append(outcome(model))
    assert all(found == outcomes[0] for found in outcomes)
    assert os.listdir(tmp_path) == []  # deleted at the end


def test_a_model_that_was_trained_before_takes_the_seeds_of_the_checkpoint(tmp_path):
    def fit(model, resume, also):
        model.fit(X, Y, epochs=4, callbacks=also, resume=resume, verbose=0)

    whole = fresh(regressor_unseeded, 1)
    fit(whole, None, [])
    expected = outcome(whole)
    with pytest.raises(InterruptedError):
        fit(fresh(regressor_unseeded, 1), tmp_path, [BreakOff(1)])
    model = fresh(regressor_unseeded, 2)
    model.fit(X, Y, epochs=2, verbose=0)  # compiled, with the seeds of its own dropout
    fit(model, tmp_path, [])
    assert outcome(model) == expected


# Other runs


def _changed(**changes: Any) -> Any:
    """A run with one thing changed: what is passed to `fit`, to `compile`, or the model."""
    naming.clear_session()
    lamina.utils.set_random_seed(1)
    units, rate = changes.pop("units", 8), changes.pop("rate", 0.3)
    data = changes.pop("data", (X, Y))
    compiled = {"optimizer": optimizers.Adam(1e-3), "loss": "mse"} | changes.pop("compiled", {})
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(units, "relu"), layers.Dropout(rate), layers.Dense(1)])
    model.compile(**compiled)
    return model, lambda folder: model.fit(*data, **{"epochs": 1, "verbose": 0, "resume": folder} | changes)


@pytest.fixture(scope="module")
def a_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run."""
    folder = tmp_path_factory.mktemp("a_run")
    _changed()[1](folder)
    return folder


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rate": 0.5}, "model.config.layers[2].config.rate was 0.3 and is 0.5"),
        ({"units": 9}, "model.config.layers[1].config.units was 8 and is 9; "),
        (
            {"compiled": {"optimizer": optimizers.Adam(1e-2)}},
            "compile.optimizer.config.learning_rate was 0.001 and is 0.01",
        ),
        (
            {"compiled": {"optimizer": optimizers.Adam(1e-3, beta_1=0.8)}},
            "compile.optimizer.config.beta_1 was 0.9 and is 0.8",
        ),
        ({"compiled": {"optimizer": "sgd"}}, "compile.optimizer.class_name was 'Adam' and is 'SGD'"),
        ({"compiled": {"loss": "mae"}}, "compile.loss was 'mse' and is 'mae'"),
        ({"compiled": {"metrics": ["mae"]}}, "compile.metrics was None and is ['mae']"),
        ({"batch_size": 16}, "fit.batch_size was 32 and is 16"),
        ({"shuffle": False}, "fit.shuffle was True and is False"),
        ({"steps_per_epoch": 2}, "fit.steps_per_epoch was None and is 2"),
        ({"data": (X[:90], Y[:90])}, "data.training[0][0][0] was 100 and is 90"),
        ({"sample_weight": np.ones(100)}, "data.training was [[[100, 4], 'float32'], [[100, 1], 'float32']] and is"),
        ({"validation_split": 0.2}, "data.training[0][0][0] was 100 and is 80"),
        ({"callbacks": EarlyStopping("loss")}, "callbacks was ['History'] and is ['EarlyStopping', 'History']"),
    ],
    ids=lambda value: value if isinstance(value, str) else ",".join(value),  # the same in every process
)
def test_another_run_is_refused_by_what_differs(tmp_path, a_run, changes, text):
    shutil.copytree(a_run, tmp_path, dirs_exist_ok=True)
    model, fit = _changed(**changes)
    before, state = model.get_weights(), global_state()["lamina"]
    with pytest.raises(FileError) as caught:
        fit(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path}/checkpoint-000001.lamina: it is the checkpoint of another run: ")
    assert text in message
    assert message.endswith("Put this back to go on with it, or start anew in another folder.")
    assert caught.value.code == "run"
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    if "batch_size" in changes or "shuffle" in changes:
        assert global_state()["lamina"] == {**state, "state": global_state()["lamina"]["state"]}


def test_what_does_not_change_the_numbers_may_change(tmp_path, a_run):
    shutil.copytree(a_run, tmp_path, dirs_exist_ok=True)
    naming.unique_name("dense")  # a model made again in one session has other names
    model, fit = _changed(callbacks=LambdaCallback(on_epoch_end=lambda *_: None))
    fit(tmp_path)
    lamina.Sequential([layers.Dense(3)])
    hidden = [layers.Dense(8, "relu", name="mine"), layers.Dropout(0.3), layers.Dense(1)]
    renamed = lamina.Sequential([layers.Input((4,)), *hidden], name="other")
    renamed.compile(optimizers.Adam(1e-3), "mse")
    renamed.fit(X, Y, epochs=1, resume=tmp_path, verbose=2)
    assert (renamed.get_weights()[0] == model.get_weights()[0]).all()


def test_a_functional_and_a_subclassed_model_are_told_apart(tmp_path):
    class Net(lamina.Model):
        def __init__(self, wide=8, **kwargs):
            super().__init__(**kwargs)
            self.wide, self.hidden, self.last = wide, layers.Dense(wide), layers.Dense(1)
            self.rate = layers.Dropout(0.2)

        def call(self, inputs):
            return self.last(self.rate(self.hidden(inputs)))

    def fit(model, folder):
        model.compile("sgd", "mse")
        model.fit(X, Y, resume=folder, verbose=0)

    fit(Net(), tmp_path / "a")
    fit(Net(), tmp_path / "a")
    model = Net()
    model.rate.rate = 0.4
    with pytest.raises(FileError, match=r"model\.layers\[2\]\.config\.rate was 0\.2 and is 0\.4"):
        fit(model, tmp_path / "a")

    def graph(twice):
        x = layers.Input((4,))
        y = layers.Dense(4)(x)
        return lamina.Model(x, layers.Dense(1)(y + (y if twice else x)))

    fit(graph(False), tmp_path / "b")
    fit(graph(False), tmp_path / "b")
    with pytest.raises(FileError, match=r"another run: model\.config\.layers"):
        fit(graph(True), tmp_path / "b")


def test_another_version_is_told(tmp_path, monkeypatch):
    _changed(epochs=1)[1](tmp_path)
    monkeypatch.setattr(jax, "__version__", "0.99")
    with pytest.warns(
        UserWarning, match=r"it was written with jax .*, now 0\.99\. The run goes on, but its last bits may"
    ):
        _changed(epochs=2)[1](tmp_path)


# Callbacks


def test_a_state_that_cannot_be_stored_is_told_before_the_first_step(tmp_path):
    class Odd(Callback):
        def get_state(self):
            return {"lock": threading.Lock()}

        def set_state(self, state):
            pass

    model, fit = _changed(callbacks=Odd())
    with pytest.raises(
        TypeError, match=r"Odd.get_state\(\)\['lock'\]: a checkpoint cannot hold <unlocked _thread.lock"
    ):
        fit(tmp_path)
    assert int(model.optimizer.iterations) == 0


def test_two_callbacks_of_one_class_and_hooks_around(tmp_path):
    def fit(model, resume, also):
        stops = [EarlyStopping("loss", patience=20), EarlyStopping("val_loss", patience=3, restore_best_weights=True)]
        model.fit(X, Y, epochs=6, validation_split=0.2, callbacks=[*stops, *also], resume=resume, verbose=0)
        model.history.history["stops"] = [stop.get_state() for stop in stops]

    check_exact(tmp_path, regressor_unseeded, fit, [(1,), (2,)])


def test_on_epoch_begin_is_called_again_and_what_it_changes_is_put_back(tmp_path):
    seen: list[int] = []

    class Lower(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.append(epoch)
            self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) / 2

    def fit(model, resume, also):
        model.fit(X, Y, batch_size=16, epochs=3, callbacks=[Lower(), *also], resume=resume, verbose=0)

    check_exact(tmp_path, regressor_unseeded, fit, [(1, 3)], save_freq=2)
    assert seen == [0, 1, 2, 0, 1, 1, 2]


# Faults


def test_a_full_disk_warns_goes_on_and_raises_at_the_end(tmp_path, monkeypatch):
    write, calls = file.write, []

    def full(path, *arguments):
        calls.append(path)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, *arguments)

    monkeypatch.setattr(file, "write", full)
    model = seeded()
    wait = LambdaCallback(on_epoch_begin=lambda epoch, logs: _until(lambda: len(calls) >= epoch))
    backup = BackupAndRestore(tmp_path, seconds=0, delete_checkpoint=False)
    text = r"fit: a checkpoint could not be written: \[Errno 28\] No space left on device: '.*2.lamina' Training goes "
    with (
        pytest.warns(UserWarning, match=text + r"on; .*000001.lamina is kept\."),
        pytest.raises(OSError, match="No space") as e,
    ):
        model.fit(X, Y, epochs=4, callbacks=wait, resume=backup, verbose=0)
    assert e.value.__notes__ == ["Training itself has ended well: the model and model.history are complete."]
    assert model.history.epoch == [0, 1, 2, 3]
    assert int(model.optimizer.iterations) == 16
    assert sorted(os.listdir(tmp_path)) == ["checkpoint-000001.lamina"]
    monkeypatch.undo()
    whole = seeded()
    whole.fit(X, Y, epochs=4, verbose=0)
    again = seeded()
    again.fit(X, Y, epochs=4, resume=tmp_path, verbose=0)
    assert outcome(again)[:-1] == outcome(whole)[:-1]


def _until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        threading.Event().wait(0.01)


def test_a_full_disk_stops_at_once_when_asked_to(tmp_path, monkeypatch):
    failed = threading.Event()

    def full(path, *arguments):
        failed.set()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(file, "write", full)
    model = seeded()
    wait = LambdaCallback(on_epoch_begin=lambda epoch, logs: epoch and failed.wait(10))
    backup = BackupAndRestore(tmp_path, seconds=0, on_error="raise")
    with pytest.raises(OSError, match="No space left on device"):
        model.fit(X, Y, epochs=40, callbacks=wait, resume=backup, verbose=0)
    assert len(model.history.epoch) < 40
    model.fit(X, Y, verbose=0)


def test_ctrl_c_waits_for_the_save_and_leaves_a_good_checkpoint(tmp_path, monkeypatch):
    write, began = file.write, threading.Event()

    def slow(path, *arguments):
        began.set()
        threading.Event().wait(0.3)
        write(path, *arguments)

    monkeypatch.setattr(file, "write", slow)
    model = seeded()

    def interrupt(epoch, logs):
        if epoch == 1:
            began.wait(10)
            signal.raise_signal(signal.SIGINT)

    backup = BackupAndRestore(tmp_path, seconds=0, delete_checkpoint=False)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=9, callbacks=LambdaCallback(on_epoch_begin=interrupt), resume=backup, verbose=0)
    assert not [thread for thread in threading.enumerate() if thread.name == "lamina-checkpoint"]
    document, _ = file.read(tmp_path / max(os.listdir(tmp_path)))
    assert document["position"] == {"epoch": 1, "step": 0, "steps_done": 4}
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_two_runs_in_one_folder_are_refused(tmp_path):
    def inner(epoch, logs):
        with pytest.raises(
            RuntimeError, match=r"fit: resume: the folder '.*' is in use by another fit of this process"
        ):
            seeded().fit(X, Y, resume=tmp_path, verbose=0)

    seeded().fit(X, Y, callbacks=LambdaCallback(on_epoch_begin=inner), resume=tmp_path, verbose=0)
    with pytest.raises(ValueError, match=r"fit: a run has one folder of checkpoints, received \['a', 'b'\]"):
        seeded().fit(X, Y, callbacks=BackupAndRestore("a"), resume="b", verbose=0)
    assert not Path("a").exists()


def test_a_state_that_does_not_fit_names_the_file(tmp_path):
    class Changed(Callback):
        def get_state(self):
            return {"old": 1}

        def set_state(self, state):
            state["new"]

    _, fit = _changed(callbacks=Changed())
    fit(tmp_path)
    with pytest.raises(
        FileError, match=r"000001.lamina: checkpoint.json, callbacks, Changed: the state does not fit: KeyE"
    ):
        fit(tmp_path)


ODD = [
    None,
    True,
    -1,
    10**30,
    1.5,
    "x",
    [],
    {},
    [[1]],
    {"~array": 10**6},
    {"~array": 0},
    {"~float": "nan"},
    {"~code": 1},
]


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Each place in a nest of lists and dicts."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place] * bool(place) + [p for key, item in inner for p in _places(item, (*place, key))]


def test_a_checkpoint_with_anything_at_any_place_is_refused_or_harmless(tmp_path):
    """Files whose checksums are right, but whose contents nobody would write."""
    x, y = regression_data(16)
    model, callbacks = seeded(), [EarlyStopping("loss", restore_best_weights=True), BreakOff(1)]
    with pytest.raises(InterruptedError):
        model.fit(lambda: iter([(x, y)] * 2), epochs=3, callbacks=callbacks, resume=tmp_path, verbose=0)
    path = tmp_path / max(os.listdir(tmp_path))
    document, arrays = file.read(path)
    del document["arrays"], document["run"]["model"]
    rng = random.Random(0)
    places = [place for place in _places(document) if "python" not in place]  # 1250 numbers of one generator
    before, found = global_state(), 0
    for place in rng.sample(places, 100):
        changed = at = copy.deepcopy(document)
        for key in place[:-1]:
            at = at[key]
        at[place[-1]] = rng.choice(ODD)
        if rng.random() < 0.2:
            del at[place[-1]]
        file.write(path, changed, arrays)
        error = _error_of(lambda: _restore(path, model, callbacks[0]))
        if error is not None:
            assert error.path == str(path)
            assert len(str(error)) < 2000
            found += 1
    assert found > 20
    set_global_state(before)


def _restore(path: Path, model: Any, stopping: EarlyStopping) -> None:
    """Restore a checkpoint into a model, with all that `fit` looks at."""
    stored = Stored(Found(path, *file.read(path)))
    stored.restore_seeds(model)
    stored.tape("training")
    stored.restart_generators()
    list(differences(stored.description, {"fit": {"batch_size": 3}}))
    callbacks = {"EarlyStopping": stopping, "History": lamina.callbacks.History()}
    stored.restore(Run(prepared_program(model), callbacks, 0, [], {}, {}))


def _error_of(function: Callable[[], object]) -> FileError | None:
    try:
        function()
    except FileError as error:
        return error
    return None


# Settings


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"backup_dir": ""}, "BackupAndRestore: backup_dir: expected the name of a file, received ''."),
        (
            {"save_freq": "batch"},
            "BackupAndRestore: save_freq: expected \"epoch\", a number of steps or False, received 'batch'",
        ),
        ({"save_freq": 0}, "BackupAndRestore: save_freq: expected a whole number >= 1, received 0."),
        ({"save_freq": True}, "BackupAndRestore: save_freq: expected a whole number >= 1, received True."),
        ({"seconds": -1}, "BackupAndRestore: seconds: expected a number >= 0, received -1."),
        ({"seconds": "often"}, "BackupAndRestore: seconds: expected a number >= 0, received 'often'."),
        ({"on_error": "stop"}, "BackupAndRestore: on_error: expected one of ['warn', 'raise'], received 'stop'."),
    ],
)
def test_settings_that_cannot_be_meant(arguments, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        BackupAndRestore(**{"backup_dir": "a"} | arguments)


def test_backup_and_restore_as_a_callback_deletes_at_the_end_and_needs_no_batch_hooks(tmp_path):
    backup = BackupAndRestore(tmp_path / "new" / "run", save_freq=2)
    assert not lamina.callbacks.CallbackList(backup).batch_hooks("train")
    with pytest.raises(InterruptedError):
        classifier().fit(*class_data(64), epochs=3, callbacks=[backup, BreakOff(1)], verbose=0)
    assert len(os.listdir(tmp_path / "new" / "run")) == 2
    model = classifier()
    model.fit(*class_data(64), epochs=3, callbacks=[backup], verbose=0)
    assert model.history.epoch == [0, 1, 2]
    assert os.listdir(tmp_path / "new") == []


def test_when_checkpoints_are_due():
    now = [0.0]
    pace = Pace(BackupAndRestore("a", seconds=60), lambda: now[0])
    assert not pace.is_due(10)
    assert pace.is_due_after_epoch(0.0)
    now[0] = 2.9
    assert not pace.is_due_after_epoch(0.1)  # 30 times the duration of a save
    now[0] = 3.1
    assert pace.is_due_after_epoch(0.1)
    now[0] = 60.0
    assert pace.is_due(11)
    pace.saved(11)
    assert not pace.is_due(12)
    by_steps = Pace(BackupAndRestore("a", save_freq=5), lambda: now[0])
    assert [by_steps.is_due(n) for n in (4, 5)] == [False, True]
    by_steps.saved(5)
    assert (by_steps.is_due(8), by_steps.steps_left) == (False, 2)
    never = Pace(BackupAndRestore("a", save_freq=False), lambda: now[0])
    now[0] = 1e9
    assert not never.is_due(10**9)
    assert not never.is_due_after_epoch(0.0)
