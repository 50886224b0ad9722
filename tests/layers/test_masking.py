"""`Masking`: which steps it masks, in which dtype, and what it refuses."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest

from lamina.layers.masking import Masking

X = np.array([[[1, 2], [0, 3], [0, 0]], [[0, 0], [-1, -1], [4, 0]]], np.float32)


def test_steps_that_equal_the_value_throughout_are_masked_and_zero():
    np.testing.assert_array_equal(Masking().compute_mask(X), [[True, True, False], [False, True, True]])
    np.testing.assert_array_equal(Masking(-1).compute_mask(X), [[True, True, True], [True, False, True]])
    y = Masking(-1)(X)
    np.testing.assert_array_equal(y[1, 1], [0, 0])
    np.testing.assert_array_equal(y[0], X[0])


def test_a_value_for_each_feature():
    np.testing.assert_array_equal(Masking(np.array([4, 0])).compute_mask(X), [[True, True, True], [True, True, False]])
    assert not Masking([1.0]).compute_mask(np.ones((1, 2, 3))).any()


def test_nan_masks_steps_that_are_nan_throughout():
    x = np.array([[[np.nan, np.nan], [np.nan, 1.0], [2.0, 3.0]]], np.float32)
    layer = Masking(np.nan)
    np.testing.assert_array_equal(layer.compute_mask(x), [[False, True, True]])
    np.testing.assert_array_equal(layer(x)[0, 0], [0, 0])
    slope = jax.grad(lambda x: layer(x)[:, ::2].sum())(x)
    np.testing.assert_array_equal(slope, [[[0, 0], [0, 0], [1, 1]]])


@pytest.mark.parametrize("dtype", ["bfloat16", "mixed_float16"])
def test_the_value_is_rounded_as_the_inputs_are(dtype):
    for value in (0.1, np.float64(0.1), 1e9):
        layer = Masking(value, dtype=dtype)
        y = layer(np.full((1, 2, 3), value, np.float32))
        assert not y._keras_mask.any()
        assert not y.any()


def test_the_mask_is_carried_on():
    np.testing.assert_array_equal(Masking()(X)._keras_mask, [[True, True, False], [False, True, True]])


@pytest.mark.parametrize("value", ["a", None, [None]])
def test_the_value_is_a_number(value):
    with pytest.raises(TypeError, match="Masking 'it': mask_value: expected a number, received"):
        Masking(value, name="it")


def test_inputs_without_features_are_refused():
    with pytest.raises(
        ValueError, match=r"Masking 'it': expected input of shape \(batch, time, features\), received \(3,\)"
    ):
        Masking(name="it")(np.ones(3))
    text = r"Masking 'it': .* that ends in \(3,\), the shape of mask_value, received \(2, 3, 2\)"
    with pytest.raises(ValueError, match=text):
        Masking(np.zeros(3), name="it")(X)


def test_configs_keep_arrays():
    config = json.loads(json.dumps(Masking(np.array([4, 0])).get_config()))
    again = Masking.from_config(config)
    np.testing.assert_array_equal(again.compute_mask(X), Masking(np.array([4, 0])).compute_mask(X))
