"""How the real Keras (3.15.1) splits, weighs, unpacks and casts data."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from keras.src.trainers import data_adapters
from keras.src.trainers.data_adapters import array_slicing, data_adapter_utils

from lamina.training.data import as_arrays, class_weights_to_sample_weights, train_validation_split, unpack


def test_a_split_holds_out_the_same_rows():
    for rows in (2, 3, 7, 10, 100, 1797, 60_000):
        for fraction in (0.01, 0.1, 0.15, 0.2, 0.25, 0.3, 1 / 3, 0.5, 0.7, 0.9, 0.99):
            x = np.arange(rows, dtype="float32")
            try:
                (expected, *_), _ = array_slicing.train_validation_split((x, None, None), fraction)
            except ValueError:
                with pytest.raises(ValueError, match="both need at least one"):
                    train_validation_split((x, None, None), fraction)
                continue
            (found, *_), _ = train_validation_split((x, None, None), fraction)
            assert len(found) == len(expected)


@pytest.mark.parametrize("one_hot", [False, True])
def test_class_weights_weigh_the_same_samples(one_hot):
    y = np.random.default_rng(0).integers(0, 3, 50)
    y = np.eye(3)[y] if one_hot else y
    weights = {0: 0.5, 1: 2.0, 2: 7.0}
    expected = data_adapter_utils.class_weight_to_sample_weights(y, weights)
    np.testing.assert_array_equal(class_weights_to_sample_weights(y, weights), expected)


@pytest.mark.parametrize("data", [(1,), (1, 2), [1, 2], (1, 2, 3), {"a": 1}, "x"])
def test_batches_are_unpacked_alike(data):
    assert unpack(data) == keras.utils.unpack_x_y_sample_weight(data)


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "int8", "uint8", "int32", "int64", "uint64", "bool"]
)
def test_batches_reach_the_device_in_the_same_type(dtype):
    data = np.ones((2, 2), dtype)
    ((expected,),) = data_adapters.get_data_adapter((data,), batch_size=2).get_jax_iterator()
    assert as_arrays(data, "x").dtype == jnp.asarray(expected).dtype
