"""LossScaleOptimizer: the scale, skipped steps, what it hands to the optimizer inside."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import optimizers
from lamina.core.variable import Variable
from lamina.optimizers import SGD, LossScaleOptimizer


def make(growth=2, scale=8.0, **arguments):
    x = Variable(np.zeros(2, "float32"), name="x")
    optimizer = LossScaleOptimizer(SGD(1.0, **arguments), scale, growth)
    optimizer.build([x])
    return optimizer, x


def test_the_scale_doubles_after_good_steps_and_halves_after_a_bad_one():
    optimizer, x = make()
    scales = []
    for value in (1.0, 1.0, 1.0, np.nan, 1.0, 1.0):
        optimizer.apply([optimizer.scale_loss(jnp.full(2, value))])
        scales.append(float(optimizer.dynamic_scale))
    assert scales == [8.0, 16.0, 16.0, 8.0, 8.0, 16.0]
    np.testing.assert_array_equal(x, [-5.0, -5.0])  # five good steps, the bad one left out
    assert int(optimizer.iterations) == 5


def test_a_bad_step_leaves_slots_alone():
    optimizer, x = make(momentum=0.9, use_ema=True)
    optimizer.apply([jnp.ones(2)])
    before = [v.numpy() for v in (x, *optimizer.inner_optimizer.variables)]
    optimizer.apply([jnp.array([1.0, np.inf])])
    for variable, value in zip((x, *optimizer.inner_optimizer.variables), before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_the_scale_stays_where_it_can_come_back_from():
    optimizer, _ = make(scale=4.0)
    for _ in range(5):
        optimizer.apply([jnp.full(2, np.nan)])
    assert float(optimizer.dynamic_scale) == 1.0
    optimizer, _ = make(scale=2.0**126, growth=1)
    for _ in range(3):
        optimizer.apply([jnp.ones(2)])
    assert float(optimizer.dynamic_scale) == 2.0**127
    optimizer, _ = make(scale=0.25)
    optimizer.apply([jnp.full(2, np.nan)])
    assert float(optimizer.dynamic_scale) == 0.25


def test_float16_gradients_survive_that_would_vanish():
    """d/dw of 1e-5 * w * 1e-4 is 1e-9, below float16's smallest number 6e-8."""
    optimizer = LossScaleOptimizer(SGD(1.0))
    w = Variable(np.zeros((), "float32"), name="w")
    optimizer.build([w])

    def loss(value, scale):
        product = value.astype("float16") * jnp.float16(1e-4)
        return scale(product * jnp.float16(1e-5))

    assert float(jax.grad(loss)(w.value, lambda x: x)) == 0.0
    optimizer.apply([jax.grad(loss)(w.value, optimizer.scale_loss)])
    assert float(w) == pytest.approx(-1e-9, rel=0.01)


def test_learning_rate_and_the_rest_are_those_inside():
    optimizer, _ = make()
    optimizer.learning_rate = 0.5
    assert float(optimizer.inner_optimizer.learning_rate) == 0.5
    assert float(optimizer.learning_rate) == 0.5
    assert optimizer.variables[4:] == optimizer.inner_optimizer.variables
    with pytest.raises(ValueError, match="learning_rate: expected a finite number"):
        optimizer.learning_rate = "fast"


def test_the_average_inside_is_put_into_the_weights_at_the_end():
    optimizer, x = make(use_ema=True, ema_momentum=0.5)
    for _ in range(2):
        optimizer.apply([jnp.full(2, 8.0)])
    optimizer.finalize_variable_values([x])
    np.testing.assert_array_equal(x, [-1.5, -1.5])


def test_with_loss_scale_wraps_once():
    optimizer = optimizers.with_loss_scale(SGD())
    assert isinstance(optimizer, LossScaleOptimizer)
    assert optimizers.with_loss_scale(optimizer) is optimizer


def test_what_does_not_fit_is_refused():
    with pytest.raises(TypeError, match=r"inner_optimizer: expected an optimizer such as Adam\(\), received 'adam'"):
        LossScaleOptimizer("adam")
    with pytest.raises(TypeError, match=r"set clipnorm on the inner optimizer, not here"):
        LossScaleOptimizer(SGD(), clipnorm=1.0)
    with pytest.raises(ValueError, match=r"initial_scale: expected a finite number > 0"):
        LossScaleOptimizer(SGD(), initial_scale=0)
    with pytest.raises(ValueError, match=r"dynamic_growth_steps: expected a whole number >= 1"):
        LossScaleOptimizer(SGD(), dynamic_growth_steps=0)
    with pytest.raises(ValueError, match=r"apply: expected the variables, or a call of build"):
        LossScaleOptimizer(SGD()).apply([jnp.ones(2)])
    with pytest.raises(ValueError, match=r"every gradient is None"):
        make()[0].apply([None])
