"""The functions of `keras.ops.numpy` give what Keras' give, for every function, on numbers (Keras 3.15 on JAX)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import Variable, ops
from lamina.core import dtypes
from tests.ops.numpy_cases import CASES, Listed, assert_same, described, numbers
from tests.ops.parity import keras, names_of, parameters

NAMES = sorted(names_of("numpy"))


def for_keras(tree: Any) -> Any:
    """Replace the lists that Keras does not take."""

    def is_list(value: Any) -> bool:
        return isinstance(value, Listed)

    return jax.tree.map(lambda leaf: jnp.asarray(leaf) if is_list(leaf) else leaf, tree, is_leaf=is_list)


def test_every_function_of_keras_is_here_and_has_cases():
    assert sorted(ops.numpy.__all__) == NAMES == sorted(CASES | {"vectorize": []})
    assert set(NAMES) <= set(ops.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_defaults_are_those_of_keras(name):
    assert parameters(getattr(ops, name)) == parameters(getattr(keras.ops, name))


@pytest.mark.parametrize("name", sorted(CASES))
def test_numbers_and_dtypes_are_those_of_keras(name):
    for one in CASES[name]:
        for dtype in one.dtypes:
            args, kwargs = numbers(one, dtype)
            ours = getattr(ops, name)(*args, **kwargs)
            args, kwargs = for_keras((args, kwargs))
            theirs = getattr(keras.ops, name)(*args, **kwargs)
            assert_same(ours, theirs, described(name, one, dtype))


@pytest.mark.parametrize("name", sorted(CASES))
def test_variables_are_taken_like_arrays(name):
    for one in CASES[name]:
        args, kwargs = numbers(one, one.dtypes[0])
        variables = numbers(one, one.dtypes[0], Variable)
        assert_same(
            getattr(ops, name)(*variables[0], **variables[1]), getattr(ops, name)(*args, **kwargs), described(name, one)
        )


@pytest.mark.parametrize("name", ["sin", "exp", "log", "sqrt", "floor", "mean", "std", "logaddexp", "quantile"])
def test_whole_numbers_give_the_default_float_type(name):
    dtypes.set_floatx("bfloat16")
    extra = {"logaddexp": (np.int32([4, 5]),), "quantile": (0.5,)}.get(name, ())
    assert getattr(ops, name)(np.int32([1, 2]), *extra).dtype == "bfloat16"


def test_vectorize_is_that_of_keras():
    def half_distance(a: Any, b: Any) -> Any:
        return jnp.sum((a - b) ** 2) / 2

    points = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    ours = ops.vectorize(half_distance, signature="(n),(n)->()")(points, points[0])
    theirs = keras.ops.vectorize(half_distance, signature="(n),(n)->()")(points, points[0])
    assert_same(ours, theirs, "vectorize")


def test_functions_can_be_compiled_and_differentiated():
    def loss(x: Any) -> Any:
        return ops.sum(ops.square(ops.matmul(x, ops.ones((3, 2))))) + ops.mean(ops.where(x > 0, x, 0.0))

    x = np.random.default_rng(1).normal(size=(2, 3)).astype("float32")
    gradient = np.asarray(jax.jit(jax.grad(loss))(x))
    row_sums = x.astype("float64").sum(axis=1, keepdims=True)
    np.testing.assert_allclose(gradient, 4 * row_sums + (x > 0) / 6, rtol=1e-5)


def test_divide_no_nan_has_finite_gradients_at_zero():
    assert jax.grad(ops.divide_no_nan, argnums=(0, 1))(1.0, 0.0) == (0.0, 0.0)


def test_axes_may_be_a_list_everywhere():
    x = np.random.default_rng(2).normal(size=(2, 3, 4)).astype("float32")
    for name in ("sum", "mean", "median", "std", "count_nonzero", "nansum", "nanmax", "nanmedian", "all", "ptp"):
        np.testing.assert_allclose(getattr(ops, name)(x, [0, 2]), getattr(np, name)(x, (0, 2)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(ops.rot90(x, axes=[0, 1]), np.rot90(x))


def test_bincount_counts_rows_with_different_largest_elements():
    # Keras stacks the counts of the rows, so that rows of different lengths fail there.
    np.testing.assert_array_equal(ops.bincount([[0, 1, 1], [3, 3, 0]]), [[1, 2, 0, 0], [1, 0, 0, 2]])


def test_reshape_takes_the_free_axis_of_a_symbolic_shape():
    assert ops.reshape(np.zeros((4, 6)), (None, 3)).shape == (8, 3)


BAD = {
    "reshape to less than -1": (ValueError, r"reshape: newshape .* received \(-2, 3\)", "reshape", (-2, 3)),
    "reshape with two free sizes": (ValueError, r"reshape: newshape may have one free size", "reshape", (None, -1)),
    "where with one choice": (ValueError, r"where: give both x1 and x2, or neither", "where", 1.0),
    "pad: a value in another mode": (ValueError, r"constant_values goes with mode='constant'", "pad", 1, "edge", 2.0),
    "bincount of sparse tensors": (ValueError, r"sparse=True is not supported", "bincount", None, 0, True),
    "histogram of a matrix": (ValueError, r"histogram: x must be a vector, received shape \(2, 3\)", "histogram"),
    "histogram: edges": (TypeError, r"histogram: bins must be an integer, received \[1\]", "histogram", [1]),
    "histogram: a negative number": (ValueError, r"bins must not be negative, received -1", "histogram", -1),
    "histogram: a decreasing range": (ValueError, r"range must be a pair .* \(2, 1\)", "histogram", 3, (2, 1)),
    "searchsorted in a matrix": (ValueError, r"sorted_sequence must be a vector.* \(2, 3\)", "searchsorted", 1),
    "ldexp: a float exponent": (TypeError, r"ldexp: x2 is the exponent .* received dtype float32", "ldexp", 1.5),
    "array_split at indices": (TypeError, r"array_split: .* an integer, received \[1\].*split", "array_split", [1]),
    "array_split into nothing": (ValueError, r"array_split: .* at least 1, received 0", "array_split", 0),
    "rot90 with three axes": (ValueError, r"rot90: .* \(2, 3\) and axes=\(0, 1, 2\)", "rot90", 1, (0, 1, 2)),
    "select without lists": (ValueError, r"select: condlist and choicelist must be lists", "select", []),
    "an unknown dtype": (ValueError, r"Unknown dtype: 'flota32'. Did you mean 'float32'", "zeros_like", "flota32"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_arguments_are_explained(what):
    error, text, name, *rest = BAD[what]
    with pytest.raises(error, match=text):
        getattr(ops, name)(np.ones((2, 3), "float32"), *rest)


def test_vectorize_wants_a_function():
    with pytest.raises(TypeError, match="vectorize: pyfunc must be a function, received 3"):
        ops.vectorize(3)


@pytest.mark.parametrize("name", ["nonzero", "where", "unique", "bincount"])
def test_shapes_that_depend_on_values_are_refused_in_compiled_functions(name):
    with pytest.raises(TypeError, match=rf"lamina.ops.{name}: the shape of the result depends on values"):
        jax.jit(getattr(ops, name))(np.arange(3))
