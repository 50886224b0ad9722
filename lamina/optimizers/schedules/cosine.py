"""Schedules that fall along a cosine, once or again and again."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.optimizers._checks import check_number
from lamina.optimizers.schedules.schedule import LearningRateSchedule, as_float, schedules


def _half_wave(fraction: jax.Array) -> jax.Array:
    """(1 + cos(pi * fraction)) / 2: from 1 at fraction 0 to 0 at fraction 1."""
    return 0.5 * (1 + jnp.cos(jnp.pi * fraction))


@schedules.add
class CosineDecay(LearningRateSchedule):
    """Half a cosine wave, after a linear warm-up if one is asked for.

    With h(p) = (1 + cos(pi p)) / 2 and p the fraction of `decay_steps` that is over, at most 1:
    peak * ((1 - alpha) * h(p) + alpha), where the peak is `initial_learning_rate`. With a warm-up, the rate first goes
    in a straight line from `initial_learning_rate` to `warmup_target`, which is then the peak.

    Args:
        initial_learning_rate: Rate at step 0, >= 0.
        decay_steps: Steps of the fall, after the warm-up, > 0.
        alpha: Fraction of the peak that is left at the end, >= 0. Default 0.
        name: Name, kept in the config.
        warmup_target: Rate at the end of the warm-up, >= 0. None: no warm-up.
        warmup_steps: Steps of the warm-up, >= 0.

    Raises:
        ValueError: a number outside its range.
    Source: Loshchilov & Hutter 2017, SGDR: Stochastic Gradient Descent with Warm Restarts.

    Example:
        >>> schedule = CosineDecay(0.0, decay_steps=100, warmup_target=0.1, warmup_steps=10)
        >>> [round(float(schedule(step)), 4) for step in (5, 10, 60, 110)]
        [0.05, 0.1, 0.05, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        check_number("initial_learning_rate", initial_learning_rate, type(self).__name__)
        check_number("decay_steps", decay_steps, type(self).__name__, above=True)
        check_number("alpha", alpha, type(self).__name__)
        check_number("warmup_steps", warmup_steps, type(self).__name__)
        if warmup_target is not None:
            check_number("warmup_target", warmup_target, type(self).__name__)
        self.initial_learning_rate, self.decay_steps, self.alpha = initial_learning_rate, decay_steps, alpha
        self.name, self.warmup_target, self.warmup_steps = name, warmup_target, warmup_steps

    def __call__(self, step: Any) -> jax.Array:
        """Return the rate of a step."""
        step = as_float(step)
        warmup = 0.0 if self.warmup_target is None else self.warmup_steps
        peak = self.initial_learning_rate if self.warmup_target is None else self.warmup_target
        p = jnp.clip((step - warmup) / self.decay_steps, 0, 1)
        rate = peak * ((1 - self.alpha) * _half_wave(p) + self.alpha)
        if not warmup:
            return rate
        rise = (peak - self.initial_learning_rate) * (step / warmup) + self.initial_learning_rate
        return jnp.where(step < warmup, rise, rate)


@schedules.add
class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine wave after the other, each `t_mul` times as long and `m_mul` times as high as the last.

    In period i, with p the fraction of it that is over and h(p) = (1 + cos(pi p)) / 2:
    initial_learning_rate * ((1 - alpha) * m_mul^i * h(p) + alpha).

    Args:
        initial_learning_rate: Rate at step 0, >= 0.
        first_decay_steps: Steps of the first period, > 0.
        t_mul: Length of a period over that of the one before, >= 1. Default 2.
        m_mul: Height of a period over that of the one before, >= 0. Default 1.
        alpha: Fraction of the initial rate that is left at the end of a period, >= 0. Default 0.
        name: Name, kept in the config.

    Raises:
        ValueError: a number outside its range.
    Source: Loshchilov & Hutter 2017, SGDR: Stochastic Gradient Descent with Warm Restarts.

    Example:
        >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=100)
        >>> [round(float(schedule(step)), 4) for step in (0, 50, 100, 200)]
        [0.1, 0.05, 0.1, 0.05]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        check_number("initial_learning_rate", initial_learning_rate, type(self).__name__)
        check_number("first_decay_steps", first_decay_steps, type(self).__name__, above=True)
        check_number("t_mul", t_mul, type(self).__name__, minimum=1)
        check_number("m_mul", m_mul, type(self).__name__)
        check_number("alpha", alpha, type(self).__name__)
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, first_decay_steps
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    def __call__(self, step: Any) -> jax.Array:
        """Return the rate of a step."""
        periods = as_float(step) / self.first_decay_steps  # time in lengths of the first period
        if self.t_mul == 1:
            i = jnp.floor(periods)
            p = periods - i
        else:  # period i starts at (1 - t^i) / (1 - t) and lasts t^i
            t = self.t_mul
            i = jnp.floor(jnp.log(1 - periods * (1 - t)) / jnp.log(jnp.asarray(t, periods.dtype)))
            p = (periods - (1 - t**i) / (1 - t)) / t**i
        return self.initial_learning_rate * ((1 - self.alpha) * self.m_mul**i * _half_wave(p) + self.alpha)
