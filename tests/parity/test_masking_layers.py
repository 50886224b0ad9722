"""Masking and Embedding against the real Keras (3.15, JAX): values, gradients, masks, configs."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

keras = pytest.importorskip("keras")

from lamina.layers.embedding import Embedding  # noqa: E402
from lamina.layers.masking import Masking  # noqa: E402
from tests.parity.side_by_side import assert_same, build, compare, compare_configs, plain, some  # noqa: E402


def padded(value, *shape):
    """Numbers with some steps, some features and one whole sample equal to a value."""
    x = some(*shape)
    x[0, 1:] = value
    x[1] = value
    x[2, 0, 0] = np.ravel(value)[0]
    return x


MASK_VALUES = [0.0, -1, 0.1, 7.5, np.float64(0.1), np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.2, 0.3], np.float32)]


@pytest.mark.parametrize("value", MASK_VALUES, ids=str)
def test_masking_values_gradients_and_masks(value):
    ours, theirs = Masking(mask_value=value), keras.layers.Masking(mask_value=value)
    x = padded(value, 3, 4, 3)
    compare(ours, theirs, x)
    assert_same(ours.compute_mask(x), theirs.compute_mask(jnp.asarray(x)))
    assert_same(ours(x)._keras_mask, theirs(x)._keras_mask)
    assert 0 < int(ours.compute_mask(x).sum()) < 12


@pytest.mark.parametrize("shape", [(4, 3), (3, 2, 2, 3)])
def test_masking_of_other_ranks(shape):
    ours, theirs = Masking(), keras.layers.Masking()
    x = padded(0, *shape) if len(shape) > 2 else np.eye(4, 3, dtype=np.float32)
    compare(ours, theirs, x)
    assert_same(ours.compute_mask(x), theirs.compute_mask(jnp.asarray(x)))


@pytest.mark.parametrize("dtype", [np.int32, np.uint8])
def test_masking_of_whole_numbers(dtype):
    x = np.array([[[1, 0], [0, 0], [2, 2]]], dtype)
    for value in (0, 2, 0.5):
        ours, theirs = Masking(mask_value=value), keras.layers.Masking(mask_value=value)
        assert_same(ours(x), theirs(x))
        assert_same(ours.compute_mask(x), theirs.compute_mask(jnp.asarray(x)))


@pytest.mark.parametrize("value", [0.0, -1, 2.5])
def test_masking_configs(value):
    compare_configs(Masking(value, name="it"), keras.layers.Masking(value, name="it"))


def test_masking_config_of_a_value_for_each_feature():
    ours = Masking(np.array([1.0, 2.0]), name="it")
    theirs = keras.layers.deserialize(plain({**keras.layers.serialize(keras.layers.Masking(name="it"))}))
    theirs = type(theirs).from_config(plain(ours.get_config()))
    x = np.array([[[1.0, 2.0], [1.0, 3.0]]], np.float32)
    assert_same(ours(x), theirs(x))
    again = Masking.from_config(plain(ours.get_config()))
    np.testing.assert_array_equal(again.mask_value, [1.0, 2.0])


# Embedding -----------------------------------------------------------------------------------------------------------

IDS = {
    "(batch,)": np.array([0, 3, 1, 3, 9]),
    "(batch, time)": np.array([[1, 2, 0, 0], [9, 9, 2, 0]]),
    "(batch, time, words)": np.arange(12).reshape(2, 3, 2) % 10,
    "floats": np.array([[1.0, 2.0], [0.0, 9.0]], np.float32),
    "bytes": np.array([[1, 2], [0, 9]], np.uint8),
}


@pytest.mark.parametrize("ids", IDS.values(), ids=IDS)
@pytest.mark.parametrize("mask_zero", [False, True])
def test_embedding_values_and_gradients(ids, mask_zero):
    ours, theirs = Embedding(10, 4, mask_zero=mask_zero), keras.layers.Embedding(10, 4, mask_zero=mask_zero)
    compare(ours, theirs, ids)
    assert ours.compute_output_shape((None, 7)) == theirs.compute_output_shape((None, 7))


def test_embedding_mask():
    ids = IDS["(batch, time)"]
    ours, theirs = Embedding(10, 4, mask_zero=True), keras.layers.Embedding(10, 4, mask_zero=True)
    assert_same(ours.compute_mask(ids), theirs.compute_mask(jnp.asarray(ids)))
    assert_same(ours(ids)._keras_mask, theirs(ids)._keras_mask)
    assert Embedding(10, 4).compute_mask(ids) is None
    assert ours.supports_masking == theirs.supports_masking


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16", "mixed_float16"])
def test_embedding_in_16_bits(policy):
    ours, theirs = Embedding(3000, 4, dtype=policy), keras.layers.Embedding(3000, 4, dtype=policy)
    ids = np.array([[1.0, 2049.0, 2999.0]], np.float32)  # 2049 has no 16-bit float
    build(ours, theirs, ids)
    assert_same(ours(ids), theirs(ids), rtol=0)
    assert_same(ours(ids.astype(np.int32)), theirs(ids), rtol=0)
    assert ours.embeddings.dtype == theirs.embeddings.dtype


def test_embedding_of_given_weights():
    table = some(10, 4)
    for weights in (table, [table], table.tolist()):
        ours = Embedding(10, 4, weights=weights)
        theirs = keras.layers.Embedding(10, 4, weights=table)
        assert_same(ours.get_weights()[0], np.asarray(theirs.weights[0].value))
        assert_same(ours(IDS["(batch,)"]), theirs(IDS["(batch,)"]))


def test_embedding_regularizer_and_constraint():
    arguments = {"embeddings_regularizer": "l2", "embeddings_constraint": "max_norm"}
    ours, theirs = Embedding(10, 4, **arguments), keras.layers.Embedding(10, 4, **arguments)
    compare(ours, theirs, IDS["(batch,)"])
    assert_same(ours.losses[0], theirs.losses[0])
    assert_same(ours.embeddings.constraint(ours.embeddings.value), theirs.embeddings.constraint(theirs.embeddings))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"mask_zero": True, "embeddings_initializer": "he_normal"},
        {"embeddings_regularizer": "l1", "embeddings_constraint": "unit_norm", "dtype": "mixed_bfloat16"},
        {"weights": [np.ones((10, 4))], "trainable": False},
        {"activity_regularizer": "l2"},
    ],
)
def test_embedding_configs(arguments):
    compare_configs(Embedding(10, 4, name="it", **arguments), keras.layers.Embedding(10, 4, name="it", **arguments))
