"""`DepthwiseConv1D`, `DepthwiseConv2D`: each channel by itself, against sums written out in float64."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.core.errors import LaminaError
from lamina.layers.convolution import DepthwiseConv1D, DepthwiseConv2D
from tests.layers.convolution.plain_sums import depthwise

LAYERS = {1: DepthwiseConv1D, 2: DepthwiseConv2D}


def some(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("strides", "dilation", "multiplier"), [(1, 1, 1), (2, 1, 3), (1, 3, 2), (3, 2, 1)])
def test_outputs_are_the_sums_of_each_channel(rank, padding, strides, dilation, multiplier):
    x = some(2, *(9, 8)[:rank], 3)
    layer = LAYERS[rank]((3, 2)[:rank], strides, padding, multiplier, dilation_rate=dilation)
    layer.build(x.shape)
    layer.bias.assign(some(3 * multiplier, seed=1))
    sums = depthwise(x, layer.kernel, (strides,) * rank, padding, (dilation,) * rank)
    y = layer(x)
    np.testing.assert_allclose(y, sums + np.asarray(layer.bias, np.float64), rtol=1e-5, atol=1e-5)
    assert layer.compute_output_shape(x.shape) == y.shape
    first = LAYERS[rank](
        (3, 2)[:rank], strides, padding, multiplier, dilation_rate=dilation, data_format="channels_first"
    )
    moved = np.moveaxis(x, -1, 1)
    first.build(moved.shape)
    first.set_weights(layer.get_weights())
    np.testing.assert_allclose(first(moved), np.moveaxis(y, -1, 1), rtol=1e-5, atol=1e-6)
    assert first.compute_output_shape((None, *moved.shape[1:])) == (None, *first(moved).shape[1:])


def test_free_axes_and_channels_stay_free():
    layer = DepthwiseConv2D(3, depth_multiplier=2)
    assert layer.compute_output_shape((None, None, 8, 5)) == (None, None, 6, 10)
    assert layer.compute_output_shape((None, 8, 8, None)) == (None, 6, 6, None)


def test_whole_numbers_are_taken():
    layer, pixels = DepthwiseConv2D(2), np.arange(18, dtype=np.uint8).reshape(1, 3, 3, 2)
    assert layer(pixels).dtype == "float32"
    np.testing.assert_array_equal(layer(pixels), layer(pixels.astype(np.float32)))


def test_the_groups_of_keras_2_are_read_when_they_are_one():
    config = DepthwiseConv2D(3).get_config()
    assert DepthwiseConv2D.from_config({**config, "groups": 1}).get_config() == config
    with pytest.raises(LaminaError, match=r"DepthwiseConv2D.from_config: .*unknown argument 'groups'"):
        DepthwiseConv2D.from_config({**config, "groups": 2})


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: DepthwiseConv2D(0, name="it"), "DepthwiseConv2D 'it': kernel_size: .*received 0"),
        (lambda: DepthwiseConv2D(3, depth_multiplier=0, name="it"), "'it': depth_multiplier: .* >= 1, received 0"),
        (lambda: DepthwiseConv1D(3, padding="causal", name="it"), "'it': padding: \"causal\" exists in Conv1D alone"),
        (lambda: DepthwiseConv2D(5, name="it")(np.ones((1, 4, 4, 2))), r"'it': the output would be empty .*\(4, 4\)"),
        (lambda: DepthwiseConv2D(2, name="it")(np.ones((4, 4, 9))), r"'it': expected .*\(None, 4, 9\). Grey images"),
        (lambda: DepthwiseConv1D(2, name="it").build((None, 4, None)), "'it': .*with a known number of channels"),
    ],
)
def test_what_does_not_fit_is_explained(make, text):
    with pytest.raises(ValueError, match=text):
        make()


def test_another_number_of_channels_is_refused():
    layer = DepthwiseConv2D(2, name="it")
    layer(some(1, 4, 4, 3))
    with pytest.raises(ValueError, match=r"'it': .*\(batch, height, width, 3\).* received \(1, 4, 4, 2\)"):
        layer(some(1, 4, 4, 2))
