"""`TensorBoard`: what a training measures, when, and under which names."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from lamina.core import errors
from lamina.files import to_path
from lamina.summary import _package
from lamina.summary.event_file import check_folder
from lamina.training.callbacks.base import Callback, Logs
from lamina.training.callbacks.tensorboard.clock import Clock
from lamina.training.callbacks.tensorboard.embeddings import Embeddings
from lamina.training.callbacks.tensorboard.graph import write_graph
from lamina.training.callbacks.tensorboard.profile import Profile
from lamina.training.callbacks.tensorboard.runs import Runs
from lamina.training.callbacks.tensorboard.weights import write_weights

_FLUSH_SECONDS = 1.0  # epochs that are shorter share one


class TensorBoard(Callback):
    """Log a training for TensorBoard: `tensorboard --logdir logs` shows it, also while it runs.

    The runs are `train` and `validation`, the names Keras': `epoch_loss`, `epoch_<metric>` and `epoch_learning_rate`
    over the epochs (from 0); `batch_loss` and `batch_<metric>` over the training batches (from 1), averages of the
    epoch so far; `evaluation_<name>_vs_iterations` of each validation and `evaluate` over the optimizer's steps; the
    model's graph; `<weight>/histogram` and `<weight>/image`. After a crash, `fit(resume=...)` goes on with the numbers
    of the steps, and cuts off what was written of epochs that are run again.

    Args:
        log_dir: Folder of the runs' folders, made if need be; one for each training. Default "logs".
        histogram_freq: Epochs from one writing of the weights' histograms to the next, int >= 0. Default 0: never.
        write_graph: Whether to write the model's graph. Default True.
        write_images: Whether to write the weights as pictures too, each time that histograms are written. Default
            False.
        write_steps_per_second: Whether to write training steps a second, `epoch_steps_per_second` and, with the
            batches, `batch_steps_per_second`. Default False.
        update_freq: "epoch", or how many batches lie between two writings of the batches' values, int >= 1; "batch" is
            1. Default "epoch": there are none.
        profile_batch: Batch to profile, counted from 1 over the whole training, or the first and the last one as a pair
            or as text "100,200". Default 0: none.
        embeddings_freq: Epochs from one writing of the tables of `Embedding` layers for the projector to the next, int
            >= 0. Default 0: never.
        embeddings_metadata: File with a line of text for each row of the tables; or a dict from names of `Embedding`
            layers to such files. Default None.

    Raises:
        ImportError: TensorBoard is not installed. ValueError: a number outside its range; before training, a name in
            `embeddings_metadata` that no layer has. OSError: a folder that cannot be written.

    Differs from Keras: TensorFlow is not needed. Values of batches cost no speed but that of writing: chunks of steps
    end where they are due. Pictures of weights are scaled, and convolutions' kernels tiled. Graphs of models of one's
    own are written too. Steps a second are those of the training steps alone. The projector finds its files (in
    `train`). A folder with other runs' event files brings a warning.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     callback = TensorBoard(f"{folder}/run_1", update_freq=100)
        ...     # model.fit(x, y, epochs=10, callbacks=[callback])
        >>> callback.update_freq
        100
    """

    def __init__(
        self,
        log_dir: Any = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        where = "TensorBoard: "
        try:
            self._log_dir = to_path(log_dir)
        except ValueError as error:
            raise ValueError(f"{where}log_{str(error).replace('path: ', 'dir: ', 1)}") from None
        self.log_dir, self._train_dir = str(self._log_dir), self._log_dir / "train"
        self.histogram_freq = errors.check_positive_int("histogram_freq", histogram_freq, where, minimum=0)
        self.embeddings_freq = errors.check_positive_int("embeddings_freq", embeddings_freq, where, minimum=0)
        self.write_graph, self.write_images = write_graph, write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self._every = _every(update_freq)
        self.profile_batch, self.embeddings_metadata = profile_batch, embeddings_metadata
        self._profile = Profile(profile_batch)
        check_folder(self._log_dir, "TensorBoard: log_dir")
        _package.required("TensorBoard")
        self._runs: Runs | None = None
        self._own: set[str] = set()  # words of this object's trainings
        self._embeddings: Embeddings | None = None
        self._begin()

    def _begin(self) -> None:
        self._training = self._graph_due = self._resumed = False
        self._batches = 0  # of the training
        self._clock = Clock()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Look whether everything can be written, and begin anew."""
        self._begin()
        self._training, self._graph_due = True, self.write_graph
        self._profile = Profile(self.profile_batch)
        self._runs = self._new_runs()
        if self.embeddings_freq:
            self._embeddings = Embeddings(self.model, self.embeddings_metadata, self._log_dir)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the graph before the first epoch."""
        if not self._batches and not self._resumed and epoch == 0:
            self._warn_of_others()
        self._write_graph()
        self._profile.advance(self._batches, self._train_dir)
        self._clock.begin_epoch(self._batches)

    def steps_wanted(self) -> int:
        """Steps until values of a batch are due, or the profile begins or ends."""
        due = self._every - self._batches % self._every if self._every else sys.maxsize
        return min(due, self._profile.steps_wanted(self._batches))

    def steps_done(self, epoch: int, first: int, last: int, logs: Logs) -> None:
        """Write the values of a batch where they are due."""
        before, self._batches = self._batches, self._batches + last - first + 1
        self._clock.steps_done(self._batches)
        self._write_graph()
        self._profile.advance(self._batches, self._train_dir)
        if not self._every or self._batches // self._every == before // self._every:
            return
        values = _numbers("batch_{}", logs)
        if self.write_steps_per_second:
            values = {"batch_steps_per_second": self._clock.since_mark(), **values}
        runs = self._known_runs()
        runs.scalars("train", values, self._batches)
        runs.flush(every=_FLUSH_SECONDS)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the values of the epoch, and the weights where they are due."""
        logs = logs or {}
        train = {name: value for name, value in logs.items() if not name.startswith("val_")}
        train |= _learning_rates(self.model.optimizer)
        if self.write_steps_per_second:
            train["steps_per_second"] = self._clock.of_epoch()
        runs = self._known_runs()
        runs.scalars("train", _numbers("epoch_{}", train), epoch)
        validation = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
        runs.scalars("validation", _numbers("epoch_{}", validation), epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            write_weights(runs["train"], self.model, epoch, images=self.write_images)
        if self._embeddings is not None and epoch % self.embeddings_freq == 0:
            self._embeddings.write(self._train_dir, epoch)
        runs.flush(every=_FLUSH_SECONDS)

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Begin files of their own, outside of `fit`."""
        if not self._training:
            self._runs = self._new_runs()

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Write the results of a validation or evaluation over the steps of the optimizer."""
        optimizer = self.model.optimizer
        if optimizer is not None:
            values = _numbers("evaluation_{}_vs_iterations", logs or {})
            self._known_runs().scalars("validation", values, int(np.asarray(optimizer.iterations.value)))
        if not self._training:
            self._close()

    def abandon(self) -> None:
        """Close the files of an evaluation that failed."""
        if not self._training:
            self._close()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Write what is left, and close the files."""
        if not self._training:
            return
        self._training = False
        self._profile.stop()
        self._close()
        if self._profile.missed:
            errors.warn_user(
                f"TensorBoard: profile_batch: nothing was recorded: the training had {self._batches} batches, and "
                f"profile_batch={self.profile_batch!r} begins at {self._profile.first}."
            )

    def get_state(self) -> dict[str, Any]:
        """Return the number of batches, and how much of the event files is written."""
        return {"batches": self._batches, **self._known_runs().get_state()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on where `get_state` was called; call it after `on_train_begin`."""
        self._batches, self._resumed = state["batches"], True
        runs = self._known_runs()
        here = runs.set_state(state)
        self._own.add(runs.identity)
        self._graph_due = self.write_graph and not here
        self._clock.begin_epoch(self._batches)

    def _new_runs(self) -> Runs:
        runs = Runs(self._log_dir)
        self._own.add(runs.identity)
        return runs

    def _known_runs(self) -> Runs:
        if self._runs is None:
            self._runs = self._new_runs()
        return self._runs

    def _write_graph(self) -> None:
        if self._graph_due:
            runs = self._known_runs()
            self._graph_due = not write_graph(runs["train"], self.model)
            runs.flush()

    def _warn_of_others(self) -> None:
        """Warn of event files in the folder that are not of this object's trainings."""
        others = [file for file in self._known_runs().others("train") if file.rpartition(".")[2] not in self._own]
        if others:
            errors.warn_user(
                f"TensorBoard: log_dir: {self.log_dir!r} has {len(others)} event file(s) of earlier trainings, and "
                "TensorBoard will draw them and this one as one line. Give each training a folder of its own, such as "
                f"{str(self._log_dir / 'run_2')!r}, or delete them."
            )

    def _close(self) -> None:
        if self._runs is not None:
            self._runs.close()


def _every(update_freq: Any) -> int:
    """Batches from one writing to the next, 0: never."""
    if isinstance(update_freq, str) and update_freq in ("epoch", "batch"):
        return int(update_freq == "batch")
    try:
        return errors.check_positive_int("update_freq", update_freq)
    except ValueError as error:
        told = str(error).replace("expected a", "expected 'epoch', 'batch' or a")
        raise ValueError(f"TensorBoard: {told}") from None


def _numbers(form: str, logs: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers among the logs, by tag."""
    return {
        form.format(name): value
        for name, value in logs.items()
        if hasattr(value, "__float__") and getattr(value, "ndim", 0) == 0
    }


def _learning_rates(optimizer: Any) -> dict[str, float]:
    """The learning rate; nothing where it is inside of a transformation of Optax."""
    rate = getattr(getattr(optimizer, "inner_optimizer", optimizer), "learning_rate", None)
    return {} if rate is None else {"learning_rate": float(np.asarray(getattr(rate, "value", rate)))}
