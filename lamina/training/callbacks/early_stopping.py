"""`EarlyStopping`: end training when a metric no longer improves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lamina.core import errors
from lamina.training.callbacks._monitor import MonitorCallback
from lamina.training.callbacks.base import Logs


class EarlyStopping(MonitorCallback):
    """Stop training once a monitored value has not improved for `patience` epochs.

    An epoch improves when value < best - min_delta (mode "min") or value > best + min_delta (mode "max"). The first
    value always does, NaN never.

    Args:
        monitor: Name of the value in the epoch's logs. Default "val_loss".
        min_delta: Least change that counts as an improvement, a finite number; its sign is ignored. Default 0.
        patience: Epochs without improvement after which training stops, int >= 0. Default 0.
        verbose: 1 prints a line when it stops and when it restores weights. Default 0.
        mode: "min", "max" or "auto". "auto" is "min" for `loss`, `val_loss` and the losses of single outputs, else
            the metric's own direction. Default "auto".
        baseline: Value that has to be beaten too before the count of epochs starts again. Default None.
        restore_best_weights: Whether the model gets the weights of its best epoch when training ends, stopped or not.
            Default False: it keeps those of the last step.
        start_from_epoch: Epochs to let pass before looking, int >= 0. Default 0.

    Attributes:
        best: Best value so far, or None.
        best_epoch: Its epoch, from 0.
        best_weights: Weights at that epoch (a list of arrays), or None.
        stopped_epoch: Epoch, from 0, at whose end training was stopped; 0 if it was not.
        wait: Epochs since the last improvement.

    Raises:
        ValueError: an argument out of range. Before the first epoch, or at the end of it where the names were not
            known before: a monitor that the logs do not have, or whose direction "auto" cannot tell.

    Differs from Keras: a monitor that does not exist is an error, where Keras warns each epoch and never stops; a NaN
    as first value is no improvement, where Keras keeps it as the best for ever; an unknown mode is an error.

    Source: Prechelt 1998, Early Stopping - But When?

    Example:
        >>> class Model:
        ...     stop_training = False
        >>> stopping = EarlyStopping(monitor="loss", patience=2)
        >>> stopping.set_model(Model())
        >>> for epoch, loss in enumerate([0.9, 0.5, 0.6, 0.7]):
        ...     stopping.on_epoch_end(epoch, {"loss": loss})
        >>> stopping.model.stop_training, stopping.best, stopping.best_epoch, stopping.stopped_epoch
        (True, 0.5, 1, 3)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        where = f"{type(self).__name__}: "
        if baseline is not None and math.isnan(baseline):
            raise ValueError(f"{where}baseline: expected a number or None, received {baseline!r}.")
        self.patience = errors.check_positive_int("patience", patience, where, minimum=0)
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = errors.check_positive_int("start_from_epoch", start_from_epoch, where, minimum=0)
        self._reset()

    def _reset(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget the training before."""
        super().on_train_begin(logs)
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare the epoch's value with the best and count."""
        current = self.monitored(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        improved = self.improves(current, self.best)
        if improved:
            self.best = current
        if improved or (self.restore_best_weights and self.best_weights is None):
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
        if improved:
            if self.improves(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Put the best weights back, if asked for."""
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    def get_state(self) -> dict[str, Any]:
        """Return what it remembers of a training, as numbers and a list of arrays."""
        names = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")
        return {name: getattr(self, name) for name in names}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take up what `get_state` returned; call it after `on_train_begin`, which forgets."""
        for name in self.get_state():
            setattr(self, name, state[name])
