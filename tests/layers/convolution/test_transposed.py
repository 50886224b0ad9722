"""Transposed convolutions against sums written out in float64, as transposes of convolutions, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.layers.base import family
from lamina.layers.convolution import Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
from tests.layers.convolution.plain_sums import convolution, transposed

LAYERS = {1: Conv1DTranspose, 2: Conv2DTranspose, 3: Conv3DTranspose}


def some(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(("strides", "dilation"), [(1, 1), (2, 1), (4, 1), (1, 3), (2, 2)])
def test_valid_keeps_every_sum_that_the_windows_reach(rank, strides, dilation):
    x = some(2, *(4, 3, 2)[:rank], 3)
    layer = LAYERS[rank](2, (3, 2, 1)[:rank], strides, dilation_rate=dilation)
    layer.build(x.shape)
    layer.bias.assign([1.0, -2.0])
    sums = transposed(x, layer.kernel, (strides,) * rank, (dilation,) * rank)
    y = np.asarray(layer(x)) - np.asarray(layer.bias)
    assert layer.compute_output_shape(x.shape) == y.shape
    inside = tuple(slice(n) for n in sums.shape)
    np.testing.assert_allclose(y[inside], sums, rtol=1e-5, atol=1e-5)
    y[inside] = 0
    np.testing.assert_array_equal(y, 0)  # steps that are longer than the window leave zeros at the end


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize(("size", "strides", "dilation"), [(3, 1, 1), (3, 2, 1), (2, 2, 1), (5, 3, 1), (3, 1, 2)])
def test_same_is_the_transpose_of_a_convolution(rank, size, strides, dilation):
    """For every a and b: the product of the convolution of a with b is that of a with what the layer makes of b."""
    layer = LAYERS[rank](2, size, strides, "same", dilation_rate=dilation, use_bias=False)
    b = some(2, *(4, 3, 2)[:rank], 3)
    y = np.asarray(layer(b), np.float64)
    assert y.shape == layer.compute_output_shape(b.shape) == (2, *(n * strides for n in b.shape[1:-1]), 2)
    a = some(*y.shape, seed=1)
    there = convolution(a, layer.kernel, (strides,) * rank, "same", (dilation,) * rank)
    np.testing.assert_allclose((there * b).sum(), (a * y).sum(), rtol=1e-4)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("extra", [0, 1, (2, 0)])
def test_output_padding_sets_the_size(padding, extra):
    layer = Conv2DTranspose(2, 3, 3, padding, extra)
    h, w = (extra, extra) if isinstance(extra, int) else extra
    base = 3 if padding == "valid" else 1
    y = layer(some(1, 4, 5, 2))
    assert y.shape == layer.compute_output_shape((1, 4, 5, 2)) == (1, 9 + base + h, 12 + base + w, 2)


def test_channels_first_is_the_same_with_the_axes_moved():
    arguments = {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"}
    last, first = Conv2DTranspose(**arguments), Conv2DTranspose(**arguments, data_format="channels_first")
    x = some(2, 5, 4, 3)
    moved = np.moveaxis(x, -1, 1)
    last.build(x.shape)
    first.build(moved.shape)
    last.bias.assign([1.0, -1.0, 0.5, 2.0])
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(first(moved), np.moveaxis(last(x), -1, 1), rtol=1e-5, atol=1e-6)
    assert first.compute_output_shape((None, 3, None, 4)) == (None, 4, None, 8)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_both_names_of_a_layer_are_read(rank):
    config = {"class_name": f"Convolution{rank}DTranspose", "config": {"filters": 2, "kernel_size": 3}}
    assert type(family.deserialize(config)) is LAYERS[rank]


def test_arguments_stand_in_the_order_of_keras():
    assert Conv2DTranspose(2, 3, 2, "same", 1).output_padding == (1, 1)
    layer = Conv3DTranspose(2, 3, 2, "same", "channels_first", 1)
    assert (layer.data_format, layer.output_padding) == ("channels_first", (1, 1, 1))


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Conv2DTranspose(0, 3, name="it"), "Conv2DTranspose 'it': filters: .*received 0"),
        (
            lambda: Conv2DTranspose(2, 3, 2, output_padding=(1, 2), name="it"),
            r"Conv2DTranspose 'it': output_padding: expected numbers below strides \(2, 2\), .*received \(1, 2\)",
        ),
        (lambda: Conv2DTranspose(2, 3, 2, output_padding=-1, name="it"), "'it': output_padding: .* >= 0, received -1"),
        (
            lambda: Conv1DTranspose(2, 3, padding="causal", name="it"),
            "'it': padding: \"causal\" exists in Conv1D",
        ),
        (lambda: Conv2DTranspose(2, 3, name="it")(np.ones((4, 4, 9))), r"'it': expected .*\(None, 4, 9\). Grey images"),
        (
            lambda: Conv1DTranspose(2, 2, 2, "same", 0, name="it")(np.ones((1, 1, 1))),
            r"'it': the output would be empty .*\(None, 1, 1\).* a larger output_padding",
        ),
        (lambda: Conv2DTranspose(2, 3, name="it").build((None, 4, 4, None)), "'it': .*a known number of channels"),
    ],
)
def test_what_does_not_fit_is_explained(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_another_number_of_channels_is_refused():
    layer = Conv2DTranspose(2, 2, name="it")
    layer(some(1, 4, 4, 3))
    with pytest.raises(ValueError, match=r"'it': .*\(batch, height, width, 3\).* received \(1, 4, 4, 2\)"):
        layer(some(1, 4, 4, 2))
