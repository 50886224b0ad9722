"""Seeds: one for everything, and keys that depend on the run's seed, the step and the layer."""

from __future__ import annotations

import random

import jax
import numpy as np
import pytest

from lamina.core.random import SeedGenerator, global_state, next_seed, set_global_state, set_random_seed
from lamina.core.variable import bind


def bits(key):
    return jax.random.key_data(key).tolist()


def test_one_seed_repeats_python_numpy_and_lamina():
    def draw():
        return random.random(), np.random.random(), next_seed(), bits(SeedGenerator().next())

    set_random_seed(7)
    first, second = draw(), draw()
    set_random_seed(7)
    assert draw() == first
    assert draw() == second
    set_random_seed(8)
    assert draw() != first


def test_global_state_goes_back_to_where_it_was_in_parts_or_as_a_whole():
    def draw():
        return random.random(), np.random.normal(), next_seed()

    set_random_seed(7)
    draw()
    state = global_state()
    first = draw()
    set_global_state(state)
    assert draw() == first
    after = draw()
    set_global_state({"lamina": state["lamina"]})
    again = draw()
    assert again[2] == first[2]
    assert again[:2] not in (first[:2], after[:2])


@pytest.mark.parametrize("seed", [0, 2**32 - 1, np.int64(5), np.uint32(7)])
def test_whole_numbers_of_any_kind_are_seeds(seed):
    set_random_seed(seed)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", None, True])
def test_other_seeds_are_refused(seed):
    with pytest.raises(
        ValueError, match=r"set_random_seed: seed: expected a whole number from 0 to 2\*\*32 - 1, received "
    ):
        set_random_seed(seed)


@pytest.mark.parametrize("seed", [1.5, "a", True, [1]])
def test_seed_generator_refuses_other_seeds(seed):
    with pytest.raises(ValueError, match="SeedGenerator: seed: expected a whole number or None, received"):
        SeedGenerator(seed)


def test_outside_of_a_step_each_call_has_a_new_key_and_a_seed_repeats_them():
    first, second = SeedGenerator(3), SeedGenerator(3)
    keys = [bits(first.next()) for _ in range(3)]
    assert len({tuple(key) for key in keys}) == 3
    assert [bits(second.next()) for _ in range(3)] == keys
    assert bits(SeedGenerator(4).next()) not in keys


@pytest.mark.parametrize("seed", [-5, 2**40])
def test_seeds_beyond_32_bits_are_taken(seed):
    assert SeedGenerator(seed).seed == seed
    assert bits(SeedGenerator(seed).next()) == bits(SeedGenerator(seed).next())


def test_inside_a_step_keys_depend_on_the_step_the_layer_and_the_draw_only():
    one, two = SeedGenerator(1), SeedGenerator(2)

    def keys(step_key):
        with bind([], [], key=step_key):
            return [bits(one.next()), bits(one.next()), bits(two.next())]

    first = keys(jax.random.key(10))
    one.next()  # calls outside change nothing
    assert keys(jax.random.key(10)) == first
    assert len({tuple(key) for key in first + keys(jax.random.key(11))}) == 6


def test_compiled_step_draws_the_same_keys_as_an_eager_one():
    generator = SeedGenerator(1)

    def keys(step_key):
        with bind([], [], key=step_key):
            return [jax.random.key_data(generator.next()) for _ in range(2)]

    eager, compiled = keys(jax.random.key(10)), jax.jit(keys)(jax.random.key(10))
    assert [k.tolist() for k in eager] == [k.tolist() for k in compiled]


def test_a_binding_inside_a_step_goes_on_with_its_draws():
    generator = SeedGenerator(1)
    with bind([], [], key=jax.random.key(10)):
        first = bits(generator.next())
        with bind([], []):
            assert bits(generator.next()) != first
