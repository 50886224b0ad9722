"""Colour layers against Pillow 13, colorsys, SciPy 1.17 and formulas in float64 NumPy; what is random, and when."""

from __future__ import annotations

import colorsys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage, stats

from lamina.core.variable import bind
from lamina.layers.base import family
from lamina.layers.preprocessing import Rescaling
from lamina.layers.preprocessing.images import colours
from lamina.layers.preprocessing.images.colours._shared import whole_levels

RANDOM: dict[str, dict[str, Any]] = {
    "RandomBrightness": {"factor": 0.3},
    "RandomContrast": {"factor": 0.3},
    "RandomColorDegeneration": {"factor": 0.8},
    "RandomColorJitter": {
        "brightness_factor": 0.2,
        "contrast_factor": 0.2,
        "saturation_factor": (0.3, 0.6),
        "hue_factor": 0.2,
    },
    "RandomGrayscale": {},
    "RandomHue": {"factor": 0.5},
    "RandomSaturation": {"factor": 0.8},
    "RandomSharpness": {"factor": 1.0},
    "RandomPosterization": {"factor": (1, 6)},
    "RandomInvert": {},
    "RandomGaussianBlur": {"factor": (0.5, 0.5)},
    "Solarization": {"addition_factor": 0.3, "threshold_factor": 0.8},
}
ALWAYS: dict[str, dict[str, Any]] = {
    "AutoContrast": {},
    "Equalization": {},
    "ContrastLimitedAdaptiveHistogramEqualization": {"tile_grid_size": (2, 3)},
}
EVERY = RANDOM | ALWAYS
RANGES = [(0, 255), (0, 1), (-1, 1)]


def make(kind: str, seed: int | None = None, **more: Any) -> Any:
    chance = {"seed": seed} if kind in RANDOM else {}
    return getattr(colours, kind)(**EVERY[kind] | chance | more)


def photos(count: int = 4, height: int = 9, width: int = 8, seed: int = 0) -> np.ndarray:
    """Whole values from 20 to 229: neither black nor white, so that every change shows."""
    return np.random.default_rng(seed).integers(20, 230, (count, height, width, 3)).astype(np.float32)


def in_range(images: np.ndarray, value_range: tuple[float, float]) -> np.ndarray:
    """Images from 0 to 255 in another range."""
    lowest, highest = value_range
    return (images.astype(np.float64) / 255 * (highest - lowest) + lowest).astype(np.float32)


def back(images: Any, value_range: tuple[float, float]) -> np.ndarray:
    """Images of a range in 0 to 255."""
    lowest, highest = value_range
    return (np.asarray(images, np.float64) - lowest) / (highest - lowest) * 255


def step(layer: Any, traced: list[Any] | None = None) -> Any:
    """The layer in a compiled training step: (images, key of the step) -> images; `traced` is told of each tracing."""

    def run(images: Any, key: jax.Array) -> Any:
        if traced is not None:
            traced.append(key)
        with bind([], [], key=key):
            return layer(images, training=True)

    return jax.jit(run)


def traced(layer: Any, shape: tuple[int, ...]) -> Any:
    """Shape and dtype of what the layer makes of images of a shape."""
    return jax.eval_shape(step(layer), jax.ShapeDtypeStruct(shape, jnp.float32), jax.random.key(0))


# What every colour layer keeps ----------------------------------------------------------------------------------------


def test_every_colour_layer_has_a_case():
    assert set(EVERY) == set(colours.__all__)


@pytest.mark.parametrize("name", RANDOM)
def test_random_layers_change_nothing_outside_training(name):
    x = photos()
    np.testing.assert_array_equal(make(name)(x, training=False), x)


@pytest.mark.parametrize("name", ALWAYS)
def test_layers_without_chance_act_in_training_and_in_use(name):
    x, layer = photos(), make(name)
    assert np.abs(np.asarray(layer(x)) - x).max() > 1
    np.testing.assert_array_equal(layer(x, training=False), layer(x, training=True))


@pytest.mark.parametrize("name", RANDOM)
def test_steps_draw_anew_seeds_repeat_and_nothing_recompiles(name):
    layer = make(name, seed=3)
    traced_keys: list[Any] = []
    run, x = step(layer, traced_keys), np.tile(photos()[:1], (16, 1, 1, 1))
    first, again, other = (np.asarray(run(x, jax.random.key(k))) for k in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert len(np.unique(first.reshape(16, -1), axis=0)) > 1, "each image has a draw of its own"
    assert len(traced_keys) == 1
    drawn = [jax.tree.leaves(make(name, seed=s).draw(jnp.asarray(x))) for s in (3, 3, 4)]
    same = [[bool((a == b).all()) for a, b in zip(drawn[0], other, strict=True)] for other in drawn[1:]]
    assert all(same[0])
    assert not all(same[1])


@pytest.mark.parametrize("name", EVERY)
def test_labels_boxes_and_masks_stay(name):
    data = {
        "images": photos(),
        "labels": np.eye(4, dtype=np.float32),
        "bounding_boxes": {"boxes": np.array([[[1, 2, 5, 6.5]]] * 4, np.float32), "labels": np.ones((4, 1), int)},
        "segmentation_masks": photos()[..., :1],
        "weight": np.ones(4, np.float32),
    }
    result = make(name, bounding_box_format="xyxy", seed=1)(data, training=True)
    assert set(result) == set(data)
    np.testing.assert_array_equal(result["labels"], data["labels"])
    np.testing.assert_array_equal(result["segmentation_masks"], data["segmentation_masks"])
    np.testing.assert_allclose(result["bounding_boxes"]["boxes"], data["bounding_boxes"]["boxes"], rtol=1e-6)


@pytest.mark.parametrize("name", EVERY)
def test_bytes_single_images_and_channels_first_give_the_same_numbers(name):
    x = photos()
    expected = np.asarray(make(name, seed=5)(x, training=True))
    np.testing.assert_array_equal(make(name, seed=5)(x.astype(np.uint8), training=True), expected)
    np.testing.assert_allclose(make(name, seed=5)(x[0], training=True), expected[0], rtol=1e-5, atol=1e-3)
    first = make(name, seed=5, data_format="channels_first")(np.moveaxis(x, -1, 1), training=True)
    np.testing.assert_allclose(np.moveaxis(np.asarray(first), 1, -1), expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("value_range", RANGES[1:])
def test_value_ranges_are_respected(name, value_range):
    if name == "RandomGrayscale":
        pytest.skip("has no value_range: its formula is linear in 0")
    x = photos()
    expected = np.asarray(make(name, seed=5)(x, training=True))
    result = make(name, seed=5, value_range=value_range)(in_range(x, value_range), training=True)
    assert value_range[0] - 1e-6 <= result.min()
    assert result.max() <= value_range[1] + 1e-6
    if name == "RandomColorDegeneration" and value_range[0] < 0:
        return  # the weights of grey sum to 0.9999, which is seen below 0
    np.testing.assert_allclose(back(result, value_range), expected, atol=2e-3)


@pytest.mark.parametrize("name", EVERY)
def test_sixteen_bits(name):
    x = photos()
    result = make(name, seed=5, dtype="mixed_bfloat16")(x, training=True)
    assert result.dtype == "bfloat16"
    near = np.abs(np.asarray(result, np.float32) - np.asarray(make(name, seed=5)(x, training=True)))
    assert np.median(near) < 2


@pytest.mark.parametrize("name", EVERY)
def test_configs_come_back_with_the_same_draws(name):
    layer = make(name, seed=5, name="it")
    again = family.deserialize(family.serialize(layer))
    assert again.get_config() == layer.get_config()
    np.testing.assert_array_equal(again(photos(), training=True), layer(photos(), training=True))


@pytest.mark.parametrize(
    "name", ["RandomBrightness", "RandomContrast", "RandomSaturation", "RandomHue", "RandomInvert"]
)
def test_gradients_flow_through(name):
    layer = make(name, seed=2)

    def loss(x: jax.Array) -> jax.Array:
        with bind([], [], key=jax.random.key(0)):
            return jnp.sum(layer(x, training=True) ** 2)

    slopes = jax.jit(jax.grad(loss))(jnp.asarray(photos(2)).at[0, 0, 0].set(0).at[0, 0, 1].set(77))
    assert bool(jnp.isfinite(slopes).all())
    assert float(jnp.abs(slopes).max()) > 1


@pytest.mark.parametrize("name", EVERY)
def test_tiny_and_empty_batches_keep_their_shape(name):
    y = make(name, seed=1)(np.full((1, 1, 2, 3), 100.0, np.float32), training=True)
    assert y.shape == (1, 1, 2, 3)
    assert bool(jnp.isfinite(y).all())
    assert traced(make(name), (0, 4, 4, 3)).shape == (0, 4, 4, 3)


@pytest.mark.parametrize("name", EVERY)
def test_grey_images_pass_where_colours_do_not_matter(name):
    if name in ("RandomHue", "RandomSaturation", "RandomColorJitter"):
        with pytest.raises(ValueError, match=r"expected images of 3 channels .* received 1 in images of shape"):
            traced(make(name), (4, 9, 8, 1))
    else:
        assert traced(make(name), (4, 9, 8, 1)).shape == (4, 9, 8, 1)


# Against Pillow -------------------------------------------------------------------------------------------------------


def pillow(function: Any, *arguments: Any) -> np.ndarray:
    """What a function of Pillow makes of each photo."""
    image = pytest.importorskip("PIL.Image")
    pictures = [image.fromarray(x.astype(np.uint8)) for x in photos()]
    return np.stack([np.asarray(function(picture, *arguments), np.float32) for picture in pictures])


def operations() -> Any:
    return pytest.importorskip("PIL.ImageOps")


def enhance(kind: str) -> Any:
    module = pytest.importorskip("PIL.ImageEnhance")
    return lambda picture, factor: getattr(module, kind)(picture).enhance(factor)


@pytest.mark.parametrize("value_range", RANGES)
@pytest.mark.parametrize("bits", [1, 3, 5, 8])
def test_posterization_is_pillows(bits, value_range):
    layer = colours.RandomPosterization((bits, bits), value_range=value_range)
    result = back(layer(in_range(photos(), value_range), training=True), value_range)
    np.testing.assert_allclose(result, pillow(operations().posterize, bits), atol=1e-3)


@pytest.mark.parametrize("value_range", RANGES)
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.9])
def test_solarization_is_pillows(threshold, value_range):
    layer = colours.Solarization(threshold_factor=(threshold, threshold), value_range=value_range)
    result = back(layer(in_range(photos(), value_range), training=True), value_range)
    clear = photos() != round(threshold * 255)  # a value at the threshold itself may fall on either side
    np.testing.assert_allclose(result[clear], pillow(operations().solarize, threshold * 255)[clear], atol=1e-3)


@pytest.mark.parametrize("value_range", RANGES)
def test_inversion_is_pillows(value_range):
    result = colours.RandomInvert((1, 1), value_range)(in_range(photos(), value_range), training=True)
    np.testing.assert_allclose(back(result, value_range), pillow(operations().invert), atol=1e-3)


@pytest.mark.parametrize("value_range", RANGES)
def test_auto_contrast_is_pillows_up_to_its_rounding(value_range):
    result = back(colours.AutoContrast(value_range)(in_range(photos(), value_range)), value_range)
    np.testing.assert_allclose(result, pillow(operations().autocontrast) + 0.5, atol=0.51)  # Pillow rounds down


def test_equalization_is_pillows_up_to_its_steps():
    # Pillow spreads with a whole number of pixels a level, here 63 for 63.9: up to 1.5 % off.
    image = pytest.importorskip("PIL.Image")
    x = (photos(1, 128, 128)[0].astype(np.float64) ** 2 / 255).astype(np.uint8)
    expected = np.asarray(operations().equalize(image.fromarray(x)), np.float32)
    np.testing.assert_allclose(colours.Equalization()(x), expected, atol=5)


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0])
def test_color_degeneration_is_pillows_color(factor):
    result = colours.RandomColorDegeneration((factor, factor))(photos(), training=True)
    np.testing.assert_allclose(result, pillow(enhance("Color"), 1 - factor), atol=1.6)


@pytest.mark.parametrize("factor", [0.0, 0.25, 0.5, 1.0])
def test_sharpness_is_pillows(factor):
    result = colours.RandomSharpness((factor, factor))(photos(), training=True)
    np.testing.assert_allclose(result, pillow(enhance("Sharpness"), 2 * factor), atol=1.6)


# Against formulas in float64 ------------------------------------------------------------------------------------------


def test_brightness_adds_a_share_of_the_range_and_clips():
    x = photos()
    for factor in (-0.7, 0.2, 1.0):
        result = colours.RandomBrightness((factor, factor))(x, training=True)
        np.testing.assert_allclose(result, np.clip(x + factor * 255, 0, 255), rtol=1e-6, atol=1e-4)


def test_contrast_keeps_the_mean_of_each_channel_and_scales_the_spread():
    x = photos().astype(np.float64) / 2 + 60
    layer = colours.RandomContrast(0.4, seed=1)
    drawn = np.asarray(layer.draw(jnp.asarray(x)))
    mean = x.mean((1, 2), keepdims=True)
    result = layer.transform_images(jnp.asarray(x, jnp.float32), drawn)
    np.testing.assert_allclose(result, (x - mean) * drawn + mean, rtol=2e-6)


@pytest.mark.parametrize("value_range", RANGES)
@pytest.mark.parametrize("factor", [0.0, 0.3, 0.5, 0.7, 1.0])
def test_saturation_is_that_of_colorsys(factor, value_range):
    shares = photos(2).astype(np.float64) / 255
    ratio = factor / (1 - factor + 1e-7)

    def change(pixel: np.ndarray) -> tuple[float, ...]:
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
        return colorsys.hsv_to_rgb(hue, min(saturation * ratio, 1), value)

    expected = np.apply_along_axis(change, -1, shares)
    result = colours.RandomSaturation((factor, factor), value_range)(in_range(photos(2), value_range), training=True)
    np.testing.assert_allclose(back(result, value_range) / 255, expected, atol=1e-5)


@pytest.mark.parametrize("value_range", RANGES)
@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0])
def test_hue_is_that_of_colorsys(factor, value_range):
    x, layer = in_range(photos(2), value_range), colours.RandomHue((factor, factor), value_range, seed=1)
    drawn = np.asarray(layer.draw(jnp.asarray(x)), np.float64)
    np.testing.assert_allclose(np.abs(drawn), factor / 2, rtol=1e-6)

    def change(pixel: np.ndarray) -> tuple[float, ...]:
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel[:3])
        return colorsys.hsv_to_rgb((hue + pixel[3]) % 1, saturation, value)

    pixels = np.concatenate([photos(2).astype(np.float64) / 255, np.broadcast_to(drawn, (2, 9, 8, 1))], axis=-1)
    result = layer.transform_images(jnp.asarray(x), drawn)
    np.testing.assert_allclose(back(result, value_range) / 255, np.apply_along_axis(change, -1, pixels), atol=1e-5)


def test_hue_turns_both_ways():
    drawn = np.asarray(colours.RandomHue((1, 1), seed=1).draw(jnp.zeros((400, 1, 1, 3))))
    assert stats.binomtest(int((drawn > 0).sum()), 400).pvalue > 1e-4


@pytest.mark.parametrize(
    ("bins", "value_range"), [(3, (0, 255)), (60, (0, 1)), (256, (0, 255)), (256, (-1, 1)), (1000, (0, 1))]
)
def test_equalization_is_the_share_of_darker_pixels(bins, value_range):
    x = photos()
    level = np.floor(x.astype(np.float64) * (bins - 1) / 255 + 1e-9)

    def spread(levels: np.ndarray) -> np.ndarray:
        levels = levels.ravel()
        at_most = (levels[None] <= levels[:, None]).sum(1)
        return np.round((at_most - at_most.min()) * 255 / (levels.size - at_most.min()))

    expected = np.stack([[spread(image[..., c]).reshape(9, 8) for c in range(3)] for image in level])
    result = colours.Equalization(value_range, bins)(in_range(x, value_range))
    np.testing.assert_allclose(back(result, value_range), np.moveaxis(expected, 1, -1), atol=1e-3)


def test_equalization_leaves_channels_of_one_value_and_other_images_alone():
    x = photos()
    x[0, ..., 1] = 77.5
    result = np.asarray(colours.Equalization()(x))
    np.testing.assert_array_equal(result[0, ..., 1], 77.5)
    np.testing.assert_array_equal(result[1:], np.asarray(colours.Equalization()(photos()))[1:])


def clahe(plane: np.ndarray, limit: float, down: int, across: int) -> np.ndarray:
    """CLAHE of one channel of whole values, pixel by pixel in float64."""
    height, width = plane.shape
    tile_height, tile_width = -(-height // down), -(-width // across)
    more = [(0, tile_height * down - height), (0, tile_width * across - width)]
    padded = np.pad(plane, more, mode="symmetric").astype(int)
    tables = np.empty((down, across, 256))
    for i in range(down):
        for j in range(across):
            tile = padded[i * tile_height : (i + 1) * tile_height, j * tile_width : (j + 1) * tile_width]
            counts = np.bincount(tile.ravel(), minlength=256).astype(np.float64)
            if limit > 0:
                cut = np.minimum(counts, limit * tile.size / 256)
                counts = cut + (counts - cut).sum() / 256
            sums = np.cumsum(counts)
            rest = tile.size - sums[0]
            tables[i, j] = np.clip((sums - sums[0]) * 255 / (rest if rest else 1), 0, 255)
    result = np.empty(plane.shape)
    for y in range(height):
        for x in range(width):
            v, u = y / tile_height - 0.5, x / tile_width - 0.5
            i, j = int(np.floor(v)), int(np.floor(u))
            near = [[tables[min(max(a, 0), down - 1), min(max(b, 0), across - 1), int(plane[y, x])] for b in (j, j + 1)]
                    for a in (i, i + 1)]  # fmt: skip
            result[y, x] = np.array([1 - v + i, v - i]) @ np.array(near) @ np.array([1 - u + j, u - j])
    return result


@pytest.mark.parametrize(
    ("limit", "grid", "value_range"),
    [(4.0, (2, 2), (0, 255)), (0, (1, 3), (0, 1)), (20.0, (3, 2), (-1, 1)), (2, (8, 8), (0, 255))],
)
def test_clahe_is_the_bilinear_mean_of_tables(limit, grid, value_range):
    x = photos()
    expected = np.stack([np.stack([clahe(image[..., c], limit, *grid) for c in range(3)], axis=-1) for image in x])
    layer = colours.ContrastLimitedAdaptiveHistogramEqualization(value_range, limit, grid)
    np.testing.assert_allclose(back(layer(in_range(x, value_range)), value_range), expected, atol=2e-3)


@pytest.mark.parametrize(("size", "sigma"), [(3, 1.0), ((5, 3), 0.6), ((1, 7), 2.5)])
def test_gaussian_blur_is_scipys(size, sigma):
    width, height = (size, size) if isinstance(size, int) else size
    x = photos(2)
    expected = ndimage.gaussian_filter1d(x.astype(np.float64), sigma, axis=1, mode="nearest", radius=height // 2)
    expected = ndimage.gaussian_filter1d(expected, sigma, axis=2, mode="nearest", radius=width // 2)
    layer = colours.RandomGaussianBlur((1, 1), size, (sigma, sigma))
    np.testing.assert_allclose(layer(x, training=True), expected, rtol=1e-5)


def test_gaussian_blur_draws_a_width_for_each_image_and_axis():
    drawn = colours.RandomGaussianBlur(sigma=(0.5, 2), seed=1).draw(jnp.zeros((300, 1, 1, 1)))
    sigmas = np.asarray(drawn["sigmas"])
    assert sigmas.shape == (300, 2)
    assert stats.kstest(sigmas.ravel(), stats.uniform(0.5, 1.5).cdf).pvalue > 1e-4
    assert abs(np.corrcoef(sigmas.T)[0, 1]) < 0.25


# What is drawn --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "lowest", "highest"),
    [
        (colours.RandomBrightness(0.2, (0, 1)), -0.2, 0.2),
        (colours.RandomBrightness((0.1, 0.3)), 25.5, 76.5),
        (colours.RandomContrast(0.2), 0.8, 1.2),
        (colours.RandomContrast((0.5, 0.2)), 0.5, 1.2),
        (colours.RandomContrast((0, 3)), 1, 4),
        (colours.RandomColorDegeneration(0.6), 0, 0.6),
        (colours.RandomSharpness((0.2, 0.9)), 0.2, 0.9),
    ],
)
def test_factors_are_drawn_evenly(layer, lowest, highest):
    drawn = np.asarray(layer.draw(jnp.zeros((500, 2, 2, 3))))
    assert drawn.shape == (500, 1, 1, 1)
    assert stats.kstest(drawn.ravel(), stats.uniform(lowest, highest - lowest).cdf).pvalue > 1e-4


def test_saturation_of_a_number_starts_at_grey():
    drawn = np.asarray(colours.RandomSaturation(0.5, seed=1).draw(jnp.zeros((500, 2, 2, 3)))).ravel()
    assert stats.kstest(drawn / (1 + drawn), stats.uniform(0, 0.5).cdf).pvalue > 1e-4


def test_solarization_draws_fractions_of_the_range():
    drawn = colours.Solarization((0.2, 0.4), 0.5, (-1, 1), seed=1).draw(jnp.zeros((500, 2, 2, 3)))
    assert stats.kstest(np.asarray(drawn["additions"]).ravel(), stats.uniform(0.4, 0.4).cdf).pvalue > 1e-4
    assert stats.kstest(np.asarray(drawn["thresholds"]).ravel(), stats.uniform(-1, 1).cdf).pvalue > 1e-4


@pytest.mark.parametrize(("factor", "bits"), [(4, [1, 2, 3, 4]), ((3, 5), [3, 4, 5]), ((8, 8), [8])])
def test_posterization_draws_both_bounds(factor, bits):
    drawn = 8 - np.asarray(colours.RandomPosterization(factor, seed=2).draw(jnp.zeros((600, 2, 2, 3))))
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == bits
    assert len(bits) == 1 or stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize(
    ("layer", "share"),
    [
        (colours.RandomInvert(), 0.5),
        (colours.RandomInvert((0.8, 0.8)), 0.8),
        (colours.RandomInvert(0.0), 0.0),
        (colours.RandomGaussianBlur((0.1, 0.3)), 0.2),
        (colours.RandomGrayscale(), 0.5),
        (colours.RandomGrayscale(1), 1.0),
        (colours.RandomGrayscale(0), 0.0),
    ],
)
def test_images_are_chosen_with_the_probability(layer, share):
    drawn = layer.draw(jnp.zeros((500, 2, 2, 3)))
    chosen = int(np.asarray(drawn["chosen"] if isinstance(drawn, dict) else drawn).sum())
    assert stats.binomtest(chosen, 500, share).pvalue > 1e-4


def test_jitter_is_its_four_parts_with_draws_of_their_own():
    jitter = colours.RandomColorJitter((0, 1), 0.2, 0.3, (0.3, 0.6), 0.2, seed=7)
    x = jnp.asarray(in_range(photos(50), (0, 1)))
    drawn = jitter.draw(x)
    expected = x
    kinds = [colours.RandomBrightness, colours.RandomContrast, colours.RandomSaturation, colours.RandomHue]
    for kind, factor, numbers in zip(kinds, (0.2, 0.3, (0.3, 0.6), 0.2), drawn, strict=True):
        expected = kind(factor, (0, 1)).transform_images(expected, numbers)
    np.testing.assert_array_equal(jitter.transform_images(x, drawn), expected)
    related = np.corrcoef(np.stack([np.asarray(numbers).ravel() for numbers in drawn]))
    assert np.abs(related - np.eye(4)).max() < 0.6


def test_jitter_without_factors_is_the_identity_and_single_ones_act_alone():
    x = photos()
    np.testing.assert_array_equal(colours.RandomColorJitter()(x, training=True), x)
    brighter = colours.RandomColorJitter(brightness_factor=(0.1, 0.1))(x, training=True)
    np.testing.assert_array_equal(brighter, colours.RandomBrightness((0.1, 0.1))(x, training=True))


@pytest.mark.parametrize("factor", [0, 0.0, (0, 0)])
@pytest.mark.parametrize("name", ["RandomBrightness", "RandomContrast", "RandomColorDegeneration", "RandomHue"])
def test_factor_zero_changes_nothing(name, factor):
    x = photos()
    np.testing.assert_allclose(make(name, factor=factor)(x, training=True), x, rtol=1e-5)


# Small things and errors ----------------------------------------------------------------------------------------------


def test_levels_survive_scaling_and_back():
    whole = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    for scale, offset, value_range in [(1 / 255, 0.0, (0, 1)), (1 / 127.5, -1.0, (-1, 1))]:
        scaled = Rescaling(scale, offset)(whole)
        np.testing.assert_array_equal(whole_levels(scaled, value_range), whole)
    np.testing.assert_array_equal(whole_levels(jnp.array([-3.0, 7.9, 300.0]), (0, 255)), [0, 7, 255])


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("RandomBrightness", {"factor": 1.5}, r"RandomBrightness '.*': factor: expected a number or a pair .* 1.5"),
        ("RandomBrightness", {"factor": 0.1, "value_range": (255, 0)}, r"value_range: expected \(lowest, highest\)"),
        ("RandomContrast", {"factor": -0.1}, "factor: expected a number or a pair"),
        (
            "RandomContrast",
            {"factor": 1.5},
            r"factor: expected a number or lower bound from 0 to 1, .* \(0, upper\)",
        ),
        ("RandomContrast", {"factor": (0.1, 0.2, 0.3)}, "factor: expected a number or a pair"),
        ("RandomColorDegeneration", {"factor": "0.5"}, "factor: expected a number or a pair"),
        ("RandomSaturation", {"factor": -0.5}, "factor: expected a number or a pair .* from 0 to 1"),
        ("RandomHue", {"factor": (0, 2)}, "factor: expected a number or a pair .* from 0 to 1"),
        ("RandomSharpness", {"factor": None}, "factor: expected a number or a pair"),
        ("RandomGrayscale", {"factor": 2}, "factor: expected a fraction from 0 to 1, received 2"),
        ("RandomInvert", {"factor": (0, 2)}, "factor: expected a number or a pair"),
        ("RandomPosterization", {"factor": 9}, "from 1 to 8, received 9"),
        ("RandomPosterization", {"factor": 2.5}, "factor: expected whole numbers of bits, received 2.5"),
        ("RandomGaussianBlur", {"kernel_size": 4}, "kernel_size: expected an odd number, or two"),
        ("RandomGaussianBlur", {"kernel_size": (3, 3, 3)}, "kernel_size: expected an odd number, or two"),
        ("RandomGaussianBlur", {"kernel_size": 2.5}, "kernel_size: expected a whole number >= 1"),
        ("RandomGaussianBlur", {"sigma": -1}, "sigma: expected a number or a pair"),
        ("Solarization", {"addition_factor": 2}, "addition_factor: expected a number or a pair"),
        ("Solarization", {"threshold_factor": (0, -1)}, "threshold_factor: expected a number or a pair"),
        ("AutoContrast", {"value_range": 255}, "value_range: expected"),
        ("Equalization", {"bins": 1}, "bins: expected a whole number >= 2, received 1"),
        ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": 8}, "tile_grid_size: expected two whole"),
        (
            "ContrastLimitedAdaptiveHistogramEqualization",
            {"tile_grid_size": (0, 8)},
            "tile_grid_size: expected a",
        ),
        ("ContrastLimitedAdaptiveHistogramEqualization", {"clip_limit": "4"}, "clip_limit: expected a number"),
        ("RandomColorJitter", {"hue_factor": 2}, "RandomHue .*factor: expected a number or a pair"),
    ],
)
def test_wrong_arguments_are_told(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(colours, name)(**arguments)
