"""`Conv1D`, `Conv2D`, `Conv3D` against the notes' sum z[i, j, k] written out in float64, and what they refuse."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina import ops
from lamina.core.errors import LaminaError
from lamina.layers.base import family
from lamina.layers.convolution import Conv1D, Conv2D, Conv3D
from lamina.layers.core import Input
from lamina.models import Sequential
from tests.layers.convolution.plain_sums import convolution

CONVS = {1: Conv1D, 2: Conv2D, 3: Conv3D}


def some(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@st.composite
def layers_and_shapes(draw):
    """A layer of any settings, and a shape on which its windows fit."""
    rank = draw(st.integers(1, 3))
    several = st.tuples(*[st.integers(1, 3)] * rank)
    padding = draw(st.sampled_from(["valid", "same", "causal"] if rank == 1 else ["valid", "same"]))
    kernel_size, strides, dilation = draw(several), draw(several), draw(several)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel_size, dilation, strict=True)]
    space = [draw(st.integers(span if padding == "valid" else 1, span + 4)) for span in spans]
    groups = draw(st.integers(1, 3))
    layer = CONVS[rank](
        groups * draw(st.integers(1, 2)), kernel_size, strides, padding, dilation_rate=dilation, groups=groups
    )
    return layer, (draw(st.integers(1, 2)), *space, groups * draw(st.integers(1, 2)))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(layers_and_shapes())
def test_outputs_are_the_sum_of_the_notes(pair):
    layer, shape = pair
    x = some(*shape)
    layer.build(shape)
    layer.bias.assign(some(layer.filters, seed=1))
    sums = convolution(x, layer.kernel, layer.strides, layer.padding, layer.dilation_rate, layer.groups)
    y = jax.jit(layer.__call__, compiler_options={"xla_backend_optimization_level": 0})(x)  # quicker to compile
    np.testing.assert_allclose(y, sums + np.asarray(layer.bias, np.float64), rtol=1e-5, atol=1e-5)
    assert layer.compute_output_shape(shape) == y.shape


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_channels_first_is_the_same_with_the_axes_moved(rank, padding):
    arguments = {"filters": 4, "kernel_size": 2, "strides": 2, "padding": padding, "groups": 2, "activation": "relu"}
    last, first = CONVS[rank](**arguments), CONVS[rank](**arguments, data_format="channels_first")
    x = some(2, *(5, 4, 3)[:rank], 6)
    last.build(x.shape)
    moved = np.moveaxis(x, -1, 1)
    first.build(moved.shape)
    last.bias.assign([1.0, -1.0, 0.5, 2.0])
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(first(moved), np.moveaxis(last(x), -1, 1), rtol=1e-5, atol=1e-6)
    assert first.compute_output_shape(moved.shape) == first(moved).shape


def test_causal_outputs_do_not_see_later_steps():
    layer, x = Conv1D(3, 3, padding="causal", dilation_rate=2), some(2, 9, 4)
    before = np.asarray(layer(x))
    x[:, 5:] += 1
    np.testing.assert_array_equal(layer(x)[:, :5], before[:, :5])
    assert (np.asarray(layer(x))[:, 5] != before[:, 5]).any()


def test_the_shapes_of_the_notes():
    layer = Conv2D(filters=32, kernel_size=7, padding="same")
    assert layer(np.ones((2, 70, 120, 3), np.float32)).shape == (2, 70, 120, 32)
    kernels, biases = layer.get_weights()
    assert kernels.shape == (7, 7, 3, 32)
    assert biases.shape == (32,)
    assert layer.count_params() == 7 * 7 * 3 * 32 + 32


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (Conv2D(4, 3), (None, None, 8, 3), (None, None, 6, 4)),
        (Conv2D(4, 3, padding="same", strides=2), (None, 7, None, 3), (None, 4, None, 4)),
        (Conv2D(4, 3, data_format="channels_first"), (None, 3, None, 8), (None, 4, None, 6)),
        (Conv1D(4, 3, padding="causal", strides=2), (None, 7, 3), (None, 4, 4)),
        (Conv1D(4, 1000, strides=500), (None, None, 1), (None, None, 4)),
        (Conv1D(4, 50, strides=64, padding="same"), (None, None, 1), (None, None, 4)),
        (Conv3D(4, 2), (None, 5, None, 7, 3), (None, 4, None, 6, 4)),
    ],
)
def test_free_axes_stay_free(layer, shape, expected):
    assert layer.compute_output_shape(shape) == expected
    symbolic = Input(shape[1:])
    for _ in range(2):  # unbuilt, then built
        outputs = layer(symbolic)
        assert (outputs.shape, outputs.dtype) == (expected, "float32")


def test_one_layer_takes_images_of_any_size():
    layer = Conv2D(2, 3)
    assert layer(some(1, 5, 6, 3)).shape == (1, 3, 4, 2)
    assert layer(some(4, 9, 3, 3)).shape == (4, 7, 1, 2)


def test_strides_and_dilation_go_together():
    layer, x = Conv2D(2, 2, strides=2, dilation_rate=(1, 2)), some(1, 6, 7, 2)
    y = layer(x)
    np.testing.assert_allclose(y, convolution(x, layer.kernel, (2, 2), dilation=(1, 2)), rtol=1e-5, atol=1e-5)


def test_without_bias_there_is_only_the_kernel():
    layer = Conv2D(2, 3, use_bias=False)
    layer(some(1, 4, 4, 1))
    assert [w.path for w in layer.weights] == ["conv2d/kernel"]
    assert layer.bias is None


def test_pictures_of_whole_numbers_are_convolved_as_floats():
    layer, pixels = Conv2D(2, 3), np.random.default_rng(0).integers(0, 255, (1, 5, 5, 3)).astype(np.uint8)
    assert layer(pixels).dtype == "float32"
    np.testing.assert_array_equal(layer(pixels), layer(pixels.astype(np.float32)))
    mixed = Conv2D(2, 3, dtype="mixed_bfloat16")
    assert mixed(pixels).dtype == "bfloat16"
    assert mixed.kernel.dtype == "float32"


def test_a_subclass_may_change_the_kernel_first():
    class Standardised(Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, kernel - ops.mean(kernel, axis=(0, 1, 2)))

    layer = Standardised(2, 3)
    np.testing.assert_allclose(layer(np.ones((1, 5, 5, 3), np.float32)), np.zeros((1, 3, 3, 2)), atol=1e-6)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_both_names_of_a_layer_are_read_and_one_is_written(rank):
    config = {"class_name": f"Convolution{rank}D", "config": {"filters": 2, "kernel_size": 3}}
    layer = family.deserialize(config)
    assert type(layer) is CONVS[rank]
    assert family.serialize(layer)["class_name"] == f"Conv{rank}D"


def test_configs_with_lora_are_read_when_it_is_off_and_refused_when_it_is_on():
    config = Conv2D(2, 3).get_config()
    off = {"lora_rank": None, "lora_alpha": None, "quantization_config": None}
    assert Conv2D.from_config({**config, **off}).get_config() == config
    with pytest.raises(LaminaError, match=r"Conv2D.from_config: .*unknown argument 'lora_rank'"):
        Conv2D.from_config({**config, "lora_rank": 4})


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Conv2D(0, 3, name="it"), "Conv2D 'it': filters: expected a whole number >= 1, received 0"),
        (lambda: Conv2D(None, 3, name="it"), "Conv2D 'it': filters: .*received None"),
        (lambda: Conv2D(2, (3, 0), name="it"), "Conv2D 'it': kernel_size: expected a whole number >= 1, received 0"),
        (lambda: Conv2D(2, (3,), name="it"), r"Conv2D 'it': kernel_size: expected a number or 2 numbers, .*\(3,\)"),
        (lambda: Conv2D(2, "3", name="it"), "Conv2D 'it': kernel_size: .*received '3'"),
        (lambda: Conv1D(2, 3, strides=(1, 2), name="it"), r"Conv1D 'it': strides: expected a number or 1 numbers"),
        (lambda: Conv3D(2, 3, strides=-1, name="it"), "Conv3D 'it': strides: .*received -1"),
        (lambda: Conv2D(2, 3, dilation_rate=0, name="it"), "Conv2D 'it': dilation_rate: .*received 0"),
        (lambda: Conv2D(2, 3, padding="sane", name="it"), "Conv2D 'it': padding: .*'sane'. Did you mean 'same'"),
        (lambda: Conv2D(2, 3, padding=1, name="it"), "Conv2D 'it': padding: expected one of .*received 1"),
        (lambda: Conv2D(2, 3, padding="causal", name="it"), "Conv2D 'it': padding: \"causal\" exists in Conv1D alone"),
        (lambda: Conv2D(2, 3, data_format="NHWC", name="it"), "Conv2D 'it': data_format: .*received 'NHWC'"),
        (lambda: Conv2D(2, 3, groups=0, name="it"), "Conv2D 'it': groups: .*received 0"),
        (
            lambda: Conv2D(5, 3, groups=2, name="it"),
            "Conv2D 'it': filters: .* multiple of groups=2, .*received 5",
        ),
    ],
)
def test_arguments_are_checked_at_once(make, text):
    with pytest.raises(ValueError, match=text):
        make()


@pytest.mark.parametrize(
    ("layer", "shape", "text"),
    [
        (Conv2D(2, 3, name="it"), (32, 28, 28), r"\(batch, height, width, channels\) \(channels_last\), .*Grey images "
         r"need a channel axis: x\[..., None\], or Reshape\(\(28, 28, 1\)\)"),
        (Conv2D(2, 3, data_format="channels_first", name="it"), (32, 28, 28), r"Grey images .* x\[:, None\], or "
         r"Reshape\(\(1, 28, 28\)\)"),
        (Conv1D(2, 3, name="it"), (32, 10), r"\(batch, steps, channels\) .*Series of single numbers need .*\(10, 1\)"),
        (Conv2D(2, 3, name="it"), (28, 28, 3), r"received \(None, 28, 3\). If this is a single sample, .* x\[None\]"),
        (Conv2D(2, 3, name="it"), (32, 784), r"received \(None, 784\). Give flat rows their axes first: "
         r"Reshape\(\(height, width, channels\)\)"),
        (Conv2D(2, 3, name="it"), (2, 4, 8, 8, 3), r"received \(None, 4, 8, 8, 3\). To apply .* TimeDistributed"),
        (Conv2D(2, 5, name="it"), (2, 4, 9, 3), r"empty for an input of shape \(None, 4, 9, 3\): its space \(4, 9\) is "
         r"too small for kernel_size \(5, 5\) .* smaller kernel_size, or padding=\"same\""),
        (Conv2D(2, 3, dilation_rate=2, name="it"), (2, 4, 9, 3), r"dilation_rate \(2, 2\), which span \(5, 5\)"),
        (Conv2D(2, 3, groups=2, name="it"), (2, 8, 8, 3), r"the 3 channels of an input of shape \(None, 8, 8, 3\) .* "
         "cannot be split into groups=2"),
    ],
)  # fmt: skip
def test_inputs_that_do_not_fit_are_explained_and_leave_the_layer_unbuilt(layer, shape, text):
    with pytest.raises(ValueError, match=f"{type(layer).__name__} 'it': .*{text}"):
        layer(np.zeros(shape, np.float32))
    assert not layer.built
    assert layer.weights == []


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((2, 8, 8, 4), r"of shape \(batch, height, width, 3\) .*received \(2, 8, 8, 4\). Its kernel was made for 3"),
        ((2, 3, 8, 8), r"received \(2, 3, 8, 8\). The channels seem .* data_format=\"channels_first\""),
        ((2, 2, 8, 3), r"empty for an input of shape \(2, 2, 8, 3\)"),
        ((8, 8, 3), r"received \(8, 8, 3\). If this is a single sample"),
    ],
)
def test_inputs_that_do_not_fit_the_kernel_are_explained_and_change_nothing(shape, text):
    layer, x = Conv2D(2, 3, name="it"), some(1, 5, 5, 3)
    before = np.asarray(layer(x))
    with pytest.raises(ValueError, match=f"Conv2D 'it': .*{text}"):
        layer(np.zeros(shape, np.float32))
    np.testing.assert_array_equal(layer(x), before)


def test_the_number_of_channels_has_to_be_known():
    with pytest.raises(ValueError, match=r"Conv2D 'it': .* a known number of channels, .*Input\(shape=\(28, 28, 3"):
        Conv2D(2, 3, name="it").build((None, 8, 8, None))


def test_messages_name_the_way_through_the_model():
    model = Sequential([Input((None, None, 1)), Conv2D(2, 3, name="first")], name="net")
    with pytest.raises(ValueError, match=r"Conv2D 'net/first': the output would be empty"):
        model(np.zeros((1, 2, 2, 1), np.float32))
