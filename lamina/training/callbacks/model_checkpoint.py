"""`ModelCheckpoint`: save the model, or its weights, while it is trained."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lamina.core import errors
from lamina.training.callbacks._file_pattern import FilePattern
from lamina.training.callbacks._monitor import MonitorCallback
from lamina.training.callbacks.base import Logs

_OF_WEIGHTS = (".weights.h5", ".weights.json", ".safetensors")


class ModelCheckpoint(MonitorCallback):
    """Save the model after each epoch, after each best one, or every so many steps.

    To go on with an interrupted training use `fit(resume=folder)`, which keeps all of its state; this callback is for
    models that are to be used.

    Args:
        filepath: Any name: str, `Path`, "file://" address, or a folder (ending in "/"). A known extension decides the
            format, a missing one becomes `.keras`, or `.weights.h5` with `save_weights_only`. Placeholders are filled
            with the epoch (from 1), the batch (from 1) and the logs: "ckpt_{epoch:02d}-{val_loss:.2f}". Missing folders
            are made.
        monitor: With `save_best_only`, name of the value in the logs. Default "val_loss".
        verbose: 1 prints a line when it saves. Default 0.
        save_best_only: Whether to save only when the monitored value is better than ever. Default False.
        save_weights_only: Whether to save the weights instead of the whole model. Default False.
        mode: "min", "max" or "auto", see `EarlyStopping`. Default "auto".
        save_freq: "epoch", or a number of batches (steps), whose end is then looked at one by one. Default "epoch".
        initial_value_threshold: With `save_best_only`, value that the first one has to beat. Default None.
        keep: Files to keep: the older ones of those that it wrote are deleted, once a new one is on the disk; int >= 1.
            None keeps all. Default None.
        on_error: "raise" ends training when a file cannot be written (a full disk); "warn" goes on. Default "raise".
            What was there before is whole either way.

    Attributes:
        last_path: Path of the file that was written last, for `load_model`; None before.
        best: Best value so far, or `initial_value_threshold`.

    Raises:
        ValueError: an argument out of range, a placeholder or a monitor that cannot be there. What only the names of
            the logs tell is told before the first epoch, or at the end of it where they were not known before.
        OSError: a folder that cannot be made, before training; a file that cannot be written.

    Differs from Keras: any name is taken, and a wrong one is found before training; a file is replaced as a whole or
    not at all; with `save_best_only`, a monitor that does not exist is an error, where Keras saves each epoch, and an
    epoch without validation saves nothing; `keep`, `on_error`, `last_path`.

    Example:
        >>> checkpoint = ModelCheckpoint("best/{epoch:02d}", monitor="val_accuracy", save_best_only=True, keep=3)
        >>> checkpoint.filepath
        'best/{epoch:02d}'
    """

    def __init__(
        self,
        filepath: Any,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        keep: int | None = None,
        on_error: str = "raise",
    ) -> None:
        super().__init__(monitor, mode)
        where = "ModelCheckpoint: "
        if save_freq != "epoch":
            if isinstance(save_freq, str):
                raise ValueError(f'{where}save_freq: expected "epoch" or a number of batches, received {save_freq!r}.')
            save_freq = errors.check_positive_int("save_freq", save_freq, where)
            setattr(self, "on_train_batch_end", self._after_batch)  # noqa: B010 - only then is each batch looked at
        self._pattern = FilePattern(filepath, f"{where}filepath")
        self.filepath = self._pattern.text
        self.verbose, self.save_best_only, self.save_weights_only = verbose, save_best_only, save_weights_only
        self.save_freq = save_freq
        self.keep = None if keep is None else errors.check_positive_int("keep", keep, where)
        errors.check_choice("on_error", on_error, ["raise", "warn"], where)
        self.on_error = on_error
        self.best = initial_value_threshold
        self.last_path: Path | None = None
        self._written: list[Path] = []
        self._epoch, self._batches, self._last_batch = 0, 0, -1
        self._check_names()

    def _check_names(self) -> None:
        """Raise for what can be seen without a training."""
        where, name = "ModelCheckpoint: ", self.filepath
        if name.endswith(_OF_WEIGHTS) and not self.save_weights_only:
            raise ValueError(
                f"{where}filepath: {name!r} is the name of a file of weights alone. Pass save_weights_only=True, or "
                "use a name that ends in .keras."
            )
        if self.save_freq == "epoch" and "batch" in self._pattern.counts:
            raise ValueError(
                f'{where}filepath: {name!r}: {{batch}} is not known with save_freq="epoch". Use {{epoch}}.'
            )
        monitored = [self.monitor] if self.save_best_only else []
        for value in (*monitored, *self._pattern.names) if self.save_freq != "epoch" else ():
            if value.startswith("val_"):
                raise ValueError(
                    f"{where}{value!r} is not known after {self.save_freq} batches, since validation comes at the end "
                    f'of an epoch. Use {value.removeprefix("val_")!r}, or save_freq="epoch".'
                )
        if self.keep is not None and not self._pattern.varies:
            raise ValueError(f"{where}keep: {name!r} is one file. Put a placeholder into the name, such as {{epoch}}.")
        if self.keep is not None and name.endswith(".weights.json"):
            raise ValueError(
                f"{where}keep: sharded weights are several files each. Use a name that ends in .weights.h5."
            )

    def expect_logs(self, names: Collection[str]) -> None:
        """Look for the monitor and the placeholders among the names that the logs will have."""
        self._pattern.check(names)
        if self.save_best_only:
            super().expect_logs(names)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Make the folders."""
        super().on_train_begin(logs)
        self._pattern.make_folders()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Remember the epoch, and count its batches anew."""
        self._epoch, self._last_batch = epoch, -1

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save, if it is time to."""
        if self.save_freq == "epoch":
            self._save_if_due({"epoch": epoch + 1}, logs)

    def _after_batch(self, batch: int, logs: Logs | None = None) -> None:
        """Count the batches since the last call, and save, if it is time to."""
        self._batches += batch - self._last_batch
        self._last_batch = batch
        if self._batches >= int(self.save_freq):
            self._batches = 0
            self._save_if_due({"epoch": self._epoch + 1, "batch": batch + 1}, logs)

    def _save_if_due(self, counts: dict[str, int], logs: Logs | None) -> None:
        if any(not name.startswith("val_") for name in self._pattern.names):
            self._pattern.check([*(logs or {}), *(name for name in self._pattern.names if name.startswith("val_"))])
        path = self._pattern.fill((logs or {}) | counts)
        if not self.save_best_only:
            self._say(counts, f"saving model to {path}")
            self._save(path)
            return
        current = self.monitored(logs)
        if current is None:
            return
        before = "None" if self.best is None else f"{self.best:.5f}"
        if not self.improves(current, self.best):
            self._say(counts, f"{self.monitor} did not improve from {before}")
            return
        self._say(counts, f"{self.monitor} improved from {before} to {current:.5f}, saving model to {path}")
        if self._save(path):
            self.best = current

    def _say(self, counts: dict[str, int], text: str) -> None:
        if self.verbose:
            print(f"\nEpoch {counts['epoch']}: {text}")

    def _save(self, path: str) -> bool:
        """Write the file, and then delete what is too old; returns whether it was written."""
        try:
            self._pattern.make_folders(path)
            written = self.model.save_weights(path) if self.save_weights_only else self.model.save(path)
        except OSError as error:
            if self.on_error == "raise":
                raise
            errors.warn_user(f"ModelCheckpoint: a file could not be written: {error} Training goes on.")
            return False
        self.last_path = Path(path if written is None else written)
        self._written = [*(old for old in self._written if old != self.last_path), self.last_path]
        while self.keep is not None and len(self._written) > self.keep:
            self._written.pop(0).unlink(missing_ok=True)
        return True

    def get_state(self) -> dict[str, Any]:
        """Return what it remembers of a training, as numbers and text."""
        return {
            "best": self.best,
            "batches": self._batches,
            "last_batch": self._last_batch,
            "last_path": self.last_path and os.fspath(self.last_path),
            "written": [os.fspath(path) for path in self._written],
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take up what `get_state` returned."""
        self.best, self._batches, self._last_batch = state["best"], state["batches"], state["last_batch"]
        self.last_path = state["last_path"] and Path(state["last_path"])
        self._written = [Path(path) for path in state["written"]]
