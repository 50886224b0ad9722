"""The warning of a loss that is no longer finite."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.callbacks import LambdaCallback, TerminateOnNaN
from lamina.training import loop
from tests.training.helpers import regression_data

X, Y = regression_data(80)
BATCHES = {"batch_size": 8, "shuffle": False, "verbose": 0}


def line(learning_rate=0.01) -> lamina.Sequential:
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile(lamina.optimizers.SGD(learning_rate), "mse")
    return model


def spoil(at, model):
    """Set a weight to NaN before a batch of the second epoch."""
    epochs = []

    def assign(batch, logs):
        if len(epochs) == 2 and batch == at:
            model.layers[-1].bias.assign([np.nan])

    return LambdaCallback(on_epoch_begin=lambda epoch, logs: epochs.append(epoch), on_train_batch_begin=assign)


def test_one_warning_names_epoch_and_step_and_what_to_try():
    model = line()
    with pytest.warns(UserWarning, match="fit: the loss is nan") as caught:
        model.fit(X, Y, epochs=4, callbacks=[spoil(3, model)], **BATCHES)
    (warning,) = caught
    assert str(warning.message) == (
        "fit: the loss is nan since epoch 2, step 4. Most likely the weights are NaN now, and no further step mends "
        "them. Try a learning rate 10 times smaller, clipnorm=1 in the optimizer, inputs and targets scaled to about "
        "-1 to 1, a loss from logits instead of a log or a division by hand. lamina.callbacks.TerminateOnNaN() stops "
        "training where this happens."
    )
    assert warning.filename == __file__


def test_the_range_holds_the_step_in_which_a_training_diverges(monkeypatch):
    monkeypatch.setattr(loop, "_FIRST_CHUNK", 4)
    monkeypatch.setattr(loop, "_CHUNK_SECONDS", 0)  # chunks of one step after the first
    with pytest.warns(UserWarning, match=r"fit: the loss is (inf|nan) since epoch 1, step (1 to 4|\d+)\. "):
        line(1e12).fit(X * 1e10, Y, **BATCHES)


def test_each_training_warns_anew():
    model = line()
    for _ in range(2):
        model.set_weights([np.zeros_like(w) for w in model.get_weights()])
        with pytest.warns(UserWarning, match="since epoch 2, step 1"):
            model.fit(X, Y, epochs=3, callbacks=[spoil(0, model)], **BATCHES)


def test_finite_losses_and_callbacks_that_tell_by_themselves_give_no_warning(capsys):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line().fit(X, Y, **BATCHES)
        model = line()
        model.fit(X, Y, epochs=3, callbacks=[spoil(3, model), TerminateOnNaN()], **BATCHES)
    assert caught == []
    assert capsys.readouterr().out == "Epoch 2, step 4: Invalid loss (nan), terminating training\n"
