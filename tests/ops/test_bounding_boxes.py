"""Bounding boxes: ragged and empty ones, geometry against plain pictures and points, and what bad input gets."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.ops import bounding_boxes as bb


def test_lists_of_different_numbers_of_boxes_are_padded_with_empty_ones():
    boxes = {"boxes": [[[0, 0, 4, 4]], [], [[1, 1, 2, 2], [3, 3, 4, 4]]], "labels": [[7], [], [8, 9]]}
    dense = bb.densify(boxes)
    assert (dense["boxes"].shape, dense["boxes"].dtype) == ((3, 2, 4), np.float32)
    np.testing.assert_array_equal(dense["labels"], [[7, -1], [-1, -1], [8, 9]])
    np.testing.assert_array_equal(dense["boxes"][1], -np.ones((2, 4)))
    assert boxes["labels"] == [[7], [], [8, 9]]


@pytest.mark.parametrize("array", [np.asarray, jnp.asarray, list])
def test_lists_of_arrays_and_one_hot_labels_are_padded(array):
    dense = bb.densify(
        {"boxes": [array([[0.0, 0, 4, 4]]), array([[1.0, 1, 2, 2]] * 2)], "labels": [np.eye(3)[:1], np.eye(3)[1:]]}
    )
    assert dense["boxes"].shape == (2, 2, 4)
    np.testing.assert_array_equal(dense["labels"], [[[1, 0, 0], [-1, -1, -1]], [[0, 1, 0], [0, 0, 1]]])


@pytest.mark.parametrize(
    ("boxes", "labels", "shape"),
    [
        ([[1, 2, 3, 4], [5, 6, 7, 8]], [0, 1], (2, 4)),
        ([], [], (0, 4)),
        ([[], []], [[], []], (2, 0, 4)),
        (np.zeros((2, 3, 4)), np.zeros((2, 3), "uint8"), (2, 3, 4)),
    ],
    ids=["one image", "no boxes", "a batch without boxes", "arrays"],
)
def test_boxes_of_one_image_and_arrays_stay_as_they_are(boxes, labels, shape):
    dense = bb.densify({"boxes": boxes, "labels": labels, "scores": 1})
    assert dense["boxes"].shape == shape
    assert dense["scores"] == 1
    assert not jnp.issubdtype(dense["labels"].dtype, jnp.unsignedinteger)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([1], "expected a dict with 'boxes' and 'labels', received list"),
        ({"boxes": []}, r"received \['boxes'\]"),
        ({"boxes": np.zeros((2, 3)), "labels": np.zeros(2)}, r"received boxes \(2, 3\) and labels \(2,\)"),
        ({"boxes": np.zeros((2, 4)), "labels": np.zeros(3)}, r"received boxes \(2, 4\) and labels \(3,\)"),
        ({"boxes": [[[0, 0, 1, 1]]], "labels": [[1, 2]]}, "image 0 has 1 boxes, but 2 labels"),
        ({"boxes": [[[0, 0, 1, 1]]], "labels": [[1], [2]]}, "boxes of 1 images, but labels of 2"),
    ],
)
def test_bad_boxes_are_refused(boxes, message):
    with pytest.raises(ValueError, match=message):
        bb.densify(boxes, "MyLayer")


def test_empty_is_what_has_the_label_minus_one_or_zeros_or_minus_ones():
    boxes = jnp.array([[0.0, 0, 0, 0], [-1, -1, -1, -1], [1, 1, 5, 5], [1, 1, 5, 5]])
    marked = bb.mark_empty({"boxes": boxes, "labels": jnp.array([3, 4, -1, 5])})
    np.testing.assert_array_equal(marked["labels"], [-1, -1, -1, 5])
    np.testing.assert_array_equal(marked["boxes"], [[-1] * 4] * 3 + [[1, 1, 5, 5]])
    one_hot = bb.mark_empty({"boxes": boxes, "labels": jnp.array([[1.0, 0], [0, 1], [-1, -1], [0, 1]])})
    np.testing.assert_array_equal(bb.is_empty(one_hot), [True, True, True, False])


def test_formats_between_relative_ones_and_to_the_same_one_need_no_size():
    boxes = [[0.1, 0.2, 0.5, 0.8]]
    np.testing.assert_allclose(bb.convert_format(boxes, "rel_xyxy", "rel_xywh"), [[0.1, 0.2, 0.4, 0.6]], rtol=1e-6)
    np.testing.assert_allclose(bb.convert_format(boxes, "rel_xyxy", "rel_xyxy"), boxes, rtol=1e-6)


@pytest.mark.parametrize("name", bb.FORMATS)
def test_every_format_and_back_is_the_same(name):
    boxes = np.random.default_rng(0).uniform(0, 50, (3, 2, 4)).astype("float32")
    there = bb.convert_format(boxes, "xyxy", name, 40, 60)
    np.testing.assert_allclose(bb.convert_format(there, name, "xyxy", 40, 60), boxes, rtol=1e-5, atol=1e-4)


def test_conversion_leaves_the_dict_alone():
    boxes = {"boxes": np.ones((1, 4), "float32")}
    bb.convert_format(boxes, "xyxy", "xywh")
    np.testing.assert_array_equal(boxes["boxes"], np.ones((1, 4)))


@pytest.mark.parametrize("name", bb.FORMATS)
def test_clipping_in_every_format(name):
    corners = np.array([[-5, 10, 20, 70], [50, -9, 70, -2]], "float32")
    boxes = {"boxes": bb.convert_format(corners, "xyxy", name, 40, 60), "labels": jnp.array([1, 2])}
    clipped = bb.clip_to_image_size(boxes, 40, 60, name)
    back = bb.convert_format(clipped["boxes"], name, "xyxy", 40, 60)
    np.testing.assert_allclose(back, [[0, 10, 20, 40], [50, 0, 60, 0]], atol=1e-4)
    np.testing.assert_array_equal(clipped["labels"], [1, -1])


def test_clipping_works_without_labels_and_with_one_hot_ones():
    assert bb.clip_to_image_size({"boxes": [[-1.0, -1, 2, 2]]}, 5, 5)["boxes"].tolist() == [[0, 0, 2, 2]]
    boxes = {"boxes": [[-4.0, -4, -2, -2], [0, 0, 1, 1]], "labels": jnp.eye(2)}
    np.testing.assert_array_equal(bb.clip_to_image_size(boxes, 5, 5)["labels"], [[-1, -1], [0, 1]])


def test_affine_boxes_enclose_the_turned_corners():
    """The formula of the docstring with complex numbers, in float64, for a rotation and a scale."""
    box, angle, scale, (height, width) = np.array([3.0, 4, 9, 6]), 30, 1.5, (21, 31)
    corners = box[[0, 2, 2, 0]] + 1j * box[[1, 1, 3, 3]]
    middle = (width - 1) / 2 + 1j * (height - 1) / 2
    turned = middle + scale * np.exp(-1j * np.deg2rad(angle)) * (corners - middle)
    expected = [turned.real.min(), turned.imag.min(), turned.real.max(), turned.imag.max()]
    mine = bb.affine_transform(box[None], angle, 0, 0, scale, 0, 0, height, width)
    np.testing.assert_allclose(mine[0], expected, rtol=1e-5)
    in_a_batch = bb.affine_transform(np.tile(box, (2, 1, 1)), [angle] * 2, 0, 0, scale, 0, 0, height, width)
    np.testing.assert_allclose(in_a_batch[1], mine, rtol=1e-6)
    relative = bb.convert_format(box[None], "xyxy", "rel_xywh", height, width)
    mine = bb.affine_transform(relative, angle, 0, 0, scale, 0, 0, height, width, bounding_box_format="rel_xywh")
    np.testing.assert_allclose(bb.convert_format(mine, "rel_xywh", "xyxy", height, width)[0], expected, rtol=1e-4)


def test_crop_and_pad_of_other_formats_are_those_of_the_corners():
    corners = np.array([[10, 20, 50, 60]], "float32")
    boxes = bb.convert_format(corners, "xyxy", "center_yxhw")
    cropped = bb.crop(boxes, 25, 5, 100, 20, bounding_box_format="center_yxhw")
    np.testing.assert_allclose(bb.convert_format(cropped, "center_yxhw", "xyxy"), [[5, 0, 20, 35]], atol=1e-4)
    padded = bb.pad(boxes, 1, 2, bounding_box_format="center_yxhw")
    np.testing.assert_allclose(bb.convert_format(padded, "center_yxhw", "xyxy"), corners + [[2, 1, 2, 1]], atol=1e-4)


def test_overlap_is_the_share_of_common_pixels():
    rng = np.random.default_rng(3)
    corners = np.sort(rng.integers(0, 30, (2, 6, 2, 2)), axis=2) + np.array([[0], [1]])
    masks = np.zeros((2, 6, 31, 31), bool)
    for side in range(2):
        for n, ((left, top), (right, bottom)) in enumerate(corners[side]):
            masks[side, n, top:bottom, left:right] = True
    one, other = masks[0][:, None], masks[1][None]
    expected = (one & other).sum((2, 3)) / (one | other).sum((2, 3))
    mine = bb.compute_iou(*corners.reshape(2, 6, 4), "xyxy")
    np.testing.assert_allclose(mine, expected, rtol=1e-5, atol=1e-6)


def test_masking_works_for_one_batch_and_one_list_of_boxes():
    first, second = np.full((2, 3, 4), [0, 0, 2, 2.0]), np.full((4, 4), [0, 0, 2, 2.0])
    first[1, 0] = second[3] = -1
    masked = np.asarray(bb.compute_iou(first, second, "xyxy", use_masking=True)) == -1
    expected = np.zeros((2, 3, 4), bool)
    expected[1, 0] = expected[..., 3] = True
    np.testing.assert_array_equal(masked, expected)


def test_complete_overlap_of_relative_boxes_is_that_of_pixels():
    first, second = np.array([[1.0, 2, 30, 20]]), np.array([[5.0, 1, 20, 30]])
    relative = [bb.convert_format(boxes, "xyxy", "rel_xyxy", 40, 50) for boxes in (first, second)]
    expected = bb.compute_ciou(first, second, "xyxy")
    np.testing.assert_allclose(bb.compute_ciou(*relative, "rel_xyxy", image_shape=(40, 50, 3)), expected, rtol=1e-4)


def test_deltas_lead_back_to_the_boxes():
    anchors, boxes = np.array([[0, 0, 10, 10], [5, 5, 9, 20.0]]), np.array([[1, 2, 8, 12], [4, 4, 10, 30.0]])
    deltas = bb.encode_box_to_deltas(anchors, boxes, "xyxy", "xyxy", variance=[0.1, 0.1, 0.2, 0.2])
    again = bb.decode_deltas_to_boxes(anchors, deltas, "xyxy", "xyxy", variance=[0.1, 0.1, 0.2, 0.2])
    np.testing.assert_allclose(again, boxes, rtol=1e-5)


def test_all_of_it_traces():
    boxes = jnp.array([[[1.0, 2, 30, 20], [-1, -1, -1, -1]]])

    @jax.jit
    def run(boxes):
        dense = bb.mark_empty(bb.densify({"boxes": boxes, "labels": jnp.zeros((1, 2), jnp.int32)}))
        moved = bb.affine_transform(dense["boxes"], jnp.ones(1), 0, 0, 1, 0, 0, 40, 50)
        return bb.clip_to_image_size({"boxes": moved, "labels": dense["labels"]}, 40, 50), bb.compute_iou(
            boxes, boxes, "xyxy"
        )

    clipped, overlap = run(boxes)
    assert clipped["labels"].tolist() == [[0, -1]]
    assert overlap.shape == (1, 2, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bb.convert_format([[1, 2, 3]], "xyxy", "xywh"), r"expected an array \(\.\.\., 4\).*received \(1, 3\)"),
        (lambda: bb.convert_format([[1, 2, 3, 4]], "xyx", "xywh"), "source: expected one of .* Did you mean 'yxyx'"),
        (lambda: bb.convert_format([[1, 2, 3, 4]], "xyxy", 5), "target: expected one of"),
        (lambda: bb.convert_format([[1, 2, 3, 4]], "xyxy", "rel_xyxy"), "height and width of the image are needed"),
        (lambda: bb.clip_to_image_size({"boxes": [[1, 2, 3, 4]]}), "clip_to_image_size: height and width"),
        (lambda: bb.crop([[0, 0, 1, 1]], 0, 0, 1, 1, "rel_xyxy"), "crop: bounding_box_format: expected .* in pixels"),
        (lambda: bb.compute_iou(np.zeros(4), np.zeros((2, 4)), "xyxy"), "boxes1: expected 2 or 3 axes"),
        (lambda: bb.compute_iou(np.zeros((1, 4)), np.zeros((2, 4)), "rel_xyxy"), "image_shape .* is needed"),
        (lambda: bb.compute_ciou(np.zeros((1, 4)), np.zeros((1, 4)), "rel_xywh"), "image_shape .* is needed"),
        (lambda: bb.encode_box_to_deltas([[0] * 4], [[0] * 4], "xyxy", "xyxy", "xyxy"), "encoding_format: expected"),
        (lambda: bb.decode_deltas_to_boxes([[0] * 4], [[0] * 4], "xyxy", "xyxy", variance=[1]), "four numbers"),
        (lambda: bb.decode_deltas_to_boxes({"a": 1}, {"b": 1}, "xyxy", "xyxy"), r"keys of the anchors, \['a'\]"),
    ],
)
def test_bad_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
