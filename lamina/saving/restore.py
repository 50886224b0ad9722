"""From a file's arrays to a model's variables: all of them or none.

`restore` compares everything that is stored with everything that the model has, names, numbers and shapes, before it
reads a single array; reads all of them; then assigns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import numpy as np

from lamina.core.config import place_of
from lamina.core.dtypes import is_float
from lamina.core.errors import FileError, NotBuiltError, closest_match, warn_user
from lamina.core.variable import Variable
from lamina.layers.base import Layer
from lamina.optimizers import Optimizer
from lamina.optimizers._state import OptimizerState
from lamina.saving.state import OPTIMIZER, own_seeds, own_variables, places

SEEDS = "lamina_seeds"  # attribute of a layer's group: "attribute:seed" of each of its seed generators


class Source(Protocol):
    """Stored arrays by path, as the readers of `lamina.files` give them."""

    @property
    def arrays(self) -> dict[str, Any]:
        """Shape, dtype and bytes of each array by its path."""

    @property
    def groups(self) -> dict[str, dict[str, Any]]:
        """Attributes of each group by its path."""

    def read(self, name: str) -> np.ndarray:
        """Return an array."""


class Match(NamedTuple):
    """A variable and the stored array that it will hold."""

    variable: Variable
    array: str


class _Plan:
    """What will be assigned where, and why something cannot be."""

    def __init__(self) -> None:
        self.matches: list[Match] = []
        self.custom: list[tuple[Any, dict[str, str]]] = []  # objects that load themselves, with their arrays by key
        self.used: set[str] = set()
        self.refusals: list[tuple[str, str]] = []  # (place, reason)
        self.skipped: list[str] = []


def restore(model: Layer, source: Source, path: str, *, skip_mismatch: bool = False, where: str = "") -> None:
    """Give a model's variables the arrays of a file.

    Args:
        model: A built model, whose weights may be only promised.
        source: The file's arrays.
        path: The file's name, for messages; `where`: the part of it that holds the arrays.
        skip_mismatch: Whether layers that do not fit keep their weights, with a warning, instead of a refusal.

    Raises:
        FileError: an array that is missing, left over, or of another shape or kind; the model is unchanged.
    """
    if not model.built:
        raise NotBuiltError(
            f"Model {model.name!r} has no weights to load into yet: call it on data, or build(input_shape), first."
        )
    plan = _plan(model, source)
    if plan.refusals and not skip_mismatch:
        place, reason = plan.refusals[0]
        more = f" (and {len(plan.refusals) - 1} more)" if len(plan.refusals) > 1 else ""
        raise FileError(
            path,
            "/".join(part for part in (where, place) if part),
            reason + more,
            code="mismatch",
            way_out="Build the model as it was saved; or pass skip_mismatch=True to load what fits.",
        )
    _assign(plan, source)
    skipped = [f"{place}: {reason}" for place, reason in plan.refusals] if skip_mismatch else []
    if skipped:
        warn_user(f"{path}: these parts do not fit the model and were not loaded: {'; '.join(skipped)}.")
    if plan.skipped:
        warn_user(f"{path}: {'; '.join(plan.skipped)}")


def _plan(model: Layer, source: Source) -> _Plan:
    plan = _Plan()
    stored = _by_place(source.arrays)
    known = places(model)
    optimizer = known.get(OPTIMIZER)
    if isinstance(optimizer, Optimizer) and len(stored.get(OPTIMIZER, {})) > len(optimizer.variables):
        optimizer.extend(model.trainable_variables)  # makes the slots
    for place, thing in known.items():
        keys = stored.pop(place, {})
        if isinstance(thing, Optimizer):
            _plan_optimizer(plan, source, place, thing, keys)
        elif type(thing).load_own_variables is not Layer.load_own_variables:
            plan.custom.append((thing, keys))
        else:
            _plan_variables(plan, source, place, own_variables(thing), keys)
    for place in stored:
        if place.split("/")[0] != OPTIMIZER and stored[place]:
            near = closest_match(place, known)
            plan.refusals.append((place, f"the model has no layer for {len(stored[place])} stored arrays.{near}"))
    return plan


def _by_place(arrays: dict[str, Any]) -> dict[str, dict[str, str]]:
    """For each place the keys of its arrays, "0", "1", …, with their paths in the file."""
    found: dict[str, dict[str, str]] = {}
    for name in arrays:
        head, _, key = name.rpartition("/")
        place = head.removesuffix("vars").removesuffix("/")
        found.setdefault(place if head.endswith("vars") else head, {})[key] = name
    return found


def _plan_variables(
    plan: _Plan, source: Source, place: str, variables: Sequence[Variable], keys: dict[str, str]
) -> None:
    expected = [str(i) for i in range(len(variables))]
    if sorted(keys) != sorted(expected):
        shapes = f" of shapes {[v.shape for v in variables]}" if len(variables) <= 6 else ""
        found = sorted(keys) if 0 < len(keys) <= 6 else len(keys) or "none"
        plan.refusals.append((place, f"expected {len(variables)} arrays{shapes}, the file has {found}"))
        return
    for key, variable in zip(expected, variables, strict=True):
        info = source.arrays[keys[key]]
        if tuple(info.shape) != variable.shape:
            reason = f"{variable.path!r} has shape {variable.shape}, the file has shape {tuple(info.shape)}"
            plan.refusals.append((f"{place}/vars/{key}".lstrip("/"), reason))
            return
        if _kind(info.dtype) != _kind(variable.dtype):
            reason = f"{variable.path!r} is {variable.dtype}, the file has {info.dtype}"
            plan.refusals.append((f"{place}/vars/{key}".lstrip("/"), reason))
            return
    plan.matches += [Match(v, keys[key]) for key, v in zip(expected, variables, strict=True)]


def _plan_optimizer(plan: _Plan, source: Source, place: str, optimizer: Any, keys: dict[str, str]) -> None:
    """An optimizer of another kind or with other slots starts anew, as in Keras; its weights can still be loaded."""
    if not keys:
        return
    if type(optimizer).load_own_variables is not OptimizerState.load_own_variables:
        plan.custom.append((optimizer, keys))
        return
    trial = _Plan()
    _plan_variables(trial, source, place, own_variables(optimizer), keys)
    plan.matches += trial.matches
    plan.skipped += [
        f"the state of the optimizer was not loaded, since it was saved by another one or for other weights ({reason})."
        for _, reason in trial.refusals
    ]


def _kind(dtype: Any) -> str:
    """What may stand for what: floats of any size for floats, whole numbers for whole numbers."""
    dtype = np.dtype(dtype)
    return "float" if is_float(dtype) else {"i": "int", "u": "int", "b": "bool"}.get(dtype.kind, dtype.name)


def _assign(plan: _Plan, source: Source) -> None:
    """Read every array, then assign; where an object that loads itself fails, everything is put back."""
    values = [source.read(match.array) for match in plan.matches]
    stores = [(thing, {key: source.read(name) for key, name in keys.items()}) for thing, keys in plan.custom]
    before = [(v, v._value) for match in plan.matches for v in [match.variable]]
    before += [(v, v._value) for thing, _ in stores for v in own_variables(thing)]
    try:
        for (variable, _), value in zip(plan.matches, values, strict=True):
            variable.assign(value)
        for thing, store in stores:
            for variable in own_variables(thing):
                variable.fulfil()
            thing.load_own_variables(store)
    except BaseException:
        for variable, old in before:
            variable._value = old
        raise


def restore_seeds(model: Layer, groups: dict[str, dict[str, Any]]) -> None:
    """Give random layers the seeds that they had, so that training goes on as it would have."""
    for place, thing in places(model).items():
        text = str(groups.get(f"{place}/vars".lstrip("/"), {}).get(SEEDS, ""))
        stored = dict(part.split(":") for part in text.split(",") if part.count(":") == 1)
        for name, generator in own_seeds(thing).items():
            if stored.get(name, "").isdecimal():
                generator.seed = int(stored[name])


def seeds_text(thing: Any) -> str:
    """The seeds of a layer, as `restore_seeds` reads them."""
    return ",".join(f"{name}:{generator.seed}" for name, generator in own_seeds(thing).items())


@contextmanager
def refusing(path: str, where: str) -> Iterator[None]:
    """Turn whatever building or filling a model raises into one refusal of the file, with the part that it came from.

    Args:
        path: The file; `where`: the part of it that is read.
    """
    try:
        yield
    except (FileError, NotBuiltError, OSError):
        raise
    except Exception as error:
        place = "/".join(part for part in (where, place_of(error)) if part)
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise FileError(path, place, f"{kind}{error}".rstrip("."), code="unusable") from error
