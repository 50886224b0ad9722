"""SwapEMAWeights: the averages are in the model when they should be, and the weights come back whatever happens.

tests/parity/test_callbacks.py compares it with Keras. Expected averages: the formula in NumPy, over the weights that a
callback saw after each step.
"""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.callbacks import Callback, LambdaCallback, SwapEMAWeights
from lamina.optimizers import SGD, Adam, LossScaleOptimizer
from tests.training.helpers import regression_data, same_bits

X, Y = regression_data(40)
FIT = {"batch_size": 8, "shuffle": False, "verbose": 0}


def line(optimizer=None, **arguments) -> lamina.Sequential:
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(optimizer or SGD(0.1, use_ema=True, ema_momentum=0.8), "mse", **arguments)
    return model


class Steps(Callback):
    """Keeps the weights after each step, and their average as the optimizer defines it."""

    def __init__(self):
        self.weights, self.average = [], None

    def on_train_batch_end(self, batch, logs=None):
        self.weights = [w.astype("float64") for w in self.model.get_weights()]
        if self.average is None:
            self.average = self.weights
        self.average = [0.8 * a + 0.2 * w for a, w in zip(self.average, self.weights, strict=True)]


def near(weights, expected):
    return all(np.allclose(a, b, rtol=1e-5, atol=1e-6) for a, b in zip(weights, expected, strict=True))


class Look(Callback):
    """Notes what the model holds at some moments: "weights" or "average"."""

    def __init__(self, steps):
        self.steps, self.seen = steps, []

    def note(self, moment):
        now = self.model.get_weights()
        names = [n for n, w in (("weights", self.steps.weights), ("average", self.steps.average)) if w and near(now, w)]
        self.seen.append((moment, *names))

    def on_epoch_begin(self, epoch, logs=None):
        self.note("begin")

    def on_test_batch_begin(self, batch, logs=None):
        self.note("test")

    def on_epoch_end(self, epoch, logs=None):
        self.note("end")

    def on_train_end(self, logs=None):
        self.note("train end")


@pytest.mark.parametrize("wrap", [lambda inner: inner, LossScaleOptimizer], ids=["plain", "loss_scale"])
@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_the_averages_are_in_the_model_when_they_should_be(swap_on_epoch, wrap):
    steps = Steps()
    look = Look(steps)
    model = line(wrap(SGD(0.1, use_ema=True, ema_momentum=0.8)))
    callbacks = [steps, SwapEMAWeights(swap_on_epoch), look]
    model.fit(X, Y, epochs=2, validation_data=(X[:8], Y[:8]), callbacks=callbacks, **FIT)
    end = ("end", "average") if swap_on_epoch else ("end", "weights")
    assert look.seen == [
        ("begin",),
        ("test", "average"),
        end,
        ("begin", "weights"),
        ("test", "average"),
        end,
        ("train end", "average"),
    ]


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_a_training_that_is_stopped_early_ends_with_the_averages(swap_on_epoch):
    steps = Steps()
    model = line()

    def stop(epoch, logs):
        model.stop_training = epoch == 1

    model.fit(
        X, Y, epochs=9, callbacks=[steps, SwapEMAWeights(swap_on_epoch), LambdaCallback(on_epoch_end=stop)], **FIT
    )
    assert near(model.get_weights(), steps.average)
    assert not near(model.get_weights(), steps.weights)


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_the_steps_are_the_same_bits_with_it(swap_on_epoch):
    results = []
    for callbacks in ([], [SwapEMAWeights(swap_on_epoch)]):
        model = line(Adam(0.05, use_ema=True))
        model.fit(X, Y, epochs=3, validation_data=(X, Y), callbacks=callbacks, **FIT)
        results.append(model.get_weights() + [v.numpy() for v in model.optimizer.variables])
    assert same_bits(*results)


@pytest.mark.parametrize("method", ["evaluate", "predict"])
def test_evaluate_and_predict_use_the_averages_and_give_the_weights_back(method):
    model = line(SGD(0.1, use_ema=True, ema_momentum=0.8))
    steps = Steps()
    crash = LambdaCallback(on_epoch_end=lambda epoch, logs: {}["stop"])
    with pytest.raises(KeyError):  # so that training does not end with the averages
        model.fit(X, Y, callbacks=[steps, crash], **FIT)
    weights = model.get_weights()
    assert near(weights, steps.weights)
    predicted = X @ steps.average[0] + steps.average[1]
    callbacks = [SwapEMAWeights()]
    if method == "evaluate":
        loss = model.evaluate(X, Y, verbose=0, callbacks=callbacks)
        assert loss == pytest.approx(((predicted - Y) ** 2).mean(), rel=1e-5)
    else:
        np.testing.assert_allclose(model.predict(X, verbose=0, callbacks=callbacks), predicted, rtol=1e-4, atol=1e-5)
    assert same_bits(model.get_weights(), weights)
    hook = f"on_{method.replace('evaluate', 'test')}_batch_end"
    failing = LambdaCallback(**{hook: lambda *arguments: {}["mine"]})
    arguments = (X, Y) if method == "evaluate" else (X,)
    with pytest.raises(KeyError, match="mine"):
        getattr(model, method)(*arguments, verbose=0, callbacks=[*callbacks, failing])
    assert same_bits(model.get_weights(), weights)


def test_an_error_in_the_validation_of_a_training_leaves_the_weights():
    steps = Steps()
    model = line()
    failing = LambdaCallback(on_test_batch_end=lambda *arguments: {}["mine"])
    with pytest.raises(KeyError, match="mine"):
        model.fit(X, Y, validation_data=(X, Y), callbacks=[steps, SwapEMAWeights(True), failing], **FIT)
    assert near(model.get_weights(), steps.weights)


def test_before_the_first_step_there_is_no_average_to_use():
    model = line()
    before = model.evaluate(X, Y, verbose=0)
    model.optimizer.build(model.trainable_variables)
    assert model.evaluate(X, Y, verbose=0, callbacks=[SwapEMAWeights()]) == before


def test_state_taken_between_epochs_carries_on_in_another_object():
    results = []
    for interrupted in (False, True):
        model, callback = line(), SwapEMAWeights(swap_on_epoch=True)
        for step in range(4):
            if step:
                callback.on_epoch_begin(step)
            model.train_on_batch(X[step * 8 :][:8], Y[step * 8 :][:8])
            if not step:
                callback.set_model(model)
                callback.on_train_begin()
            callback.on_epoch_end(step)
            if interrupted and step == 1:
                state, callback = callback.get_state(), SwapEMAWeights(swap_on_epoch=True)
                callback.set_model(model)
                callback.on_train_begin()
                callback.set_state({**state, "weights": [np.asarray(w) for w in state["weights"]]})
        results.append(model.get_weights() + [v.numpy() for v in model.optimizer.variables])
    assert same_bits(*results)


@pytest.mark.parametrize("optimizer", [SGD(0.1), LossScaleOptimizer(Adam())])
def test_an_optimizer_without_averages_is_refused_before_training(optimizer):
    model = line(optimizer)
    with pytest.raises(ValueError, match="SwapEMAWeights: expected an optimizer that keeps averages, such as Adam"):
        model.fit(X, Y, callbacks=[SwapEMAWeights()], **FIT)
    with pytest.raises(ValueError, match="SwapEMAWeights: expected an optimizer that keeps averages"):
        model.evaluate(X, Y, verbose=0, callbacks=[SwapEMAWeights()])


def test_arguments_are_those_of_keras():
    ours, theirs = (inspect.signature(c.__init__).parameters for c in (SwapEMAWeights, keras.callbacks.SwapEMAWeights))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]
