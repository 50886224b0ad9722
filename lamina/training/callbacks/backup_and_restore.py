"""`BackupAndRestore`: go on exactly where a training was killed; `fit(resume=folder)` as a callback."""

from __future__ import annotations

import math
from typing import Any

from lamina.core import errors
from lamina.files import to_path
from lamina.training.callbacks.base import Callback


class BackupAndRestore(Callback):
    """Keep checkpoints of a training, and let the same training go on from the newest one.

    A checkpoint holds everything (weights, optimizer, place in the data, seeds, metrics, history, states of callbacks),
    so that a run which was killed and started again ends with the same bits as one that was not. They are written on a
    thread while training goes on; the last two are kept. docs/resume.md tells more.

    Args:
        backup_dir: Folder of the run, which is made where it is missing. One run, one folder.
        save_freq: "epoch": at the end of epochs, and every `seconds` inside of long ones. A number: every so many steps
            (batches), and at the end of epochs. False: at the end of training only.
        double_checkpoint: Keras' switch for keeping two checkpoints, which lamina always does.
        delete_checkpoint: Whether the checkpoints are deleted when training has ended. Default True; `fit(resume=...)`
            keeps them, and the same line run again returns the trained model at once.
        seconds: With save_freq "epoch", seconds of training that a kill may cost at most, >= 0. Default 60. 0 saves as
            often as files can be written.
        on_error: "warn" goes on training when a checkpoint cannot be written (a full disk) and raises at the end if
            that is so for the last one, too; "raise" stops at once. Default "warn".

    Raises:
        ValueError: an argument that cannot be meant.

    Differs from Keras: exact; also inside of epochs; a checkpoint of another model, other data or other arguments of
    `fit` is refused, where Keras goes on with it; epochs that are shorter than 30 times the last save share one.

    Example:
        >>> backup = BackupAndRestore("runs/mnist", save_freq=500)
        >>> backup.save_freq, backup.delete_checkpoint
        (500, True)
    """

    def __init__(
        self,
        backup_dir: Any,
        save_freq: str | int | bool = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
        seconds: float = 60.0,
        on_error: str = "warn",
    ) -> None:
        where = "BackupAndRestore: "
        if save_freq != "epoch" and save_freq is not False:
            if isinstance(save_freq, str):
                raise ValueError(
                    f'{where}save_freq: expected "epoch", a number of steps or False, received {save_freq!r}.'
                )
            save_freq = errors.check_positive_int("save_freq", save_freq, where)
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
            raise ValueError(f"{where}seconds: expected a number >= 0, received {seconds!r}.")
        errors.check_choice("on_error", on_error, ["warn", "raise"], where)
        try:
            self.backup_dir = str(to_path(backup_dir))
        except ValueError as error:
            raise ValueError(f"{where}backup_dir: {str(error).removeprefix('path: ')}") from None
        self.save_freq, self.seconds, self.on_error = save_freq, float(seconds), on_error
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
