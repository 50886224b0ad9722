"""What every public callback keeps: it serves fit, evaluate and predict, again and again, and changes no number that it
should not; its state is plain data that another object takes up; it is documented with an example.
"""

from __future__ import annotations

import sys

import numpy as np
import pytest

import lamina
from lamina import callbacks
from lamina.optimizers import SGD
from lamina.training.checkpoint.plain import Arrays, encode
from tests.training.helpers import regression_data, same_bits

X, Y = regression_data(40)

CASES = {
    "BackupAndRestore": lambda folder: callbacks.BackupAndRestore(folder / "backup"),
    "Callback": lambda folder: callbacks.Callback(),
    "CallbackList": lambda folder: callbacks.CallbackList([callbacks.Callback()]),
    "CSVLogger": lambda folder: callbacks.CSVLogger(folder / "log.csv"),
    "EarlyStopping": lambda folder: callbacks.EarlyStopping("loss", patience=9),
    "History": lambda folder: callbacks.History(),
    "LambdaCallback": lambda folder: callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None),
    "LearningRateScheduler": lambda folder: callbacks.LearningRateScheduler(lambda epoch, rate: rate),
    "MLflowLogger": None,  # in tests/training/callbacks/trackers, with the real package
    "ModelCheckpoint": lambda folder: callbacks.ModelCheckpoint(folder / "model.weights.h5", save_weights_only=True),
    "ProgbarLogger": lambda folder: callbacks.ProgbarLogger(),
    "ReduceLROnPlateau": lambda folder: callbacks.ReduceLROnPlateau("loss"),
    "RemoteMonitor": lambda folder: callbacks.RemoteMonitor("http://127.0.0.1:9"),
    "SwapEMAWeights": lambda folder: callbacks.SwapEMAWeights(swap_on_epoch=True),
    "TensorBoard": lambda folder: callbacks.TensorBoard(folder / "logs", update_freq=3),
    "TerminateOnNaN": lambda folder: callbacks.TerminateOnNaN(),
    "WandbLogger": None,
}
MADE = [name for name, case in CASES.items() if case is not None]
pytestmark = pytest.mark.filterwarnings("ignore:RemoteMonitor.*:UserWarning")  # nobody listens at port 9


def test_every_public_callback_has_a_case():
    assert set(callbacks.__all__) <= set(CASES), "add the new callback to CASES"


@pytest.fixture(scope="module")
def shared():
    """A model that is compiled once for all."""
    model = lamina.Sequential([lamina.Input((4,)), lamina.layers.Dense(1, kernel_initializer="ones")])
    model.compile(SGD(0.05, use_ema=True, ema_momentum=0.5), "mse")
    model.fit(X, Y, epochs=1, verbose=0)
    return model, model.get_weights(), [v.numpy() for v in model.optimizer.variables]


def trained(shared, given):
    model, weights, optimizer = shared
    model.set_weights(weights)
    model.optimizer.set_weights(optimizer)
    lamina.utils.set_random_seed(3)
    history = model.fit(X, Y, epochs=2, verbose=0, validation_data=(X, Y), callbacks=given)
    return model.get_weights(), history.history["loss"]


@pytest.mark.parametrize("name", MADE)
def test_it_serves_again_and_again_and_changes_no_number(name, shared, tmp_path):
    model = shared[0]
    reference, losses = trained(shared, [])
    callback = CASES[name](tmp_path)
    for _ in range(2):
        weights, others = trained(shared, [callback])
        assert same_bits(weights, reference)
        assert others[-2:] == losses
    score = model.evaluate(X, Y, verbose=0, callbacks=[callback])
    assert score == model.evaluate(X, Y, verbose=0, callbacks=[callback])
    np.testing.assert_array_equal(model.predict(X, verbose=0, callbacks=[callback]), model.predict(X, verbose=0))
    assert same_bits(model.get_weights(), reference)


@pytest.mark.parametrize("name", [name for name in MADE if hasattr(getattr(callbacks, name), "get_state")])
def test_its_state_is_plain_data_that_another_object_takes_up(name, shared, tmp_path):
    callback, other = CASES[name](tmp_path), CASES[name](tmp_path)
    states = []
    look = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: states.append(callback.get_state()),
        on_train_end=lambda logs: (other.set_state(states[0]), states.append(other.get_state())),
    )
    trained(shared, [callback, look])
    first, last = (encode(states[place], Arrays(), "state") for place in (0, -1))
    assert first == last


@pytest.mark.parametrize("name", list(CASES))
def test_it_is_documented_with_an_example(name):
    text = getattr(callbacks, name).__doc__
    assert text
    assert ">>>" in text
    assert getattr(callbacks, name).__module__ in sys.modules
