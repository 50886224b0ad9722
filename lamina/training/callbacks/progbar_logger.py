"""`ProgbarLogger`: progress as a callback, for training loops of one's own."""

from __future__ import annotations

from typing import Any

from lamina.training.callbacks.base import Callback, Logs
from lamina.training.progress import Progress, make_progress


class ProgbarLogger(Callback):
    """Show the progress of epochs and batches, as `fit` does.

    `fit`, `evaluate` and `predict` show it without being asked, by their argument `verbose`; one that they are given
    changes nothing. It is for loops of one's own, as `CallbackList(add_progbar=True)`. `params` say what to show:
    `verbose`, `epochs`, and `steps` (None: unknown).

    Example:
        >>> from lamina.callbacks import CallbackList
        >>> callbacks = CallbackList(add_progbar=True, verbose=2, epochs=1, steps=3)
        >>> callbacks.on_train_begin()
        >>> callbacks.on_epoch_begin(0)
        >>> callbacks.on_train_batch_end(2, {"loss": 0.5})
        >>> callbacks.on_epoch_end(0, {"loss": 0.5})  # doctest: +ELLIPSIS
        3/3 - 0s - ...s/step - loss: 0.5000
    """

    def __init__(self) -> None:
        self._in_fit = False
        self._seen = 0
        self._progress = Progress()

    def _begin(self, mode: str) -> None:
        params = self.params or {}
        self._progress = make_progress(params.get("verbose", 1), mode)
        self._progress.begin(params.get("epochs", 1))

    def _begin_epoch(self, epoch: int = 0) -> None:
        params = self.params or {}
        self._seen = 0
        self._progress.begin_epoch(epoch, params.get("epochs", 1), params.get("steps"))

    def _update(self, batch: int, logs: Logs | None) -> None:
        self._seen = batch + 1
        self._progress.update(self._seen, logs or {})

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the display; validation is then silent."""
        self._in_fit = True
        self._begin("fit")

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Announce the epoch."""
        self._begin_epoch(epoch)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Show the batch."""
        self._update(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Leave the epoch's values on the display."""
        self._progress.end_epoch(self._seen, logs or {})

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the display."""
        self._in_fit = False
        self._progress.end()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Open the display of an evaluation."""
        if not self._in_fit:
            self._begin("evaluate")
            self._begin_epoch()

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Show the batch of an evaluation."""
        if not self._in_fit:
            self._update(batch, logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Leave the results on the display."""
        if not self._in_fit:
            self._end(logs)

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Open the display of a prediction."""
        self._begin("predict")
        self._begin_epoch()

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Show the batch of a prediction."""
        self._update(batch, None)

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Close the display."""
        self._end(None)

    def _end(self, logs: dict[str, Any] | None) -> None:
        self._progress.end_epoch(self._seen, logs or {})
        self._progress.end()
