"""Normal noise of random layers: the right distribution, and no pattern within a draw, between steps or layers."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import stats

from lamina.core.random import mask, normal


def draws(count, shape, seed=7):
    step = jax.random.key(seed)
    return np.stack([np.asarray(normal(jax.random.fold_in(step, n), shape), np.float64) for n in range(count)])


def test_moments_and_quantiles_are_those_of_the_standard_normal_distribution():
    p_values = []
    for z in draws(20, (50_000,)):
        n = z.size
        for power, moment, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
            assert abs(np.mean(z**power) - moment) < 5 * np.sqrt(variance / n)
        p_values.append(stats.kstest(z, "norm").pvalue)
    assert min(p_values) > 1e-4
    assert stats.kstest(p_values, "uniform").pvalue > 1e-4


def test_tails_are_as_heavy_as_they_should_be():
    z = draws(4, (1_000_000,))
    for limit in (3.0, 4.0):
        for side in (z, -z):
            assert stats.binomtest(int((side > limit).sum()), z.size, stats.norm.sf(limit)).pvalue > 1e-4
    assert 4.5 < np.abs(z).max() < 5.3


def test_neighbours_rows_steps_and_layers_are_independent():
    z = draws(64, (128, 64))
    limit = 5 / np.sqrt(z.size)
    for shift, axis in [(1, 2), (1, 1), (1, 0), (8, 2), (16, 1), (2, 0)]:
        other = np.roll(z, shift, axis=axis)
        assert abs(np.mean(z * other)) < limit
        assert abs(np.mean((z**2 - 1) * (other**2 - 1))) < 2 * limit


def test_every_element_has_the_distribution_over_the_steps():
    z = draws(400, (20, 5))
    p_values = [stats.kstest(column, "norm").pvalue for column in z.reshape(400, -1).T]
    assert stats.kstest(p_values, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("shape", [(), (1,), (3, 0), (2, 3, 4)])
def test_any_shape_in_float32(shape):
    z = normal(jax.random.key(0), shape)
    assert z.shape == shape
    assert z.dtype == np.float32


def test_same_key_same_noise_in_any_compilation():
    key = jax.random.key(1)
    eager = normal(key, (40, 30))
    np.testing.assert_allclose(jax.jit(lambda key: normal(key, (40, 30)))(key), eager, rtol=1e-5)
    assert (normal(jax.random.key(2), (40, 30)) != eager).all()


def test_noise_of_a_layer_says_nothing_about_masks_of_another():
    keys = [jax.random.fold_in(jax.random.key(3), n) for n in range(2)]
    keep = np.asarray(mask(keys[0], 0.5, (400, 500)), np.float64) - 0.5
    assert abs(np.mean(keep * np.asarray(normal(keys[1], (400, 500))))) < 5 * 0.5 / np.sqrt(keep.size)
