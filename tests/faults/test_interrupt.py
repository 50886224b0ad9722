"""Ctrl-C in `fit`, in real processes and at random moments: the model stays whole."""

from __future__ import annotations

import contextlib
import random
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import lamina
from lamina import layers
from tests.training.helpers import regression_data, regressor, same_bits

_SCRIPT = textwrap.dedent(
    """
    import sys
    import numpy as np
    import lamina
    from lamina import layers

    lamina.utils.set_random_seed(1)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 16)).astype("float32")
    y = rng.normal(size=(2000, 1)).astype("float32")
    hidden = [layers.Dense(32, "relu"), layers.BatchNormalization()]
    model = lamina.Sequential([layers.Input((16,)), *hidden, layers.Dense(1)])
    model.compile("adam", "mse")
    ended = []

    class Hear(lamina.callbacks.Callback):
        def on_train_end(self, logs=None):
            ended.append(True)

    print("fitting", flush=True)
    try:
        model.fit(x, y, epochs=100000, validation_split=0.1, verbose=0, callbacks=[Hear()])
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    assert ended == [True]
    step = int(model.optimizer.iterations)
    weights = model.get_weights()
    assert all(np.isfinite(w).all() for w in weights)
    assert np.isfinite(model.predict(x[:5], verbose=0)).all()
    model.fit(x, y, epochs=1, verbose=0)
    assert int(model.optimizer.iterations) == step + 63
    print("whole", flush=True)
    """
)


@pytest.mark.slow
def test_ctrl_c_at_random_moments_leaves_a_model_that_predicts_and_trains():
    rng = random.Random(0)
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", _SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "fitting\n"
        time.sleep(rng.uniform(0, 2.5))
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=120)
        assert output == "interrupted\nwhole\n", errors


@pytest.mark.parametrize(
    "hook", ["on_train_batch_end", "on_epoch_begin", "on_epoch_end", "on_test_begin", "on_train_begin"]
)
def test_ctrl_c_in_any_hook_leaves_the_weights_of_a_finished_step(hook):
    x, y = regression_data(64)
    finished = []

    class Interrupt(lamina.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            finished.append(self.model.get_weights())

    def interrupt(*_):
        if hook == "on_train_begin" or len(finished) >= 3:
            signal.raise_signal(signal.SIGINT)

    model = regressor()
    start = model.get_weights()
    callbacks = [Interrupt(), lamina.callbacks.LambdaCallback(**{hook: interrupt})]
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=16, epochs=3, validation_split=0.2, callbacks=callbacks, verbose=0)
    assert same_bits(model.get_weights(), finished[-1] if finished else start)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(x, y, verbose=0)


def test_interrupt_while_the_engine_works_waits_for_the_step(monkeypatch):
    x, y = regression_data(64)
    model = regressor()
    model.fit(x, y, verbose=0)
    program, run = model.program, model.program.run_train
    states = []

    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)  # as if Ctrl-C came while the step runs
        states.append(run(*arguments)[0])
        return run(*arguments)

    monkeypatch.setattr(program, "run_train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, verbose=0)
    assert len(states) == 1
    assert same_bits([np.asarray(v) for v in states[0].trainable], [v.numpy() for v in model.trainable_variables])


def test_an_interrupt_that_python_swallowed_is_raised_at_the_next_step():
    x, y = regression_data(64)
    finished = []

    class Swallow(lamina.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            finished.append(self.model.get_weights())
            if batch == 1:
                with contextlib.suppress(KeyboardInterrupt):  # as a hook of the garbage collector does
                    signal.raise_signal(signal.SIGINT)

    model = regressor()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=16, callbacks=[Swallow()], verbose=0)
    assert len(finished) == 2
    assert same_bits(model.get_weights(), finished[-1])
    model.fit(x, y, verbose=0)


def test_an_error_in_a_callback_or_generator_leaves_the_model_whole():
    x, y = regression_data(64)
    model = regressor()

    def broken():
        yield x[:16], y[:16]
        raise OSError("disk on fire")

    with pytest.raises(OSError, match="disk on fire"):
        model.fit(broken(), verbose=0)
    assert int(model.optimizer.iterations) == 1

    class Broken(lamina.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyError("no such thing")

    with pytest.raises(KeyError, match="no such thing"):
        model.fit(x, y, callbacks=[Broken()], verbose=0)
    model.fit(x, y, verbose=0)
    assert np.isfinite(model.predict(x, verbose=0)).all()


def test_a_failed_first_call_of_a_layer_leaves_the_model_to_be_fitted_again():
    class Fails(layers.Layer):
        broken = True

        def call(self, inputs):
            if Fails.broken:
                raise ZeroDivisionError("in my layer")
            return inputs

    x, y = regression_data(8)
    model = lamina.Sequential([layers.Dense(3), Fails(name="fragile"), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ZeroDivisionError) as caught:
        model.fit(x, y, verbose=0)
    assert str(caught.value).startswith(
        "Layer 'sequential/fragile' (Fails), called on shape (None, 3), failed at test_interrupt.py, line 163"
    )
    Fails.broken = False
    model.fit(x, y, verbose=0)
