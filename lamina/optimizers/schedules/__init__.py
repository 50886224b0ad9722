"""Learning rates that follow the step: give one to an optimizer as its `learning_rate`.

A schedule is called with the step (int, 0 for the first update, possibly traced) and returns the learning rate. Read
`schedule.py` for the base and your own schedules, `decay.py` and `cosine.py` for the formulas.
"""

from lamina.optimizers.schedules.cosine import CosineDecay, CosineDecayRestarts
from lamina.optimizers.schedules.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from lamina.optimizers.schedules.scaled import ScaledSchedule
from lamina.optimizers.schedules.schedule import LearningRateSchedule, deserialize, get, serialize

__all__ = [
    "LearningRateSchedule",
    "ExponentialDecay",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "InverseTimeDecay",
    "CosineDecay",
    "CosineDecayRestarts",
    "ScaledSchedule",
    "get",
    "serialize",
    "deserialize",
]
