"""SGD against the papers' formulas in float64 NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.core.variable import Variable
from lamina.optimizers import SGD

CURVATURE = np.array([1.0, 3.0, 10.0])


def descend(optimizer, steps=12):
    """The path of x under f(x) = sum(c x^2) / 2, which has the gradient c x."""
    x = Variable(np.array([1.0, -2.0, 0.5], "float32"), name="x")
    path = []
    for _ in range(steps):
        optimizer.apply([(CURVATURE * x.numpy()).astype("float32")], [x])
        path.append(x.numpy())
    return np.array(path)


def test_plain_descent_is_a_geometric_sequence():
    path = descend(SGD(0.05))
    exact = [(1 - 0.05 * CURVATURE) ** k * [1.0, -2.0, 0.5] for k in range(1, 13)]
    np.testing.assert_allclose(path, exact, rtol=2e-6)


def test_momentum_is_polyaks():
    """Polyak 1964: v <- mu v - r grad(x), x <- x + v."""
    x, v, exact = np.array([1.0, -2.0, 0.5]), 0.0, []
    for _ in range(12):
        v = 0.9 * v - 0.05 * CURVATURE * x
        x = x + v
        exact.append(x)
    np.testing.assert_allclose(descend(SGD(0.05, momentum=0.9)), exact, rtol=1e-5, atol=1e-6)


def test_nesterov_takes_the_gradient_ahead():
    """Sutskever et al. 2013, eq. 3-4: v <- mu v - r grad(y + mu v), y <- y + v; the weights are y + mu v."""
    y, v, exact = np.array([1.0, -2.0, 0.5]), np.zeros(3), []
    for _ in range(12):
        v = 0.9 * v - 0.05 * CURVATURE * (y + 0.9 * v)
        y = y + v
        exact.append(y + 0.9 * v)
    np.testing.assert_allclose(descend(SGD(0.05, momentum=0.9, nesterov=True)), exact, rtol=1e-5, atol=1e-6)


def test_the_velocity_holds_the_learning_rate():
    """After a change of the rate, old steps fade out at the old rate (PyTorch would rescale them)."""
    x, optimizer = Variable(np.zeros(1, "float32"), name="x"), SGD(1.0, momentum=0.5)
    optimizer.apply([np.ones(1, "float32")], [x])
    optimizer.learning_rate = 0.0
    optimizer.apply([np.ones(1, "float32")], [x])
    assert float(x[0]) == pytest.approx(-1.5)


def test_weight_decay_shrinks_before_the_step():
    x = Variable(np.array([2.0], "float32"), name="x")
    SGD(0.1, weight_decay=0.5).apply([np.ones(1, "float32")], [x])
    assert float(x[0]) == pytest.approx(2.0 * (1 - 0.5 * 0.1) - 0.1)
