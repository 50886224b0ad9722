"""LearningRateScheduler: rates in training, what it refuses. tests/parity/test_callbacks.py compares it with Keras."""

from __future__ import annotations

import functools
import inspect
import re

import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest

import lamina
from lamina.callbacks import LearningRateScheduler
from lamina.optimizers import SGD, Adam, LossScaleOptimizer
from lamina.optimizers.schedules import ExponentialDecay
from tests.training.callbacks.helpers import line
from tests.training.helpers import count_compilations, regression_data

X, Y = regression_data(40)


def fit(callback, optimizer="sgd", epochs=3):
    model = line(optimizer)
    return model.fit(X, Y, epochs=epochs, verbose=0, callbacks=[callback]).history


def test_rates_are_in_the_history_and_no_epoch_compiles_again():
    model = line(Adam(0.1))
    callbacks = [LearningRateScheduler(lambda epoch, rate: 0.1 / (epoch + 1))]
    history = model.fit(X, Y, epochs=3, verbose=0, callbacks=callbacks).history
    np.testing.assert_allclose(history["learning_rate"], [0.1, 0.05, 0.1 / 3], rtol=1e-7)
    with count_compilations() as compiled:
        model.fit(X, Y, epochs=3, verbose=0, callbacks=callbacks)
    assert compiled == []


class Schedule:
    def step(self, epoch, rate):
        return rate / 2

    def __call__(self, epoch):
        return 1 / (epoch + 2)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Schedule().step, [0.5, 0.25]),
        (Schedule(), [0.5, 1 / 3]),
        (functools.partial(Schedule().step, 3), [0.5, 0.25]),
        (lambda epoch, *rest: rest[0], [1, 1]),
        (lambda epoch, *, other=3: other, [3, 3]),
        (lambda epoch, rate: rate * jnp.exp(-0.5), [np.exp(-0.5), np.exp(-1)]),
        (ExponentialDecay(0.5, 1, 0.1), [0.5, 0.05]),
    ],
)
def test_functions_of_every_form_work(schedule, expected):
    if isinstance(schedule, functools.partial):  # the partial takes the rate alone, in the place of the epoch
        expected = [0.0, 0.5]
    np.testing.assert_allclose(fit(LearningRateScheduler(schedule), SGD(1.0), 2)["learning_rate"], expected, rtol=1e-6)


def test_a_type_error_inside_the_function_comes_through():
    with pytest.raises(TypeError, match="unsupported operand"):
        fit(LearningRateScheduler(lambda epoch, rate: rate + "1"))


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, "received None. Does it return anything?"),
        ("0.1", "received '0.1'."),
        (float("nan"), "received nan."),
        (-0.1, "received -0.1."),
        (True, "received True."),
        (np.ones(2), "received array([1., 1.])."),
    ],
)
def test_results_that_are_no_rate_are_refused(result, message):
    message = f"LearningRateScheduler: schedule: expected a finite number >= 0 for epoch 0, {message}"
    with pytest.raises(ValueError, match=re.escape(message)):
        fit(LearningRateScheduler(lambda epoch, rate: result))


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (0.1, "expected a function such as lambda epoch, learning_rate: 0.9 * learning_rate, received 0.1."),
        (Schedule, "received <class"),
        (lambda: 0.1, "expected a function of (epoch, learning_rate) or (epoch), received '<lambda>'"),
        (lambda a, b, c: 0.1, "with the arguments (a, b, c)."),
    ],
)
def test_what_is_no_function_of_the_epoch_is_refused_at_once(schedule, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        LearningRateScheduler(schedule)


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        (
            SGD(ExponentialDecay(0.1, 10, 0.5)),
            "the learning rate of 'sgd.*' follows a schedule, which sets it at every step",
        ),
        (LossScaleOptimizer(SGD(lambda step: 0.1)), "follows a schedule"),
        (optax.sgd(0.1), "LearningRateScheduler: optax_optimizer: the learning rate is inside the transformation."),
    ],
)
def test_an_optimizer_whose_rate_cannot_be_set_is_refused_before_training(optimizer, message):
    model = line(optimizer)
    with count_compilations() as compiled, pytest.raises(ValueError, match=message):
        model.fit(X, Y, verbose=0, callbacks=[LearningRateScheduler(lambda epoch: 0.1)])
    assert len(compiled) < 5  # the schedule's own arithmetic, no program


@pytest.mark.parametrize("wrap", [LossScaleOptimizer, lambda inner: inner])
def test_wrapped_and_injected_rates_are_set(wrap):
    assert fit(LearningRateScheduler(lambda epoch: 0.25), wrap(SGD(0.1)), 1)["learning_rate"] == [0.25]
    injected = optax.inject_hyperparams(optax.sgd)(learning_rate=0.1)
    assert fit(LearningRateScheduler(lambda epoch: 0.25), injected, 1)["learning_rate"] == [0.25]


def test_arguments_are_those_of_keras():
    classes = (lamina.callbacks.LearningRateScheduler, keras.callbacks.LearningRateScheduler)
    ours, theirs = (inspect.signature(c.__init__).parameters for c in classes)
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]
