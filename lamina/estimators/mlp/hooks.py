"""lamina's callbacks around the epochs of a multi-layer perceptron."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


class Trainee:
    """What callbacks see as `self.model`: the estimator's weights, and the wish to stop."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        self.stop_training = False
        self._steps: Any = None
        self._given: Any = None

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights: coefs, intercepts, then those of batch normalization."""
        weights = self.estimator._weights() if self._steps is None else self._steps.weights
        return [np.array(value) for values in weights for value in values]

    def set_weights(self, weights: list[np.ndarray]) -> None:
        """Weights that the estimator has when training has ended."""
        self._given = [np.array(value) for value in weights]


class Hooks:
    """Calls the hooks of callbacks; without any it costs nothing."""

    def __init__(self, callbacks: Any, estimator: Any, epochs: int) -> None:
        self.callbacks = list(callbacks) if isinstance(callbacks, Iterable) else [callbacks] if callbacks else []
        self.active = bool(self.callbacks)
        self._trainee = Trainee(estimator)
        for callback in self.callbacks:
            callback.set_params({"epochs": epochs, "steps": None, "verbose": int(estimator.verbose)})
            callback.set_model(self._trainee)

    def begin(self) -> None:
        """Before the first epoch."""
        for callback in self.callbacks:
            callback.on_train_begin({})

    def epoch_begins(self, epoch: int) -> None:
        """Before an epoch, counted from 0."""
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, {})

    def epoch_ends(self, epoch: int, logs: dict[str, float], steps: Any) -> bool:
        """After an epoch; returns whether a callback wishes to stop."""
        self._trainee._steps = steps
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)
        return self._trainee.stop_training

    def end(self) -> None:
        """After the last epoch; puts the weights in place that a callback gave."""
        estimator = self._trainee.estimator
        for callback in self.callbacks:
            callback.on_train_end({})
        if self._trainee._given is not None:
            values, weights = iter(self._trainee._given), estimator._weights()
            estimator._set_weights(type(weights)(*([next(values) for _ in part] for part in weights)))
        self._trainee._steps = None
