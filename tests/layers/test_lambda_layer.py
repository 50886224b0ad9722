"""`Lambda`: what the function is given, shapes, masks, and configs without code."""

from __future__ import annotations

import functools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core.config import custom_object_scope, register_serializable
from lamina.core.errors import LaminaError
from lamina.layers.base import family
from lamina.layers.core import Input
from lamina.layers.lambda_layer import Lambda

X = np.arange(6, dtype=np.float32).reshape(2, 3)


@register_serializable(package="lambda_tests")
def shifted(x, by=1.0):
    return x + by


def unregistered(x):
    return x - 1


def test_the_function_is_applied_with_its_arguments():
    np.testing.assert_array_equal(Lambda(lambda x: x * 2)(X), X * 2)
    np.testing.assert_array_equal(Lambda(shifted, arguments={"by": 3.0})(X), X + 3)
    np.testing.assert_array_equal(Lambda(functools.partial(shifted, by=5.0))(X), X + 5)
    np.testing.assert_allclose(Lambda(jnp.tanh)(X), np.tanh(X), rtol=1e-6)


def test_nests_in_and_out():
    layer = Lambda(lambda x: {"sum": x[0] + x[1], "parts": [x[0], x[1]]})
    y = layer([X, X])
    np.testing.assert_array_equal(y["sum"], 2 * X)
    assert layer.compute_output_shape([(None, 3), (None, 3)]) == {"sum": (None, 3), "parts": [(None, 3), (None, 3)]}


def test_training_and_masks_are_given_if_asked_for():
    layer = Lambda(lambda x, *, training: x * (2 if training else 1))
    np.testing.assert_array_equal(layer(X), X)
    np.testing.assert_array_equal(layer(X, training=True), 2 * X)
    mask = np.array([[True, False, True]])
    masked = Lambda(lambda x, mask: jnp.where(mask, x, 0), mask=mask)
    np.testing.assert_array_equal(masked(X[:1], mask=mask), X[:1] * mask)


@pytest.mark.parametrize(
    ("output_shape", "expected"),
    [(None, (None, 6)), (6, (None, 6)), ((6,), (None, 6)), ((5, 4), (None, 5, 4)), (lambda s: (s[0], 9), (None, 9))],
)
def test_output_shapes(output_shape, expected):
    layer = Lambda(lambda x: jnp.concatenate([x, x], -1), output_shape=output_shape)
    assert layer.compute_output_shape((None, 3)) == expected


def test_output_shapes_of_several_outputs():
    layer = Lambda(lambda x: [x, x], output_shape=[(3,), (4, 5)])
    assert layer.compute_output_shape((None, 3)) == [(None, 3), (None, 4, 5)]


def test_symbolic_inputs():
    assert Lambda(lambda x: x[:, :2])(Input((3,))).shape == (None, 2)


def test_gradients_pass_through():
    slope = jax.grad(lambda x: Lambda(jnp.sin)(x).sum())(X)
    np.testing.assert_allclose(slope, np.cos(X), rtol=1e-6)


@pytest.mark.parametrize("function", ["relu", None, 3])
def test_the_function_is_callable(function):
    with pytest.raises(
        TypeError, match=r"Lambda 'it': function: expected a function of the inputs, received .*Activation"
    ):
        Lambda(function, name="it")


def test_arguments_are_a_dict():
    with pytest.raises(
        TypeError, match=r"Lambda 'it': arguments: expected a dict of keyword arguments, received \[1\]"
    ):
        Lambda(shifted, arguments=[1], name="it")


def test_an_error_of_the_function_names_the_layer():
    with pytest.raises(TypeError) as caught:
        Lambda(lambda x: jnp.dot(x, "a"), name="it")(X)
    assert str(caught.value).startswith("Layer 'it' (Lambda), called on shape (2, 3), failed at test_lambda_layer.py")


# Configs -------------------------------------------------------------------------------------------------------------


def through_json(layer):
    return family.deserialize(json.loads(json.dumps(family.serialize(layer))))


def test_registered_functions_are_named():
    layer = Lambda(shifted, arguments={"by": 3.0}, output_shape=(3,), name="it")
    assert layer.get_config()["function"]["config"] == "lambda_tests>shifted"
    again = through_json(layer)
    assert again.function is shifted
    np.testing.assert_array_equal(again(X), X + 3)
    assert again.compute_output_shape((None, 3)) == (None, 3)


def test_arrays_among_the_arguments_survive():
    again = through_json(Lambda(shifted, arguments={"by": X[0]}, mask=np.array([[True]])))
    np.testing.assert_array_equal(again(X), X + X[0])
    np.testing.assert_array_equal(again.mask, [[True]])


def test_unregistered_functions_are_passed_by_name():
    config = json.loads(json.dumps(Lambda(unregistered).get_config()))
    with pytest.raises(LaminaError, match=r"Unknown function: 'unregistered'.*custom_objects=\{'unregistered': unreg"):
        Lambda.from_config(config)
    with custom_object_scope({"unregistered": unregistered}):
        assert Lambda.from_config(config).function is unregistered


@pytest.mark.parametrize("function", [lambda x: x * 7, functools.partial(shifted, by=2.0)])
def test_nameless_functions_stand_in_the_config_as_themselves_and_in_no_file(function):
    layer = Lambda(function)
    config = layer.get_config()
    assert Lambda.from_config(config).function is function
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps(config)


@pytest.mark.parametrize("part", ["function", "output_shape", "mask"])
def test_code_in_a_config_is_refused(part):
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
    config = {**Lambda(shifted, name="it").get_config(), part: code}
    key = "it" if part == "function" else f"it_{part}"
    with pytest.raises(LaminaError, match=rf"lamina never runs code .*custom_objects=\{{'{key}': the_function\}}"):
        Lambda.from_config(config)
    with custom_object_scope({key: shifted}):
        Lambda.from_config(config)


def test_names_are_looked_up_in_tables_only():
    config = Lambda(shifted).get_config()
    for name in ("os.system", "builtins.eval", "eval", "numpy.load"):
        config["function"] = {"module": "builtins", "class_name": "function", "config": name}
        with pytest.raises(LaminaError, match="Unknown function"):
            Lambda.from_config(config)


def test_activations_are_known_by_name():
    from lamina import activations

    assert through_json(Lambda(activations.relu)).function is activations.relu
