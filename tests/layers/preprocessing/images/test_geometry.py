"""Layers that move pixels: images, masks and boxes of one draw, against SciPy and pictures of bright rectangles."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage, stats

from lamina.core.variable import bind
from lamina.layers.preprocessing.images import geometry
from lamina.layers.preprocessing.images.geometry import elastic

LAYERS = {
    "RandomRotation": {"factor": 0.3},
    "RandomZoom": {"height_factor": (-0.4, 0.6), "width_factor": 0.5},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.4},
    "RandomShear": {"x_factor": 0.6, "y_factor": 0.4},
    "RandomPerspective": {"factor": (1, 1), "scale": 0.6},
    "RandomElasticTransform": {"factor": (1, 1), "scale": (0.5, 0.8)},
}
SHAPE = (5, 20, 24, 2)
SCIPY_MODES = {
    "reflect": "reflect",
    "mirror": "mirror",
    "nearest": "nearest",
    "wrap": "grid-wrap",
    "constant": "grid-constant",
}


@pytest.fixture(params=LAYERS)
def name(request):
    return request.param


def make(name, **arguments):
    return getattr(geometry, name)(**({"seed": 3} | LAYERS[name] | arguments))


def some(shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype(np.float32)


def changed(drawn):
    """Which images a draw changes."""
    if isinstance(drawn, dict):
        return np.asarray(drawn["changes"])
    return (np.asarray(drawn) != [1, 0, 0, 0, 1, 0, 0, 0]).any(-1)


def compiled(layer):
    """The layer as a step runs it: a compiled function of a key and data, and the number of its compilations."""
    traces = []

    def step(key, data):
        traces.append(None)
        with bind([], [], key=key):
            return layer(data, training=True)

    return jax.jit(step), traces


def test_images_stay_as_they_are_outside_of_training(name):
    images = some(SHAPE).astype(np.uint8)
    out = make(name)(images, training=False)
    assert out.dtype == jnp.float32
    np.testing.assert_array_equal(out, images)
    assert np.abs(np.asarray(make(name)(images, training=True)) - images).max() > 1


def test_one_image_is_a_batch_of_one(name):
    image = some(SHAPE)[0]
    np.testing.assert_allclose(make(name)(image), make(name)(image[None])[0], atol=1e-4)


def test_channels_first_is_the_same_with_other_axes(name):
    images = some(SHAPE)
    expected = np.moveaxis(np.asarray(make(name)(images)), -1, 1)
    first = make(name, data_format="channels_first")
    np.testing.assert_allclose(first(np.moveaxis(images, -1, 1)), expected, atol=1e-4)


def test_each_image_is_changed_in_its_own_way(name):
    out = np.asarray(make(name)(np.repeat(some(SHAPE)[:1], len(some(SHAPE)), axis=0)))
    assert all(np.abs(out[i] - out[j]).max() > 1 for i in range(len(out)) for j in range(i))


def test_a_step_draws_anew_without_compiling_anew_and_repeats_for_its_key(name):
    step, traces = compiled(make(name))
    images = some(SHAPE)
    first, second = (np.asarray(step(jax.random.key(k), images)) for k in (1, 2))
    assert np.abs(first - second).max() > 1
    np.testing.assert_array_equal(step(jax.random.key(1), images), first)
    assert len(traces) == 1


def test_the_same_seed_draws_the_same(name):
    images = some(SHAPE)
    one, two = make(name, seed=5), make(name, seed=5)
    for _ in range(2):
        np.testing.assert_array_equal(one(images), two(images))
    assert np.abs(np.asarray(one(images)) - np.asarray(make(name, seed=6)(images))).max() > 1


def test_masks_move_as_their_images_and_labels_stay(name):
    masks = np.random.default_rng(0).integers(0, 200, SHAPE).astype(np.uint8)
    layer = make(name, interpolation="nearest")
    out = layer({"images": masks, "segmentation_masks": masks, "labels": np.arange(5), "names": np.arange(4)})
    assert out["segmentation_masks"].dtype == np.uint8
    np.testing.assert_array_equal(out["segmentation_masks"], out["images"])
    assert np.abs(np.asarray(out["images"]) - masks).max() > 1
    np.testing.assert_array_equal(out["labels"], np.arange(5))
    np.testing.assert_array_equal(out["names"], np.arange(4))


RECTANGLES = np.array([[10, 5, 30, 25], [2, 20, 9, 31], [30, 18, 46, 30]])  # left, top, right, bottom


def pictures_of_boxes(repeats=10):
    """Images (batch, 36, 50, 3), a channel with a bright rectangle for each of three boxes (batch, 3, 4)."""
    image = np.zeros((36, 50, 3), np.float32)
    for channel, (left, top, right, bottom) in enumerate(RECTANGLES):
        image[top:bottom, left:right, channel] = 1
    return np.repeat(image[None], repeats, axis=0), np.repeat(RECTANGLES[None].astype(np.float32), repeats, axis=0)


def bright_boxes(images):
    """Boxes (batch, channels, 4) around the bright pixels of each channel; None where there are none."""
    boxes = []
    for channel in np.moveaxis(np.asarray(images), -1, 1).reshape(-1, *images.shape[1:3]):
        found = ndimage.find_objects((channel > 0.5).astype(int))
        rows, columns = found[0] if found else (slice(0, 0), slice(0, 0))
        boxes.append([columns.start, rows.start, columns.stop, rows.stop])
    return np.array(boxes).reshape(len(images), -1, 4)


@pytest.mark.parametrize("scale", ["small", "large"])
def test_boxes_follow_what_they_are_around(name, scale):
    """The corners of a turned rectangle can lie between pixels, or outside of the image: hence the one and a half."""
    large = {"RandomRotation": {"factor": 0.5}, "RandomPerspective": {"factor": (1, 1), "scale": 1.0}}
    arguments = large.get(name, {}) if scale == "large" else {}
    constant = {} if name == "RandomPerspective" else {"fill_mode": "constant"}
    images, boxes = pictures_of_boxes()
    layer = make(name, interpolation="nearest", bounding_box_format="xyxy", **constant, **arguments)
    out = layer({"images": images, "bounding_boxes": {"boxes": boxes, "labels": np.tile([4, 5, 6], (len(boxes), 1))}})
    moved, labels = (np.asarray(out["bounding_boxes"][key]) for key in ("boxes", "labels"))
    bright = bright_boxes(out["images"])
    whole = (moved > [1, 1, 0, 0]).all(-1) & (moved < [50, 36, 49, 35]).all(-1)
    assert whole.sum() > 8
    np.testing.assert_allclose(moved[whole], bright[whole], atol=0 if name == "RandomElasticTransform" else 1.5)
    assert np.abs(moved - boxes).max() > 1.5
    seen = (bright[..., 2:] - bright[..., :2]).prod(-1) > 0
    around = (moved[..., :2] <= bright[..., :2] + 1) & (moved[..., 2:] >= bright[..., 2:] - 1)
    assert around[seen].all()
    assert (labels[seen] == np.tile([4, 5, 6], (len(boxes), 1))[seen]).all()


@pytest.mark.parametrize(
    ("factor", "expected"), [(0.25, [5, 0, 15, 8]), (0.5, [0, 9, 8, 19]), (-0.25, [9, 16, 19, 24])]
)
def test_quarter_turns_of_boxes_are_exact(factor, expected):
    """By hand, on a square of 24 pixels."""
    layer = geometry.RandomRotation((factor, factor), bounding_box_format="xyxy")
    boxes = {"boxes": np.array([[[16, 5, 24, 15]]], np.float32), "labels": np.array([[1]])}
    moved = layer({"images": np.zeros((1, 24, 24, 1)), "bounding_boxes": boxes})["bounding_boxes"]["boxes"][0, 0]
    np.testing.assert_allclose(moved, expected, atol=1e-4)


def test_boxes_come_back_in_their_format(name):
    images, boxes = pictures_of_boxes()
    labels = np.ones((10, 3), np.int32)
    moved = {}
    for form, given in {
        "xyxy": boxes,
        "xywh": np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1),
        "rel_yxyx": boxes[..., [1, 0, 3, 2]] / np.array([36, 50, 36, 50], np.float32),
    }.items():
        data = {"images": images, "bounding_boxes": {"boxes": given, "labels": labels}}
        moved[form] = np.asarray(make(name, bounding_box_format=form)(data)["bounding_boxes"]["boxes"])
    x0, y0, x1, y1 = np.moveaxis(moved["xyxy"], -1, 0)
    seen = (x1 > x0) & (y1 > y0)
    assert seen.sum() >= 3
    expected = {"xywh": (x0, y0, x1 - x0, y1 - y0), "rel_yxyx": (y0 / 36, x0 / 50, y1 / 36, x1 / 50)}
    for form, numbers in expected.items():
        np.testing.assert_allclose(moved[form][seen], np.stack(numbers, axis=-1)[seen], atol=1e-3)


def test_empty_boxes_stay_empty(name):
    images, boxes = pictures_of_boxes()
    boxes = {"boxes": [boxes[0, :1], *boxes[1:]], "labels": [[1], *[[1, 2, 3]] * 9]}
    out = make(name, bounding_box_format="center_xywh")({"images": images, "bounding_boxes": boxes})["bounding_boxes"]
    np.testing.assert_array_equal(out["labels"][0, 1:], -1)
    np.testing.assert_array_equal(out["boxes"][0, 1:], -1)


def test_a_box_that_reaches_to_infinity_is_around_all_its_pixels():
    """The line x + y = 40 of the old image is the horizon of the new one."""
    image = np.zeros((1, 36, 50, 1), np.float32)
    image[:, 5:30, 8:42] = 1
    boxes = {"boxes": np.array([[[8, 5, 42, 30]]], np.float32)}
    layer = geometry.RandomPerspective((1, 1), interpolation="nearest")
    maps = np.array([[1, 0, 0, 0, 1, 0, 1 / 40, 1 / 40]], np.float32)
    moved = layer.transform_bounding_boxes(boxes, maps, (36, 50))["boxes"]
    bright = bright_boxes(np.asarray(layer.transform_images(image, maps)))
    np.testing.assert_array_equal(moved, bright)
    assert (bright[0, 0, 2:] - bright[0, 0, :2]).min() > 5


@pytest.mark.parametrize("mode", SCIPY_MODES)
@pytest.mark.parametrize("layer", ["RandomRotation", "RandomZoom", "RandomTranslation"])
def test_images_are_those_of_scipy(layer, mode):
    """SciPy in float64, whose matrices take (row, column)."""
    images = some(SHAPE)
    it = make(layer, fill_mode=mode, fill_value=7.0)
    maps = np.asarray(it.draw(images), np.float64)
    out = np.asarray(it.transform_images(images, maps.astype(np.float32)))
    for image, (a0, a1, a2, b0, b1, b2, *_), result in zip(images, maps, out, strict=True):
        for channel in range(2):
            expected = ndimage.affine_transform(
                image[..., channel].astype(np.float64), [[b1, b0], [a1, a0]], [b2, a2],
                order=1, mode=SCIPY_MODES[mode], cval=7.0,
            )  # fmt: skip
            np.testing.assert_allclose(result[..., channel], expected, rtol=1e-5, atol=5e-3)


def test_a_positive_angle_turns_against_the_clock_as_scipy_does():
    image = some((9, 9, 1))
    out = geometry.RandomRotation((0.1, 0.1), fill_mode="constant")(image)
    expected = ndimage.rotate(image[..., 0].astype(np.float64), 36, reshape=False, order=1, mode="grid-constant")
    np.testing.assert_allclose(out[..., 0], expected, atol=5e-3)


def test_draws_fill_their_bounds_evenly():
    """Kolmogorov-Smirnov against the uniform distribution, 4000 images each."""

    def check(numbers, lower, upper):
        assert stats.kstest(np.asarray(numbers, np.float64), "uniform", (lower, upper - lower)).pvalue > 1e-3

    images = np.zeros((4000, 10, 20, 1), np.float32)
    turn = np.asarray(geometry.RandomRotation((-0.1, 0.3), seed=0).draw(images))
    check(np.arctan2(turn[:, 3], turn[:, 0]) / (2 * np.pi), -0.1, 0.3)
    zoom = np.asarray(geometry.RandomZoom(0.2, (0.1, 0.5), seed=0).draw(images))
    check(zoom[:, 4], 0.8, 1.2)
    check(zoom[:, 0], 1.1, 1.5)
    both = np.asarray(geometry.RandomZoom(0.2, seed=0).draw(images))
    np.testing.assert_array_equal(both[:, 0], both[:, 4])
    shift = np.asarray(geometry.RandomTranslation((0.1, 0.2), 0.5, seed=0).draw(images))
    check(-shift[:, 5], 1, 2)
    check(-shift[:, 2], -10, 10)
    slant = np.asarray(geometry.RandomShear((0.2, 0.4), (0.1, 0.3), seed=0).draw(images))
    check(np.abs(slant[:, 1]), 0.2, 0.4)
    np.testing.assert_array_equal(np.sign(slant[:, 1]), np.sign(slant[:, 3]))
    assert abs(np.sign(slant[:, 1]).mean()) < 0.06
    for maps in (zoom, shift, slant):
        first, second = maps[:, [0, 2, 1]].std(0).argmax(), maps[:, [4, 5, 3]].std(0).argmax()
        pair = np.abs(maps[:, [0, 2, 1][first]]), np.abs(maps[:, [4, 5, 3][second]])
        assert abs(np.corrcoef(*pair)[0, 1]) < 0.06


@pytest.mark.parametrize("name", ["RandomPerspective", "RandomElasticTransform"])
@pytest.mark.parametrize(("factor", "share"), [(1.0, 0.5), ((1, 1), 1.0), (0.4, 0.2), ((0.2, 0.4), 0.3), (0.0, 0.0)])
def test_factor_bounds_the_probability_of_a_change(name, factor, share):
    images = np.zeros((3000, 2, 2, 1), np.float32)
    changes = changed(make(name, factor=factor).draw(images))
    np.testing.assert_allclose(changes.mean(), share, atol=0.04 if 0 < share < 1 else 0)


@pytest.mark.parametrize("name", ["RandomPerspective", "RandomElasticTransform"])
def test_images_that_are_not_drawn_stay_exactly(name):
    layer = make(name, factor=(0.5, 0.5))
    images, boxes = some(SHAPE), np.tile(np.array([[1.5, 2, 6.25, 7]], np.float32), (5, 1, 1))
    drawn = layer.draw(images)
    same = ~changed(drawn)
    assert 0 < same.sum() < 5
    out = np.asarray(layer.transform_images(images, drawn))
    np.testing.assert_array_equal(out[same], images[same])
    assert np.abs(out - images)[~same].max(axis=(1, 2, 3)).min() > 1
    moved = np.asarray(layer.transform_bounding_boxes({"boxes": boxes}, drawn, SHAPE[1:3])["boxes"])
    np.testing.assert_array_equal(moved[same], boxes[same])


def test_elastic_fields_are_scipys_gaussian_filter_of_noise(monkeypatch):
    """SciPy in float64, zeros outside, cut off where Keras cuts off."""
    noise = np.random.default_rng(0).normal(size=(2, *SHAPE[:3])).astype(np.float32)
    monkeypatch.setattr(elastic, "normal", lambda key, shape: jnp.asarray(noise))
    drawn = geometry.RandomElasticTransform((1, 1), scale=(0.9, 0.9)).draw(np.zeros(SHAPE))
    sigma = 0.05 * 0.9 * 20
    for field, of, start in zip(("x", "y"), noise, (np.arange(24), np.arange(20)[:, None]), strict=True):
        smooth = ndimage.gaussian_filter(of.astype(np.float64), (0, sigma, sigma), mode="constant", radius=(0, 2, 2))
        np.testing.assert_allclose(drawn[field], start + 0.1 * 0.9 * 24 * sigma * smooth, rtol=1e-5, atol=1e-4)


def test_elastic_pixels_move_in_all_directions():
    drawn = geometry.RandomElasticTransform((1, 1), seed=0).draw(np.zeros((10, 36, 50, 3)))
    x, y = np.asarray(drawn["x"]) - np.arange(50), np.asarray(drawn["y"]) - np.arange(36)[:, None]
    assert abs(np.corrcoef(x.ravel(), y.ravel())[0, 1]) < 0.1
    assert x.std() > 0.5
    assert abs(x.std() / y.std() - 1) < 0.1


def test_elastic_images_are_those_of_scipy():
    images = some(SHAPE)
    layer = make("RandomElasticTransform", fill_mode="mirror")
    drawn = layer.draw(images)
    out = np.asarray(layer.transform_images(images, drawn))
    for i in range(len(images)):
        places = [np.asarray(drawn[key][i], np.float64) for key in ("y", "x")]
        for channel in range(2):
            expected = ndimage.map_coordinates(images[i, ..., channel].astype(float), places, order=1, mode="mirror")
            np.testing.assert_allclose(out[i, ..., channel], expected, rtol=1e-5, atol=5e-3)


def test_elastic_clips_images_but_not_masks():
    images = np.full(SHAPE, 5.0, np.float32)
    masks = np.full(SHAPE, 9, np.int32)
    layer = make("RandomElasticTransform", fill_value=-3.0, fill_mode="constant", value_range=(0, 1))
    out = layer({"images": images, "segmentation_masks": masks})
    assert np.asarray(out["images"]).max() == 1
    assert np.asarray(out["images"]).min() >= 0
    assert np.asarray(out["segmentation_masks"]).max() == 9


@pytest.mark.parametrize("size", [(1, 1), (7, 2)])
def test_tiny_images_keep_their_shape_and_stay_finite(name, size):
    out = np.asarray(make(name)(some((4, *size, 2))))
    assert out.shape == (4, *size, 2)
    assert np.isfinite(out).all()
    assert (out >= 0).all()
    assert (out <= 255).all()


def test_no_strength_is_no_change(name):
    none = {
        "RandomRotation": {"factor": 0},
        "RandomZoom": {"height_factor": 0.0, "width_factor": None},
        "RandomTranslation": {"height_factor": 0, "width_factor": (0, 0)},
        "RandomShear": {"x_factor": 0, "y_factor": 0},
        "RandomPerspective": {"scale": 0.0},
        "RandomElasticTransform": {"scale": 0},
    }
    images = some(SHAPE)
    np.testing.assert_allclose(make(name, **none[name])(images), images, rtol=2e-4, atol=1e-2)


def test_places_of_pixels_are_exact_in_sixteen_bits(name):
    """A place such as 300.5 does not fit bfloat16's eight bits: only the values may be rounded."""
    images = np.repeat(np.linspace(0, 255, 301, dtype=np.float32)[None, None, :, None], 2, axis=0).repeat(5, axis=1)
    low = (
        make(name, dtype="bfloat16", fill_mode="nearest")
        if name != "RandomPerspective"
        else make(name, dtype="bfloat16")
    )
    high = make(name, fill_mode="nearest") if name != "RandomPerspective" else make(name)
    out = low(images)
    assert out.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.asarray(out, np.float32), high(images), atol=2.5)


def test_everything_at_once_compiles_once(name):
    images, boxes = pictures_of_boxes(3)
    data = {
        "images": images,
        "labels": np.arange(3),
        "segmentation_masks": images[..., :1].astype(np.int32),
        "bounding_boxes": {"boxes": boxes, "labels": np.ones((3, 3), np.int32)},
    }
    step, traces = compiled(make(name, bounding_box_format="xyxy"))
    for key in range(3):
        out = step(jax.random.key(key), data)
    assert len(traces) == 1
    assert {key: np.shape(value) for key, value in out.items() if key != "bounding_boxes"} == {
        key: np.shape(value) for key, value in data.items() if key != "bounding_boxes"
    }
    assert out["bounding_boxes"]["boxes"].shape == (3, 3, 4)


def test_gradients_reach_the_images(name):
    """The sum of the slopes is 1 for each new pixel that shows the old image: interpolation weights add up to 1."""
    layer = make(name, seed=1) if name == "RandomPerspective" else make(name, fill_mode="nearest")
    images = jnp.asarray(some(SHAPE))
    drawn = layer.draw(images)
    slopes = jax.grad(lambda x: layer.transform_images(x, drawn).sum())(images)
    if name == "RandomPerspective":
        expected = layer.transform_images(jnp.ones_like(images), drawn).sum()
    else:
        expected = images.size
    np.testing.assert_allclose(slopes.sum(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("RandomRotation", {"factor": 1.5}, r"RandomRotation 'random_rotation': factor: expected .* from -1 to 1"),
        ("RandomRotation", {"factor": "much"}, r"factor: expected a number or a pair .* received 'much'"),
        ("RandomRotation", {"fill_mode": "reflekt"}, r"fill_mode: expected one of .* Did you mean 'reflect'"),
        ("RandomRotation", {"interpolation": "bicubic"}, r"interpolation: expected one of \['nearest', 'bilinear'\]"),
        ("RandomRotation", {"bounding_box_format": "xxyy"}, r"bounding_box_format: expected one of"),
        (
            "RandomZoom",
            {"height_factor": (-1.0, 0.5)},
            r"height_factor: expected shares above -1, received \(-1.0, 0.5",
        ),
        ("RandomZoom", {"width_factor": 2}, r"width_factor: expected .* from -1 to 1, received 2"),
        ("RandomTranslation", {"height_factor": (0, 0.1, 0.2)}, r"height_factor: expected a number or a pair"),
        ("RandomShear", {"x_factor": -0.5}, r"x_factor: expected .* from 0 to 1, received -0.5"),
        ("RandomShear", {"y_factor": (0, 3)}, r"y_factor: expected .* from -1 to 1"),
        ("RandomPerspective", {"scale": 1.5}, r"RandomPerspective 'random_perspective': scale: expected a fraction"),
        ("RandomPerspective", {"factor": -0.5}, r"factor: expected .* from 0 to 1"),
        ("RandomElasticTransform", {"scale": 2}, r"scale: expected .* from 0 to 1"),
        ("RandomElasticTransform", {"value_range": (1, 0)}, r"value_range: expected \(lowest, highest\)"),
    ],
)
def test_wrong_settings_are_named(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        make(name, **arguments)
