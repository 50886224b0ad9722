"""Early stopping beside the real Keras 3.15."""

from __future__ import annotations

import inspect
import math
import re

import keras
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from keras.src.trainers.compile_utils import MetricsList

from lamina.training.callbacks import CallbackList, EarlyStopping
from tests.training.callbacks.helpers import Model, drive, state

# Multiples of 1/8, which are exact in the 32 bits that Keras compares in and in the 64 of Python.
eighths = st.integers(-24, 24).map(lambda n: n / 8)
arguments = st.fixed_dictionaries(
    {},
    optional={
        "min_delta": eighths,
        "patience": st.integers(0, 4),
        "mode": st.sampled_from(["auto", "min", "max"]),
        "baseline": st.none() | eighths,
        "restore_best_weights": st.booleans(),
        "start_from_epoch": st.integers(0, 4),
    },
)


@settings(max_examples=300, deadline=None)
@given(
    values=st.lists(eighths | st.just(math.inf), min_size=1, max_size=14),
    options=arguments,
    trainings=st.integers(1, 2),
)
@example(values=[1.0, 1.0, 1.0], options={"patience": 0, "restore_best_weights": True}, trainings=1)
@example(values=[2.0, 1.5, 1.25, 2.0], options={"patience": 2, "min_delta": 0.25}, trainings=2)
@example(values=[2.0, 1.0, 2.0], options={"patience": 2, "baseline": 0.5, "restore_best_weights": True}, trainings=1)
def test_early_stopping_does_what_keras_does(values, options, trainings):
    theirs = drive(keras.callbacks.EarlyStopping(**options), values, trainings)
    assert drive(EarlyStopping(**options), values, trainings) == theirs


@pytest.mark.parametrize("name", ["loss", "val_loss", "accuracy", "val_accuracy", "mae", "val_mae", "val_auc"])
def test_auto_mode_takes_the_direction_of_keras(name):
    metrics = [
        keras.metrics.BinaryAccuracy("accuracy"),
        keras.metrics.MeanAbsoluteError("mae"),
        keras.metrics.AUC(name="auc"),
    ]
    values = [1.0, 2.0, 1.5, 3.0, 0.5, 0.25]
    ours = drive(EarlyStopping(name, patience=1), values, metrics=metrics, name=name)
    theirs = keras.callbacks.EarlyStopping(name, patience=1)
    assert ours == drive(theirs, values, metrics=[MetricsList(metrics)], name=name)


def test_auto_mode_knows_the_losses_and_metrics_of_single_outputs():
    accuracy = keras.metrics.BinaryAccuracy("accuracy")
    values = [2.0, 1.0, 3.0]
    assert drive(EarlyStopping("val_main_loss"), values, name="val_main_loss")[-1][3] == 1.0
    assert drive(EarlyStopping("main_accuracy"), values, metrics=[accuracy], name="main_accuracy")[-1][3] == 2.0


def test_auto_mode_that_cannot_tell_says_what_to_pass():
    with pytest.raises(
        ValueError, match=r"'auto' cannot tell .* smaller 'score' is better\. Pass mode='max' or mode='min'"
    ):
        drive(EarlyStopping("score"), [1.0], name="score")


def test_nan_is_no_improvement_not_even_as_the_first_value():
    values = [math.nan, math.nan, 2.0, math.nan, 1.0, math.nan, math.nan, math.nan, 0.5]
    callback = EarlyStopping(patience=3, restore_best_weights=True)
    *_, (weights, wait, stopped_epoch, best, best_epoch, _) = drive(callback, values)
    assert (best, best_epoch, weights) == (1.0, 4, 4)
    assert (wait, stopped_epoch) == (3, 7)


def test_nan_alone_stops_training_after_patience_with_the_first_weights():
    *_, (weights, _, stopped_epoch, best, *_) = drive(
        EarlyStopping(patience=2, restore_best_weights=True), [math.nan] * 9
    )
    assert (weights, stopped_epoch, best) == (0, 1, None)


def test_the_first_epoch_never_stops_training():
    assert drive(EarlyStopping(patience=0), [math.nan, 1.0, 2.0])[-1][2] == 2


@pytest.mark.parametrize("start_from_epoch", [0, 5])
def test_unknown_monitor_is_an_error_at_the_first_epoch(start_from_epoch):
    callback = EarlyStopping("val_acuracy", start_from_epoch=start_from_epoch)
    logs = {"accuracy": 0.5, "loss": 1.0, "val_accuracy": 0.5, "val_loss": 1.0}
    message = (
        "EarlyStopping: monitor: 'val_acuracy' is not among the values of this training, which are "
        "accuracy, loss, val_accuracy, val_loss. Did you mean 'val_accuracy'?"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        callback.on_epoch_end(0, logs)


def test_validation_monitor_without_validation_says_so():
    with pytest.raises(
        ValueError, match="no validation: pass validation_data or validation_split to fit, or monitor 'loss'"
    ):
        EarlyStopping().on_epoch_end(0, {"accuracy": 0.5, "loss": 1.0})


def test_epochs_that_are_not_validated_are_passed_over():
    callback = EarlyStopping(patience=1)
    CallbackList([callback], model=Model(), validation_freq=2)
    for epoch, logs in enumerate([{"loss": 1.0}, {"loss": 1.0, "val_loss": 1.0}, {"loss": 1.0}]):
        callback.on_epoch_end(epoch, logs)
    assert (callback.best, callback.wait, callback.model.stop_training) == (1.0, 0, False)
    misspelt = CallbackList([EarlyStopping("val_los")], model=Model(), validation_freq=2)
    with pytest.raises(ValueError, match="'val_los' is not among"):
        misspelt.on_epoch_end(1, {"loss": 1.0, "val_loss": 1.0})


def test_state_taken_in_the_middle_carries_on_in_another_object():
    values = [3.0, 2.0, 2.5, 1.0, 1.5, 1.75, 1.25, 1.125]
    options = {"patience": 4, "restore_best_weights": True}
    whole, before, after = (EarlyStopping(**options) for _ in range(3))
    expected = drive(whole, values)
    drive(before, values[:5])
    model = Model()
    after.set_model(model)
    after.on_train_begin()
    after.set_state(before.get_state())
    for epoch, value in enumerate(values[5:], 5):
        model.weights = epoch
        after.on_epoch_end(epoch, {"val_loss": value})
    after.on_train_end()
    assert (model.weights, *state(after)) == expected[-1]


def test_verbose_prints_the_lines_of_keras(capsys):
    values = [2.0, 1.0, 3.0, 4.0]
    options = {"patience": 2, "restore_best_weights": True, "verbose": 1}
    drive(EarlyStopping(**options), values)
    ours = capsys.readouterr().out
    drive(keras.callbacks.EarlyStopping(**options), values)
    assert ours == capsys.readouterr().out
    assert ours.startswith("Epoch 4: early stopping\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "mim"}, r"mode: expected one of \['auto', 'min', 'max'\], received 'mim'\. Did you mean 'min'\?"),
        ({"patience": -1}, r"patience: expected a whole number >= 0, received -1\."),
        ({"patience": 1.5}, r"patience: expected a whole number >= 0, received 1\.5\."),
        ({"start_from_epoch": -1}, r"start_from_epoch: expected a whole number >= 0"),
        ({"min_delta": math.nan}, r"min_delta: expected a finite number, received nan\."),
        ({"baseline": math.nan}, r"baseline: expected a number or None, received nan\."),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=f"EarlyStopping: {message}"):
        EarlyStopping(**options)


def test_early_stopping_takes_the_arguments_of_keras_with_their_defaults():
    ours, theirs = (inspect.signature(c.__init__).parameters for c in (EarlyStopping, keras.callbacks.EarlyStopping))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]
