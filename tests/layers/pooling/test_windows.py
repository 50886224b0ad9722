"""Max and average pooling with a window against loops in float64, in compiled loops, and what they refuse."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import lamina
from lamina.core.symbolic import KerasTensor
from lamina.layers import pooling

NUMBERS = {"Max": np.max, "Average": np.mean}


def layer_of(kind, rank, *args, **kwargs):
    return getattr(pooling, f"{kind}Pooling{rank}D")(*args, **kwargs)


def by_hand(x, reduce, window, steps, padding):
    """Each window cut out of a (batch, *space, channels) array in float64; what lies outside does not count."""
    sizes = x.shape[1:-1]
    places = []
    for size, length, step in zip(sizes, window, steps, strict=True):
        if padding == "valid":
            starts = [i * step for i in range((size - length) // step + 1)]
        else:
            count = -(-size // step)
            before = max((count - 1) * step + length - size, 0) // 2  # as TensorFlow documents "SAME"
            starts = [i * step - before for i in range(count)]
        places.append([slice(max(start, 0), start + length) for start in starts])
    result = [
        reduce(x[(slice(None), *cut)].astype(np.float64), tuple(range(1, x.ndim - 1)))
        for cut in itertools.product(*places)
    ]
    return np.stack(result, 1).reshape(len(x), *map(len, places), x.shape[-1])


def drawn(number):
    """A random rank, shape, window, steps and padding that go together."""
    rng = np.random.default_rng(number)
    rank = int(rng.integers(1, 4))
    sizes = rng.integers(1, [12, 8, 5][rank - 1], rank)
    window, steps = rng.integers(1, sizes + 1), rng.integers(1, 4, rank)
    padding = ["valid", "same"][number % 2]
    if padding == "same":
        window = rng.integers(1, 6, rank)  # may be larger than the input
    return rng.normal(size=(2, *sizes, 3)).astype(np.float32), tuple(map(int, window)), tuple(map(int, steps)), padding


@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize("number", range(12))
def test_random_windows_give_what_loops_in_float64_give(kind, number):
    x, window, steps, padding = drawn(number)
    rank = x.ndim - 2
    expected = by_hand(x, NUMBERS[kind], window, steps, padding)
    last, first = (layer_of(kind, rank, window, steps, padding, f"channels_{end}") for end in ("last", "first"))
    y, z = last(x), np.moveaxis(first(np.moveaxis(x, -1, 1)), 1, -1)
    assert y.shape == z.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(z, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ["Max", "Average"])
@pytest.mark.parametrize("settings", [{"pool_size": 2}, {"pool_size": 3, "strides": 2, "padding": "same"}])
def test_gradients_inside_a_compiled_loop_are_those_outside(kind, settings):
    layer = layer_of(kind, 2, **settings)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 6, 7, 3)).astype(np.float32))

    slope = jax.jit(jax.grad(lambda x: jnp.sum(jnp.sin(layer(x)))))

    @jax.jit
    def loop(x, steps):
        return lax.fori_loop(0, steps, lambda _, x: x - 0.1 * slope(x), x)

    outside = x
    for _ in range(3):
        outside = outside - 0.1 * slope(outside)
    np.testing.assert_allclose(loop(x, 3), outside, rtol=1e-6, atol=1e-6)


def test_the_gradient_of_the_mean_is_that_of_finite_differences():
    layer = pooling.AveragePooling2D(3, strides=2, padding="same")
    x = np.random.default_rng(0).normal(size=(1, 4, 5, 1)).astype(np.float32)
    slope = jax.grad(lambda x: jnp.sum(layer(x) ** 2))(x)
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x, np.float64)
        step[place] = 1e-4
        up, down = (np.sum(by_hand(x + s, np.mean, (3, 3), (2, 2), "same") ** 2) for s in (step, -step))
        np.testing.assert_allclose(slope[place], (up - down) / 2e-4, rtol=1e-4, atol=1e-5)


def test_small_integers_do_not_overflow_in_means():
    x = np.full((1, 4, 4, 1), 200, np.uint8)
    np.testing.assert_array_equal(pooling.AveragePooling2D(2)(x), np.full((1, 2, 2, 1), 200.0))


def test_steps_default_to_the_window_and_one_number_stands_for_all_axes():
    layer = pooling.MaxPooling3D((1, 2, 3), padding="SAME")
    assert (layer.pool_size, layer.strides, layer.padding) == ((1, 2, 3), (1, 2, 3), "same")
    assert pooling.AveragePooling2D(4, strides=2).strides == (2, 2)


@pytest.mark.parametrize("kind", ["Max", "Average"])
def test_a_window_larger_than_the_input_is_an_error_with_a_way_out(kind):
    layer = layer_of(kind, 2, (5, 2), name="pool")
    text = (
        rf"{kind}Pooling2D 'pool': the window pool_size=\(5, 2\) is larger than the input of shape \(2, 4, 8, 3\).*"
        'Use padding="same"'
    )
    with pytest.raises(ValueError, match=text):
        layer(np.ones((2, 4, 8, 3)))
    with pytest.raises(ValueError, match=r"input of shape \(None, 4, None, 3\)"):
        layer.compute_output_shape((None, 4, None, 3))
    with pytest.raises(ValueError, match=r"input of shape \(None, 4, 8, 3\)"):
        layer(KerasTensor((None, 4, 8, 3), "float32"))
    with pytest.raises(ValueError, match=text):
        jax.jit(layer)(np.ones((2, 4, 8, 3)))
    assert layer(np.ones((2, 5, 8, 3))).shape == (2, 1, 4, 3)  # the layer works on


def test_the_error_names_the_path_in_the_model():
    block = lamina.Sequential([pooling.MaxPooling2D(9, name="pool")], name="block")
    with pytest.raises(ValueError, match="MaxPooling2D 'block/pool': the window"):
        block(np.ones((1, 8, 8, 1)))


@pytest.mark.parametrize(
    ("rank", "shape", "text"),
    [
        (
            2,
            (60, 28, 28),
            r"images \(batch, height, width, channels\), received shape \(60, 28, 28\).*x\[\.\.\., None\]",
        ),
        (2, (60, 28, 28), "For 3 axes there is MaxPooling1D"),
        (2, (60, 784), "before Flatten"),
        (1, (60, 9), r"sequences \(batch, steps, channels\), received shape \(60, 9\).*x\[\.\.\., None\]"),
        (3, (60, 8, 8, 3), r"volumes \(batch, depth, height, width, channels\).*For 4 axes there is MaxPooling2D"),
        (1, (60, 8, 8, 3), "For 4 axes there is MaxPooling2D"),
        (2, (8,), r"received shape \(8,\)\."),
    ],
)
def test_wrong_ranks_name_what_is_missing(rank, shape, text):
    with pytest.raises(ValueError, match=f"MaxPooling{rank}D 'pool': expected .*{text}"):
        layer_of("Max", rank, 2, name="pool")(np.ones(shape))


def test_channels_first_is_said_where_it_matters():
    with pytest.raises(ValueError, match=r"images \(batch, channels, height, width\).*x\[:, None\]"):
        pooling.MaxPooling2D(data_format="channels_first")(np.ones((60, 28, 28)))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"pool_size": 0}, "MaxPooling2D 'pool': pool_size: expected a whole number >= 1, received 0"),
        ({"pool_size": 2.0}, "pool_size: expected a whole number >= 1, received 2.0"),
        ({"pool_size": (2, 2, 2)}, r"pool_size: expected a number or 2 numbers, received \(2, 2, 2\)"),
        ({"strides": 0}, "strides: expected a whole number >= 1, received 0"),
        ({"strides": (1, -1)}, "strides: expected a whole number >= 1, received -1"),
        ({"padding": "vald"}, r"padding: expected one of \['valid', 'same'\], received 'vald'. Did you mean 'valid'"),
        ({"padding": 1}, "padding: expected one of"),
        ({"data_format": "channel_last"}, "data_format: expected one of .* Did you mean 'channels_last'"),
    ],
)
def test_bad_settings_are_refused_when_the_layer_is_made(settings, text):
    with pytest.raises(ValueError, match=text):
        pooling.MaxPooling2D(name="pool", **settings)


def test_a_list_of_images_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"MaxPooling2D 'pool': expected one array, received a list"):
        pooling.MaxPooling2D(name="pool")([np.ones((4, 4, 3)), np.ones((4, 4, 3))])


@pytest.mark.parametrize("window", [2, 500])
def test_free_sizes_stay_free_in_a_model_that_then_takes_many(window):
    inputs = lamina.layers.Input((None, None, 3))
    outputs = pooling.MaxPooling2D(window)(inputs)
    assert outputs.shape == (None, None, None, 3)
    model = lamina.Model(inputs, outputs)
    assert model(np.ones((1, window * 2, window + 1, 3))).shape == (1, 2, 1, 3)


def test_no_rows_give_no_rows():
    for kind in ("Max", "Average"):
        assert layer_of(kind, 2, 2)(np.ones((0, 4, 4, 3))).shape == (0, 2, 2, 3)
