"""`DepthMaxPooling`, which Keras lacks: against NumPy in float64, in models, and what it refuses."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import lamina
from lamina.core.symbolic import KerasTensor
from lamina.layers.pooling import DepthMaxPooling


def by_hand(x, size):
    return x.astype(np.float64).reshape(*x.shape[:-1], x.shape[-1] // size, size).max(-1)


@pytest.mark.parametrize("shape", [(3, 12), (2, 5, 6), (2, 4, 3, 6), (2, 2, 3, 4, 6)])
@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_the_largest_of_each_group_of_neighbours(shape, size):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    expected = by_hand(x, size)
    np.testing.assert_array_equal(DepthMaxPooling(size)(x), expected)
    np.testing.assert_array_equal(jax.jit(DepthMaxPooling(size))(x), expected)
    first = DepthMaxPooling(size, "channels_first")(np.moveaxis(x, -1, 1))
    np.testing.assert_array_equal(np.moveaxis(first, 1, -1), expected)


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_whole_numbers_stay_whole(dtype):
    x = np.random.default_rng(0).integers(0, 200, (2, 3, 4)).astype(dtype)
    y = DepthMaxPooling()(x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, by_hand(x, 2))


@pytest.mark.parametrize("policy", ["bfloat16", "mixed_float16"])
def test_sixteen_bits(policy):
    layer = DepthMaxPooling(3, dtype=policy)
    x = np.random.default_rng(0).normal(size=(2, 3, 6)).astype(np.float32)
    assert layer(x).dtype == layer.compute_dtype == policy.removeprefix("mixed_")
    np.testing.assert_array_equal(layer(x), layer(by_hand(x, 3).repeat(3, -1)))


def test_gradients_are_those_of_finite_differences_and_the_same_inside_a_compiled_loop():
    layer = DepthMaxPooling(2)
    x = np.random.default_rng(0).permutation(24).reshape(2, 3, 4).astype(np.float32) / 8
    slope = jax.jit(jax.grad(lambda x: jnp.sum(layer(x) ** 2)))
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = 1e-3
        up, down = (np.sum(by_hand(x + s, 2) ** 2) for s in (step, -step))
        np.testing.assert_allclose(slope(x)[place], (up - down) / 2e-3, rtol=1e-5, atol=1e-6)
    loop = jax.jit(lambda x, steps: lax.fori_loop(0, steps, lambda _, x: x - 0.1 * slope(x), x))
    outside = x
    for _ in range(3):
        outside = outside - 0.1 * slope(outside)
    np.testing.assert_allclose(loop(x, 3), outside, rtol=1e-6, atol=1e-6)


def test_of_equal_values_the_first_gets_the_gradient():
    slope = jax.grad(lambda x: jnp.sum(DepthMaxPooling()(x)))(jnp.zeros((1, 4)))
    np.testing.assert_array_equal(slope, [[1, 0, 1, 0]])


def test_free_sizes_and_configs():
    layer = DepthMaxPooling(3, "channels_first", name="it")
    assert layer.compute_output_shape((None, 6, None, None)) == (None, 2, None, None)
    assert layer(KerasTensor((None, 6, None, None), "float32")).shape == (None, 2, None, None)
    assert DepthMaxPooling().name == "depth_max_pooling"
    again = DepthMaxPooling.from_config(layer.get_config())
    assert (again.name, again.pool_size, again.data_format) == ("it", 3, "channels_first")
    assert type(lamina.layers.deserialize(lamina.layers.serialize(layer))) is DepthMaxPooling


@pytest.mark.parametrize("shape", [(2, 8, 8, 5), (None, None, None, 5)])
def test_channels_that_do_not_divide_name_both_numbers_and_the_way_out(shape):
    layer = DepthMaxPooling(2, name="deep")
    text = r"DepthMaxPooling 'deep': pool_size=2 does not divide the 5 channels .* shape \(.*, 5\).*a multiple of 2"
    with pytest.raises(ValueError, match=text):
        layer(KerasTensor(shape, "float32") if None in shape else np.ones(shape))
    with pytest.raises(ValueError, match=text):
        layer.compute_output_shape(shape)


def test_bad_settings_and_inputs_without_channels_are_refused():
    with pytest.raises(ValueError, match="DepthMaxPooling 'deep': pool_size: expected a whole number >= 1, received 0"):
        DepthMaxPooling(0, name="deep")
    with pytest.raises(ValueError, match=r"pool_size: expected a whole number >= 1, received \(2, 2\)"):
        DepthMaxPooling((2, 2))
    with pytest.raises(ValueError, match="data_format: expected one of"):
        DepthMaxPooling(2, "chanels_first")
    with pytest.raises(ValueError, match=r"a batch axis and a channel axis, received shape \(6,\).*x\[\.\.\., None\]"):
        DepthMaxPooling()(np.ones(6))


def test_no_rows_give_no_rows():
    assert DepthMaxPooling()(np.ones((0, 4, 4, 6))).shape == (0, 4, 4, 3)
