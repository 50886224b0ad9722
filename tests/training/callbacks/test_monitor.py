"""What callbacks monitor: looked for before the first epoch, found by name, compared by direction."""

from __future__ import annotations

import re

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.callbacks import Callback, EarlyStopping, LambdaCallback, LearningRateScheduler, ReduceLROnPlateau
from lamina.training.callbacks._monitor import MonitorCallback
from tests.training.helpers import class_data, classifier, count_compilations, same_bits

X, Y = class_data(40)


def fit(model, callbacks, **arguments):
    return model.fit(X, Y, epochs=3, verbose=0, callbacks=callbacks, **arguments)


@pytest.mark.parametrize("kind", [EarlyStopping, ReduceLROnPlateau])
@pytest.mark.parametrize(
    ("monitor", "arguments", "message"),
    [
        (
            "val_acuracy",
            {"validation_split": 0.5},
            "monitor: 'val_acuracy' is not among the values of this training, which are accuracy, loss, val_accuracy, "
            "val_loss. Did you mean 'val_accuracy'?",
        ),
        (
            "val_loss",
            {},
            "monitor: 'val_loss' is not among the values of this training, which are accuracy, loss. There is no "
            "validation: pass validation_data or validation_split to fit, or monitor 'loss'.",
        ),
        (
            "val_loss",
            {"validation_split": 0.5, "validation_freq": 4},
            "monitor: 'val_loss' is not among the values of this training, which are accuracy, loss. No epoch of it is "
            "validated (validation_freq=4): monitor 'loss', or validate more often.",
        ),
    ],
)
def test_a_monitor_that_is_not_there_is_an_error_before_the_first_epoch(kind, monitor, arguments, message):
    model = classifier()
    before = model.get_weights()
    begun = []
    look = LambdaCallback(on_train_begin=lambda logs: begun.append(True))
    with count_compilations() as compiled, pytest.raises(ValueError, match=re.escape(f"{kind.__name__}: {message}")):
        fit(model, [look, kind(monitor)], **arguments)
    assert compiled == begun == []
    assert same_bits(before, model.get_weights())


def test_a_direction_that_auto_cannot_tell_is_an_error_before_the_first_epoch():
    def share(y, y_pred):
        return y_pred[:, 0]

    model = classifier()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[share])
    with count_compilations() as compiled, pytest.raises(ValueError, match="mode: 'auto' cannot tell whether"):
        fit(model, [EarlyStopping("share")])
    assert compiled == []
    fit(model, [EarlyStopping("share", mode="max")])


def adding(hook):
    """A callback of a user's that puts the value `mine` into the logs."""

    def add(*arguments):
        arguments[-1]["mine"] = 1.0

    return LambdaCallback(**{hook: add})


@pytest.mark.parametrize(
    ("hook", "place", "monitor"),
    [
        ("on_epoch_end", 0, "mine"),
        ("on_train_batch_end", 1, "mine"),
        ("on_batch_end", 1, "mine"),
        ("on_test_end", 1, "val_mine"),
    ],
)
def test_values_that_callbacks_of_the_users_add_can_be_monitored(hook, place, monitor):
    callbacks = [EarlyStopping(monitor, mode="min", patience=1)]
    callbacks.insert(place, adding(hook))
    history = fit(classifier(), callbacks, validation_split=0.5)
    assert history.epoch == [0, 1]
    assert history.history[monitor] == [1.0, 1.0]


def test_a_subclass_may_make_the_value_that_it_monitors():
    class Mine(EarlyStopping):
        def on_epoch_end(self, epoch, logs=None):
            logs["mine"] = 1.0
            super().on_epoch_end(epoch, logs)

    assert fit(classifier(), [Mine("mine", mode="max")]).epoch == [0, 1]


def test_the_learning_rate_that_a_callback_adds_can_be_monitored_behind_it():
    scheduler = LearningRateScheduler(lambda epoch, rate: rate)
    assert fit(classifier(), [scheduler, EarlyStopping("learning_rate", mode="max", patience=1)]).epoch == [0, 1]
    with pytest.raises(ValueError, match="'learning_rate' is not among the values of this training, which are acc"):
        fit(classifier(), [EarlyStopping("learning_rate", mode="max"), scheduler])


def test_a_misspelt_monitor_behind_a_callback_of_the_users_is_found_after_the_first_epoch():
    epochs = []
    look = LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    with pytest.raises(ValueError, match=r"'los' is not among .* Did you mean 'loss'"):
        fit(classifier(), [look, EarlyStopping("los")])
    assert epochs == [0]


def test_classes_that_make_their_own_logs_are_asked_after_the_first_epoch():
    class Own(lamina.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3, activation="softmax")

        def call(self, x):
            return self.dense(x)

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            return {"mine": y_pred.mean()}

    model = Own()
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert fit(model, [EarlyStopping("mine", mode="max", patience=1, min_delta=9.0)]).epoch == [0, 1]
    with pytest.raises(ValueError, match="'loss' is not among the values of this training, which are mine"):
        fit(model, [EarlyStopping("loss")])


def test_auto_finds_the_direction_of_the_second_metric_of_one_name():
    x = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[lamina.metrics.R2Score(name="r2") for _ in range(2)])
    callback = EarlyStopping("r2_1")
    names = model.fit(x, x[:, :1], epochs=1, verbose=0, callbacks=[callback]).history
    assert list(names) == ["loss", "r2", "r2_1"]
    assert callback.improves(1.0, -9.0)


def test_an_array_cannot_be_monitored():
    callback = MonitorCallback("confusion", mode="max")
    message = "MonitorCallback: monitor: expected one number, and 'confusion' is an array of shape (3, 3)."
    with pytest.raises(ValueError, match=re.escape(message)):
        callback.monitored({"confusion": np.eye(3)})


def test_names_reach_callbacks_in_order_with_what_those_before_them_add():
    seen = []

    class Look(Callback):
        def expect_logs(self, names):
            seen.append(list(names))

    fit(classifier(), [Look(), ReduceLROnPlateau("loss"), Look(), LambdaCallback(on_epoch_end=print), Look()])
    assert seen == [["accuracy", "loss"], ["accuracy", "loss", "learning_rate"]]
