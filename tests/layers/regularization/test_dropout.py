"""`Dropout`: how much it drops, what stays, and when masks repeat."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import stats

from lamina import layers
from lamina.core.random import set_random_seed
from lamina.core.variable import bind

X = np.random.default_rng(0).normal(size=(200, 100)).astype(np.float32) + 3


def masks(layer, key, x=X):
    with bind([], [], key=jax.random.key(key)):
        return np.asarray(layer(x, training=True)) != 0


def test_dropout_is_identity_when_not_training():
    layer = layers.Dropout(0.5)
    np.testing.assert_array_equal(layer(X), X)
    np.testing.assert_array_equal(layer(X, training=False), X)
    np.testing.assert_array_equal(layers.Dropout(0)(X, training=True), X)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_dropped_share_is_binomial_and_the_rest_is_scaled(rate):
    y = np.asarray(layers.Dropout(rate, seed=1)(X, training=True))
    dropped = int((y == 0).sum())
    assert stats.binomtest(dropped, X.size, rate).pvalue > 1e-4
    np.testing.assert_allclose(y[y != 0], X[y != 0] / (1 - rate), rtol=1e-6)
    np.testing.assert_allclose(y.mean(), X.mean(), rtol=0.05)


def test_every_unit_is_dropped_as_often_as_any_other():
    keep = np.mean([masks(layers.Dropout(0.5, seed=1), key) for key in range(20)], axis=0)
    assert stats.kstest(keep.mean(0) * 4000, stats.binom(4000, 0.5).cdf).pvalue > 1e-4
    assert stats.kstest(keep.mean(1) * 2000, stats.binom(2000, 0.5).cdf).pvalue > 1e-4


def test_rate_one_drops_everything():
    assert not np.any(layers.Dropout(1.0)(X, training=True))


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "float16"])
def test_dtype_is_the_policys(dtype):
    layer = layers.Dropout(0.5, dtype=dtype)
    assert layer(X, training=True).dtype == layer.compute_dtype


def test_whole_numbers_are_scaled_without_rounding():
    y = layers.Dropout(0.75, seed=1)(np.full((10, 10), 3), training=True)
    assert set(np.unique(y)) == {0.0, 12.0}


def test_noise_shape_shares_masks():
    x = np.ones((8, 50, 6), np.float32)
    y = np.asarray(layers.Dropout(0.5, noise_shape=(None, 1, None), seed=1)(x, training=True))
    assert (y == y[:, :1]).all()
    assert 0 < (y[:, 0] == 0).mean() < 1


def test_masks_differ_from_call_to_call_and_layer_to_layer():
    layer, other = layers.Dropout(0.5), layers.Dropout(0.5)
    first, second = layer(X, training=True), layer(X, training=True)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other(X, training=True))
    assert not np.array_equal(masks(layer, 0), masks(other, 0))
    assert not np.array_equal(masks(layer, 0), masks(layer, 1))


def test_the_same_seed_gives_the_same_masks():
    first, second = layers.Dropout(0.5, seed=7), layers.Dropout(0.5, seed=7)
    for _ in range(2):
        np.testing.assert_array_equal(first(X, training=True), second(X, training=True))
    np.testing.assert_array_equal(masks(first, 3), masks(second, 3))


def test_the_runs_seed_gives_the_same_masks():
    outputs = []
    for _ in range(2):
        set_random_seed(11)
        outputs.append(np.asarray(layers.Dropout(0.5)(X, training=True)))
    np.testing.assert_array_equal(*outputs)


def test_a_config_keeps_the_seed():
    layer = layers.Dropout(0.5, noise_shape=[None, 1], seed=7)
    again = layers.Dropout.from_config(layer.get_config())
    np.testing.assert_array_equal(again(X, training=True), layers.Dropout(0.5, (None, 1), 7)(X, training=True))


@pytest.mark.parametrize("rate", [-0.1, 1.1, "0.5", None, float("nan"), [0.5]])
def test_rate_must_be_a_fraction(rate):
    with pytest.raises(ValueError, match=r"Dropout 'it': rate: expected a fraction from 0 to 1, received "):
        layers.Dropout(rate, name="it")


@pytest.mark.parametrize("noise_shape", [(0, 1), (-1, 1), (1.5, 1), "ab", 3])
def test_noise_shape_must_be_sizes(noise_shape):
    with pytest.raises(ValueError, match="Dropout 'it': noise_shape: expected sizes >= 1 or None, received "):
        layers.Dropout(0.5, noise_shape, name="it")


@pytest.mark.parametrize("noise_shape", [(None,), (None, 1, 1), (None, 7), (3, None)])
def test_noise_shape_must_fit_the_input(noise_shape):
    with pytest.raises(ValueError, match=r"Dropout 'it': noise_shape .* does not fit an input of shape \(200, 100\)"):
        layers.Dropout(0.5, noise_shape, name="it")(X)


@pytest.mark.parametrize("seed", [1.5, "a"])
def test_seed_must_be_a_whole_number(seed):
    with pytest.raises(ValueError, match="SeedGenerator: seed: expected a whole number or None"):
        layers.Dropout(0.5, seed=seed)
