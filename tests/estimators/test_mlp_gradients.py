"""Gradients of every loss, activation and engine against finite differences in float64."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.estimators.mlp.jax_steps import JaxSteps
from lamina.estimators.mlp.network import Architecture, initial_weights
from lamina.estimators.mlp.numpy_steps import Data, Numbers, NumpySteps, pack

CASES = {
    "squared_error": ("identity", "squared_error"),
    "poisson": ("exp", "poisson"),
    "binary": ("logistic", "log_loss"),
    "classes": ("softmax", "log_loss"),
    "huber": ("identity", "huber"),
    "quantile": ("identity", "quantile"),
    "absolute_error": ("identity", "absolute_error"),
    "softplus": ("softplus", "squared_error"),
    "poisson of softplus": ("softplus", "poisson"),
}


@pytest.mark.parametrize("engine", [NumpySteps, JaxSteps])
@pytest.mark.parametrize("case", list(CASES))
def test_gradients_are_those_of_finite_differences(case, engine):
    output, loss = CASES[case]
    architecture = Architecture(("tanh", "logistic"), output, loss)
    if engine is NumpySteps and not architecture.plain:
        pytest.skip("computed by JAX only")
    random = np.random.RandomState(0)
    x = random.normal(size=(7, 3))
    y = np.eye(2)[random.randint(2, size=7)] if loss == "log_loss" else random.poisson(2.0, size=(7, 2)).astype(float)
    weights = initial_weights([3, 4, 3, 2], architecture.hidden, False, random, np.float64)
    numbers = Numbers(0.3, 0.9, True, 0.9, 0.999, 1e-8, 0.7, (0.0, 0.0))
    steps = engine(architecture, weights, Data(x, y, random.uniform(0.5, 2, size=7)), None, numbers)
    start = pack([value.ravel() for value in weights.trained])
    _, gradient = steps.value_and_gradient(start)
    for place in range(0, len(start), 5):
        step = np.zeros_like(start)
        step[place] = 1e-6
        slope = (steps.value_and_gradient(start + step)[0] - steps.value_and_gradient(start - step)[0]) / 2e-6
        assert slope == pytest.approx(gradient[place], rel=1e-5, abs=1e-8)
