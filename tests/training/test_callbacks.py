"""Callbacks: the hooks and their logs, what a bad callback gets, and early stopping beside the real Keras 3.15."""

from __future__ import annotations

import inspect
import math
import os
import re
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lamina.training.callbacks import Callback, CallbackList, EarlyStopping, LambdaCallback

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras
from keras.src.trainers.compile_utils import MetricsList

HOOKS = sorted(name for name in dir(keras.callbacks.Callback) if name.startswith("on_"))
INDEXED = [name for name in HOOKS if "epoch" in name or "batch" in name]


class Recorder(Callback):
    """Keeps every call that reaches it."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def on_train_begin(self, logs=None):
        self.calls.append(("on_train_begin", logs))

    def on_epoch_end(self, epoch, logs=None):
        self.calls.append(("on_epoch_end", epoch, logs))


def test_hooks_and_their_arguments_are_those_of_keras():
    ours = sorted(name for name in dir(Callback) if name.startswith("on_"))
    assert ours == HOOKS
    for name in HOOKS:
        theirs = getattr(keras.callbacks.Callback, name)
        while hasattr(theirs, "__wrapped__"):
            theirs = theirs.__wrapped__
        code, expected = getattr(Callback, name).__code__, theirs.__code__
        assert code.co_varnames[: code.co_argcount] == expected.co_varnames[: expected.co_argcount]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_of_a_list_reaches_every_callback_in_order(hook):
    seen = []
    first = LambdaCallback(**{hook: lambda *arguments: seen.append(("first", *arguments))})
    second = LambdaCallback(**{hook: lambda *arguments: seen.append(("second", *arguments))})
    index = (3,) if hook in INDEXED else ()
    getattr(CallbackList([first, second]), hook)(*index, {"loss": 1.0})
    assert seen == [("first", *index, {"loss": 1.0}), ("second", *index, {"loss": 1.0})]


@pytest.mark.parametrize("hook", ["on_train_batch_begin", "on_train_batch_end"])
def test_train_batch_hooks_call_their_older_names(hook):
    seen = []
    older = hook.replace("train_", "")
    callback = LambdaCallback(**{older: lambda batch, logs: seen.append((batch, logs))})
    getattr(CallbackList([callback]), hook)(5, logs={"loss": 1.0})
    assert seen == [(5, {"loss": 1.0})]


def test_model_and_params_are_set_on_every_callback():
    recorder = Recorder()
    assert recorder.model is None
    assert recorder.params is None
    CallbackList([recorder], model="the model", params={"epochs": 3})
    assert recorder.model == "the model"
    assert recorder.params == {"epochs": 3}


def test_logs_are_plain_floats_in_a_new_dict():
    recorder = Recorder()
    given_logs = {"b": np.float32(0.5), "a": jnp.asarray(0.25), "n": 3, "text": "x", "outputs": np.ones(1)}
    CallbackList([recorder]).on_epoch_end(0, given_logs)
    ((_, _, logs),) = recorder.calls
    assert list(logs) == list(given_logs)
    assert [type(logs[name]) for name in ("b", "a", "n")] == [float] * 3
    assert (logs["b"], logs["a"], logs["n"], logs["text"]) == (0.5, 0.25, 3.0, "x")
    assert logs["outputs"] is given_logs["outputs"]
    logs["b"] = 0
    assert given_logs["b"] == np.float32(0.5)


def test_without_logs_hooks_get_an_empty_dict():
    recorder = Recorder()
    CallbackList([recorder]).on_train_begin()
    assert recorder.calls == [("on_train_begin", {})]


def test_values_that_a_callback_adds_reach_later_callbacks_and_the_caller():
    def add(epoch, logs):
        logs["learning_rate"] = 0.1

    recorder = Recorder()
    returned = CallbackList([LambdaCallback(on_epoch_end=add), recorder]).call("on_epoch_end", 0, logs={"loss": 1})
    assert returned == {"loss": 1.0, "learning_rate": 0.1}
    assert recorder.calls == [("on_epoch_end", 0, returned)]


def test_callbacks_may_be_one_a_nested_list_or_none():
    one, two, three = Recorder(), Recorder(), Recorder()
    assert list(CallbackList(one)) == [one]
    assert list(CallbackList([one, (two, [three]), None])) == [one, two, three]
    assert list(CallbackList([CallbackList([one, two]), three])) == [one, two, three]
    assert len(CallbackList()) == 0


# Batch hooks


@pytest.mark.parametrize("hook", HOOKS)
def test_batch_hooks_tells_which_modes_need_single_batches(hook):
    mode = re.sub(r"on_(train|test|predict)?_?batch_(begin|end)", r"\1", hook) or "train" if "batch" in hook else None
    derived = type("Derived", (Callback,), {hook: lambda self, index, logs=None: None})()
    for callback in (derived, type("Further", (type(derived),), {})(), LambdaCallback(**{hook: lambda *a: None})):
        callbacks = CallbackList([Recorder(), callback])
        assert {m: callbacks.batch_hooks(m) for m in ("train", "test", "predict")} == {
            m: m == mode for m in ("train", "test", "predict")
        }


def test_lambda_callback_with_none_overrides_nothing():
    callbacks = CallbackList([LambdaCallback(on_train_batch_end=None, on_test_batch_end=None), EarlyStopping()])
    assert not any(callbacks.batch_hooks(mode) for mode in ("train", "test", "predict"))


def test_lambda_callback_takes_what_keras_takes():
    functions = [lambda *arguments, place=place: place for place in range(6)]
    ours, theirs = LambdaCallback(*functions), keras.callbacks.LambdaCallback(*functions)
    for name in HOOKS:
        if name in vars(theirs):
            assert getattr(ours, name) is getattr(theirs, name)
        else:
            assert name not in vars(ours)


def test_lambda_callback_refuses_unknown_hooks_and_things_that_cannot_be_called():
    with pytest.raises(ValueError, match=r"hook of LambdaCallback: 'on_epoch_ends'\. Did you mean 'on_epoch_end'\?"):
        LambdaCallback(on_epoch_ends=print)
    with pytest.raises(TypeError, match=r"LambdaCallback: on_epoch_end: expected a function or None, received 3\."):
        LambdaCallback(on_epoch_end=3)


# What goes wrong


def raising(error: BaseException):
    def hook(*arguments):
        raise error

    return hook


@pytest.mark.parametrize(
    ("hook", "index", "place"),
    [
        ("on_train_begin", (), "callbacks[1]"),
        ("on_epoch_begin", (4,), "callbacks[1], epoch 4"),
        ("on_train_batch_end", (17,), "callbacks[1], epoch 3, batch 17"),
        ("on_test_batch_end", (2,), "callbacks[1], epoch 3, batch 2"),
        ("on_train_end", (), "callbacks[1], epoch 3"),
    ],
)
def test_exception_goes_through_unchanged_with_a_note(hook, index, place):
    error = KeyError("lr")
    callbacks = CallbackList([Recorder(), LambdaCallback(**{hook: raising(error)})])
    if hook not in ("on_train_begin", "on_epoch_begin"):
        callbacks.on_epoch_begin(3)
    with pytest.raises(KeyError) as caught:
        getattr(callbacks, hook)(*index)
    assert caught.value is error
    assert error.__notes__ == [f"Raised by LambdaCallback.{hook} ({place}; counted from 0)."]


def a_function(epoch, logs):
    pass


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            [Recorder(), EarlyStopping],
            r"callbacks\[1\]: .* received the class EarlyStopping\. Write EarlyStopping\(\)\.",
        ),
        ([[a_function]], r"callbacks\[0\]\[0\]: .* the function a_function\. Write LambdaCallback\(on_epoch_end=a_fun"),
        (
            ["early"],
            r"callbacks\[0\]: expected a lamina\.callbacks\.Callback object, received 'early' of type builtins\.str",
        ),
        ([dict], r"received the class dict\. Derive it from lamina\.callbacks\.Callback and make an object\."),
        (keras.callbacks.TerminateOnNaN(), r"callbacks: .* of type keras\..*TerminateOnNaN\. Use a callback of lamina"),
    ],
)
def test_entry_that_is_no_callback_is_refused(entry, message):
    with pytest.raises(TypeError, match=message):
        CallbackList(entry)


# EarlyStopping


class Model:
    """A model as early stopping sees one: its weights are the number of the epoch."""

    def __init__(self, metrics: Any = ()) -> None:
        self.metrics = list(metrics)
        self.stop_training = False
        self.weights = -1

    def get_weights(self):
        return [np.array(self.weights)]

    def set_weights(self, weights):
        self.weights = int(weights[0])


def drive(callback: Any, values: list[float], trainings: int = 1, metrics: Any = (), name: str = "val_loss") -> Any:
    """Run trainings with made-up values; return what can be seen of the callback after each epoch and training."""
    seen = []
    for _ in range(trainings):
        model = Model(metrics)
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, value in enumerate(values):
            model.weights = epoch
            callback.on_epoch_end(epoch, {"loss": 0.0, name: value})
            seen.append((model.stop_training, *state(callback)))
            if model.stop_training:
                break
        callback.on_train_end()
        seen.append((model.weights, *state(callback)))
    return seen


def state(callback: Any) -> tuple[Any, ...]:
    weights = callback.best_weights
    return (
        callback.wait,
        callback.stopped_epoch,
        callback.best,
        callback.best_epoch,
        weights if weights is None else int(weights[0]),
    )


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
    CallbackList([callback], Model(), {"validation_freq": 2})
    for epoch, logs in enumerate([{"loss": 1.0}, {"loss": 1.0, "val_loss": 1.0}, {"loss": 1.0}]):
        callback.on_epoch_end(epoch, logs)
    assert (callback.best, callback.wait, callback.model.stop_training) == (1.0, 0, False)
    misspelt = CallbackList([EarlyStopping("val_los")], Model(), {"validation_freq": 2})
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
