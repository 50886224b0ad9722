"""Activations against the real Keras in the same process: values and gradients, names, configs."""

from __future__ import annotations

import inspect
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import activations

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

# Every elementwise activation with the arguments to compare.
ELEMENTWISE = {
    "relu": [
        {},
        {"negative_slope": 0.3},
        {"max_value": 6.0},
        {"max_value": 2.0},
        {"threshold": 0.5},
        {"negative_slope": 0.1, "max_value": 3.0, "threshold": 0.5},
        {"negative_slope": 0.1, "max_value": 3.0},
        {"negative_slope": 0.1, "threshold": -0.5},
    ],
    "leaky_relu": [{}, {"negative_slope": 0.01}],
    "relu6": [{}],
    "elu": [{}, {"alpha": 0.5}],
    "selu": [{}],
    "celu": [{}, {"alpha": 0.5}],
    "gelu": [{}, {"approximate": True}],
    "silu": [{}],
    "swish": [{}],
    "mish": [{}],
    "softplus": [{}],
    "sparse_plus": [{}],
    "exponential": [{}],
    "sigmoid": [{}],
    "hard_sigmoid": [{}],
    "log_sigmoid": [{}],
    "sparse_sigmoid": [{}],
    "hard_silu": [{}],
    "hard_swish": [{}],
    "tanh": [{}],
    "hard_tanh": [{}],
    "tanh_shrink": [{}],
    "softsign": [{}],
    "soft_shrink": [{}, {"threshold": 1.0}],
    "hard_shrink": [{}, {"threshold": 1.0}],
    "threshold": [{"threshold": 0.5, "default_value": -1.0}],
    "linear": [{}],
    "squareplus": [{}, {"b": 1.0}],
}
ALONG_AXIS = {
    "softmax": [{}, {"axis": 0}, {"axis": (0, 2)}],
    "log_softmax": [{}, {"axis": 1}],
    "sparsemax": [],  # see its own tests: Keras 3.15's values are wrong
    "glu": [{}, {"axis": 0}],
}
HELPERS = {"get", "serialize", "deserialize"}
KINKS = [0.0, 0.5, 1.0, 2.0, 2.5, 3.0, 6.0]
RIGHT = np.array([*KINKS, *np.linspace(0, 8, 21), 1e-30, 1e-8, 20, 100, 1e4, 1e20, 3e38, np.inf], np.float32)
GRID = np.concatenate([RIGHT, -RIGHT])
CASES = [(name, arguments) for name, cases in ELEMENTWISE.items() for arguments in cases]
ids = [f"{name}-{arguments}" for name, arguments in CASES]


def value_and_gradient(function, x, **arguments):
    @jax.jit
    def both(x):
        value, pullback = jax.vjp(lambda x: function(x, **arguments), x)
        return value, pullback(jnp.ones_like(value))[0]

    return [np.asarray(array, np.float64) for array in both(x)]


def test_every_public_name_has_a_case():
    assert set(activations.__all__) == set(ELEMENTWISE) | set(ALONG_AXIS) | HELPERS


def test_public_names_and_signatures_are_those_of_keras():
    public = {name for name in dir(keras.activations) if not name.startswith("_")}
    assert set(activations.__all__) == public
    for name in public - HELPERS:
        ours = inspect.signature(getattr(activations, name)).parameters
        theirs = inspect.signature(getattr(keras.activations, name)).parameters
        assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()], name


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=ids)
def test_values_and_gradients_are_those_of_keras(name, arguments):
    value, gradient = value_and_gradient(getattr(activations, name), GRID, **arguments)
    expected, expected_gradient = value_and_gradient(getattr(keras.activations, name), GRID, **arguments)
    # Keras' squareplus cancels on the left and overflows far out; the unit tests have the exact values there.
    trusted = (GRID >= -3) & (GRID <= 1e4) if name == "squareplus" else np.full(GRID.shape, True)
    defined = trusted & ~np.isnan(expected)
    np.testing.assert_allclose(value[defined], expected[defined], rtol=1e-6, atol=0)
    defined = trusted & np.isfinite(expected_gradient)
    np.testing.assert_allclose(gradient[defined], expected_gradient[defined], rtol=1e-6, atol=1e-37)
    finite = np.isfinite(GRID) & np.isfinite(value)
    assert np.isfinite(gradient[finite]).all()


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=ids)
def test_bfloat16_values_and_gradients_are_near_those_of_keras(name, arguments):
    x = jnp.asarray(np.linspace(-3, 8, 45), jnp.bfloat16)
    for module in (activations, keras.activations):
        assert jax.eval_shape(lambda x: getattr(module, name)(x, **arguments), x).dtype == x.dtype  # noqa: B023
    value, gradient = value_and_gradient(getattr(activations, name), x, **arguments)
    expected, expected_gradient = value_and_gradient(getattr(keras.activations, name), x, **arguments)
    np.testing.assert_allclose(value, expected, rtol=2e-2, atol=2e-2)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize(("name", "arguments"), [(n, a) for n, cases in ALONG_AXIS.items() for a in cases])
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_values_and_gradients_along_an_axis_are_those_of_keras(name, arguments, scale):
    rng = np.random.default_rng(0)
    x = (scale * rng.standard_normal((4, 5, 6))).astype(np.float32)
    ours, pullback = jax.vjp(lambda x: getattr(activations, name)(x, **arguments), x)
    theirs, keras_pullback = jax.vjp(lambda x: getattr(keras.activations, name)(x, **arguments), x)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    weights = jnp.asarray(rng.standard_normal(ours.shape), jnp.float32)
    np.testing.assert_allclose(pullback(weights)[0], keras_pullback(weights)[0], rtol=1e-6, atol=1e-7)


def test_sparsemax_is_keras_where_one_entry_survives():
    x = np.arange(12, dtype=np.float32).reshape(3, 4) * 2
    for axis in (-1, 0):
        ours, gradient = value_and_gradient(activations.sparsemax, x, axis=axis)
        theirs, keras_gradient = value_and_gradient(keras.activations.sparsemax, x, axis=axis)
        np.testing.assert_allclose(ours, theirs)
        np.testing.assert_allclose(gradient, keras_gradient)


@pytest.mark.parametrize("name", ["relu", "hard_tanh", "softmax", "softplus", "gelu", "elu", "softsign"])
def test_whole_numbers_give_the_values_and_dtype_of_keras(name):
    x = np.array([-2, 0, 3], np.int32)
    ours, theirs = getattr(activations, name)(x), getattr(keras.activations, name)(x)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_every_name_that_keras_knows_gives_the_same_function():
    from keras.src.activations import ALL_OBJECTS_DICT

    for name, function in ALL_OBJECTS_DICT.items():
        assert activations.get(name).__name__ == function.__name__
        assert activations.serialize(activations.get(name)) == keras.activations.serialize(function)


def test_config_of_a_function_of_the_user_is_that_of_keras():
    def double(x):
        return x * 2

    assert activations.serialize(double) == keras.activations.serialize(double)
