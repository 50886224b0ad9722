"""Layers that crop, resize and flip images, and the one that counts boxes, against the real Keras."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.layers.preprocessing.images import CenterCrop, RandomFlip, Resizing
from lamina.ops.bounding_boxes import convert_format
from tests.parity.images import (
    assert_keeps_image_contract,
    assert_same_image_configs,
    assert_same_parts,
    both,
    image_pair,
    some_images,
    some_parts,
)

ALL = [
    ("CenterCrop", {"height": 5, "width": 6}),
    ("CenterCrop", {"height": 12, "width": 7}),
    ("RandomCrop", {"height": 5, "width": 6, "seed": 3}),
    ("RandomCrop", {"height": 12, "width": 7, "seed": 3}),
    ("Resizing", {"height": 5, "width": 13}),
    ("Resizing", {"height": 20, "width": 6, "pad_to_aspect_ratio": True, "fill_value": 7.5}),
    ("Resizing", {"height": 4, "width": 4, "crop_to_aspect_ratio": True, "antialias": True}),
    ("RandomFlip", {"seed": 3}),
    ("RandomFlip", {"mode": "vertical"}),
    ("MaxNumBoundingBoxes", {"max_number": 6}),
]
IDS = [f"{kind}-{'-'.join(map(str, arguments.values()))}" for kind, arguments in ALL]
SHAPE = (2, 8, 10, 3)  # height 8, width 10


def input_shape(drawn, images):
    return {"input_shape": images.shape}


def height_and_width(drawn, images):
    return images.shape[1:3]


@pytest.mark.parametrize(("kind", "arguments"), ALL, ids=IDS)
def test_configs_are_keras(kind, arguments):
    assert_same_image_configs(kind, **arguments)
    assert_same_image_configs(kind, **arguments, data_format="channels_first", bounding_box_format="rel_xywh")


@pytest.mark.parametrize(("kind", "arguments"), [ALL[i] for i in (0, 2, 5, 7, 9)])
def test_contract(kind, arguments):
    assert_keeps_image_contract(kind, some_parts(SHAPE), bounding_box_format="xywh", **arguments)
    assert_keeps_image_contract(kind, **arguments)


@pytest.mark.parametrize(
    ("size", "name"),
    [
        *(((4, 4), "rel_center_xywh"), ((5, 7), "xyxy"), ((8, 10), "xyxy"), ((1, 1), "xywh")),
        *(((12, 10), "xyxy"), ((3, 20), "rel_yxyx"), ((20, 17), "xyxy")),
    ],
    ids=str,
)
def test_center_crop(size, name):
    parts = some_parts(SHAPE)
    parts["segmentation_masks"] = parts["images"]  # Keras resizes masks as it does images: those in the middle only
    parts["bounding_boxes"]["boxes"] = convert_format(parts["bounding_boxes"]["boxes"], "xyxy", name, *SHAPE[1:3])
    fits = size[0] <= SHAPE[1] and size[1] <= SHAPE[2]
    skip = () if fits else ("segmentation_masks",)
    mine, other = both("CenterCrop", parts, input_shape, skip, height=size[0], width=size[1], bounding_box_format=name)
    assert_same_labels_where_boxes_are(mine, other)


def assert_same_labels_where_boxes_are(mine, other):
    """Keras moves empty boxes like others, and then may give them an area."""
    boxes = other["bounding_boxes"] = {name: np.asarray(value) for name, value in other["bounding_boxes"].items()}
    boxes["labels"] = np.where(np.arange(boxes["labels"].shape[1]) == boxes["labels"].shape[1] - 1, -1, boxes["labels"])
    assert_same_parts(mine, other)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize(("size", "antialias"), [((5, 13), False), ((16, 3), True)], ids=str)
def test_resizing_interpolates(interpolation, size, antialias):
    arguments = {"height": size[0], "width": size[1], "interpolation": interpolation, "antialias": antialias}
    images = some_images(SHAPE)
    mine, other = both("Resizing", images, height_and_width, **arguments)
    assert_same_parts(mine, other, rtol=1e-5)
    ours, theirs = image_pair("Resizing", **arguments, dtype="uint8")
    assert np.abs(np.asarray(ours(images), int) - np.asarray(theirs(images.astype("uint8")), int)).max() <= 1


@pytest.mark.parametrize("how", ["crop_to_aspect_ratio", "pad_to_aspect_ratio"])
@pytest.mark.parametrize(
    ("size", "data_format"),
    [((8, 8), "channels_last"), ((5, 13), "channels_first"), ((16, 4), "channels_last"), ((20, 25), "channels_last")],
    ids=str,
)
def test_resizing_keeps_proportions(how, size, data_format):
    images = some_images(SHAPE) if data_format == "channels_last" else some_images(SHAPE).transpose(0, 3, 1, 2)
    arguments = {"height": size[0], "width": size[1], "fill_value": 3.5, "data_format": data_format}
    mine, other = both("Resizing", images, height_and_width, **arguments, **{how: True})
    assert_same_parts(mine, other)


@pytest.mark.parametrize(
    ("how", "size"),
    [
        ({}, (5, 13)),
        ({}, (16, 3)),
        ({"crop_to_aspect_ratio": True}, (8, 8)),
        ({"crop_to_aspect_ratio": True}, (16, 4)),
        ({"pad_to_aspect_ratio": True}, (20, 20)),
        ({"pad_to_aspect_ratio": True}, (4, 5)),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["xyxy", "rel_yxyx"])
def test_resizing_moves_boxes_and_masks(how, size, name):
    """In sizes in which Keras' boxes are exact: what is cut off or filled up is a whole number of new pixels."""
    parts = some_parts(SHAPE)
    parts["bounding_boxes"]["boxes"] = np.array(
        convert_format(parts["bounding_boxes"]["boxes"], "xyxy", name, *SHAPE[1:3])
    )
    parts["bounding_boxes"]["boxes"][:, -1] = -1
    mine, other = both(
        "Resizing", parts, height_and_width, height=size[0], width=size[1], bounding_box_format=name, **how
    )
    assert_same_labels_where_boxes_are(mine, other)


@pytest.mark.parametrize("mode", ["horizontal", "vertical"])
@pytest.mark.parametrize("name", ["xywh", "rel_yxyx"])
def test_random_flip(mode, name):
    parts = some_parts((5, *SHAPE[1:]))
    parts["bounding_boxes"]["boxes"] = convert_format(parts["bounding_boxes"]["boxes"], "xyxy", name, *SHAPE[1:3])

    def flips(drawn, images):
        assert 0 < drawn[mode].sum() < 5
        return {"flips": np.asarray(drawn[mode])[:, None, None, None], "input_shape": images.shape}

    mine, other = both("RandomFlip", parts, flips, mode=mode, seed=4, bounding_box_format=name)
    assert_same_labels_where_boxes_are(mine, other)


def test_random_flip_in_both_directions_is_keras_two_flips_one_after_the_other():
    images = some_images((16, 4, 5, 2))
    ours = RandomFlip(seed=1)
    drawn = ours.draw(images)
    expected = images
    for mode, theirs in ((mode, image_pair("RandomFlip", mode=mode)[1]) for mode in ("horizontal", "vertical")):
        expected = theirs.transform_images(expected, {"flips": np.asarray(drawn[mode])[:, None, None, None]})
    np.testing.assert_array_equal(ours.transform_images(images, drawn), expected)


@pytest.mark.parametrize(
    ("size", "data_format"), [((5, 6), "channels_first"), ((5, 6), "channels_last"), ((1, 9), "channels_last")], ids=str
)
def test_random_crop(size, data_format):
    """One image after the other, for Keras takes one place for the whole batch; its boxes are wrong, see the layer."""
    for number in range(3):
        parts = some_parts((1, *SHAPE[1:]), seed=number)
        del parts["bounding_boxes"], parts["labels"]
        if data_format == "channels_first":
            parts = {name: part.transpose(0, 3, 1, 2) for name, part in parts.items()}
        mine, other = both(
            "RandomCrop",
            parts,
            lambda drawn, images: tuple(map(int, drawn[0])),
            height=size[0],
            width=size[1],
            seed=number,
            data_format=data_format,
        )
        assert_same_parts(mine, other)


def test_random_crop_outside_of_training_is_keras_resizing_to_the_proportions():
    images = some_images(SHAPE)
    ours, _ = image_pair("RandomCrop", height=6, width=4)
    _, theirs = image_pair("Resizing", height=6, width=4, crop_to_aspect_ratio=True)
    np.testing.assert_allclose(ours(images, training=False), theirs(images), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("arguments", [{"max_number": 2}, {"max_number": 4}, {"max_number": 7}], ids=str)
def test_max_num_bounding_boxes(arguments):
    mine, other = both("MaxNumBoundingBoxes", some_parts(SHAPE), **arguments, bounding_box_format="xyxy")
    assert_same_parts(mine, other)


def test_a_list_of_photographs_goes_straight_into_the_layers():
    """The notes' cell, with the sizes of scikit-learn's two sample images, Keras being given an array."""
    images = [some_images((43, 64, 3), seed, "uint8") for seed in (1, 2)]
    for layer, arguments in ((CenterCrop, {"height": 7, "width": 12}), (Resizing, {"height": 9, "width": 11})):
        _, theirs = image_pair(layer.__name__, **arguments)
        ours, theirs = layer(**arguments)(images), theirs(np.stack(images))
        assert ours.dtype == theirs.dtype
        assert np.abs(np.asarray(ours, float) - np.asarray(theirs, float)).max() <= (ours.dtype == np.uint8)
