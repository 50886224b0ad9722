"""A model as callbacks see one, and trainings with made-up values."""

from __future__ import annotations

from typing import Any

import numpy as np

import lamina
from lamina import layers


def line(optimizer: Any = "sgd") -> lamina.Sequential:
    """A linear regression of 4 features, which compiles fast."""
    lamina.utils.set_random_seed(1)
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


class Model:
    """A model as early stopping sees one: its weights are the number of the epoch."""

    def __init__(self, metrics: Any = ()) -> None:
        self.metrics = list(metrics)
        self.stop_training = False
        self.weights = -1
        self.optimizer: Any = None

    def get_weights(self):
        return [np.array(self.weights)]

    def set_weights(self, weights):
        self.weights = int(weights[0])


def drive(callback: Any, values: list[float], trainings: int = 1, metrics: Any = (), name: str = "val_loss") -> Any:
    """Run trainings with made-up values; return what can be seen of the callback after each epoch and training."""
    seen = []
    for _ in range(trainings):
        model = Model(metrics)
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, value in enumerate(values):
            model.weights = epoch
            callback.on_epoch_end(epoch, {"loss": 0.0, name: value})
            seen.append((model.stop_training, *state(callback)))
            if model.stop_training:
                break
        callback.on_train_end()
        seen.append((model.weights, *state(callback)))
    return seen


def state(callback: Any) -> tuple[Any, ...]:
    weights = callback.best_weights
    return (
        callback.wait,
        callback.stopped_epoch,
        callback.best,
        callback.best_epoch,
        weights if weights is None else int(weights[0]),
    )


def scripted(library: Any, callback: Any, losses: list[float]) -> list[float]:
    """Run a training of a library's callback with made-up losses; return the learning rate after each epoch."""
    model = Model()
    model.optimizer = library.optimizers.SGD(0.1)
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, loss in enumerate(losses):
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {"loss": loss, "val_loss": loss})
        rates.append(float(model.optimizer.learning_rate))
        if model.stop_training:
            break
    callback.on_train_end()
    return rates
