"""Callbacks against the real Keras: the same calls, the same learning rates, the same stops, the same files."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from tests.training.callbacks.helpers import scripted

keras = pytest.importorskip("keras")

HOOKS = sorted(name for name in dir(keras.callbacks.Callback) if name.startswith("on_"))
SETTINGS = {"batch_size": 16, "verbose": 0}


def recorder(library, seen, older=False):
    """A callback of a library's that notes every call: hook, epoch or batch, names in the logs."""

    def hook(name):
        def note(self, *arguments, logs=None):
            *index, logs = arguments if logs is None else (*arguments, logs)
            seen.append((name, *index, sorted(logs or {})))

        return note

    names = [name for name in HOOKS if older or name not in ("on_batch_begin", "on_batch_end")]
    if older:
        names = [name for name in names if "train_batch" not in name]
    return type("Recorder", (library.callbacks.Callback,), {name: hook(name) for name in names})()


def data(rows=75):
    rng = np.random.default_rng(3)
    return rng.normal(size=(rows, 4)).astype("float32"), rng.integers(0, 3, rows)


def classifier(library, optimizer=None, **compile_arguments):
    layers = library.layers
    model = library.Sequential([layers.Input((4,)), layers.Dense(6, activation="relu"), layers.Dense(3, "softmax")])
    loss = "sparse_categorical_crossentropy"
    model.compile(optimizer or library.optimizers.SGD(0.1), loss, metrics=["accuracy"], **compile_arguments)
    return model


def pair(**arguments):
    ours, theirs = classifier(lamina, **arguments), classifier(keras, **arguments)
    theirs.set_weights(ours.get_weights())
    return ours, theirs


@pytest.mark.parametrize(
    ("arguments", "steps", "older"),
    [
        ({"validation_data": True}, 1, False),
        ({"validation_data": True}, 3, False),
        ({"validation_split": 0.3}, 1, True),
        ({"validation_data": True, "validation_freq": 2, "epochs": 3, "initial_epoch": 1}, 1, False),
        ({"steps_per_epoch": 2, "validation_data": True, "validation_steps": 1}, 1, False),
    ],
    ids=["validation", "several_steps", "older_names", "some_epochs", "some_steps"],
)
def test_fit_calls_the_hooks_that_keras_calls(arguments, steps, older):
    x, y = data()
    arguments = {"epochs": 2, **arguments}
    if arguments.get("validation_data"):
        arguments["validation_data"] = data(35)
    calls = []
    for library, model in zip((lamina, keras), pair(steps_per_execution=steps), strict=True):
        calls.append([])
        model.fit(x, y, callbacks=[recorder(library, calls[-1], older)], **SETTINGS, **arguments)
    if steps > 1:  # the last batches are fewer, and Keras counts beyond them; ours tests batch by batch
        calls = [[call for call in part if "test_batch" not in call[0]] for part in calls]
        calls[1] = [(call[0], min(call[1], 4), *call[2:]) if "batch_end" in call[0] else call for call in calls[1]]
    assert calls[0] == calls[1]
    assert len(calls[0]) > 8


@pytest.mark.parametrize("method", ["evaluate", "predict"])
def test_evaluate_and_predict_call_the_hooks_that_keras_calls(method):
    x, y = data()
    calls = []
    for library, model in zip((lamina, keras), pair(), strict=True):
        calls.append([])
        given = (x, y) if method == "evaluate" else (x,)
        getattr(model, method)(*given, callbacks=[recorder(library, calls[-1])], **SETTINGS)
    assert calls[0] == calls[1]


def test_params_are_those_of_keras():
    x, y = data()
    params = []
    for library, model in zip((lamina, keras), pair(), strict=True):
        callback = library.callbacks.Callback()
        model.fit(x, y, epochs=2, callbacks=[callback], **SETTINGS)
        params.append(callback.params)
    assert params[0] == params[1]


def test_a_callback_that_stops_stops_in_the_batch_where_keras_does():
    x, y = data()
    calls = []
    for library, model in zip((lamina, keras), pair(), strict=True):

        class Stop(library.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                self.model.stop_training = batch == 2

        calls.append([])
        callbacks = [Stop(), recorder(library, calls[-1])]
        model.fit(x, y, epochs=3, validation_data=(x, y), callbacks=callbacks, **SETTINGS)
    assert calls[0] == calls[1]
    assert [call[1] for call in calls[0] if call[0] == "on_train_batch_end"] == [0, 1, 2]


# Learning rates


LOSSES = {
    "plateau": [1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
    "steps": [1.0, 0.9, 0.9, 0.8, 0.8, 0.8, 0.3, 0.3, 0.3, 0.3, 0.1, 0.1],
    "worse": [0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0],
    "small": [1.0, 0.99995, 0.9999, 0.99985, 0.9998, 0.9997],
    "infinite": [float("inf"), float("inf"), 1.0, float("inf"), float("inf"), float("inf")],
}
PLATEAU = [
    {"patience": 1},
    {"patience": 2, "factor": 0.5, "cooldown": 2},
    {"patience": 0, "factor": 0.3, "min_lr": 0.01},
    {"patience": 1, "mode": "max", "min_delta": 0.3},
    {"patience": 1, "factor": 0.7, "min_delta": 0.0, "cooldown": 1},
]


@pytest.mark.parametrize("options", PLATEAU, ids=lambda o: "-".join(f"{k}{v}" for k, v in o.items()))
@pytest.mark.parametrize("losses", list(LOSSES))
def test_reduce_lr_on_plateau_sets_the_rates_of_keras(losses, options, capsys):
    rates, printed = [], []
    for library in (lamina, keras):
        callback = library.callbacks.ReduceLROnPlateau(verbose=1, **options)
        rates.append(scripted(library, callback, LOSSES[losses]))
        printed.append(capsys.readouterr().out)
    assert rates[0] == rates[1]
    assert printed[0] == printed[1]


SCHEDULES = {
    "both": lambda epoch, rate: rate * 0.7 if epoch > 1 else rate,
    "epoch": lambda epoch: 0.1 / (epoch + 1),
    "default": lambda epoch, rate=0.5: rate / 2,
    "numpy": lambda epoch, rate: np.float32(rate) * np.float32(0.9),
}


@pytest.mark.parametrize("schedule", list(SCHEDULES))
def test_learning_rate_scheduler_sets_the_rates_of_keras(schedule, capsys):
    rates, printed = [], []
    for library in (lamina, keras):
        callback = library.callbacks.LearningRateScheduler(SCHEDULES[schedule], verbose=1)
        rates.append(scripted(library, callback, [1.0] * 6))
        printed.append(capsys.readouterr().out)
    assert rates[0] == rates[1]
    assert printed[0] == printed[1]


@pytest.mark.parametrize("name", ["ReduceLROnPlateau", "LearningRateScheduler"])
def test_trainings_with_changing_rates_equal_those_of_keras(name):
    x, y = data()
    histories = []
    for library, model in zip((lamina, keras), pair(), strict=True):
        callback = {
            "ReduceLROnPlateau": lambda c: c.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.02),
            "LearningRateScheduler": lambda c: c.LearningRateScheduler(lambda epoch, rate: rate * 0.5),
        }[name](library.callbacks)
        fitted = model.fit(x, y, epochs=6, shuffle=False, callbacks=[callback], **SETTINGS)
        histories.append(fitted.history)
    assert set(histories[0]) == set(histories[1]) == {"accuracy", "loss", "learning_rate"}
    assert histories[0]["learning_rate"] == histories[1]["learning_rate"]
    assert len(set(histories[0]["learning_rate"])) > 1
    np.testing.assert_allclose(histories[0]["loss"], histories[1]["loss"], rtol=1e-5)


# Stops


@pytest.mark.parametrize("options", [{"patience": 1}, {"patience": 2, "min_delta": 0.01}, {"patience": 0}])
@pytest.mark.parametrize("losses", list(LOSSES))
def test_early_stopping_stops_in_the_epoch_of_keras(losses, options):
    seen = []
    for library in (lamina, keras):
        callback = library.callbacks.EarlyStopping(**options)
        rates = scripted(library, callback, LOSSES[losses])
        seen.append((len(rates), callback.stopped_epoch, callback.best, callback.wait))
    assert seen[0] == seen[1]


# Files


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize(
    "logs",
    [
        [{"loss": 0.5, "acc": 1 / 3}, {"loss": 0.1, "acc": 2 / 3}],
        [{"val_loss": 0.5, "loss": 0.1, "a b": 1e-12}, {"val_loss": float("nan"), "loss": float("inf"), "a b": 3}],
        [{"loss": 0.5}, {"loss": 0.5, "val_loss": 0.25}, {"loss": 1}],
        [{"loss": 0.5, "matrix": np.arange(3), "list": [1.5, 2]}],
        [{"loss": 0.5, "text": 'with "quotes", commas', "zero": np.float64(0.1)}],
        [],
    ],
)
def test_csv_files_equal_those_of_keras(logs, append, separator, tmp_path):
    files = []
    for library in (lamina, keras):
        files.append(tmp_path / f"{library.__name__}.csv")
        for _ in range(2):
            callback = library.callbacks.CSVLogger(files[-1], separator, append)
            callback.on_train_begin()
            for epoch, values in enumerate(logs):
                callback.on_epoch_end(epoch, dict(values))
            callback.on_train_end()
    ours, theirs = (file.read_bytes() for file in files)
    assert ours == theirs


def test_csv_files_of_trainings_have_the_columns_and_epochs_of_keras(tmp_path):
    x, y = data()
    tables = []
    for library, model in zip((lamina, keras), pair(), strict=True):
        file = tmp_path / f"{library.__name__}.csv"
        callbacks = [library.callbacks.CSVLogger(file)]
        model.fit(x, y, epochs=3, shuffle=False, validation_data=(x, y), callbacks=callbacks, **SETTINGS)
        tables.append([line.split(",") for line in file.read_text().split()])
    assert tables[0][0] == tables[1][0] == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    np.testing.assert_allclose(np.float64(tables[0][1:]), np.float64(tables[1][1:]), rtol=1e-5)


# Averages


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_swapped_averages_are_validated_and_left_as_in_keras(swap_on_epoch):
    x, y = data()
    results = []
    start = None
    for library in (lamina, keras):
        model = classifier(library, library.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.8))
        start = start or model.get_weights()
        model.set_weights(start)
        seen = []

        class Look(library.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None, seen=seen):
                seen.append(np.asarray(self.model.get_weights()[0]))

        callbacks = [library.callbacks.SwapEMAWeights(swap_on_epoch), Look()]
        history = model.fit(x, y, epochs=3, shuffle=False, validation_data=(x, y), callbacks=callbacks, **SETTINGS)
        results.append((history.history["val_loss"], seen, model.get_weights()))
    (ours, seen, end), (theirs, theirs_seen, theirs_end) = results
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    for a, b in zip([*seen, *end], [*theirs_seen, *theirs_end], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
