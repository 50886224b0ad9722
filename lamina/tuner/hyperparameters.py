"""`HyperParameters`: what a model-building function asks for its hyperparameters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lamina.core.errors import closest_match
from lamina.tuner.parameters import Boolean, Choice, Condition, Fixed, Float, Int, Parameter, Value


class HyperParameters:
    """The values of one trial, and all hyperparameters that were asked for (Keras Tuner's, with its arguments).

    By itself it answers with the defaults; in a search, the tuner draws each value the first time that it is asked for.

    Attributes:
        space: All hyperparameters, in the order in which they were first asked for.
        values: The values of those that are active, by name.

    Raises:
        ValueError: an empty range or one of another kind of values; a name that was asked for with another range.

    Example:
        >>> hp = HyperParameters()
        >>> hp.Int("layers", 1, 4), hp.Float("rate", 1e-4, 1e-2, sampling="log"), hp.Choice("kind", ["sgd", "adam"])
        (1, 0.0001, 'sgd')
        >>> hp.values
        {'layers': 1, 'rate': 0.0001, 'kind': 'sgd'}
    """

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self._space: dict[str, Parameter] = {}
        self._overriding: set[str] = set()  # keys of those that stay as they are, whatever is asked for
        self._conditions: list[Condition] = []
        self._scopes: list[str] = []
        self._draw: Callable[[Parameter], Any] = lambda parameter: parameter.initial

    @property
    def space(self) -> list[Parameter]:
        """All hyperparameters that were asked for."""
        return list(self._space.values())

    def Int(
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str = "linear",
        default: int | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Return a whole number from `min_value` to `max_value`, both included; None while it is not active.

        Args:
            name: Its name.
            min_value, max_value: The range.
            step: Distance between values; their ratio, where sampling is not "linear". Default None: every number.
            sampling: "linear", "log" or "reverse_log".
            default: Value outside of a search. Default None: `min_value`.
            parent_name, parent_values: As for `conditional_scope`.
        """
        with self._maybe(parent_name, parent_values):
            return self._value(
                Int, name, min_value=min_value, max_value=max_value, step=step, sampling=sampling, default=default
            )

    def Float(
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str = "linear",
        default: float | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Return a number from `min_value` to `max_value`; arguments as for `Int`.

        Differs from Keras Tuner: steps of 0.2 from 0 to 1 reach 1, as its documentation says.
        """
        with self._maybe(parent_name, parent_values):
            return self._value(
                Float, name, min_value=min_value, max_value=max_value, step=step, sampling=sampling, default=default
            )

    def Choice(
        self,
        name: str,
        values: Sequence[Any],
        ordered: bool | None = None,
        default: Any = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """Return one of some values of one type; None while it is not active."""
        with self._maybe(parent_name, parent_values):
            options = tuple(values) if isinstance(values, (list, tuple)) else values
            return self._value(Choice, name, options=options, ordered=ordered, default=default)

    def Boolean(
        self, name: str, default: bool = False, parent_name: str | None = None, parent_values: Any = None
    ) -> Any:
        """Return True or False; None while it is not active."""
        with self._maybe(parent_name, parent_values):
            return self._value(Boolean, name, default=default)

    def Fixed(self, name: str, value: Any, parent_name: str | None = None, parent_values: Any = None) -> Any:
        """Return a value that is not tuned, but recorded."""
        with self._maybe(parent_name, parent_values):
            return self._value(Fixed, name, value=value)

    def batch_size(self, values: Sequence[int] = (16, 32, 64, 128), default: int | None = None) -> Any:
        """Return a batch size, which `HyperModel.fit` hands to `fit`."""
        return self.Choice("batch_size", values, default=default)

    def epochs(self, min_value: int, max_value: int, step: int | None = None, sampling: str = "linear") -> Any:
        """Return a number of epochs, which `HyperModel.fit` hands to `fit`."""
        return self.Int("epochs", min_value, max_value, step, sampling)

    @contextlib.contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """Make what is asked for inside active only while another hyperparameter has one of some values.

        Args:
            parent_name: Name of the other one, which was asked for before.
            parent_values: One value, or a list of them.
        Example:
            >>> hp = HyperParameters()
            >>> kind = hp.Choice("kind", ["mlp", "cnn"])
            >>> with hp.conditional_scope("kind", ["cnn"]):
            ...     print(hp.Int("filters", 8, 64))
            None
        """
        name = self._full(parent_name)
        known = {parameter.name for parameter in self.space}
        if name not in known:
            raise ValueError(f"conditional_scope: {name!r} was not asked for yet.{closest_match(name, known)}")
        values = parent_values if isinstance(parent_values, (list, tuple)) else [parent_values]
        self._conditions.append(Condition(name, tuple(values)))
        try:
            yield
        finally:
            self._conditions.pop()

    @contextlib.contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Put `name/` before the names inside."""
        self._scopes.append(str(name))
        try:
            yield
        finally:
            self._scopes.pop()

    def get(self, name: str) -> Any:
        """Return the value of a hyperparameter.

        Raises:
            KeyError: it was not asked for. ValueError: it is not active.
        """
        name = self._full(name)
        if name in self.values:
            return self.values[name]
        if any(parameter.name == name for parameter in self.space):
            raise ValueError(f"{name!r} is not active: its condition does not hold.")
        raise KeyError(f"{name!r} was not asked for.{closest_match(name, self.values)}")

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return self._full(name) in self.values

    def is_active(self, parameter: Parameter | str) -> bool:
        """Whether all conditions of a hyperparameter hold; of a name, those of any that has it."""
        if isinstance(parameter, Parameter):
            return all(condition.holds(self.values) for condition in parameter.conditions)
        return any(self.is_active(one) for one in self.space if one.name == parameter)

    def copy(self) -> HyperParameters:
        """Return one with the same space and values, which answers with them."""
        new = HyperParameters()
        new._space, new.values, new._overriding = dict(self._space), dict(self.values), set(self._overriding)
        return new

    def merge(self, other: HyperParameters, overwrite: bool = True) -> None:
        """Take over the space of another one, and the values of those that are new or to be overwritten."""
        for key, parameter in other._space.items():
            if overwrite or key not in self._space:
                self._space[key] = parameter
                if parameter.name in other.values and self.is_active(parameter):
                    self.values[parameter.name] = other.values[parameter.name]

    def get_config(self) -> dict[str, Any]:
        """Return space and values as plain data."""
        return {"space": [parameter.get_config() for parameter in self.space], "values": dict(self.values)}

    def restore(self, values: Mapping[str, Value]) -> HyperParameters:
        """Answer with given values, and with defaults for others; returns itself."""
        self.values = dict(values)
        self._draw = lambda parameter: values.get(parameter.name, parameter.initial)
        return self

    def draw_with(self, draw: Callable[[Parameter], Any]) -> HyperParameters:
        """Answer with what a function draws; returns itself."""
        self.values = {}
        self._draw = draw
        return self

    def overriding(self) -> HyperParameters:
        """Return a copy whose hyperparameters stay as they are, with whatever range a model asks for them."""
        new = self.copy()
        new._overriding = set(new._space)
        return new

    def _value(self, kind: Any, name: str, **arguments: Any) -> Any:
        full = self._full(name)
        if any(condition.name == full for condition in self._conditions):
            raise ValueError(f"hp.{kind.__name__}({full!r}): it cannot depend on itself; give it another name.")
        parameter = kind(name=full, conditions=tuple(self._conditions), **arguments)
        known = self._space.setdefault(parameter.key, parameter)
        if known != parameter and known.key not in self._overriding:
            raise ValueError(
                f"hp.{kind.__name__}({full!r}): it was asked for before as {_text(known)}, and now as "
                f"{_text(parameter)}. One name has one range: give one of them another name."
            )
        if not self.is_active(known):
            return None
        if full not in self.values:
            self.values[full] = self._draw(known)
        return self.values[full]

    def _full(self, name: str) -> str:
        return "/".join([*self._scopes, str(name)])

    def _maybe(self, parent_name: str | None, parent_values: Any) -> Any:
        return self.conditional_scope(parent_name, parent_values) if parent_name else contextlib.nullcontext()


def _text(parameter: Parameter) -> str:
    """A hyperparameter as it was asked for."""
    config = parameter.get_config()["config"]
    shown = {key: value for key, value in config.items() if value not in (None, []) and key != "name"}
    return f"{type(parameter).__name__}({', '.join(f'{key}={value!r}' for key, value in shown.items())})"
