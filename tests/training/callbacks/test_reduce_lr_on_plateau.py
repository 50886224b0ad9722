"""ReduceLROnPlateau: beside schedules, its state, what it refuses. tests/parity/test_callbacks.py has Keras.

Expected weights: the same steps of gradient descent in NumPy, 64 bits.
"""

from __future__ import annotations

import inspect
import math
import re

import keras
import numpy as np
import optax
import pytest

import lamina
from lamina import layers
from lamina.callbacks import EarlyStopping, ReduceLROnPlateau
from lamina.optimizers import SGD, LossScaleOptimizer
from lamina.optimizers.schedules import CosineDecay, ExponentialDecay
from tests.training.callbacks.helpers import scripted
from tests.training.helpers import class_data, classifier, count_compilations

X, Y = np.random.default_rng(0).normal(size=(2, 20, 1)).astype("float32")
NEVER_BETTER = {"monitor": "loss", "factor": 0.5, "patience": 1, "min_delta": 1e9}  # halves after each epoch but one


def line(optimizer) -> lamina.Sequential:
    """y = w x, w = 1 at the start."""
    model = lamina.Sequential([layers.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(optimizer, "mse")
    return model


def by_hand(rate_of, epochs=4):
    """The weight after epochs of 5 steps, of which step number t of epoch e has the rate rate_of(t, e)."""
    w, x, y = 1.0, X[:, 0].astype("float64"), Y[:, 0].astype("float64")
    for step in range(5 * epochs):
        a, b = (part[step % 5 * 4 :][:4] for part in (x, y))
        w -= rate_of(step, step // 5) * (2 * (w * a - b) * a).mean()
    return w


def fitted(optimizer, callback, epochs=4):
    model = line(optimizer)
    history = model.fit(X, Y, batch_size=4, epochs=epochs, shuffle=False, verbose=0, callbacks=[callback])
    return model, history.history


@pytest.mark.parametrize("wrap", [lambda inner: inner, LossScaleOptimizer], ids=["plain", "loss_scale"])
@pytest.mark.parametrize(
    ("rate", "formula"),
    [
        (ExponentialDecay(0.2, 5, 0.7), lambda t: 0.2 * 0.7 ** (t / 5)),
        (CosineDecay(0.2, 20), lambda t: 0.1 * (1 + math.cos(math.pi * t / 20))),
        (lambda step: 0.2 / (step + 1), lambda t: 0.2 / (t + 1)),
        (lambda: 0.2, lambda t: 0.2),
        (0.2, lambda t: 0.2),
    ],
    ids=["exponential", "cosine", "function", "without_step", "number"],
)
def test_the_rate_is_the_schedule_times_what_the_callback_multiplies_by(rate, formula, wrap):
    optimizer = wrap(SGD(rate))
    model, history = fitted(optimizer, ReduceLROnPlateau(**NEVER_BETTER))
    factors = [1, 1, 0.5, 0.25]
    weight = by_hand(lambda step, epoch: formula(step) * factors[epoch])
    np.testing.assert_allclose(model.get_weights()[0], [[weight]], rtol=1e-5)
    expected = [formula(5 * (epoch + 1)) * factors[epoch] for epoch in range(4)]  # at the end of each epoch
    np.testing.assert_allclose(history["learning_rate"], expected, rtol=1e-6, atol=1e-9)
    assert float(optimizer.learning_rate) == pytest.approx(formula(20) * 0.125, abs=1e-9)


def test_the_multiplier_is_exact_and_compiles_nothing_again():
    optimizer = SGD(ExponentialDecay(0.2, 5, 0.7))
    model, _ = fitted(optimizer, ReduceLROnPlateau(**NEVER_BETTER))
    assert float(optimizer.rate_multiplier) == 0.5**3
    callback = ReduceLROnPlateau(**NEVER_BETTER)
    with count_compilations() as compiled:
        model.fit(X, Y, batch_size=4, epochs=4, shuffle=False, verbose=0, callbacks=[callback])
    assert compiled == []
    assert float(optimizer.rate_multiplier) == 0.5**6  # it goes on from the training before, as a number does


def test_min_lr_bounds_what_the_callback_does_to_a_schedule():
    optimizer = SGD(lambda step: 0.2)
    callback = ReduceLROnPlateau(**NEVER_BETTER | {"min_lr": 0.08})
    _, history = fitted(optimizer, callback, epochs=5)
    np.testing.assert_allclose(history["learning_rate"], [0.2, 0.2, 0.1, 0.08, 0.08], rtol=1e-6)


def test_with_a_step_of_ones_own_the_multiplier_counts():
    class Own(lamina.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1, use_bias=False, kernel_initializer="ones")

        def call(self, x):
            return self.dense(x)

        def train_step(self, state, data):
            return super().train_step(state, data)

    model = Own()
    model.compile(SGD(lambda step: 0.2), "mse")
    callbacks = [ReduceLROnPlateau(**NEVER_BETTER)]
    model.fit(X, Y, batch_size=4, epochs=4, shuffle=False, verbose=0, callbacks=callbacks)
    factors = [1, 1, 0.5, 0.25]
    np.testing.assert_allclose(model.get_weights()[0], [[by_hand(lambda t, e: 0.2 * factors[e])]], rtol=1e-5)


def test_beside_early_stopping_and_a_metric_of_the_validation():
    x, y = class_data(40)
    model = classifier(optimizer=SGD(0.1))
    callbacks = [
        ReduceLROnPlateau("val_accuracy", patience=1, min_delta=2, factor=0.5),
        EarlyStopping("val_accuracy", patience=3, min_delta=2),
    ]
    history = model.fit(x, y, epochs=9, verbose=0, validation_split=0.25, callbacks=callbacks).history
    np.testing.assert_allclose(history["learning_rate"], [0.1, 0.1, 0.05, 0.025], rtol=1e-6)


def test_state_taken_in_the_middle_carries_on_in_another_object():
    values = [1.0, 0.9, 0.95, 0.95, 0.95, 0.8, 0.9, 0.9, 0.9, 0.9]
    options = {"patience": 2, "factor": 0.5, "cooldown": 1}
    expected = scripted(lamina, ReduceLROnPlateau(**options), values)
    before, after = ReduceLROnPlateau(**options), ReduceLROnPlateau(**options)
    begun = scripted(lamina, before, values[:4])
    after.set_model(before.model)
    after.on_train_begin()
    after.set_state(before.get_state())
    for epoch, value in enumerate(values[4:], 4):
        after.on_epoch_end(epoch, {"val_loss": value})
        begun.append(float(after.model.optimizer.learning_rate))
    assert begun == expected
    assert len(set(expected)) == 4


def test_nan_is_no_improvement_and_reduces():
    rates = scripted(lamina, ReduceLROnPlateau(patience=2, factor=0.5), [math.nan, math.nan, 1.0, math.nan, math.nan])
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.05, 0.05, 0.025], rtol=1e-6)


def test_a_rate_inside_a_transformation_is_refused_before_training():
    model = line(optax.sgd(0.1))
    message = "ReduceLROnPlateau: optax_optimizer: the learning rate is inside the transformation. To read or set it"
    with count_compilations() as compiled, pytest.raises(ValueError, match=re.escape(message)):
        model.fit(X, Y, verbose=0, callbacks=[ReduceLROnPlateau("loss")])
    assert compiled == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factor": 1.0}, "factor: expected a number above 0 and below 1, received 1.0."),
        ({"factor": 0}, "factor: expected a number above 0 and below 1, received 0."),
        ({"factor": math.nan}, "factor: expected a number above 0 and below 1, received nan."),
        ({"patience": -1}, "patience: expected a whole number >= 0, received -1."),
        ({"cooldown": 1.5}, "cooldown: expected a whole number >= 0, received 1.5."),
        ({"min_lr": -1}, "min_lr: expected a finite number >= 0, received -1."),
        ({"min_delta": math.inf}, "min_delta: expected a finite number, received inf."),
        ({"mode": "mini"}, "mode: expected one of ['auto', 'min', 'max'], received 'mini'. Did you mean 'min'?"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(ValueError, match=re.escape(f"ReduceLROnPlateau: {message}")):
        ReduceLROnPlateau(**options)


def test_arguments_are_those_of_keras():
    classes = (ReduceLROnPlateau, keras.callbacks.ReduceLROnPlateau)
    ours, theirs = (inspect.signature(c.__init__).parameters for c in classes)
    theirs = {name: p for name, p in theirs.items() if name != "kwargs"}  # which it ignores
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]
