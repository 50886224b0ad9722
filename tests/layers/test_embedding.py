"""`Embedding`: the rows it looks up, numbers outside the table, weights, gradients."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core.variable import bind
from lamina.layers.core import Input
from lamina.layers.embedding import Embedding

TABLE = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)


@pytest.mark.parametrize("ids", [np.array([3]), np.array([[1, 2], [9, 0]]), np.arange(8).reshape(2, 2, 2), np.array(5)])
def test_rows_of_the_table(ids):
    np.testing.assert_array_equal(Embedding(10, 4, weights=TABLE)(ids), TABLE[ids])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint32, np.float32, np.float64])
def test_numbers_of_any_dtype(dtype):
    table = np.random.default_rng(0).normal(size=(1000, 2)).astype(np.float32)
    ids = np.array([[1, 2, 127]], dtype)
    np.testing.assert_array_equal(Embedding(1000, 2, weights=table)(ids), table[[[1, 2, 127]]])


def test_lists_of_numbers():
    np.testing.assert_array_equal(Embedding(10, 4, weights=TABLE)([[1, 2], [3, 4]]), TABLE[[[1, 2], [3, 4]]])


@pytest.mark.parametrize(
    ("ids", "text"),
    [
        ([[1, 10], [2, 11]], r"received 10 at row 0, column 1 \(2 of 4 values are outside\)"),
        ([[1, 2], [-1, 3]], r"received -1 at row 1, column 0 \(1 of 4"),
        ([3, 4, 12], r"received 12 at row 2 \(1 of 3"),
        ([[[1, 2], [3, 99]]], r"received 99 at row 0, column 1, axis 2 1 "),
        (10, r"received 10 \(1 of 1"),
        ([[1.0, 2.5]], r"received 2.5 at row 0, column 1"),
        ([[1.0, np.nan]], r"received nan at row 0, column 1"),
    ],
)
def test_known_numbers_outside_the_table_are_named(ids, text):
    expected = r"Embedding 'it': expected whole numbers from 0 to 9 \(input_dim = 10\), " + text
    with pytest.raises(ValueError, match=expected + ".*Give input_dim the largest number"):
        Embedding(10, 4, name="it")(np.array(ids))


def test_unknown_numbers_outside_the_table_give_nan_and_no_gradient():
    layer = Embedding(10, 4, weights=TABLE)
    ids = np.array([1, 10, -1, 9, 2**31 - 1])
    y = jax.jit(layer)(ids)
    np.testing.assert_array_equal(np.isnan(y).all(-1), [False, True, True, False, True])
    np.testing.assert_array_equal(y[0], TABLE[1])

    def loss(table):
        with bind([layer.embeddings], [table]):
            return jnp.nansum(layer(ids))

    slope = jax.jit(jax.grad(loss))(TABLE)
    np.testing.assert_array_equal(slope.sum(1), np.where(np.isin(np.arange(10), [1, 9]), 4, 0))


def test_gradients_of_repeated_numbers_add_up_in_the_storage_dtype():
    layer = Embedding(10, 4, dtype="mixed_bfloat16")
    ids = np.zeros((1, 1000), int)
    layer.build((None, 1000))

    def loss(table):
        with bind([layer.embeddings], [table]):
            return layer(ids).astype(jnp.float32).sum()

    slope = jax.grad(loss)(layer.embeddings.value)
    assert slope.dtype == jnp.float32
    np.testing.assert_array_equal(slope[0], np.full(4, 1000))


def test_given_weights_are_there_at_once_and_not_in_the_config():
    layer = Embedding(10, 4, weights=[TABLE], name="it")
    np.testing.assert_array_equal(layer.get_weights()[0], TABLE)
    assert layer.count_params() == 40
    config = layer.get_config()
    assert "weights" not in config
    json.dumps(config)
    assert Embedding.from_config(config).built is False


def test_given_weights_of_another_shape_say_so():
    with pytest.raises(
        ValueError, match=r"'it': set_weights: 'it/embeddings' has shape \(10, 4\), received .* \(4, 10\)"
    ):
        Embedding(10, 4, weights=TABLE.T, name="it")


@pytest.mark.parametrize("size", [0, -1, 1.5, None, "3", True])
def test_sizes_are_whole_numbers(size):
    with pytest.raises(ValueError, match="Embedding 'it': input_dim: expected a whole number >= 1, received"):
        Embedding(size, 4, name="it")
    with pytest.raises(ValueError, match="Embedding 'it': output_dim: expected a whole number >= 1, received"):
        Embedding(4, size, name="it")


def test_input_length_is_no_longer_needed():
    with pytest.warns(UserWarning, match="Embedding: input_length is not needed"):
        layer = Embedding(10, 4, input_length=5)
    assert "input_length" not in layer.get_config()


def test_masks():
    ids = np.array([[1, 0, 3]])
    np.testing.assert_array_equal(Embedding(10, 4, mask_zero=True).compute_mask(ids), [[True, False, True]])
    assert Embedding(10, 4).compute_mask(ids) is None


def test_symbolic_inputs():
    y = Embedding(10, 4)(Input((None,), dtype="int32"))
    assert y.shape == (None, None, 4)
    assert y.dtype == "float32"
