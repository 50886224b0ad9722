"""Resizing against Keras, against Pillow's and SciPy's idea of it, and its gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core.symbolic import KerasTensor
from lamina.ops import image
from lamina.ops.image._resampling import resample
from tests.ops.image.parity import FIRST, check, check_gradients, pictures
from tests.ops.parity import keras

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
BATCH = pictures(2, 9, 12, 3)


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize(("size", "antialias"), [((5, 7), False), ((5, 7), True), ((20, 12), False), ((7, 31), True)])
def test_resize_is_that_of_keras(interpolation, size, antialias):
    check("resize", BATCH, size=size, interpolation=interpolation, antialias=antialias, tolerance=5e-6)


@pytest.mark.parametrize("interpolation", ["nearest", "bicubic"])
@pytest.mark.parametrize("fit", ["crop_to_aspect_ratio", "pad_to_aspect_ratio"])
def test_proportions_are_kept_as_in_keras(interpolation, fit):
    settings = {"interpolation": interpolation, fit: True, "tolerance": 5e-6}
    check("resize", BATCH, size=(8, 7), **settings, fill_value=0.3)
    check("resize", pictures(3, 9, 12), size=(3, 8), **settings, fill_value=0.3, **FIRST)


@pytest.mark.parametrize("size", [(1, 30), (30, 1), (9, 12), (1, 1)])
@pytest.mark.parametrize("fit", ["crop_to_aspect_ratio", "pad_to_aspect_ratio"])
def test_extreme_proportions_are_kept_as_in_keras(size, fit):
    check("resize", BATCH[0], size=size, **{fit: True}, tolerance=5e-6)


BYTES = np.where(pictures(2, 8, 12, 3) > 0.5, 255, 0).astype(np.uint8)  # cubic ones overshoot


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_bytes_are_rounded_and_stay_in_their_range_as_in_keras(interpolation):
    # Twice and half the size: all weights are exact, so that halves are halves to both.
    check("resize", BYTES, size=(16, 6), interpolation=interpolation)
    check("resize", BYTES, size=(6, 6), interpolation=interpolation, pad_to_aspect_ratio=True, fill_value=99.5)


@pytest.mark.parametrize("size", [(16, 6), (6, 6)])
def test_cubic_bytes_are_rounded_and_stay_in_their_range_as_in_keras(size):
    settings = {"interpolation": "bicubic", "pad_to_aspect_ratio": size == (6, 6), "fill_value": 99.5}
    ours = np.asarray(image.resize(BYTES, size, **settings), int)
    theirs = np.asarray(keras.ops.image.resize(BYTES, size, **settings), int)
    # At the borders the weights are divided by their sum and no longer exact: a half may fall to either side.
    np.testing.assert_allclose(ours, theirs, atol=1)
    np.testing.assert_array_equal(ours[:, 2:-2, 2:-2], theirs[:, 2:-2, 2:-2])
    assert {0, 255} <= set(ours.ravel())


@pytest.mark.parametrize("dtype", ["int32", "bfloat16", "float16"])
def test_other_dtypes_are_those_of_keras(dtype):
    check("resize", pictures(2, 8, 12, 3, dtype=dtype), size=(16, 6), tolerance=5e-6)


def test_channels_first_and_single_images_are_those_of_keras():
    check("resize", pictures(2, 3, 9, 12), size=(20, 7), **FIRST, tolerance=5e-6)
    check("resize", BATCH[0], size=[20, 7], tolerance=5e-6)


@pytest.mark.parametrize(
    ("interpolation", "antialias"), [("nearest", False), ("bilinear", False), ("bilinear", True), ("lanczos3", False)]
)
def test_gradients_are_those_of_keras(interpolation, antialias):
    check_gradients("resize", BATCH, size=(20, 5), interpolation=interpolation, antialias=antialias)


@pytest.mark.parametrize(("size", "count"), [(200, 90), (90, 200), (1, 300)])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "lanczos5"])
def test_long_axes_with_few_and_many_elements_behind_them_are_those_of_jax(size, count, interpolation):
    # Short and long runs of memory go different ways.
    for behind in (2, 40):
        x = pictures(size, behind)
        theirs = jax.image.resize(x, (count, behind), interpolation, antialias=False)
        run = lambda x: resample(x, 0, size, count, interpolation, False)  # noqa: E731
        np.testing.assert_allclose(run(x), theirs, atol=3e-5)
        slope = pictures(count, behind, seed=1)
        back = jax.vjp(run, x)[1]
        exact = jax.vjp(lambda x: jax.image.resize(x, (count, x.shape[1]), interpolation, antialias=False), x)[1]
        np.testing.assert_allclose(back(slope)[0], exact(slope)[0], atol=3e-5 * max(1, count // size))


def test_gradients_are_the_same_in_a_compiled_loop_and_under_vmap():
    slope = jax.grad(lambda x: jnp.sum(image.resize(x, (20, 5)) ** 2))
    step = lambda i, x: x - 0.1 * slope(x)  # noqa: E731
    looped = jax.jit(lambda x: jax.lax.fori_loop(0, 2, step, x))(BATCH)
    np.testing.assert_allclose(looped, step(0, step(0, BATCH)), atol=1e-6)
    np.testing.assert_allclose(jax.vmap(slope)(BATCH), slope(BATCH), atol=1e-6)


def test_an_enlarged_image_is_that_of_linear_interpolation_between_centres():
    x = BATCH[0, :, :, 0].astype(np.float64)
    rows, columns = (np.arange(20) + 0.5) * 9 / 20 - 0.5, np.arange(12)
    theirs = np.stack([np.interp(rows, np.arange(9), x[:, j]) for j in columns], 1)  # ends go on as they are
    np.testing.assert_allclose(image.resize(BATCH[0], (20, 12))[:, :, 0], theirs, atol=1e-6)


def test_an_antialiased_half_is_a_weighted_mean():
    x = np.arange(12.0, dtype=np.float32).reshape(12, 1, 1)
    # Weights 1, 3, 3, 1 of the four pixels next to each centre, normed where one is missing.
    assert float(image.resize(x, (6, 1), antialias=True)[2, 0, 0]) == pytest.approx((3 + 3 * 4 + 3 * 5 + 6) / 8)
    assert float(image.resize(x, (6, 1), antialias=True)[0, 0, 0]) == pytest.approx((0 + 1 * 3 / 3 + 2 / 3) * 3 / 7)


def test_sizes_of_images_may_be_free():
    y = image.resize(KerasTensor((None, None, None, 3), "uint8"), (20, 7), crop_to_aspect_ratio=True)
    assert (y.shape, y.dtype) == ((None, 20, 7, 3), "uint8")


SCALE = (np.float32([1.7, 0.6]), np.float32([-2.3, 1.4]))


@pytest.mark.parametrize(("method", "antialias"), [("linear", True), ("cubic", False), ("lanczos3", True)])
def test_scale_and_translate_is_that_of_keras(method, antialias):
    args = ((2, 8, 9, 3), *SCALE, (1, 2), method, antialias)
    theirs = jax.jit(lambda x: keras.ops.image.scale_and_translate(x, *args))(BATCH)
    np.testing.assert_allclose(image.scale_and_translate(BATCH, *args), theirs, atol=2e-6)


def test_symbolic_scale_and_translate():
    y = image.scale_and_translate(KerasTensor((2, 9, 12, 3), "float32"), (2, 8, 9, 3), *SCALE, (1, 2), "linear")
    assert (y.shape, y.dtype) == ((2, 8, 9, 3), "float32")


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: image.resize(np.ones((4, 4)), (2, 2)), r"resize: images: expected 3 or 4 axes.*\(4, 4\)"),
        (lambda: image.resize(BATCH, 2), r"resize: size: expected two numbers, \(height, width\), received 2"),
        (lambda: image.resize(BATCH, (2, 2, 2)), r"resize: size: .*received \(2, 2, 2\)"),
        (lambda: image.resize(BATCH, (0, 2)), "resize: size: expected a whole number >= 1, received 0"),
        (lambda: image.resize(BATCH, (2, 2), "bilinaer"), "interpolation: .*Did you mean 'bilinear'"),
        (lambda: image.resize(BATCH, (2, 2), fill_mode="reflect"), r"fill_mode: expected one of \['constant'\]"),
        (
            lambda: image.resize(BATCH, (2, 2), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
            "crop_to_aspect_ratio and pad_to_aspect_ratio: expected at most one",
        ),
        (
            lambda: image.scale_and_translate(BATCH, (8, 9), *SCALE, (1, 2), "linear"),
            r"output_shape: expected 4 sizes for images of shape \(2, 9, 12, 3\), received \(8, 9\)",
        ),
        (
            lambda: image.scale_and_translate(BATCH, (2, 8, 9, 3), [1.0], SCALE[1], (1, 2), "linear"),
            r"scale: expected a number for each of spatial_dims, \(1, 2\), received shape \(1,\)",
        ),
        (
            lambda: image.scale_and_translate(BATCH, (2, 8, 9, 3), *SCALE, (1, 2), "nearest"),
            "method: expected one of .*'linear'.*received 'nearest'",
        ),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
