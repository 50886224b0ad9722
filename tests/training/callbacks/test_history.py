"""History: its record beside the real Keras', pandas, and how it shows itself."""

from __future__ import annotations

import builtins
import math
import os
import sys
import types
from types import SimpleNamespace

import pandas as pd
import pytest

from lamina.training.callbacks import CallbackList, History

LOGS = [
    {"accuracy": 0.5, "loss": 2.0, "val_accuracy": 0.25, "val_loss": 3.0},
    {"accuracy": 0.75, "loss": 1.0, "val_accuracy": 0.5, "val_loss": 1.5},
    {"accuracy": 0.875, "loss": 0.5, "val_accuracy": 0.375, "val_loss": 2.5},
]


def recorded(logs, params=None) -> History:
    history = History()
    callbacks = CallbackList([history], model=SimpleNamespace(), **(params or {}))
    callbacks.on_train_begin()
    for epoch, values in enumerate(logs):
        callbacks.on_epoch_end(epoch, values)
    callbacks.on_train_end()
    return history


def test_record_is_that_of_keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    theirs = keras.callbacks.History()
    theirs.set_model(SimpleNamespace())
    theirs.on_train_begin()
    for epoch, values in enumerate(LOGS):
        theirs.on_epoch_end(epoch, values)
    ours = recorded(LOGS)
    assert ours.history == theirs.history
    assert list(ours.history) == list(theirs.history)
    assert ours.epoch == theirs.epoch


def test_params_and_model_are_those_of_the_training():
    params = {"verbose": 0, "epochs": 3, "steps": 7}
    history = recorded(LOGS, params)
    assert history.params == params
    assert isinstance(history.model, SimpleNamespace)


def test_goes_into_a_data_frame_as_in_the_notes():
    frame = pd.DataFrame(recorded(LOGS).history)
    assert list(frame.columns) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert frame["val_loss"].tolist() == [3.0, 1.5, 2.5]


def test_to_pandas_has_a_row_an_epoch_and_nan_where_nothing_was_measured():
    rare = [{"loss": 2.0}, {"loss": 1.0, "val_loss": 1.5}, {"loss": 0.5}]  # validation_freq=2
    history = recorded(rare)
    frame = history.to_pandas()
    assert history.history["val_loss"] == [1.5]
    assert frame.index.tolist() == [0, 1, 2]
    assert frame.index.name == "epoch"
    assert frame["loss"].tolist() == [2.0, 1.0, 0.5]
    assert frame["val_loss"].isna().tolist() == [True, False, True]
    assert frame["val_loss"][1] == 1.5


def test_to_pandas_of_an_empty_history_is_an_empty_frame():
    assert History().to_pandas().empty


def test_two_trainings_into_one_history_append():
    history = recorded(LOGS[:2])
    history.on_train_begin()
    history.on_epoch_end(2, LOGS[2])
    assert history.epoch == [0, 1, 2]
    assert history.history["loss"] == [2.0, 1.0, 0.5]


def test_without_pandas_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without_pandas(name, *arguments, **options):
        if name == "pandas":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(ImportError, match=r"History\.to_pandas needs pandas\. Install it: pip install pandas"):
        recorded(LOGS).to_pandas()


def test_repr_is_one_line_with_the_way_of_each_value():
    logs = [{"loss": 2.0, "small": 1e-5}, {"loss": 0.5, "small": math.nan}]
    assert repr(recorded(logs)) == "<History of 2 epochs: loss 2.0000 to 0.5000, small 1.0000e-05 to nan>"
    assert repr(recorded(logs[:1])).startswith("<History of 1 epoch: loss 2.0000")
    assert repr(History()) == "<History of 0 epochs>"


def test_html_table_has_the_extremes_with_their_epochs():
    table = recorded_html(LOGS)
    assert "3 of 5 epochs" in table
    row = "<tr><th>val_loss</th><td>3.0000</td><td>2.5000</td><td>1.5000 (2)</td><td>3.0000 (1)</td></tr>"
    assert row in table


def recorded_html(logs) -> str:
    return recorded(logs, {"verbose": 0, "epochs": 5, "steps": 1})._repr_html_()


def test_html_table_is_short_and_safe_for_any_name_and_value():
    table = recorded_html([{"<b>": math.nan, "text": "<i>"}] * 1000)
    assert "<b>" not in table
    assert "<i>" not in table
    assert len(table) < 1000
    assert "epochs" in History()._repr_html_()


def test_plot_hands_itself_and_its_options_to_learning_curves(monkeypatch):
    visual = types.ModuleType("lamina.visual")
    visual.learning_curves = lambda history, **options: (history, options)
    monkeypatch.setitem(sys.modules, "lamina.visual", visual)
    history = recorded(LOGS)
    assert history.plot(title="x") == (history, {"title": "x"})
