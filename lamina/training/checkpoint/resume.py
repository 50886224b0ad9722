"""`Resume`: what the loop of `fit` asks where to begin, and tells where it stands.

with resuming(arguments) as resume:      # opens and locks the folder, reads the newest checkpoint
    seed = resume.seed()                 # that of the run before, or a new one
    resume.attach(...)                   # refuses the checkpoint of another run
    resume.has_ended(epochs)             # a finished run: its weights are there again
    resume.start()                       # the position to begin at; the state is restored
    resume.enter(epoch)                  # the place in the epoch, after on_epoch_begin
    resume.chunk_done(...), epoch_done(...), finish(...)
"""

from __future__ import annotations

import contextlib
import sys
import time
from types import TracebackType
from typing import Any

import jax

from lamina.core import random
from lamina.core.errors import warn_user
from lamina.core.variable import values_of
from lamina.files import FileError
from lamina.training.arguments import FitArguments
from lamina.training.callbacks import BackupAndRestore, CallbackList
from lamina.training.checkpoint.file import check_count
from lamina.training.checkpoint.fingerprint import differences, fingerprint
from lamina.training.checkpoint.folder import Folder
from lamina.training.checkpoint.snapshot import Position, Run, Snapshot, Stored, finished, take, versions
from lamina.training.checkpoint.writer import Writer
from lamina.training.data import Stream, Tape
from lamina.training.evaluation import EvaluationFeed
from lamina.training.feed import StreamFeed
from lamina.training.interrupt import Termination
from lamina.training.program import Program

_SHARE = 30  # epochs are saved at most every so many times the duration of a save
_NAMED = 3  # differences between two runs that a message names

Inside = tuple[int, list[jax.Array], dict[str, Any]]  # steps done of an epoch, its accumulators, its logs


class NoResume:
    """A run that keeps nothing and begins at its beginning."""

    steps_left = sys.maxsize

    def __enter__(self) -> NoResume:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def seed(self) -> int:
        """Draw the run's seed."""
        return random.next_seed()

    def attach(self, *parts: Any) -> None:
        """Hear of the parts of the run."""

    def has_ended(self) -> bool:
        """Whether there is nothing left to do."""
        return False

    def start(self, initial_epoch: int) -> tuple[Position, dict[str, Any]]:
        """Return where to begin, and the logs until then."""
        return Position(initial_epoch, 0, 0), {}

    def enter(self, epoch: int) -> Inside | None:
        """Return the place in an epoch to go on at; None is its beginning."""
        return None

    def chunk_done(self, position: Position, metrics: list[jax.Array], logs: dict[str, Any]) -> None:
        """Hear of a step border inside of an epoch."""

    def epoch_done(self, position: Position, logs: dict[str, Any], *, last: bool) -> None:
        """Hear of the end of an epoch, after its callbacks; `position` is the beginning of the next."""

    def finish(self, logs: dict[str, Any]) -> None:
        """Hear that training has ended without an error."""


class Resume:
    """A run whose checkpoints are in a folder; methods as in `NoResume`.

    Args:
        settings: Where and how often.

    Raises:
        RuntimeError: another process uses the folder. FileError: none of its checkpoints is whole.
    """

    def __init__(self, settings: BackupAndRestore) -> None:
        self._settings = settings
        self._every = settings.save_freq if type(settings.save_freq) is int else None  # steps
        self._folder = Folder(settings.backup_dir)
        with contextlib.ExitStack() as stack:
            stack.callback(self._folder.close)
            found = self._folder.newest()
            self._stored = None if found is None else Stored(found)
            stack.pop_all()
        self._writer: Writer[Snapshot] = Writer(lambda snapshot: self._folder.write(snapshot.document, snapshot.arrays))
        self._termination = Termination()
        self._last: Snapshot | None = None  # of the last epoch, when it has ended
        self._saved_at, self._steps_saved = time.monotonic(), 0
        self._steps_done = 0
        self._is_finished = False

    def __enter__(self) -> Resume:
        self._termination.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the thread, when it has written what waits, and let go of the folder."""
        try:
            self._writer.close()
            if error is not None:
                self._tell(self._writer.take_error())
            if self._is_finished and self._settings.delete_checkpoint:
                self._folder.clear()
        finally:
            self._folder.close(remove=self._is_finished and self._settings.delete_checkpoint)
            self._termination.uninstall()

    # Before training --------------------------------------------------------------------------------------------------

    def seed(self) -> int:
        if self._stored is None:
            self._seed = random.next_seed()
            self._random_at_start = random.global_state()
        else:
            self._seed = self._stored.seed
            self._random_at_start, self._random_before = self._stored.random_at_start, random.global_state()
            random.set_global_state(self._random_at_start)
        return self._seed

    def attach(
        self, program: Program, feed: Any, validation: EvaluationFeed | None, arguments: FitArguments, callbacks: Any
    ) -> None:
        """Compare the run with that of the checkpoint.

        Raises:
            FileError: it is another run. ValueError: fewer epochs than are done.
        """
        self._arguments = arguments
        self._validation_steps = None if validation is None else validation.steps
        stateful = _with_state(callbacks)
        description = fingerprint(program, feed, validation, arguments, list(stateful))
        self._run = Run(program, stateful, self._seed, description, self._random_at_start)
        if isinstance(feed, StreamFeed):
            feed.tape = self._run.tapes["training"] = Tape(feed.stream)
        if validation is not None and isinstance(validation.source, Stream):
            validation.tape = self._run.tapes["validation"] = Tape(validation.source)
        if self._stored is not None:
            self._compare(self._stored, description, arguments.epochs)

    def _compare(self, stored: Stored, description: dict[str, Any], epochs: int) -> None:
        found = list(differences(stored.description, description))
        if found or epochs < stored.position.epoch:
            random.set_global_state(self._random_before)
        if found:
            more = f", and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
            raise FileError(
                stored.path,
                "",
                f"it is the checkpoint of another run: {'; '.join(found[:_NAMED])}{more}",
                code="run",
                way_out="Put this back to go on with it, or start anew in another folder.",
            )
        if epochs < stored.position.epoch:
            raise ValueError(
                f"fit: epochs: {epochs}, but the run in {self._settings.backup_dir!r} has done {stored.position.epoch} "
                f"already. Use epochs={stored.position.epoch} or more, or another folder."
            )
        old, new = stored.versions, versions()
        changed = [
            f"{name} {old.get(name)}, now {new[name]}"
            for name in ("lamina", "jax", "device")
            if new[name] != old.get(name)
        ]
        if changed:
            warn_user(
                f"{stored.path}: it was written with {', '.join(changed)}. The run goes on, but its last bits may not "
                "be those that it would have had."
            )

    def has_ended(self) -> bool:
        """Whether the run was finished before; then the model and the callbacks have what they ended with."""
        stored = self._stored
        if stored is None or not stored.is_finished or not self._is_complete(stored):
            return False
        stored.restore(self._run, at_end=True)
        self._is_finished = True
        return True

    def _is_complete(self, stored: Stored) -> bool:
        return stored.stopped or stored.position.epoch >= self._arguments.epochs

    def start(self, initial_epoch: int) -> tuple[Position, dict[str, Any]]:
        # What a checkpoint cannot hold is told before the first step.
        first = take(self._run, Position(0, 0, 0), values_of(self._run.program.metrics), {})
        check_count(self._folder.path, first.arrays)
        stored = self._stored
        if stored is None:
            return Position(initial_epoch, 0, 0), {}
        self._replay(stored, initial_epoch)
        metrics, logs = stored.restore(self._run, keep_random=bool(self._run.tapes))
        position = stored.position
        self._steps_done = self._steps_saved = position.steps_done
        if self._is_complete(stored):  # killed between the last epoch and the end
            self._last = take(self._run, position, metrics, logs)
            return position._replace(epoch=self._arguments.epochs), logs
        return position, logs

    def _replay(self, stored: Stored, initial_epoch: int) -> None:
        """Take streams to where the run before had read them, in the order in which it did."""
        training, validation = self._run.tapes.get("training"), self._run.tapes.get("validation")
        position = stored.position
        for epoch in range(initial_epoch, position.epoch):
            if training is not None:
                training.replay(stored.tape("training"))
            if validation is not None and self._arguments.validates(epoch):
                validation.stream.reset()
                validation.replay(stored.tape("validation"), self._validation_steps, from_start=True)
        if training is not None and position.step:
            training.expect(position.step, stored.tape("training"), f"epoch {position.epoch + 1}, step {position.step}")
        elif training is not None:
            training.compare(stored.tape("training"), f"epoch {position.epoch}")
        if validation is not None:
            validation.compare(stored.tape("validation"), f"epoch {position.epoch}")

    def enter(self, epoch: int) -> Inside | None:
        stored, self._stored = self._stored, None
        if stored is None or stored.position.step == 0:
            return None
        # `on_epoch_begin` has just been called again for an epoch that began in another process.
        metrics, logs = stored.restore(self._run, keep_random=bool(self._run.tapes))
        return stored.position.step, metrics, logs

    # While training ---------------------------------------------------------------------------------------------------

    @property
    def steps_left(self) -> int:
        """Steps until the next save, where they count."""
        return sys.maxsize if self._every is None else max(1, self._steps_saved + self._every - self._steps_done)

    def chunk_done(self, position: Position, metrics: list[jax.Array], logs: dict[str, Any]) -> None:
        self._steps_done = position.steps_done
        if self._every is not None:
            due = self._steps_done - self._steps_saved >= self._every
        else:
            due = self._settings.save_freq == "epoch" and time.monotonic() - self._saved_at >= self._settings.seconds
        if due or self._termination.requested:
            self._save(position, metrics, logs)
        if self._termination.requested:
            self._writer.wait()
            self._termination.obey()
        self._look_for_errors()

    def epoch_done(self, position: Position, logs: dict[str, Any], *, last: bool) -> None:
        pause = _SHARE * self._writer.seconds if self._settings.seconds else 0.0
        if last:  # `finish` is about to write it, with what training ends with
            self._last = take(self._run, position, values_of(self._run.program.metrics), logs)
        elif self._settings.save_freq is not False and time.monotonic() - self._saved_at >= pause:
            self._save(position, values_of(self._run.program.metrics), logs)
        self._look_for_errors()

    def _save(self, position: Position, metrics: list[jax.Array], logs: dict[str, Any]) -> None:
        self._saved_at, self._steps_saved = time.monotonic(), position.steps_done
        self._writer.put(take(self._run, position, metrics, logs))

    def _look_for_errors(self) -> None:
        self._tell(self._writer.take_error())

    def _tell(self, error: Exception | None) -> None:
        if error is None:
            return
        if self._settings.on_error == "raise":
            raise error
        kept = self._folder.last_good
        warn_user(
            f"fit: a checkpoint could not be written: {error} Training goes on; "
            + (f"{kept} is kept." if kept else "there is none yet.")
        )

    def finish(self, logs: dict[str, Any]) -> None:
        self._is_finished = True
        if self._settings.delete_checkpoint:
            return
        assert self._last is not None  # noqa: S101 - the loop ends with an epoch
        self._writer.put(finished(self._run, self._last, logs))
        self._writer.wait()
        error = self._writer.take_error()
        if error is not None:
            error.add_note("Training itself has ended well: the model and model.history are complete.")
            raise error


def resuming(arguments: FitArguments) -> Resume | NoResume:
    """Return the run's checkpoints, from `fit(resume=...)` or a `BackupAndRestore` among the callbacks, or none.

    Raises:
        ValueError: more than one of them.
    """
    settings = [callback for callback in CallbackList(arguments.callbacks) if isinstance(callback, BackupAndRestore)]
    given = arguments.resume
    if given is not None:
        settings.append(
            given if isinstance(given, BackupAndRestore) else BackupAndRestore(given, delete_checkpoint=False)
        )
    if len(settings) > 1:
        folders = [one.backup_dir for one in settings]
        raise ValueError(f"fit: a run has one folder of checkpoints, received {folders}: resume= or BackupAndRestore.")
    return Resume(settings[0]) if settings else NoResume()


def _with_state(callbacks: Any) -> dict[str, Any]:
    """The callbacks that have `get_state` and `set_state`, by class name, numbered where several are of one class."""
    found: dict[str, Any] = {}
    for callback in callbacks:
        if callable(getattr(callback, "get_state", None)) and callable(getattr(callback, "set_state", None)):
            name = type(callback).__name__
            number = sum(key.split(" ")[0] == name for key in found)
            found[f"{name} {number + 1}" if number else name] = callback
    return found
