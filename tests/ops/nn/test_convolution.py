"""Convolutions against Keras, and against sums written out."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from lamina.core.symbolic import KerasTensor
from lamina.core.variable import Variable
from lamina.ops import nn
from tests.ops.parity import case, check_gradients, check_symbolic, check_values, keras, normal

FIRST = {"data_format": "channels_first"}


def moved(x):
    return np.moveaxis(x, -1, 1)


def images(rank, channels=4):
    return normal(2, *(9, 8, 7)[:rank], channels)


def kernel(rank, channels, filters, size=(3, 2, 3)):
    return normal(*size[:rank], channels, filters, seed=1)


RANKS = (1, 2, 3)
SETTINGS = [
    {},
    {"padding": "same"},
    {"strides": 2},
    {"strides": 2, "padding": "same"},
    {"dilation_rate": 2},
    {"dilation_rate": 2, "padding": "same"},
]
CONV = [
    *(
        case("conv", {"inputs": images(r), "kernel": kernel(r, 4, 6)}, free=("inputs",), **s)
        for r in RANKS
        for s in SETTINGS
    ),
    *(
        case("conv", {"inputs": moved(images(r)), "kernel": kernel(r, 4, 6)}, free=("inputs",), **s, **FIRST)
        for r in RANKS
        for s in SETTINGS[:4:3]
    ),
    case("conv", {"inputs": images(2), "kernel": kernel(2, 4, 6)}, free=("inputs",), strides=(2, 1), padding="VALID"),
]
GROUPED = [
    case("conv", {"inputs": images(2), "kernel": kernel(2, 2, 6)}, free=("inputs",), **s) for s in SETTINGS[:4:3]
]
SEPARATE = [
    *(
        case("depthwise_conv", {"inputs": images(r), "kernel": kernel(r, 4, 2)}, free=("inputs",), **s)
        for r in (1, 2)
        for s in SETTINGS
    ),
    case(
        "depthwise_conv", {"inputs": moved(images(2)), "kernel": kernel(2, 4, 2)}, free=("inputs",), **FIRST, strides=2
    ),
    *(
        case(
            "separable_conv",
            {"inputs": images(r), "depthwise_kernel": kernel(r, 4, 2), "pointwise_kernel": kernel(r, 8, 5, (1, 1))},
            free=("inputs",),
            **s,
        )
        for r in (1, 2)
        for s in SETTINGS[:5:2]
    ),
    case(
        "separable_conv",
        {"inputs": moved(images(2)), "depthwise_kernel": kernel(2, 4, 2), "pointwise_kernel": kernel(2, 8, 5, (1, 1))},
        free=("inputs",),
        **FIRST,
    ),
]
TRANSPOSED = [
    case("conv_transpose", {"inputs": images(r), "kernel": kernel(r, 6, 4, size)}, free=("inputs",), **s)
    for r, size in ((1, (3,)), (1, (2,)), (2, (3, 4)), (3, (3, 2, 1)))
    for s in (*SETTINGS, {"strides": 3, "output_padding": 1}, {"strides": 3, "padding": "same", "output_padding": 2})
] + [
    case(
        "conv_transpose", {"inputs": moved(images(2)), "kernel": kernel(2, 6, 4)}, free=("inputs",), strides=2, **FIRST
    ),
    case(
        "conv_transpose",
        {"inputs": images(2), "kernel": kernel(2, 6, 4)},
        free=("inputs",),
        strides=(2, 3),
        output_padding=(0, 1),
    ),
]
CASES = [*CONV, *GROUPED, *SEPARATE, *TRANSPOSED]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_values_are_those_of_keras(one):
    check_values(getattr(nn, one.name), one)


@pytest.mark.parametrize("one", [*CONV[::5], *GROUPED[1:], *SEPARATE[::6], *TRANSPOSED[::9]], ids=str)
def test_gradients_are_those_of_keras(one):
    check_gradients(getattr(nn, one.name), one)


# Keras cannot declare grouped convolutions.
@pytest.mark.parametrize("one", [one for one in CASES if not any(one is other for other in GROUPED)], ids=str)
def test_symbolic_shapes_are_those_of_keras(one):
    check_symbolic(getattr(nn, one.name), one)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2])
def test_sizes_of_images_may_be_free(padding, strides):
    for name, channels in (("conv", (3, 5)), ("depthwise_conv", (3, 1)), ("conv_transpose", (5, 3))):
        results = [
            getattr(module, name)(
                tensor((None, None, None, 3), "float32"), normal(3, 3, *channels), strides=strides, padding=padding
            ).shape
            for module, tensor in ((nn, KerasTensor), (keras.ops, keras.KerasTensor))
        ]
        assert results[0] == results[1]


def test_convolution_is_the_sum_of_its_docstring():
    x, w = normal(2, 9, 3), normal(2, 3, 4, seed=1)
    expected = np.zeros((2, 3, 4))
    for i in range(3):
        for j in range(2):
            expected[:, i] += x[:, 2 * i + 3 * j].astype(np.float64) @ w[j]
    np.testing.assert_allclose(nn.conv(x, w, strides=2, dilation_rate=3), expected, rtol=1e-5, atol=1e-6)


def test_transposed_convolution_is_the_transpose():
    x, w = normal(1, 9, 3), normal(2, 3, 4, seed=1)
    y, pullback = jax.vjp(lambda x: nn.conv(x, w, strides=2), x)
    g = normal(*y.shape, seed=2)
    back = nn.conv_transpose(g, w, strides=2)
    np.testing.assert_allclose(back, pullback(g)[0][:, : back.shape[1]], rtol=1e-5, atol=1e-6)


def test_kernels_may_be_variables_and_decide_the_dtype():
    assert nn.conv(np.ones((1, 4, 2)), Variable(np.ones((2, 2, 3), np.float16))).dtype == "float16"
    assert nn.conv(np.ones((1, 4, 2), np.uint8), Variable(np.ones((2, 2, 3), np.float32))).dtype == "float32"
    assert nn.depthwise_conv(np.ones((1, 4, 2), np.uint8), np.ones((2, 2, 3), np.float32)).dtype == "float32"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.conv(np.ones((4, 3)), np.ones((2, 3, 4))), r"conv: inputs: expected 3, 4 or 5 axes .*\(4, 3\)"),
        (lambda: nn.conv(np.ones((1, 4, 3)), np.ones((2, 2, 3, 4))), r"conv: kernel: expected 3 axes .*\(2, 2, 3, 4\)"),
        (lambda: nn.conv(np.ones((1, 4, 3)), np.ones((2, 2, 4))), r"conv: inputs of shape \(1, 4, 3\) have 3 channels"),
        (
            lambda: nn.conv(np.ones((1, 2, 3)), np.ones((3, 3, 4))),
            r"conv: .*the output would be empty.*padding=\"same\"",
        ),
        (lambda: nn.conv(np.ones((1, 4, 3)), np.ones((2, 3, 4)), padding="full"), "conv: padding: expected one of"),
        (lambda: nn.conv(np.ones((1, 4, 3)), np.ones((2, 3, 4)), strides=(1, 2)), r"conv: strides: .*\(1, 2\)"),
        (lambda: nn.conv(np.ones((1, 4, 3)), np.ones((2, 3, 4)), data_format="NHWC"), "conv: data_format: .*'NHWC'"),
        (lambda: nn.depthwise_conv(np.ones((1, 4, 3)), np.ones((2, 2, 1))), r"depthwise_conv: .* 3 channels .* for 2"),
        (lambda: nn.conv_transpose(np.ones((1, 4, 3)), np.ones((2, 4, 2))), "conv_transpose: .* 3 channels .* for 2"),
        (lambda: nn.conv_transpose(np.ones((1, 4, 3)), np.ones((2, 4, 3)), output_padding=-1), "output_padding: .*-1"),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
