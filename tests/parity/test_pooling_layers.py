"""Pooling layers against the real Keras (3.15, JAX): outputs, gradients, configs, output shapes, dtypes, masks."""

from __future__ import annotations

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

keras = pytest.importorskip("keras")

from lamina.core.symbolic import KerasTensor  # noqa: E402
from lamina.layers import pooling  # noqa: E402
from tests.parity.side_by_side import assert_same, compare, compare_configs, set_keras_mask, some  # noqa: E402

FIRST = {"data_format": "channels_first"}
SAME = {"padding": "same"}
SHAPES = {1: (2, 7, 3), 2: (2, 6, 7, 3), 3: (2, 4, 5, 6, 3)}
WINDOWS = [
    (1, {"pool_size": 2}),
    (1, {"pool_size": [3], "strides": 1, **SAME}),
    (1, {"pool_size": 3, "strides": 2, **FIRST}),
    (2, {"pool_size": 2}),
    (2, {"pool_size": (2, 3), **SAME}),
    (2, {"pool_size": 3, "strides": (1, 2), **SAME, **FIRST}),
    (2, {"pool_size": [3, 2], "strides": [2, 3], "data_format": "channels_last"}),
    (2, {"pool_size": (6, 7), "strides": 1}),
    (3, {"pool_size": 2}),
    (3, {"pool_size": (1, 2, 3), "strides": (1, 3, 2), **SAME, **FIRST}),
]
GLOBAL = [
    (1, {}),
    (1, {"keepdims": True, **FIRST}),
    (2, {}),
    (2, {"keepdims": True}),
    (2, FIRST),
    (3, {"keepdims": True}),
    (3, FIRST),
]
ADAPTIVE = [
    (1, {"output_size": 3}),
    (1, {"output_size": [2], **FIRST}),
    (2, {"output_size": (2, 3), **FIRST}),
    (3, {"output_size": (2, 1, 4)}),
]
CASES = [
    *((f"{kind}Pooling{rank}D", rank, settings) for kind in ("Max", "Average") for rank, settings in WINDOWS),
    *((f"Global{kind}Pooling{rank}D", rank, settings) for kind in ("Max", "Average") for rank, settings in GLOBAL),
    *((f"Adaptive{kind}Pooling{rank}D", rank, settings) for kind in ("Max", "Average") for rank, settings in ADAPTIVE),
]
every_case = pytest.mark.parametrize(("name", "rank", "settings"), CASES, ids=lambda x: str(x).replace(" ", ""))
NAMES = list(dict.fromkeys(name for name, _, _ in CASES))


def pair(name, **settings):
    return getattr(pooling, name)(name="it", **settings), getattr(keras.layers, name)(name="it", **settings)


def shape_of(rank, settings):
    batch, *space, channels = SHAPES[rank]
    return (batch, channels, *space) if settings.get("data_format") == "channels_first" else (batch, *space, channels)


@every_case
def test_outputs_gradients_and_configs(name, rank, settings):
    ours, theirs = pair(name, **settings)
    x = some(*shape_of(rank, settings))
    if name.startswith("AdaptiveMax") and rank > 1:  # the gradient of Keras' takes seconds to compile
        assert_same(ours(x), theirs(x))
    else:
        compare(ours, theirs, x)
    compare_configs(ours, theirs)


@every_case
def test_output_shapes_with_free_axes(name, rank, settings):
    ours, theirs = pair(name, **settings)
    shape = shape_of(rank, settings)
    channels = 1 if settings.get("data_format") == "channels_first" else len(shape) - 1
    free_space = [n if axis == channels else None for axis, n in enumerate(shape)]
    for free in (shape, (None, *shape[1:]), tuple(free_space), (*shape[:2], None, *shape[3:])):
        expected = tuple(theirs.compute_output_shape(free))
        assert ours.compute_output_shape(free) == expected
        assert ours(KerasTensor(free, "float32")).shape == expected


@pytest.mark.parametrize("name", NAMES)
def test_signatures_and_automatic_names(name):
    def arguments(layer):
        return [(p.name, p.default) for p in inspect.signature(layer).parameters.values() if p.name != "kwargs"]

    ours, theirs = getattr(pooling, name), getattr(keras.layers, name)
    assert arguments(ours) == arguments(theirs)
    needed = {p: 2 for p, default in arguments(ours) if default is inspect.Parameter.empty}
    keras.backend.clear_session()
    assert ours(**needed).name == theirs(**needed).name


def test_aliases_are_those_of_keras():
    names = {name for name in dir(keras.layers) if "Pool" in name}
    assert names | {"DepthMaxPooling"} == set(pooling.__all__)
    for name in names:
        assert getattr(pooling, name).__name__ == getattr(keras.layers, name).__name__


@pytest.mark.parametrize("name", ["MaxPooling2D", "AveragePooling2D", "GlobalMaxPooling2D", "GlobalAveragePooling2D"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
def test_whole_numbers(name, dtype):
    x = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 200, (2, 5, 5, 3)).astype(dtype)
    ours, theirs = pair(name, **({} if name.startswith("Global") else {"pool_size": 2}))
    # Keras adds small integers up in their own dtype, which overflows, and takes no truth values.
    expected = theirs(x.astype("int32") if name == "AveragePooling2D" else x)
    assert_same(ours(x), expected)
    assert ours(KerasTensor((None, 5, 5, 3), dtype)).dtype == expected.dtype.name


@pytest.mark.parametrize("name", ["AdaptiveMaxPooling2D", "AdaptiveAveragePooling2D"])
@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_whole_numbers_to_a_given_size(name, dtype):
    x = np.random.default_rng(0).integers(0, 200, (2, 5, 5, 3)).astype(dtype)
    ours, theirs = pair(name, output_size=3)
    expected = theirs(x.astype("int32") if name == "AdaptiveAveragePooling2D" else x)
    assert_same(ours(x), expected)
    assert ours(KerasTensor((None, 5, 5, 3), dtype)).dtype == expected.dtype.name


@pytest.mark.parametrize("policy", ["bfloat16", "float16", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", ["MaxPooling2D", "AveragePooling2D", "GlobalMaxPooling2D", "GlobalAveragePooling2D"])
def test_sixteen_bits(name, policy):
    settings = {} if name.startswith("Global") else {"pool_size": 3, "strides": 2}
    x = some(2, 7, 7, 3)
    ours, theirs = pair(name, dtype=policy, **settings)
    assert_same(ours(x), theirs(x), rtol=1e-6 if "Max" in name else 2**-7)
    assert ours(KerasTensor((None, 7, 7, 3), "float32")).dtype == policy.removeprefix("mixed_")
    compare_configs(ours, theirs)
    whole = (x * 10).astype("int32")
    assert ours(KerasTensor((None, 7, 7, 3), "int32")).dtype == theirs(whole).dtype.name == ours(whole).dtype.name


@pytest.mark.parametrize("settings", [{}, {"keepdims": True}, FIRST, {"keepdims": True, **FIRST}])
def test_masked_mean(settings):
    ours, theirs = pair("GlobalAveragePooling1D", **settings)
    mask = np.array([[1, 1, 0, 1, 0, 0, 0], [0, 1, 1, 1, 1, 1, 1]], bool)
    compare(ours, theirs, some(*shape_of(1, settings)), mask=mask)


def test_masked_mean_of_whole_numbers():
    x = np.arange(24).reshape(2, 4, 3)
    mask = np.array([[1, 1, 0, 1], [0, 1, 1, 0]], bool)
    ours, theirs = pair("GlobalAveragePooling1D")
    assert_same(ours(x, mask=mask), theirs(set_keras_mask(jnp.asarray(x), mask)))


def test_a_mask_of_embedded_words_is_used_up():
    import lamina

    x = np.array([[3, 4, 0, 0], [1, 0, 0, 0]])
    embedding = lamina.layers.Embedding(5, 2, mask_zero=True)
    vectors = np.asarray(embedding(x))
    y = pooling.GlobalAveragePooling1D()(embedding(x))
    np.testing.assert_allclose(y, [vectors[0, :2].mean(0), vectors[1, 0]], rtol=1e-6)
    assert lamina.core.masking.get_mask(y) is None


@pytest.mark.parametrize("name", ["MaxPooling2D", "GlobalMaxPooling2D"])
def test_equal_values_share_or_take_the_gradient_as_in_keras(name):
    settings = {} if name.startswith("Global") else {"pool_size": 2, "strides": 1}
    ours, theirs = pair(name, **settings)
    x = np.random.default_rng(0).integers(0, 3, (2, 6, 5, 3)).astype(np.float32)
    slopes = [jax.jit(jax.grad(lambda x, layer=layer: jnp.sum(layer(x))))(x) for layer in (ours, theirs)]
    assert_same(*slopes)
