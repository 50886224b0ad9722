"""ProgbarLogger: what fit shows, for loops of one's own; inside fit it changes nothing."""

from __future__ import annotations

import re

import numpy as np
import pytest

from lamina.callbacks import CallbackList, ProgbarLogger
from tests.training.callbacks.helpers import line
from tests.training.helpers import regression_data, same_bits

X, Y = regression_data(40)


def shown(capsys) -> str:
    """What was printed, without the times."""
    return re.sub(r"\d+(s|ms|us)(/step)?", "-", capsys.readouterr().out)


@pytest.mark.parametrize("verbose", [0, 1, 2])
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_given_to_fit_evaluate_or_predict_it_changes_nothing(method, verbose, capsys):
    outputs = []
    for callbacks in ([], [ProgbarLogger()]):
        model = line()
        arguments = (X,) if method == "predict" else (X, Y)
        getattr(model, method)(*arguments, batch_size=8, verbose=verbose, callbacks=callbacks)
        outputs.append((shown(capsys), model.get_weights()))
    assert outputs[0][0] == outputs[1][0]
    assert same_bits(outputs[0][1], outputs[1][1])
    assert bool(outputs[0][0]) == (verbose > 0)


def test_it_does_not_make_fit_run_batch_by_batch():
    callbacks = CallbackList([ProgbarLogger()])
    callbacks.take_progress(0, "fit")
    assert len(callbacks) == 0
    assert not any(callbacks.batch_hooks(mode) for mode in ("train", "test", "predict"))


def test_a_class_of_ones_own_takes_the_place_of_the_progress(capsys):
    class Mine(ProgbarLogger):
        def on_epoch_end(self, epoch, logs=None):
            print(f"epoch {epoch} is over")

    line().fit(X, Y, epochs=2, verbose=2, callbacks=[Mine()])
    assert shown(capsys).splitlines() == ["epoch 0 is over", "epoch 1 is over"]


def drive(callbacks, epochs):
    """A training loop of one's own, with validation."""
    callbacks.on_train_begin()
    for epoch in range(epochs):
        callbacks.on_epoch_begin(epoch)
        for batch in range(3):
            callbacks.on_train_batch_begin(batch)
            callbacks.on_train_batch_end(batch, {"loss": 0.5})
        callbacks.on_test_begin()
        callbacks.on_test_batch_end(0, {"loss": 0.25})
        callbacks.on_test_end({"loss": 0.25})
        callbacks.on_epoch_end(epoch, {"loss": 0.5, "val_loss": 0.25})
    callbacks.on_train_end()


def test_in_a_loop_of_ones_own_it_shows_the_epochs(capsys):
    drive(CallbackList(add_progbar=True, verbose=2, epochs=2, steps=3), 2)
    ending = "3/3 - - - - - loss: 0.5000 - val_loss: 0.2500"
    assert shown(capsys).splitlines() == [f"Epoch {n}/2 - {ending}" for n in (1, 2)]


def test_without_a_number_of_steps_it_counts(capsys):
    drive(CallbackList([ProgbarLogger()], verbose="auto", epochs=1, steps=None), 1)
    assert "3/3" in shown(capsys)


def test_evaluations_and_predictions_of_ones_own_are_shown(capsys):
    callbacks = CallbackList(add_progbar=True, verbose=2, epochs=1, steps=2)
    callbacks.on_test_begin()
    callbacks.on_test_batch_end(1, {"loss": 0.25})
    callbacks.on_test_end({"loss": 0.25})
    callbacks.on_predict_begin()
    callbacks.on_predict_batch_end(1, {"outputs": np.ones(3)})
    callbacks.on_predict_end()
    first, second = shown(capsys).splitlines()
    assert first == "2/2 - - - - - loss: 0.2500"
    assert second.startswith("2/2 - ")
    assert "outputs" not in second


def test_a_list_adds_it_once():
    mine = ProgbarLogger()
    assert list(CallbackList([mine], add_progbar=True)) == [mine]
    assert isinstance(CallbackList(add_progbar=True).callbacks[0], ProgbarLogger)
    assert len(CallbackList(add_history=True, add_progbar=True)) == 2
