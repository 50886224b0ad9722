"""Merging layers against the real Keras (3.15, JAX): values, gradients, masks, shapes, configs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

keras = pytest.importorskip("keras")

import lamina  # noqa: E402
from lamina.layers import merging  # noqa: E402
from tests.parity.side_by_side import assert_same, compare, compare_configs, set_keras_mask, some  # noqa: E402

ELEMENTWISE = ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"]
SHAPES = [
    [(4, 3), (4, 3)],
    [(4, 3), (4, 1)],
    [(2, 5, 3), (2, 5, 3)],
    [(2, 5, 3), (2, 3)],
    [(2, 3), (2, 5, 3)],
    [(2, 1, 3), (2, 5, 1)],
    [(2, 4, 5, 3), (2, 5, 3)],
    [(2, 4, 5, 3), (2, 1)],
    [(4,), (4,)],
]


def both(name, /, **arguments):
    return getattr(merging, name)(**arguments), getattr(keras.layers, name)(**arguments)


def arrays(shapes):
    return [some(*shape, seed=i) for i, shape in enumerate(shapes)]


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_elementwise_values_gradients_and_shapes(name, shapes):
    ours, theirs = both(name)
    compare(ours, theirs, arrays(shapes))
    free = [(None, *shape[1:]) for shape in shapes]
    assert ours.compute_output_shape(free) == theirs.compute_output_shape(free)
    assert ours.compute_output_shape(shapes) == theirs.compute_output_shape(shapes)


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if n != "Subtract"])
@pytest.mark.parametrize("number", [1, 3, 4])
def test_elementwise_of_any_number_of_inputs(name, number):
    compare(*both(name), arrays([(3, 4)] * number))


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("dtype", [np.int32, np.uint8, "mixed"])
def test_elementwise_of_whole_numbers(name, dtype):
    x = [np.arange(6).reshape(2, 3), np.arange(6)[::-1].reshape(2, 3)]
    x = [x[0].astype(np.int32), some(2, 3)] if dtype == "mixed" else [np.asarray(i, dtype) for i in x]
    ours, theirs = both(name)
    assert_same(ours(x), theirs(x))


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16", "mixed_float16"])
def test_elementwise_in_16_bits(name, policy):
    ours, theirs = both(name, dtype=policy)
    x = arrays([(2, 3), (2, 3)])
    assert_same(ours(x), theirs(x), rtol=1e-2)


MASKS = [some(2, 5, seed=seed) > 0 for seed in (1, 2, 3)]


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("present", [(1, 1), (1, 0), (0, 1)])
@pytest.mark.parametrize("shapes", [[(2, 5, 3), (2, 5, 3)], [(2, 5, 3), (2, 5, 1)]], ids=str)
def test_elementwise_masks(name, present, shapes):
    ours, theirs = both(name)
    x = arrays(shapes)
    masks = [mask if there else None for mask, there in zip(MASKS, present, strict=False)]
    compare(ours, theirs, x, masks)
    mine, other = ours.compute_mask(x, masks), theirs.compute_mask(x, masks)
    assert (mine is None) == (other is None)
    if other is not None:
        assert_same(mine, other)


@pytest.mark.parametrize("name", ["Multiply", "Maximum", "Minimum"])
@pytest.mark.parametrize("present", [(1, 1, 1), (1, 0, 1), (0, 1, 1), (1, 1, 0)])
def test_masks_of_three_inputs(name, present):
    masks = [mask if there else None for mask, there in zip(MASKS, present, strict=True)]
    compare(*both(name), arrays([(2, 5, 3)] * 3), masks)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_mask_travels_end_to_end(name):
    ours, theirs = both(name)
    x = arrays([(2, 5, 3)] * 2)
    y = ours(x, mask=MASKS[:2])
    other = theirs([set_keras_mask(jnp.asarray(i), m) for i, m in zip(x, MASKS[:2], strict=True)])
    assert_same(y, other)
    assert_same(y._keras_mask, other._keras_mask)


# Concatenate ---------------------------------------------------------------------------------------------------------

CONCATENATIONS = [
    ([(2, 3), (2, 5)], -1),
    ([(2, 3), (2, 5), (2, 1)], 1),
    ([(2, 4, 3), (2, 1, 3)], 1),
    ([(2, 4, 3), (2, 1, 3)], -2),
    ([(2, 4, 3), (2, 4, 2)], 2),
    ([(2, 2, 4, 3), (2, 2, 4, 3)], -1),
    ([(2, 3), (4, 3)], 0),
    ([(2, 3)], -1),
]


@pytest.mark.parametrize(("shapes", "axis"), CONCATENATIONS)
def test_concatenate(shapes, axis):
    ours, theirs = both("Concatenate", axis=axis)
    compare(ours, theirs, arrays(shapes))
    assert ours.compute_output_shape(shapes) == theirs.compute_output_shape(shapes)
    if axis != 0:
        free = [(None, *shape[1:]) for shape in shapes]
        assert ours.compute_output_shape(free) == theirs.compute_output_shape(free)


def test_concatenate_of_free_axes():
    ours, theirs = both("Concatenate", axis=1)
    shapes = [(None, None, 3), (None, 4, 3)]
    assert ours.compute_output_shape(shapes) == theirs.compute_output_shape(shapes) == (None, None, 3)


@pytest.mark.parametrize("axis", [1, 2, -1, -2])
@pytest.mark.parametrize("present", [(1, 1), (1, 0), (0, 1), (0, 0)])
def test_concatenate_masks(axis, present):
    ours, theirs = both("Concatenate", axis=axis)
    x = arrays([(2, 5, 3), (2, 5, 3)])
    masks = [mask if there else None for mask, there in zip(MASKS, present, strict=False)]
    mine, other = ours.compute_mask(x, masks), theirs.compute_mask([jnp.asarray(i) for i in x], masks)
    assert (mine is None) == (other is None)
    if other is not None:
        assert_same(mine, other)


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_concatenate_masks_of_the_first_three_axes(axis):
    masks = [some(2, 3, 3, seed=seed) > 0 for seed in (4, 5)]
    x = arrays([(2, 3, 3, 2), (2, 3, 3, 2)])
    ours, theirs = both("Concatenate", axis=axis)
    assert_same(ours.compute_mask(x, masks), theirs.compute_mask([jnp.asarray(i) for i in x], masks))


# Dot -----------------------------------------------------------------------------------------------------------------

DOTS = [
    ([(4, 3), (4, 3)], 1),
    ([(4, 3), (4, 3)], -1),
    ([(2, 3, 5), (2, 4, 3)], (1, 2)),
    ([(2, 3, 5), (2, 4, 5)], -1),
    ([(2, 3, 5), (2, 3, 4)], 1),
    ([(2, 3, 5), (2, 5)], (2, 1)),
    ([(2, 5), (2, 3, 5)], (1, -1)),
    ([(2, 5), (2, 3, 5)], -1),
    ([(2, 3, 4, 5), (2, 4, 6)], (2, 1)),
    ([(2, 3, 4, 5), (2, 6, 5, 3)], (-1, -2)),
    ([(2, 3, 4, 5), (2, 7, 3, 6)], [1, 2]),
]


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize(("shapes", "axes"), DOTS)
def test_dot(shapes, axes, normalize):
    ours, theirs = both("Dot", axes=axes, normalize=normalize)
    compare(ours, theirs, arrays(shapes), rtol=3e-6)
    assert ours.compute_mask(arrays(shapes), [None, None]) is None
    if isinstance(axes, int) or min(axes) > 0:  # with negative axes Keras' own shape is wrong
        free = [(None, *shape[1:]) for shape in shapes]
        assert ours.compute_output_shape(free) == theirs.compute_output_shape(free)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16"])
@pytest.mark.parametrize("normalize", [False, True])
def test_dot_in_16_bits(policy, normalize):
    ours, theirs = both("Dot", axes=1, normalize=normalize, dtype=policy)
    x = arrays([(4, 3), (4, 3)])
    assert_same(ours(x), theirs(x), rtol=3e-2)


@pytest.mark.parametrize("scale", [0.0, 1e-9, 1e-6, 1.0, 1e15])
def test_normalized_dot_of_short_and_long_vectors(scale):
    ours, theirs = both("Dot", axes=1, normalize=True)
    x = [some(4, 3) * np.float32(scale), some(4, 3, seed=1)]
    assert_same(ours(x), theirs(x))


# Configs, functions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("extra", [{}, {"trainable": False, "dtype": "mixed_bfloat16"}])
def test_elementwise_configs(name, extra):
    compare_configs(*both(name, name="it", **extra))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("Concatenate", {}),
        ("Concatenate", {"axis": 1}),
        ("Dot", {"axes": 1}),
        ("Dot", {"axes": (1, 2), "normalize": True}),
        ("Dot", {"axes": [2, -1]}),
    ],
)
def test_configs_of_the_others(name, arguments):
    compare_configs(*both(name, name="it", **arguments))


@pytest.mark.parametrize("name", [*(n.lower() for n in ELEMENTWISE), "concatenate", "dot"])
def test_functions(name):
    x = arrays([(4, 3), (4, 3)])
    assert_same(getattr(merging, name)(x), getattr(keras.layers, name)(x))


def test_function_arguments():
    x = arrays([(2, 3, 5), (2, 3, 5)])
    assert_same(merging.concatenate(x, axis=1), keras.layers.concatenate(x, axis=1))
    theirs = keras.layers.dot(x, axes=2, normalize=True, name="d")
    assert_same(merging.dot(x, axes=2, normalize=True, name="d"), theirs, rtol=3e-6)


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Concatenate"])
def test_compiled_is_eager(name):
    ours, _ = both(name)
    x = arrays([(4, 3), (4, 3)])
    assert_same(jax.jit(lambda x: ours(x))(x), ours(x))


FREE = {
    "free axes": ("Multiply", {}, [(None, 3), (None, 3)]),
    "lower rank": ("Maximum", {}, [(None, None, 3), (3,)]),
    "joined on a free axis": ("Concatenate", {"axis": 1}, [(None, 3), (5, 3)]),
    "joined beside a free axis": ("Concatenate", {}, [(None, 3), (None, 2)]),
    "products over a free axis": ("Dot", {"axes": -1}, [(None, 3), (7, 3)]),
}


@pytest.mark.parametrize("case", list(FREE))
def test_symbolic_shapes_with_free_axes_are_those_of_keras(case):
    name, arguments, shapes = FREE[case]
    shape = [
        getattr(library.layers, name)(**arguments)([library.layers.Input(shape) for shape in shapes]).shape
        for library in (lamina, keras)
    ]
    assert shape[0] == shape[1]


def test_a_free_axis_beside_a_known_one_gives_the_known_one():
    free, known = lamina.layers.Input((None, 3)), lamina.layers.Input((5, 3))
    assert lamina.layers.Add()([free, known]).shape == (None, 5, 3)  # Keras says None, though it can be nothing else
