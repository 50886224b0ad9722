"""Learning-rate schedules against the real Keras in the same process: values, configs, errors."""

from __future__ import annotations

import os

import jax
import numpy as np
import pytest

from lamina.optimizers import schedules

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

CASES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 2.0, "staircase": True}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "end_learning_rate": 0.01, "power": 0.5}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 9, "power": 2.0, "cycle": True}),
    ("PolynomialDecay", {"initial_learning_rate": 0.01, "decay_steps": 9, "end_learning_rate": 0.1}),
    ("PiecewiseConstantDecay", {"boundaries": [5, 17], "values": [0.1, 0.01, 0.001]}),
    ("PiecewiseConstantDecay", {"boundaries": [10.0], "values": [1.0, 0.5]}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "alpha": 0.2}),
    ("CosineDecay", {"initial_learning_rate": 0.01, "decay_steps": 20, "warmup_target": 0.1, "warmup_steps": 10}),
    (
        "CosineDecay",
        {"initial_learning_rate": 0.2, "decay_steps": 15, "warmup_target": 0.1, "warmup_steps": 4, "alpha": 0.1},
    ),
    ("CosineDecay", {"initial_learning_rate": 0.2, "decay_steps": 15, "warmup_target": 0.1}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 7}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 7, "t_mul": 1.0, "m_mul": 0.5}),
    (
        "CosineDecayRestarts",
        {"initial_learning_rate": 0.1, "first_decay_steps": 5, "t_mul": 1.5, "m_mul": 0.8, "alpha": 0.1},
    ),
]
IDS = [f"{name}-{'-'.join(map(str, options.values()))}" for name, options in CASES]


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_rates_agree_at_every_step(name, options):
    ours, theirs = getattr(schedules, name)(**options), getattr(keras.optimizers.schedules, name)(**options)
    ours, theirs = jax.jit(ours), jax.jit(theirs)
    rates = np.array([[ours(np.int32(step)), theirs(np.int32(step))] for step in range(60)])
    np.testing.assert_allclose(rates[:, 0], rates[:, 1], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_configs_are_those_of_keras_and_go_both_ways(name, options):
    ours, theirs = getattr(schedules, name)(**options), getattr(keras.optimizers.schedules, name)(**options)
    assert ours.get_config() == theirs.get_config()
    assert schedules.serialize(ours) == keras.optimizers.schedules.serialize(theirs)
    config = keras.optimizers.schedules.serialize(theirs)
    assert schedules.deserialize(config).get_config() == ours.get_config()


@pytest.mark.parametrize("name", ["ExponentialDecay", "InverseTimeDecay", "PolynomialDecay", "CosineDecay"])
def test_what_keras_refuses_is_refused(name):
    options = {"initial_learning_rate": 0.1, "decay_steps": 0}
    if name in ("ExponentialDecay", "InverseTimeDecay"):
        options["decay_rate"] = 0.5
    for library in (schedules, keras.optimizers.schedules):
        with pytest.raises(ValueError, match="decay_steps"):
            getattr(library, name)(**options)


def test_defaults_are_those_of_keras():
    for name in schedules.__all__:
        if name[0].isupper() and name not in ("LearningRateSchedule", "ScaledSchedule"):  # lamina's own
            theirs = getattr(keras.optimizers.schedules, name)
            required = next(options for case, options in CASES if case == name)
            required = {
                k: v for k, v in required.items() if "initial" in k or "steps" in k or k in ("boundaries", "values")
            }
            if name in ("ExponentialDecay", "InverseTimeDecay"):
                required["decay_rate"] = 0.5
            assert getattr(schedules, name)(**required).get_config() == theirs(**required).get_config()
