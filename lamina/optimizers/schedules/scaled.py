"""`ScaledSchedule`: another schedule times a number."""

from __future__ import annotations

from typing import Any

from lamina.optimizers._checks import check_number
from lamina.optimizers.schedules.schedule import LearningRateSchedule, schedules


@schedules.add
class ScaledSchedule(LearningRateSchedule):
    """Another schedule times a number: factor * schedule(step).

    What callbacks multiply a schedule by (`Optimizer.rate_multiplier`) goes into configs and files as one of these, so
    that a model that is loaded goes on with the same rate.

    Args:
        schedule: Schedule, or its config.
        factor: Number >= 0.
        name: Name, kept in the config.

    Raises:
        TypeError: something that is no schedule. ValueError: a factor outside its range.

    Differs from Keras: there is nothing like it.

    Example:
        >>> from lamina.optimizers.schedules import ExponentialDecay
        >>> schedule = ScaledSchedule(ExponentialDecay(0.5, decay_steps=1, decay_rate=0.5), factor=0.25)
        >>> [float(schedule(step)) for step in range(3)]
        [0.125, 0.0625, 0.03125]
    """

    def __init__(self, schedule: Any, factor: float, name: str = "ScaledSchedule") -> None:
        schedule = schedules.deserialize(schedule) if isinstance(schedule, dict) else schedule
        if not isinstance(schedule, LearningRateSchedule):
            raise TypeError(
                f"ScaledSchedule: schedule: expected a schedule such as CosineDecay(0.1, 1000), received {schedule!r}."
            )
        check_number("factor", factor, "ScaledSchedule")
        self.schedule, self.factor, self.name = schedule, float(factor), name

    def __call__(self, step: Any) -> Any:
        """Return the rate of a step."""
        return self.schedule(step) * self.factor


def scaled(schedule: LearningRateSchedule, factor: float) -> LearningRateSchedule:
    """Return a schedule times a number: itself for 1, and no `ScaledSchedule` inside another."""
    if factor == 1:
        return schedule
    if isinstance(schedule, ScaledSchedule):
        return ScaledSchedule(schedule.schedule, schedule.factor * factor, schedule.name)
    return ScaledSchedule(schedule, factor)
