"""Colours against Keras, and against `colorsys` of the standard library."""

from __future__ import annotations

import colorsys

import jax
import numpy as np
import pytest

from lamina.ops import image
from tests.ops.image.parity import FIRST, check, check_gradients, pictures

HSV = ["rgb_to_hsv", "hsv_to_rgb"]
BATCH = pictures(2, 5, 4, 3)
# Grey, black, white, the corners and edges of the cube of colours.
SPECIAL = np.stack(np.meshgrid(*[[0, 0.5, 1]] * 3), -1).reshape(3, 9, 3).astype(np.float32)


@pytest.mark.parametrize("name", [*HSV, "rgb_to_grayscale"])
def test_values_are_those_of_keras(name):
    for images in (BATCH, BATCH[0], SPECIAL):
        check(name, images)
    check(name, pictures(2, 3, 5, 4), **FIRST)
    check(name, pictures(3, 5, 4), **FIRST)


@pytest.mark.parametrize("name", [*HSV, "rgb_to_grayscale"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_that_of_keras(name, dtype):
    check(name, pictures(2, 5, 4, 3, dtype=dtype), tolerance=3e-2)


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
def test_grey_of_whole_numbers_is_that_of_keras(dtype):
    check("rgb_to_grayscale", pictures(2, 5, 4, 3, dtype=dtype))
    white = image.rgb_to_grayscale(np.full((1, 1, 3), 255, np.uint8))
    assert white.dtype == "uint8"
    assert int(white[0, 0, 0]) == 254  # the weights add up to 0.9999


def test_grey_images_stay_as_they_are():
    check("rgb_to_grayscale", pictures(2, 5, 4, 1, dtype="uint8"))


@pytest.mark.parametrize("name", HSV)
def test_hue_saturation_and_value_are_those_of_the_standard_library(name):
    colours = np.concatenate([SPECIAL.reshape(-1, 3), BATCH.reshape(-1, 3)])
    theirs = [getattr(colorsys, name)(*map(float, colour)) for colour in colours]
    np.testing.assert_allclose(getattr(image, name)(colours[None])[0], theirs, atol=2e-6)


def test_hsv_and_back_is_the_same_image():
    for images in (BATCH, SPECIAL):
        np.testing.assert_allclose(image.hsv_to_rgb(image.rgb_to_hsv(images)), images, atol=1e-6)


@pytest.mark.parametrize("name", [*HSV, "rgb_to_grayscale"])
def test_gradients_are_those_of_keras(name):
    check_gradients(name, BATCH)


def test_gradients_of_grey_and_black_pixels_are_finite():
    assert np.isfinite(jax.jit(jax.grad(lambda x: image.rgb_to_hsv(x).sum()))(SPECIAL)).all()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: image.rgb_to_hsv(np.ones((4, 4, 1))),
            r"expected 3 \(red, green, blue\) channels on axis -1.*\(4, 4, 1\)",
        ),
        (lambda: image.rgb_to_grayscale(BATCH, **FIRST), r"channels on axis -3 \(channels_first\).*\(2, 5, 4, 3\)"),
        (
            lambda: image.hsv_to_rgb(np.ones((4, 4, 3), np.uint8)),
            "hsv_to_rgb: images: expected floats.*Divide bytes by",
        ),
        (lambda: image.rgb_to_hsv(np.ones((4, 3))), r"rgb_to_hsv: images: expected 3 or 4 axes.*\(4, 3\)"),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
