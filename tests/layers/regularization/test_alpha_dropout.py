"""`AlphaDropout`: the statistics that it keeps, its two kinds of values, shared masks and messages."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import stats

from lamina import activations, layers
from lamina.core.variable import bind

LIMIT = float(activations.selu(-1e4))  # where selu ends


def test_it_is_the_identity_when_not_training():
    x = np.random.default_rng(0).normal(size=(20, 10)).astype(np.float32)
    np.testing.assert_array_equal(layers.AlphaDropout(0.5)(x), x)
    np.testing.assert_array_equal(layers.AlphaDropout(0)(x, training=True), x)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.8])
def test_mean_and_variance_of_standardised_inputs_stay(rate):
    x = np.random.default_rng(0).normal(size=(1000, 500)).astype(np.float32)
    y = np.asarray(layers.AlphaDropout(rate, seed=1)(x, training=True))
    assert abs(y.mean()) < 0.01
    assert abs(y.var() - 1) < 0.01


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.8])
def test_the_replaced_share_is_binomial_and_all_of_it_is_the_limit(rate):
    x = np.random.default_rng(0).normal(size=(300, 200)).astype(np.float32)
    y = np.asarray(layers.AlphaDropout(rate, seed=1)(x, training=True), np.float64)
    a = ((1 - rate) * (1 + rate * LIMIT**2)) ** -0.5
    before = (y + a * rate * LIMIT) / a
    replaced = np.isclose(before, LIMIT, rtol=1e-5)
    assert stats.binomtest(int(replaced.sum()), x.size, rate).pvalue > 1e-4
    np.testing.assert_allclose(before[~replaced], x[~replaced], rtol=1e-4, atol=1e-5)


def test_noise_shape_shares_masks():
    y = np.asarray(layers.AlphaDropout(0.5, (None, 1, None), seed=1)(np.ones((8, 50, 6)), training=True))
    assert (y == y[:, :1]).all()
    assert len(np.unique(y)) == 2


def test_masks_are_those_of_the_step_and_the_seed():
    x = np.ones((50, 40), np.float32)

    def drawn(seed, key):
        with bind([], [], key=jax.random.key(key)):
            return np.asarray(layers.AlphaDropout(0.5, seed=seed)(x, training=True))

    np.testing.assert_array_equal(drawn(1, 1), drawn(1, 1))
    assert not np.array_equal(drawn(1, 1), drawn(1, 2))
    assert not np.array_equal(drawn(1, 1), drawn(2, 1))


@pytest.mark.parametrize("rate", [-0.1, 1, 1.0, "0.5", None])
def test_rate_must_be_a_fraction_below_one(rate):
    with pytest.raises(ValueError, match="AlphaDropout 'it': rate: expected a fraction from 0 to below 1, received "):
        layers.AlphaDropout(rate, name="it")


def test_noise_shape_must_fit_the_input():
    with pytest.raises(ValueError, match="AlphaDropout 'it': noise_shape: expected sizes >= 1 or None, received"):
        layers.AlphaDropout(0.5, (0, 1), name="it")
    with pytest.raises(ValueError, match=r"AlphaDropout 'it': noise_shape \(None, 7\) does not fit an input of shape"):
        layers.AlphaDropout(0.5, (None, 7), name="it")(np.ones((4, 6)))
