"""A run at a step border as plain data, and back: what a checkpoint holds.

Taking a snapshot copies no weights: JAX's arrays never change, so it is enough to hold those of the last chunk.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import jax
import numpy as np

from lamina.core import random
from lamina.core.errors import warn_user
from lamina.core.random import SeedGenerator
from lamina.core.variable import values_of
from lamina.files import FileError
from lamina.training.checkpoint.file import MEMBER
from lamina.training.checkpoint.folder import Found
from lamina.training.checkpoint.plain import Arrays, decode, encode
from lamina.training.data import Tape
from lamina.training.program import Program, State


class Position(NamedTuple):
    """Where a run stands: `step` steps of `epoch` are done (counted from 0), `steps_done` in all."""

    epoch: int
    step: int
    steps_done: int


@dataclass
class Run:
    """The objects that a checkpoint holds the state of, and what the run is."""

    program: Program
    callbacks: dict[str, Any]  # those with a state, by name
    seed: int
    seed_generators: list[SeedGenerator]  # of the layers
    description: dict[str, Any]
    random_at_start: dict[str, Any]
    tapes: dict[str, Tape] = field(default_factory=dict)


class Snapshot(NamedTuple):
    """What goes into a file."""

    document: dict[str, Any]
    arrays: Arrays


def take(run: Run, position: Position, metrics: list[jax.Array], logs: dict[str, Any]) -> Snapshot:
    """Hold a run as it stands, with the accumulators and logs of its epoch.

    Raises:
        TypeError: a callback's state, or a value of the logs, is of a type that a checkpoint cannot hold.
    """
    arrays = Arrays()
    document = {
        "versions": versions(),
        "run": run.description,
        "seed": run.seed,
        "layer_seeds": [generator.seed for generator in run.seed_generators],
        "position": position._asdict(),
        "stopped": bool(run.program.model.stop_training),
        "random_at_start": encode(run.random_at_start, arrays, "random_at_start"),
        "tapes": {name: tape.state() for name, tape in run.tapes.items()},
        "now": _now(run, metrics, logs, arrays),
    }
    return Snapshot(document, arrays)


def at_end(run: Run, before: Snapshot, logs: dict[str, Any]) -> Snapshot:
    """The snapshot of a run's last epoch, with what the end of training made of it (averaged or restored weights)."""
    arrays = before.arrays
    return Snapshot(before.document | {"end": _now(run, values_of(run.program.metrics), logs, arrays)}, arrays)


def _now(run: Run, metrics: list[jax.Array], logs: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    state = run.program.state(metrics)
    return {
        "state": {name: [arrays.add(value) for value in values] for name, values in state._asdict().items()},
        "logs": encode(logs, arrays, "logs"),
        "callbacks": {
            name: encode(callback.get_state(), arrays, f"{name}.get_state()")
            for name, callback in run.callbacks.items()
        },
        "random": encode(random.global_state(), arrays, "random"),
        "rate_multiplier": encode(run.program.optimizer.rate_multiplier._value, arrays, "rate_multiplier"),
    }


class Stored:
    """A checkpoint that was read, taken apart; everything in it is checked before anything of the run changes."""

    def __init__(self, found: Found) -> None:
        self.path, self._document, self._arrays = found
        self.description: dict[str, Any] = self._get("run", dict)
        self.versions: dict[str, Any] = self._get("versions", dict)
        self.seed: int = self._get("seed", int)
        self.stopped: bool = self._get("stopped", bool)
        self.is_finished = "end" in self._document
        place: dict[str, Any] = self._get("position", dict)
        numbers = [place.get(name) for name in Position._fields]
        if not all(type(number) is int and number >= 0 for number in numbers):
            self.refuse("position", f"expected whole numbers for {Position._fields}, received {place!r:.100}")
        self.position = Position(*numbers)  # type: ignore[arg-type]

    def refuse(self, where: str, reason: str) -> NoReturn:
        """Raise a FileError that names this file."""
        raise FileError(self.path, f"{MEMBER}, {where}", reason, code="checkpoint")

    def _get(self, name: str, kind: type) -> Any:
        value = self._document.get(name)
        if type(value) is not kind:
            self.refuse(name, f"expected {kind.__name__}, received {value!r:.60}")
        return value

    def _decoded(self, value: Any, where: str) -> Any:
        return decode(value, self._arrays, lambda reason: self.refuse(where, reason))

    def restore_seeds(self, model: Any) -> bool:
        """Give the random layers the seeds that they had; returns whether they had others now."""
        generators, seeds = seed_generators(model), self._get("layer_seeds", list)
        if len(seeds) != len(generators) or not all(type(seed) is int for seed in seeds):
            self.refuse("layer_seeds", f"expected {len(generators)} whole numbers, received {seeds!r:.100}")
        changed = [generator.seed for generator in generators] != seeds
        for generator, seed in zip(generators, seeds, strict=True):
            generator.seed = seed
        return changed

    def restart_generators(self) -> dict[str, Any]:
        """Set the global generators to where they stood before the run read its first batch; returns that state."""
        state = self._decoded(self._get("random_at_start", dict), "random_at_start")
        with self._refusing("random_at_start"):
            random.set_global_state(state)
        return state

    def tape(self, name: str) -> dict[str, Any]:
        """What the stream of "training" or "validation" had given."""
        state = self._get("tapes", dict).get(name)
        given = state if isinstance(state, dict) else {}
        numbers = [given.get(key, "") for key in ("epochs", "first", "last", "length")]
        whole = all(number is None or type(number) is int for number in numbers)
        if not whole or given["epochs"] is None or type(given.get("alike")) is not bool:
            self.refuse("tapes", f"expected what the stream of {name!r} had given, received {state!r:.100}")
        return state

    def restore(self, run: Run, *, at_end: bool = False, keep_random: bool = False) -> tuple[Any, dict[str, Any]]:
        """Give the model, the optimizer, the callbacks and the generators what they had; returns metrics and logs.

        Args:
            run: The objects, which `description` was compared for.
            at_end: Whether to take the state after the end of training, else that before it.
            keep_random: Whether NumPy's and Python's generators stay as they are: the data have just drawn from them.
        """
        part = self._get("end" if at_end else "now", dict)
        names = ("logs", "callbacks", "random", "rate_multiplier")
        if not part.keys() >= {"state", *names}:
            self.refuse("now", f"expected state, {', '.join(names)}, received {sorted(part)}")
        state = self._state(run, part["state"])
        logs, callbacks, generators, multiplier = (self._decoded(part[name], name) for name in names)
        if not isinstance(logs, dict) or not isinstance(callbacks, dict) or callbacks.keys() != run.callbacks.keys():
            self.refuse("callbacks", f"expected the states of {list(run.callbacks)}, received {callbacks!r:.100}")
        with self._refusing("random"):
            random.set_global_state({"lamina": generators["lamina"]} if keep_random else generators)
        for name, callback in run.callbacks.items():
            with self._refusing(f"callbacks, {name}"):
                callback.set_state(callbacks[name])
        with self._refusing("rate_multiplier"):
            run.program.optimizer.rate_multiplier.assign(multiplier)
        run.program.publish(state)
        run.program.model.stop_training = self.stopped
        return state.metrics, logs

    def _state(self, run: Run, numbers: Any) -> State:
        program = run.program
        groups = (program.trainable, program.non_trainable, program.slots, program.metrics)
        values = []
        for name, variables in zip(State._fields, groups, strict=True):
            own = numbers.get(name) if isinstance(numbers, dict) else None
            if not isinstance(own, list) or not all(type(n) is int and 0 <= n < len(self._arrays) for n in own):
                self.refuse(f"state, {name}", "expected numbers of arrays")
            found = [self._arrays[number] for number in own]
            wanted = [(variable.shape, variable.dtype) for variable in variables]
            if [(array.shape, array.dtype.name) for array in found] != wanted:
                self.refuse(f"state, {name}", "the arrays do not have the shapes and dtypes of the variables")
            values.append([jax.device_put(array) for array in found])
        return State(*values)

    @contextmanager
    def _refusing(self, where: str) -> Iterator[None]:
        """Name the file where a state in it does not fit the object that it is for."""
        try:
            yield
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
            raise FileError(
                self.path, f"{MEMBER}, {where}", f"the state does not fit: {type(error).__name__}: {error}"
            ) from error


def seed_generators(model: Any) -> list[SeedGenerator]:
    """The seed generators that layers hold as attributes, in the order of the layers."""
    layers = model.tree.layers
    return [v for layer in layers for _, v in sorted(vars(layer).items()) if isinstance(v, SeedGenerator)]


def warn_of_versions(stored: Stored) -> None:
    """Warn where a checkpoint comes from another lamina, another JAX or another device."""
    old, new = stored.versions, versions()
    changed = [f"{n} {old.get(n)}, now {new[n]}" for n in ("lamina", "jax", "device") if new[n] != old.get(n)]
    if changed:
        warn_user(
            f"{stored.path}: it was written with {', '.join(changed)}. The run goes on, but its last bits may not be "
            "those that it would have had."
        )


def versions() -> dict[str, str]:
    """What the bits of a result may depend on beside the run itself."""
    python = ".".join(map(str, sys.version_info[:3]))
    device = jax.devices()[0]
    return {
        "lamina": sys.modules["lamina"].__version__,  # importing it from below would make a circle
        "jax": jax.__version__,
        "numpy": np.__version__,
        "python": python,
        "device": f"{device.platform} {device.device_kind}",
    }
