"""`RandomErasing`: which images, which pixels, and what is written there."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lamina.layers.preprocessing.images.erasing import RandomErasing

GREY = np.full((400, 8, 12, 3), 100, np.uint8)


def test_erased_pixels_form_a_rectangle_of_the_asked_size_in_all_channels():
    erased = np.asarray(RandomErasing((1, 1), scale=(0.25, 0.25), fill_value=7, seed=1)(GREY)) == 7
    assert (erased == erased[..., :1]).all()
    assert (erased[..., 0].sum((1, 2)) == 4 * 6).all()
    assert set(erased[..., 0].any(2).sum(1)) == {4}


def test_sides_are_roots_of_independent_shares_in_the_range():
    layer = RandomErasing((1, 1), scale=(0.1, 0.4), fill_value=0, seed=1)
    erased = np.asarray(layer(np.ones((2000, 64, 64, 1)))) == 0
    heights, widths = (erased[..., 0].any(axis).sum(1) / 64 for axis in (2, 1))
    for sides in (heights, widths):
        assert stats.kstest(sides**2, stats.uniform(0.1, 0.3).cdf).statistic < 0.06  # pixels are 1/64 wide
    assert abs(np.corrcoef(heights, widths)[0, 1]) < 0.1


@pytest.mark.parametrize(("factor", "share"), [(1.0, 0.5), ((1, 1), 1), (0, 0), ((0.2, 0.4), 0.3)])
def test_the_share_of_changed_images_is_the_mean_of_the_range(factor, share):
    changed = (np.asarray(RandomErasing(factor, fill_value=0, seed=1)(GREY)) == 0).any((1, 2, 3)).sum()
    assert stats.binomtest(int(changed), 400, share).pvalue > 1e-4


def test_noise_is_normal_and_clipped_to_the_range():
    layer = RandomErasing((1, 1), scale=(1, 1), value_range=(-1, 2), seed=1)
    noise = np.asarray(layer(GREY[:40]), np.float64).ravel()
    assert noise.min() == -1
    assert noise.max() == 2
    inside = noise[(noise > -1) & (noise < 2)]
    assert stats.kstest(inside, stats.truncnorm(-0.5, 1, scale=2).cdf).pvalue > 1e-4
    assert inside.size / noise.size == pytest.approx(np.diff(stats.norm.cdf([-0.5, 1]))[0], abs=0.02)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_a_value_for_each_channel(data_format):
    axis = -1 if data_format == "channels_last" else 1
    layer = RandomErasing((1, 1), (1, 1), fill_value=[1, 2, 300, 4], data_format=data_format)
    result = layer(np.zeros((2, 4, 4, 4)))
    np.testing.assert_array_equal(np.moveaxis(np.asarray(result), axis, -1)[0, 2, 1], [1, 2, 255, 4])
    with pytest.raises(ValueError, match=r"a number for each of the 3 channels .*received \[1, 2, 300, 4\]"):
        RandomErasing(fill_value=[1, 2, 300, 4])(GREY[:1])


def test_labels_boxes_and_masks_stay():
    data = {
        "images": GREY[:2],
        "labels": np.array([3, 4]),
        "bounding_boxes": {"boxes": np.array([[[0.0, 0, 4, 4]]] * 2), "labels": np.array([[1], [2]])},
        "segmentation_masks": GREY[:2, ..., :1],
    }
    result = RandomErasing((1, 1), bounding_box_format="xyxy")(data)
    for name in ("labels", "segmentation_masks"):
        np.testing.assert_array_equal(result[name], data[name])
        assert result[name].dtype == jnp.asarray(data[name]).dtype
    np.testing.assert_array_equal(result["bounding_boxes"]["boxes"], data["bounding_boxes"]["boxes"])


def test_inference_single_images_and_dtypes():
    layer = RandomErasing((1, 1), (1, 1), fill_value=9)
    np.testing.assert_array_equal(layer(GREY[:2], training=False), GREY[:2])
    assert layer(GREY[:2]).dtype == np.float32
    np.testing.assert_array_equal(layer(GREY[0]), np.full((8, 12, 3), 9))
    assert RandomErasing(dtype="mixed_bfloat16")(GREY[:2]).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factor": 1.2}, r"factor: expected .* from 0 to 1, received 1\.2"),
        ({"scale": (-0.1, 0.5)}, r"scale: expected .* from 0 to 1, received \(-0\.1, 0\.5\)"),
        ({"fill_value": "grey"}, "fill_value: expected a number, one for each channel, or None .*received 'grey'"),
        ({"value_range": (255, 0)}, r"value_range: expected \(lowest, highest\).*received \(255, 0\)"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        RandomErasing(**arguments)
