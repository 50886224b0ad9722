"""Kinds of hyperparameters: the values that each may have, and how an Optuna trial draws one.

Values, defaults and steps are Keras Tuner's. `values()` is what a grid tries; `suggest(trial)` asks Optuna.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from lamina.core.errors import check_choice

Value = bool | int | float | str
SAMPLINGS = ("linear", "log", "reverse_log")
_GRID = 10  # values of a range without a step in a grid


@dataclass(frozen=True)
class Condition:
    """Another hyperparameter has one of some values."""

    name: str
    values: tuple[Value, ...]

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Whether it does."""
        return self.name in values and values[self.name] in self.values

    def __str__(self) -> str:
        return f"{self.name}={'|'.join(map(str, self.values))}"


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """Base of all kinds: a name, and the conditions under which it is active."""

    name: str
    conditions: tuple[Condition, ...] = ()

    @property
    def key(self) -> str:
        """Its name in the study: parameters of one name under other conditions are others."""
        return f"{self.name} [{', '.join(map(str, self.conditions))}]" if self.conditions else self.name

    @property
    def initial(self) -> Any:
        """The value that it has where nothing draws one."""
        raise NotImplementedError

    def values(self) -> tuple[Any, ...]:
        """Return the values that a grid tries."""
        raise NotImplementedError

    def suggest(self, trial: Any) -> Any:
        """Draw a value from an `optuna.Trial`."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the arguments as plain data."""
        config = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "conditions"}
        return {"class_name": type(self).__name__, "config": config | {"conditions": [str(c) for c in self.conditions]}}

    def fail(self, text: str) -> ValueError:
        """An error that names the parameter."""
        return ValueError(f"hp.{type(self).__name__}({self.name!r}): {text}")


@dataclass(frozen=True, kw_only=True)
class Range(Parameter):
    """A number between two, both possible.

    Fields:
        min_value, max_value: The ends.
        step: Distance between values, or their ratio where sampling is not "linear". Default None: every value.
        sampling: "linear": each part of the range is as likely; "log": each magnitude; "reverse_log": as "log", with
            the dense end at `max_value`.
        default: Value where nothing draws one. Default None: `min_value`.
    """

    number: ClassVar[type] = float
    min_value: Any
    max_value: Any
    step: Any = None
    sampling: str = "linear"
    default: Any = None

    def __post_init__(self) -> None:
        for name in ("min_value", "max_value", "step", "default"):
            object.__setattr__(self, name, self._number(name, getattr(self, name)))
        object.__setattr__(self, "sampling", str(self.sampling or "linear").lower())
        check_choice("sampling", self.sampling, SAMPLINGS, f"hp.{type(self).__name__}({self.name!r}): ")
        if self.min_value > self.max_value:
            raise self.fail(f"the range is empty: min_value {self.min_value} is above max_value {self.max_value}.")
        if self.sampling != "linear" and self.min_value <= 0:
            raise self.fail(f"min_value: sampling={self.sampling!r} needs a number above 0, received {self.min_value}.")
        least = 0 if self.sampling == "linear" else 1
        if self.step is not None and self.step <= least:
            kind = "the distance" if self.sampling == "linear" else "the ratio"
            raise self.fail(f"step: {kind} between values has to be above {least}, received {self.step}.")
        if self.default is not None and not self.min_value <= self.default <= self.max_value:
            raise self.fail(f"default: {self.default} is not from {self.min_value} to {self.max_value}.")

    def _number(self, name: str, value: Any) -> Any:
        if value is None and name in ("step", "default"):
            return None
        try:
            number = self.number(value)
        except (TypeError, ValueError, OverflowError):
            raise self.fail(f"{name}: expected a number, received {value!r}.") from None
        if number != value or not math.isfinite(number) or isinstance(value, bool):
            raise self.fail(f"{name}: expected a finite {self.number.__name__}, received {value!r}.")
        return number

    @property
    def initial(self) -> Any:
        """The default, or the smallest value."""
        return self.min_value if self.default is None else self.default

    def count(self) -> int:
        """Return the number of values that steps make."""
        if self.sampling == "linear":
            return int((self.max_value - self.min_value) / self.step + 1e-8) + 1
        return int(math.log(self.max_value / self.min_value, self.step) + 1e-8) + 1

    def stepped(self, index: int) -> Any:
        """Return the value after some steps."""
        if self.sampling == "linear":
            return self.number(self.min_value + index * self.step)
        grown = self.min_value * self.step**index
        return self.number(grown if self.sampling == "log" else self._mirrored(grown))

    def _mirrored(self, value: Any) -> Any:
        return self.max_value + self.min_value - value

    def at(self, share: float) -> Any:
        """Return the value below which a share of the draws lies, 0 <= share < 1, in a range without steps.

        Example:
            >>> Float(name="rate", min_value=1e-4, max_value=1e-2, sampling="log").at(0.5)
            0.001
        """
        top = self.max_value + (self.number is int)
        if self.sampling == "linear":
            value = share * (top - self.min_value) + self.min_value
        elif self.sampling == "log":
            value = self.min_value * math.pow(top / self.min_value, share)
        else:
            value = top + self.min_value - self.min_value * math.pow(top / self.min_value, 1 - share)
        return self.number(value)

    def values(self) -> tuple[Any, ...]:
        """Return all values, or ten that are spread evenly where there is no step."""
        if self.step is not None:
            return tuple(self.stepped(i) for i in range(self.count()))
        return tuple(dict.fromkeys(self.at(i * 0.1 + 0.05) for i in range(_GRID)))

    def suggest(self, trial: Any) -> Any:
        """Draw from a distribution of Optuna's, under a name that tells where that is not the value itself."""
        if self.step is not None and (self.sampling != "linear" or self.number is float):
            return self.stepped(trial.suggest_int(f"{self.key} (step)", 0, self.count() - 1))
        draw = trial.suggest_int if self.number is int else trial.suggest_float
        if self.step is not None:
            return draw(self.key, self.min_value, self.stepped(self.count() - 1), step=self.step)
        if self.sampling == "reverse_log":
            return self._mirrored(draw(f"{self.key} (mirrored)", self.min_value, self.max_value, log=True))
        return draw(self.key, self.min_value, self.max_value, log=self.sampling == "log")


@dataclass(frozen=True, kw_only=True)
class Int(Range):
    """A whole number."""

    number: ClassVar[type] = int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.step is None and self.sampling == "linear":
            object.__setattr__(self, "step", 1)


@dataclass(frozen=True, kw_only=True)
class Float(Range):
    """A number."""


@dataclass(frozen=True, kw_only=True)
class Choice(Parameter):
    """One of some values of one type: int, float, str or bool."""

    options: tuple[Value, ...]
    default: Any = None
    ordered: bool | None = None

    def __post_init__(self) -> None:
        options = self.options
        if not isinstance(options, Sequence) or isinstance(options, str) or not options:
            raise self.fail(f"values: expected a list of values, received {options!r}.")
        kinds = {type(value) for value in options}
        if len(kinds) > 1 or not kinds <= {int, float, str, bool}:
            raise self.fail(f"values: expected int, float, str or bool, and all of one type, received {options!r}.")
        if len(set(options)) < len(options):
            raise self.fail(f"values: one is there twice in {options!r}.")
        if self.default is not None and self.default not in options:
            raise self.fail(f"default: {self.default!r} is none of the values {list(options)}.")
        if self.ordered and kinds <= {str, bool}:
            raise self.fail("ordered: texts and truth values have no order.")
        object.__setattr__(self, "options", tuple(options))

    @property
    def initial(self) -> Any:
        """The default, or the first value."""
        return self.options[0] if self.default is None else self.default

    def values(self) -> tuple[Any, ...]:
        """Return the values."""
        return self.options

    def suggest(self, trial: Any) -> Any:
        """Draw one of the values."""
        return trial.suggest_categorical(self.key, self.options)


@dataclass(frozen=True, kw_only=True)
class Boolean(Parameter):
    """True or False."""

    default: bool = False

    def __post_init__(self) -> None:
        if type(self.default) is not bool:
            raise self.fail(f"default: expected True or False, received {self.default!r}.")

    @property
    def initial(self) -> bool:
        """The default."""
        return self.default

    def values(self) -> tuple[bool, ...]:
        """Return both."""
        return True, False

    def suggest(self, trial: Any) -> bool:
        """Draw one of both."""
        return trial.suggest_categorical(self.key, (True, False))


@dataclass(frozen=True, kw_only=True)
class Fixed(Parameter):
    """A value that is not tuned."""

    value: Value = field()

    def __post_init__(self) -> None:
        if not isinstance(self.value, (bool, int, float, str)):
            raise self.fail(f"value: expected an int, float, str or bool, received {self.value!r}.")

    @property
    def initial(self) -> Any:
        """The value."""
        return self.value

    def values(self) -> tuple[Any, ...]:
        """Return the value."""
        return (self.value,)

    def suggest(self, trial: Any) -> Any:
        """Return the value; nothing is drawn."""
        return self.value
