"""`LearningRateSchedule`: the base of schedules, and the table of them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.config import Configurable, Family
from lamina.core.dtypes import floatx


class LearningRateSchedule(Configurable):
    """A function of the step that returns the learning rate and can go into a config.

    Override `__call__`, written with jnp: the step is traced in training. Store the constructor's arguments under their
    own names, or override `get_config`.

    Example:
        >>> class Halving(LearningRateSchedule):
        ...     def __init__(self, start):
        ...         self.start = start
        ...
        ...     def __call__(self, step):
        ...         return self.start * 0.5**step
        >>> Halving(0.1)(1), Halving(0.1).get_config()
        (0.05, {'start': 0.1})
    """

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step (int, 0 for the first)."""
        raise NotImplementedError(f"{type(self).__name__}: override __call__(self, step), which returns the rate.")


schedules = Family("learning-rate schedule", "keras.optimizers.schedules", LearningRateSchedule)
get = schedules.get
serialize = schedules.serialize
deserialize = schedules.deserialize


def as_float(step: Any) -> jax.Array:
    """Return the step as a float of the default type."""
    return jnp.asarray(step, floatx())
