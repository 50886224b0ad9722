"""Complex numbers against Keras and NumPy."""

from __future__ import annotations

import numpy as np

from lamina.ops import nn
from tests.ops.parity import case, check_symbolic, check_values, normal

POLAR = case("polar", {"abs_": np.abs(normal(4)), "angle": normal(4, seed=1)}, free=("abs_", "angle"))


def test_values_and_shapes_are_those_of_keras():
    check_values(nn.polar, POLAR)
    check_symbolic(nn.polar, POLAR, same_dtype=False)  # Keras declares float32


def test_length_and_angle_come_back():
    y = np.asarray(nn.polar([1, 2.5], [0.5, -2]))
    np.testing.assert_allclose(np.abs(y), [1, 2.5], rtol=1e-6)
    np.testing.assert_allclose(np.angle(y), [0.5, -2], rtol=1e-6)
