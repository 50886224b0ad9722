"""Control flow against Keras, on arrays and in models."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core.symbolic import KerasTensor
from lamina.core.variable import Variable
from lamina.ops import control_flow
from tests.ops.parity import case, check_symbolic, check_values, keras, normal, parameters

CARRY = {"init": normal(3), "xs": normal(5, 3, seed=1)}
CASES = [
    case(
        "while_loop", {"loop_vars": (normal(3), np.int32(0))}, cond=lambda x, i: i < 4, body=lambda x, i: (x * 2, i + 1)
    ),
    case("while_loop", {"loop_vars": normal(3)}, cond=lambda x: True, body=lambda x: x + 1, maximum_iterations=6),
    case(
        "while_loop", {"loop_vars": [normal(3)]}, cond=lambda x: x[0] < 9, body=lambda x: [x + 1], maximum_iterations=3
    ),
    case("fori_loop", {"init_val": normal(3)}, lower=1, upper=5, body_fun=lambda i, x: x * i),
    *(
        case("scan", CARRY, free=(), f=lambda c, x: (c + x, c * x), reverse=r, unroll=u)
        for r in (False, True)
        for u in (1, 2, True)
    ),
    case("scan", {"init": normal(3)}, f=lambda c, _: (c * 2, c), length=3, xs=None),
    *(
        case("associative_scan", {"elems": normal(4, 6)}, f=jnp.add, reverse=r, axis=a)
        for r in (False, True)
        for a in (0, 1)
    ),
    case("map", {"xs": normal(4, 3)}, f=lambda x: {"sum": jnp.sum(x), "double": x * 2}),
    case("vectorized_map", {"elements": normal(4, 3)}, function=jnp.sum),
    case("vectorized_map", {"elements": (normal(4, 3), normal(4, 3, seed=1))}, function=lambda e: e[0] @ e[1]),
]
CALLED_BELOW = {"cond", "switch", "custom_gradient"}


def test_every_function_has_the_parameters_of_keras_and_a_case():
    assert {one.name for one in CASES} | CALLED_BELOW == set(control_flow.__all__)
    for name in control_flow.__all__:
        assert parameters(getattr(control_flow, name)) == parameters(getattr(keras.ops, name)), name


@pytest.mark.parametrize("one", CASES, ids=str)
def test_values_are_those_of_keras(one):
    check_values(getattr(control_flow, one.name), one)


@pytest.mark.parametrize("one", CASES, ids=str)
def test_symbolic_shapes_are_those_of_keras(one):
    check_symbolic(getattr(control_flow, one.name), one)


@pytest.mark.parametrize("module", [control_flow, keras.ops])
def test_custom_gradients_are_used(module):
    @module.custom_gradient
    def log1pexp(x):
        e = jnp.exp(x)

        def gradient(*args, upstream=None):  # the form of Keras' documentation
            return (args[0] if upstream is None else upstream) * (1 - 1 / (1 + e))

        return jnp.log(1 + e), gradient

    np.testing.assert_allclose(jax.grad(log1pexp)(100.0), 1.0)


def test_custom_gradient_takes_variables_and_several_arguments():
    product = control_flow.custom_gradient(lambda x, y: (x * y, lambda upstream: (upstream * 10, upstream * 20)))
    assert product(Variable(2.0), 3.0) == 6
    assert [float(g) for g in jax.grad(product, (0, 1))(2.0, 3.0)] == [10, 20]


@pytest.mark.parametrize("pred", [True, False, np.bool_(True), jnp.array(False), Variable(True)])
def test_cond_takes_the_branch_that_the_value_says(pred):
    outputs = control_flow.cond(pred, lambda: {"x": jnp.ones(2)}, lambda: {"x": jnp.zeros(2)})
    assert outputs["x"].tolist() == [float(bool(pred))] * 2


def test_cond_in_a_model_has_the_outputs_of_its_branches():
    pred = KerasTensor((), "bool")
    assert control_flow.cond(pred, lambda: jnp.ones((2, 3)), lambda: jnp.zeros((2, 3))).shape == (2, 3)


@pytest.mark.parametrize("index", [-1, 0, 1, 5])
def test_switch_calls_one_branch(index):
    branches = [lambda x, y: x + y, lambda x, y: x - y]
    expected = keras.ops.switch(index, branches, jnp.ones(2), 3 * jnp.ones(2))
    np.testing.assert_array_equal(control_flow.switch(index, branches, Variable([1.0, 1.0]), 3 * np.ones(2)), expected)
    x = KerasTensor((None, 2), "float32")
    assert control_flow.switch(index, branches, x, x).shape == (None, 2)


def test_loops_take_variables_numbers_and_nests():
    assert control_flow.while_loop(lambda v: v["n"] < 5, lambda v: {"n": v["n"] + 1}, {"n": 0})["n"] == 5
    assert control_flow.fori_loop(0, 3, lambda i, x: x + i, Variable(1.0)) == 4
    last, _ = control_flow.scan(lambda c, x: (c + x["a"], None), Variable(0.0), {"a": np.arange(4.0, dtype=np.float32)})
    assert last == 6


def test_sizes_of_maps_over_a_free_axis_are_free():
    x = KerasTensor((None, 3), "float32")
    assert control_flow.map(lambda row: row * 2, x).shape == (None, 3)
    assert control_flow.vectorized_map(jnp.sum, x).shape == (None,)


def test_a_step_count_that_is_none_is_explained():
    with pytest.raises(ValueError, match=r"scan: unroll: expected a whole number >= 1 .*received 0"):
        control_flow.scan(jnp.add, 0, jnp.ones(2), unroll=0)
