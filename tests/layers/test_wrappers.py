"""`Wrapper` and `TimeDistributed`: any layer inside, masks, state step by step, randomness, messages."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import layers
from lamina.core.variable import bind
from lamina.layers.base import family
from lamina.layers.core import Input
from lamina.layers.lambda_layer import Lambda
from lamina.layers.merging import Add, Concatenate
from lamina.layers.wrappers import TimeDistributed, Wrapper
from lamina.models.sequential import Sequential

X = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)


class Twice(Wrapper):
    """Applies the layer inside two times."""

    def call(self, inputs):
        return self.layer(self.layer(inputs))


class WithLoss(layers.Layer):
    """Adds the mean square of its inputs to the loss."""

    def call(self, inputs):
        self.add_loss(jnp.mean(jnp.square(inputs)))
        return inputs


def by_steps(layer, x, **call):
    return np.stack([layer(x[:, t], **call) for t in range(x.shape[1])], 1)


# Wrapper -------------------------------------------------------------------------------------------------------------


def test_a_wrapper_builds_and_tracks_its_layer():
    layer = Twice(layers.Dense(3, name="inner"), name="outer")
    layer.build((None, 3))
    assert [w.path for w in layer.weights] == ["outer/inner/kernel", "outer/inner/bias"]
    np.testing.assert_allclose(layer(X[0]), layer.layer(layer.layer(X[0])), rtol=1e-6)


def test_a_wrapper_takes_a_layer_that_is_built():
    inner = layers.Dense(3)
    before = inner(X[0])
    Twice(inner)(X[0])
    np.testing.assert_array_equal(inner(X[0]), before)


@pytest.mark.parametrize("kind", [Twice, TimeDistributed])
def test_only_layers_are_wrapped(kind):
    with pytest.raises(TypeError, match=rf"{kind.__name__} 'it': layer: expected a layer, received <function"):
        kind(lambda x: x, name="it")
    with pytest.raises(TypeError, match=r"received <class .*Make an object of it: Dense\(\.\.\.\)"):
        kind(layers.Dense, name="it")


# TimeDistributed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inner", "shape"),
    [
        (lambda: layers.Dense(4, activation="softmax"), (4, 5, 3)),
        (lambda: layers.Flatten(), (4, 5, 2, 3)),
        (lambda: layers.Reshape((3, 2)), (4, 5, 6)),
        (lambda: Lambda(lambda x: x[:, ::-1]), (4, 5, 3)),
        (lambda: Sequential([layers.Dense(4, "relu"), layers.BatchNormalization(), layers.Dense(2)]), (4, 5, 3)),
        (lambda: TimeDistributed(layers.Dense(2)), (4, 5, 6, 3)),
    ],
)
def test_each_step_goes_through_the_layer(inner, shape):
    layer = TimeDistributed(inner())
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    expected = layer(x)
    np.testing.assert_allclose(expected, by_steps(layer.layer, x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.jit(layer)(x), expected, rtol=1e-5, atol=1e-6)
    assert layer.compute_output_shape((None, *shape[1:])) == (None, *expected.shape[1:])


def test_symbolic_inputs_with_free_time():
    assert TimeDistributed(layers.Dense(2))(Input((None, 3))).shape == (None, None, 2)


def test_several_inputs_and_outputs():
    layer = TimeDistributed(Add())
    np.testing.assert_allclose(layer([X, X]), 2 * X, rtol=1e-6)
    assert TimeDistributed(Concatenate()).compute_output_shape([(None, 5, 3), (None, 5, 4)]) == (None, 5, 7)
    first, second = TimeDistributed(Lambda(lambda x: (x, x[:, :1])))(X)
    np.testing.assert_array_equal(first, X)
    np.testing.assert_array_equal(second, X[..., :1])


def test_batch_normalization_moves_step_by_step():
    layer = TimeDistributed(layers.BatchNormalization(momentum=0.5))
    x = X * np.arange(1, 6, dtype=np.float32)[None, :, None]
    y = layer(x, training=True)
    expected = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)
    mean = np.zeros(3)
    for t in range(5):
        mean = 0.5 * mean + 0.5 * x[:, t].mean(0)
    np.testing.assert_allclose(layer.layer.moving_mean.numpy(), mean, rtol=1e-4, atol=1e-6)


def test_batch_normalization_in_a_compiled_step_returns_its_state():
    layer = TimeDistributed(layers.BatchNormalization())
    layer.build(X.shape)
    variables = layer.variables

    @jax.jit
    def step(values, x):
        with bind(variables, values, key=jax.random.key(0)):
            y = layer(x, training=True)
            return y, [v.value for v in variables]

    before = [v.value for v in variables]
    y, after = step(before, X)
    np.testing.assert_array_equal(layer.layer.moving_mean, before[2])
    np.testing.assert_allclose(y, layer(X, training=True), rtol=1e-5, atol=1e-6)
    for value, variable in zip(after, variables, strict=True):
        np.testing.assert_allclose(value, variable.numpy(), rtol=1e-5)


@pytest.mark.parametrize("stateful", [False, True])
def test_each_step_has_its_own_dropout_mask(stateful):
    inner = [layers.Dropout(0.5, seed=1), *([layers.BatchNormalization(scale=False)] if stateful else [])]
    layer = TimeDistributed(Sequential(inner))
    x = np.ones((50, 4, 20), np.float32)
    dropped = np.asarray(layer(x, training=True)) <= (0 if not stateful else -0.5)
    assert 0.4 < dropped.mean() < 0.6
    for t in range(1, 4):
        assert not np.array_equal(dropped[:, 0], dropped[:, t])
    again = np.asarray(layer(x, training=True)) <= (0 if not stateful else -0.5)
    assert not np.array_equal(dropped, again)


@pytest.mark.parametrize("stateful", [False, True])
def test_losses_of_the_layer_inside_join(stateful):
    inner = [WithLoss(), *([layers.BatchNormalization()] if stateful else [])]
    layer = TimeDistributed(Sequential(inner))
    layer.build(X.shape)
    layer(X, training=True)
    assert len(layer.losses) == 1
    expected = np.mean(X**2) if not stateful else np.sum(np.mean(X**2, axis=(0, 2)))
    np.testing.assert_allclose(layer.losses[0], expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "float16"])
def test_16_bits(dtype):
    inner = Sequential([layers.Dense(3, dtype=dtype), layers.BatchNormalization(dtype=dtype)])
    layer = TimeDistributed(inner, dtype=dtype)
    for training in (False, True):
        assert layer(X, training=training).dtype == layer.compute_dtype


def test_masks_go_to_layers_that_take_them_and_on():
    mask = np.arange(5)[None] < np.array([5, 4, 3, 1])[:, None]
    seen = []

    def look(x, mask=None):
        seen.append(mask)
        return x

    layer = TimeDistributed(Lambda(look))
    y = layer(X, mask=mask)
    np.testing.assert_array_equal(seen[0], mask.reshape(-1))
    np.testing.assert_array_equal(y._keras_mask, mask)
    np.testing.assert_array_equal(layer.compute_mask(X, mask), mask)
    assert layer.compute_mask([X, X], [mask, mask]) is None


@pytest.mark.parametrize("mask", [np.ones((4, 4), bool), np.ones((3, 5), bool), np.ones(4, bool)])
def test_masks_that_do_not_fit(mask):
    layer = TimeDistributed(layers.Dense(2), name="it")
    with pytest.raises(ValueError, match=r"TimeDistributed 'it': mask: expected shape \(4, 5, \.\.\.\).*, received \("):
        layer(X, mask=mask)


@pytest.mark.parametrize("shape", [(4, 5), (4,)])
def test_inputs_without_time_are_refused(shape):
    layer = TimeDistributed(layers.Dense(2), name="it")
    text = r"TimeDistributed 'it': expected input of shape \(batch, time, \.\.\.\) with at least 3 axes.*received \("
    with pytest.raises(ValueError, match=text):
        layer(np.zeros(shape, np.float32))
    layer(X)
    with pytest.raises(ValueError, match=text):
        layer(np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match=text):
        layer.compute_output_shape((None, *shape[1:]))


def test_inputs_of_other_lengths_are_refused():
    with pytest.raises(ValueError, match="batch and time the same for all inputs, received"):
        TimeDistributed(Add())([X, X[:, :4]])


def test_gradients_equal_those_of_single_steps():
    layer = TimeDistributed(layers.Dense(2, "tanh"))
    layer.build(X.shape)
    kernel = layer.layer.kernel

    def loss(run, value):
        with bind([kernel], [value]):
            return jnp.sum(jnp.square(run(X)))

    whole = jax.grad(lambda value: loss(layer, value))(kernel.value)
    single = sum(
        jax.grad(lambda value, t=t: loss(lambda x: layer.layer(x[:, t]), value))(kernel.value) for t in range(5)
    )
    np.testing.assert_allclose(whole, single, rtol=1e-5)


def test_configs_hold_the_layer():
    layer = TimeDistributed(Sequential([Input((3,)), layers.Dense(2), layers.Dropout(0.1)]), name="it")
    layer(X)
    again = family.deserialize(json.loads(json.dumps(family.serialize(layer))))
    again(X)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(X), layer(X))


def test_it_is_trained_by_fit():
    model = Sequential([Input((5, 3)), TimeDistributed(Sequential([layers.Dense(8), layers.BatchNormalization()]))])
    model.add(TimeDistributed(layers.Dense(1)))
    model.compile("adam", "mse")
    y = X.sum(-1, keepdims=True)
    history = model.fit(X, y, epochs=5, batch_size=2, verbose=0).history["loss"]
    assert history[-1] < history[0]
