"""Layers that move pixels against the real Keras, which is handed what our layers drew."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lamina import layers as lamina_layers
from lamina.layers.preprocessing.images import geometry
from lamina.layers.preprocessing.images.geometry import elastic

keras = pytest.importorskip("keras")

MODES = ["reflect", "wrap", "constant", "nearest"]
AFFINE = {
    "RandomRotation": {"factor": (-0.4, 0.3)},
    "RandomZoom": {"height_factor": (-0.4, 0.6), "width_factor": 0.5},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": (-0.6, 0.4)},
    "RandomShear": {"x_factor": (0.1, 0.6), "y_factor": 0.4},
}
ARGUMENTS = AFFINE | {
    "RandomPerspective": {"factor": (0.5, 0.9), "scale": 0.7},
    "RandomElasticTransform": {"factor": (0.5, 0.9), "scale": (0.6, 0.8)},
}


def pair(kind, **arguments):
    return getattr(geometry, kind)(**arguments), getattr(keras.layers, kind)(**arguments)


def some(shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype(np.float32)


def changed(maps):
    return (np.asarray(maps) != [1, 0, 0, 0, 1, 0, 0, 0]).any(-1)


def places_of(points, one):
    """Where old points (n, 2) come to lie in the new image, by NumPy's inverse of a map in float64."""
    moved = np.c_[points, np.ones(len(points))] @ np.linalg.inv(np.append(one, 1).reshape(3, 3)).T
    return moved[:, :2] / moved[:, 2:]


def as_keras(name, drawn, size):
    """What our layer drew, as Keras' own layer would have returned it from get_random_transformation."""
    batch = len(drawn)
    shape = (batch, *size, 1)
    if name == "RandomPerspective":
        corners = np.array([[0, 0], [size[1] - 1, 0], [0, size[0] - 1], [size[1] - 1, size[0] - 1]], np.float64)
        return {
            "apply_perspective": changed(drawn),
            "start_points": np.tile(corners.astype(np.float32), (batch, 1, 1)),
            "end_points": np.array([places_of(corners, one) for one in np.asarray(drawn, np.float64)], np.float32),
            "input_shape": shape,
        }
    a0, a1, a2, b0, b1, b2 = drawn[:, :6].T
    if name == "RandomRotation":
        return {
            "angle": jnp.degrees(jnp.arctan2(b0, a0)),
            "rotation_matrix": drawn,
            "image_height": size[0],
            "image_width": size[1],
            "batch_size": batch,
        }
    numbers = {
        "RandomZoom": {"height_zoom": b1[:, None], "width_zoom": a0[:, None]},
        "RandomTranslation": {"translations": jnp.stack([-a2, -b2], axis=1)},
        "RandomShear": {"shear_factor": jnp.stack([a1, b0], axis=1)},
    }
    return numbers[name] | {"input_shape": shape}


@pytest.mark.parametrize("name", AFFINE)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_images_and_masks_are_those_of_keras(name, mode, interpolation):
    ours, theirs = pair(name, fill_mode=mode, interpolation=interpolation, fill_value=9.0, seed=1, **AFFINE[name])
    images, masks = some((4, 8, 11, 2)), np.random.default_rng(1).integers(0, 9, (4, 8, 11, 1))
    drawn = ours.draw(images)
    transformation = as_keras(name, drawn, (8, 11))
    out = ours.transform_images(images, drawn)
    np.testing.assert_allclose(out, theirs.transform_images(images, transformation), rtol=1e-6, atol=1e-3)
    moved = ours.transform_segmentation_masks(masks, drawn)
    np.testing.assert_array_equal(moved, theirs.transform_segmentation_masks(masks, transformation))


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_perspective_is_that_of_keras(interpolation):
    ours, theirs = pair("RandomPerspective", factor=(0.5, 0.9), scale=0.7, interpolation=interpolation, fill_value=9.0)
    images, masks = some((6, 9, 12, 2)), np.random.default_rng(1).integers(0, 9, (6, 9, 12, 1))
    drawn = ours.draw(images)
    assert 0 < changed(drawn).sum() < 6
    transformation = as_keras("RandomPerspective", drawn, (9, 12))
    out = ours.transform_images(images, drawn)
    np.testing.assert_allclose(out, theirs.transform_images(images, transformation), rtol=1e-5, atol=1e-2)
    moved = ours.transform_segmentation_masks(masks, drawn)
    np.testing.assert_array_equal(moved, theirs.transform_segmentation_masks(masks, transformation))


@pytest.mark.parametrize("mode", ["reflect", "constant"])
def test_elastic_images_are_those_of_keras(monkeypatch, mode):
    """With Keras' noise taken from ours: its two fields get one each, which it would draw from one key."""
    ours, theirs = pair("RandomElasticTransform", factor=(0.5, 0.9), scale=(0.7, 0.7), fill_mode=mode, fill_value=300.0)
    images = some((6, 24, 21, 2))
    noise = np.random.default_rng(3).normal(size=(2, 6, 24, 21)).astype(np.float32)
    given = iter(noise)
    monkeypatch.setattr(elastic, "normal", lambda key, shape: jnp.asarray(noise))
    drawn = ours.draw(images)
    assert 0 < np.asarray(drawn["changes"]).sum() < 6
    transformation = {
        "apply_transform": drawn["changes"],
        "distortion_factor": jnp.float32(0.7),
        "seed": keras.random.SeedGenerator(1),
    }
    monkeypatch.setattr(jax.random, "normal", lambda key, shape, dtype: jnp.asarray(next(given)))
    expected = theirs.transform_images(images, transformation)
    np.testing.assert_allclose(ours.transform_images(images, drawn), expected, rtol=1e-5, atol=1e-2)


SMALL = {
    "RandomRotation": {"factor": 0.05},
    "RandomZoom": {"height_factor": 0.2, "width_factor": 0.2},
    "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.1},
    "RandomPerspective": {"factor": (0.5, 0.9), "scale": 0.2},
}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *SMALL.items(),
        ("RandomShear", {"x_factor": (0.1, 0.2)}),
        ("RandomShear", {"y_factor": (0.1, 0.2)}),
    ],
)
def test_boxes_are_those_of_keras_half_a_pixel_on(name, arguments):
    """Keras takes edges for middles of pixels. Shear of square images along one axis: the rest is wrong in Keras."""
    size = (40, 40) if name == "RandomShear" else (40, 60)
    ours, theirs = pair(name, bounding_box_format="xyxy", seed=2, **arguments)
    boxes = np.tile(np.array([[15, 12, 33, 28], [20.25, 14.5, 24, 16]], np.float32), (8, 1, 1))
    drawn = ours.draw(np.zeros((8, *size, 1), np.float32))
    moved = ours.transform_bounding_boxes({"boxes": boxes}, drawn, size)["boxes"]
    given = {"boxes": jnp.asarray(boxes - 0.5), "labels": jnp.ones((8, 2))}
    expected = theirs.transform_bounding_boxes(given, as_keras(name, drawn, size))["boxes"] + 0.5
    if name == "RandomPerspective":
        expected = np.where(changed(drawn)[:, None, None], expected, boxes)
    np.testing.assert_allclose(moved, expected, rtol=1e-4, atol=2e-3)
    assert np.abs(moved - boxes).max() > 1


def test_keras_boxes_of_oblong_sheared_images_leave_what_ours_stay_around():
    """A bright rectangle moves with its box; Keras' shear of shares of the sides is off by the ratio of the sides."""
    ours, theirs = pair("RandomShear", x_factor=(0.5, 0.5), fill_mode="constant", bounding_box_format="xyxy", seed=1)
    image = np.zeros((1, 80, 40, 1), np.float32)
    image[:, 30:36, 8:12] = 1
    boxes = {"boxes": jnp.array([[[8.0, 30, 12, 36]]]), "labels": jnp.ones((1, 1), jnp.int32)}
    drawn = jnp.array([[1, -0.5, 0, 0, 1, 0, 0, 0]])
    columns = np.flatnonzero(ours.transform_images(image, drawn)[0, ..., 0].max(axis=0))
    moved = np.asarray(ours.transform_bounding_boxes(boxes, drawn, (80, 40))["boxes"])[0, 0]
    other = np.asarray(theirs.transform_bounding_boxes(boxes, as_keras("RandomShear", drawn, (80, 40)))["boxes"])[0, 0]
    np.testing.assert_allclose(moved[[0, 2]], [columns[0], columns[-1] + 1], atol=1.5)
    assert abs(other[0] - columns[0]) > 5


def numbers_of_keras(name, transformation):
    if name == "RandomRotation":
        return {"angle": transformation["angle"]}
    if name == "RandomPerspective":
        points = np.asarray(transformation["end_points"])[np.asarray(transformation["apply_perspective"])]
        return {"changes": transformation["apply_perspective"], "x": points[:, 3, 0], "y": points[:, 2, 1]}
    if name == "RandomElasticTransform":
        return {"changes": transformation["apply_transform"]}
    return {key: transformation[key] for key in transformation if key != "input_shape"}


def numbers_of_ours(name, drawn, size):
    if name == "RandomElasticTransform":
        return {"changes": drawn["changes"]}
    return numbers_of_keras(name, as_keras(name, drawn, size))


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("pairs", [True, False])
def test_draws_have_keras_distribution(name, pairs):
    single = {
        "RandomRotation": {"factor": 0.2},
        "RandomZoom": {"height_factor": 0.3},
        "RandomTranslation": {"height_factor": 0.5, "width_factor": 0.2},
        "RandomShear": {"x_factor": 0.3, "y_factor": 0.5},
        "RandomPerspective": {"factor": 0.8},
        "RandomElasticTransform": {"factor": 0.8},
    }
    ours, theirs = pair(name, seed=0, **(ARGUMENTS if pairs else single)[name])
    images = np.zeros((4000, 4, 5, 1), np.float32)
    mine = numbers_of_ours(name, ours.draw(images), (4, 5))
    other = numbers_of_keras(name, theirs.get_random_transformation(images))
    assert set(mine) == set(other)
    for key in mine:
        a, b = (np.asarray(v, np.float64).reshape(len(v), -1) for v in (mine[key], other[key]))
        if key == "changes":
            np.testing.assert_allclose(a.mean(), b.mean(), atol=0.05)
            continue
        for first, second in zip(a.T, b.T, strict=True):
            assert stats.ks_2samp(first, second).pvalue > 1e-4
        if a.shape[1] == 2:
            np.testing.assert_allclose(np.corrcoef(a.T)[0, 1], np.corrcoef(b.T)[0, 1], atol=0.08)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RandomRotation", {"factor": 0.2}),
        ("RandomRotation", {"factor": (-0.1, 0.3), "fill_mode": "wrap", "fill_value": 3.0, "seed": 4}),
        ("RandomZoom", {"height_factor": 0.2}),
        ("RandomZoom", {"height_factor": (-0.2, 0.1), "width_factor": [0.1, 0.3], "interpolation": "nearest"}),
        ("RandomTranslation", {"height_factor": -0.2, "width_factor": (0.3, 0.1), "bounding_box_format": "rel_xyxy"}),
        ("RandomShear", {"x_factor": (0.1, 0.2), "y_factor": (0.3, 0.1), "data_format": "channels_first"}),
        ("RandomPerspective", {}),
        ("RandomPerspective", {"factor": (0.25, 0.5), "scale": 0.5, "fill_value": 2.0, "bounding_box_format": "xywh"}),
        ("RandomElasticTransform", {}),
        ("RandomElasticTransform", {"factor": 0.5, "scale": (0.25, 0.5), "fill_mode": "mirror", "value_range": (0, 1)}),
    ],
)
def test_configs_go_both_ways(name, arguments):
    ours, theirs = pair(name, name="it", **arguments)
    mine, other = (json.loads(json.dumps(layer.get_config())) for layer in (ours, theirs))
    assert mine == other
    assert json.loads(json.dumps(type(theirs).from_config(mine).get_config())) == other
    again = lamina_layers.deserialize(json.loads(json.dumps(keras.layers.serialize(theirs))))
    assert type(again) is type(ours)
    assert json.loads(json.dumps(again.get_config())) == mine


def test_shear_loads_the_config_of_a_number_that_keras_refuses():
    ours, theirs = pair("RandomShear", x_factor=0.25, name="it")
    config = json.loads(json.dumps(theirs.get_config()))
    assert json.loads(json.dumps(ours.get_config())) == config
    with pytest.raises(TypeError, match=r"factor.*-0.25"):
        keras.layers.RandomShear.from_config(config)
    assert geometry.RandomShear.from_config(config).x_factor == (-0.25, 0.25)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("RandomRotation", {"factor": 1.5}),
        ("RandomRotation", {"factor": (0.1, 0.2, 0.3)}),
        ("RandomZoom", {"height_factor": -1.0}),
        ("RandomZoom", {"height_factor": 0.1, "width_factor": (0.5, 1.5)}),
        ("RandomTranslation", {"height_factor": 1.1, "width_factor": 0}),
        ("RandomShear", {"x_factor": -0.1}),
        ("RandomPerspective", {"scale": -0.1}),
        ("RandomElasticTransform", {"factor": 1.5}),
        ("RandomElasticTransform", {"scale": 1.5}),
    ],
)
def test_what_keras_refuses_is_refused(name, arguments):
    for library in (geometry, keras.layers):
        with pytest.raises(ValueError, match=r"factor|scale|number"):
            getattr(library, name)(**arguments)
