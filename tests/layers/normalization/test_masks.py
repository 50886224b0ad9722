"""Masks: every normalisation hands on the mask of its inputs; only `BatchNormalization` uses it."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import layers, models
from lamina.core.masking import get_mask

X = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
MASK = np.arange(5) < np.array([5, 2, 1, 4])[:, None]
X[~MASK] = 0  # what Masking() looks for
KINDS = [
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "UnitNormalization",
]


def make(kind, **extra):
    return getattr(layers, kind)(**({"groups": 3} if kind == "GroupNormalization" else {}), **extra)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [False, True])
def test_the_mask_goes_on(kind, training):
    y = make(kind)(layers.Masking()(X), training=training)
    np.testing.assert_array_equal(get_mask(y), MASK)


@pytest.mark.parametrize("kind", KINDS[1:])
def test_statistics_of_a_sample_do_not_look_at_the_mask(kind):
    np.testing.assert_array_equal(make(kind)(layers.Masking()(X)), make(kind)(X))


def test_fit_leaves_masked_steps_out_of_the_moving_statistics():
    norm = layers.BatchNormalization(momentum=0.0)
    model = models.Sequential([layers.Input((5, 3)), layers.Masking(), norm])
    model.compile("sgd", "mse")
    model.fit(X, np.zeros_like(X), batch_size=4, verbose=0)
    np.testing.assert_allclose(norm.moving_mean, X[MASK].mean(0), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(norm.moving_variance, X[MASK].var(0), rtol=1e-5)
