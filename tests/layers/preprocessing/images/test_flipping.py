"""RandomFlip: what it mirrors, how often, and what belongs to the images."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from scipy import stats

from lamina.layers.preprocessing.images import RandomFlip
from tests.layers.preprocessing.images.test_cropping import box_around, scene

IMAGE = np.arange(12.0, dtype="float32").reshape(1, 3, 4, 1)


@pytest.mark.parametrize("mode", ["horizontal", "vertical", "horizontal_and_vertical"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_each_position_comes_up_equally_often(mode, data_format):
    images = np.tile(IMAGE, (1200, 1, 1, 1))
    images = images if data_format == "channels_last" else images.transpose(0, 3, 1, 2)
    flipped = np.asarray(RandomFlip(mode, seed=1, data_format=data_format)(images)).reshape(1200, 3, 4)
    plain = IMAGE[0, :, :, 0]
    positions = {
        "horizontal": [plain, plain[:, ::-1]],
        "vertical": [plain, plain[::-1]],
        "horizontal_and_vertical": [plain, plain[:, ::-1], plain[::-1], plain[::-1, ::-1]],
    }[mode]
    counts = [int((flipped == position).all((1, 2)).sum()) for position in positions]
    assert sum(counts) == 1200
    assert stats.chisquare(counts).pvalue > 1e-4


def test_boxes_and_masks_follow_the_picture():
    parts = jax.tree.map(lambda x: np.repeat(x, 40, axis=0), scene(12, 20, 3, 2, 13, 9))
    result = RandomFlip(seed=1, bounding_box_format="xyxy")(parts, training=True)
    found = np.array([box_around(image) for image in result["images"]])
    assert len(np.unique(found, axis=0)) == 4
    np.testing.assert_array_equal(result["bounding_boxes"]["boxes"][:, 0], found)
    np.testing.assert_array_equal(result["images"] > 0, result["segmentation_masks"] > 0)


def test_another_mode_is_refused():
    with pytest.raises(ValueError, match=r"mode: expected one of .* Did you mean 'horizontal'"):
        RandomFlip("horizontel")
