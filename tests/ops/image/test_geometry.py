"""Affine and perspective maps, coordinates and elastic distortion: against Keras, SciPy and finite differences."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
from jax.test_util import check_grads

from lamina.core.random import SeedGenerator
from lamina.ops import image
from lamina.ops.image.geometry import distort
from tests.ops.image.parity import FIRST, check, check_gradients, check_symbolic, pictures
from tests.ops.parity import keras

MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
SCIPY = {"constant": "grid-constant", "wrap": "grid-wrap"}
# Turned, zoomed and sheared, with shifts that reach far beyond all edges.
TRANSFORMS = np.float32([[0.83, -0.71, 9.37, 0.61, 0.93, -11.23, 0, 0], [-1.7, 0.2, 3.1, 0.4, 2.3, -20.6, 0, 0]])
BATCH = pictures(2, 7, 6, 3)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("fill_mode", MODES)
def test_affine_transform_is_that_of_keras(interpolation, fill_mode):
    check("affine_transform", BATCH, TRANSFORMS, interpolation=interpolation, fill_mode=fill_mode, fill_value=0.3)


@pytest.mark.parametrize(
    ("dtype", "interpolation"),
    [
        ("uint8", "bilinear"),
        ("uint8", "nearest"),
        ("int32", "bilinear"),
        ("bfloat16", "bilinear"),
        ("float16", "nearest"),
    ],
)
def test_affine_transform_of_other_dtypes_is_that_of_keras(dtype, interpolation):
    images = pictures(2, 7, 6, 3, dtype=dtype)
    check("affine_transform", images, TRANSFORMS, interpolation=interpolation, fill_value=7, tolerance=1e-6)


def test_affine_transform_of_one_image_and_of_channels_first_is_that_of_keras():
    check("affine_transform", BATCH[0], TRANSFORMS[0], fill_mode="reflect")
    check("affine_transform", pictures(2, 3, 7, 6), TRANSFORMS, fill_mode="wrap", **FIRST)
    check("affine_transform", pictures(3, 7, 6), TRANSFORMS[0], **FIRST)


@pytest.mark.parametrize("fill_mode", MODES)
@pytest.mark.parametrize("order", [0, 1])
def test_affine_transform_is_that_of_scipy(fill_mode, order):
    a0, a1, a2, b0, b1, b2, *_ = TRANSFORMS[0]
    theirs = scipy.ndimage.affine_transform(
        BATCH[0, :, :, 0].astype(np.float64),
        [[b1, b0], [a1, a0]],  # in rows and columns
        [b2, a2],
        order=order,
        mode=SCIPY.get(fill_mode, fill_mode),
        cval=0.3,
    )
    ours = image.affine_transform(BATCH[0], TRANSFORMS[0], ("nearest", "bilinear")[order], fill_mode, 0.3)
    np.testing.assert_allclose(ours[:, :, 0], theirs, atol=5e-6)


def test_one_transform_serves_a_whole_batch():
    ours = image.affine_transform(BATCH, TRANSFORMS[0])
    np.testing.assert_array_equal(ours, image.affine_transform(BATCH, np.stack([TRANSFORMS[0]] * 2)))


def test_the_last_coefficients_of_a_transform_are_a_perspective():
    # Against the formula of TensorFlow's ImageProjectiveTransformV3, sampled by SciPy.
    a0, a1, a2, b0, b1, b2, c0, c1 = transform = np.array([0.9, 0.2, -0.4, -0.1, 1.1, 0.3, 0.03, -0.02])
    y, x = np.mgrid[:7, :6]
    k = c0 * x + c1 * y + 1
    where = [(b0 * x + b1 * y + b2) / k, (a0 * x + a1 * y + a2) / k]
    theirs = scipy.ndimage.map_coordinates(BATCH[0, :, :, 1], where, order=1, mode="reflect")
    ours = image.affine_transform(BATCH[0], transform.astype(np.float32), fill_mode="reflect")
    np.testing.assert_allclose(ours[:, :, 1], theirs, atol=5e-6)


@pytest.mark.parametrize("fill_mode", ["constant", "reflect"])
def test_gradients_of_affine_transform_are_those_of_keras(fill_mode):
    # Of the first six coefficients: the last two mean something else in Keras on JAX.
    check_gradients("affine_transform", BATCH, TRANSFORMS, fill_mode=fill_mode, tolerance=1e-4, part=np.s_[:, :6])


def test_gradients_of_affine_transform_are_finite_differences():
    # Places well between pixels, so that the differences stay on one linear piece.
    transform = np.float32([1.02, 0.01, 0.3, -0.01, 1.03, 0.4, 0.001, 0.001])
    run = lambda x, t: image.affine_transform(x, t, fill_mode="reflect")  # noqa: E731
    check_grads(run, (pictures(4, 4, 1), transform), 1, ["rev"], atol=2e-3, rtol=2e-3, eps=1e-3)


def test_affine_transform_is_the_same_in_a_compiled_loop():
    step = lambda i, x: image.affine_transform(x, TRANSFORMS, fill_mode="reflect")  # noqa: E731
    looped = jax.jit(lambda x: jax.lax.fori_loop(0, 2, step, x))(BATCH)
    np.testing.assert_allclose(looped, step(0, step(0, BATCH)), atol=1e-6)


START = np.float32([[[0, 0], [0, 7], [6, 0], [6, 7]], [[1, 0], [0, 6], [5, 1], [6, 7]]])
END = np.float32([[[0.4, 1.2], [0.9, 6.5], [5.2, -1.3], [6.6, 5.1]], [[1.1, 1.4], [1.2, 6.3], [5.3, 0.2], [7.4, 4.8]]])


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_perspective_transform_is_that_of_keras(interpolation):
    settings = {"interpolation": interpolation, "fill_value": 0.3}
    check("perspective_transform", BATCH, START, END, tolerance=2e-5, **settings)
    check("perspective_transform", BATCH[0], START[0], END[0], tolerance=2e-5, **settings)
    check("perspective_transform", pictures(2, 3, 7, 6), START, END, tolerance=2e-5, **settings, **FIRST)


def test_perspective_transform_of_bytes_is_that_of_keras():
    check("perspective_transform", pictures(2, 7, 6, 3, dtype="uint8"), START, END)


@pytest.mark.parametrize("size", [32, 1000])
def test_perspective_transform_is_that_of_a_linear_system_in_float64(size):
    rng = np.random.default_rng(size)
    start = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (size - 1.0)
    end = start + rng.uniform(-0.2, 0.2, (4, 2)) * size
    rows = [[x, y, 1, 0, 0, 0, -s * x, -s * y] for (x, y), (s, _) in zip(end, start, strict=True)]
    rows += [[0, 0, 0, x, y, 1, -s * x, -s * y] for (x, y), (_, s) in zip(end, start, strict=True)]
    t = np.linalg.solve(rows, start.T.ravel())
    y, x = np.mgrid[:8, :size]  # a strip is enough
    k = t[6] * x + t[7] * y + 1
    theirs = np.stack([t[0] * x + t[1] * y + t[2], t[3] * x + t[4] * y + t[5]]) / k
    ramps = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1).astype(np.float32)  # value: place in pixels
    ours = image.perspective_transform(ramps, start, end, fill_value=np.nan)[:8]
    inside = np.isfinite(ours).all(-1)
    assert inside.mean() > 0.3
    np.testing.assert_allclose(np.moveaxis(np.asarray(ours), -1, 0)[:, inside], theirs[:, inside], atol=1e-5 * size)


@pytest.mark.parametrize("fill_mode", MODES)
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("shape", [(5,), (4, 3), (3, 1, 4)])
def test_map_coordinates_is_that_of_keras_and_of_scipy(fill_mode, order, shape):
    x = pictures(*shape)
    where = np.random.default_rng(1).uniform(-9, 12, (len(shape), 20)).astype(np.float32)
    ours = image.map_coordinates(x, where, order, fill_mode, 0.3)
    mode = SCIPY.get(fill_mode, fill_mode)
    theirs = scipy.ndimage.map_coordinates(x.astype(np.float64), where, order=order, mode=mode, cval=0.3)
    np.testing.assert_allclose(ours, theirs, atol=5e-6)
    if len(shape) == 2:
        check("map_coordinates", x, where, order=order, fill_mode=fill_mode, fill_value=0.3)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bfloat16"])
def test_map_coordinates_of_other_dtypes_is_that_of_keras(dtype):
    where = np.random.default_rng(1).uniform(-3, 9, (2, 4, 5)).astype(np.float32)
    for order in (0, 1):
        check("map_coordinates", pictures(4, 6, dtype=dtype), where, order=order, fill_mode="constant", fill_value=9)
    check("map_coordinates", pictures(4, 6, dtype=dtype), where.astype(int), order=1, fill_mode="wrap")


def test_map_coordinates_takes_halves_away_from_zero():
    check("map_coordinates", np.float32([0, 1, 2, 3]), np.float32([[0.5, 1.5, 2.5, -0.5]]), order=0)


def keras_distortion(images, noise, alpha, sigma, order, fill_mode):
    """Keras' elastic_transform with its operations, of noise that is given."""
    taps = int(6 * sigma) | 1
    soft = keras.ops.image.gaussian_blur(
        jnp.asarray(noise * sigma), (taps, taps), (sigma, sigma), data_format="channels_first"
    )
    result = np.zeros_like(images)
    for b, _, _, c in np.ndindex(images.shape[0], 1, 1, images.shape[3]):
        y, x = np.mgrid[: images.shape[1], : images.shape[2]]
        where = jnp.stack([y + alpha * soft[0, b], x + alpha * soft[1, b]])
        result[b, :, :, c] = keras.ops.image.map_coordinates(images[b, :, :, c], where, order, fill_mode)
    return result


@pytest.mark.parametrize("fill_mode", ["reflect", "constant"])
def test_elastic_transform_is_that_of_keras_with_the_same_noise(fill_mode):
    noise = np.random.default_rng(3).standard_normal((2, 2, 7, 6)).astype(np.float32)
    ours = distort(BATCH, noise, 3.0, 1.2, 0.0, 7, 1, fill_mode, "channels_last")
    np.testing.assert_allclose(ours, keras_distortion(BATCH, noise, 3.0, 1.2, 1, fill_mode), atol=1e-5)


def test_elastic_transform_with_the_noise_of_keras_is_that_of_keras():
    # Keras moves by the same noise along both axes.
    seed = 5
    noise = jax.random.normal(jnp.array([seed, 0], jnp.uint32), (2, 7, 6), "float32")
    ours = distort(BATCH, jnp.stack([noise, noise]), 3.0, 1.2, 0.0, 7, 1, "reflect", "channels_last")
    theirs = keras.ops.image.elastic_transform(BATCH, 3.0, 1.2, seed=seed, data_format="channels_last")
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_elastic_transform_moves_along_both_axes():
    ramps = np.stack(np.meshgrid(np.arange(16.0), np.arange(16.0), indexing="ij"), -1).astype(np.float32)
    moved = np.asarray(image.elastic_transform(ramps, alpha=5, sigma=2, seed=1, fill_mode="nearest") - ramps)
    down, across = moved[3:-3, 3:-3].reshape(-1, 2).T
    assert down.std() > 0.1 < across.std()
    assert abs(np.corrcoef(down, across)[0, 1]) < 0.9


def test_elastic_transform_takes_all_kinds_of_images_and_seeds():
    same = image.elastic_transform(BATCH, seed=1)
    np.testing.assert_array_equal(same, image.elastic_transform(BATCH, seed=1))
    first = image.elastic_transform(np.moveaxis(BATCH, -1, 1), seed=1, **FIRST)
    np.testing.assert_allclose(first, np.moveaxis(same, -1, 1), rtol=1e-5)
    assert (same != image.elastic_transform(BATCH, seed=2)).any()
    assert (image.elastic_transform(BATCH) != image.elastic_transform(BATCH)).any()
    generator = SeedGenerator(1)
    assert (image.elastic_transform(BATCH, seed=generator) != image.elastic_transform(BATCH, seed=generator)).any()
    key = jax.random.key(1)
    np.testing.assert_array_equal(image.elastic_transform(BATCH, seed=key), image.elastic_transform(BATCH, seed=key))
    single = image.elastic_transform(pictures(7, 6, 3, dtype="uint8"), interpolation="nearest")
    assert (single.shape, single.dtype) == ((7, 6, 3), "uint8")
    check_symbolic("elastic_transform", same, BATCH)


IMAGE = np.ones((4, 4, 3), np.float32)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: image.affine_transform(np.ones((4, 4)), np.ones(8)),
            r"affine_transform: images: expected 3 or 4 axes, \(height, width, channels\) or \(batch, .*\(4, 4\)",
        ),
        (
            lambda: image.affine_transform(np.ones((2, 4, 4, 1)), np.ones((3, 8))),
            r"transform: expected shape \(8,\), or \(2, 8\) for images of shape \(2, 4, 4, 1\), received \(3, 8\)",
        ),
        (lambda: image.affine_transform(IMAGE, np.ones(6)), r"transform: expected shape \(8,\).*received \(6,\)"),
        (lambda: image.affine_transform(IMAGE, np.ones(8), "bilinaer"), "interpolation: .*Did you mean 'bilinear'"),
        (lambda: image.affine_transform(IMAGE, np.ones(8), fill_mode="reflct"), "fill_mode: .*Did you mean 'reflect'"),
        (
            lambda: image.affine_transform(IMAGE, np.ones(8), data_format="channel_last"),
            "affine_transform: data_format: expected one of .*channel_last",
        ),
        (
            lambda: image.perspective_transform(IMAGE, np.ones((3, 2)), np.ones((3, 2))),
            r"start_points: expected shape \(4, 2\), or \(1, 4, 2\).*received \(3, 2\)",
        ),
        (
            lambda: image.perspective_transform(IMAGE, np.ones((4, 2)), np.ones((1, 4, 2))),
            r"end_points: expected the shape of start_points, \(4, 2\), received \(1, 4, 2\)",
        ),
        (
            lambda: image.map_coordinates(np.ones((4, 4)), np.ones((3, 5)), 1),
            r"coordinates: expected shape \(2, \.\.\.\), a row for each axis.*received \(3, 5\)",
        ),
        (lambda: image.map_coordinates(np.ones((4, 4)), np.ones((2, 5)), 2), r"order: expected one of \[0, 1\]"),
        (lambda: image.elastic_transform(IMAGE, sigma=0), "sigma: expected a number > 0, received 0"),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
