"""Optimizers: what changes the weights against the gradients, and the schedules of their learning rate.

In go gradients and variables, changed are the variables and the optimizer's own. Read `optimizer.py` for what all share
and for writing your own, then `sgd.py` and `adam.py`; every other file holds the optimizer of its name.
"""

from lamina.optimizers import schedules
from lamina.optimizers._registry import deserialize, get, serialize
from lamina.optimizers.adadelta import Adadelta
from lamina.optimizers.adafactor import Adafactor
from lamina.optimizers.adagrad import Adagrad
from lamina.optimizers.adam import Adam, AdamW
from lamina.optimizers.adamax import Adamax
from lamina.optimizers.ftrl import Ftrl
from lamina.optimizers.lamb import Lamb
from lamina.optimizers.lion import Lion
from lamina.optimizers.loss_scale_optimizer import LossScaleOptimizer, with_loss_scale
from lamina.optimizers.muon import Muon
from lamina.optimizers.nadam import Nadam
from lamina.optimizers.optax_optimizer import OptaxOptimizer
from lamina.optimizers.optimizer import Optimizer
from lamina.optimizers.rmsprop import RMSprop
from lamina.optimizers.sgd import SGD

__all__ = [
    "Optimizer",
    "SGD",
    "Adam",
    "AdamW",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Adamax",
    "Nadam",
    "Lion",
    "Ftrl",
    "Lamb",
    "Adafactor",
    "Muon",
    "LossScaleOptimizer",
    "OptaxOptimizer",
    "schedules",
    "get",
    "serialize",
    "deserialize",
    "with_loss_scale",
]
