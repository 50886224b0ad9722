"""`Input`, `Dense` and `Identity`: formulas, shapes and messages."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from lamina import layers
from lamina.core.errors import LaminaError
from lamina.core.symbolic import KerasTensor

keras = pytest.importorskip("keras")


def some(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(5, 4), (2, 3, 4), (2, 1, 3, 4)])
def test_dense_is_its_formula_in_float64(shape):
    layer, x = layers.Dense(3, activation="tanh", bias_initializer="random_normal"), some(*shape)
    y = layer(x)
    kernel, bias = (w.astype(np.float64) for w in layer.get_weights())
    np.testing.assert_allclose(y, np.tanh(x.astype(np.float64) @ kernel + bias), rtol=1e-5, atol=1e-6)


def test_dense_without_bias_has_one_weight():
    layer = layers.Dense(3, use_bias=False)
    layer(some(5, 4))
    assert ([w.name for w in layer.weights], layer.bias) == (["kernel"], None)


def test_dense_takes_functions_and_layers_as_activation():
    x = some(5, 4)
    plain = layers.Dense(3, kernel_initializer="ones")
    for activation in (jnp.square, layers.Activation(jnp.square), lambda y: y**2):
        layer = layers.Dense(3, activation=activation, kernel_initializer="ones")
        np.testing.assert_allclose(layer(x), np.square(plain(x)), rtol=1e-6)


def test_dense_takes_an_array_as_initial_weight():
    layer = layers.Dense(2, kernel_initializer=np.arange(6.0).reshape(3, 2))
    layer.build((None, 3))
    assert layer.kernel.numpy().tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("units", [0, -3, 2.5, 3.0, "3", None, True, [3]])
def test_dense_units_must_be_a_whole_number(units):
    with pytest.raises(ValueError, match=r"Dense 'it': units: expected a whole number >= 1, received "):
        layers.Dense(units, name="it")


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ({"activation": "rleu"}, r"Unknown activation: 'rleu'\. Did you mean 'relu'\?"),
        ({"kernel_initializer": "he_nromal"}, r"Unknown initializer: 'he_nromal'\. Did you mean 'he_normal'\?"),
        ({"bias_regularizer": "l3"}, r"Unknown regularizer: 'l3'\. Did you mean 'l[12]'\?"),
        ({"kernel_constraint": "maxnrm"}, r"Unknown constraint: 'maxnrm'\. Did you mean 'max_?norm'\?"),
    ],
)
def test_dense_with_unknown_names(argument, text):
    with pytest.raises(LaminaError, match=text):
        layers.Dense(3, **argument)


@pytest.mark.parametrize("shape", [(None,), (None, None), (None, 3, None)])
def test_dense_needs_to_know_its_features(shape):
    with pytest.raises(
        ValueError, match=r"Dense 'it': expected input of shape \(batch, \.\.\., features\) with a known number"
    ):
        layers.Dense(3, name="it").build(shape)


def test_dense_on_images_says_what_is_missing():
    layer = layers.Dense(3, name="it")
    layer.build((None, 784))
    text = (
        r"Dense 'it': expected input of shape \(batch, \.\.\., 784\), received \(2, 28, 28\)\. If these are images, put"
    )
    with pytest.raises(ValueError, match=text):
        layer(some(2, 28, 28))


def test_identity_returns_the_very_array_and_any_structure():
    x = jnp.ones((2, 3))
    assert layers.Identity()(x) is x
    assert layers.Identity()({"a": x})["a"] is x
    assert layers.Identity().compute_output_shape({"a": (None, 3)}) == {"a": (None, 3)}


@pytest.mark.parametrize(
    "arguments",
    [
        {"shape": (28, 28)},
        {"shape": [8], "batch_size": 4, "dtype": "uint8", "name": "x"},
        {"shape": ()},
        {"shape": (None, 3)},
        {"batch_shape": (None, 8)},
        {"batch_shape": (4, None, 8)},
    ],
)
def test_input_declares_the_shape_dtype_and_name_of_keras(arguments):
    keras.utils.clear_session(free_memory=False)
    ours, theirs = layers.Input(**arguments), keras.Input(**arguments)
    assert isinstance(ours, KerasTensor)
    assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    config = ours.producer.get_config()
    if "name" not in arguments:
        assert config["name"] == "input_layer"
    assert (
        config
        == keras.layers.InputLayer(**arguments, **({} if "name" in arguments else {"name": "input_layer"})).get_config()
    )
    assert layers.InputLayer.from_config(config).batch_shape == ours.shape


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({}, r"Input: expected shape= .* or batch_shape= .*received shape=None, batch_shape=None"),
        ({"shape": (3,), "batch_shape": (None, 3)}, r"received shape=\(3,\), batch_shape=\(None, 3\)"),
        ({"shape": 8}, r"Input: shape: expected a tuple of sizes >= 1 .* such as \(28, 28\), received 8"),
        ({"shape": (8, -1)}, r"received \(8, -1\)"),
        ({"shape": (0,)}, r"received \(0,\)"),
        ({"shape": (2.5,)}, r"received \(2\.5,\)"),
        ({"shape": ("8",)}, "received"),
        ({"shape": (3,), "dtype": "flaot32"}, r"Unknown dtype: 'flaot32'\. Did you mean 'float32'"),
        ({"batch_shape": 8}, "received 8"),
    ],
)
def test_input_refuses_what_is_no_shape(arguments, text):
    with pytest.raises(ValueError, match=text):
        layers.Input(**arguments)


def test_layers_on_a_symbolic_input_give_a_symbolic_output_of_their_shape():
    layer = layers.Dense(3, name="it")
    output = layer(layers.Input((4,)))
    assert (output.shape, output.dtype, layer.kernel.shape) == ((None, 3), "float32", (4, 3))
    assert layer.output is output


@pytest.mark.parametrize("shape", [(5,), (None, 5), (None, None, 5)])
def test_symbolic_inputs_of_other_features_are_refused_whatever_axes_are_free(shape):
    layer = layers.Dense(3, name="it")
    layer(layers.Input((6,)))
    with pytest.raises(ValueError, match=r"Dense 'it': expected input of shape \(batch, \.\.\., 6\)"):
        layer(layers.Input(shape))
