"""Functions of bounding boxes against the real Keras' `keras.utils.bounding_boxes`."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from lamina.ops import bounding_boxes as ours

keras = pytest.importorskip("keras")
theirs = keras.utils.bounding_boxes

HEIGHT, WIDTH = 60, 90


def some_boxes(shape=(2, 5), seed=0):
    """Corners in pixels, some of them sticking out of the image."""
    corners = np.random.default_rng(seed).uniform(-10, 100, (*shape, 2, 2))
    return np.sort(corners, axis=-2).reshape(*shape, 4).astype("float32")


def assert_same(mine, other):
    np.testing.assert_allclose(np.asarray(mine), np.asarray(other), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("source", ours.FORMATS)
@pytest.mark.parametrize("shape", [(5,), (2, 5)], ids=str)
def test_formats(source, shape):
    corners = some_boxes(shape)
    for target in ours.FORMATS:
        boxes = theirs.convert_format(corners, "xyxy", source, HEIGHT, WIDTH)
        mine = ours.convert_format(np.asarray(boxes), source, target, HEIGHT, WIDTH)
        other = theirs.convert_format(boxes, source, target, HEIGHT, WIDTH)
        assert mine.dtype == other.dtype
        assert_same(mine, other)


def test_formats_in_any_case_and_in_dicts_with_a_size_for_each_image():
    boxes = {"boxes": some_boxes(), "labels": np.ones((2, 5), "int32")}
    heights, widths = np.array([[[60.0]], [[30.0]]]), np.array([[[90.0]], [[45.0]]])
    mine = ours.convert_format(boxes, "XYXY", "rel_xyWH", heights, widths, dtype="float32")
    other = theirs.convert_format(copy.deepcopy(boxes), "XYXY", "rel_xyWH", heights, widths)
    assert_same(mine["boxes"], other["boxes"])
    assert mine["labels"] is boxes["labels"]


@pytest.mark.parametrize("name", ["xyxy", "rel_xyxy"])
def test_clipping(name):
    boxes = {"boxes": some_boxes() / (50 if name == "rel_xyxy" else 1), "labels": np.arange(10).reshape(2, 5)}
    boxes["boxes"][0, 0] = [-9, -9, -1, -1]
    mine = ours.clip_to_image_size(boxes, HEIGHT, WIDTH, name)
    other = theirs.clip_to_image_size(boxes, HEIGHT, WIDTH, name)
    assert_same(mine["boxes"], other["boxes"])
    np.testing.assert_array_equal(mine["labels"], other["labels"])
    assert mine["labels"][0, 0] == -1


@pytest.mark.parametrize("center", [{}, {"center_x": 0.2, "center_y": 0.9}], ids=["middle", "elsewhere"])
def test_affine_transform(center):
    numbers = np.random.default_rng(1).uniform(-1, 1, (6, 2)).astype("float32")
    angle, dx, dy, scale, shear_x, shear_y = numbers * np.array([[180], [0.5], [0.5], [0.4], [40], [40]], "float32")
    arguments = (some_boxes(), angle, dx, dy, 1 + scale, shear_x, shear_y, HEIGHT, WIDTH)
    mine, other = ours.affine_transform(*arguments, **center), theirs.affine_transform(*arguments, **center)
    np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-3)


def test_crop_and_pad():
    boxes = some_boxes()
    assert_same(ours.crop(boxes, 10, 20, 30, 40), theirs.crop(boxes, 10, 20, 30, 40))
    assert_same(ours.pad(boxes, 3, 4), theirs.pad(boxes, 3, 4))


@pytest.mark.parametrize("encoding", ["center_yxhw", "center_xywh"])
@pytest.mark.parametrize("variance", [None, [0.1, 0.1, 0.2, 0.2]])
@pytest.mark.parametrize("name", ["xyxy", "rel_yxyx"])
def test_deltas(encoding, variance, name):
    anchors, boxes = (
        np.asarray(theirs.convert_format(some_boxes(shape, seed), "xyxy", name, HEIGHT, WIDTH))
        for shape, seed in (((5,), 1), ((2, 5), 2))
    )
    size = {"variance": variance, "image_shape": (HEIGHT, WIDTH, 3)}
    mine = ours.encode_box_to_deltas(anchors, boxes, name, name, encoding, **size)
    other = theirs.encode_box_to_deltas(anchors, boxes, name, name, encoding, **size)
    assert_same(mine, other)
    again = ours.decode_deltas_to_boxes({"p3": anchors}, {"p3": mine}, name, "xywh", encoding, **size)
    expected = theirs.decode_deltas_to_boxes({"p3": anchors}, {"p3": other}, name, "xywh", encoding, **size)
    assert_same(again["p3"], expected["p3"])


@pytest.mark.parametrize("shapes", [((4,), (3,)), ((2, 4), (3,)), ((4,), (2, 3)), ((2, 4), (2, 3))], ids=str)
@pytest.mark.parametrize("name", ["xyxy", "center_xywh", "rel_xyxy"])
def test_overlap(shapes, name):
    first, second = (
        np.asarray(theirs.convert_format(some_boxes(shape, seed), "xyxy", name, HEIGHT, WIDTH))
        for seed, shape in enumerate(shapes)
    )
    image_shape = (HEIGHT, WIDTH, 3)
    mine = ours.compute_iou(first, second, name, image_shape=image_shape)
    assert mine.max() > 0.05
    assert_same(mine, theirs.compute_iou(first, second, name, image_shape=image_shape))


def test_overlap_of_empty_boxes_is_masked():
    first, second = some_boxes((4,), 1), some_boxes((3,), 2)
    first[1] = second[2] = -1
    mine = ours.compute_iou(first, second, "xyxy", use_masking=True, mask_val=-7)
    assert_same(mine, theirs.compute_iou(first, second, "xyxy", use_masking=True, mask_val=-7))
    assert (np.asarray(mine) == -7).sum() == 6


@pytest.mark.parametrize("name", ["xyxy", "xywh", "center_yxhw"])
def test_complete_overlap(name):
    first, second = (np.asarray(theirs.convert_format(some_boxes((7,), s), "xyxy", name)) for s in (1, 2))
    assert_same(ours.compute_ciou(first, second, name), theirs.compute_ciou(first, second, name))
