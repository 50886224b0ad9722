"""`UnitNormalization`: lengths, zeros and their gradients, dtypes, and messages."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import layers

X = np.random.default_rng(0).normal(2.0, 3.0, size=(4, 5, 6)).astype(np.float32)


@pytest.mark.parametrize("axis", [-1, 0, 1, [1, 2], (0, 1, 2)])
def test_lengths_over_the_axes_are_one(axis):
    axes = axis if isinstance(axis, int) else tuple(axis)
    y = np.asarray(layers.UnitNormalization(axis)(X))
    expected = X / np.sqrt(np.square(X.astype(np.float64)).sum(axes, keepdims=True))
    np.testing.assert_allclose(y, expected, rtol=1e-6)


def test_zeros_stay_zeros_with_finite_gradients():
    x = np.array([[0.0, 0.0], [3.0, 4.0]], np.float32)
    layer = layers.UnitNormalization()
    np.testing.assert_allclose(layer(x), [[0, 0], [0.6, 0.8]], rtol=1e-6)
    assert np.isfinite(jax.grad(lambda x: layer(x)[:, 0].sum())(x)).all()


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e4])
def test_sixteen_bits_neither_overflow_nor_vanish(scale):
    x = (X / 4 * scale).astype(jnp.bfloat16 if scale < 1 else np.float16)
    y = np.asarray(layers.UnitNormalization(dtype=x.dtype.name)(x), np.float32)
    np.testing.assert_allclose(np.square(y).sum(-1), 1, rtol=2e-2)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8])
def test_whole_numbers_become_floats(dtype):
    y = layers.UnitNormalization()(np.array([[3, 4], [200, 0]], dtype))
    np.testing.assert_allclose(y, [[0.6, 0.8], [1, 0]], rtol=1e-6)


def test_axes_must_be_those_of_the_input():
    with pytest.raises(ValueError, match="UnitNormalization 'it': axis: expected a whole number or a list"):
        layers.UnitNormalization("last", name="it")
    with pytest.raises(ValueError, match="UnitNormalization 'it': axis 3: expected different axes from -3 to 2"):
        layers.UnitNormalization(3, name="it")(X)
