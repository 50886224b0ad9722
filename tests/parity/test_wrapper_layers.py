"""Wrapper and TimeDistributed against the real Keras (3.15, JAX): values, gradients, moving statistics, configs."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

keras = pytest.importorskip("keras")

from lamina import layers  # noqa: E402
from lamina.layers.wrappers import TimeDistributed  # noqa: E402
from tests.parity.side_by_side import assert_same, build, compare, compare_configs, share_weights, some  # noqa: E402


def around(name, /, **arguments):
    """TimeDistributed around the layer, and Keras' own."""
    inner, other = getattr(layers, name)(**arguments), getattr(keras.layers, name)(**arguments)
    return TimeDistributed(inner, name="around"), keras.layers.TimeDistributed(other, name="around")


INNER = [
    ("Dense", {"units": 4, "activation": "tanh"}, (2, 5, 3)),
    ("Dense", {"units": 4}, (2, 5, 6, 3)),
    ("Flatten", {}, (2, 5, 6, 3)),
    ("Reshape", {"target_shape": (3, 2)}, (2, 5, 6)),
    ("Activation", {"activation": "softmax"}, (2, 5, 3)),
    ("BatchNormalization", {}, (4, 5, 3)),
    ("Dropout", {"rate": 0.5}, (2, 5, 3)),
]


@pytest.mark.parametrize(("name", "arguments", "shape"), INNER)
def test_values_gradients_and_shapes(name, arguments, shape):
    ours, theirs = around(name, **arguments)
    compare(ours, theirs, some(*shape), rtol=3e-6)
    free = (None, None, *shape[2:])
    assert ours.compute_output_shape(free) == theirs.compute_output_shape(free)


def test_batch_normalization_takes_its_statistics_step_by_step():
    ours, theirs = around("BatchNormalization", momentum=0.8)
    x = some(6, 5, 3) * np.arange(1, 6, dtype=np.float32)[None, :, None] + 2
    build(ours, theirs, x)
    for _ in range(2):
        assert_same(ours(x, training=True), theirs(x, training=True), rtol=1e-5)
        for mine, other in zip(ours.variables, theirs.variables, strict=True):
            assert_same(mine.value, other.value, rtol=3e-6)
    assert_same(ours(x), theirs(x), rtol=3e-6)


def test_gradients_of_batch_normalization_in_training():
    compare(*around("BatchNormalization"), some(6, 4, 3), rtol=1e-4, training=True)


def test_batch_normalization_in_a_stack_of_layers():
    def stack(kind, box):
        return box([kind.Dense(4, activation="relu"), kind.BatchNormalization(), kind.Dense(2)])

    from lamina.models.sequential import Sequential

    ours = TimeDistributed(stack(layers, Sequential))
    theirs = keras.layers.TimeDistributed(stack(keras.layers, keras.Sequential))
    x = some(6, 5, 3)
    ours.build(x.shape)
    theirs.build(x.shape)
    share_weights(ours, theirs)
    assert_same(ours(x, training=True), theirs(x, training=True), rtol=1e-4)
    for mine, other in zip(ours.get_weights(), theirs.weights, strict=True):
        assert_same(mine, other.value, rtol=1e-5)


def test_a_frozen_batch_normalization_inside():
    ours, theirs = around("BatchNormalization")
    x = some(6, 5, 3) + 1
    build(ours, theirs, x)
    ours.trainable = theirs.trainable = False
    assert_same(ours(x, training=True), theirs(x, training=True))


def test_masks_reach_the_layer_inside():
    ours, theirs = around("BatchNormalization", momentum=0.5)
    x, mask = some(6, 5, 3), np.arange(5)[None] < np.array([5, 5, 4, 3, 5, 2])[:, None]
    build(ours, theirs, x)
    assert_same(ours(x, mask=mask, training=True), theirs(x, mask=jnp.asarray(mask), training=True), rtol=1e-5)
    for mine, other in zip(ours.variables, theirs.variables, strict=True):
        assert_same(mine.value, other.value, rtol=3e-6)


def test_the_mask_is_handed_on():
    ours, theirs = around("Dense", units=2)
    x, mask = some(2, 5, 3), some(2, 5) > 0
    build(ours, theirs, x)
    assert_same(ours.compute_mask(x, mask), theirs.compute_mask(jnp.asarray(x), jnp.asarray(mask)))
    assert_same(ours(x, mask=mask)._keras_mask, mask)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_dropout_that_is_not_random(rate):
    ours, theirs = around("Dropout", rate=rate)
    x = some(2, 5, 3)
    assert_same(ours(x, training=True), theirs(x, training=True))


@pytest.mark.parametrize(
    ("name", "arguments"), [("Dense", {"units": 4, "kernel_regularizer": "l2"}), ("BatchNormalization", {"axis": 1})]
)
def test_configs(name, arguments):
    compare_configs(*around(name, name="inner", **arguments))


def test_weight_regularizers_join_the_loss_once():
    ours, theirs = around("Dense", units=4, kernel_regularizer="l2")
    x = some(2, 5, 3)
    compare(ours, theirs, x)
    assert_same(ours.losses, theirs.losses)
