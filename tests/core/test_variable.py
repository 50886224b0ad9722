"""`Variable`: an array with a name that can be assigned, and that jnp takes."""

from __future__ import annotations

import copy
import operator
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core.naming import name_scope
from lamina.core.variable import Variable, autocast

ONE_TO_THREE = np.array([1.0, 2.0, 3.0], np.float32)


@pytest.mark.parametrize(
    ("initial", "dtype", "expected"),
    [
        ([1.0, 2.0], None, "float32"),
        ([[1, 2], [3, 4]], None, "int32"),
        (3, None, "int32"),
        (0.5, None, "float32"),
        (True, None, "bool"),
        ([1, 2], "float32", "float32"),
        (np.ones(2, np.float16), None, "float16"),
        (np.ones(2, np.uint8), None, "uint8"),
        (jnp.ones(2, jnp.bfloat16), None, "bfloat16"),
        (np.ones(2, np.int64), None, "int32"),
        (np.ones(2, np.float64), None, "float32"),
        (np.ones(2, np.float32), "bfloat16", "bfloat16"),
    ],
)
def test_dtype_is_the_one_given_or_the_arrays_own(initial, dtype, expected):
    variable = Variable(initial, dtype=dtype)
    assert variable.dtype == expected
    assert variable.shape == np.shape(initial)
    np.testing.assert_array_equal(np.asarray(variable, np.float32), np.asarray(initial, np.float32))


def test_initializer_function_gets_shape_and_dtype():
    variable = Variable(lambda shape, dtype: jnp.full(shape, 7, dtype), shape=(2, 3), dtype="float16")
    assert (variable.shape, variable.dtype, variable.ndim, variable.size, len(variable)) == ((2, 3), "float16", 2, 6, 2)
    assert np.all(variable.numpy() == 7)


def test_initializer_function_needs_a_shape():
    with pytest.raises(ValueError, match=r"Variable 'v': shape is needed with a callable initializer; received None\."):
        Variable(lambda shape, dtype: jnp.zeros(shape, dtype), name="v")


def test_initial_value_is_copied():
    array = np.zeros(3, np.float32)
    variable = Variable(array)
    array[0] = 9
    assert variable.numpy().tolist() == [0, 0, 0]


def test_names_are_counted_and_paths_follow_scopes():
    assert [Variable(0).name, Variable(0).name] == ["variable", "variable_1"]
    with name_scope("outer"), name_scope("inner"):
        assert Variable(0, name="w").path == "outer/inner/w"
    assert Variable(0, name="w").path == "w"
    assert repr(Variable(ONE_TO_THREE, name="w")) == "<Variable path=w, shape=(3,), dtype=float32>"


def test_assign_replaces_the_value_and_keeps_the_dtype():
    variable = Variable(ONE_TO_THREE)
    variable.assign([4, 5, 6])
    variable.assign_add([1.0, 1.0, 1.0])
    variable.assign_sub(np.array([0.5, 0.5, 0.5]))
    assert variable.dtype == "float32"
    assert variable.numpy().tolist() == [4.5, 5.5, 6.5]
    variable.assign_add(Variable(ONE_TO_THREE))
    variable.assign(Variable(variable.value * 2))
    assert variable.numpy().tolist() == [11.0, 15.0, 19.0]


@pytest.mark.parametrize("value", [1.0, [1.0], [[1.0, 2.0, 3.0]], np.zeros(4)])
def test_assigning_another_shape_is_refused_and_changes_nothing(value):
    variable = Variable(ONE_TO_THREE, name="v")
    with pytest.raises(ValueError, match=r"Variable 'v': expected a value of shape \(3,\), received shape \("):
        variable.assign(value)
    assert variable.numpy().tolist() == [1, 2, 3]


def test_assigning_a_traced_value_outside_of_a_binding_is_refused():
    variable = Variable(0.0, name="v")

    def leak(x):
        variable.assign(x)
        return x

    with pytest.raises(RuntimeError, match="Variable 'v' was assigned a traced value outside of a binding"):
        jax.jit(leak)(1.0)
    assert float(variable) == 0.0


def test_values_already_read_stay_as_they_were():
    variable = Variable(ONE_TO_THREE)
    before = variable.value
    variable.assign_add(ONE_TO_THREE)
    assert before.tolist() == [1, 2, 3]


BINARY = [
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow),
    *(operator.lt, operator.le, operator.gt, operator.ge),
]


@pytest.mark.parametrize("operation", BINARY)
@pytest.mark.parametrize(
    "other", [2.0, [2.0, 1.0, 3.0], np.array([2.0, 1.0, 3.0], np.float32), jnp.array([2.0, 1.0, 3.0])]
)
def test_arithmetic_and_comparisons_are_those_of_the_value(operation, other):
    variable = Variable(ONE_TO_THREE)
    expected = np.asarray(other, np.float32)
    np.testing.assert_allclose(operation(variable, other), operation(ONE_TO_THREE, expected), rtol=1e-6)
    np.testing.assert_allclose(operation(variable, Variable(expected)), operation(ONE_TO_THREE, expected), rtol=1e-6)
    if not isinstance(other, np.ndarray):  # NumPy's own operator comes first and works elementwise on the array
        np.testing.assert_allclose(operation(other, variable), operation(expected, ONE_TO_THREE), rtol=1e-6)


def test_numpy_on_the_left_gives_the_value_too():
    np.testing.assert_allclose(ONE_TO_THREE + Variable(ONE_TO_THREE), 2 * ONE_TO_THREE)
    np.testing.assert_allclose(ONE_TO_THREE @ Variable(ONE_TO_THREE), 14.0)


def test_matrix_product_and_unary_operators():
    variable = Variable([[1.0, -2.0], [3.0, 4.0]])
    value = variable.numpy()
    np.testing.assert_allclose(variable @ value, value @ value)
    np.testing.assert_allclose(jnp.asarray(value) @ variable, value @ value)
    np.testing.assert_allclose(-variable, -value)
    np.testing.assert_allclose(+variable, value)
    np.testing.assert_allclose(abs(variable), abs(value))
    flags = Variable([True, False])
    assert (~flags).tolist() == [False, True]
    assert (flags & [True, True]).tolist() == [True, False]
    assert (flags | [False, True]).tolist() == [True, True]
    assert (flags ^ [True, True]).tolist() == [False, True]


@pytest.mark.parametrize(
    "function",
    [
        jnp.sin,
        jnp.sum,
        jnp.asarray,
        jnp.transpose,
        jax.nn.relu,
        lambda v: jnp.matmul(v, v),
        lambda v: jnp.where(v > 0, v, 0),
    ],
)
def test_jnp_functions_take_variables(function):
    value = np.array([[1.0, -2.0], [3.0, 4.0]], np.float32)
    np.testing.assert_allclose(function(Variable(value)), function(jnp.asarray(value)))


def test_jit_and_grad_take_variables_as_arguments():
    variable = Variable(ONE_TO_THREE)
    np.testing.assert_allclose(jax.jit(lambda v: v * 2)(variable), 2 * ONE_TO_THREE)
    np.testing.assert_allclose(jax.grad(lambda v: jnp.sum(v**2))(variable.value), 2 * ONE_TO_THREE)


def test_indexing_iteration_and_conversions_to_python():
    variable = Variable(ONE_TO_THREE)
    assert float(variable[1]) == 2.0
    assert variable[1:].tolist() == [2.0, 3.0]
    assert [float(v) for v in variable] == [1.0, 2.0, 3.0]
    assert np.asarray(variable).dtype == np.float32
    assert np.array(variable, np.float64).dtype == np.float64
    assert (float(Variable(2.5)), int(Variable(2.0)), bool(Variable(0))) == (2.5, 2, False)


def test_numpy_returns_a_copy():
    variable = Variable(ONE_TO_THREE)
    variable.numpy()[0] = 9
    assert variable.numpy().tolist() == [1, 2, 3]


def test_autocast_reads_floats_in_the_compute_dtype_and_leaves_the_storage_alone():
    weight, count, exact = Variable(ONE_TO_THREE), Variable(3), Variable(ONE_TO_THREE, autocast=False)
    with autocast("bfloat16"):
        assert (weight.value.dtype, (weight * 2).dtype) == (jnp.bfloat16, jnp.bfloat16)
        assert (count.value.dtype, exact.value.dtype) == (jnp.int32, jnp.float32)
        assert weight.dtype == "float32"
        weight.assign_add([2**-12] * 3)  # lost if it were added in bfloat16
        with autocast(None):
            assert weight.value.dtype == jnp.float32
    np.testing.assert_array_equal(weight.numpy(), ONE_TO_THREE + np.float32(2**-12))


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_have_their_own_value(duplicate):
    variable = Variable(ONE_TO_THREE, trainable=False, name="w")
    other = duplicate(variable)
    variable.assign(ONE_TO_THREE * 0)
    assert other.numpy().tolist() == [1, 2, 3]
    assert (other.name, other.path, other.trainable) == ("w", "w", False)
