"""Trainings to be killed: four set-ups, each run in a process of its own that a server forks.

    python -m tests.faults.runs        reads lines of JSON, {"setup", "folder", "out", …}, and forks for each

The server has imported everything, so that a run starts in a fraction of a second. A run prints "fitting" when `fit`
begins and writes what it ends with to `out`; the server prints "started PID" and "ended STATUS".
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

import lamina
from lamina import callbacks, layers, optimizers
from lamina.training import checkpoint, compilation  # noqa: F401 - loaded before the forks, with all that training needs

Result = dict[str, np.ndarray]
_DIGITS = load_digits(return_X_y=True)


def digits(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The first handwritten digits: x (rows, 8, 8, 1) in [0, 1], y (rows,)."""
    x, y = _DIGITS
    return (x[:rows].reshape(-1, 8, 8, 1) / 16).astype("float32"), y[:rows]


def compiled(hidden: list[Any], optimizer: Any) -> lamina.Sequential:
    """A classifier of the digits."""
    model = lamina.Sequential([layers.Input((8, 8, 1)), *hidden, layers.Dense(10, "softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def plain(resume: Any) -> lamina.Model:
    """Two dense layers, momentum; saved at the end of epochs and every 10 ms in between."""
    x, y = digits(1200)
    model = compiled([layers.Flatten(), layers.Dense(32, "relu")], optimizers.SGD(0.05, momentum=0.9))
    backup = resume and callbacks.BackupAndRestore(resume, seconds=0.01, delete_checkpoint=False)
    model.fit(x, y, batch_size=8, epochs=100, validation_split=0.2, verbose=0, resume=backup)
    return model


def regularized(resume: Any) -> lamina.Model:
    """A convolutional network with dropout, augmentation, a schedule, early stopping, averaged weights, and more."""
    x, y = digits(600)
    hidden = [
        layers.RandomFlip("horizontal"),
        layers.Conv2D(4, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.3),
    ]
    rate = optimizers.schedules.CosineDecay(0.02, 900)
    model = compiled(hidden, optimizers.Adam(rate, use_ema=True, ema_momentum=0.9, gradient_accumulation_steps=2))
    model.fit(
        x,
        y,
        batch_size=16,
        epochs=60,
        steps_per_epoch=23,
        validation_data=digits(700),
        class_weight={0: 2.0, 1: 1.5} | dict.fromkeys(range(2, 10), 1.0),
        callbacks=[
            callbacks.EarlyStopping(patience=12, restore_best_weights=True),
            callbacks.ReduceLROnPlateau(patience=3, min_delta=0.01),
        ],
        verbose=0,
        resume=resume and callbacks.BackupAndRestore(resume, save_freq=7, delete_checkpoint=False),
    )
    return model


class Batches:
    """Batches in an order and with noise that depend on all that was drawn before, in this object and in NumPy."""

    def __init__(self) -> None:
        self.x, self.y = digits(320)
        self.rng = np.random.default_rng(3)

    def __iter__(self) -> Iterator[Any]:
        order = self.rng.permutation(len(self.x))
        for rows in order.reshape(-1, 32):
            x = self.x[rows]
            yield x + np.random.normal(0, 0.05, x.shape).astype("float32"), self.y[rows]


def endless(rows: int) -> Iterator[Any]:
    """A generator that can be read only once."""
    x, y = digits(640)
    for start in range(10**9):
        yield np.roll(x, -start, 0)[:rows], np.roll(y, -start, 0)[:rows]


class Average(callbacks.Callback):
    """Keeps the mean of the weights over the epochs, and lowers the learning rate."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: list[np.ndarray] = []

    def on_train_begin(self, logs=None):
        self.__init__()

    def on_epoch_begin(self, epoch, logs=None):
        self.model.optimizer.learning_rate = float(self.model.optimizer.learning_rate) * 0.97

    def on_epoch_end(self, epoch, logs=None):
        weights = self.model.get_weights()
        self.mean = self.mean or [np.zeros_like(w) for w in weights]
        self.count += 1
        for mean, weight in zip(self.mean, weights, strict=True):
            mean += (weight - mean) / self.count
        logs["spread"] = max(float(np.abs(w - m).max()) for w, m in zip(weights, self.mean, strict=True))

    def get_state(self):
        return {"count": self.count, "mean": self.mean}

    def set_state(self, state):
        self.count, self.mean = state["count"], state["mean"]


def stream(resume: Any) -> lamina.Model:
    """An iterable with a state of its own, a generator for validation, a callback with arrays that it changes."""
    np.random.seed(5)
    model = compiled([layers.Flatten(), layers.Dense(24, "tanh"), layers.Dropout(0.2)], optimizers.RMSprop(0.01))
    model.fit(
        Batches(),
        epochs=40,
        validation_data=endless(40),
        validation_steps=3,
        callbacks=[Average()],
        verbose=0,
        resume=resume and callbacks.BackupAndRestore(resume, save_freq=3, delete_checkpoint=False),
    )
    return model


class Sum(callbacks.Callback):
    """Adds up the losses batch by batch."""

    def on_train_begin(self, logs=None):
        self.total = np.float32(0)

    def on_train_batch_end(self, batch, logs=None):
        self.total += np.float32(logs["loss"])

    def on_epoch_end(self, epoch, logs=None):
        logs["total"] = self.total

    def get_state(self):
        return {"total": self.total}

    def set_state(self, state):
        self.total = state["total"]


def mixed(resume: Any) -> lamina.Model:
    """Half precision with a scaled loss and a schedule, batch by batch."""
    lamina.config.set_dtype_policy("mixed_float16")
    x, y = digits(256)
    rate = optimizers.schedules.PiecewiseConstantDecay([100, 200], [0.02, 0.01, 0.005])
    optimizer = optimizers.LossScaleOptimizer(optimizers.Adam(rate), initial_scale=2.0**20, dynamic_growth_steps=20)
    model = compiled([layers.Flatten(), layers.Dense(16, "relu"), layers.GaussianNoise(0.1)], optimizer)
    backup = resume and callbacks.BackupAndRestore(resume, save_freq=5, delete_checkpoint=False)
    model.fit(x, y, batch_size=16, epochs=30, callbacks=[Sum()], validation_split=0.25, verbose=0, resume=backup)
    return model


SETUPS: dict[str, Callable[[Any], lamina.Model]] = {
    "plain": plain,
    "regularized": regularized,
    "stream": stream,
    "mixed": mixed,
}


def result(model: lamina.Model) -> Result:
    """All that a run ends with, as arrays."""
    history = model.history
    assert history is not None
    arrays = [*model.get_weights(), *model.optimizer.variables, *model.metrics_variables]
    found = {f"array {i}": np.asarray(value) for i, value in enumerate(arrays)}
    found |= {f"history {name}": np.asarray(values, "float64") for name, values in history.history.items()}
    found["epochs"] = np.asarray(history.epoch)
    found["multiplier"] = model.optimizer.rate_multiplier.numpy()
    found["predictions"] = model.predict(digits(50)[0], verbose=0)
    found["next seed"] = np.asarray(lamina.core.random.next_seed())
    return found


def same(first: Result, second: Result) -> list[str]:
    """Names of what differs between two results, in any bit."""
    names = dict.fromkeys([*first, *second])
    return [n for n in names if n not in first or n not in second or first[n].tobytes() != second[n].tobytes()]


def load(path: Path) -> Result:
    """Read a result."""
    with np.load(path) as file:
        return dict(file)


def kill_at(number: int) -> None:
    """Let this process be killed at the nth write, sync, rename or removal that a save does."""
    left = number

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    from lamina.training.checkpoint import file

    replacing = file.replacing

    @contextlib.contextmanager
    def watched(path: Any) -> Iterator[Any]:
        with replacing(path) as handle:
            handle.write = counted(handle.write)
            yield handle

    file.replacing = watched
    for name in ("fsync", "replace", "unlink"):
        setattr(os, name, counted(getattr(os, name)))


def limit_files(size: int) -> None:
    """Let the disk be full for files larger than so many bytes, and print what is warned of."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    warnings.simplefilter("always")
    warnings.showwarning = lambda message, *_: print(f"warned {message}", flush=True)


def run(order: dict[str, Any]) -> None:
    """Train as a script would."""
    warnings.simplefilter("error")
    if order.get("kill_at"):
        kill_at(order["kill_at"])
    if order.get("limit"):
        limit_files(order["limit"])
    lamina.utils.set_random_seed(7)
    print("fitting", flush=True)
    try:
        model = SETUPS[order["setup"]](order["folder"])
    except OSError as error:
        print(f"raised {error}", flush=True)
        raise SystemExit(3) from None
    part = Path(f"{order['out']}.part.npz")
    np.savez(part, **result(model))
    part.replace(order["out"])


def serve() -> None:
    """Fork for each line."""
    warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)  # no thread of JAX's runs before the fork
    for line in sys.stdin:
        child = os.fork()
        if not child:
            try:
                run(json.loads(line))
            except SystemExit as end:
                os._exit(end.code)
            except BaseException:  # noqa: BLE001 - a child must never return into the loop of the server
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(f"started {child}", flush=True)
        _, status = os.waitpid(child, 0)
        print(f"ended {os.waitstatus_to_exitcode(status)}", flush=True)


if __name__ == "__main__":
    serve()
