"""Resizing: references, boxes that follow the picture, dtypes, free sizes, and what bad settings get."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.layers import Input
from lamina.layers.preprocessing.images import Resizing
from tests.layers.preprocessing.images.test_cropping import box_around, scene

IMAGES = np.random.default_rng(0).integers(0, 256, (2, 9, 12, 2)).astype("uint8")


@pytest.mark.parametrize("size", [(5, 7), (18, 13), (9, 12)], ids=str)
def test_bilinear_interpolation_is_linear_between_the_centres_of_pixels(size):
    """Row and column by NumPy's `interp`, in float64; the outermost pixels reach to the edge."""
    expected = IMAGES.astype("float64")
    for axis, new in zip((1, 2), size, strict=True):
        old = expected.shape[axis]
        at = (np.arange(new) + 0.5) * old / new - 0.5
        expected = np.apply_along_axis(lambda line, at=at, old=old: np.interp(at, np.arange(old), line), axis, expected)
    np.testing.assert_allclose(Resizing(*size)(IMAGES.astype("float32")), expected, rtol=1e-5, atol=1e-3)


def test_whole_numbers_stay_what_they_are():
    floats = np.asarray(Resizing(5, 7, interpolation="bicubic")(IMAGES.astype("float32")))
    result = Resizing(5, 7, interpolation="bicubic")(IMAGES)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, np.clip(np.round(floats), 0, 255))
    np.testing.assert_array_equal(Resizing(5, 7, interpolation="bicubic", dtype="mixed_bfloat16")(IMAGES), result)
    assert Resizing(5, 7)(Input((None, None, 3), dtype="uint8")).dtype == "uint8"


@pytest.mark.parametrize("how", [{}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}], ids=str)
@pytest.mark.parametrize("size", [(24, 24), (30, 11), (13, 50)], ids=str)
def test_box_and_mask_follow_the_picture(how, size):
    parts = scene(12, 20, 8, 4, 13, 9)
    result = Resizing(*size, interpolation="nearest", bounding_box_format="xyxy", fill_value=3, **how)(parts)
    found = box_around(result["images"][0])
    np.testing.assert_allclose(result["bounding_boxes"]["boxes"][0, 0], found, atol=1)
    np.testing.assert_array_equal(np.asarray(result["segmentation_masks"]) == 1, np.asarray(result["images"]) == 255)
    assert result["segmentation_masks"].dtype == np.uint8
    assert set(np.unique(result["images"])) == ({0, 3, 255} if "pad_to_aspect_ratio" in how else {0, 255})


def test_sizes_are_known_where_images_have_free_ones():
    layer = Resizing(30, 50)
    assert layer(Input((None, None, 3))).shape == (None, 30, 50, 3)
    assert layer.compute_output_shape((None, 7, 8, 1)) == (None, 30, 50, 1)
    assert Resizing(30, 50, data_format="channels_first").compute_output_shape((None, 1, 7, 8)) == (None, 1, 30, 50)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"height": 0}, "height: expected a whole number >= 1, received 0"),
        ({"width": 1.5}, "width: expected a whole number >= 1"),
        ({"interpolation": "bilinaer"}, "interpolation: expected one of .* Did you mean 'bilinear'"),
        ({"fill_mode": "reflect"}, r"fill_mode: expected one of \['constant'\], received 'reflect'"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "received both as True"),
    ],
)
def test_bad_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Resizing(**{"height": 4, "width": 4, **arguments})
