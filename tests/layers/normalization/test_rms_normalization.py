"""`RMSNormalization`: its formula in float64 on any axes, and dtypes; messages: test_layer_normalization.py."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from lamina import layers

X = np.random.default_rng(0).normal(2.0, 3.0, size=(4, 5, 6)).astype(np.float32)


def normalised(x, axes, epsilon=1e-6):
    x = np.asarray(x, np.float64)
    return x / np.sqrt(np.square(x).mean(axes, keepdims=True) + epsilon)


@pytest.mark.parametrize("axis", [-1, 1, -2, [1, 2], (2, 1)])
def test_it_is_the_formula_on_any_axes(axis):
    axes = axis if isinstance(axis, int) else tuple(axis)
    layer = layers.RMSNormalization(axis, epsilon=0.5)
    np.testing.assert_allclose(layer(X), normalised(X, axes, 0.5), rtol=1e-5)
    scale = np.random.default_rng(1).uniform(0.5, 2, size=layer.scale.shape)
    layer.scale.assign(scale)
    spread = scale[:, None] if axis in (1, -2) else scale
    np.testing.assert_allclose(layer(X), normalised(X, axes, 0.5) * spread, rtol=1e-5)


def test_zeros_stay_zeros():
    np.testing.assert_array_equal(layers.RMSNormalization()(np.zeros((2, 3))), np.zeros((2, 3)))


def test_whole_numbers_are_not_rounded():
    y = layers.RMSNormalization()(np.array([[1, 2, 4]]))
    assert y.dtype == jnp.float32
    np.testing.assert_allclose(y, normalised([[1, 2, 4]], -1), rtol=1e-6)


def test_float16_does_not_overflow_in_the_squares():
    x = (X * 1000).astype(np.float16)
    np.testing.assert_allclose(layers.RMSNormalization(dtype="float16")(x), normalised(x, -1), rtol=2e-3)
