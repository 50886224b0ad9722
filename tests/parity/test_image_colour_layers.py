"""Colour layers against the real Keras 3.15: our draws, handed to Keras' own transformation, and configs both ways.

Where lamina differs (its docstrings say so), the comparison is over the part that agrees, and a test shows the rest.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from lamina.layers.base import family
from lamina.layers.preprocessing.images import colours
from tests.parity.side_by_side import compare_configs

keras = pytest.importorskip("keras")

RANGES = [(0, 255), (0, 1)]
FORMATS = ["channels_last", "channels_first"]
SHAPE = (3, 6, 5, 3)

# Names, arguments, and how a draw of ours is called in Keras.
LAYERS: list[tuple[str, dict[str, Any], Any]] = [
    ("RandomBrightness", {"factor": 0.4}, lambda d: {"rgb_delta": d}),
    ("RandomBrightness", {"factor": (-0.9, -0.2)}, lambda d: {"rgb_delta": d}),
    ("RandomContrast", {"factor": (0.3, 0.8)}, lambda d: {"contrast_factor": d}),
    ("RandomColorDegeneration", {"factor": (-0.2, 0.9)}, lambda d: {"factor": d}),
    ("RandomColorDegeneration", {"factor": (1, 1)}, lambda d: {"factor": d}),
    ("RandomGrayscale", {"factor": 0.5}, lambda d: d),
    ("RandomHue", {"factor": 1.0}, lambda d: {"factor": d.ravel()}),
    ("RandomHue", {"factor": (0.1, 0.4)}, lambda d: {"factor": d.ravel()}),
    ("RandomSaturation", {"factor": (0.0, 0.5)}, lambda d: {"factor": d.ravel()}),
    ("RandomPosterization", {"factor": 6}, lambda d: {"shift_factor": d.ravel().astype(np.uint8)}),
    ("RandomInvert", {"factor": (0.5, 0.5)}, lambda d: {"apply_inversion": d.ravel()}),
    ("Solarization", {"threshold_factor": 0.9}, None),
    ("Solarization", {"addition_factor": (0.1, 0.4), "threshold_factor": (0.3, 0.6)}, None),
]
ALWAYS: list[tuple[str, dict[str, Any]]] = [
    ("AutoContrast", {}),
    ("Equalization", {}),
    ("Equalization", {"bins": 32}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (2, 2)}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {}),
]


def photos(shape: tuple[int, ...] = SHAPE, value_range: tuple[float, float] = (0, 255)) -> np.ndarray:
    whole = np.random.default_rng(shape).integers(0, 256, shape)
    return (whole / 255 * (value_range[1] - value_range[0]) + value_range[0]).astype(np.float32)


def side_by_side(name: str, arguments: dict[str, Any]) -> tuple[Any, Any]:
    return getattr(colours, name)(seed=3, **arguments), getattr(keras.layers, name)(seed=3, **arguments)


def solarization(drawn: dict[str, Any], value_range: tuple[float, float]) -> dict[str, Any]:
    """Keras counts in 255ths of the range."""
    return {name: numbers / (value_range[1] - value_range[0]) * 255 for name, numbers in drawn.items()}


@pytest.mark.parametrize(("name", "arguments", "renamed"), LAYERS)
@pytest.mark.parametrize("value_range", RANGES, ids=str)
def test_images_are_keras_for_the_same_draw(name, arguments, renamed, value_range):
    if name != "RandomGrayscale":
        arguments = {**arguments, "value_range": value_range}
    ours, theirs = side_by_side(name, arguments)
    x = jnp.asarray(photos(value_range=value_range))
    drawn = ours.draw(x)
    given = solarization(drawn, value_range) if renamed is None else renamed(np.asarray(drawn))
    expected = theirs.transform_images(x, given, training=True)
    np.testing.assert_allclose(ours.transform_images(x, drawn), expected, rtol=3e-6, atol=2e-6 * value_range[1])


@pytest.mark.parametrize(
    ("name", "arguments", "renamed"),
    [case for case in LAYERS if case[0] in ("RandomContrast", "RandomGrayscale", "RandomHue", "RandomSaturation")],
)
def test_channels_first_is_keras(name, arguments, renamed):
    ours, theirs = side_by_side(name, {**arguments, "data_format": "channels_first"})
    x = jnp.asarray(np.moveaxis(photos(), -1, 1))
    drawn = ours.draw(x)
    expected = theirs.transform_images(x, renamed(np.asarray(drawn)), training=True)
    np.testing.assert_allclose(ours.transform_images(x, drawn), expected, rtol=3e-6, atol=5e-4)


@pytest.mark.parametrize(("name", "arguments"), ALWAYS)
@pytest.mark.parametrize("value_range", RANGES, ids=str)
def test_layers_without_chance_are_keras_on_one_image(name, arguments, value_range):
    arguments = {**arguments, "value_range": value_range}
    ours, theirs = getattr(colours, name)(**arguments), getattr(keras.layers, name)(**arguments)
    x = photos((1, 6, 5, 3), value_range)
    np.testing.assert_allclose(ours(x), theirs(x, training=True), rtol=3e-6, atol=3e-6 * value_range[1])


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0])
def test_sharpness_is_keras_inside_the_outermost_pixels(factor, data_format):
    arguments = {"factor": (factor, factor), "data_format": data_format}
    ours, theirs = side_by_side("RandomSharpness", arguments)
    x = jnp.asarray(photos((2, 3, 6, 6)))
    drawn = ours.draw(x)
    expected = np.asarray(theirs.transform_images(x, {"factor": np.asarray(drawn).ravel()}))
    inside = (..., slice(1, -1), slice(1, -1)) if data_format == "channels_first" else (slice(None), 1, slice(1, -1))
    result = np.asarray(ours.transform_images(x, drawn))
    np.testing.assert_allclose(result[inside], expected[inside], rtol=3e-6, atol=3e-4)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize("size", [3, (5, 3), (1, 5)])
def test_gaussian_blur_is_keras_inside_of_the_edges(size, data_format):
    arguments = {"factor": (0.5, 0.5), "kernel_size": size, "sigma": (0.3, 0.9), "data_format": data_format}
    ours, theirs = side_by_side("RandomGaussianBlur", arguments)
    across, down = ours.kernel_size
    x = np.full((4, 12, 11, 2), 9.0, np.float32)
    x[:, 3:-3, 3:-3] += photos((4, 6, 5, 2)) * 0.9
    x = jnp.asarray(x if data_format == "channels_last" else np.moveaxis(x, -1, 1))
    drawn = ours.draw(x)
    result = np.moveaxis(np.asarray(ours.transform_images(x, drawn)), ours.channel_axis, -1)
    for i in range(4):  # Keras has one sigma for a batch
        given = {"should_apply_blur": drawn["chosen"][i : i + 1, 0, 0, 0], "blur_factor": drawn["sigmas"][i]}
        expected = np.moveaxis(np.asarray(theirs.transform_images(x[i : i + 1], given)), ours.channel_axis, -1)[0]
        inside = (slice(down // 2, 12 - down // 2), slice(across // 2, 11 - across // 2))
        np.testing.assert_allclose(result[i][inside], expected[inside], rtol=3e-6, atol=1e-4)
        if drawn["chosen"][i, 0, 0, 0]:
            assert (result[i] - expected).max() > 0.5, "Keras' dark frame"


def test_jitter_is_keras_parts_one_after_the_other():
    factors = {
        "brightness_factor": 0.2,
        "contrast_factor": (0.3, 0.3),
        "saturation_factor": (0.2, 0.5),
        "hue_factor": 0.3,
    }
    ours, theirs = side_by_side("RandomColorJitter", {"value_range": (0, 1), **factors})
    x = jnp.asarray(photos(value_range=(0, 1)))
    drawn = ours.draw(x)
    delta, contrast, saturation, hue = (np.asarray(numbers) for numbers in drawn)
    expected = theirs.random_brightness.transform_images(x, {"rgb_delta": delta})
    expected = theirs.random_contrast.transform_images(expected, {"contrast_factor": contrast})
    expected = theirs.random_saturation.transform_images(expected, {"factor": saturation.ravel()})
    expected = theirs.random_hue.transform_images(expected, {"factor": hue.ravel()})
    np.testing.assert_allclose(ours.transform_images(x, drawn), expected, rtol=1e-5, atol=3e-6)


@pytest.mark.parametrize("data_format", FORMATS)
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *((name, arguments | {"seed": 4}) for name, arguments, _ in LAYERS if name != "RandomGrayscale"),
        *ALWAYS,
        ("ContrastLimitedAdaptiveHistogramEqualization", {"clip_limit": 0, "tile_grid_size": (3, 1)}),
        ("RandomSharpness", {"factor": 0.4, "value_range": (0, 1)}),
        ("RandomGaussianBlur", {}),
        ("RandomGaussianBlur", {"factor": (0.2, 0.3), "kernel_size": (3, 5), "sigma": 0.5, "value_range": (-1, 1)}),
        ("RandomColorJitter", {}),
        ("RandomColorJitter", {"value_range": (0, 1), "contrast_factor": 0.3, "hue_factor": (0.1, 0.2), "seed": 1}),
        ("RandomInvert", {}),
        ("Solarization", {}),
        ("RandomBrightness", {"factor": 0.2, "bounding_box_format": "xywh"}),
    ],
)
def test_configs_are_keras_both_ways(name, arguments, data_format):
    arguments = {**arguments, "name": "it", "data_format": data_format}
    compare_configs(getattr(colours, name)(**arguments), getattr(keras.layers, name)(**arguments))


def test_config_of_grayscale_is_keras_and_the_seed():
    arguments = {"factor": 0.25, "name": "it", "data_format": "channels_first", "seed": 3}
    ours, theirs = colours.RandomGrayscale(**arguments), keras.layers.RandomGrayscale(**arguments)
    config = ours.get_config()
    assert config.pop("seed") == 3
    assert config == theirs.get_config()
    assert family.deserialize(keras.layers.serialize(theirs)).factor == 0.25
    assert keras.layers.deserialize(family.serialize(ours)).seed == 3


# What Keras does instead, where a docstring says "Differs from Keras" -------------------------------------------------


def test_keras_contrast_of_a_number_only_adds():
    ours, theirs = (kind(0.4) for kind in (colours.RandomContrast, keras.layers.RandomContrast))
    assert (ours.factor, theirs.factor) == ((0.4, 0.4), (0, 0.4))
    again = family.deserialize(keras.layers.serialize(theirs))
    assert again.factor == (0, 0.4), "a config of Keras keeps Keras' meaning"


def test_keras_saturation_leaves_the_range():
    x = np.array([[[[200.0, 100.0, 50.0]]]], np.float32)
    ours, theirs = side_by_side("RandomSaturation", {"factor": (0.75, 0.75)})
    assert float(np.min(theirs(x, training=True))) < -200
    np.testing.assert_allclose(ours(x, training=True), [[[[200, 200 / 3, 0]]]], atol=1e-3)


@pytest.mark.parametrize("name", ["RandomSaturation", "RandomColorDegeneration"])
def test_keras_takes_a_number_below_zero_too(name):
    ours, theirs = side_by_side(name, {"factor": 0.2})
    assert (ours.factor, theirs.factor) == ((0, 0.2), (-0.2, 0.2))
    again = family.deserialize(keras.layers.serialize(theirs))
    assert again.factor == (-0.2, 0.2), "a config of Keras keeps Keras' meaning"


def test_keras_equalization_mixes_the_images_of_a_batch():
    x = photos()
    ours, theirs = colours.Equalization(), keras.layers.Equalization()
    alone = np.concatenate([np.asarray(theirs(x[i : i + 1], training=True)) for i in range(3)])
    np.testing.assert_allclose(ours(x), alone, atol=1e-3)
    assert np.abs(np.asarray(theirs(x, training=True)) - alone).max() > 5
    np.testing.assert_array_equal(theirs(x, training=False), x)


def test_keras_brightness_cannot_darken_bytes():
    x = np.full((1, 1, 1, 3), 50, np.uint8)
    ours, theirs = side_by_side("RandomBrightness", {"factor": (-0.1, -0.1)})
    np.testing.assert_array_equal(theirs(x, training=True), x)
    np.testing.assert_allclose(ours(x, training=True), 24.5 * np.ones((1, 1, 1, 3)))


def test_keras_inverts_out_of_a_range_below_zero():
    x = np.full((1, 1, 1, 1), -0.5, np.float32)
    ours, theirs = side_by_side("RandomInvert", {"factor": (1, 1), "value_range": (-1, 1)})
    assert (float(ours(x, training=True).item()), float(np.asarray(theirs(x, training=True)).item())) == (0.5, 1.5)
