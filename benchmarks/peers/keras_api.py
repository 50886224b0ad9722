"""lamina and Keras: one text, since the API is the same."""

from __future__ import annotations

import importlib
import time
from typing import Any

import numpy as np

from benchmarks._common import BATCH_SIZE, SEED, Case, Data


def build(library: str, case: Case, data: Data) -> KerasNetwork:
    return KerasNetwork(importlib.import_module(library), case, data)


class KerasNetwork:
    """A Sequential model; `library` is the module lamina or keras."""

    def __init__(self, library: Any, case: Case, data: Data) -> None:
        layers = library.layers
        library.utils.set_random_seed(SEED)
        self.data, self.loss = data, float("nan")
        self.model = library.Sequential([layers.Input(shape=case.input_shape)])
        if case.classify:
            self.model.add(layers.Flatten())
        else:
            scale = layers.Normalization()
            scale.adapt(data.x)
            self.model.add(scale)
        for units in case.widths[:-1]:
            self.model.add(layers.Dense(units, activation="relu"))
        self.model.add(layers.Dense(case.widths[-1], activation="softmax" if case.classify else None))
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


def _clock(library: Any) -> Any:
    """A callback that keeps the seconds of each epoch."""

    class Clock(library.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.start = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.seconds.append(time.perf_counter() - self.start)

    return Clock()
