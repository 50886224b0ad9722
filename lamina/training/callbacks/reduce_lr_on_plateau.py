"""`ReduceLROnPlateau`: a smaller learning rate when a metric no longer improves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lamina.core import errors
from lamina.core.variable import Variable
from lamina.training.callbacks._monitor import MonitorCallback
from lamina.training.callbacks.base import Logs
from lamina.training.callbacks.learning_rate_scheduler import check_rate


class ReduceLROnPlateau(MonitorCallback):
    """Multiply the learning rate by `factor` once a monitored value has not improved for `patience` epochs.

    A learning rate that is a number is set to max(learning_rate * factor, min_lr). One that follows a schedule goes on
    following it, multiplied: learning_rate = schedule(step) * multiplier, where each plateau multiplies the multiplier
    (`optimizer.rate_multiplier`) by `factor`. Neither compiles anything again. The logs get `learning_rate`, as it is
    at the end of the epoch, before it is reduced.

    An epoch improves when value < best - min_delta (mode "min") or value > best + min_delta (mode "max"). The first
    value always does, NaN never.

    Args:
        monitor: Name of the value in the epoch's logs. Default "val_loss".
        factor: What to multiply by, in (0, 1). Default 0.1.
        patience: Epochs without improvement after which it is reduced, int >= 0. Default 10.
        verbose: 1 prints a line when it is reduced. Default 0.
        mode: "min", "max" or "auto". "auto" is "min" for `loss`, `val_loss` and the losses of single outputs, else
            the metric's own direction. Default "auto".
        min_delta: Least change that counts as an improvement, a finite number; its sign is ignored. Default 1e-4.
        cooldown: Epochs after a reduction in which nothing is counted, int >= 0. Default 0.
        min_lr: Learning rate below which it is not reduced, >= 0; what a schedule does by itself is not bounded.
            Default 0.

    Attributes:
        best: Best value so far, or None.
        wait: Epochs since the last improvement or reduction.
        cooldown_counter: Epochs that are left of the cooldown.

    Raises:
        ValueError: an argument out of range. Before training, a learning rate inside an Optax transformation. Before
            the first epoch, or at the end of it where the names were not known before: a monitor that the logs do not
            have, or whose direction "auto" cannot tell.

    Differs from Keras: it works beside a schedule, where Keras fails in the epoch of the first plateau; a monitor that
    does not exist is an error, where Keras warns each epoch; NaN as first value is no improvement.

    Example:
        >>> from types import SimpleNamespace
        >>> from lamina.optimizers import SGD
        >>> callback = ReduceLROnPlateau(monitor="loss", factor=0.5, patience=2)
        >>> callback.set_model(SimpleNamespace(optimizer=SGD(1.0)))
        >>> for epoch, loss in enumerate([0.9, 0.5, 0.6, 0.7]):
        ...     callback.on_epoch_end(epoch, {"loss": loss})
        >>> float(callback.model.optimizer.learning_rate)
        0.5
    """

    adds = ("learning_rate",)

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        where = f"{type(self).__name__}: "
        if not 0 < factor < 1:
            raise ValueError(f"{where}factor: expected a number above 0 and below 1, received {factor!r}.")
        if not 0 <= min_lr < float("inf"):
            raise ValueError(f"{where}min_lr: expected a finite number >= 0, received {min_lr!r}.")
        self.factor = factor
        self.patience = errors.check_positive_int("patience", patience, where, minimum=0)
        self.verbose = verbose
        self.cooldown = errors.check_positive_int("cooldown", cooldown, where, minimum=0)
        self.min_lr = min_lr
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.cooldown_counter = 0
        self.wait = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget the training before, and look whether the learning rate can be changed."""
        super().on_train_begin(logs)
        check_rate(self.model.optimizer, type(self).__name__)
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare the epoch's value with the best, count, and reduce."""
        logs = {} if logs is None else logs
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        current = self.monitored(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def in_cooldown(self) -> bool:
        """Whether a reduction is too fresh for another."""
        return self.cooldown_counter > 0

    def _reduce(self, epoch: int) -> bool:
        """Make the learning rate smaller, unless it is small enough; returns whether it was."""
        optimizer = self.model.optimizer
        old = float(optimizer.learning_rate)
        if not old > np.float32(self.min_lr):
            return False
        new = max(old * self.factor, self.min_lr)
        if isinstance(optimizer.learning_rate, Variable):
            optimizer.learning_rate = new
        else:
            factor = self.factor if new > self.min_lr else new / old
            optimizer.rate_multiplier.assign(float(optimizer.rate_multiplier) * factor)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.")
        return True

    def get_state(self) -> dict[str, Any]:
        """Return what it remembers of a training, as numbers; the learning rate is kept by the optimizer."""
        return {"best": self.best, "wait": self.wait, "cooldown_counter": self.cooldown_counter}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take up what `get_state` returned; call it after `on_train_begin`, which forgets."""
        self.best, self.wait, self.cooldown_counter = state["best"], state["wait"], state["cooldown_counter"]
