"""lamina and Keras: one text, since the API is the same."""

from __future__ import annotations

import importlib
import time
from typing import Any

import numpy as np

from benchmarks._common import BATCH_SIZE, SEED, Case, Data


def build(library: str, case: Case, data: Data, form: str = "sequential") -> KerasNetwork:
    return KerasNetwork(importlib.import_module(library), case, data, form)


class KerasNetwork:
    """A model of the given form (a key of `_FORMS`); `library` is the module lamina or keras."""

    def __init__(self, library: Any, case: Case, data: Data, form: str) -> None:
        library.utils.set_random_seed(SEED)
        self.data, self.loss = data, float("nan")
        self.model = _FORMS[form](library, case, data)
        if case.classify:
            optimizer = library.optimizers.SGD(learning_rate=case.learning_rate)
            self.model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
        else:
            optimizer = library.optimizers.Adam(learning_rate=case.learning_rate)
            self.model.compile(loss="mse", optimizer=optimizer, metrics=["RootMeanSquaredError"])
        self.clock = _clock(library)

    def fit(self, epochs: int) -> list[float]:
        self.clock.seconds = []
        history = self.model.fit(
            self.data.x, self.data.y, batch_size=BATCH_SIZE, epochs=epochs, verbose=0, callbacks=[self.clock]
        )
        self.loss = history.history["loss"][-1]
        return self.clock.seconds

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self.model.predict(x, verbose=0))


def _sequential(library: Any, case: Case, data: Data) -> Any:
    layers = library.layers
    model = library.Sequential([layers.Input(shape=case.input_shape)])
    model.add(layers.Flatten() if case.classify else _scale(library, data))
    for units in case.widths[:-1]:
        model.add(layers.Dense(units, activation="relu"))
    model.add(layers.Dense(case.widths[-1], activation="softmax" if case.classify else None))
    return model


def _functional(library: Any, case: Case, data: Data) -> Any:
    """The notes' wide & deep network as a graph."""
    layers = library.layers
    inputs = layers.Input(shape=case.input_shape)
    scaled = _scale(library, data)(inputs)
    deep = layers.Dense(30, activation="relu")(layers.Dense(30, activation="relu")(scaled))
    return library.Model(inputs, layers.Dense(1)(layers.Concatenate()([scaled, deep])))


def _subclassed(library: Any, case: Case, data: Data) -> Any:
    """The same network as a class."""
    layers = library.layers

    class WideAndDeep(library.Model):
        def __init__(self) -> None:
            super().__init__()
            self.scale = _scale(library, data)
            self.hidden1 = layers.Dense(30, activation="relu")
            self.hidden2 = layers.Dense(30, activation="relu")
            self.out = layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            scaled = self.scale(inputs)
            return self.out(layers.concatenate([scaled, self.hidden2(self.hidden1(scaled))]))

    return WideAndDeep()


def _scale(library: Any, data: Data) -> Any:
    layer = library.layers.Normalization()
    layer.adapt(data.x)
    return layer


_FORMS = {"sequential": _sequential, "functional": _functional, "subclassed": _subclassed}


def _clock(library: Any) -> Any:
    """A callback that keeps the seconds of each epoch."""

    class Clock(library.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.seconds.append(time.perf_counter() - self.start)

    return Clock()
