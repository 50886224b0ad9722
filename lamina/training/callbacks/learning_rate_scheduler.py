"""`LearningRateScheduler`: the learning rate as a function of the epoch."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

from lamina.core.variable import Variable
from lamina.training.callbacks.base import Callback, Logs


class LearningRateScheduler(Callback):
    """Set the learning rate at the beginning of each epoch, and add it to the logs as `learning_rate`.

    Args:
        schedule: Function `(epoch, learning_rate)`, or `(epoch)`, that returns the new learning rate, a number >= 0.
            The epoch counts from 0, `learning_rate` is the one before.
        verbose: 1 prints a line each epoch. Default 0.

    Raises:
        TypeError: a schedule that is no function of the epoch.
        ValueError: before training, an optimizer whose learning rate cannot be set: it follows a schedule of its own,
            or is inside an Optax transformation. In training, a result that is no number >= 0.

    Differs from Keras: any number will do, whole ones and those of JAX too; which form the function has is seen from
    its signature, so a TypeError inside of it comes through.

    Example:
        >>> from types import SimpleNamespace
        >>> from lamina.optimizers import SGD
        >>> callback = LearningRateScheduler(lambda epoch, learning_rate: learning_rate / 2 if epoch else learning_rate)
        >>> callback.set_model(SimpleNamespace(optimizer=SGD(0.5)))
        >>> for epoch in range(3):
        ...     callback.on_epoch_begin(epoch)
        ...     print(float(callback.model.optimizer.learning_rate))
        0.5
        0.25
        0.125
    """

    adds = ("learning_rate",)

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        self._takes_rate = _takes_rate(schedule)
        self.schedule = schedule
        self.verbose = verbose

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Look whether the learning rate can be set."""
        check_rate(self.model.optimizer, "LearningRateScheduler")
        if not isinstance(self.model.optimizer.learning_rate, Variable):
            raise ValueError(
                f"LearningRateScheduler: the learning rate of {self.model.optimizer.name!r} follows a schedule, which "
                "sets it at every step. Compile with a number as learning_rate, or leave this callback out; "
                "ReduceLROnPlateau works beside a schedule."
            )

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the learning rate."""
        optimizer = self.model.optimizer
        given = (epoch, float(optimizer.learning_rate)) if self._takes_rate else (epoch,)
        rate = self.schedule(*given)
        if not _is_rate(rate):
            forgot = " Does it return anything?" if rate is None else ""
            raise ValueError(
                f"LearningRateScheduler: schedule: expected a finite number >= 0 for epoch {epoch}, received "
                f"{rate!r}.{forgot}"
            )
        optimizer.learning_rate = float(rate)
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Add the learning rate to the logs."""
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


def check_rate(optimizer: Any, owner: str) -> None:
    """Raise a ValueError where the learning rate cannot be read: inside an Optax transformation."""
    try:
        float(optimizer.learning_rate)
    except AttributeError as error:
        raise ValueError(f"{owner}: {error}") from error


def _is_rate(value: Any) -> bool:
    scalar = hasattr(value, "__float__") and not isinstance(value, bool) and getattr(value, "ndim", 0) == 0
    return scalar and math.isfinite(float(value)) and float(value) >= 0


def _takes_rate(schedule: Any) -> bool:
    """Whether a schedule takes the learning rate beside the epoch."""
    if not callable(schedule) or inspect.isclass(schedule):
        raise TypeError(
            "LearningRateScheduler: schedule: expected a function such as lambda epoch, learning_rate: 0.9 * "
            f"learning_rate, received {schedule!r}."
        )
    try:
        signature = inspect.signature(schedule)
    except (TypeError, ValueError):  # a callable without a signature, such as a built-in
        return True
    for arguments in ((0, 0.1), (0,)):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return len(arguments) == 2
    raise TypeError(
        f"LearningRateScheduler: schedule: expected a function of (epoch, learning_rate) or (epoch), received "
        f"{getattr(schedule, '__name__', schedule)!r} with the arguments {signature}."
    )
