"""TerminateOnNaN: it stops where the loss is no longer finite, at no cost before."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.callbacks import CallbackList, LambdaCallback, TerminateOnNaN
from tests.training.helpers import regression_data, regressor, same_bits

X, Y = regression_data(80)
BATCHES = {"batch_size": 8, "shuffle": False, "verbose": 0}


def exploding(library):
    """A regression whose loss overflows after a few steps, the same ones in both libraries."""
    model = library.Sequential([library.layers.Input((4,)), library.layers.Dense(1, kernel_initializer="ones")])
    model.compile(library.optimizers.SGD(1e4), "mse")
    return model


def test_it_stops_in_the_batch_where_keras_does(capsys):
    batches = []
    for library in (lamina, keras):
        batches.append([])
        look = library.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs, s=batches[-1]: s.append(batch))
        callbacks = [library.callbacks.TerminateOnNaN(), look]
        history = exploding(library).fit(X, Y, epochs=5, callbacks=callbacks, **BATCHES)
        assert history.epoch == [0]
    assert batches[0] == batches[1]
    assert 2 < len(batches[0]) < 10
    last = batches[0][-1]
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"Epoch 1, step {last + 1}: Invalid loss (inf), terminating training"
    assert f"Batch {last}: Invalid loss, terminating training" in printed[1]


def test_without_batch_hooks_it_stops_at_the_end_of_the_chunk_and_training_ends_in_order(capsys):
    ended = []
    callbacks = [TerminateOnNaN(), LambdaCallback(on_train_end=lambda logs: ended.append(logs))]
    assert not CallbackList(callbacks).batch_hooks("train")
    model = exploding(lamina)
    assert model.fit(X, Y, epochs=5, callbacks=callbacks, **BATCHES).epoch == [0]
    assert not np.isfinite(ended[0]["loss"])
    assert capsys.readouterr().out.startswith("Epoch 1, step 1 to 8: Invalid loss (")
    assert all(np.shape(w) for w in model.get_weights())


def test_raise_error_stops_with_the_epoch_and_the_steps():
    ended = []
    callbacks = [TerminateOnNaN(raise_error=True), LambdaCallback(on_train_end=lambda logs: ended.append(True))]
    with pytest.raises(RuntimeError, match=r"TerminateOnNaN: the loss is (inf|nan) since epoch 1, step 1 to 8\. Try"):
        exploding(lamina).fit(X, Y, epochs=5, callbacks=callbacks, **BATCHES)
    assert ended == [True]


def test_a_sound_training_is_the_same_bits_with_it():
    weights = []
    for callbacks in ([], [TerminateOnNaN()]):
        model = regressor()
        model.fit(X, Y, epochs=2, verbose=0, callbacks=callbacks)
        weights.append(model.get_weights())
    assert same_bits(*weights)


def test_loops_of_ones_own_stop_too(capsys):
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(1)])
    callbacks = CallbackList([TerminateOnNaN()], model=model)
    callbacks.on_train_begin()
    callbacks.on_epoch_begin(0)
    callbacks.on_train_batch_end(0, {"loss": 1.0})
    assert not model.stop_training
    callbacks.on_train_batch_end(1, {"loss": float("nan")})
    assert model.stop_training
    assert capsys.readouterr().out == "Epoch 1, step 2: Invalid loss (nan), terminating training\n"


def test_arguments_are_those_of_keras():
    ours, theirs = (inspect.signature(c.__init__).parameters for c in (TerminateOnNaN, keras.callbacks.TerminateOnNaN))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]
