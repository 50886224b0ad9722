"""`ModelCheckpoint`: when it saves, beside the real Keras 3.15; any name works or is refused before training."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lamina
from lamina.callbacks import ModelCheckpoint
from lamina.saving import load_model
from tests.training.helpers import class_data, classifier, regression_data, regressor

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras


class Saves:
    """A model that only remembers where it was saved."""

    stop_training = False
    metrics: list[Any] = []

    def __init__(self) -> None:
        self.saved: list[str] = []

    def save(self, path, overwrite=True):
        self.saved.append(str(path))

    def save_weights(self, path, overwrite=True):
        self.saved.append(f"weights {path}")


def drive(callback: Any, losses: list[list[float]], step: int = 1) -> list[str]:
    """Run epochs of batches with made-up losses, `step` batches for each call of the hook."""
    model = Saves()
    callback.set_model(model)
    callback.set_params({"epochs": len(losses)})
    callback.on_train_begin()
    for epoch, batches in enumerate(losses):
        callback.on_epoch_begin(epoch)
        for batch in range(step - 1, len(batches), step):
            callback.on_train_batch_end(batch, {"loss": batches[batch]})
        callback.on_epoch_end(epoch, {"loss": batches[-1], "val_loss": sum(batches)})
    callback.on_train_end()
    return model.saved


numbers = st.floats(0, 9, width=16)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(numbers, min_size=1, max_size=7), min_size=1, max_size=5),
    st.sampled_from(["epoch", 1, 2, 5]),
    st.sampled_from([1, 2, 3]),
    st.sampled_from(["auto", "min", "max"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, 4.0]),
)
def test_saves_when_keras_does(tmp_path_factory, losses, save_freq, step, mode, best, weights, threshold):
    folder = tmp_path_factory.getbasetemp()
    ending = ".weights.h5" if weights else ".keras"
    batch = "" if save_freq == "epoch" else "-{batch}"
    arguments = {
        "filepath": f"{folder}/m{{epoch:02d}}{batch}-{{loss:.3f}}{ending}",
        "monitor": "loss",
        "mode": mode,
        "save_best_only": best,
        "save_weights_only": weights,
        "save_freq": save_freq,
        "initial_value_threshold": threshold,
    }
    expected = drive(_KerasCheckpoint(**arguments), losses, step)
    assert drive(ModelCheckpoint(**arguments), losses, step) == expected


class _KerasCheckpoint(keras.callbacks.ModelCheckpoint):
    def on_epoch_begin(self, epoch, logs=None):
        self._set_monitor_op()  # Keras itself does so at the first epoch's end, too late for the batches before
        super().on_epoch_begin(epoch, logs)


def test_prints_the_lines_of_keras(capsys, tmp_path):
    arguments = {"filepath": f"{tmp_path}/m.keras", "monitor": "loss", "save_best_only": True, "verbose": 1}
    lines = []
    for callback in (_KerasCheckpoint(**arguments), ModelCheckpoint(**arguments)):
        drive(callback, [[0.5], [0.75], [0.25]])
        lines.append(capsys.readouterr().out.split("\n"))
    theirs = [line for line in lines[0] if "finished saving" not in line]
    assert [line for line in lines[1] if line] == [line for line in theirs if line]


# Names


@pytest.mark.parametrize(
    "name",
    [
        "best",
        "best.pt",
        "ckpt_{epoch}",
        "ckpt_{epoch:02d}-{val_loss:.2f}",
        "a.h5",
        "b.keras",
        "dir/",
        "new/er/{epoch}/m",
    ],
)
@pytest.mark.parametrize("kind", [str, Path, "file"])
@pytest.mark.parametrize("weights", [False, True])
def test_any_name_works_and_last_path_loads(tmp_path, name, kind, weights):
    x, y = regression_data(40)
    text = f"{tmp_path}/{name}"
    path = f"file://{text}" if kind == "file" else kind(text)
    callback = ModelCheckpoint(path, save_weights_only=weights)
    model = regressor()
    model.fit(x, y, epochs=2, validation_split=0.5, callbacks=callback, verbose=0)
    assert callback.last_path is not None
    assert callback.last_path.is_file()
    assert text.split("{")[0].rstrip("/") in str(callback.last_path)
    expected = model.predict(x, verbose=0)
    if weights:
        again = regressor(seed=2)
        again.load_weights(callback.last_path)
    else:
        again = load_model(callback.last_path)
    assert (again.predict(x, verbose=0) == expected).all()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"filepath": ""}, "ModelCheckpoint: filepath: expected the name of a file, received ''."),
        ({"filepath": 3}, "ModelCheckpoint: filepath: expected a str or pathlib.Path, received int: 3."),
        (
            {"filepath": "a{epoch"},
            "filepath: 'a{epoch': expected '}' before end of string. Write a brace that is meant",
        ),
        ({"filepath": "a}"}, "Single '}' encountered in format string"),
        ({"filepath": "a{}"}, "filepath: 'a{}': a placeholder needs a name, such as {epoch} or {val_loss}."),
        ({"filepath": "a{0}"}, "filepath: 'a{0}': a placeholder needs a name"),
        ({"filepath": "a{epoch:.2q}"}, "filepath: 'a{epoch:.2q}': a placeholder cannot be filled: "),
        ({"filepath": "a{val_loss:02d}"}, "a placeholder cannot be filled: Unknown format code 'd'"),
        ({"filepath": "a{epoch!z}"}, "filepath: 'a{epoch!z}': expected a conversion !r, !s or !a, received !z."),
        ({"filepath": "a{batch}"}, '{batch} is not known with save_freq="epoch". Use {epoch}.'),
        (
            {"filepath": "a.weights.h5"},
            "'a.weights.h5' is the name of a file of weights alone. Pass save_weights_only=True",
        ),
        ({"filepath": "a.safetensors"}, "'a.safetensors' is the name of a file of weights alone."),
        (
            {"filepath": "a", "save_freq": "batch"},
            "save_freq: expected \"epoch\" or a number of batches, received 'batch'.",
        ),
        ({"filepath": "a", "save_freq": 0}, "save_freq: expected a whole number >= 1, received 0."),
        ({"filepath": "a", "save_freq": 2, "save_best_only": True}, "'val_loss' is not known after 2 batches, since"),
        (
            {"filepath": "a{val_loss}", "save_freq": 2},
            "'val_loss' is not known after 2 batches, since validation comes at",
        ),
        ({"filepath": "a", "keep": 2}, "keep: 'a' is one file. Put a placeholder into the name, such as {epoch}."),
        ({"filepath": "a{epoch}", "keep": 0}, "keep: expected a whole number >= 1, received 0."),
        ({"filepath": "a", "mode": "best"}, "mode: expected one of ['auto', 'min', 'max'], received 'best'."),
        ({"filepath": "a", "on_error": "stop"}, "on_error: expected one of ['raise', 'warn'], received 'stop'."),
        (
            {"filepath": "a{epoch}.weights.json", "save_weights_only": True, "keep": 1},
            "keep: sharded weights are several files each. Use a name that ends in .weights.h5.",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_at_construction(arguments, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        ModelCheckpoint(**arguments)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"filepath": "a{val_los}"},
            "filepath: 'a{val_los}': {val_los} is not among the values of this training, which are epoch, batch, loss, "
            "mae, val_loss, val_mae. Did you mean 'val_loss'?",
        ),
        (
            {"filepath": "a", "monitor": "val_acc", "save_best_only": True},
            "ModelCheckpoint: monitor: 'val_acc' is not among the values of this training, which are loss, mae, "
            "val_loss, val_mae. Did you mean",
        ),
    ],
)
def test_a_name_that_the_logs_do_not_have_is_refused_before_the_first_step(tmp_path, monkeypatch, arguments, text):
    monkeypatch.chdir(tmp_path)
    x, y = regression_data(40)
    model = regressor()
    with pytest.raises(ValueError, match=re.escape(text)):
        model.fit(x, y, validation_split=0.5, callbacks=ModelCheckpoint(**arguments), verbose=0)
    assert int(model.optimizer.iterations) == 0


def test_a_placeholder_that_only_the_first_epoch_tells_is_refused_there(tmp_path):
    x, y = regression_data(40)
    add = lamina.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(mine=1.5))
    callback = ModelCheckpoint(f"{tmp_path}/{{mine:.1f}}")
    regressor().fit(x, y, callbacks=[add, callback], verbose=0)
    assert callback.last_path == tmp_path / "1.5.keras" or callback.last_path == tmp_path / "1.5"
    with pytest.raises(ValueError, match=re.escape("{mine} is not among the values of this training, which are epoch")):
        regressor().fit(x, y, callbacks=[callback, add], verbose=0)


def test_an_epoch_without_validation_saves_no_best_and_fills_nan(tmp_path):
    x, y = regression_data(40)
    every, best = (
        ModelCheckpoint(f"{tmp_path}/{{epoch}}-{{val_loss:.1f}}.keras"),
        ModelCheckpoint(f"{tmp_path}/best-{{epoch}}.keras", save_best_only=True),
    )
    regressor(optimizer=lamina.optimizers.SGD(1e-3)).fit(
        x, y, epochs=3, validation_split=0.5, validation_freq=2, callbacks=[every, best], verbose=0
    )
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names[0] == "1-nan.keras"
    assert re.fullmatch(r"2-\d\.\d\.keras", names[1])
    assert names[2:] == ["3-nan.keras", "best-2.keras"]


# Files


def test_keep_deletes_the_older_files_once_a_new_one_is_there(tmp_path):
    x, y = regression_data(40)
    (tmp_path / "1.keras").write_text("not written by the callback of this name")
    (tmp_path / "0.keras").write_text("somebody else's")
    callback = ModelCheckpoint(tmp_path / "{epoch}.keras", keep=2)
    regressor().fit(x, y, epochs=5, callbacks=callback, verbose=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.keras", "4.keras", "5.keras"]
    assert callback.last_path == tmp_path / "5.keras"


def test_saving_by_batches_needs_batch_hooks_and_saving_by_epochs_none(tmp_path):
    x, y = regression_data(80)
    by_epoch, by_batch = ModelCheckpoint(tmp_path / "m"), ModelCheckpoint(tmp_path / "{epoch}-{batch}", save_freq=3)
    assert not lamina.callbacks.CallbackList(by_epoch).batch_hooks("train")
    assert lamina.callbacks.CallbackList(by_batch).batch_hooks("train")
    regressor().fit(x, y, batch_size=10, epochs=2, callbacks=by_batch, verbose=0)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"{name}.keras" for name in ("1-3", "1-6", "2-1", "2-4", "2-7")]


class _Full(Saves):
    def save(self, path, overwrite=True):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))


def test_a_full_disk_raises_or_warns_by_option(tmp_path):
    raising = ModelCheckpoint(tmp_path / "m")
    raising.set_model(_Full())
    with pytest.raises(OSError, match=r"No space left on device: '.*/m'"):
        raising.on_epoch_end(0, {"loss": 1.0})
    warning = ModelCheckpoint(tmp_path / "m", monitor="loss", save_best_only=True, on_error="warn")
    warning.set_model(_Full())
    with pytest.warns(UserWarning, match=r"ModelCheckpoint: a file could not be written: .*No space left.*goes on\."):
        warning.on_epoch_end(0, {"loss": 1.0})
    assert warning.best is None
    assert warning.last_path is None


def test_a_folder_that_cannot_be_made_is_told_before_training(tmp_path):
    (tmp_path / "file").write_text("no folder")
    x, y = regression_data(40)
    model = regressor()
    with pytest.raises(OSError, match=r"file"):
        model.fit(x, y, callbacks=ModelCheckpoint(tmp_path / "file" / "m"), verbose=0)
    assert int(model.optimizer.iterations) == 0


def test_the_best_model_of_a_training_is_the_one_in_the_file(tmp_path):
    x, y = class_data(90)
    callback = ModelCheckpoint(tmp_path / "best", monitor="val_accuracy", save_best_only=True)
    model = classifier(optimizer=lamina.optimizers.Adam(0.05))
    history = model.fit(x, y, epochs=8, validation_data=(x[::2], y[::2]), callbacks=callback, verbose=0).history
    found = load_model(callback.last_path).evaluate(x[::2], y[::2], verbose=0, return_dict=True)
    assert callback.best == max(history["val_accuracy"])
    np.testing.assert_allclose(found["accuracy"], callback.best, rtol=1e-6)


def test_state_goes_on_in_another_object(tmp_path):
    losses = [[0.5, 0.4], [0.7, 0.6], [0.3, 0.2]]
    arguments = {"filepath": tmp_path / "{epoch}.keras", "monitor": "loss", "save_best_only": True, "keep": 1}
    whole = ModelCheckpoint(**arguments)
    expected = drive(whole, losses)
    first = ModelCheckpoint(**arguments)
    saved = drive(first, losses[:2])
    second = ModelCheckpoint(**arguments)
    second.set_state(first.get_state())
    second.set_model(model := Saves())
    second.on_epoch_begin(2)
    second.on_epoch_end(2, {"loss": 0.2})
    assert saved + model.saved == expected
    assert second.get_state() == whole.get_state()
