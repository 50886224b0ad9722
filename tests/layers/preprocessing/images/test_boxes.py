"""MaxNumBoundingBoxes: which boxes stay, what fills up, and what else it leaves alone."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from lamina.layers import deserialize, serialize
from lamina.layers.preprocessing.images import MaxNumBoundingBoxes

IMAGES = np.zeros((2, 4, 4, 1), "uint8")


def boxes(*labels):
    """Boxes that are numbered as their labels; -1 is an empty one."""
    labels = np.array(labels)
    corners = np.where(labels[..., None] == -1, -1, labels[..., None] + np.array([0, 0, 1, 1]))
    return {"boxes": corners, "labels": labels}


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_the_first_boxes_stay_and_empty_ones_fill_up(number):
    result = MaxNumBoundingBoxes(number)({"images": IMAGES, "bounding_boxes": boxes([3, 4, 5], [6, 7, -1])})
    expected = np.full((2, 5), -1)
    expected[0, :3], expected[1, :2] = [3, 4, 5], [6, 7]
    np.testing.assert_array_equal(result["bounding_boxes"]["labels"], expected[:, :number])
    assert result["bounding_boxes"]["boxes"].shape == (2, number, 4)
    np.testing.assert_array_equal(result["bounding_boxes"]["boxes"][..., 0], expected[:, :number])
    assert result["images"].dtype == np.uint8


def test_empty_boxes_do_not_take_the_place_of_others():
    result = MaxNumBoundingBoxes(2)({"images": IMAGES, "bounding_boxes": boxes([-1, 4, -1, 5], [-1, -1, -1, 7])})
    np.testing.assert_array_equal(result["bounding_boxes"]["labels"], [[4, 5], [7, -1]])


def test_other_fill_values_further_keys_and_one_hot_labels():
    given = boxes([3, -1], [4, 5]) | {"scores": np.array([[0.5, 0.1], [0.6, 0.7]], "float32")}
    layer = MaxNumBoundingBoxes(3, fill_value=0)
    result = layer({"images": IMAGES, "bounding_boxes": given})["bounding_boxes"]
    np.testing.assert_array_equal(result["labels"], [[3, 0, 0], [4, 5, 0]])
    np.testing.assert_allclose(result["scores"], [[0.5, 0, 0], [0.6, 0.7, 0]])
    one_hot = given | {"labels": np.eye(9)[[[3, 0], [4, 5]]]}
    result = layer({"images": IMAGES, "bounding_boxes": one_hot})["bounding_boxes"]
    np.testing.assert_array_equal(result["labels"].argmax(-1), [[3, 0, 0], [4, 5, 0]])
    assert deserialize(serialize(layer)).fill_value == 0


def test_one_image_lists_and_jit():
    layer = MaxNumBoundingBoxes(2)
    one = layer({"images": IMAGES[0], "bounding_boxes": {"boxes": [[0, 0, 1, 1]], "labels": [5]}})
    np.testing.assert_array_equal(one["bounding_boxes"]["labels"], [5, -1])
    ragged = {"boxes": [[[0, 0, 1, 1]], []], "labels": [[5], []]}
    np.testing.assert_array_equal(
        layer({"images": IMAGES, "bounding_boxes": ragged})["bounding_boxes"]["labels"], [[5, -1], [-1, -1]]
    )
    compiled = jax.jit(layer)({"images": IMAGES, "bounding_boxes": boxes([3, 4, 5], [6, 7, -1])})
    assert compiled["bounding_boxes"]["boxes"].shape == (2, 2, 4)


def test_shapes_are_computed():
    shapes = {"images": (None, 8, 8, 3), "bounding_boxes": {"boxes": (None, 7, 4), "labels": (None, 7)}}
    boxes = MaxNumBoundingBoxes(5).compute_output_shape(shapes)["bounding_boxes"]
    assert boxes == {"boxes": (None, 5, 4), "labels": (None, 5)}


def test_a_bad_number_is_refused():
    with pytest.raises(ValueError, match="max_number: expected a whole number >= 1, received 0"):
        MaxNumBoundingBoxes(0)
