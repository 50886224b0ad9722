"""`GroupNormalization`: its formula in float64, the two ends (layer and instance normalisation), and messages."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import layers
from lamina.core.variable import bind

X = np.random.default_rng(0).normal(2.0, 3.0, size=(3, 4, 5, 6)).astype(np.float32)


def normalised(x, groups, epsilon=1e-3):
    """Channels last."""
    wide = np.asarray(x, np.float64).reshape(*x.shape[:-1], groups, -1)
    axes = (*range(1, wide.ndim - 2), wide.ndim - 1)
    wide = (wide - wide.mean(axes, keepdims=True)) / np.sqrt(wide.var(axes, keepdims=True) + epsilon)
    return wide.reshape(x.shape)


@pytest.mark.parametrize("groups", [1, 2, 3, 6, -1])
def test_it_is_the_formula(groups):
    y = layers.GroupNormalization(groups)(X)
    np.testing.assert_allclose(y, normalised(X, 6 if groups == -1 else groups), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axis", [1, 2, -2, -3])
def test_channels_may_lie_on_any_axis(axis):
    x = np.moveaxis(X, -1, axis)
    layer = layers.GroupNormalization(3, axis=axis, gamma_initializer=np.arange(6.0), beta_initializer=np.arange(6.0))
    expected = np.moveaxis(normalised(X, 3) * np.arange(6) + np.arange(6), -1, axis)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)


def test_one_group_is_layer_normalization_of_all_axes():
    np.testing.assert_allclose(
        layers.GroupNormalization(1)(X), layers.LayerNormalization([1, 2, 3])(X), rtol=1e-5, atol=1e-6
    )


def test_as_many_groups_as_channels_is_instance_normalization():
    y = np.asarray(layers.GroupNormalization(-1, epsilon=1e-9)(X))
    np.testing.assert_allclose(y.mean((1, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(y.var((1, 2)), 1, rtol=1e-4)


def test_minus_one_stays_in_the_config_and_fits_other_channels():
    layer = layers.GroupNormalization(-1)
    layer(X)
    assert layers.GroupNormalization.from_config(layer.get_config())(X[..., :4]).shape == (3, 4, 5, 4)


def test_positions_may_be_of_any_number():
    layer = layers.GroupNormalization(3)
    layer.build((None, None, None, 6))
    np.testing.assert_array_equal(layer(X[:, :2]), layers.GroupNormalization(3)(X[:, :2]))
    np.testing.assert_array_equal(layer(X), layers.GroupNormalization(3)(X))


def test_gradients_are_those_of_finite_differences():
    layer, x = layers.GroupNormalization(2), X[:2, :2, 0, :4]
    layer.build(x.shape)
    weights = np.random.default_rng(2).normal(size=x.shape)

    def loss(x):
        with bind(layer.variables, [v.value for v in layer.variables]):
            return (layer(x) * weights).sum()

    slopes, step = np.zeros(x.shape), 1e-5
    for index in np.ndindex(*x.shape):
        shift = np.zeros(x.shape)
        shift[index] = step
        up, down = (normalised(x + side * shift, 2) for side in (1, -1))
        slopes[index] = ((up - down) * weights).sum() / (2 * step)
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(x), slopes, rtol=1e-4, atol=1e-5)


def test_whole_numbers_are_not_rounded():
    x = np.array([[1, 2, 4, 8]])
    y = layers.GroupNormalization(2)(x)
    assert y.dtype == jnp.float32
    np.testing.assert_allclose(y, normalised(x, 2), rtol=1e-6)


@pytest.mark.parametrize("groups", [0, -2, 1.5, "2", None, True])
def test_groups_must_be_a_whole_number(groups):
    with pytest.raises(ValueError, match="GroupNormalization 'it': groups: expected a whole number >= 1, received "):
        layers.GroupNormalization(groups, name="it")


@pytest.mark.parametrize("groups", [4, 32])
def test_groups_must_divide_the_channels(groups):
    text = rf"'it': groups {groups} does not divide the 6 channels on axis -1 .* Use one of \[1, 2, 3, 6\], or -1"
    with pytest.raises(ValueError, match=f"GroupNormalization {text}"):
        layers.GroupNormalization(groups, name="it")(X)


@pytest.mark.parametrize(
    ("axis", "shape", "text"),
    [
        (3, (None, 6), "axis 3: expected different axes from -2 to 1"),
        (1, (None, None, 6), "axis 1 must be an axis of known size"),
        (0, (6, 6), r"axis 0 must be an axis of channels, and is the batch axis of an input of shape \(6, 6\)"),
    ],
)
def test_axis_must_be_one_of_known_size(axis, shape, text):
    with pytest.raises(ValueError, match=f"GroupNormalization 'it': {text}"):
        layers.GroupNormalization(2, axis, name="it").build(shape)


def test_other_channels_later_on_name_both():
    layer = layers.GroupNormalization(2, name="it")
    layer(X)
    with pytest.raises(
        ValueError, match=r"GroupNormalization 'it': expected size \(6,\) on axis -1, received input of"
    ):
        layer(X[..., :4])
    with pytest.raises(ValueError, match=r"GroupNormalization 'it': axis -1 must be .* the batch axis of .* \(6,\)"):
        layer(np.ones(6))
