"""`WandbLogger`: a training as a run of Weights & Biases."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamina.core import errors
from lamina.training.callbacks.trackers._tracker import Plain, TrackerCallback, required


class WandbLogger(TrackerCallback):
    """Log a training to Weights & Biases: its config, the values of each epoch over `epoch`, the model's summary.

    A run that is open (`wandb.init()`) is used and left open; otherwise one is made and finished, with the exit code 1
    after an error. After `fit(resume=...)` it goes on in the same run.

    Args:
        project: Name of the project. Default None: wandb's own setting.
        name: Name of the run. Default None: wandb makes one up.
        mode: "online", "offline" (files only, to be sent later by `wandb sync`), "disabled", or None: wandb's own
            setting, such as WANDB_MODE. Default None.
        folder: Folder for wandb's files. Default None: the current one.
        params: Dict of further values of the config. Default None.
        tags: List of tags. Default None.
        save_model: Whether the trained model becomes a file of the run, `model.keras`. Default False.

    Raises:
        ImportError: wandb is not installed. ValueError: another mode.

    Differs from Keras: there is nothing like it; wandb's own callback needs TensorFlow's Keras.

    Example:
        >>> callback = WandbLogger("digits", mode="offline")  # doctest: +SKIP
        >>> model.fit(x, y, callbacks=[callback])  # doctest: +SKIP
    """

    def __init__(
        self,
        project: str | None = None,
        name: str | None = None,
        mode: str | None = None,
        folder: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: list[str] | None = None,
        save_model: bool = False,
    ) -> None:
        super().__init__(params, save_model)
        errors.check_choice("mode", mode, ["online", "offline", "disabled", None], "WandbLogger: ")
        self._wandb = required("wandb", "WandbLogger", "wandb")
        self.project, self.name, self.mode, self.folder = project, name, mode, folder
        self.tags = tags
        self._run: Any = None
        self._borrowed = False

    def start(self, params: dict[str, Plain]) -> None:
        """Open a run and send the config."""
        self._borrowed = self._wandb.run is not None
        self._run = self._wandb.run or self._wandb.init(
            project=self.project,
            name=self.name,
            mode=self.mode,
            dir=self.folder,
            tags=self.tags,
            id=self.run_id,
            resume=None if self.run_id is None else "allow",
        )
        self.run_id = self._run.id
        self._run.config.update(params, allow_val_change=True)
        self._run.define_metric("epoch")
        self._run.define_metric("*", step_metric="epoch")

    def log(self, values: dict[str, float], epoch: int) -> None:
        """Send the values of an epoch."""
        self._run.log({"epoch": epoch, **values})

    def text(self, name: str, text: str) -> None:
        """Write a text into the run's folder, which wandb sends."""
        (Path(self._run.dir) / name).write_text(text, encoding="utf-8")

    def file(self, path: Path) -> None:
        """Copy a file into the run's folder, which wandb sends."""
        shutil.copy(path, self._run.dir)

    def end(self, status: str) -> None:
        """Finish the run, unless it is the user's."""
        if not self._borrowed:
            self._run.finish(exit_code=int(status != "finished"))
