"""`bind`: objects that read and assign variables as pure functions."""

from __future__ import annotations

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core.variable import Variable, bind, current_binding


def test_reads_see_the_bound_value_and_the_variable_keeps_its_own():
    variable = Variable(1.0)
    with bind([variable], [jnp.float32(5.0)]):
        assert float(variable * 2) == 10.0
    assert float(variable) == 1.0


def test_assignments_are_seen_inside_and_lost_outside():
    variable = Variable(1.0)
    with bind([variable], [jnp.float32(5.0)]):
        variable.assign_add(1.0)
        variable.assign_add(1.0)
        assert float(variable) == 7.0
    assert float(variable) == 1.0


def test_compiled_function_of_objects_is_pure_and_equals_the_eager_one():
    weight, count = Variable([1.0, 2.0], name="w"), Variable(0, trainable=False, name="count")

    def call(x):
        count.assign_add(1)
        return x * weight + count

    def pure(values, x):
        with bind([weight, count], values):
            y = call(x)
            return y, [weight.value, count.value]

    x = jnp.array([3.0, 4.0])
    y, (new_weight, new_count) = jax.jit(pure)([jnp.array([10.0, 20.0]), jnp.int32(6)], x)
    assert (y.tolist(), new_weight.tolist(), int(new_count)) == ([37.0, 87.0], [10.0, 20.0], 7)
    assert (weight.numpy().tolist(), int(count)) == ([1.0, 2.0], 0)
    assert call(x).tolist() == [4.0, 9.0]
    assert int(count) == 1


def test_gradients_flow_to_bound_values():
    weight = Variable([1.0, 2.0])

    def loss(value):
        with bind([weight], [value]):
            return jnp.sum(weight**3)

    np.testing.assert_allclose(jax.grad(loss)(weight.value), [3.0, 12.0])


def test_assigned_value_takes_the_storage_dtype():
    variable = Variable([1.0, 2.0], dtype="bfloat16")
    with bind([variable], [variable.value]):
        variable.assign(jnp.array([1.0, 2.0], jnp.float32))
        assert variable.value.dtype == jnp.bfloat16


def test_assigning_another_shape_inside_is_refused():
    variable = Variable([1.0, 2.0], name="v")
    with bind([variable], [variable.value]), pytest.raises(ValueError, match=r"'v': expected a value of shape \(2,\)"):
        variable.assign(jnp.ones(3))


def test_assignment_to_a_variable_that_is_not_bound_is_an_error():
    bound, stray = Variable(0.0), Variable(0.0, name="stray")

    def pure(x):
        with bind([bound], [x]):
            stray.assign(x)
        return x

    with pytest.raises(RuntimeError, match=r"Variable 'stray' was assigned inside a compiled call.*as an attribute of"):
        jax.jit(pure)(1.0)
    assert float(stray) == 0.0


def test_wrong_number_of_values_is_refused_and_binds_nothing():
    with pytest.raises(ValueError, match="argument 2 is shorter"), bind([Variable(0.0), Variable(0.0)], [1.0]):
        pass
    assert current_binding() is None


def test_bindings_nest():
    first, second = Variable(1.0), Variable(2.0)
    with bind([first], [jnp.float32(10.0)]):
        with bind([second], [jnp.float32(20.0)]):
            assert (float(first), float(second)) == (10.0, 20.0)
            second.assign(21.0)
        assert (float(first), float(second)) == (10.0, 2.0)


def test_an_error_inside_closes_the_binding():
    variable = Variable(1.0)
    with pytest.raises(ZeroDivisionError), bind([variable], [jnp.float32(5.0)]):
        raise ZeroDivisionError
    assert float(variable) == 1.0
    assert current_binding() is None


def test_threads_have_bindings_of_their_own():
    variable, seen, inside = Variable(1.0), [], threading.Barrier(2)

    def work(value):
        with bind([variable], [jnp.float32(value)]):
            inside.wait(10)
            seen.append((value, float(variable)))
            inside.wait(10)

    other = threading.Thread(target=work, args=(3.0,))
    other.start()
    work(2.0)
    other.join()
    assert sorted(seen) == [(2.0, 2.0), (3.0, 3.0)]
    assert float(variable) == 1.0
