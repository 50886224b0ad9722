"""Callbacks in a running training: what they assign counts from the next step on, they see every batch, and when one
raises, the model is whole. Expected numbers: the same training written out in NumPy, 64 bits."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.callbacks import Callback, CallbackList, LambdaCallback
from tests.training.helpers import count_compilations

X, Y = np.random.default_rng(0).normal(size=(2, 20, 1)).astype("float32")
X_VAL, Y_VAL = np.random.default_rng(1).normal(size=(2, 7, 1)).astype("float32")
ARGUMENTS = {"batch_size": 4, "epochs": 3, "shuffle": False, "verbose": 0, "validation_data": (X_VAL, Y_VAL)}
HOOKS = {
    "on_train_begin": None,
    "on_epoch_begin": 1,
    "on_train_batch_begin": 2,
    "on_batch_begin": 3,
    "on_train_batch_end": 2,
    "on_batch_end": 4,
    "on_test_begin": None,
    "on_test_batch_begin": 1,
    "on_test_batch_end": 0,
    "on_test_end": None,
    "on_epoch_end": 1,
    "on_train_end": None,
}
PREDICT_HOOKS = {
    "on_predict_begin": None,
    "on_predict_batch_begin": 1,
    "on_predict_batch_end": 0,
    "on_predict_end": None,
}


def line(learning_rate=0.1) -> lamina.Sequential:
    """y = w x, w = 1 at the start."""
    model = lamina.Sequential([layers.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(lamina.optimizers.SGD(learning_rate), "mse")
    return model


@pytest.fixture(scope="module")
def shared() -> lamina.Sequential:
    """A model that is compiled once for many tests."""
    return line()


def restart(model: lamina.Sequential) -> lamina.Sequential:
    model.set_weights([np.ones((1, 1))])
    model.optimizer.learning_rate = 0.1
    return model


def by_hand(hook, at, new_weight, new_rate):
    """The training, with a weight and a rate set at each call of a hook with an index; returns weight and losses."""
    state = {"w": 1.0, "rate": 0.1}
    losses: dict[str, list[float]] = {"loss": [], "val_loss": []}

    def call(name, index=None):
        if (name, index) == (hook, at):
            state.update(w=new_weight, rate=new_rate)

    x, y, x_val, y_val = (a[:, 0].astype("float64") for a in (X, Y, X_VAL, Y_VAL))
    call("on_train_begin")
    for epoch in range(3):
        call("on_epoch_begin", epoch)
        total = 0.0
        for batch in range(5):
            call("on_train_batch_begin", batch)
            call("on_batch_begin", batch)
            a, b = x[batch * 4 :][:4], y[batch * 4 :][:4]
            error = state["w"] * a - b
            total += (error**2).sum()
            state["w"] -= state["rate"] * (2 * error * a).mean()
            call("on_train_batch_end", batch)
            call("on_batch_end", batch)
        losses["loss"].append(total / 20)
        call("on_test_begin")
        total = 0.0
        for batch in range(2):
            call("on_test_batch_begin", batch)
            total += ((state["w"] * x_val[batch * 4 :][:4] - y_val[batch * 4 :][:4]) ** 2).sum()
            call("on_test_batch_end", batch)
        losses["val_loss"].append(total / 7)
        call("on_test_end")
        call("on_epoch_end", epoch)
    call("on_train_end")
    return state["w"], losses


@pytest.mark.parametrize("hook", list(HOOKS))
def test_weights_and_rates_set_in_any_hook_count_from_the_next_step(hook, shared):
    model = restart(shared)

    def assign(*arguments):
        if HOOKS[hook] is None or arguments[0] == HOOKS[hook]:
            model.layers[-1].kernel.assign([[-2.0]])
            model.optimizer.learning_rate = 0.01

    history = model.fit(X, Y, callbacks=[LambdaCallback(**{hook: assign})], **ARGUMENTS).history
    weight, losses = by_hand(hook, HOOKS[hook], -2.0, 0.01)
    np.testing.assert_allclose(model.get_weights()[0], [[weight]], rtol=1e-5)
    for name, values in losses.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)
    untouched = by_hand(None, None, 0, 0)[1]
    assert hook in ("on_train_end",) or losses != untouched


def test_hooks_read_the_weights_of_the_step_that_is_done(shared):
    model = restart(shared)
    seen = []
    look = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(float(model.get_weights()[0][0, 0])))
    model.fit(X, Y, callbacks=[look], **ARGUMENTS)
    expected = []
    w = 1.0
    for _ in range(3):
        for batch in range(5):
            a, b = X[batch * 4 :][:4].astype("float64"), Y[batch * 4 :][:4].astype("float64")
            w -= 0.1 * (2 * (w * a - b) * a).mean()
            expected.append(w)
    np.testing.assert_allclose(seen, expected, rtol=1e-5)


def test_assignments_compile_nothing_again(shared):
    model = restart(shared)

    def assign(batch, logs):
        model.optimizer.learning_rate = 0.1 / (batch + 1)
        model.set_weights([np.full((1, 1), batch, "float32")])

    callbacks = [LambdaCallback(on_train_batch_begin=assign)]
    model.fit(X, Y, callbacks=callbacks, **ARGUMENTS)
    with count_compilations() as compiled:
        model.fit(X, Y, callbacks=callbacks, **ARGUMENTS)
    assert compiled == []


@pytest.mark.parametrize("source", ["arrays", "stream", "memory_map"])
def test_batch_hooks_see_every_batch(source, tmp_path):
    seen: dict[str, list[int]] = {"train": [], "test": []}
    look = LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen["train"].append(batch),
        on_test_batch_begin=lambda batch, logs: seen["test"].append(batch),
    )
    x, y = X[:18], Y[:18]
    arguments = {**ARGUMENTS, "epochs": 2, "callbacks": [look]}
    if source == "memory_map":
        np.save(tmp_path / "x.npy", x)
        x = np.load(tmp_path / "x.npy", mmap_mode="r")
    if source == "stream":
        del arguments["batch_size"], arguments["shuffle"]
        batches = [(x[i : i + 4], y[i : i + 4]) for i in range(0, 18, 4)]
        line().fit(lambda: iter(batches), **{**arguments, "validation_data": lambda: iter(batches[:2])})
    else:
        line().fit(x, y, **arguments)
    assert seen == {"train": [0, 1, 2, 3, 4] * 2, "test": [0, 1] * 2}


class Ends(Callback):
    """Notes that training ended."""

    ended = 0

    def on_train_end(self, logs=None):
        self.ended += 1


@pytest.mark.parametrize("hook", [*HOOKS, "steps_done", "set_model", "set_params"])
def test_a_callback_that_raises_in_training_is_named_and_leaves_the_model_whole(hook, shared):
    model = restart(shared)

    def fail(self, *arguments, **keywords):
        if HOOKS.get(hook) is None or arguments[0] == HOOKS[hook]:
            raise KeyError("mine")

    ends = Ends()
    failing = type("Failing", (Callback,), {hook: fail})()
    with pytest.raises(KeyError, match="mine") as caught:
        model.fit(X, Y, callbacks=[failing, ends], **ARGUMENTS)
    assert len(caught.value.__notes__) == 1
    called_by = hook.replace("on_batch", "on_train_batch")
    assert caught.value.__notes__[0].startswith(f"Raised by Failing.{called_by} (callbacks[0]")
    assert ends.ended == (hook not in ("set_model", "set_params"))
    assert np.isfinite(model.get_weights()[0]).all()
    again = restart(model).fit(X, Y, **ARGUMENTS).history
    np.testing.assert_allclose(again["loss"], by_hand(None, None, 0, 0)[1]["loss"], rtol=1e-5)


@pytest.mark.parametrize("hook", [name for name in HOOKS if "test" in name] + list(PREDICT_HOOKS))
def test_a_callback_that_raises_in_evaluate_or_predict_is_named(hook, shared):
    model = restart(shared)
    callback = LambdaCallback(**{hook: lambda *arguments: [].index("mine")})
    call = model.predict if "predict" in hook else lambda x, **rest: model.evaluate(x, Y, **rest)
    with pytest.raises(ValueError, match="'mine' is not in list") as caught:
        call(X, batch_size=4, verbose=0, callbacks=[callback])
    assert caught.value.__notes__[0].startswith(f"Raised by LambdaCallback.{hook} (callbacks[0]")
    np.testing.assert_allclose(model.predict(X, verbose=0), X, rtol=1e-6)


@pytest.mark.parametrize("hook", list(PREDICT_HOOKS))
def test_weights_set_in_a_hook_of_predict_count_from_the_next_batch(hook, shared):
    model = restart(shared)

    def assign(*arguments):
        if PREDICT_HOOKS[hook] is None or arguments[0] == PREDICT_HOOKS[hook]:
            model.set_weights([np.full((1, 1), 3.0)])

    first = {"on_predict_begin": 0, "on_predict_batch_begin": 1, "on_predict_batch_end": 1, "on_predict_end": 5}[hook]
    outputs = model.predict(X, batch_size=4, verbose=0, callbacks=[LambdaCallback(**{hook: assign})])
    np.testing.assert_allclose(outputs, np.concatenate([X[: first * 4], 3 * X[first * 4 :]]), rtol=1e-6)


def test_all_callbacks_hear_of_the_end_when_one_raises_there():
    ends, second = Ends(), LambdaCallback(on_train_end=lambda logs: {}["second"])
    callbacks = CallbackList([LambdaCallback(on_train_end=lambda logs: {}["first"]), ends, second])
    with pytest.raises(KeyError, match="first") as caught:
        callbacks.on_train_end()
    assert ends.ended == 1
    assert caught.value.__notes__ == [
        "Raised by LambdaCallback.on_train_end (callbacks[0]; counted from 0).",
        "And then KeyError in LambdaCallback.on_train_end: 'second'",
    ]


def test_steps_done_hears_of_all_steps_in_chunks(shared):
    seen = []

    class Steps(Callback):
        def steps_done(self, epoch, first, last, logs):
            seen.append((epoch, first, last, sorted(logs)))

    restart(shared).fit(X[:18], Y[:18], callbacks=[Steps()], **ARGUMENTS)
    for epoch in range(3):
        chunks = [(first, last) for e, first, last, names in seen if e == epoch and names == ["loss"]]
        assert [step for first, last in chunks for step in range(first, last + 1)] == [0, 1, 2, 3, 4]
    assert len(seen) < 15  # fewer than steps
