"""Regularisation layers against the real Keras: exact where nothing is random, else the same distribution and scale."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tests.parity.layer_pairs import assert_same, assert_same_configs, assert_same_function, pair, some

RANDOM = [
    ("GaussianNoise", {"stddev": 0.3}, (4, 6)),
    ("GaussianNoise", {"stddev": 1, "seed": 5}, (2, 3, 4)),
    ("GaussianDropout", {"rate": 0.4, "seed": 5}, (4, 6)),
    ("AlphaDropout", {"rate": 0.2, "noise_shape": (None, 1), "seed": 5}, (4, 6)),
    ("AlphaDropout", {"rate": 0.5}, (2, 3, 4)),
    ("SpatialDropout1D", {"rate": 0.3, "seed": 5}, (2, 3, 4)),
    ("SpatialDropout2D", {"rate": 0.3, "data_format": "channels_first"}, (2, 3, 4, 5)),
    ("SpatialDropout2D", {"rate": 0.3}, (2, 3, 4, 5)),
    ("SpatialDropout3D", {"rate": 0.3, "data_format": "channels_last", "seed": 5}, (2, 3, 4, 5, 6)),
    ("SpatialDropout3D", {"rate": 0.3, "data_format": "channels_first", "dtype": "bfloat16"}, (2, 3, 4, 5, 6)),
]
WIDE = some((400, 250)) * 2 + 1


@pytest.mark.parametrize(("name", "arguments", "shape"), RANDOM)
def test_inference_is_exact_and_configs_are_keras(name, arguments, shape):
    ours, theirs = pair(name, **arguments)
    assert_same_function(ours, theirs, some(shape), training=False)
    assert_same_configs(name, some(shape), **arguments)


@pytest.mark.parametrize("name", ["GaussianNoise", "GaussianDropout", "AlphaDropout", "SpatialDropout1D"])
def test_no_noise_is_exact_in_training(name):
    x = some((2, 3, 4))
    ours, theirs = pair(name, **{"stddev" if name == "GaussianNoise" else "rate": 0})
    assert_same_function(ours, theirs, x, training=True)


@pytest.mark.parametrize("name", ["SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"])
def test_rate_one_drops_every_channel(name):
    x = some((2, 3, 4, 5, 6)[: 2 + int(name[-2])])
    ours, theirs = pair(name, rate=1.0)
    assert_same(ours(x, training=True), theirs(x, training=True))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("GaussianNoise", {"stddev": 0.5}),
        ("GaussianDropout", {"rate": 0.3}),
        ("GaussianDropout", {"rate": 0.9}),
        ("AlphaDropout", {"rate": 0.1}),
        ("AlphaDropout", {"rate": 0.6}),
        ("Dropout", {"rate": 0.3}),
    ],
)
@pytest.mark.parametrize("x", [WIDE, np.full((400, 250), -1.5, np.float32)], ids=["spread", "constant"])
def test_outputs_have_keras_distribution(name, arguments, x):
    ours, theirs = pair(name, seed=3, **arguments)
    mine, other = (np.asarray(layer(x, training=True), np.float64).ravel() for layer in (ours, theirs))
    assert stats.ks_2samp(mine, other).pvalue > 1e-4
    np.testing.assert_allclose(mine.mean(), other.mean(), atol=6 * other.std() / np.sqrt(other.size))
    np.testing.assert_allclose(mine.std(), other.std(), rtol=0.02)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_alpha_dropout_has_keras_two_values(rate):
    ours, theirs = pair("AlphaDropout", rate=rate, seed=3)
    x = np.full((30, 40), 0.7, np.float32)
    mine, other = (np.unique(layer(x, training=True)) for layer in (ours, theirs))
    np.testing.assert_allclose(mine, other, rtol=2e-6)


@pytest.mark.parametrize(
    ("name", "arguments", "shape", "axes"),
    [
        ("SpatialDropout1D", {}, (40, 5, 30), (1,)),
        ("SpatialDropout2D", {}, (40, 3, 5, 30), (1, 2)),
        ("SpatialDropout2D", {"data_format": "channels_first"}, (40, 30, 3, 5), (2, 3)),
        ("SpatialDropout3D", {}, (40, 2, 3, 2, 30), (1, 2, 3)),
        ("SpatialDropout3D", {"data_format": "channels_first"}, (40, 30, 2, 3, 2), (2, 3, 4)),
    ],
)
def test_spatial_dropout_drops_and_scales_whole_channels_as_keras_does(name, arguments, shape, axes):
    for layer in pair(name, rate=0.3, seed=2, **arguments):
        y = np.asarray(layer(np.ones(shape, np.float32), training=True))
        np.testing.assert_allclose(np.unique(y), [0, 1 / 0.7], rtol=1e-6)
        assert (y.max(axes) == y.min(axes)).all()
        dropped = int((y.max(axes) == 0).sum())
        assert stats.binomtest(dropped, 1200, 0.3).pvalue > 1e-4


@pytest.mark.parametrize("name", ["GaussianNoise", "GaussianDropout", "AlphaDropout"])
@pytest.mark.parametrize("dtype", ["bfloat16", "mixed_float16"])
def test_sixteen_bits(name, dtype):
    ours, theirs = pair(name, **{"stddev" if name == "GaussianNoise" else "rate": 0.5}, dtype=dtype, seed=3)
    mine, other = ours(WIDE, training=True), theirs(WIDE, training=True)
    assert mine.dtype == other.dtype
    np.testing.assert_allclose(np.std(np.asarray(mine, float)), np.std(np.asarray(other, float)), rtol=0.02)


@pytest.mark.parametrize("arguments", [{}, {"l1": 0.5}, {"l2": 0.1}, {"l1": 0.3, "l2": 2}], ids=str)
@pytest.mark.parametrize("shape", [(5,), (4, 6), (2, 3, 4)])
def test_activity_regularization_gives_keras_loss(arguments, shape):
    ours, theirs = pair("ActivityRegularization", **arguments)
    x = some(shape)
    assert_same(ours(x), theirs(x))
    assert_same(ours.losses, theirs.losses)
    assert_same_configs("ActivityRegularization", x, **arguments)
