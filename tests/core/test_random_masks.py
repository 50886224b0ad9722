"""Masks of random layers: the right share, and no pattern within a mask, between steps or between layers."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import stats

from lamina.core.random import mask


@pytest.mark.parametrize("probability", [1e-4, 0.1, 0.5, 0.8, 0.999])
def test_share_of_ones_is_binomial(probability):
    count = 1_000_000
    ones = [int(np.sum(mask(jax.random.key(seed), probability, (count,)))) for seed in range(20)]
    p_values = [stats.binomtest(n, count, probability).pvalue for n in ones]
    assert min(p_values) > 1e-5
    assert stats.kstest(p_values, "uniform").pvalue > 1e-4


def test_neighbours_rows_steps_and_layers_are_independent():
    step = jax.random.key(7)
    keys = [jax.random.fold_in(step, n) for n in range(64)]
    masks = np.stack([np.asarray(mask(key, 0.5, (128, 64))) for key in keys]).astype("float64") - 0.5
    limit = 5 * 0.25 / np.sqrt(masks.size)  # five standard deviations of a mean of products of +-1/2
    for shift, axis in [(1, 2), (1, 1), (1, 0), (8, 2), (16, 1), (2, 0)]:
        assert abs(np.mean(masks * np.roll(masks, shift, axis=axis))) < limit


def test_every_element_of_the_mask_takes_both_values_equally_often():
    masks = np.stack([np.asarray(mask(jax.random.key(seed), 0.5, (50, 8))) for seed in range(2000)])
    chi2 = np.sum((masks.sum(axis=0) - 1000) ** 2 / 500)
    assert 1e-4 < stats.chi2(400).cdf(chi2) < 1 - 1e-4


def test_runs_of_equal_values_have_the_lengths_of_coin_tosses():
    tosses = np.asarray(mask(jax.random.key(3), 0.5, (200_000,)))
    borders = np.flatnonzero(np.diff(tosses)) + 1
    lengths = np.diff(borders)
    observed = [np.sum(lengths == n) for n in range(1, 9)] + [np.sum(lengths > 8)]
    expected = len(lengths) * np.array([0.5**n for n in range(1, 9)] + [0.5**8])
    assert stats.chisquare(observed, expected).pvalue > 1e-4


def test_same_key_same_mask_in_any_compilation():
    key = jax.random.key(1)
    eager = mask(key, 0.3, (40, 30))
    assert (jax.jit(lambda key: mask(key, 0.3, (40, 30)))(key) == eager).all()
    assert (mask(jax.random.key(2), 0.3, (40, 30)) != eager).any()
