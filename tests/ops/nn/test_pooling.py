"""Pooling against Keras, and against windows written out."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core.symbolic import KerasTensor
from lamina.ops import nn
from tests.ops.parity import case, check_gradients, check_symbolic, check_values, keras, normal, whole

FIRST = {"data_format": "channels_first"}
# Keras 3.15 on JAX cannot take strides=None.
SETTINGS = [
    {"pool_size": 2, "strides": 2},
    {"pool_size": 2, "strides": 2, "padding": "same"},
    {"pool_size": 3, "strides": 2},
    {"pool_size": 3, "strides": 2, "padding": "same"},
    {"pool_size": 2, "strides": 3},
    {"pool_size": 2, "strides": 3, "padding": "same"},
    {"pool_size": 5, "strides": 5},
    {"pool_size": (4, 3), "strides": (1, 2), "padding": "same"},
]


def images(rank, **kwargs):
    return normal(2, *(9, 8, 7)[:rank], 3, **kwargs)


TIES = whole(2, 9, 8, 3, high=3).astype(np.float32)
WINDOWS = [
    case(name, {"inputs": images(r)}, **s)
    for name in ("max_pool", "average_pool")
    for r, some in ((1, 3), (2, 1), (3, 3))
    for s in SETTINGS[::some]
] + [
    case(name, {"inputs": images(2)}, **s)
    for name in ("max_pool", "average_pool")
    for s in (
        {"pool_size": (2, 3), "strides": (3, 1)},
        {"pool_size": (9, 2), "strides": 1, "padding": "same"},
        {"pool_size": (3, 2), "strides": (3, 2), **FIRST},
        {"pool_size": 2, "strides": 2, **FIRST, "padding": "SAME"},
    )
]
EVEN = [
    case(name, {"inputs": images(r)}, output_size=size, **form)
    for name in ("adaptive_max_pool", "adaptive_average_pool")
    for r, size in ((1, (4,)), (2, (3, 5)), (3, (2, 3, 4)))
    for form in ({"data_format": None}, FIRST)
    if form != FIRST or r < 3
]
ALIKE = [case("max_pool", {"inputs": TIES}, **s) for s in SETTINGS] + [
    case("adaptive_max_pool", {"inputs": TIES}, output_size=(4, 3))
]


@pytest.mark.parametrize("one", [*WINDOWS, *EVEN], ids=str)
def test_values_are_those_of_keras(one):
    check_values(getattr(nn, one.name), one)


@pytest.mark.parametrize("one", [*WINDOWS[::5], *EVEN[::4], *ALIKE], ids=str)
def test_gradients_are_those_of_keras_where_values_are_equal_too(one):
    check_gradients(getattr(nn, one.name), one)


@pytest.mark.parametrize("one", [*WINDOWS, *(one for one in EVEN if one.settings["data_format"])], ids=str)
def test_symbolic_shapes_are_those_of_keras(one):
    check_symbolic(getattr(nn, one.name), one)


# Keras 3.15 declares too many axes for these.
@pytest.mark.parametrize("one", [one for one in EVEN if not one.settings["data_format"]], ids=str)
def test_symbolic_shapes_of_adaptive_pools(one):
    shape = (None, *one.tensors["inputs"].shape[1:])
    y = getattr(nn, one.name)(KerasTensor(shape, "float32"), **one.settings)
    assert y.shape == (None, *one.settings["output_size"], 3)


@pytest.mark.parametrize("name", ["max_pool", "average_pool"])
def test_windows_stand_side_by_side_without_strides(name):
    x = images(2)
    pool = getattr(nn, name)
    np.testing.assert_array_equal(pool(x, (3, 2)), pool(x, (3, 2), (3, 2)))
    assert pool(KerasTensor((None, 9, 8, 3), "float32"), (3, 2)).shape == (None, 3, 4, 3)


@pytest.mark.parametrize("name", ["max_pool", "average_pool"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_sizes_of_images_may_be_free(name, settings):
    ours = getattr(nn, name)(KerasTensor((None, None, None, 3), "float32"), **settings)
    theirs = getattr(keras.ops, name)(keras.KerasTensor((None, None, None, 3), "float32"), **settings)
    assert ours.shape == theirs.shape == (None, None, None, 3)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("place", [(0, 3, 3, 0), (1, 0, 7, 2)])
def test_nan_is_the_largest_value_of_its_window(settings, place):
    x = images(2)
    x[place] = np.nan
    np.testing.assert_array_equal(nn.max_pool(x, **settings), keras.ops.max_pool(x, **settings))


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float16", "bfloat16"])
@pytest.mark.parametrize("settings", SETTINGS[:4], ids=str)
def test_other_dtypes(dtype, settings):
    x = whole(1, 8, 6, 2, high=100)
    largest = nn.max_pool(x.astype(jnp.dtype(dtype)), **settings)
    assert largest.dtype == dtype
    np.testing.assert_array_equal(largest, nn.max_pool(x.astype(np.float32), **settings))
    mean = nn.average_pool(x.astype(jnp.dtype(dtype)), **settings)
    assert mean.dtype == (dtype if "float" in dtype else "float32")
    np.testing.assert_allclose(mean, nn.average_pool(x.astype(np.float32), **settings), rtol=2e-2)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 10])
def test_adaptive_windows_are_those_of_the_docstring(count):
    x = normal(1, 7, 1)
    spans = [(int(np.floor(i * 7 / count)), int(np.ceil((i + 1) * 7 / count))) for i in range(count)]
    largest, mean = nn.adaptive_max_pool(x, count), nn.adaptive_average_pool(x, count)
    np.testing.assert_allclose(largest[0, :, 0], [x[0, a:b, 0].max() for a, b in spans])
    np.testing.assert_allclose(mean[0, :, 0], [x[0, a:b, 0].mean() for a, b in spans], rtol=1e-5)


def test_gradients_are_the_same_in_a_compiled_loop():
    x = images(2)
    step = lambda x: x - 0.1 * jax.grad(lambda x: jnp.sum(nn.max_pool(x, 2) ** 2))(x)  # noqa: E731
    np.testing.assert_allclose(
        jax.jit(lambda x: jax.lax.fori_loop(0, 2, lambda _, x: step(x), x))(x), step(step(x)), rtol=1e-5
    )


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.max_pool(np.ones((2, 3)), 2), r"max_pool: inputs: expected 3, 4 or 5 axes .*\(2, 3\)"),
        (lambda: nn.max_pool(np.ones((2, 3, 1)), 4), r"max_pool: .*smaller than the windows, pool_size=4"),
        (lambda: nn.average_pool(np.ones((2, 3, 1)), 4, 1), r"average_pool: .*smaller than the windows, pool_size=4"),
        (lambda: nn.average_pool(np.ones((2, 3, 1)), 2, padding="some"), r"padding: .*Did you mean 'same'\?"),
        (lambda: nn.max_pool(np.ones((2, 3, 1)), (2, 2)), r"max_pool: pool_size: expected a number or 1 numbers"),
        (lambda: nn.adaptive_max_pool(np.ones((2, 3, 1)), 0), "adaptive_max_pool: output_size: .*received 0"),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
