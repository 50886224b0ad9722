"""What every public optimizer must do: configs, a compiled loop that equals eager steps, state, no recompiling."""

from __future__ import annotations

import copy

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from lamina import optimizers
from lamina.core.variable import Variable, bind
from lamina.optimizers import schedules

MAKE = {
    "SGD": lambda **k: optimizers.SGD(0.1, momentum=0.9, nesterov=True, **k),
    "Adam": lambda **k: optimizers.Adam(0.1, amsgrad=True, **k),
    "AdamW": lambda **k: optimizers.AdamW(0.1, weight_decay=0.1, **k),
    "RMSprop": lambda **k: optimizers.RMSprop(0.1, momentum=0.5, centered=True, **k),
    "Adagrad": lambda **k: optimizers.Adagrad(0.1, **k),
    "Adadelta": lambda **k: optimizers.Adadelta(1.0, **k),
    "Adamax": lambda **k: optimizers.Adamax(0.1, **k),
    "Nadam": lambda **k: optimizers.Nadam(0.1, **k),
    "Lion": lambda **k: optimizers.Lion(0.1, **k),
    "Ftrl": lambda **k: optimizers.Ftrl(0.1, l1_regularization_strength=0.01, **k),
    "Lamb": lambda **k: optimizers.Lamb(0.1, **k),
    "Adafactor": lambda **k: optimizers.Adafactor(0.1, **k),
    "Muon": lambda **k: optimizers.Muon(0.1, **k),
    "LossScaleOptimizer": lambda **k: optimizers.LossScaleOptimizer(optimizers.Adam(0.1, **k), 8.0, 3),
    "OptaxOptimizer": lambda **k: optimizers.OptaxOptimizer(optax.scale_by_adam(), 0.1, **k),
}
NO_OPTIMIZERS = {"Optimizer", "schedules", "get", "serialize", "deserialize", "with_loss_scale"}
OPTIONS = [{}, {"gradient_accumulation_steps": 2, "use_ema": True, "ema_overwrite_frequency": 2, "clipnorm": 1.0}]
RNG = np.random.default_rng(0)
START = [RNG.normal(size=shape).astype("float32") for shape in ((4, 3), (3,), ())]
GRADIENTS = [np.stack([RNG.normal(size=x.shape).astype("float32") for _ in range(7)]) for x in START]


def make_variables():
    return [Variable(x, name=name) for x, name in zip(START, ("kernel", "bias", "scale"), strict=True)]


def run_eagerly(optimizer, variables, steps, start=0):
    for k in range(start, start + steps):
        optimizer.apply([jnp.asarray(g[k]) for g in GRADIENTS], variables)


def compile_loop(optimizer, variables):
    """A training loop as `fit` has it: any number of steps in one call, all state in and out; counts its traces."""
    optimizer.build(variables)
    everything = [*variables, *optimizer.variables]
    traces = []

    @jax.jit
    def loop(values, start, stop):
        traces.append(1)

        def body(k, values):
            with bind(everything, values):
                optimizer.apply([jnp.asarray(g)[k] for g in GRADIENTS], variables)
                return [v.value for v in everything]

        return lax.fori_loop(start, stop, body, values)

    def run(start, stop):
        for variable, value in zip(everything, loop([v.value for v in everything], start, stop), strict=True):
            variable.assign(value)

    return run, traces


def assert_same(some, others):
    for a, b in zip(some, others, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=2e-5, atol=1e-7, err_msg=a.path)


def test_every_public_name_has_a_case():
    assert set(optimizers.__all__) == set(MAKE) | NO_OPTIMIZERS


@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "all"])
@pytest.mark.parametrize("name", MAKE)
def test_a_compiled_loop_equals_eager_steps(name, options):
    eager, looped = MAKE[name](**options), MAKE[name](**options)
    eager_variables, looped_variables = make_variables(), make_variables()
    run_eagerly(eager, eager_variables, 7)
    run, traces = compile_loop(looped, looped_variables)
    run(0, 3)
    run(3, 7)
    assert len(traces) == 1
    assert_same(looped_variables, eager_variables)
    assert_same(looped.variables, eager.variables)


@pytest.mark.parametrize("name", ["SGD", "Adam", "Nadam", "LossScaleOptimizer", "OptaxOptimizer"])
def test_a_new_learning_rate_compiles_nothing_and_takes_effect(name):
    eager, looped = MAKE[name](), MAKE[name]()
    eager_variables, looped_variables = make_variables(), make_variables()
    run, traces = compile_loop(looped, looped_variables)
    for start, stop, rate in ((0, 2, 0.1), (2, 5, 0.01), (5, 7, 0.0)):
        eager.learning_rate = looped.learning_rate = rate
        run(start, stop)
        run_eagerly(eager, eager_variables, stop - start, start)
    assert len(traces) == 1
    assert_same(looped_variables, eager_variables)


@pytest.mark.parametrize("name", ["SGD", "Adafactor", "LossScaleOptimizer", "OptaxOptimizer"])
def test_a_schedule_runs_inside_the_loop(name):
    schedule = schedules.CosineDecay(0.0, 5, warmup_target=0.1, warmup_steps=2)
    eager, looped = MAKE[name](), MAKE[name]()
    eager.learning_rate = looped.learning_rate = schedule
    eager_variables, looped_variables = make_variables(), make_variables()
    run_eagerly(eager, eager_variables, 4)
    compile_loop(looped, looped_variables)[0](0, 4)
    assert_same(looped_variables, eager_variables)
    np.testing.assert_allclose(float(looped.learning_rate), float(schedule(4)), rtol=1e-6)


@pytest.mark.parametrize("name", [n for n in MAKE if n != "OptaxOptimizer"])
def test_config_round_trip(name):
    optimizer = MAKE[name]()
    again = type(optimizer).from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()
    assert optimizers.deserialize(optimizers.serialize(optimizer)).get_config() == optimizer.get_config()


@pytest.mark.parametrize("name", MAKE)
def test_state_can_be_taken_over(name):
    """Weights and slots of one optimizer, set in a fresh one, go on alike."""
    first, second = MAKE[name](), MAKE[name]()
    variables, other_variables = make_variables(), make_variables()
    run_eagerly(first, variables, 3)
    second.build(other_variables)
    second.set_weights([v.numpy() for v in first.variables])
    for a, b in zip(other_variables, variables, strict=True):
        a.assign(b)
    run_eagerly(first, variables, 3, 3)
    run_eagerly(second, other_variables, 3, 3)
    assert_same(other_variables, variables)


@pytest.mark.parametrize("name", ["SGD", "Nadam", "LossScaleOptimizer", "OptaxOptimizer"])
def test_stateless_apply_is_pure_and_equals_apply(name):
    optimizer = MAKE[name]()
    variables = make_variables()
    optimizer.build(variables)
    slots = [v.numpy() for v in optimizer.variables]
    gradients = [jnp.asarray(g[0]) for g in GRADIENTS]
    apply = jax.jit(optimizer.stateless_apply)
    values, new_slots = apply([v.value for v in optimizer.variables], gradients, [v.value for v in variables])
    for variable, start in zip([*variables, *optimizer.variables], [*START, *slots], strict=True):
        np.testing.assert_array_equal(variable.numpy(), start)
    optimizer.apply(gradients)
    for variable, value in zip([*variables, *optimizer.variables], [*values, *new_slots], strict=True):
        np.testing.assert_allclose(variable.numpy(), value, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("name", [n for n in MAKE if n != "Muon"])
def test_a_parabola_is_descended(name):
    """With a moderate rate, 150 steps bring x^2 close to its minimum (Adadelta and Adagrad: clearly down)."""
    optimizer, x = MAKE[name](), Variable(np.array([1.0, -2.0], "float32"), name="x")
    optimizer.build([x])
    everything = [x, *optimizer.variables]

    def body(_, values):
        with bind(everything, values):
            loss = lambda value: optimizer.scale_loss((value**2).sum())  # noqa: E731
            optimizer.apply([jax.grad(loss)(x.value)], [x])
            return [v.value for v in everything]

    values = jax.jit(lambda values: lax.fori_loop(0, 150, body, values))([v.value for v in everything])
    assert float(jnp.square(values[0]).sum()) < (4.0 if name in ("Adadelta", "Adagrad", "Ftrl") else 0.1)


@pytest.mark.parametrize("name", MAKE)
def test_a_deep_copy_goes_its_own_way(name):
    optimizer, variables = MAKE[name](), make_variables()
    run_eagerly(optimizer, variables, 1)
    other, other_variables = copy.deepcopy((optimizer, variables))
    run_eagerly(other, other_variables, 2, 1)
    assert int(other.iterations) == 3
    assert int(optimizer.iterations) == 1
    run_eagerly(optimizer, variables, 2, 1)
    assert_same(other_variables, variables)


@pytest.mark.parametrize("name", MAKE)
def test_slots_are_variables_that_no_two_share(name):
    optimizer = MAKE[name]()
    optimizer.build(make_variables())
    assert len({id(v) for v in optimizer.variables}) == len(optimizer.variables)
    buffers = [v.value.unsafe_buffer_pointer() for v in optimizer.variables]
    assert len(set(buffers)) == len(buffers)  # a donated buffer must not appear twice
