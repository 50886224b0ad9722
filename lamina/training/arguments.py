"""The arguments of `fit`, checked before anything else happens."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamina.core.errors import check_positive_int


@dataclass
class FitArguments:
    """What `Model.fit` was called with; the names and defaults are Keras'."""

    x: Any
    y: Any
    batch_size: int | None
    epochs: int
    verbose: Any
    callbacks: Any
    validation_split: float
    validation_data: Any
    shuffle: bool
    class_weight: Any
    sample_weight: Any
    initial_epoch: int
    steps_per_epoch: int | None
    validation_steps: int | None
    validation_batch_size: int | None
    validation_freq: Any
    resume: Any = None

    def __post_init__(self) -> None:
        """Raise a ValueError for the first argument that cannot be meant."""
        self.epochs = check_positive_int("epochs", self.epochs, "fit: ")
        self.initial_epoch = check_positive_int("initial_epoch", self.initial_epoch, "fit: ", minimum=0)
        for name in ("batch_size", "steps_per_epoch", "validation_steps", "validation_batch_size"):
            if getattr(self, name) is not None:
                setattr(self, name, check_positive_int(name, getattr(self, name), "fit: "))
        if not isinstance(self.validation_split, (int, float, np.floating)) or not 0 <= self.validation_split < 1:
            raise ValueError(
                f"fit: validation_split: expected a fraction from 0 to below 1, received {self.validation_split!r}."
            )
        if self.initial_epoch >= self.epochs:
            raise ValueError(
                f"fit: initial_epoch {self.initial_epoch} leaves nothing to do: epochs is {self.epochs}, the number of "
                f"the last epoch, not how many to add. Use epochs={self.initial_epoch + self.epochs}."
            )
        if isinstance(self.shuffle, str) or not isinstance(self.shuffle, (bool, np.bool_, int)):
            raise ValueError(f"fit: shuffle: expected True or False, received {self.shuffle!r}.")
        if self.x is None:
            raise ValueError("fit: x is None. Expected the inputs: arrays, a data frame, or an iterable of batches.")
        self._check_frequency()

    def _check_frequency(self) -> None:
        frequency = self.validation_freq
        if isinstance(frequency, Container) and not isinstance(frequency, (str, bytes)):
            return
        self.validation_freq = check_positive_int("validation_freq", frequency, "fit: ")

    def validates(self, epoch: int) -> bool:
        """Whether validation is due after this epoch (counted from 0)."""
        if isinstance(self.validation_freq, int):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq

    def numbers(self) -> dict[str, Any]:
        """The arguments that the numbers of a run depend on, beside the data and the batch sizes."""
        names = (
            *("initial_epoch", "steps_per_epoch", "shuffle", "class_weight"),
            *("validation_split", "validation_steps", "validation_freq"),
        )
        return {name: getattr(self, name) for name in names}

    @property
    def validates_some(self) -> bool:
        """Whether validation is due after any epoch."""
        return any(map(self.validates, range(self.initial_epoch, self.epochs)))

    def params(self, steps: int | None) -> dict[str, Any]:
        """What callbacks get as `params`."""
        params = {"verbose": self.verbose, "epochs": self.epochs, "steps": steps}
        return params if self.validation_freq == 1 else params | {"validation_freq": self.validation_freq}

    def refuse_with_stream(self) -> None:
        """Raise for arguments that only arrays can serve."""
        refused = {
            "y": (self.y, "yield (x, y) pairs instead"),
            "sample_weight": (self.sample_weight, "yield (x, y, sample_weight) triples instead"),
            "batch_size": (self.batch_size, "the iterable decides it"),
            "validation_split": (self.validation_split or None, "pass validation_data"),
        }
        for name, (value, way) in refused.items():
            if value is not None:
                raise ValueError(f"fit: {name} cannot be used when x is an iterable of batches: {way}.")
