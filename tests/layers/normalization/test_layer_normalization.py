"""`LayerNormalization`: its formula in float64, precision, masks and messages."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import layers
from lamina.core.variable import bind

X = np.random.default_rng(0).normal(2.0, 3.0, size=(4, 5, 6)).astype(np.float32)


def normalised(x, axes, epsilon=1e-3):
    x = np.asarray(x, np.float64)
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


@pytest.mark.parametrize("axis", [-1, 1, [1, 2], (2, 1)])
@pytest.mark.parametrize("training", [False, True])
def test_it_is_the_formula_on_any_axes(axis, training):
    axes = axis if isinstance(axis, int) else tuple(axis)
    y = layers.LayerNormalization(axis=axis)(X, training=training)
    np.testing.assert_allclose(y, normalised(X, axes), rtol=1e-5, atol=1e-6)


def test_no_sample_depends_on_another():
    layer = layers.LayerNormalization()
    np.testing.assert_array_equal(layer(X)[1:2], layer(X[1:2]))


def test_gamma_and_beta_have_the_sizes_of_the_axes_in_their_order():
    gamma, beta = np.random.default_rng(1).normal(size=(2, 5, 6)).astype(np.float32)
    layer = layers.LayerNormalization([2, 1], gamma_initializer=gamma, beta_initializer=beta)
    np.testing.assert_allclose(layer(X), normalised(X, (1, 2)) * gamma + beta, rtol=1e-5, atol=1e-5)


def test_large_means_keep_the_differences():
    x = X.astype(np.float64) + 1e4
    y = layers.LayerNormalization()(x.astype(np.float32))
    np.testing.assert_allclose(y, normalised(x.astype(np.float32), -1), rtol=1e-3, atol=1e-3)


def test_constant_samples_give_beta():
    layer = layers.LayerNormalization(beta_initializer="ones")
    np.testing.assert_array_equal(layer(np.full((2, 3), 7.0)), np.ones((2, 3)))


def test_gradients_are_those_of_finite_differences():
    layer, x = layers.LayerNormalization(), X[0, :2, :4]
    layer.build((None, 4))
    weights = np.random.default_rng(2).normal(size=x.shape)

    def loss(x):
        with bind(layer.variables, [v.value for v in layer.variables]):
            return (layer(x) * weights).sum()

    slopes, step = np.zeros(x.shape), 1e-5
    for index in np.ndindex(*x.shape):
        shift = np.zeros(x.shape)
        shift[index] = step
        up, down = (normalised(x + side * shift, -1) for side in (1, -1))
        slopes[index] = ((up - down) * weights).sum() / (2 * step)
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(x), slopes, rtol=1e-4, atol=1e-5)


def test_whole_numbers_are_not_rounded():
    y = layers.LayerNormalization()(np.array([[1, 2, 4]]))
    assert y.dtype == jnp.float32
    np.testing.assert_allclose(y, normalised([[1, 2, 4]], -1), rtol=1e-6)


def test_float16_does_not_overflow_in_the_squares():
    x = (X * 1000).astype(np.float16)
    y = layers.LayerNormalization(dtype="float16")(x)
    assert y.dtype == jnp.float16
    np.testing.assert_allclose(y, normalised(x, -1), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("kind", ["LayerNormalization", "RMSNormalization"])
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"axis": 1.5}, r"axis: expected a whole number or a list of them, received 1\.5"),
        ({"axis": []}, r"axis: expected a whole number or a list of them, received \[\]"),
        ({"axis": "last"}, "axis: expected a whole number or a list of them, received 'last'"),
        ({"axis": [1, True]}, "axis: expected a whole number or a list of them"),
        ({"epsilon": 0}, "epsilon: expected a number > 0, received 0"),
        ({"epsilon": float("nan")}, "epsilon: expected a number > 0, received nan"),
        ({"epsilon": None}, "epsilon: expected a number > 0, received None"),
    ],
)
def test_arguments_that_cannot_be_meant(kind, arguments, text):
    with pytest.raises(ValueError, match=f"{kind} 'it': {text}"):
        getattr(layers, kind)(name="it", **arguments)


@pytest.mark.parametrize("kind", ["LayerNormalization", "RMSNormalization"])
@pytest.mark.parametrize(
    ("axis", "shape", "text"),
    [
        (2, (None, 5), r"axis 2: expected different axes from -2 to 1, received an input of shape \(None, 5\)"),
        ([1, -1], (None, 5), r"axis \[1, -1\]: expected different axes"),
        (1, (None, None, 5), r"axis 1 must be an axis of known size, received input shape \(None, None, 5\)"),
        ([1, 2], (None, None, 5), r"axis \[1, 2\] must be axes of known size"),
    ],
)
def test_axes_must_be_those_of_the_input(kind, axis, shape, text):
    with pytest.raises(ValueError, match=f"{kind} 'it': {text}"):
        getattr(layers, kind)(axis, name="it").build(shape)


@pytest.mark.parametrize("kind", ["LayerNormalization", "RMSNormalization"])
def test_other_sizes_later_on_name_both(kind):
    layer = getattr(layers, kind)([1, 2], name="it")
    layer(X)
    for shape in [(4, 6, 5), (4, 5), (4, 5, 7)]:
        with pytest.raises(ValueError, match=rf"{kind} 'it': expected size \(5, 6\) on axis \[1, 2\], received input"):
            layer(np.ones(shape, np.float32))
