"""`Callback`, what a user overrides."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import Any

Logs = dict[str, Any]


class Callback:
    """Base class: override the hooks of the moments that matter.

    Every hook gets `logs`, a dict from names of losses and metrics to plain floats. Hooks of one moment share it, in
    the order of the list, so that one callback can add a value (a learning rate, say) for those after it and for the
    history. Epochs and batches count from 0.

    Attributes:
        model: The model in training; None before.
        params: Dict with `verbose`, `epochs` and `steps` (batches an epoch, None if unknown); None before.

    Differs from Keras: batches of one epoch run in one compiled program, and one by one only when some callback
    overrides a batch hook. The numbers are the same either way.

    Example:
        >>> class PrintLoss(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(epoch, logs["loss"])
        >>> PrintLoss().on_epoch_end(0, {"loss": 0.5})
        0 0.5
    """

    model: Any = None
    params: dict[str, Any] | None = None
    adds: tuple[str, ...] = ()  # names that `on_epoch_end` puts into the logs
    tells_of_loss = False  # whether it says by itself that the loss is NaN or infinite

    def set_model(self, model: Any) -> None:
        """Receive the model, before the first hook."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Receive `params`, before the first hook."""
        self.params = params

    def expect_logs(self, names: Collection[str]) -> None:
        """Receive the names that the epochs' logs will have, before the first hook of `fit`; raise if one is missing.

        It is called only where the names are known: not where the model's class or a callback of the user's may add
        values.
        """

    def abandon(self) -> None:
        """Put back what a hook changed: an evaluation or prediction ended with an error, before its last hook."""

    def steps_done(self, epoch: int, first: int, last: int, logs: Logs) -> None:
        """Hear of a chunk of training steps, about 0.1 s of them, or of one where some callback has a batch hook.

        Unlike a batch hook it costs no speed. Keras has nothing like it.

        Args:
            epoch: The epoch, from 0.
            first, last: The first and the last step of the chunk, counted in the epoch from 0.
            logs: The epoch's averages so far.
        """

    def steps_wanted(self) -> int:
        """Return after how many further training steps, at most, `steps_done` should be called.

        Chunks end there, so that `logs` are those of that very step; it costs no speed unless it is often. Keras has
        nothing like it.
        """
        return sys.maxsize

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Run before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Run after the last epoch, with its logs."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Run before an epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Run after an epoch and its validation; logs have `loss`, the metrics, and both again as `val_…`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a training step."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a training step; logs are the epoch's averages so far."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Older name of `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Run before an evaluation or validation."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Run after an evaluation or validation, with its results."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch of evaluation or validation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch of evaluation or validation; logs are the averages so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Run before a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Run after a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before a batch of prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after a batch of prediction; logs have its `outputs`."""


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))
