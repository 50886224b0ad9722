"""Up-sampling, zero padding and cropping against NumPy; undoing each other; in models; what they refuse."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import lamina
from lamina.core.symbolic import KerasTensor
from lamina.layers import spatial

SHAPES = {1: (2, 5, 3), 2: (2, 5, 6, 3), 3: (2, 4, 5, 6, 3)}


def some(rank, dtype="float32"):
    return (np.random.default_rng(0).normal(size=SHAPES[rank]) * 50).astype(dtype)


def layer_of(kind, rank, *args, **kwargs):
    return getattr(spatial, f"{kind}{rank}D")(*args, **kwargs)


def in_both_formats(kind, rank, value, x):
    """What the layer makes of x; of x with the channels first, where it takes them, it must make the same."""
    y = np.asarray(layer_of(kind, rank, value)(x))
    if rank > 1 or kind == "ZeroPadding":
        first = layer_of(kind, rank, value, data_format="channels_first")(np.moveaxis(x, -1, 1))
        np.testing.assert_array_equal(np.moveaxis(first, 1, -1), y)
    return y


@pytest.mark.parametrize(("rank", "size"), [(1, 3), (2, 2), (2, (1, 3)), (3, (2, 1, 3))])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_up_sampling_repeats_elements(rank, size, dtype):
    x = some(rank, dtype)
    expected = x
    for axis, times in enumerate((size,) * rank if isinstance(size, int) else size, start=1):
        expected = np.repeat(expected, times, axis)
    y = in_both_formats("UpSampling", rank, size, x)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, expected)


def test_bilinear_up_sampling_interpolates_between_the_centres_of_pixels():
    x = np.random.default_rng(0).normal(size=(4, 3))
    y = spatial.UpSampling2D((3, 2), interpolation="Bilinear")(x[None, ..., None])[0, ..., 0]
    rows, columns = (np.clip((np.arange(n * f) + 0.5) / f - 0.5, 0, n - 1) for n, f in ((4, 3), (3, 2)))
    up = np.stack([np.interp(rows, np.arange(4), column) for column in x.T], 1)
    np.testing.assert_allclose(y, [np.interp(columns, np.arange(3), row) for row in up], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos3", "lanczos5"])
def test_interpolated_whole_numbers_are_rounded_and_stay_in_range(interpolation):
    x = np.random.default_rng(0).choice([0, 255], (1, 6, 6, 3)).astype(np.uint8)
    layer = spatial.UpSampling2D(2, interpolation=interpolation)
    y = layer(x)
    assert y.dtype == np.uint8
    exact = np.clip(layer(x.astype(np.float32)), 0, 255)
    assert np.abs(np.asarray(y, np.float32) - exact).max() <= 0.501
    assert layer(KerasTensor((None, 6, None, 3), "uint8")).dtype == "uint8"


@pytest.mark.parametrize(
    ("rank", "width"), [(1, 2), (1, (0, 3)), (2, 1), (2, (1, 2)), (2, ((1, 0), 2)), (3, (1, 0, (2, 1)))]
)
@pytest.mark.parametrize("dtype", ["float32", "int32", "bool"])
def test_padding_adds_zeros_and_cropping_takes_them_away(rank, width, dtype):
    x = some(rank, dtype)
    entries = [width] if rank == 1 else [width] * rank if isinstance(width, int) else width
    pairs = [(w, w) if isinstance(w, int) else w for w in entries]
    padded = in_both_formats("ZeroPadding", rank, width, x)
    assert padded.dtype == dtype
    np.testing.assert_array_equal(padded, np.pad(x, [(0, 0), *pairs, (0, 0)]))
    np.testing.assert_array_equal(in_both_formats("Cropping", rank, width, padded), x)


@pytest.mark.parametrize(
    "layer",
    [
        spatial.UpSampling2D((2, 3)),
        spatial.UpSampling2D(2, interpolation="bicubic"),
        spatial.ZeroPadding2D(((1, 0), 2)),
        spatial.Cropping2D((1, (0, 2))),
    ],
    ids=["repeat", "bicubic", "pad", "crop"],
)
def test_gradients_inside_a_compiled_loop_are_those_outside(layer):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype(np.float32))
    slope = jax.jit(jax.grad(lambda x: jnp.sum(jnp.sin(layer(x)))))
    loop = jax.jit(lambda x, steps: lax.fori_loop(0, steps, lambda _, x: x - 0.1 * slope(x), x))
    outside = x
    for _ in range(3):
        outside = outside - 0.1 * slope(outside)
    np.testing.assert_allclose(loop(x, 3), outside, rtol=1e-6, atol=1e-6)


def test_an_autoencoder_of_free_sizes_trains_and_gives_back_its_shape():
    lamina.utils.set_random_seed(0)
    inputs = lamina.layers.Input((None, None, 1))
    x = spatial.ZeroPadding2D(1)(inputs)
    x = lamina.layers.Dense(4, activation="relu")(spatial.Cropping2D(1)(x))
    outputs = lamina.layers.Dense(1)(spatial.UpSampling2D(2, interpolation="bilinear")(x))
    assert outputs.shape == (None, None, None, 1)
    model = lamina.Model(inputs, outputs)
    model.compile(loss="mse", optimizer=lamina.optimizers.Adam(0.02))
    images = np.random.default_rng(0).uniform(size=(32, 6, 4, 1))
    losses = model.fit(images, images.repeat(2, 1).repeat(2, 2), epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    assert model.predict(np.ones((2, 3, 5, 1)), verbose=0).shape == (2, 6, 10, 1)


@pytest.mark.parametrize(
    ("kind", "rank", "value", "text"),
    [
        ("UpSampling", 1, 0, "UpSampling1D 'it': size: expected a whole number >= 1, received 0"),
        ("UpSampling", 1, (2,), r"size: expected a whole number >= 1, received \(2,\)"),
        ("UpSampling", 2, (1, 2, 3), r"size: expected a number or 2 numbers, received \(1, 2, 3\)"),
        ("ZeroPadding", 2, -1, "ZeroPadding2D 'it': padding: expected a whole number >= 0, received -1"),
        ("ZeroPadding", 1, (1, 2, 3), r"padding: expected a whole number >= 0 or a pair \(before, after\); received"),
        ("ZeroPadding", 2, (1, 2, 3), r"padding: .* or 2 entries, .*; received \(1, 2, 3\)"),
        ("ZeroPadding", 2, ((1, 2, 3), 1), r"padding: .*; received \(\(1, 2, 3\), 1\)"),
        ("Cropping", 3, 0.5, "cropping: expected a whole number >= 0, received 0.5"),
        ("Cropping", 3, None, "cropping: expected a whole number >= 0, received None"),
        ("Cropping", 1, "1", "cropping: expected a whole number >= 0, received '1'"),
    ],
)
def test_bad_settings_are_refused_when_the_layer_is_made(kind, rank, value, text):
    with pytest.raises(ValueError, match=text):
        layer_of(kind, rank, value, name="it")


def test_unknown_names_are_refused_with_the_closest():
    with pytest.raises(ValueError, match=r"UpSampling2D 'it': interpolation: .* 'biliner'\. Did you mean 'bilinear'"):
        spatial.UpSampling2D(interpolation="biliner", name="it")
    with pytest.raises(ValueError, match="interpolation: expected one of"):
        spatial.UpSampling2D(interpolation=None)
    with pytest.raises(ValueError, match="data_format: expected one of"):
        spatial.ZeroPadding2D(data_format="first")


def test_cropping_that_leaves_nothing_is_refused():
    layer = spatial.Cropping2D((2, 1), name="crop")
    text = r"Cropping2D 'crop': cropping=\(\(2, 2\), \(1, 1\)\) leaves nothing of an input of shape \(2, 4, 4, 3\)"
    with pytest.raises(ValueError, match=text):
        layer(np.ones((2, 4, 4, 3)))
    with pytest.raises(ValueError, match="leaves nothing"):
        layer(KerasTensor((None, None, 2, 3), "float32"))
    assert layer(np.ones((2, 5, 4, 3))).shape == (2, 1, 2, 3)


@pytest.mark.parametrize("kind", ["UpSampling", "ZeroPadding", "Cropping"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_wrong_ranks_are_refused(kind, rank):
    layer = layer_of(kind, rank, name="it")
    with pytest.raises(ValueError, match=rf"{kind}{rank}D 'it': expected .* received shape \(2, 3\)"):
        layer(np.ones((2, 3)))
    assert layer(np.ones((0, *[4] * rank, 3))).shape[0] == 0
