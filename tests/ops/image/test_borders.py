"""Borders cut off and added, against Keras."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.core.symbolic import KerasTensor
from lamina.ops import image
from tests.ops.image.parity import FIRST, check, pictures

NAMES = ("top", "left", "bottom", "right")
BATCH = pictures(2, 7, 8, 3, dtype="uint8")


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ({"top": 1, "bottom": 2}, {"left": 0, "right": 3}),
        ({"top": 2, "target": {"crop": 4, "pad": 10}}, {"left": 1, "target": {"crop": 7, "pad": 9}}),
        ({"bottom": 0, "target": {"crop": 4, "pad": 10}}, {"right": 2, "target": {"crop": 1, "pad": 12}}),
    ],
)
@pytest.mark.parametrize("kind", ["crop", "pad"])
def test_borders_are_those_of_keras(kind, rows, columns):
    settings = {
        f"{side}_{kind}ping" if kind == "crop" else f"{side}_padding": n for side, n in (rows | columns).items()
    }
    settings = {name: n for name, n in settings.items() if not name.startswith("target")}
    settings |= {
        f"target_{axis}": s["target"][kind] for axis, s in (("height", rows), ("width", columns)) if "target" in s
    }
    check(f"{kind}_images", BATCH, **settings)
    check(f"{kind}_images", BATCH[0], **settings)
    check(f"{kind}_images", pictures(2, 3, 7, 8), **settings, **FIRST)


def test_positions_of_the_arguments_are_those_of_keras():
    np.testing.assert_array_equal(image.crop_images(BATCH, 1, 2, 3, 4), BATCH[:, 1:4, 2:4])
    np.testing.assert_array_equal(image.pad_images(BATCH, 1, 2, 3, 4), np.pad(BATCH, ((0, 0), (1, 3), (2, 4), (0, 0))))


def test_sizes_of_images_may_be_free():
    x = KerasTensor((None, None, None, 3), "float32")
    assert image.crop_images(x, 1, 1, target_height=5, target_width=6).shape == (None, 5, 6, 3)
    assert image.crop_images(x, 1, 1, 2, 2).shape == (None, None, None, 3)
    assert image.pad_images(x, 1, 1, 2, 2).shape == (None, None, None, 3)
    assert image.pad_images(x, 1, 1, target_height=50, target_width=60).shape == (None, 50, 60, 3)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: image.crop_images(BATCH, 1, 1),
            "exactly two of top_cropping, bottom_cropping, target_height, received .*top_cropping.: 1",
        ),
        (
            lambda: image.pad_images(BATCH, 1, None, 1),
            "pad_images: expected exactly two of left_padding, right_padding, target_width, received none of them",
        ),
        (lambda: image.pad_images(BATCH, 1, 1, 1, 1, 9), r"exactly two of top_padding.*'target_height': 9"),
        (lambda: image.crop_images(BATCH, -1, 0, 1, 1), "top_cropping: expected a whole number >= 0, received -1"),
        (
            lambda: image.crop_images(BATCH, 5, 0, 5, 1),
            r"cannot cut 5 off before and 5 off behind axis 1 of images of shape \(2, 7, 8, 3\), so that -3 are left",
        ),
        (
            lambda: image.pad_images(BATCH, 1, 1, target_height=6, target_width=20),
            r"cannot add 1 before and -2 behind axis 1 of images of shape \(2, 7, 8, 3\), so that there are 6",
        ),
        (lambda: image.crop_images(np.ones((4, 4)), 1, 1, 1, 1), r"images: expected 3 or 4 axes.*\(4, 4\)"),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
