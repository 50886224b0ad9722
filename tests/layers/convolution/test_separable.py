"""`SeparableConv1D`, `SeparableConv2D`: channels by themselves, then mixed, against sums written out in float64."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.layers.base import family
from lamina.layers.convolution import SeparableConv1D, SeparableConv2D
from tests.layers.convolution.plain_sums import depthwise

LAYERS = {1: SeparableConv1D, 2: SeparableConv2D}


def some(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("strides", "dilation", "multiplier"), [(1, 1, 1), (2, 1, 3), (1, 3, 2), (3, 2, 1)])
def test_outputs_are_mixed_sums_of_each_channel(rank, padding, strides, dilation, multiplier):
    x = some(2, *(9, 8)[:rank], 3)
    layer = LAYERS[rank](4, (3, 2)[:rank], strides, padding, dilation_rate=dilation, depth_multiplier=multiplier)
    layer.build(x.shape)
    layer.bias.assign(some(4, seed=1))
    sums = depthwise(x, layer.depthwise_kernel, (strides,) * rank, padding, (dilation,) * rank)
    mixed = sums @ np.asarray(layer.pointwise_kernel, np.float64).reshape(3 * multiplier, 4)
    y = layer(x)
    np.testing.assert_allclose(y, mixed + np.asarray(layer.bias, np.float64), rtol=1e-5, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == y.shape


def test_channels_first_is_the_same_with_the_axes_moved():
    arguments = {"filters": 4, "kernel_size": 3, "strides": 2, "depth_multiplier": 2, "activation": "relu"}
    last, first = SeparableConv2D(**arguments), SeparableConv2D(**arguments, data_format="channels_first")
    x = some(2, 7, 6, 3)
    moved = np.moveaxis(x, -1, 1)
    last.build(x.shape)
    first.build(moved.shape)
    last.bias.assign([1.0, -1.0, 0.5, 2.0])
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(first(moved), np.moveaxis(last(x), -1, 1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rank", [1, 2])
def test_both_names_of_a_layer_are_read(rank):
    config = {"class_name": f"SeparableConvolution{rank}D", "config": {"filters": 2, "kernel_size": 3}}
    assert type(family.deserialize(config)) is LAYERS[rank]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: SeparableConv2D(0, 3, name="it"), "SeparableConv2D 'it': filters: .*received 0"),
        (lambda: SeparableConv2D(2, 3, depth_multiplier=0, name="it"), "'it': depth_multiplier: .*received 0"),
        (
            lambda: SeparableConv1D(2, 3, padding="causal", name="it"),
            "'it': padding: \"causal\" exists in Conv1D",
        ),
        (lambda: SeparableConv2D(2, 5, name="it")(np.ones((1, 4, 4, 2))), r"'it': the output would be empty"),
        (lambda: SeparableConv2D(2, 2, name="it")(np.ones((4, 4, 9))), r"'it': expected .*\(None, 4, 9\). Grey images"),
    ],
)
def test_what_does_not_fit_is_explained(make, text):
    with pytest.raises(ValueError, match=text):
        make()
