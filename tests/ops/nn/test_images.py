"""Patches, blocks of pixels and the signal-to-noise ratio, against Keras and PyTorch's definitions."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.core.symbolic import KerasTensor
from lamina.ops import nn
from tests.ops.parity import case, check_gradients, check_symbolic, check_values, normal, whole

X = normal(2, 3, 7, 6)
SETTINGS = [
    {"kernel_size": 2},
    {"kernel_size": (3, 2), "stride": 2},
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": (2, 3), "dilation": 2, "padding": (1, 2), "stride": (1, 2)},
]
CASES = [
    *(case("unfold", {"x": X}, **s) for s in SETTINGS),
    *(case("fold", {"x": np.array(nn.unfold(X, **s))}, output_size=(7, 6), **s) for s in SETTINGS),
    *(case("depth_to_space", {"x": normal(2, 3, 2, 12)}, block_size=2, data_format=f) for f in ("channels_last",)),
    *(case("depth_to_space", {"x": normal(2, 18, 2, 3)}, block_size=3, data_format=f) for f in ("channels_first",)),
    *(case("space_to_depth", {"x": normal(2, 6, 4, 3)}, block_size=2, data_format=f) for f in ("channels_last",)),
    *(case("space_to_depth", {"x": normal(2, 2, 6, 9)}, block_size=3, data_format=f) for f in ("channels_first",)),
    case("psnr", {"x1": normal(3, 4), "x2": normal(3, 4, seed=1)}, free=("x1", "x2"), max_val=2.0),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_values_are_those_of_keras(one):
    check_values(getattr(nn, one.name), one)


@pytest.mark.parametrize("one", [CASES[3], CASES[7], CASES[-1]], ids=str)
def test_gradients_are_those_of_keras(one):
    check_gradients(getattr(nn, one.name), one)


@pytest.mark.parametrize("one", CASES, ids=str)
def test_symbolic_shapes_are_those_of_keras(one):
    check_symbolic(getattr(nn, one.name), one)


def test_sizes_of_images_may_be_free():
    x = KerasTensor((None, None, None, 12), "float32")
    assert nn.depth_to_space(x, 2).shape == (None, None, None, 3)
    assert nn.space_to_depth(x, 2).shape == (None, None, None, 48)


def test_whole_numbers_stay_whole():
    x = whole(1, 2, 4, 4)
    patches = nn.unfold(x, 2, stride=2)
    np.testing.assert_array_equal(nn.fold(patches, 4, 2, stride=2), x)
    assert patches.dtype == nn.fold(patches, 4, 2, stride=2).dtype == "int32"
    np.testing.assert_array_equal(
        nn.space_to_depth(nn.depth_to_space(x.reshape(1, 4, 2, 4), 2), 2), x.reshape(1, 4, 2, 4)
    )


def test_fold_is_the_transpose_of_unfold():
    y = normal(*nn.unfold(X, 3, padding=1).shape, seed=5)
    left = np.sum(np.asarray(nn.unfold(X, 3, padding=1), np.float64) * y)
    right = np.sum(np.asarray(nn.fold(y, (7, 6), 3, padding=1), np.float64) * X)
    np.testing.assert_allclose(left, right, rtol=1e-5)


def test_signal_to_noise_of_bytes_does_not_wrap_around():
    a, b = np.uint8([0, 200]), np.uint8([10, 100])
    expected = 10 * np.log10(255**2 / ((100 + 10000) / 2))
    np.testing.assert_allclose(nn.psnr(a, b, 255), expected, rtol=1e-6)
    assert np.isposinf(nn.psnr(a, a, 255))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.unfold(np.ones((2, 3, 4)), 2), r"unfold: x: expected 4 axes, \(batch, channels, .*\(2, 3, 4\)"),
        (lambda: nn.unfold(np.ones((1, 1, 2, 2)), 3), r"unfold: .*smaller than a patch, kernel_size=\(3, 3\)"),
        (lambda: nn.fold(np.ones((1, 5, 4)), 3, 2), r"fold: x: .*a multiple of 4.*received \(1, 5, 4\)"),
        (lambda: nn.fold(np.ones((1, 4, 5)), 3, 2), r"fold: x: .*\(batch, a multiple of 4, 4\), received \(1, 4, 5\)"),
        (
            lambda: nn.depth_to_space(np.ones((1, 2, 2, 3)), 2),
            r"depth_to_space: expected a number of channels that 4 divides",
        ),
        (lambda: nn.space_to_depth(np.ones((1, 3, 2, 3)), 2), r"space_to_depth: expected a height that 2 divides"),
        (lambda: nn.space_to_depth(np.ones((1, 3, 2, 3)), 1), "space_to_depth: block_size: .*>= 2, received 1"),
        (
            lambda: nn.psnr(np.ones(3), np.ones(4), 1),
            r"psnr: x1 and x2: expected equal shapes, received \(3,\) and \(4,\)",
        ),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
