"""Schedules by hand and against Optax; what they refuse; one's own."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from lamina.optimizers import SGD, schedules

STEPS = range(40)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (schedules.ExponentialDecay(0.1, 7, 0.5), optax.exponential_decay(0.1, 7, 0.5)),
        (schedules.ExponentialDecay(0.1, 7, 0.5, True), optax.exponential_decay(0.1, 7, 0.5, staircase=True)),
        (schedules.PolynomialDecay(0.1, 20, 0.01, 2.0), optax.polynomial_schedule(0.1, 0.01, 2.0, 20)),
        (schedules.CosineDecay(0.1, 20, 0.1), optax.cosine_decay_schedule(0.1, 20, 0.1)),
        (
            schedules.CosineDecay(0.01, 20, warmup_target=0.1, warmup_steps=10),
            optax.warmup_cosine_decay_schedule(0.01, 0.1, 10, 30),
        ),
    ],
)
def test_rates_are_those_of_optax(ours, theirs):
    rates = np.array([(ours(step), theirs(step)) for step in STEPS])
    np.testing.assert_allclose(rates[:, 0], rates[:, 1], rtol=2e-6, atol=1e-8)


def test_restarts_are_where_the_paper_puts_them():
    """Loshchilov & Hutter 2017: periods of T, T t, T t^2 steps; each starts at the peak and ends near alpha."""
    schedule = schedules.CosineDecayRestarts(1.0, 10, t_mul=2.0, m_mul=0.5, alpha=0.1)
    starts = [0, 10, 30, 70]
    np.testing.assert_allclose([schedule(s) for s in starts], [0.9 * 0.5**i + 0.1 for i in range(4)], rtol=1e-6)
    middles = [0.9 * 0.5**i * 0.5 + 0.1 for i in range(3)]
    np.testing.assert_allclose([schedule(s) for s in (5, 20, 50)], middles, rtol=1e-6)
    assert float(schedule(9)) < 0.15


def test_inverse_time_halves_and_thirds():
    schedule = schedules.InverseTimeDecay(0.6, 10, 1.0)
    np.testing.assert_allclose([schedule(s) for s in (0, 10, 20)], [0.6, 0.3, 0.2], rtol=1e-6)


def test_values_change_after_their_boundary():
    schedule = schedules.PiecewiseConstantDecay([2, 5], [3.0, 2.0, 1.0])
    assert [float(schedule(s)) for s in range(8)] == [3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 1.0, 1.0]
    assert float(schedules.PiecewiseConstantDecay([], [0.5])(7)) == 0.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: schedules.ExponentialDecay(-0.1, 7, 0.5),
            r"ExponentialDecay: initial_learning_rate: .* >= 0",
        ),
        (
            lambda: schedules.InverseTimeDecay(0.1, 0, 0.5),
            r"InverseTimeDecay: decay_steps: expected .* > 0",
        ),
        (lambda: schedules.PolynomialDecay(0.1, 5, power=0), r"PolynomialDecay: power: expected a finite number > 0"),
        (lambda: schedules.CosineDecay(float("nan"), 5), r"CosineDecay: initial_learning_rate: .* received nan"),
        (lambda: schedules.CosineDecayRestarts(0.1, 5, t_mul=0.5), r"CosineDecayRestarts: t_mul: expected .* >= 1"),
        (lambda: schedules.PiecewiseConstantDecay([1], [0.1]), r"expected one value more than boundaries, received 1"),
        (lambda: schedules.PiecewiseConstantDecay([5, 1], [1, 2, 3]), r"boundaries: expected steps in rising order"),
        (lambda: schedules.PiecewiseConstantDecay([5], [0.1, -1]), r"PiecewiseConstantDecay: values: expected .* >= 0"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_ones_own_schedule_goes_into_the_config_and_the_step():
    class Halving(schedules.LearningRateSchedule):
        def __init__(self, start):
            self.start = start

        def __call__(self, step):
            return self.start * 0.5 ** jnp.asarray(step, "float32")

    optimizer = SGD(Halving(0.5))
    assert float(optimizer.learning_rate) == 0.5
    config = optimizer.get_config()["learning_rate"]
    assert config["config"] == {"start": 0.5}
    again = schedules.deserialize(config, custom_objects={"Halving": Halving})
    assert float(again(1)) == 0.25


def test_the_base_says_what_is_missing():
    with pytest.raises(NotImplementedError, match=r"LearningRateSchedule: override __call__\(self, step\)"):
        schedules.LearningRateSchedule()(0)
