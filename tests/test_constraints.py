"""Constraints: what holds of every weight that they return; the contract that every one keeps; names and errors."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import constraints
from lamina.constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from lamina.core.config import register_serializable
from lamina.core.errors import LaminaError
from lamina.core.variable import Variable

HELPERS = {"get", "serialize", "deserialize"}
ALIASES = {"max_norm": MaxNorm, "min_max_norm": MinMaxNorm, "non_neg": NonNeg, "unit_norm": UnitNorm}


def length(w, axis=0):
    return np.sqrt(np.sum(np.square(w), axis=axis, keepdims=True))


# Class -> arguments and the formula in float64.
CASES = {
    "MaxNorm": ({"max_value": 1.5, "axis": 1}, lambda w: w * np.minimum(length(w, 1), 1.5) / length(w, 1)),
    "MinMaxNorm": (
        {"min_value": 1.0, "max_value": 2.0, "rate": 0.7, "axis": 0},
        lambda w: w * (0.7 * np.clip(length(w), 1.0, 2.0) + 0.3 * length(w)) / length(w),
    ),
    "NonNeg": ({}, lambda w: np.maximum(w, 0)),
    "UnitNorm": ({"axis": 0}, lambda w: w / length(w)),
}
NAMES = sorted(CASES)


def make(name):
    arguments, formula = CASES[name]
    return getattr(constraints, name)(**arguments), formula


def weights():
    return (np.random.default_rng(0).standard_normal((6, 8)) * np.linspace(0.1, 2, 8)).astype(np.float32)


def test_every_public_name_has_a_case():
    assert set(constraints.__all__) == set(CASES) | set(ALIASES) | HELPERS | {"Constraint"}


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_name_the_same_class(alias):
    assert getattr(constraints, alias) is ALIASES[alias]
    assert type(constraints.get(alias)) is ALIASES[alias]


@pytest.mark.parametrize("name", NAMES)
def test_weight_is_the_formula(name):
    constraint, formula = make(name)
    w = weights()
    for given in (w, jnp.asarray(w), Variable(w), w.tolist()):
        np.testing.assert_allclose(constraint(given), formula(w.astype(np.float64)), rtol=2e-6)
    np.testing.assert_allclose(jax.jit(constraint)(w), constraint(w), rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_shape_and_dtype_are_kept_and_zeros_stay_zero(name, dtype):
    w = jnp.asarray(weights(), dtype).at[:, 0].set(0).at[0].set(0)
    result = make(name)[0](w)
    assert result.dtype == w.dtype
    assert result.shape == w.shape
    assert np.isfinite(np.asarray(result, np.float32)).all()
    assert not np.any(result[:, 0])


@pytest.mark.parametrize("name", NAMES)
def test_an_allowed_weight_is_left_alone(name):
    constraint, _ = make(name)
    once = constraint(weights())
    if name == "MinMaxNorm":  # it goes seven tenths of the way each time
        for _ in range(30):
            once = constraint(once)
    np.testing.assert_allclose(constraint(once), once, rtol=1e-6)


def test_max_norm_shortens_the_long_vectors_only():
    w = weights()
    result = np.asarray(MaxNorm(2.0)(w))
    long = length(w)[0] > 2
    assert 0 < long.sum() < 8
    np.testing.assert_allclose(length(result)[0, long], 2.0, rtol=1e-6)
    np.testing.assert_allclose(result[:, ~long], w[:, ~long], rtol=1e-6)


def test_whole_numbers_become_floats():
    np.testing.assert_allclose(UnitNorm()([[3], [4]]), [[0.6], [0.8]], rtol=1e-6)


def test_several_axes_make_one_vector():
    kernel = np.random.default_rng(0).standard_normal((3, 3, 4, 5)).astype(np.float32)
    for axis in ([0, 1, 2], (0, 1, 2)):
        np.testing.assert_allclose(length(np.asarray(UnitNorm(axis)(kernel)), (0, 1, 2)), 1.0, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_config_of_plain_data_makes_an_equal_constraint(name):
    constraint, _ = make(name)
    assert constraint.get_config() == CASES[name][0]
    again = constraints.deserialize(json.loads(json.dumps(constraints.serialize(constraint))))
    assert type(again) is type(constraint)
    assert again.get_config() == constraint.get_config()
    np.testing.assert_array_equal(again(weights()), constraint(weights()))


def test_functions_objects_and_nothing_pass_through():
    unit = UnitNorm()
    assert constraints.get(jnp.abs) is jnp.abs
    assert constraints.get(unit) is unit
    assert constraints.get(None) is None
    assert Constraint()(3.0) == 3.0


def test_constraint_of_the_user_comes_back_from_its_config():
    @register_serializable(package="test_constraints")
    class Clip(Constraint):
        def __init__(self, limit=1.0):
            self.limit = limit

        def __call__(self, w):
            return jnp.clip(w, -self.limit, self.limit)

    again = constraints.get(constraints.serialize(Clip(2.0)))
    assert type(again) is Clip
    assert again(jnp.array([5.0])).tolist() == [2.0]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: constraints.get("max_nrom"),
            LaminaError,
            r"Unknown constraint: 'max_nrom'\. Did you mean 'max_norm'\?",
        ),
        (lambda: constraints.get(2.0), TypeError, r"Expected an? constraint .* received 2\.0 of type float"),
        (lambda: MaxNorm(-1), ValueError, "MaxNorm: max_value: expected a number >= 0, received -1"),
        (lambda: MaxNorm("2"), TypeError, "MaxNorm: max_value: expected a number >= 0, received '2' of type str"),
        (lambda: MaxNorm(np.nan), ValueError, "MaxNorm: max_value: expected a number >= 0, received nan"),
        (lambda: MaxNorm(axis=1.0), TypeError, r"MaxNorm: axis: expected a whole number .* received 1\.0"),
        (lambda: MaxNorm(axis=2)(np.ones((3, 3))), ValueError, r"MaxNorm: axis: 2 .* shape \(3, 3\), which has 2 axes"),
        (
            lambda: UnitNorm([0, 3])(np.ones((3, 3))),
            ValueError,
            r"UnitNorm: axis: \[0, 3\] .* For a Dense kernel use 0",
        ),
        (lambda: MinMaxNorm(2.0, 1.0), ValueError, r"min_value: expected a number <= max_value = 1\.0, received 2\.0"),
        (lambda: MinMaxNorm(rate=1.5), ValueError, r"MinMaxNorm: rate: expected a fraction from 0 to 1, received 1\.5"),
        (lambda: NonNeg(1), TypeError, "takes 1 positional argument but 2 were given"),
    ],
)
def test_bad_arguments_are_explained(call, error, text):
    with pytest.raises(error, match=text):
        call()
