"""Regularizers against their formulas in float64; the contract that every one keeps; names and errors."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import regularizers
from lamina.core.config import register_serializable
from lamina.core.errors import LaminaError
from lamina.core.variable import Variable
from lamina.regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer

HELPERS = {"get", "serialize", "deserialize"}
ALIASES = {"l1": L1, "l2": L2, "l1_l2": L1L2, "orthogonal_regularizer": OrthogonalRegularizer}


def mean_cosine(x):
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    return np.mean(np.abs(unit @ unit.T)[np.triu_indices(len(x), 1)])


# Class -> arguments and the formula in float64.
CASES = {
    "L1": ({"l1": 0.3}, lambda x: 0.3 * np.sum(np.abs(x))),
    "L2": ({"l2": 0.3}, lambda x: 0.3 * np.sum(x**2)),
    "L1L2": ({"l1": 0.3, "l2": 0.2}, lambda x: 0.3 * np.sum(np.abs(x)) + 0.2 * np.sum(x**2)),
    "OrthogonalRegularizer": ({"factor": 0.3, "mode": "columns"}, lambda x: 0.3 * mean_cosine(x.T)),
}
NAMES = sorted(CASES)


def make(name):
    arguments, formula = CASES[name]
    return getattr(regularizers, name)(**arguments), formula


def weights():
    return np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)


def test_every_public_name_has_a_case():
    assert set(regularizers.__all__) == set(CASES) | set(ALIASES) | HELPERS | {"Regularizer"}


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_name_the_same_class(alias):
    assert getattr(regularizers, alias) is ALIASES[alias]
    assert type(regularizers.get(alias)) is ALIASES[alias]


@pytest.mark.parametrize("name", NAMES)
def test_penalty_is_the_formula(name):
    regularizer, formula = make(name)
    x = weights()
    for given in (x, jnp.asarray(x), Variable(x), x.tolist()):
        np.testing.assert_allclose(regularizer(given), formula(x.astype(np.float64)), rtol=1e-6)
    np.testing.assert_allclose(jax.jit(regularizer)(x), regularizer(x), rtol=1e-6)


def test_orthogonal_rows_are_compared_by_default():
    x = weights()
    np.testing.assert_allclose(OrthogonalRegularizer(1.0)(x), mean_cosine(x.astype(np.float64)), rtol=1e-6)
    np.testing.assert_allclose(OrthogonalRegularizer(1.0)([[1, 0], [1, 1]]), np.sqrt(0.5), rtol=1e-6)
    assert OrthogonalRegularizer(1.0)(np.eye(5)) == 0
    assert OrthogonalRegularizer(1.0)(np.ones((1, 5))) == 0


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_the_slopes_of_the_formula(name):
    regularizer, formula = make(name)
    x, step = weights(), 1e-6
    slopes = np.zeros(x.shape)
    for index in np.ndindex(*x.shape):
        shift = np.zeros(x.shape)
        shift[index] = step
        slopes[index] = (formula(x + shift) - formula(x - shift)) / (2 * step)
    np.testing.assert_allclose(jax.jit(jax.grad(regularizer))(x), slopes, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_dtype_is_kept_and_gradients_at_zero_are_finite(name, dtype):
    regularizer, _ = make(name)
    value, gradient = jax.jit(jax.value_and_grad(regularizer))(jnp.zeros((3, 4), dtype).at[1].set(2.0))
    assert value.dtype == dtype
    assert value.shape == ()
    assert np.isfinite(np.asarray(gradient, np.float32)).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_config_of_plain_data_makes_an_equal_regularizer(name):
    regularizer, _ = make(name)
    assert regularizer.get_config() == CASES[name][0]
    again = regularizers.deserialize(json.loads(json.dumps(regularizers.serialize(regularizer))))
    assert type(again) is type(regularizer)
    assert again.get_config() == regularizer.get_config()


def test_nothing_means_the_default_factor():
    assert L1(None).l1 == L2(None).l2 == 0.01
    assert L1L2(None, None).get_config() == {"l1": 0.0, "l2": 0.0}


def test_the_name_l1_l2_penalizes_both():
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.01, "l2": 0.01}


def test_functions_objects_and_nothing_pass_through():
    def total(x):
        return jnp.sum(x)

    penalty = L2(0.1)
    assert regularizers.get(total) is total
    assert regularizers.get(penalty) is penalty
    assert regularizers.get(None) is None
    assert Regularizer()(np.ones(3)) == 0.0


def test_regularizer_of_the_user_comes_back_from_its_config():
    @register_serializable(package="test_regularizers")
    class Cubes(Regularizer):
        def __init__(self, factor=1.0):
            self.factor = factor

        def __call__(self, x):
            return self.factor * jnp.sum(jnp.abs(x) ** 3)

    again = regularizers.get(regularizers.serialize(Cubes(2.0)))
    assert type(again) is Cubes
    assert again(jnp.array([2.0])) == 16.0


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: regularizers.get("l3"), LaminaError, r"Unknown regularizer: 'l3'\. Did you mean 'l2'\?"),
        (lambda: regularizers.get(np.ones(2)), TypeError, r"Expected an? regularizer .* of type ndarray"),
        (lambda: regularizers.get(0.01), TypeError, r"Expected an? regularizer .* received 0\.01 of type float"),
        (lambda: L1(-0.1), ValueError, r"L1: l1: expected a finite number >= 0, received -0\.1"),
        (lambda: L2(np.nan), ValueError, "L2: l2: expected a finite number >= 0, received nan"),
        (lambda: L1L2(0.1, np.inf), ValueError, "L1L2: l2: expected a finite number >= 0, received inf"),
        (lambda: L2("0.1"), TypeError, "L2: l2: expected a number >= 0, received '0.1' of type str"),
        (lambda: L2(True), TypeError, "L2: l2: expected a number >= 0, received True of type bool"),
        (lambda: OrthogonalRegularizer(mode="row"), ValueError, r"mode: expected one of .* Did you mean 'rows'\?"),
        (lambda: OrthogonalRegularizer()(np.ones((3, 3, 2, 2))), ValueError, r"expected a matrix .* \(3, 3, 2, 2\)"),
        (lambda: Regularizer(1), TypeError, "takes 1 positional argument but 2 were given"),
    ],
)
def test_bad_arguments_are_explained(call, error, text):
    with pytest.raises(error, match=text):
        call()
