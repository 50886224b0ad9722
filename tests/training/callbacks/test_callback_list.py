"""Callbacks: the hooks and their logs, and what a bad callback gets, beside the real Keras 3.15."""

from __future__ import annotations

import inspect
import re
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import keras
import numpy as np
import pytest

import lamina
from lamina.training.callbacks import Callback, CallbackList, EarlyStopping, LambdaCallback

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
    CallbackList([recorder], model="the model", epochs=3)
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


# Keras' arguments


def test_arguments_are_those_of_keras():
    ours, theirs = (inspect.signature(c.__init__).parameters for c in (CallbackList, keras.callbacks.CallbackList))
    assert [(p.name, p.default, p.kind) for p in ours.values()] == [
        (p.name, p.default, p.kind) for p in theirs.values()
    ]


@pytest.mark.parametrize("library", [lamina, keras])
def test_a_history_is_added_once_and_set_on_the_model(library):
    callbacks = library.callbacks
    mine, model = callbacks.History(), SimpleNamespace()
    added = callbacks.CallbackList([], add_history=True, model=model, epochs=3)
    assert [type(c) for c in added.callbacks] == [callbacks.History]
    assert model.history is added.callbacks[0]
    assert added.params == added.callbacks[0].params == {"epochs": 3}
    assert callbacks.CallbackList([mine], add_history=True, model=model).callbacks == [mine]
    assert model.history is mine
    assert callbacks.CallbackList([], model=model).callbacks == []


def test_the_history_comes_last_where_it_sees_what_others_add():
    def add(epoch, logs):
        logs["mine"] = epoch

    mine = lamina.callbacks.History()
    callbacks = CallbackList([mine, LambdaCallback(on_epoch_end=add)], add_history=True, model=SimpleNamespace())
    callbacks.on_epoch_end(3, {"loss": 1.0})
    assert mine.history == {"loss": [1.0], "mine": [3]}
