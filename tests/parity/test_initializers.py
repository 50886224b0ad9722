"""Initializers against the real Keras in the same process: distributions, fixed values, configs, names."""

from __future__ import annotations

import inspect
import os

import numpy as np
import pytest
from scipy import stats

from lamina import initializers
from lamina.core.random import SeedGenerator
from lamina.initializers._random import compute_fans

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

FIXED = {
    "Constant": [{}, {"value": 2.5}],
    "Zeros": [{}],
    "Ones": [{}],
    "Identity": [{}, {"gain": 0.5}],
    "STFT": [
        {},
        {"side": "imag"},
        {"window": "hamming", "scaling": "spectrum", "periodic": True},
        {"window": None, "side": "imag"},
        {"scaling": None, "window": [0.5, 1.0, 1.0, 0.5, 1.0, 2.0, 3.0, 4.0]},
    ],
}
RANDOM = {
    "RandomNormal": [{}, {"mean": 1.0, "stddev": 2.0}],
    "TruncatedNormal": [{}, {"mean": 1.0, "stddev": 2.0}],
    "RandomUniform": [{}, {"minval": 1.0, "maxval": 4.0}],
    "VarianceScaling": [
        {"scale": scale, "mode": mode, "distribution": distribution}
        for scale, mode, distribution in [
            (1.0, "fan_in", "truncated_normal"),
            (2.0, "fan_out", "uniform"),
            (0.5, "fan_avg", "untruncated_normal"),
            (3.0, "fan_in", "normal"),
        ]
    ],
    "GlorotUniform": [{}],
    "GlorotNormal": [{}],
    "HeUniform": [{}],
    "HeNormal": [{}, {"input_axes": [0], "output_axes": [-1]}],
    "LecunUniform": [{}],
    "LecunNormal": [{}],
    "Orthogonal": [{}, {"gain": 2.0}],
}
SHAPES = [(60, 50), (3, 3, 16, 32), (5, 8, 24)]


def cases(table):
    return [pytest.param(name, case, id=f"{name}-{case}") for name, entries in table.items() for case in entries]


def test_every_class_has_a_case():
    classes = {getattr(initializers, name) for name in initializers.__all__}
    classes = {thing.__name__ for thing in classes if inspect.isclass(thing)}
    assert classes == set(FIXED) | set(RANDOM) | {"Initializer"}


def test_public_names_and_signatures_are_those_of_keras():
    public = {name for name in dir(keras.initializers) if not name.startswith("_")}
    assert set(initializers.__all__) == public
    for name in [*FIXED, *RANDOM]:
        ours = inspect.signature(getattr(initializers, name)).parameters
        theirs = inspect.signature(getattr(keras.initializers, name)).parameters
        assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()], name


def test_every_name_that_keras_knows_gives_the_same_class():
    from keras.src.initializers import ALL_OBJECTS_DICT

    for name, cls in ALL_OBJECTS_DICT.items():
        assert type(initializers.get(name)).__name__ == cls.__name__


@pytest.mark.parametrize(("name", "arguments"), cases(FIXED))
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_fixed_values_are_those_of_keras(name, arguments, dtype):
    shape = (8, 1, 5) if name == "STFT" else (4, 6)
    ours = getattr(initializers, name)(**arguments)(shape, dtype)
    theirs = getattr(keras.initializers, name)(**arguments)(shape, dtype)
    assert ours.dtype == theirs.dtype
    if name == "STFT":  # Keras computes the angles in the weight's own dtype: 1e-6 in float32, useless in bfloat16
        ours, theirs = ours.astype("float32"), getattr(keras.initializers, name)(**arguments)(shape, "float32")
    tolerance = {"float32": 1e-6, "bfloat16": 1e-2}[dtype] if name == "STFT" else 0
    np.testing.assert_allclose(ours.astype("float32"), theirs.astype("float32"), rtol=tolerance, atol=4 * tolerance)


@pytest.mark.parametrize(("name", "arguments"), cases(RANDOM))
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_draws_come_from_the_distribution_of_keras(name, arguments, shape):
    # Two seeds of each for enough draws; the seeds are fixed, so a p-value is the same in every run.
    ours = np.ravel([getattr(initializers, name)(**arguments, seed=seed)(shape) for seed in (1, 2)]).astype(np.float64)
    theirs = np.ravel([getattr(keras.initializers, name)(**arguments, seed=seed)(shape) for seed in (1, 2)]).astype(
        np.float64
    )
    assert stats.ks_2samp(ours, theirs).pvalue > 1e-3
    spread = theirs.std()
    np.testing.assert_allclose(ours.mean(), theirs.mean(), atol=6 * spread / np.sqrt(ours.size))
    np.testing.assert_allclose(ours.std(), spread, rtol=5 / np.sqrt(ours.size))
    if "Normal" not in name and name != "Orthogonal" and "normal" not in arguments.get("distribution", "normal"):
        np.testing.assert_allclose([ours.min(), ours.max()], [theirs.min(), theirs.max()], rtol=5e-3)


@pytest.mark.parametrize("shape", [(), (7,), (4, 5), (3, 4, 5), (3, 3, 4, 5), (2, 3, 4, 5, 6)])
def test_fans_are_those_of_keras(shape):
    from keras.src.initializers.random_initializers import compute_fans as keras_fans

    assert compute_fans(shape) == keras_fans(shape)
    if len(shape) > 2:
        assert compute_fans(shape, [0, 1], [-1]) == keras_fans(shape, [0, 1], [-1])


@pytest.mark.parametrize(("name", "arguments"), cases(FIXED | RANDOM))
def test_configs_are_those_of_keras_and_load_on_both_sides(name, arguments):
    ours, theirs = getattr(initializers, name)(**arguments), getattr(keras.initializers, name)(**arguments)
    config, keras_config = initializers.serialize(ours), keras.initializers.serialize(theirs)
    if name == "Identity":  # Keras 3.15 forgets the gain in its config
        keras_config["config"] = {"gain": theirs.gain}
    assert config == keras_config
    assert keras.initializers.deserialize(config).get_config() == theirs.get_config()
    assert initializers.serialize(initializers.deserialize(keras_config)) == config


def test_configs_of_arrays_and_seed_generators_are_those_of_keras():
    table = np.arange(6, dtype=np.float32).reshape(2, 3)
    ours, theirs = initializers.Constant(table), keras.initializers.Constant(table)
    assert initializers.serialize(ours) == keras.initializers.serialize(theirs)
    ours = initializers.HeNormal(seed=SeedGenerator(3))
    theirs = keras.initializers.HeNormal(seed=keras.random.SeedGenerator(3, name="seed_generator"))
    assert initializers.serialize(ours) == keras.initializers.serialize(theirs)
