"""Activation layers against the real Keras: outputs, gradients, masks and configs."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from tests.parity.layer_pairs import (
    SIXTEEN_BITS,
    assert_same,
    assert_same_configs,
    assert_same_function,
    pair,
    some,
    twins,
)

# Values on both sides of every kink and on it.
KINKS = np.array([[-9.0, -1.0, -0.5, -0.0, 0.0, 0.25], [0.5, 1.0, 1.5, 2.0, 6.0, 9.0]], np.float32)
RELUS = [
    {},
    {"max_value": 6},
    {"max_value": 2.0},
    {"negative_slope": 0.3},
    {"threshold": 1.0},
    {"threshold": 0.5, "max_value": 2.0, "negative_slope": 0.1},
    {"max_value": 0.0},
]
PRELUS = [
    ((4, 6), {}),
    ((2, 3, 4), {"alpha_initializer": "uniform"}),
    ((2, 3, 4), {"shared_axes": 1}),
    ((2, 5, 5, 3), {"shared_axes": [1, 2], "alpha_regularizer": "l2", "alpha_constraint": "non_neg"}),
    ((2, 5, 5, 3), {"shared_axes": (3,)}),
]


@pytest.mark.parametrize("arguments", RELUS, ids=str)
def test_relu(arguments):
    assert_same_function(*pair("ReLU", **arguments), KINKS)
    assert_same_function(*pair("ReLU", **arguments), some((2, 3, 4)) * 4)
    assert_same_configs("ReLU", KINKS, **arguments)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8])
def test_relu_keeps_whole_numbers(dtype):
    ours, theirs = pair("ReLU")
    x = np.arange(-3, 3).astype(dtype)[None]
    assert_same(ours(x), theirs(x))


@pytest.mark.parametrize("slope", [0.3, 0.0, 1.5, 1])
def test_leaky_relu(slope):
    assert_same_function(*pair("LeakyReLU", negative_slope=slope), KINKS)
    assert_same_configs("LeakyReLU", KINKS, negative_slope=slope)


def test_leaky_relu_under_its_former_argument():
    with pytest.warns(UserWarning, match="alpha"):
        ours, theirs = pair("LeakyReLU", alpha=0.2)
    assert_same(ours(KINKS), theirs(KINKS))
    assert ours.get_config()["negative_slope"] == theirs.get_config()["negative_slope"] == 0.2


@pytest.mark.parametrize(("shape", "arguments"), PRELUS)
def test_prelu(shape, arguments):
    ours, theirs = twins("PReLU", shape, **arguments)
    x = some(shape)
    x[0, 0] = 0
    assert_same_function(ours, theirs, x)
    same = {key: value for key, value in arguments.items() if key != "alpha_initializer"}
    assert_same_configs("PReLU", x, **same)


@pytest.mark.parametrize("alpha", [1.0, 0.3, 2])
def test_elu(alpha):
    assert_same_function(*pair("ELU", alpha=alpha), KINKS)
    assert_same_configs("ELU", KINKS, alpha=alpha)


@pytest.mark.parametrize(
    ("shape", "axis"), [((4, 6), -1), ((2, 3, 4), 1), ((2, 3, 4), [1, 2]), ((2, 3, 4), (-1,)), ((2, 3, 4, 5), [1, -1])]
)
def test_softmax(shape, axis):
    assert_same_function(*pair("Softmax", axis=axis), some(shape) * 5, rtol=2e-6)
    assert_same_configs("Softmax", some(shape), axis=axis)


@pytest.mark.parametrize("mask_shape", [(2, 3, 4), (3, 4), (4,), (2, 1, 4), (1, 1, 1), (2, 3, 1)])
@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_softmax_with_masks_that_broadcast(mask_shape, axis):
    ours, theirs = pair("Softmax", axis=axis)
    mask = jnp.asarray(some(mask_shape, seed=3) > -0.3)
    x = some((2, 3, 4)) * 5
    assert_same_function(ours, theirs, x, rtol=1e-5, mask=mask)
    assert_same(ours(x, mask=mask.astype(np.float32)), theirs(x, mask=mask.astype(np.float32)), rtol=2e-6)


def test_softmax_of_nothing_is_zero():
    ours, theirs = pair("Softmax")
    assert_same_function(ours, theirs, some((2, 3)), mask=jnp.zeros((2, 3), bool))


@pytest.mark.parametrize("dtype", SIXTEEN_BITS)
@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"])
def test_sixteen_bits(name, dtype):
    ours, theirs = twins(name, (4, 6), dtype=dtype)
    assert_same_function(ours, theirs, some((4, 6)), rtol=1e-2)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_masked_softmax_in_sixteen_bits(dtype):
    ours, theirs = pair("Softmax", dtype=dtype)
    mask = jnp.asarray([[True, False, True], [False, True, True]])
    assert_same_function(ours, theirs, some((2, 3)), rtol=1e-2, mask=mask)


@pytest.mark.parametrize("name", ["LeakyReLU", "ELU", "Softmax"])
def test_whole_numbers_give_floats(name):
    ours, theirs = pair(name)
    x = np.arange(-3, 3).reshape(2, 3)
    assert_same(ours(x), theirs(x))


@pytest.mark.parametrize("name", ["ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"])
def test_activity_regularizer_gives_keras_loss(name):
    ours, theirs = twins(name, (4, 6), activity_regularizer="l2")
    ours(some((4, 6)))
    theirs(some((4, 6)))
    assert_same(ours.losses, theirs.losses)
