"""Schedules that fall by a formula or by a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.dtypes import floatx
from lamina.optimizers._checks import check_number
from lamina.optimizers.schedules.schedule import LearningRateSchedule, as_float, schedules


@schedules.add
class ExponentialDecay(LearningRateSchedule):
    """A constant factor every so many steps: initial_learning_rate * decay_rate^(step / decay_steps).

    Args:
        initial_learning_rate: Rate at step 0, >= 0.
        decay_steps: Steps in which the rate is multiplied by `decay_rate` once, > 0.
        decay_rate: The factor, >= 0.
        staircase: Whether step / decay_steps is rounded down, so that the rate falls in jumps. Default False.
        name: Name, kept in the config.

    Raises:
        ValueError: a number outside its range.

    Example:
        >>> print(ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5)(200))
        0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        check_number("initial_learning_rate", initial_learning_rate, type(self).__name__)
        check_number("decay_steps", decay_steps, type(self).__name__, above=True)
        check_number("decay_rate", decay_rate, type(self).__name__)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def __call__(self, step: Any) -> jax.Array:
        """Return the rate of a step."""
        p = as_float(step) / self.decay_steps
        p = jnp.floor(p) if self.staircase else p
        return self.initial_learning_rate * jnp.power(self.decay_rate, p)


@schedules.add
class InverseTimeDecay(LearningRateSchedule):
    """A slow fall: initial_learning_rate / (1 + decay_rate * step / decay_steps).

    Args:
        initial_learning_rate: Rate at step 0, >= 0.
        decay_steps: Steps after which `decay_rate` is added to the denominator once, > 0.
        decay_rate: What is added, >= 0.
        staircase: Whether step / decay_steps is rounded down, so that the rate falls in jumps. Default False.
        name: Name, kept in the config.

    Raises:
        ValueError: a number outside its range.

    Example:
        >>> print(InverseTimeDecay(0.1, decay_steps=100, decay_rate=1.0)(300))
        0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        check_number("initial_learning_rate", initial_learning_rate, type(self).__name__)
        check_number("decay_steps", decay_steps, type(self).__name__, above=True)
        check_number("decay_rate", decay_rate, type(self).__name__)
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name

    def __call__(self, step: Any) -> jax.Array:
        """Return the rate of a step."""
        p = as_float(step) / self.decay_steps
        p = jnp.floor(p) if self.staircase else p
        return self.initial_learning_rate / (1 + self.decay_rate * p)


@schedules.add
class PolynomialDecay(LearningRateSchedule):
    """From one rate to another along (1 - p)^power, with p = step / decay_steps, at most 1:
    (initial_learning_rate - end_learning_rate) * (1 - p)^power + end_learning_rate.

    Args:
        initial_learning_rate: Rate at step 0, >= 0.
        decay_steps: Steps until the end rate, > 0.
        end_learning_rate: Rate from then on, >= 0. Default 0.0001.
        power: Exponent, > 0; 1, the default, is a straight line.
        cycle: Whether to stretch `decay_steps` to the next multiple once the end is reached, instead of staying there.
        name: Name, kept in the config.

    Raises:
        ValueError: a number outside its range.

    Example:
        >>> print(PolynomialDecay(0.1, decay_steps=100, end_learning_rate=0.0)(75))
        0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        check_number("initial_learning_rate", initial_learning_rate, type(self).__name__)
        check_number("decay_steps", decay_steps, type(self).__name__, above=True)
        check_number("end_learning_rate", end_learning_rate, type(self).__name__)
        check_number("power", power, type(self).__name__, above=True)
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name

    def __call__(self, step: Any) -> jax.Array:
        """Return the rate of a step."""
        step = as_float(step)
        if self.cycle:
            cycles = jnp.maximum(jnp.ceil(step / self.decay_steps), 1)
            p = step / (self.decay_steps * cycles)
        else:
            p = jnp.minimum(step, self.decay_steps) / self.decay_steps
        fall = self.initial_learning_rate - self.end_learning_rate
        return fall * jnp.power(1 - p, self.power) + self.end_learning_rate


@schedules.add
class PiecewiseConstantDecay(LearningRateSchedule):
    """A table of rates: values[i] for boundaries[i - 1] < step <= boundaries[i].

    Args:
        boundaries: Last steps of all values but the last, rising.
        values: Rates, >= 0, one more than boundaries.
        name: Name, kept in the config.

    Raises:
        ValueError: lengths that do not fit, boundaries that fall, a rate below 0.

    Differs from Keras: boundaries that do not rise are refused.

    Example:
        >>> schedule = PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])
        >>> print(schedule(100), schedule(101), schedule(1000))
        0.1 0.01 0.001
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        where = type(self).__name__
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"{where}: expected one value more than boundaries, received {len(boundaries)} boundaries {boundaries} "
                f"and {len(values)} values {values}."
            )
        if sorted(boundaries) != list(boundaries):
            raise ValueError(f"{where}: boundaries: expected steps in rising order, received {boundaries}.")
        for value in values:
            check_number("values", value, where)
        self.boundaries, self.values, self.name = boundaries, values, name

    def __call__(self, step: Any) -> jax.Array:
        """Return the rate of a step."""
        passed = jnp.sum(jnp.asarray(step) > jnp.asarray(self.boundaries, "int32"))
        return jnp.asarray(self.values, floatx())[passed]
