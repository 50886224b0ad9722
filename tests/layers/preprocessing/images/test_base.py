"""The protocol of image layers: forms of input, dtypes, empty boxes, masks, training, and what bad input gets."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import Model, Sequential
from lamina.core.variable import bind
from lamina.layers import Dense, Flatten, Input
from lamina.layers.preprocessing.images._base import ImageLayer, RandomImageLayer
from lamina.ops.bounding_boxes import convert_format

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 4, 6, 2)).astype("uint8")


class Brighter(ImageLayer):
    """Adds 0.6."""

    def transform_images(self, images, drawn):
        return images + 0.6


class Shift(RandomImageLayer):
    """Moves each image right by one or two columns, and what belongs to it."""

    def draw(self, images):
        return jax.random.randint(self.generator.next(), (images.shape[0],), 1, 3)

    def transform_images(self, images, drawn):
        moved = jax.vmap(
            lambda image, by: jnp.where(jnp.arange(image.shape[1])[:, None] < by, 0, jnp.roll(image, by, 1))
        )
        return moved(images, drawn)

    def transform_labels(self, labels, drawn):
        return labels + drawn

    def transform_segmentation_masks(self, masks, drawn):
        return self.transform_images(masks, drawn)

    def transform_bounding_boxes(self, boxes, drawn, size):
        by = drawn.astype(jnp.float32)[:, None, None] * jnp.array([1, 0, 1, 0])
        return boxes | {"boxes": boxes["boxes"] + by}


class Halves(RandomImageLayer):
    """Puts each image's boxes in front of and behind those of the next, as layers that mix images do."""

    def transform_images(self, images, drawn):
        return images[:, ::2, ::2]

    def transform_bounding_boxes(self, boxes, drawn, size):
        def join(array):
            return jnp.concatenate([array[::-1], array], axis=1)

        return jax.tree.map(join, boxes | {"boxes": boxes["boxes"] / 2 + 0.25})


@pytest.mark.parametrize(
    "data",
    [IMAGES, jnp.asarray(IMAGES), list(IMAGES), tuple(IMAGES), IMAGES.astype("float64"), IMAGES.tolist()],
    ids=["uint8", "jax", "list", "tuple", "float64", "numbers"],
)
def test_every_form_of_images_gives_floats(data):
    result = Brighter()(data)
    assert (result.shape, result.dtype) == (IMAGES.shape, np.float32)
    np.testing.assert_allclose(result, IMAGES + np.float32(0.6))


def test_one_image_with_its_parts_has_no_batch_axis():
    parts = {
        "images": IMAGES[0],
        "labels": 3,
        "bounding_boxes": {"boxes": [[0, 1, 2, 3]], "labels": [1]},
        "segmentation_masks": IMAGES[0, ..., 0],
    }
    result = Shift(seed=1, bounding_box_format="xyxy")(parts, training=True)
    assert result["images"].shape == (4, 6, 2)
    by = int(result["labels"]) - 3
    np.testing.assert_array_equal(result["images"][:, by:], IMAGES[0][:, :-by])
    np.testing.assert_array_equal(result["segmentation_masks"][:, by:], IMAGES[0, :, :-by, 0])
    np.testing.assert_array_equal(result["bounding_boxes"]["boxes"], [np.clip([by, 1, 2 + by, 3], 0, 6)])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32"])
def test_whole_number_dtypes_are_rounded_and_clipped(dtype):
    result = Brighter(dtype=dtype)(np.array([[[0.0, 1.3, 300.0, -7.0]]]))
    limits = np.iinfo(dtype)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result[0, 0], np.clip([1, 2, 301, -6], limits.min, limits.max))


@pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16", "uint8"])
def test_boxes_labels_and_masks_keep_their_dtype_under_other_policies(policy):
    parts = {
        "images": IMAGES,
        "labels": np.full(3, 0.123456789),
        "bounding_boxes": {
            "boxes": np.full((3, 1, 4), [0, 1.03125, 1.015625, 2.5]),
            "labels": np.ones((3, 1), "uint8"),
        },
        "segmentation_masks": IMAGES,
        "ids": np.array(["a", "b", "c"]),
    }
    result = Shift(dtype=policy, bounding_box_format="xyxy", seed=1)(parts, training=True)
    np.testing.assert_allclose(np.asarray(result["labels"]) % 1, 0.123456789, rtol=1e-5)
    np.testing.assert_array_equal(np.asarray(result["bounding_boxes"]["boxes"])[:, 0, 1], 1.03125)
    assert result["segmentation_masks"].dtype == np.uint8
    assert result["ids"] is parts["ids"]


def test_what_is_given_is_not_changed():
    parts = {"images": IMAGES, "bounding_boxes": {"boxes": np.ones((3, 1, 4)), "labels": np.ones((3, 1))}}
    inner = parts["bounding_boxes"]
    Shift(bounding_box_format="xywh")(parts, training=True)
    assert parts["images"] is IMAGES
    assert parts["bounding_boxes"] is inner
    np.testing.assert_array_equal(inner["boxes"], np.ones((3, 1, 4)))


@pytest.mark.parametrize("name", ["xyxy", "xywh", "center_xywh", "rel_yxyx", "rel_center_xywh"])
@pytest.mark.parametrize("empty", [([0, 0, 0, 0], 5), ([-1, -1, -1, -1], 5), ([0.2, 0.2, 0.1, 0.1], -1)])
@pytest.mark.parametrize("kind", [Shift, Halves])
def test_empty_boxes_stay_empty(name, empty, kind):
    there = convert_format([[0.5, 1, 2.5, 3]], "xyxy", name, 4, 6)[0]
    boxes, labels = np.tile(np.array([there, empty[0]], "float32"), (3, 1, 1)), np.tile([7, empty[1]], (3, 1))
    parts = {"images": IMAGES, "bounding_boxes": {"boxes": boxes, "labels": labels}}
    result = kind(bounding_box_format=name, seed=2)(parts, training=True)["bounding_boxes"]
    times = 2 if kind is Halves else 1
    np.testing.assert_array_equal(result["labels"], np.tile([7, -1], (3, times)))
    np.testing.assert_array_equal(result["boxes"][:, 1::2], np.full((3, times, 4), -1))
    left = convert_format(result["boxes"], name, "xyxy", *((4, 6) if kind is Shift else (2, 3)))[:, 0, 0]
    assert set(np.asarray(left).round(4).tolist()) <= ({1.5, 2.5} if kind is Shift else {0.5})


def test_boxes_that_leave_the_image_become_empty():
    parts = {"images": IMAGES, "labels": np.zeros(3, int)}
    parts["bounding_boxes"] = {"boxes": np.full((3, 1, 4), [5, 0, 6, 2.0]), "labels": np.ones((3, 1), int)}
    result = Shift(bounding_box_format="xyxy")(parts, training=True)["bounding_boxes"]
    np.testing.assert_array_equal(result["boxes"], -np.ones((3, 1, 4)))
    np.testing.assert_array_equal(result["labels"], -np.ones((3, 1)))


@pytest.mark.parametrize("training", [False, True])
def test_ragged_boxes_are_padded_in_and_outside_of_training(training):
    boxes = {"boxes": [[[0, 0, 2, 2]], [[1, 1, 2, 2], [0, 0, 3, 1]], []], "labels": [[1], [2, 3], []]}
    layer = Shift(bounding_box_format="xyxy")
    result = layer({"images": IMAGES, "bounding_boxes": boxes}, training=training)["bounding_boxes"]
    np.testing.assert_array_equal(result["labels"], [[1, -1], [2, 3], [-1, -1]])


def test_layers_that_leave_boxes_where_they_are_hand_them_on_without_a_format():
    boxes = {"boxes": np.full((3, 1, 4), 99.0), "labels": np.ones((3, 1))}
    result = Brighter()({"images": IMAGES, "bounding_boxes": boxes})
    np.testing.assert_array_equal(result["bounding_boxes"]["boxes"], boxes["boxes"])


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_masks_may_have_no_channel_axis(data_format):
    images = IMAGES if data_format == "channels_last" else IMAGES.transpose(0, 3, 1, 2)

    class Rows(ImageLayer):
        def transform_images(self, images, drawn):
            return images[:, ::2] if self.channel_axis == -1 else images[:, :, ::2]

        def transform_segmentation_masks(self, masks, drawn):
            return self.transform_images(masks, drawn)

    result = Rows(data_format=data_format)({"images": images, "segmentation_masks": IMAGES[..., 0]})
    np.testing.assert_array_equal(result["segmentation_masks"], IMAGES[:, ::2, :, 0])


def test_random_layers_do_nothing_outside_of_training():
    boxes = {"boxes": np.full((3, 1, 4), 77.0), "labels": np.ones((3, 1))}
    parts = {"images": IMAGES, "labels": np.arange(3), "bounding_boxes": boxes}
    result = Shift(bounding_box_format="xyxy")(parts, training=False)
    jax.tree.map(np.testing.assert_array_equal, result, parts)


def test_called_by_itself_a_random_layer_acts():
    assert not np.array_equal(Shift(seed=1)(IMAGES), IMAGES)


def test_in_a_step_a_draw_belongs_to_key_and_seed():
    layer, twin, other = Shift(seed=1), Shift(seed=1), Shift(seed=2)

    def run(layer, seed):
        with bind([], [], key=jax.random.key(seed)):
            return np.asarray(layer(np.tile(IMAGES, (9, 1, 1, 1)), training=True))

    first = run(layer, 0)
    np.testing.assert_array_equal(first, run(twin, 0))
    assert not np.array_equal(first, run(layer, 1))
    assert not np.array_equal(first, run(other, 0))


def test_inside_a_model_it_acts_in_training_only_and_trains():
    model = Sequential([Input((4, 6, 2)), Shift(seed=1), Brighter(), Flatten(), Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    assert model.fit(IMAGES / 255, np.ones(3), epochs=2, verbose=0).history["loss"][1] > 0
    inner = model.layers[0]
    weights, bias = model.layers[-1].get_weights()
    np.testing.assert_allclose(
        model.predict(IMAGES / 255, verbose=0),
        (IMAGES / 255 + 0.6).reshape(3, -1) @ weights + bias,
        rtol=1e-4,
        atol=1e-5,
    )
    assert inner.compute_output_shape((None, 4, 6, 2)) == (None, 4, 6, 2)


def test_symbolic_images_of_free_size_keep_it():
    assert Shift()(Input((None, None, 3))).shape == (None, None, None, 3)
    dtype = Brighter(dtype="uint8")(Input((4, 4, 1), dtype="uint8")).dtype
    assert dtype == "uint8"


def test_symbolic_dicts_are_taken_apart_and_put_together_in_a_model():
    images, names = Input((4, 6, 2)), Input((1,), dtype="int32")
    boxes = {"boxes": Input((5, 4)), "labels": Input((5,), dtype="int32")}
    parts = {"images": images, "labels": names, "bounding_boxes": boxes}
    result = Shift(bounding_box_format="xyxy")(parts)
    assert (result["bounding_boxes"]["labels"].shape, result["bounding_boxes"]["labels"].dtype) == ((None, 5), "int32")
    model = Model([images, names], Dense(1)(Flatten()(Shift()({"images": images, "labels": names})["images"])))
    model.compile(loss="mse")
    assert len(model.fit([IMAGES / 255, np.ones((3, 1), "int32")], np.ones(3), verbose=0).history["loss"]) == 1


def test_shapes_of_dicts_are_computed():
    shapes = {"images": (None, 4, 6, 2), "labels": (None,)}
    assert Shift().compute_output_shape(shapes) == shapes


def test_the_format_of_boxes_is_in_the_config_only_where_it_was_given():
    assert "bounding_box_format" not in Shift().get_config()
    config = Shift(bounding_box_format="xywh", seed=4, data_format="channels_first").get_config()
    assert (config["bounding_box_format"], config["seed"], config["data_format"]) == ("xywh", 4, "channels_first")


BOXES = {"boxes": np.zeros((3, 1, 4)), "labels": np.zeros((3, 1))}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (IMAGES[0, 0], r"expected images \(batch, height, width, channels\) or one image .*received shape \(6, 2\)"),
        (IMAGES[None], r"received shape \(1, 3, 4, 6, 2\)"),
        ({"image": IMAGES}, r"under the key 'images', received \['image'\]"),
        ([IMAGES[0], IMAGES[0, 1:]], r"images of one shape, received a list of images of shapes .*Resizing"),
        ({"images": IMAGES, "labels": np.ones(2)}, r"labels: expected a row for each of the 3 images.*\(2,\)"),
        ({"images": IMAGES, "segmentation_masks": IMAGES[:2]}, "segmentation_masks: expected a row for each"),
        ({"images": IMAGES, "bounding_boxes": BOXES}, "pass bounding_box_format, one of"),
        ({"images": IMAGES, "bounding_boxes": [1]}, "expected a dict with 'boxes' and 'labels'"),
    ],
)
def test_bad_input_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        Shift(name="shift")(data, training=True)


def test_boxes_of_one_image_do_not_go_with_a_batch():
    boxes = {"boxes": np.zeros((3, 4)), "labels": np.zeros(3)}
    with pytest.raises(ValueError, match=r"expected boxes \(batch, n, 4\) with images of shape \(3, 4, 6, 2\)"):
        Shift(bounding_box_format="xyxy")({"images": IMAGES, "bounding_boxes": boxes})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bounding_box_format": "xywz"}, "bounding_box_format: expected one of .* Did you mean"),
        ({"data_format": "channels"}, "data_format: expected one of"),
        ({"seed": 1.5}, "seed: expected a whole number or None"),
    ],
)
def test_bad_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Shift(**arguments)


def test_a_layer_without_transform_images_says_so():
    with pytest.raises(NotImplementedError, match="has no transform_images"):
        ImageLayer()(IMAGES)
