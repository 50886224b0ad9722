"""Lambda against the real Keras (3.15, JAX): values, gradients, shapes, masks, configs."""

from __future__ import annotations

import json

import jax.numpy as jnp
import numpy as np
import pytest

keras = pytest.importorskip("keras")

from lamina.core.config import register_serializable  # noqa: E402
from lamina.core.errors import LaminaError  # noqa: E402
from lamina.layers.lambda_layer import Lambda  # noqa: E402
from tests.parity.side_by_side import assert_same, compare, compare_configs, plain, some  # noqa: E402


@register_serializable(package="parity")
@keras.saving.register_keras_serializable(package="parity")
def scaled(x, factor=2.0):
    return jnp.sin(x) * factor


@register_serializable(package="parity")
@keras.saving.register_keras_serializable(package="parity")
def first_row(shape):
    return (shape[0], 1)


def test_values_and_gradients():
    x = some(4, 3)
    for arguments in (None, {"factor": 3.0}, {"factor": np.arange(3.0, dtype=np.float32)}):
        compare(Lambda(scaled, arguments=arguments), keras.layers.Lambda(scaled, arguments=arguments), x)
    compare(Lambda(lambda x: x[0] * x[1]), keras.layers.Lambda(lambda x: x[0] * x[1]), [x, x + 1])


def test_the_function_is_told_of_training_and_masks():
    def told(x, mask=None, training=None):
        return x * (2 if training else 1) * (1 if mask is None else jnp.expand_dims(mask, -1))

    x, mask = some(2, 5, 3), some(2, 5) > 0
    ours, theirs = Lambda(told, mask=mask), keras.layers.Lambda(told, mask=mask)
    for training in (False, True):
        assert_same(ours(x, training=training), theirs(x, training=training))
        assert_same(ours(x, training=training, mask=mask), theirs(x, training=training, mask=jnp.asarray(mask)))


@pytest.mark.parametrize("output_shape", [None, (3,), (None,), lambda shape: (shape[0], 7), [3]])
def test_output_shapes(output_shape):
    ours, theirs = Lambda(scaled, output_shape=output_shape), keras.layers.Lambda(scaled, output_shape=output_shape)
    if output_shape == [3]:
        assert ours.compute_output_shape((None, 3)) == (None, 3)  # Keras cannot add the batch to a list
    else:
        assert ours.compute_output_shape((None, 3)) == theirs.compute_output_shape((None, 3))


@pytest.mark.parametrize("mask", [None, np.array([[True, False]]), lambda inputs, mask: inputs[..., 0] > 0])
def test_masks(mask):
    ours, theirs = Lambda(scaled, mask=mask), keras.layers.Lambda(scaled, mask=mask)
    x = some(1, 2, 3)
    mine, other = ours.compute_mask(x), theirs.compute_mask(jnp.asarray(x))
    assert (mine is None) == (other is None)
    if other is not None:
        assert_same(mine, other)
    assert ours.supports_masking == theirs.supports_masking


@pytest.mark.parametrize(
    "arguments",
    [
        {"function": scaled},
        {"function": scaled, "arguments": {"factor": 3.0}, "trainable": False},
        {"function": scaled, "output_shape": (3,), "dtype": "mixed_bfloat16"},
        {"function": scaled, "output_shape": first_row, "mask": scaled},
    ],
)
def test_configs_name_registered_functions(arguments):
    compare_configs(Lambda(**arguments, name="it"), keras.layers.Lambda(**arguments, name="it"))


def test_configs_name_activations():
    from lamina import activations

    ours, theirs = Lambda(activations.relu, name="it"), keras.layers.Lambda(keras.activations.relu, name="it")
    assert plain(ours.get_config()) == plain(theirs.get_config())
    assert Lambda.from_config(plain(theirs.get_config())).function is activations.relu


def test_a_keras_config_with_arrays():
    theirs = keras.layers.Lambda(scaled, arguments={"factor": np.arange(3.0)}, mask=np.ones((2, 3), bool))
    ours = Lambda.from_config(plain(theirs.get_config()))
    x = some(2, 3)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-6)
    np.testing.assert_array_equal(ours.mask, np.ones((2, 3), bool))


def test_code_in_a_keras_config_is_refused_and_its_function_can_be_passed():
    from lamina.core.config import custom_object_scope

    config = json.loads(json.dumps(keras.layers.Lambda(lambda x: x * 3, name="triple").get_config()))
    with pytest.raises(LaminaError, match=r"holds the code of a lambda.*custom_objects=\{'triple': the_function\}"):
        Lambda.from_config(config)
    with custom_object_scope({"triple": lambda x: x * 3}):
        assert_same(Lambda.from_config(config)(some(2, 3)), some(2, 3) * 3)
