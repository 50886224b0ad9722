"""`Resume`: what the loop of `fit` asks where to begin, and tells where it stands.

with resuming(arguments) as resume:      # opens and locks the folder, reads the newest checkpoint
    seed = resume.seed()                 # that of the run before, or a new one
    program = resume.attach(...)         # refuses the checkpoint of another run
    resume.has_ended()                   # a finished run: its weights are there again
    resume.start(...)                    # the position to begin at; the state is restored
    resume.enter(epoch)                  # the place in the epoch, after on_epoch_begin
    resume.chunk_done(...), epoch_done(...), finish(...)
"""

from __future__ import annotations

import contextlib
import sys
from types import TracebackType
from typing import Any

import jax

from lamina.core import random
from lamina.core.errors import warn_user
from lamina.core.variable import values_of
from lamina.training.arguments import FitArguments
from lamina.training.callbacks import BackupAndRestore, CallbackList
from lamina.training.checkpoint.file import check_count
from lamina.training.checkpoint.fingerprint import fingerprint, refuse_another_run
from lamina.training.checkpoint.folder import Folder
from lamina.training.checkpoint.pace import Pace
from lamina.training.checkpoint.snapshot import (
    Position,
    Run,
    Snapshot,
    Stored,
    at_end,
    seed_generators,
    take,
    warn_of_versions,
)
from lamina.training.checkpoint.writer import Writer
from lamina.training.data import Stream, Tape
from lamina.training.evaluation import EvaluationFeed
from lamina.training.feed import StreamFeed
from lamina.training.interrupt import Termination
from lamina.training.prepare import prepared_program
from lamina.training.program import Program

Inside = tuple[int, list[jax.Array], dict[str, Any]]  # steps done of an epoch, its accumulators, its logs


class NoResume:
    """A run that keeps nothing and begins at its beginning."""

    steps_left = sys.maxsize

    def __enter__(self) -> NoResume:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def seed(self) -> int:
        """Draw the run's seed, of which orders and masks are functions."""
        return random.next_seed()

    def attach(self, model: Any, *parts: Any) -> Program:
        """Hear of the parts of the run; returns the compiled programs."""
        return prepared_program(model)

    def has_ended(self) -> bool:
        """Whether there is nothing left to do."""
        return False

    def start(self, initial_epoch: int) -> tuple[Position, dict[str, Any]]:
        """Return where to begin, and the logs until then; `on_train_begin` was called."""
        return Position(initial_epoch, 0, 0), {}

    def enter(self, epoch: int) -> Inside | None:
        """Return the place in an epoch to go on at, None for its beginning; `on_epoch_begin` was called."""
        return None

    def chunk_done(self, position: Position, metrics: list[jax.Array], logs: dict[str, Any]) -> None:
        """Hear of a step border inside of an epoch."""

    def epoch_done(self, position: Position, logs: dict[str, Any], *, last: bool) -> None:
        """Hear of the end of an epoch, after its callbacks; `position` is the beginning of the next."""

    def finish(self, logs: dict[str, Any]) -> None:
        """Hear that training has ended without an error, after `on_train_end`."""


class Resume:
    """A run whose checkpoints are in a folder; methods as in `NoResume`.

    Args:
        settings: Where and how often.

    Raises:
        RuntimeError: another process uses the folder. FileError: none of its checkpoints is whole.
    """

    def __init__(self, settings: BackupAndRestore) -> None:
        self._settings, self._pace = settings, Pace(settings)
        self._folder = Folder(settings.backup_dir)
        with contextlib.ExitStack() as stack:
            stack.callback(self._folder.close)
            found = self._folder.newest()
            self._stored = None if found is None else Stored(found)
            stack.pop_all()
        self._writer: Writer[Snapshot] = Writer(lambda snapshot: self._folder.write(*snapshot))
        self._termination = Termination()
        self._random_before: dict[str, Any] | None = None  # until the run begins
        self._last: Snapshot | None = None  # of the end of the last epoch
        self._is_finished = False

    def __enter__(self) -> Resume:
        self._termination.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the thread when it has written what waits, and let go of the folder."""
        superfluous = self._is_finished and self._settings.delete_checkpoint
        try:
            self._writer.close()
            if self._random_before is not None:
                random.set_global_state(self._random_before)
            failed = self._writer.take_error()
            if error is not None and failed is not None:
                error.add_note(f"The last checkpoint could not be written: {failed}")
            if superfluous:
                self._folder.clear()
        finally:
            self._folder.close(remove=superfluous)
            self._termination.uninstall()

    # Before training --------------------------------------------------------------------------------------------------

    def seed(self) -> int:
        if self._stored is None:
            self._seed = random.next_seed()
            self._random_at_start = random.global_state()
        else:
            self._seed = self._stored.seed
            self._random_before = random.global_state()
            self._random_at_start = self._stored.restart_generators()
        return self._seed

    def attach(
        self, model: Any, feed: Any, validation: EvaluationFeed | None, arguments: FitArguments, callbacks: CallbackList
    ) -> Program:
        """Compare the run with that of the checkpoint.

        Raises:
            FileError: it is another run. ValueError: fewer epochs than are done.
        """
        program = prepared_program(model)
        stateful = _with_state(callbacks)
        description = fingerprint(program, feed, validation, arguments, list(stateful))
        if self._stored is not None:
            refuse_another_run(self._stored.path, self._stored.description, description)
            self._refuse_fewer_epochs(self._stored, arguments.epochs)
            warn_of_versions(self._stored)
            if self._stored.restore_seeds(model):
                model.program = None  # compiled programs have the seeds of layers in them
                program = prepared_program(model)
        self._arguments = arguments
        self._tell_where_it_goes_on()
        self._validation_steps = None if validation is None else validation.steps
        self._run = Run(program, stateful, self._seed, seed_generators(model), description, self._random_at_start)
        if isinstance(feed, StreamFeed):
            feed.tape = self._run.tapes["training"] = Tape(feed.stream)
        if validation is not None and isinstance(validation.source, Stream):
            validation.tape = self._run.tapes["validation"] = Tape(validation.source)
        return program

    def _tell_where_it_goes_on(self) -> None:
        stored, epochs = self._stored, self._arguments.epochs
        if stored is None or not self._arguments.verbose:
            return
        epoch, step, _ = stored.position
        place = (
            f"going on in epoch {epoch + 1} of {epochs}, after step {step}."
            if step
            else (f"going on with epoch {epoch + 1} of {epochs}.")
        )
        ended = self._is_complete(stored)
        print(f"{stored.path}: {'training has ended; nothing is left to do.' if ended else place}")

    def _refuse_fewer_epochs(self, stored: Stored, epochs: int) -> None:
        done = stored.position.epoch
        if epochs < done:
            raise ValueError(
                f"fit: epochs: received {epochs}, but the run in {self._settings.backup_dir!r} has done {done}. Use "
                f"epochs={done} or more, or another folder."
            )

    def has_ended(self) -> bool:
        stored = self._stored
        if stored is None or not stored.is_finished or not self._is_complete(stored):
            return False
        stored.restore(self._run, at_end=True)
        self._random_before, self._is_finished = None, True
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
        self._random_before = None
        position = stored.position
        self._pace.saved(position.steps_done)
        if self._is_complete(stored):  # killed between the last epoch and the end
            self._last = take(self._run, position, metrics, logs)
            position = position._replace(epoch=self._arguments.epochs)
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
            training.compare(stored.tape("training"), f"the last batch of epoch {position.epoch}")
        if validation is not None:
            validation.compare(stored.tape("validation"), f"the last batch of epoch {position.epoch}")

    def enter(self, epoch: int) -> Inside | None:
        stored, self._stored = self._stored, None
        if stored is None or stored.position.step == 0:
            return None
        # `on_epoch_begin` has just been called again, for an epoch that began in another process.
        metrics, logs = stored.restore(self._run, keep_random=bool(self._run.tapes))
        return stored.position.step, metrics, logs

    # While training ---------------------------------------------------------------------------------------------------

    @property
    def steps_left(self) -> int:
        """Steps that a chunk may have at most, to end where a checkpoint is due."""
        return self._pace.steps_left

    def chunk_done(self, position: Position, metrics: list[jax.Array], logs: dict[str, Any]) -> None:
        if self._pace.is_due(position.steps_done) or self._termination.requested:
            self._save(take(self._run, position, metrics, logs), position)
        self._look_for_errors()

    def epoch_done(self, position: Position, logs: dict[str, Any], *, last: bool) -> None:
        due = self._pace.is_due_after_epoch(self._writer.seconds) or self._termination.requested
        if last or due:
            snapshot = take(self._run, position, values_of(self._run.program.metrics), logs)
            if last:
                self._last = snapshot  # `finish` writes it, with what training ends with
            else:
                self._save(snapshot, position)
        self._look_for_errors()

    def _save(self, snapshot: Snapshot, position: Position) -> None:
        self._pace.saved(position.steps_done)
        self._writer.put(snapshot)
        if self._termination.requested:
            self._writer.wait()
            self._termination.obey()

    def _look_for_errors(self) -> None:
        error = self._writer.take_error()
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
        if self._settings.delete_checkpoint or self._last is None:
            return
        self._writer.put(at_end(self._run, self._last, logs))
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
    if isinstance(given, BackupAndRestore):
        settings.append(given)
    elif given is not None:
        try:
            settings.append(BackupAndRestore(given, delete_checkpoint=False))
        except ValueError as error:
            raise ValueError(str(error).replace("BackupAndRestore: backup_dir", "fit: resume")) from None
    if len(settings) > 1:
        folders = [one.backup_dir for one in settings]
        raise ValueError(f"fit: a run has one folder of checkpoints, received {folders}: resume= or BackupAndRestore.")
    return Resume(settings[0]) if settings else NoResume()


def _with_state(callbacks: CallbackList) -> dict[str, Any]:
    """The callbacks that have `get_state` and `set_state`, by class name, numbered where several are of one class."""
    found: dict[str, Any] = {}
    counts: dict[str, int] = {}
    for callback in callbacks:
        if callable(getattr(callback, "get_state", None)) and callable(getattr(callback, "set_state", None)):
            name = type(callback).__name__
            counts[name] = number = counts.get(name, 0) + 1
            found[name if number == 1 else f"{name} {number}"] = callback
    return found
