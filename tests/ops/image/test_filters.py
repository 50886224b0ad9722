"""Blurs and edges against Keras and SciPy."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from lamina.ops import image
from lamina.ops.image.filters import correlate
from tests.ops.image.parity import FIRST, check, check_gradients, check_symbolic, pictures

LAST = {"data_format": "channels_last"}  # None means channels_first to Keras on JAX
BATCH = pictures(2, 9, 12, 3)


@pytest.mark.parametrize(
    ("kernel_size", "sigma"), [((3, 3), (1.0, 1.0)), ((5, 3), (2.0, 0.7)), ((4, 6), (0.8, 1.5)), ((1, 15), (1, 3))]
)
def test_gaussian_blur_is_that_of_keras(kernel_size, sigma):
    check("gaussian_blur", BATCH, kernel_size=kernel_size, sigma=sigma, **LAST)
    check("gaussian_blur", BATCH[0], kernel_size=kernel_size, sigma=sigma, **LAST)


def test_gaussian_blur_of_channels_first_and_half_precision_is_that_of_keras():
    check("gaussian_blur", pictures(2, 3, 9, 12), kernel_size=(3, 5), sigma=(1.2, 0.7), **FIRST)
    check("gaussian_blur", pictures(2, 9, 12, 3, dtype="bfloat16"), kernel_size=(3, 5), sigma=(1.0, 0.5), **LAST)


@pytest.mark.parametrize("shape", [(9, 12), (60, 70)])  # matrix products and shifted sums
def test_gaussian_blur_is_that_of_scipy_and_channels_last_is_the_default(shape):
    x = pictures(*shape, 2)
    blurred = image.gaussian_blur(x, (5, 5), (1.3, 0.8))
    down, across = ({"sigma": s, "radius": 2, "mode": "constant"} for s in (0.8, 1.3))
    theirs = scipy.ndimage.gaussian_filter1d(x.astype(np.float64), axis=0, **down)
    theirs = scipy.ndimage.gaussian_filter1d(theirs, axis=1, **across)
    np.testing.assert_allclose(blurred, theirs, atol=1e-6)


def test_one_number_is_the_same_across_and_down():
    np.testing.assert_array_equal(image.gaussian_blur(BATCH, 3, 2.0), image.gaussian_blur(BATCH, (3, 3), (2.0, 2.0)))


def test_bytes_are_blurred_as_numbers():
    images = pictures(9, 12, 3, dtype="uint8")
    blurred = image.gaussian_blur(images, 3)
    assert blurred.dtype == "uint8"
    np.testing.assert_array_equal(blurred, np.rint(image.gaussian_blur(images.astype(np.float32), 3)))
    check_symbolic("gaussian_blur", blurred, images, kernel_size=3)


@pytest.mark.parametrize("taps", [1, 2, 5])
@pytest.mark.parametrize("size", [5, 60])  # matrix products and shifted sums
@pytest.mark.parametrize("mode", ["same", "valid"])
def test_correlation_is_that_of_scipy_along_any_axis(taps, size, mode):
    weights = pictures(taps, seed=1)
    for shape, axis in (((size, 2, 3), 0), ((2, 3, size), -1)):
        x = pictures(*shape)
        theirs = scipy.ndimage.correlate1d(x.astype(np.float64), weights, axis, mode="constant", origin=-(1 - taps % 2))
        if mode == "valid":
            before = (taps - 1) // 2
            theirs = np.take(theirs, range(before, before + size - taps + 1), axis)
        np.testing.assert_allclose(correlate(jnp.asarray(x), jnp.asarray(weights), axis, mode), theirs, atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 9, 12, 3), (1, 40, 30, 1)])  # matrix products and shifted sums
def test_gradients_of_gaussian_blur_are_those_of_keras(shape):
    check_gradients("gaussian_blur", pictures(*shape), kernel_size=(3, 3), sigma=(1.0, 0.8), **LAST)


def test_sigma_may_be_traced():
    run = jax.jit(lambda sigma: image.gaussian_blur(BATCH, 5, sigma))
    np.testing.assert_allclose(run(jnp.array([0.5, 2.0])), image.gaussian_blur(BATCH, 5, (0.5, 2.0)), rtol=1e-6)


def test_sobel_edges_are_those_of_keras():
    check("sobel_edges", BATCH, **LAST)
    check("sobel_edges", pictures(2, 3, 9, 12), **FIRST)


def test_sobel_edges_are_those_of_scipy_for_bytes_and_one_image_too():
    x = pictures(9, 12, 1, dtype="uint8")
    edges = image.sobel_edges(x)
    assert edges.dtype == "float32"
    for i in (0, 1):
        theirs = scipy.ndimage.sobel(x[:, :, 0].astype(float), axis=i, mode="constant")
        np.testing.assert_array_equal(edges[:, :, 0, i], theirs)
    check_symbolic("sobel_edges", edges, x)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            functools.partial(image.gaussian_blur, np.ones((4, 4))),
            r"gaussian_blur: images: expected 3 or 4 axes.*\(4, 4\)",
        ),
        (functools.partial(image.gaussian_blur, BATCH, 0), "kernel_size: expected a whole number >= 1, received 0"),
        (functools.partial(image.gaussian_blur, BATCH, 2.5), "kernel_size: expected a whole number >= 1, received 2.5"),
        (
            functools.partial(image.gaussian_blur, BATCH, 3, (1.0, 1.0, 1.0)),
            r"sigma: expected a number or two numbers, received shape \(3,\)",
        ),
        (functools.partial(image.sobel_edges, np.ones((4, 4))), r"sobel_edges: images: expected 3 or 4 axes.*\(4, 4\)"),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
