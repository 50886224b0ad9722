"""Structural similarity against Keras, and against its formula with SciPy's filters in float64."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage

from lamina.ops import image
from tests.ops.image.parity import FIRST, check, check_gradients, check_symbolic, pictures

ONE, OTHER = pictures(2, 16, 14, 3), 0.7 * pictures(2, 16, 14, 3) + 0.3 * pictures(2, 16, 14, 3, seed=1)


@pytest.mark.parametrize(
    "settings", [{}, {"filter_size": 4, "filter_sigma": 0.9, "k1": 0.02, "k2": 0.1, "max_val": 2.0}]
)
def test_similarity_is_that_of_keras(settings):
    check("ssim", ONE, OTHER, tolerance=2e-5, **settings)
    check("ssim", ONE[0], OTHER[0], tolerance=2e-5, **settings)
    first = (np.moveaxis(x, -1, 1) for x in (ONE, OTHER))
    check("ssim", *first, tolerance=2e-5, **settings, **FIRST)


def test_gradients_are_those_of_keras():
    check_gradients("ssim", ONE, OTHER, filter_size=5, tolerance=2e-4)


def test_similarity_is_that_of_the_formula():
    x, y = ONE[0, :, :, 0].astype(np.float64), OTHER[0, :, :, 0].astype(np.float64)
    mean = lambda z: scipy.ndimage.gaussian_filter(z, 1.5, radius=5)[5:-5, 5:-5]  # noqa: E731
    mx, my = mean(x), mean(y)
    vx, vy, c = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    theirs = (2 * mx * my + 1e-4) * (2 * c + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
    ours = image.ssim(ONE[0, :, :, :1], OTHER[0, :, :, :1])
    np.testing.assert_allclose(ours, theirs.mean(), atol=1e-5)


def test_similarity_of_bytes_is_a_float():
    one, other = (np.round(255 * x).astype(np.uint8) for x in (ONE, OTHER))
    ours = image.ssim(one, other, max_val=255)
    assert ours.dtype == "float32"
    np.testing.assert_allclose(ours, image.ssim(ONE, OTHER), atol=2e-3)
    check_symbolic("ssim", ours, one, other, max_val=255)


def test_equal_images_have_similarity_one():
    np.testing.assert_allclose(image.ssim(ONE, ONE), 1, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: image.ssim(ONE, OTHER[:1]), r"image1 and image2: expected equal shapes, .*\(1, 16, 14, 3\)"),
        (lambda: image.ssim(ONE[..., 0, 0], OTHER), r"ssim: image1: expected 3 or 4 axes.*\(2, 16\)"),
        (
            lambda: image.ssim(ONE, OTHER, filter_size=15),
            r"at most the height and width of the images, received 15 for",
        ),
        (lambda: image.ssim(ONE, OTHER, filter_sigma=0), "filter_sigma: expected a number > 0, received 0"),
        (lambda: image.ssim(ONE, OTHER, filter_size=0), "filter_size: expected a whole number >= 1, received 0"),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
