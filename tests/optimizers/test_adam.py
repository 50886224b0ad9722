"""Adam and AdamW against the papers' algorithms in float64 NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.core.variable import Variable
from lamina.optimizers import Adam, AdamW

RNG = np.random.default_rng(0)
START = RNG.normal(size=5)
GRADIENTS = RNG.normal(size=(12, 5))
# float32 rounds 0.999, so that 1 - beta_2 is off by 1.3e-5 of itself, in Keras too.
RTOL = 3e-5


def steps_of(optimizer):
    """How far the weights have come after each step."""
    x, path = Variable(START.astype("float32"), name="x"), []
    for gradient in GRADIENTS:
        optimizer.apply([gradient.astype("float32")], [x])
        path.append(x.numpy().astype("float64"))
    return np.array(path)


def paper(rate=0.05, b1=0.9, b2=0.999, epsilon=1e-7, decay=0.0, amsgrad=False):
    """Kingma & Ba, algorithm 1, with epsilon = epsilon_hat / sqrt(1 - b2^t); the decay of Loshchilov & Hutter."""
    x, m, v, largest, path = START, 0.0, 0.0, 0.0, []
    for t, g in enumerate(GRADIENTS, start=1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        largest = np.maximum(largest, v) if amsgrad else v
        m_hat, v_hat = m / (1 - b1**t), largest / (1 - b2**t)
        x = x - rate * (m_hat / (np.sqrt(v_hat) + epsilon / np.sqrt(1 - b2**t)) + decay * x)
        path.append(x)
    return np.array(path)


@pytest.mark.parametrize(
    "options",
    [{}, {"b1": 0.5, "b2": 0.9}, {"epsilon": 0.1}, {"amsgrad": True, "b2": 0.8}],
    ids=str,
)
def test_adam_is_algorithm_1(options):
    names = {"b1": "beta_1", "b2": "beta_2"}
    ours = steps_of(Adam(0.05, **{names.get(k, k): v for k, v in options.items()}))
    np.testing.assert_allclose(ours - START, paper(**options) - START, rtol=RTOL, atol=1e-6)


def test_adamw_is_algorithm_2():
    ours = steps_of(AdamW(0.05, weight_decay=0.3))
    np.testing.assert_allclose(ours - START, paper(decay=0.3) - START, rtol=RTOL, atol=1e-6)


def test_the_first_step_is_the_learning_rate_whatever_the_gradient():
    x = Variable(np.zeros(3, "float32"), name="x")
    Adam(0.01, epsilon=0.0).apply([np.array([1e-6, -1.0, 1e6], "float32")], [x])
    np.testing.assert_allclose(x, [-0.01, 0.01, -0.01], rtol=2e-5)


def test_zero_gradients_move_nothing():
    x = Variable(np.ones(3, "float32"), name="x")
    Adam(0.01).apply([np.zeros(3, "float32")], [x])
    np.testing.assert_array_equal(x, np.ones(3))
