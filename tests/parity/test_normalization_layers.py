"""Normalisation layers against the real Keras: outputs, gradients, moving statistics and configs.

Keras writes x * a + (b - mean * a), lamina (x - mean) * a + b, which rounds less: gradients are compared to 1e-5.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from tests.parity.layer_pairs import (
    SIXTEEN_BITS,
    assert_same,
    assert_same_configs,
    assert_same_function,
    keras_outputs_and_slopes,
    outputs_and_slopes,
    pair,
    some,
    twins,
    values_of,
)

AXES = [
    ((5, 6), -1),
    ((5, 6), 1),
    ((2, 3, 4), -1),
    ((2, 3, 4), 1),
    ((2, 3, 4), [1, 2]),
    ((2, 3, 4), (-1, -2)),
    ((2, 3, 4), [2, 1]),
    ((2, 3, 4), [1, -1]),
    ((2, 3, 4, 5), [1, 2, 3]),
    ((2, 3, 4, 5), [2]),
]
PARTS = [
    {},
    {"center": False},
    {"scale": False, "epsilon": 0.1},
    {"center": False, "scale": False},
    {
        "beta_initializer": "ones",
        "gamma_regularizer": "l2",
        "beta_constraint": "non_neg",
        "gamma_constraint": "max_norm",
    },
]
GROUPS = [
    ((4, 8), {"groups": 2}),
    ((4, 8), {"groups": 8}),
    ((2, 3, 8), {"groups": 4}),
    ((2, 3, 8), {"groups": -1}),
    ((2, 3, 8), {"groups": 1, "axis": 2}),
    ((2, 5, 4, 6), {"groups": 3, "epsilon": 0.1}),
    ((2, 6, 5, 4), {"groups": 3, "axis": 1}),
    ((2, 3, 8, 5), {"groups": 2, "axis": 2}),
    ((2, 3, 8, 5), {"groups": 2, "axis": -2}),
    ((2, 3, 32), {}),
]
# float16 gradients of weights are sums of many terms in Keras' order: the tolerance is that of the dtype.
ROUNDED = {"bfloat16": 3e-2, "mixed_bfloat16": 3e-2, "float16": 1e-2, "mixed_float16": 1e-2}


@pytest.mark.parametrize(("shape", "axis"), AXES)
def test_layer_normalization_over_any_axes(shape, axis):
    assert_same_function(*twins("LayerNormalization", shape, axis=axis), some(shape) * 3 + 1, rtol=1e-5)


@pytest.mark.parametrize("arguments", PARTS, ids=str)
def test_layer_normalization_parts(arguments):
    x = some((4, 3, 6)) * 2
    assert_same_function(*twins("LayerNormalization", x.shape, **arguments), x, rtol=1e-5)
    assert_same_configs("LayerNormalization", x, **arguments)
    assert_same_configs("LayerNormalization", x, axis=[1, 2], **arguments)


def test_layer_normalization_with_the_deprecated_scaling():
    x = some((4, 3, 6)) * 2 + 1
    with pytest.warns(UserWarning, match="RMS"):
        assert_same_function(*twins("LayerNormalization", x.shape, rms_scaling=True, scale=False), x, rtol=1e-5)
    with pytest.warns(UserWarning, match="RMS"):
        assert_same_configs("LayerNormalization", x, rms_scaling=True)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [((5, 6), -1), ((2, 3, 4), 2), ((2, 3, 4), [1, 2]), ((2, 3, 4), (-1, -2)), ((2, 3, 4, 5), [1, 2, 3])],
)
def test_rms_normalization_over_last_axes(shape, axis):  # over others, Keras fails
    assert_same_function(*twins("RMSNormalization", shape, axis=axis), some(shape) * 3 + 1, rtol=1e-5)


def test_rms_and_unit_normalization_configs():
    x = some((2, 3, 4))
    assert_same_configs("RMSNormalization", x)
    assert_same_configs("RMSNormalization", x, axis=[1, 2], epsilon=1e-3)
    assert_same_configs("UnitNormalization", x)
    assert_same_configs("UnitNormalization", x, axis=[1, 2])


@pytest.mark.parametrize(("shape", "axis"), [*AXES, ((3, 4), 0)])
def test_unit_normalization_over_any_axes(shape, axis):
    assert_same_function(*pair("UnitNormalization", axis=axis), some(shape) * 3 + 1, rtol=3e-6)


def test_unit_normalization_of_zeros():
    ours, theirs = pair("UnitNormalization")
    assert_same(ours(np.zeros((2, 3), np.float32)), theirs(np.zeros((2, 3), np.float32)))


@pytest.mark.parametrize(("shape", "arguments"), GROUPS)
def test_group_normalization_of_any_groups_and_axis(shape, arguments):
    assert_same_function(*twins("GroupNormalization", shape, **arguments), some(shape) * 3 + 1, rtol=1e-5)
    ours, theirs = pair("GroupNormalization", **arguments)
    assert (ours.get_config()["groups"], ours.get_config()["axis"]) == (theirs.groups, theirs.axis)


@pytest.mark.parametrize("arguments", PARTS, ids=str)
def test_group_normalization_parts(arguments):
    x = some((4, 3, 6)) * 2
    assert_same_function(*twins("GroupNormalization", x.shape, groups=3, **arguments), x, rtol=1e-5)
    assert_same_configs("GroupNormalization", x, groups=3, **arguments)


@pytest.mark.parametrize("dtype", SIXTEEN_BITS)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("LayerNormalization", {}),
        ("RMSNormalization", {}),
        ("GroupNormalization", {"groups": 2}),
        ("UnitNormalization", {}),
    ],
)
def test_sixteen_bits(name, arguments, dtype):
    if name == "UnitNormalization" and "float16" in dtype.replace("bfloat16", ""):
        return  # Keras overflows: its largest factor is 1e12
    ours, theirs = twins(name, (4, 3, 8), dtype=dtype, **arguments)
    assert_same_function(ours, theirs, some((4, 3, 8)), rtol=ROUNDED[dtype])


@pytest.mark.parametrize("name", ["LayerNormalization", "GroupNormalization"])
def test_statistics_of_16_bit_models_are_those_of_the_32_bit_inputs(name):
    arguments = {"groups": 2} if name == "GroupNormalization" else {}
    ours, theirs = twins(name, (4, 8), dtype="mixed_bfloat16", **arguments)
    x = some((4, 8)) + 1000  # bfloat16 would round these to multiples of 4
    assert_same(ours(x), theirs(x), rtol=1e-2)


# BatchNormalization: its other tests are in test_layers.py ------------------------------------------------------------

RENORMS = [
    ((16, 4), {}),
    ((16, 4), {"renorm_clipping": {"rmax": 1.5, "rmin": 0.5, "dmax": 0.3}, "renorm_momentum": 0.7}),
    ((8, 3, 4), {"axis": 1, "renorm_clipping": {"dmax": 0.0}, "momentum": 0.5}),
    ((8, 3, 4), {"scale": False, "renorm_momentum": 0.5}),
    ((16, 4), {"center": False, "scale": False, "renorm_clipping": {"rmax": 2}}),
]


@pytest.mark.parametrize(("shape", "arguments"), RENORMS)
@pytest.mark.parametrize("training", [False, True])
def test_batch_renormalization_outputs_and_gradients(shape, arguments, training):
    ours, theirs = twins("BatchNormalization", shape, renorm=True, **arguments)
    assert_same_function(ours, theirs, some(shape) * 3 + 1, rtol=1e-5, training=training)


@pytest.mark.parametrize(("shape", "arguments"), RENORMS[1:4])
def test_batch_renormalization_moves_its_statistics_as_keras_does(shape, arguments):
    ours, theirs = pair("BatchNormalization", renorm=True, moving_variance_initializer="ones", **arguments)
    for step in range(3):
        x = some(shape, seed=step) * (step + 1) + step
        assert_same(ours(x, training=True), theirs(x, training=True), rtol=3e-6)
        for mine, other in zip(ours.get_weights(), values_of(theirs), strict=True):
            assert_same(mine, other, rtol=2e-6)
    assert_same(ours(x), theirs(x), rtol=3e-6)


@pytest.mark.parametrize("dtype", SIXTEEN_BITS)
def test_batch_renormalization_in_sixteen_bits(dtype):
    ours, theirs = twins("BatchNormalization", (16, 4), renorm=True, dtype=dtype)
    x = some((16, 4)) * 30
    assert_same(ours(x, training=True), theirs(x, training=True), rtol=ROUNDED[dtype])
    for mine, other in zip(ours.get_weights(), values_of(theirs), strict=True):
        assert_same(mine, other, rtol=ROUNDED[dtype])


def test_batch_renormalization_starts_from_the_initializers():
    ours, theirs = pair(
        "BatchNormalization",
        renorm=True,
        moving_mean_initializer="ones",
        moving_variance_initializer={
            "module": "keras.initializers",
            "class_name": "Constant",
            "config": {"value": 4.0},
        },
    )
    ours.build((None, 3))
    theirs.build((None, 3))
    for mine, other in zip(ours.get_weights(), values_of(theirs), strict=True):
        assert_same(mine, other)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"renorm": True},
        {"renorm": True, "renorm_clipping": {"rmax": 3.0, "dmax": 5.0}, "renorm_momentum": 0.9},
        {
            "axis": 1,
            "momentum": 0.9,
            "epsilon": 1e-5,
            "center": False,
            "gamma_regularizer": "l1",
            "synchronized": False,
        },
    ],
    ids=str,
)
def test_batch_normalization_configs(arguments):
    assert_same_configs("BatchNormalization", some((4, 6)), **arguments)


@pytest.mark.parametrize("shape", [(4, 5, 3), (4, 5, 2, 3)])
def test_batch_normalization_gradients_with_a_mask(shape):
    ours, theirs = twins("BatchNormalization", shape)
    mask = jnp.asarray(some(shape[:-1], seed=5) > 0)
    mine = outputs_and_slopes(ours, some(shape), training=True, mask=mask)
    other = keras_outputs_and_slopes(theirs, some(shape), training=True, mask=mask)
    assert_same(mine[0], other[0], rtol=3e-6)
    assert_same(mine[2], other[2], rtol=1e-5)
    for first, second in zip(mine[1], other[1], strict=True):
        assert_same(first, second, rtol=1e-5)
