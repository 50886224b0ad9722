"""The multiplier of schedules: what steps use, what is kept in configs and copies."""

from __future__ import annotations

import copy
import pickle

import jax.numpy as jnp
import numpy as np
import pytest

from lamina import optimizers
from lamina.core.variable import Variable
from lamina.optimizers import SGD, Adam, LossScaleOptimizer
from lamina.optimizers.schedules import CosineDecay, ExponentialDecay, ScaledSchedule

SCHEDULE = ExponentialDecay(0.5, decay_steps=1, decay_rate=0.5)  # 0.5, 0.25, 0.125, ...


def steps(optimizer, count=3):
    """What x loses in each step, for a gradient of 1: the rates that were used."""
    x = Variable(jnp.zeros(1), name="x")
    values = [0.0]
    for _ in range(count):
        optimizer.apply([jnp.ones(1)], [x])
        values.append(float(x[0]))
    return -np.diff(values)


def test_steps_use_the_schedule_times_the_multiplier():
    optimizer = SGD(SCHEDULE)
    optimizer.rate_multiplier.assign(0.25)
    assert float(optimizer.learning_rate) == 0.125
    np.testing.assert_array_equal(steps(optimizer), [0.125, 0.0625, 0.03125])


def test_a_number_is_not_multiplied_and_no_variable_is_added():
    optimizer = SGD(0.5)
    optimizer.rate_multiplier.assign(0.25)
    np.testing.assert_array_equal(steps(optimizer), [0.5] * 3)
    assert [v.name for v in optimizer.variables] == ["iteration", "learning_rate"]
    assert [v.name for v in SGD(SCHEDULE).variables] == ["iteration"]  # as in Keras


def test_a_new_schedule_starts_with_the_multiplier_one():
    optimizer = SGD(SCHEDULE)
    optimizer.rate_multiplier.assign(0.25)
    optimizer.learning_rate = lambda step: 0.5
    np.testing.assert_array_equal(steps(optimizer), [0.5] * 3)


def test_a_number_for_a_schedule_is_refused_with_the_way_out():
    with pytest.raises(TypeError, match=r"Multiply it with optimizer\.rate_multiplier\.assign\(0\.1\), set it to anot"):
        SGD(SCHEDULE).learning_rate = 0.1


@pytest.mark.parametrize("wrap", [lambda inner: inner, LossScaleOptimizer], ids=["plain", "loss_scale"])
@pytest.mark.parametrize("again", ["config", "copy", "pickle"])
def test_what_was_multiplied_goes_into_configs_and_copies(again, wrap):
    optimizer = wrap(Adam(SCHEDULE))
    optimizer.rate_multiplier.assign(0.25)
    make = {
        "config": lambda o: optimizers.deserialize(optimizers.serialize(o)),
        "copy": copy.deepcopy,
        "pickle": lambda o: pickle.loads(pickle.dumps(o)),
    }[again]
    for _ in range(2):  # and of the copy, without one scaled schedule in another
        optimizer = make(optimizer)
        assert float(optimizer.learning_rate) == 0.125
    optimizer.rate_multiplier.assign(float(optimizer.rate_multiplier) * 0.5)
    assert float(make(optimizer).learning_rate) == 0.0625
    config = str(optimizers.serialize(optimizer))
    assert config.count("'ScaledSchedule', 'config'") == 1


def test_without_a_multiplier_configs_are_those_of_the_schedule():
    assert SGD(SCHEDULE).get_config()["learning_rate"]["class_name"] == "ExponentialDecay"


def test_scaled_schedules_multiply_and_check():
    schedule = ScaledSchedule(CosineDecay(0.5, 10), 0.5)
    for step in (0, 3, 10):
        assert float(schedule(step)) == pytest.approx(0.125 * (1 + np.cos(np.pi * step / 10)), abs=1e-7)
    again = ScaledSchedule.from_config(schedule.get_config())
    assert float(again(3)) == float(schedule(3))
    with pytest.raises(TypeError, match=r"ScaledSchedule: schedule: expected a schedule such as Cosine"):
        ScaledSchedule(0.1, 0.5)
    with pytest.raises(ValueError, match="ScaledSchedule: factor: expected a finite number >= 0, received -1"):
        ScaledSchedule(SCHEDULE, -1)
