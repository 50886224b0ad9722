"""`SpatialDropout1D`, `2D` and `3D`: whole channels, the right share of them, configs and messages."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import stats

from lamina import layers
from lamina.core.variable import bind

# (kind, arguments, shape of the inputs, axes of the positions)
CASES = [
    ("SpatialDropout1D", {}, (40, 7, 50), (1,)),
    ("SpatialDropout2D", {}, (40, 3, 4, 50), (1, 2)),
    ("SpatialDropout2D", {"data_format": "channels_first"}, (40, 50, 3, 4), (2, 3)),
    ("SpatialDropout3D", {"data_format": "channels_last"}, (40, 2, 3, 2, 50), (1, 2, 3)),
    ("SpatialDropout3D", {"data_format": "channels_first"}, (40, 50, 2, 3, 2), (2, 3, 4)),
]
every_case = pytest.mark.parametrize(("kind", "arguments", "shape", "positions"), CASES)


def inputs(shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32) + 5


@every_case
def test_whole_channels_are_dropped_and_the_rest_is_scaled(kind, arguments, shape, positions):
    x = inputs(shape)
    layer = getattr(layers, kind)(0.3, seed=1, **arguments)
    y = np.asarray(layer(x, training=True))
    dropped = (y == 0).all(positions)
    np.testing.assert_array_equal(dropped, (y == 0).any(positions))
    assert stats.binomtest(int(dropped.sum()), dropped.size, 0.3).pvalue > 1e-4
    np.testing.assert_allclose(y[y != 0], x[y != 0] / 0.7, rtol=1e-6)
    assert not (dropped == dropped[:1]).all()  # samples draw for themselves


@every_case
def test_it_is_the_identity_when_not_training(kind, arguments, shape, positions):
    x = inputs(shape)
    np.testing.assert_array_equal(getattr(layers, kind)(0.5, **arguments)(x), x)
    np.testing.assert_array_equal(getattr(layers, kind)(0, **arguments)(x, training=True), x)
    assert not np.any(getattr(layers, kind)(1, **arguments)(x, training=True))


@every_case
def test_masks_are_those_of_the_step_and_the_seed(kind, arguments, shape, positions):
    def drawn(seed, key):
        with bind([], [], key=jax.random.key(key)):
            return np.asarray(getattr(layers, kind)(0.5, seed=seed, **arguments)(inputs(shape), training=True))

    np.testing.assert_array_equal(drawn(1, 1), drawn(1, 1))
    assert not np.array_equal(drawn(1, 1), drawn(1, 2))
    assert not np.array_equal(drawn(1, 1), drawn(2, 1))


@pytest.mark.parametrize("extra", [{}, {"trainable": False}, {"dtype": "mixed_bfloat16"}])
def test_configs_keep_what_keras_loses(extra):
    layer = layers.SpatialDropout2D(0.5, "channels_first", seed=3, name="it", **extra)
    again = layers.deserialize(layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    assert (again.trainable, again.dtype_policy) == (layer.trainable, layer.dtype_policy)


@every_case
def test_inputs_of_other_ranks_are_refused(kind, arguments, shape, positions):
    layer = getattr(layers, kind)(0.5, name="it", **arguments)
    for wrong in (shape[:-1], (*shape, 2)):
        text = rf"{kind} 'it': expected an input of {len(shape)} axes, received shape \(40, "
        with pytest.raises(ValueError, match=text):
            layer(np.ones(wrong, np.float32))


@pytest.mark.parametrize("kind", ["SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"])
def test_arguments_that_cannot_be_meant(kind):
    with pytest.raises(ValueError, match=f"{kind} 'it': rate: expected a fraction from 0 to 1, received 1.5"):
        getattr(layers, kind)(1.5, name="it")
    if kind != "SpatialDropout1D":
        with pytest.raises(ValueError, match=f"{kind} 'it': data_format: expected one of .*'channels_frist'.* Did you"):
            getattr(layers, kind)(0.5, "channels_frist", name="it")
