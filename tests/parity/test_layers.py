"""Layers against the real Keras in the same process: same weights, same inputs, then outputs, gradients and losses.

Outputs and gradients agree to 1e-6 relative; sums of many terms that cancel are compared to 1e-6 of the largest entry.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import layers
from lamina.core.variable import bind

keras = pytest.importorskip("keras")


def some(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def assert_same(ours: Any, theirs: Any, rtol: float = 1e-6) -> None:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * float(np.abs(theirs).max(initial=0)))


def values_of(layer: Any) -> list[np.ndarray]:
    """The weights of a layer of Keras, whose own get_weights warns under NumPy 2."""
    return [np.asarray(w.value) for w in layer.weights]


def twins(name: str, shape: tuple[int, ...], *, seed: int = 1, **arguments: Any) -> tuple[Any, Any]:
    """The layer and Keras' own, built for the shape and given the same random weights."""
    ours, theirs = getattr(layers, name)(**arguments), getattr(keras.layers, name)(**arguments)
    ours.build(shape)
    theirs.build(shape)
    rng = np.random.default_rng(seed)
    weights = [w if w.ndim == 0 else rng.uniform(0.5, 1.5, w.shape) for w in values_of(theirs)]
    assert [w.shape for w in ours.get_weights()] == [w.shape for w in weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    return ours, theirs


def outputs_and_slopes(layer: Any, x: Any, **call: Any) -> tuple[Any, Any, Any]:
    """Outputs of our layer, and the gradients of a weighted sum of them in weights and inputs."""
    trainable, rest = layer.trainable_variables, layer.non_trainable_variables
    values = [v.value for v in trainable]

    def loss(values, x):
        with bind([*trainable, *rest], [*values, *(v.value for v in rest)]):
            outputs = layer(x, **call)
        return jnp.sum(outputs * weights_of(outputs)), outputs

    (_, outputs), slopes = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(values, x)
    return outputs, *slopes


def keras_outputs_and_slopes(layer: Any, x: Any, **call: Any) -> tuple[Any, Any, Any]:
    """The same of Keras' layer."""
    values = [v.value for v in layer.trainable_variables]
    rest = [v.value for v in layer.non_trainable_variables]

    def loss(values, x):
        outputs, _ = layer.stateless_call(values, rest, x, **call)
        return jnp.sum(outputs * weights_of(outputs)), outputs

    (_, outputs), slopes = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(values, x)
    return outputs, *slopes


def weights_of(outputs: Any) -> Any:
    return np.linspace(-1, 2, max(outputs.size, 1), dtype=np.float32).reshape(outputs.shape)


def assert_same_function(ours: Any, theirs: Any, x: Any, **call: Any) -> None:
    mine, other = outputs_and_slopes(ours, jnp.asarray(x), **call), keras_outputs_and_slopes(theirs, x, **call)
    for first, second in zip(jax.tree.leaves(mine), jax.tree.leaves(other), strict=True):
        assert_same(first, second)


# Dense ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4), (2, 3, 2, 4)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_dense_of_any_rank(shape, use_bias):
    assert_same_function(*twins("Dense", shape, units=3, use_bias=use_bias), some(shape))


@pytest.mark.parametrize("activation", ["relu", "softmax", "selu"])
def test_dense_with_activation(activation):
    assert_same_function(*twins("Dense", (5, 4), units=3, activation=activation), some((5, 4)))


def test_dense_accepts_every_initializer_name_of_keras():
    from keras.src.initializers import ALL_OBJECTS_DICT

    names = {name for name in ALL_OBJECTS_DICT if name.lower() not in ("initializer", "stftinitializer", "stft")}
    for name in sorted(names - {"Constant", "constant"}):  # Keras itself cannot make a constant without a value
        ours = layers.Dense(6, kernel_initializer=name)
        ours.build((None, 6))
        assert type(ours.kernel_initializer).__name__ == type(keras.initializers.get(name)).__name__
        assert np.isfinite(ours.kernel.numpy()).all()


@pytest.mark.parametrize("kind", ["l1", "l2", "l1l2"])
def test_dense_regularizers_give_keras_losses(kind):
    shape = (5, 4)
    ours, theirs = twins(
        "Dense", shape, units=3, kernel_regularizer=kind, bias_regularizer=kind, activity_regularizer=kind
    )
    x = some(shape)
    ours(x)
    theirs(x)
    assert len(ours.losses) == len(theirs.losses) == 3
    assert_same(sorted(map(float, ours.losses)), sorted(map(float, theirs.losses)))


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4)])
def test_activity_regularizer_counts_per_sample(shape):
    ours, theirs = twins("Dense", shape, units=3, activity_regularizer="l2")
    x = some(shape)
    ours(x)
    theirs(x)
    assert_same(ours.losses[0], theirs.losses[0])


@pytest.mark.parametrize(("name", "x"), [("Activation", some((5, 4))), ("Identity", some((2, 3, 4)))])
def test_activity_regularizer_of_other_layers(name, x):
    arguments = {"activation": "tanh"} if name == "Activation" else {}
    ours = getattr(layers, name)(activity_regularizer="l1", **arguments)
    theirs = getattr(keras.layers, name)(activity_regularizer="l1", **arguments)
    ours(x)
    theirs(x)
    assert_same(ours.losses, theirs.losses)


@pytest.mark.parametrize("name", ["max_norm", "non_neg", "unit_norm", "min_max_norm"])
def test_dense_constraints_are_attached_to_the_weights_and_are_keras(name):
    ours, theirs = twins("Dense", (5, 4), units=3, kernel_constraint=name, bias_constraint=name)
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        value = some(tuple(mine.shape), seed=3)
        assert_same(mine.constraint(value), other.constraint(value))


# Shapes and values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 3, 4), (2, 3, 4, 5)])
@pytest.mark.parametrize("data_format", [None, "channels_last", "channels_first"])
def test_flatten(shape, data_format):
    ours, theirs = layers.Flatten(data_format=data_format), keras.layers.Flatten(data_format=data_format)
    x = some(shape)
    assert_same(ours(x), theirs(x))
    free = (None, *shape[1:])
    assert ours.compute_output_shape(free) == theirs.compute_output_shape(free)


@pytest.mark.parametrize(
    ("shape", "target"), [((2, 12), (3, 4)), ((2, 12), (-1, 4)), ((2, 3, 4), (12,)), ((2, 3, 4), (-1,)), ((2, 1), ())]
)
def test_reshape(shape, target):
    ours, theirs = layers.Reshape(target), keras.layers.Reshape(target)
    assert_same_function(ours, theirs, some(shape))
    assert ours.compute_output_shape((None, *shape[1:])) == theirs.compute_output_shape((None, *shape[1:]))


@pytest.mark.parametrize("activation", ["relu", "softmax", "gelu", "elu"])
def test_activation(activation):
    assert_same_function(layers.Activation(activation), keras.layers.Activation(activation), some((2, 3, 4)))


def test_identity():
    assert_same_function(layers.Identity(), keras.layers.Identity(), some((2, 3, 4)))


@pytest.mark.parametrize("x", [some((4, 3)), np.arange(12, dtype=np.uint8).reshape(4, 3), np.arange(12).reshape(4, 3)])
@pytest.mark.parametrize("arguments", [(1 / 255,), (2.0, -1.0), ([1.0, 2.0, 3.0], [0.0, 0.5, 1.0])])
def test_rescaling(x, arguments):
    assert_same(layers.Rescaling(*arguments)(x), keras.layers.Rescaling(*arguments)(x))


# Normalization -------------------------------------------------------------------------------------------------------

DATA = (some((20, 3, 4)) * [1.0, 10.0, 0.1, 5.0] + [0.0, 100.0, -1.0, 2.0]).astype(np.float32)


def pair_of_normalizations(**arguments: Any) -> tuple[Any, Any]:
    return layers.Normalization(**arguments), keras.layers.Normalization(**arguments)


@pytest.mark.parametrize("axis", [-1, 1, 2, (1, 2), (2, 1), (-1, -2), None])
@pytest.mark.parametrize("invert", [False, True])
def test_normalization_adapts_on_any_axes(axis, invert):
    ours, theirs = pair_of_normalizations(axis=axis, invert=invert)
    ours.adapt(DATA)
    theirs.adapt(DATA)
    for mine, other in zip(ours.get_weights(), values_of(theirs), strict=True):
        assert_same(mine, other)
    assert_same_function(ours, theirs, DATA[:5])


@pytest.mark.parametrize(
    "data",
    [
        DATA,
        jnp.asarray(DATA),
        DATA.astype(np.float64),
        np.arange(240).reshape(20, 3, 4) ** 3,
        np.arange(240, dtype=np.uint8).reshape(20, 3, 4),
    ],
    ids=["array", "jax", "double", "int", "uint8"],
)
def test_normalization_adapts_to_arrays_of_any_kind(data):
    ours, theirs = pair_of_normalizations()
    ours.adapt(data)
    theirs.adapt(data)
    for mine, other in zip(ours.get_weights(), values_of(theirs), strict=True):
        assert_same(mine, other, rtol=2e-6)
    assert_same(ours(DATA), theirs(DATA), rtol=2e-6)


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize(
    "arguments",
    [
        {"mean": 3.0, "variance": 2.0},
        {"mean": 3.0, "variance": 2.0, "axis": None},
        {"mean": [1.0, 2.0, 3.0, 4.0], "variance": [1.0, 4.0, 9.0, 16.0]},
        {"mean": np.arange(3.0), "variance": np.arange(1.0, 4.0), "axis": 1},
        {"mean": np.arange(12.0).reshape(3, 4), "variance": np.ones((3, 4)), "axis": (1, 2)},
        {"mean": np.arange(4.0), "variance": np.ones(4), "axis": (1, 2)},
    ],
    ids=str,
)
def test_normalization_with_given_statistics(arguments, invert):
    ours, theirs = pair_of_normalizations(**arguments, invert=invert)
    ours.build(DATA.shape)
    theirs.build(DATA.shape)
    assert_same(ours(DATA), theirs(DATA))
    assert ours.weights == []


def test_normalization_of_a_constant_feature_stays_finite():
    ours, theirs = pair_of_normalizations()
    x = np.full((4, 2), 5.0, np.float32)
    ours.adapt(x)
    theirs.adapt(x)
    assert_same(ours(x + 1e-6), theirs(x + 1e-6))


def test_normalization_in_mixed_precision():
    ours, theirs = pair_of_normalizations(dtype="mixed_bfloat16")
    ours.adapt(DATA)
    theirs.adapt(DATA)
    assert_same(np.asarray(ours(DATA), np.float32), np.asarray(theirs(DATA), np.float32), rtol=1e-2)


# BatchNormalization --------------------------------------------------------------------------------------------------

BATCH_NORMALIZATIONS = [
    ((8, 4), {}),
    ((8, 3, 4), {"axis": 1, "momentum": 0.7}),
    ((4, 3, 3, 2), {"epsilon": 0.1, "scale": False}),
    ((8, 4), {"center": False}),
    ((8, 4), {"center": False, "scale": False, "momentum": 0.0}),
]


@pytest.mark.parametrize(("shape", "arguments"), BATCH_NORMALIZATIONS)
@pytest.mark.parametrize("training", [False, True])
def test_batch_normalization_outputs_and_gradients(shape, arguments, training):
    ours, theirs = twins("BatchNormalization", shape, **arguments)
    x = some(shape) * 3 + 1
    mine = outputs_and_slopes(ours, x, training=training)
    other = keras_outputs_and_slopes(theirs, x, training=training)
    for first, second in zip(jax.tree.leaves(mine), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-5, atol=2e-6)  # differences of sums: both are rounded


@pytest.mark.parametrize(("shape", "arguments"), BATCH_NORMALIZATIONS)
def test_batch_normalization_moves_its_statistics_as_keras_does(shape, arguments):
    ours, theirs = twins("BatchNormalization", shape, **arguments)
    for step in range(3):
        x = some(shape, seed=step) * (step + 1) + step
        assert_same(ours(x, training=True), theirs(x, training=True), rtol=3e-6)
        for mine, other in zip(ours.get_weights(), values_of(theirs), strict=True):
            assert_same(mine, other)
    assert_same(ours(x), theirs(x))


@pytest.mark.parametrize("dtype", [np.bool_, np.float32])
def test_batch_normalization_leaves_masked_entries_out(dtype):
    ours, theirs = twins("BatchNormalization", (4, 5, 3))
    x = some((4, 5, 3))
    mask = np.arange(5)[None] < np.array([5, 3, 1, 2])[:, None]
    x[~mask] = 1e6
    assert_same(
        ours(x, training=True, mask=mask.astype(dtype)), theirs(x, training=True, mask=jnp.asarray(mask)), rtol=3e-6
    )
    for mine, other in zip(ours.get_weights(), values_of(theirs), strict=True):
        assert_same(mine, other)
    padded = np.where(mask[..., None], x, np.nan)
    ours(padded, training=True, mask=mask)
    assert np.isfinite(ours.get_weights()[2]).all()


def test_batch_normalization_of_one_masked_channel_keeps_its_shape():
    ours = layers.BatchNormalization()
    ours(some((4, 5, 1)), training=True, mask=np.ones((4, 5), bool))
    assert ours.moving_mean.shape == (1,)


def test_frozen_batch_normalization_is_in_inference_mode():
    ours, theirs = twins("BatchNormalization", (8, 4))
    before = ours.get_weights()
    ours.trainable = theirs.trainable = False
    x = some((8, 4)) + 2
    assert_same(ours(x, training=True), theirs(x, training=True))
    assert_same(ours(x, training=True), ours(x))
    for old, new in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("dtype", ["mixed_float16", "mixed_bfloat16", "bfloat16"])
@pytest.mark.parametrize("training", [False, True])
def test_batch_normalization_in_16_bits_does_not_overflow(dtype, training):
    ours, theirs = twins("BatchNormalization", (8, 4), dtype=dtype)
    x = some((8, 4)) * 300
    mine, other = ours(x, training=training), theirs(x, training=training)
    assert mine.dtype == other.dtype
    assert_same(np.asarray(mine, np.float32), np.asarray(other, np.float32), rtol=1e-2)
    for first, second in zip(ours.get_weights(), values_of(theirs), strict=True):
        assert_same(
            first.astype(np.float32), np.asarray(second, np.float32), rtol=1e-2 if dtype == "bfloat16" else 1e-6
        )


# Dropout -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_dropout_keeps_keras_values_where_nothing_is_random(rate):
    ours, theirs = layers.Dropout(rate), keras.layers.Dropout(rate)
    x = some((6, 5))
    assert_same(ours(x), theirs(x))
    if rate != 0.5:
        assert_same(ours(x, training=True), theirs(x, training=True))


@pytest.mark.parametrize("noise_shape", [None, (None, 1), (1, 400), (1, None)])
def test_dropout_scales_and_shares_masks_as_keras_does(noise_shape):
    x = np.ones((300, 400), np.float32)
    for layer in (layers.Dropout(0.3, noise_shape, seed=1), keras.layers.Dropout(0.3, noise_shape, seed=1)):
        y = np.asarray(layer(x, training=True))
        np.testing.assert_allclose(np.unique(y), [0.0, 1 / 0.7], rtol=1e-6)
        if noise_shape is not None:
            axis = noise_shape.index(1)
            assert (y == np.take(y, [0], axis)).all()
            assert not (y == np.take(y, [0], 1 - axis)).all()


def test_dropout_passes_gradients_to_what_it_keeps():
    layer, x = layers.Dropout(0.25, seed=1), some((50, 20))
    y, _, slope = outputs_and_slopes(layer, x)
    np.testing.assert_array_equal(y, x)
    with bind([], [], key=jax.random.key(3)):
        y, pullback = jax.vjp(lambda x: layer(x, training=True), x)
    (slope,) = pullback(jnp.ones_like(y))
    np.testing.assert_allclose(slope, np.where(y == 0, 0, 1 / 0.75), rtol=1e-6)
