"""`MonitorCallback`: which value of the logs a callback watches, whether it is there, and whether it improves."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from typing import Any

from lamina.core import errors
from lamina.training.callbacks.base import Callback, Logs


class MonitorCallback(Callback):
    """Base of the callbacks that watch one value of the epochs' logs.

    A value improves on another when value < other - min_delta (mode "min") or value > other + min_delta (mode "max").
    Anything improves on None, except NaN, which never improves.

    Args:
        monitor: Name of the value in the epoch's logs.
        mode: "min", "max" or "auto". "auto" is "min" for `loss`, `val_loss` and the losses of single outputs, else
            the metric's own direction. Default "auto".
        min_delta: Least change that counts as an improvement, a finite number; its sign is ignored. Default 0.

    Raises:
        ValueError: an argument out of range. Before the first epoch, or at the end of it where the names were not
            known before: a monitor that the logs do not have, or whose direction "auto" cannot tell.

    Example:
        >>> callback = MonitorCallback("val_loss", min_delta=0.1)
        >>> callback.on_train_begin()
        >>> best = callback.monitored({"loss": 0.4, "val_loss": 0.5})
        >>> best, callback.improves(0.45, best), callback.improves(0.3, best)
        (0.5, False, True)
    """

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", min_delta: float = 0) -> None:
        where = f"{type(self).__name__}: "
        errors.check_choice("mode", mode, ["auto", "min", "max"], where)
        if not math.isfinite(min_delta):
            raise ValueError(f"{where}min_delta: expected a finite number, received {min_delta!r}.")
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self._sign = 0  # 1 when smaller is better, -1 when larger is, 0 before the monitor was found

    def expect_logs(self, names: Collection[str]) -> None:
        """Look for the monitor among the names that the logs will have."""
        if self.monitor not in names:
            self._refuse(names)
        self._find_sign()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget the model of the training before."""
        self._sign = 0

    def monitored(self, logs: Logs | None) -> float | None:
        """Return the monitored value of an epoch, or None where it may still come: this epoch was not validated."""
        logs = logs or {}
        if self.monitor not in logs:
            validated = any(name.startswith("val_") for name in logs)
            rarely = (self.params or {}).get("validation_freq", 1) != 1
            if not self._sign and not (rarely and self.monitor.startswith("val_") and not validated):
                self._refuse(logs)
            return None
        self._sign = self._sign or self._find_sign()
        value = logs[self.monitor]
        if getattr(value, "ndim", 0) > 0:
            raise ValueError(
                f"{type(self).__name__}: monitor: expected one number, and {self.monitor!r} is an array of shape "
                f"{value.shape}. Monitor another value, or add one to the logs with a callback before this one."
            )
        return float(value)

    def improves(self, value: float, reference: float | None) -> bool:
        """Whether a value is better than another, by more than `min_delta`; call `monitored` first."""
        if reference is None:
            return not math.isnan(value)
        return self._sign * value + self.min_delta < self._sign * reference

    def _refuse(self, names: Collection[str]) -> None:
        """Raise for a monitor that is not among the names."""
        plain = self.monitor.removeprefix("val_")
        way = errors.closest_match(self.monitor, names)
        if plain != self.monitor and plain in names and not any(name.startswith("val_") for name in names):
            frequency = (self.params or {}).get("validation_freq", 1)
            way = f" There is no validation: pass validation_data or validation_split to fit, or monitor {plain!r}."
            if frequency != 1:
                way = (
                    f" No epoch of it is validated (validation_freq={frequency}): monitor {plain!r}, or validate more "
                    "often."
                )
        raise ValueError(
            f"{type(self).__name__}: monitor: {self.monitor!r} is not among the values of this training, which are "
            f"{', '.join(names)}.{way}"
        )

    def _find_sign(self) -> int:
        if self.mode != "auto":
            return 1 if self.mode == "min" else -1
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return 1
        name = _without_number(name)
        for metric in getattr(self.model, "metrics", []):
            direction, metric_name = getattr(metric, "_direction", None), _without_number(metric.name)
            if direction and (name == metric_name or name.endswith(f"_{metric_name}")):
                return -1 if direction == "up" else 1
        raise ValueError(
            f"{type(self).__name__}: mode: 'auto' cannot tell whether a larger or a smaller {self.monitor!r} is "
            "better. Pass mode='max' or mode='min'."
        )


def _without_number(name: Any) -> str:
    """A name without the number that tells it from another of the same name."""
    return re.sub(r"_\d+$", "", str(name))
