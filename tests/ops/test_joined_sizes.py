"""Sizes that are joined to a shape: known in compiled functions too, as code written for TensorFlow expects."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import ops
from lamina.core.variable import Variable, bind

X = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4)


def split_channels(x):
    shape = ops.shape(x)
    return ops.reshape(x, ops.concatenate([shape[:-1], [shape[-1] // 2, 2]], axis=0))


@pytest.mark.parametrize("run", [lambda f: f, jax.jit, jax.vmap, jax.checkpoint], ids=["eager", "jit", "vmap", "remat"])
def test_concatenated_sizes_are_a_shape(run):
    np.testing.assert_array_equal(run(split_channels)(X), X.reshape(2, 3, 2, 2))


def test_stacked_sizes_and_arrays_of_numbers_are_shapes():
    rows = jax.jit(lambda x: ops.reshape(x, ops.stack([ops.shape(x)[0], -1])))
    np.testing.assert_array_equal(rows(X), X.reshape(2, 12))
    for newshape in (np.array([6, -1]), jnp.array([6, 4]), np.array(24), np.int64(24)):
        np.testing.assert_array_equal(ops.reshape(X, newshape), X.reshape(np.asarray(newshape)))


def test_gradients_flow_through_joined_values_that_are_traced():
    slope = jax.grad(lambda x: jnp.sum(ops.concatenate([x, [1.0, 2.0]]) ** 2) + jnp.sum(ops.stack([x, [3.0, 4.0]])))
    np.testing.assert_array_equal(jax.jit(slope)(jnp.array([5.0, 6.0])), [11.0, 13.0])


def test_variables_are_traced_while_they_are_bound():
    v = Variable(np.array([1.0, 2.0]))

    @jax.jit
    def step(value):
        with bind([v], [value]):
            return ops.concatenate([v, [3.0]]), ops.stack([[v, [1.0, 1.0]], [v, v]])

    joined, stacked = step(jnp.array([4.0, 5.0]))
    np.testing.assert_array_equal(joined, [4.0, 5.0, 3.0])
    np.testing.assert_array_equal(stacked, [[[4.0, 5.0], [1.0, 1.0]], [[4.0, 5.0], [4.0, 5.0]]])


def test_sizes_that_depend_on_values_are_refused_in_compiled_functions():
    text = r"reshape: newshape depends on values, .* Make it of x\.shape, lamina\.ops\.shape\(x\) and plain numbers"
    for newshape in (lambda x: x[:2].astype(int), lambda x: (2, x[0].astype(int))):
        with pytest.raises(TypeError, match=text):
            jax.jit(lambda x, newshape=newshape: ops.reshape(x, newshape(x)))(jnp.ones(4))
    with pytest.raises(ValueError, match=r"one free size .* received \(-2, 12\)"):
        ops.reshape(X, np.array([-2, 12]))
