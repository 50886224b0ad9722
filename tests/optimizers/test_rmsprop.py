"""RMSprop against its formulas in float64 NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.core.variable import Variable
from lamina.optimizers import RMSprop

RNG = np.random.default_rng(0)
START = RNG.normal(size=5)
GRADIENTS = RNG.normal(size=(12, 5))


def hinton_graves(rate=0.01, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    """Hinton's lecture 6e; centered and with momentum as Graves 2013, eq. 38-41."""
    x, mean_square, mean, last, path = START, 0.0, 0.0, 0.0, []
    for g in GRADIENTS:
        mean_square = rho * mean_square + (1 - rho) * g**2
        mean = rho * mean + (1 - rho) * g if centered else 0.0
        last = momentum * last - rate * g / np.sqrt(mean_square - mean**2 + epsilon)
        x = x + last
        path.append(x)
    return np.array(path)


@pytest.mark.parametrize(
    "options",
    [{}, {"rho": 0.5}, {"momentum": 0.9}, {"centered": True}, {"centered": True, "momentum": 0.5, "epsilon": 0.01}],
    ids=str,
)
def test_rmsprop_is_the_formula_of_hinton_and_graves(options):
    optimizer, x, path = RMSprop(0.01, **options), Variable(START.astype("float32"), name="x"), []
    for gradient in GRADIENTS:
        optimizer.apply([gradient.astype("float32")], [x])
        path.append(x.numpy())
    np.testing.assert_allclose(np.array(path) - START, hinton_graves(**options) - START, rtol=1e-5, atol=1e-6)
