"""`GaussianNoise` and `GaussianDropout`: distribution and scale, when noise repeats, dtypes and messages."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import stats

from lamina import layers
from lamina.core.random import set_random_seed
from lamina.core.variable import bind

X = np.random.default_rng(0).normal(size=(200, 100)).astype(np.float32) + 3
BOTH = pytest.mark.parametrize(("kind", "amount"), [("GaussianNoise", 0.5), ("GaussianDropout", 0.2)])


def noisy(layer, key, x=X):
    with bind([], [], key=jax.random.key(key)):
        return np.asarray(layer(x, training=True))


def noise_in(layer, y):
    """The noise of mean 0 and variance 1 in the outputs for the inputs X."""
    if isinstance(layer, layers.GaussianNoise):
        return (y - X) / layer.stddev
    return (y / X - 1) / np.sqrt(layer.rate / (1 - layer.rate))


@BOTH
def test_they_are_the_identity_when_not_training(kind, amount):
    layer = getattr(layers, kind)(amount)
    np.testing.assert_array_equal(layer(X), X)
    np.testing.assert_array_equal(layer(X, training=False), X)
    np.testing.assert_array_equal(getattr(layers, kind)(0)(X, training=True), X)


@pytest.mark.parametrize(
    ("kind", "amount"),
    [("GaussianNoise", 0.1), ("GaussianNoise", 30), ("GaussianDropout", 0.1), ("GaussianDropout", 0.9)],
)
def test_noise_is_normal_with_the_given_scale(kind, amount):
    layer = getattr(layers, kind)(amount, seed=1)
    assert stats.kstest(noise_in(layer, np.asarray(layer(X, training=True))).ravel(), "norm").pvalue > 1e-4


def test_gaussian_dropout_keeps_the_mean_and_has_dropouts_variance():
    rate, x = 0.4, np.full((400, 500), 3.0, np.float32)
    gaussian = np.asarray(layers.GaussianDropout(rate, seed=1)(x, training=True))
    plain = np.asarray(layers.Dropout(rate, seed=1)(x, training=True))
    np.testing.assert_allclose([gaussian.mean(), plain.mean()], 3, rtol=0.01)
    np.testing.assert_allclose([gaussian.std(), plain.std()], 3 * np.sqrt(rate / (1 - rate)), rtol=0.01)


@BOTH
def test_noise_differs_from_step_to_step_and_layer_to_layer_without_a_trace(kind, amount):
    layer, other = getattr(layers, kind)(amount, seed=1), getattr(layers, kind)(amount, seed=2)
    first, second = layer(X, training=True), layer(X, training=True)
    assert not np.array_equal(first, second)
    draws = [noise_in(layer, noisy(one, key)) for one, key in [(layer, 0), (layer, 1), (other, 0)]]
    for a, b in [(0, 1), (0, 2), (1, 2)]:
        assert stats.pearsonr(draws[a].ravel(), draws[b].ravel()).pvalue > 1e-4


@BOTH
def test_the_same_seed_or_run_gives_the_same_noise(kind, amount):
    first, second = (getattr(layers, kind)(amount, seed=7) for _ in range(2))
    np.testing.assert_array_equal(first(X, training=True), second(X, training=True))
    np.testing.assert_array_equal(noisy(first, 3), noisy(second, 3))
    outputs = []
    for _ in range(2):
        set_random_seed(11)
        outputs.append(np.asarray(getattr(layers, kind)(amount)(X, training=True)))
    np.testing.assert_array_equal(*outputs)


@BOTH
@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16", "float16"])
def test_dtype_is_the_policys(kind, amount, dtype):
    layer = getattr(layers, kind)(amount, dtype=dtype)
    for training in (False, True):
        assert layer(X, training=training).dtype == layer.compute_dtype


@BOTH
def test_whole_numbers_get_noise_without_rounding(kind, amount):
    y = np.asarray(getattr(layers, kind)(amount, seed=1)(np.full((30, 40), 3), training=True))
    assert y.dtype == np.float32
    assert len(np.unique(y)) > 1000


@BOTH
def test_gradients_pass_through_the_noise(kind, amount):
    layer = getattr(layers, kind)(amount, seed=1)
    with bind([], [], key=jax.random.key(3)):
        y, pullback = jax.vjp(lambda x: layer(x, training=True), X)
    (slopes,) = pullback(np.ones_like(y))
    np.testing.assert_allclose(slopes, np.ones_like(X) if kind == "GaussianNoise" else y / X, rtol=1e-5)


@pytest.mark.parametrize("stddev", [-0.1, "0.5", None, float("nan"), True, [0.5], np.ones(2)])
def test_stddev_must_be_a_number_from_zero_up(stddev):
    with pytest.raises(ValueError, match="GaussianNoise 'it': stddev: expected a number >= 0, received "):
        layers.GaussianNoise(stddev, name="it")


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, "0.5", None])
def test_rate_must_be_a_fraction_below_one(rate):
    with pytest.raises(ValueError, match="GaussianDropout 'it': rate: expected a fraction from 0 to below 1, received"):
        layers.GaussianDropout(rate, name="it")
