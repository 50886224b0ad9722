"""Patches against Keras and against windows written out."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core.symbolic import KerasTensor
from lamina.ops import image
from tests.ops.image.parity import FIRST, check, check_gradients, pictures
from tests.ops.parity import keras

SETTINGS = [
    {"size": 3},
    {"size": (2, 3), "strides": (1, 2)},
    {"size": (3, 2), "strides": 2, "padding": "same"},
    {"size": 3, "strides": 1, "dilation_rate": 2},
    {"size": 2, "strides": 1, "dilation_rate": (1, 3), "padding": "same"},
    {"size": (7, 8)},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_patches_are_those_of_keras(settings):
    check("extract_patches", pictures(2, 7, 8, 3), **settings)
    check("extract_patches", pictures(3, 7, 8), **settings, **FIRST)


@pytest.mark.parametrize(
    "settings",
    [
        {"size": (2, 3, 2)},
        {"size": (2, 1, 2), "strides": (1, 2, 3)},
        {"size": (3, 2, 2), "strides": 1, "padding": "same"},
    ],
    ids=str,
)
def test_patches_of_volumes_are_those_of_keras(settings):
    check("extract_patches", pictures(2, 4, 5, 6, 2), **settings)
    check("extract_patches_3d", pictures(2, 4, 5, 6), **settings, **FIRST)


def test_one_number_is_a_cube_for_volumes():
    check("extract_patches_3d", pictures(2, 4, 5, 6, 2), size=2)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bfloat16"])
def test_every_dtype_is_kept(dtype):
    x = pictures(7, 8, 3, dtype=dtype)
    patches = image.extract_patches(x, (3, 2), 2)
    assert patches.dtype == dtype
    windows = [[x[i : i + 3, j : j + 2].ravel() for j in range(0, 7, 2)] for i in range(0, 5, 2)]
    np.testing.assert_array_equal(patches, np.stack(windows))


def test_gradients_are_those_of_keras():
    check_gradients("extract_patches", pictures(2, 7, 8, 3), size=3, strides=2, padding="same")


def test_sizes_of_images_may_be_free():
    ours = image.extract_patches(KerasTensor((None, None, None, 3), "float32"), (3, 2), padding="same")
    theirs = keras.ops.image.extract_patches(
        keras.KerasTensor((None, None, None, 3), "float32"), (3, 2), padding="same"
    )
    assert ours.shape == theirs.shape == (None, None, None, 18)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: image.extract_patches(np.ones((4, 4)), 2), r"extract_patches: images: expected 3 or 4 axes.*\(4, 4\)"),
        (
            lambda: image.extract_patches(np.ones((4, 4, 3)), (2, 2, 2)),
            r"expected 4 or 5 axes, \(depth, height, width, channels\) or .*received an input of shape \(4, 4, 3\)",
        ),
        (lambda: image.extract_patches(np.ones((4, 4, 3)), (5, 2)), r"smaller than a patch, size=\(5, 2\).*empty"),
        (
            lambda: image.extract_patches(np.ones((4, 4, 3)), (2,)),
            r"size: expected a number or 2 numbers, received \(2,\)",
        ),
        (lambda: image.extract_patches(jnp.ones((4, 4, 3)), 2, 0), "strides: expected a whole number >= 1, received 0"),
        (lambda: image.extract_patches(jnp.ones((4, 4, 3)), 2, padding="full"), "padding: expected one of"),
        (lambda: image.extract_patches_3d(np.ones((4, 4, 4, 1)), (2, 2)), "extract_patches_3d: size: .*3 numbers"),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
