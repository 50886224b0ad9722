"""Crops: where they cut, what is drawn, what belongs to the images, and what bad settings get."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import stats

from lamina import Sequential
from lamina.layers import Input
from lamina.layers.preprocessing.images import CenterCrop, RandomCrop

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 9, 12, 2)).astype("uint8")


def scene(height, width, left, top, right, bottom):
    """A dark image with a bright rectangle, its mask and its box."""
    image = np.zeros((1, height, width, 1), "float32")
    image[:, top:bottom, left:right] = 255
    boxes = {"boxes": np.array([[[left, top, right, bottom]]], "float32"), "labels": np.array([[4]])}
    return {"images": image, "segmentation_masks": (image > 0).astype("uint8"), "bounding_boxes": boxes}


def box_around(picture):
    """Left, top, right, bottom of what is bright."""
    rows, columns = np.nonzero(np.asarray(picture)[..., 0] > 127)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_center_crop_is_the_middle(data_format):
    images = IMAGES if data_format == "channels_last" else IMAGES.transpose(0, 3, 1, 2)
    result = np.asarray(CenterCrop(4, 6, data_format=data_format)(images))
    result = result if data_format == "channels_last" else result.transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(result, IMAGES[:, 2:6, 3:9])


@pytest.mark.parametrize("size", [(5, 9), (16, 16), (4, 30)], ids=str)
@pytest.mark.parametrize("kind", [CenterCrop, RandomCrop])
def test_box_and_mask_follow_the_picture(size, kind):
    parts = scene(12, 20, 6, 4, 13, 9)
    for seed in range(3):
        layer = kind(*size, bounding_box_format="xyxy", **({"seed": seed} if kind is RandomCrop else {}))
        result = layer(parts, training=True)
        found = box_around(result["images"][0])
        np.testing.assert_allclose(result["bounding_boxes"]["boxes"][0, 0], found, atol=0.5 * max(1, size[0] / 12))
        assert result["segmentation_masks"].dtype == np.uint8
        assert set(np.unique(result["segmentation_masks"])) <= {0, 1}
        np.testing.assert_allclose(box_around(result["segmentation_masks"][0] * 255), found, atol=1)


def test_random_crop_takes_each_place_equally_often():
    columns, rows = np.meshgrid(np.arange(7), np.arange(5))
    image = np.stack([rows, columns], axis=-1)[None].astype("float32")
    parts = np.asarray(RandomCrop(3, 4, seed=1)(np.tile(image, (2400, 1, 1, 1))))
    counts = np.zeros((3, 4))
    for top, left in parts[:, 0, 0].astype(int):
        counts[top, left] += 1
    assert stats.chisquare(counts.ravel()).pvalue > 1e-4
    np.testing.assert_array_equal(parts[:, 1, 2] - parts[:, 0, 0], np.tile([1, 2], (2400, 1)))


def test_random_crop_of_the_whole_height_is_random_across():
    lefts = np.asarray(RandomCrop(1, 2, seed=3)(np.tile(np.arange(6.0)[None, None, :, None], (64, 1, 1, 1))))[
        :, 0, 0, 0
    ]
    assert set(lefts.tolist()) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("training", [False, True])
def test_random_crop_resizes_what_is_too_small(training):
    result = RandomCrop(18, 18)(IMAGES, training=training)
    expected = CenterCrop(18, 18)(IMAGES)
    np.testing.assert_array_equal(result, expected)


def test_random_crop_outside_of_training_takes_the_largest_middle():
    parts = scene(12, 20, 6, 4, 13, 9)
    result = RandomCrop(6, 6, bounding_box_format="xyxy")(parts, training=False)
    np.testing.assert_allclose(result["bounding_boxes"]["boxes"][0, 0], [1, 2, 4.5, 4.5])
    assert result["images"].shape == (1, 6, 6, 1)


def test_random_crop_is_a_new_one_in_each_compiled_step():
    layer = RandomCrop(2, 2, seed=1)
    model = Sequential([Input((9, 12, 2)), layer])
    assert model.output_shape == (None, 2, 2, 2)
    step = jax.jit(lambda state: model.stateless_call(state, [], IMAGES, training=True)[0])
    assert step([]).shape == (3, 2, 2, 2)


def test_crops_have_known_sizes_where_images_have_free_ones():
    for layer in (CenterCrop(30, 50), RandomCrop(30, 50)):
        assert layer(Input((None, None, 3))).shape == (None, 30, 50, 3)
        assert layer.compute_output_shape((None, 20, 70, 1)) == (None, 30, 50, 1)
        assert layer.compute_output_shape((20, 70, 1)) == (30, 50, 1)


@pytest.mark.parametrize("kind", [CenterCrop, RandomCrop])
@pytest.mark.parametrize("wrong", [0, -3, 2.5, None, True, "4"])
def test_bad_sizes_are_refused(kind, wrong):
    with pytest.raises(ValueError, match=rf"{kind.__name__} '\w+': width: expected a whole number >= 1, received"):
        kind(3, wrong)
    with pytest.raises(ValueError, match="height: expected a whole number >= 1"):
        kind(wrong, 3)
