"""Regularizers and constraints against the real Keras in the same process: values, gradients, configs, names."""

from __future__ import annotations

import inspect
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import constraints, regularizers

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

REGULARIZERS = {
    "L1": [{}, {"l1": 0.3}, {"l1": None}],
    "L2": [{}, {"l2": 0.3}],
    "L1L2": [{}, {"l1": 0.3}, {"l1": 0.3, "l2": 0.2}],
    "OrthogonalRegularizer": [{}, {"factor": 0.5, "mode": "columns"}],
}
CONSTRAINTS = {
    "Constraint": [{}],
    "MaxNorm": [{}, {"max_value": 0.5, "axis": 1}, {"max_value": 3, "axis": [0, 1]}],
    "MinMaxNorm": [{}, {"min_value": 1.0, "max_value": 2.0, "rate": 0.3, "axis": 1}],
    "NonNeg": [{}],
    "UnitNorm": [{}, {"axis": 1}, {"axis": [0, 1]}],
}
MODULES = {"regularizers": regularizers, "constraints": constraints}
TABLES = {"regularizers": {"Regularizer": [], **REGULARIZERS}, "constraints": CONSTRAINTS}
CASES = [
    (module, name, arguments)
    for module, table in TABLES.items()
    for name, entries in table.items()
    for arguments in entries
]


def both(module, name, arguments):
    return [getattr(place, name)(**arguments) for place in (MODULES[module], getattr(keras, module))]


def weights():
    return np.random.default_rng(0).standard_normal((6, 5)).astype(np.float32) * 2


@pytest.mark.parametrize("module", MODULES)
def test_every_class_has_a_case_and_the_names_are_those_of_keras(module):
    ours, theirs = MODULES[module], getattr(keras, module)
    assert set(ours.__all__) == {name for name in dir(theirs) if not name.startswith("_")}
    classes = {name for name in ours.__all__ if inspect.isclass(getattr(ours, name)) and name[0].isupper()}
    assert classes == set(TABLES[module])
    for name in classes:
        ours_takes = inspect.signature(getattr(ours, name)).parameters.values()
        theirs_takes = inspect.signature(getattr(theirs, name)).parameters.values()
        assert [(p.name, p.default) for p in ours_takes] == [(p.name, p.default) for p in theirs_takes]


def test_every_name_that_keras_knows_gives_the_same_class():
    from keras.src import constraints as keras_constraints
    from keras.src import regularizers as keras_regularizers

    for ours, theirs in ((constraints, keras_constraints), (regularizers, keras_regularizers)):
        for name, cls in theirs.ALL_OBJECTS_DICT.items():
            assert type(ours.get(name)).__name__ == cls.__name__


@pytest.mark.parametrize(("module", "name", "arguments"), CASES)
def test_values_and_gradients_are_those_of_keras(module, name, arguments):
    ours, theirs = both(module, name, arguments)
    w = jnp.asarray(weights())
    value, pullback = jax.vjp(jax.jit(ours), w)
    expected, keras_pullback = jax.vjp(jax.jit(theirs), w)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    seed = jnp.asarray(np.random.default_rng(1).standard_normal(value.shape), value.dtype)
    np.testing.assert_allclose(pullback(seed)[0], keras_pullback(seed)[0], rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize(("module", "name", "arguments"), CASES)
def test_bfloat16_values_are_near_those_of_keras(module, name, arguments):
    ours, theirs = both(module, name, arguments)
    w = jnp.asarray(weights(), jnp.bfloat16)
    np.testing.assert_allclose(ours(w).astype("float32"), theirs(w).astype("float32"), rtol=2e-2, atol=1e-2)


@pytest.mark.parametrize(("module", "name", "arguments"), CASES)
def test_configs_are_those_of_keras_and_load_on_both_sides(module, name, arguments):
    ours, theirs = both(module, name, arguments)
    place, keras_place = MODULES[module], getattr(keras, module)
    config, keras_config = place.serialize(ours), keras_place.serialize(theirs)
    assert keras_place.deserialize(config).get_config() == theirs.get_config()
    again = place.serialize(place.deserialize(keras_config))
    if name in ("L1", "OrthogonalRegularizer"):  # Keras holds these factors in float32
        config["config"], again["config"] = in_float32(config["config"]), in_float32(again["config"])
    assert config == keras_config == again


def in_float32(config):
    return {key: np.float32(value).item() if isinstance(value, float) else value for key, value in config.items()}
