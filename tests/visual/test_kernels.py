"""Kernels: each filter's own weights, on one scale with zero in its middle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina import Sequential
from lamina.layers import BatchNormalization, Dense, EinsumDense, Flatten, Input
from lamina.layers.convolution import (
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv2D,
)
from lamina.visual.kernels import kernels


def built(layer: Any, *shape: int) -> Any:
    layer.build((None, *shape))
    return layer


def drawn(figure: Any) -> np.ndarray:
    return np.array([image.get_array() for image in figure.axes[0].images])


def weights_of(layer: Any) -> np.ndarray:
    return np.asarray(layer.get_weights()[0])


def test_each_filter_of_grey_images_is_a_picture(tmp_path: Path, pixels_of: Any) -> None:
    layer = built(Conv2D(5, (3, 2), name="edges"), 8, 8, 1)
    figure = kernels(layer, path=tmp_path / "kernels.png")
    weights = weights_of(layer)
    assert np.array_equal(drawn(figure), weights[:, :, 0].transpose(2, 0, 1))
    assert figure.axes[0].get_title("left") == "edges · Conv2D, 5 kernels of 3 x 2"
    pixels_of(tmp_path / "kernels.png")


def test_all_kernels_share_one_scale_with_zero_in_its_middle() -> None:
    layer = built(Conv2D(5, 3), 8, 8, 4)
    layer.set_weights([weights_of(layer) - 1, np.zeros(5)])
    (ax,) = kernels(layer).axes
    largest = abs(weights_of(layer)).max()
    assert {image.get_clim() for image in ax.images} == {(-largest, largest)}
    assert f"red: {largest:.2g}" in ax.texts[0].get_text()


def test_three_channels_are_a_colour_and_zero_is_grey() -> None:
    layer = built(Conv2D(2, 1), 8, 8, 3)
    layer.set_weights([np.array([[2, 0, 0], [0, -2, 1]], float).T.reshape(1, 1, 3, 2), np.zeros(2)])
    assert np.allclose(drawn(kernels(layer)).reshape(2, 3), [[1, 0.5, 0.5], [0.5, 0, 0.75]])


def test_other_channels_are_rows_and_filters_columns() -> None:
    layer = built(Conv2D(6, 3), 8, 8, 2)
    (ax,) = kernels(layer).axes
    weights = weights_of(layer)
    for place, picture in enumerate(drawn(ax.figure)):
        channel, number = divmod(place, 6)
        assert np.array_equal(picture, weights[:, :, channel, number])
        left, right, bottom, top = ax.images[place].get_extent()
        assert (left // 1, right // 1, top // 1, bottom // 1) == (number, number, channel, channel)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("filter", "input channel")


@pytest.mark.parametrize(
    ("channels", "filters", "most", "shown", "words"),
    [
        (1, 40, 30, (1, 30), "40 kernels of 3 x 3, 30 shown"),
        (3, 40, 30, (1, 30), "40 kernels of 3 x 3 x 3, 30 shown"),
        (64, 128, 128, (8, 16), "128 kernels of 3 x 3 x 64, 16 shown, 8 channels of each"),
        (5, 128, 128, (5, 25), "128 kernels of 3 x 3 x 5, 25 shown"),
        (64, 128, 48, (3, 16), "128 kernels of 3 x 3 x 64, 16 shown, 3 channels of each"),
        (64, 128, 1, (1, 1), "128 kernels of 3 x 3 x 64, 1 shown, 1 channel of each"),
    ],
)
def test_number_of_pictures_is_limited(channels: int, filters: int, most: int, shown: Any, words: str) -> None:
    layer = built(Conv2D(filters, 3, kernel_initializer="ones"), 8, 8, channels)
    (ax,) = kernels(layer, most).axes
    assert len(ax.images) == shown[0] * shown[1]
    assert ax.get_title("left").endswith(words)
    assert {image.get_array().shape for image in ax.images} == {(3, 3, 3) if channels == 3 else (3, 3)}


def test_kernels_over_time_are_lines() -> None:
    layer = built(Conv1D(9, 4), 20, 2)
    (ax,) = kernels(layer).axes
    (lines,) = (c for c in ax.collections if len(c.get_segments()) == 18)
    weights, largest = weights_of(layer), abs(weights_of(layer)).max()
    for place, line in enumerate(lines.get_segments()):
        number, channel = divmod(place, 2)
        row, column = divmod(number, 8)
        assert (line[:, 0] // 1 == column).all()
        heights = 0.7 * (row + 0.5) - line[:, 1]  # the axis points down
        assert np.allclose(heights / (0.35 - 0.06), weights[:, channel, number] / largest)
    assert len({tuple(color) for color in lines.get_colors()}) == 2


def test_depthwise_kernels_are_pictures_by_channel_then_multiple() -> None:
    layer = built(DepthwiseConv2D(3, depth_multiplier=2), 8, 8, 3)
    weights = weights_of(layer)
    expected = [weights[:, :, channel, multiple] for channel in range(3) for multiple in range(2)]
    assert np.array_equal(drawn(kernels(layer)), expected)
    separable = built(SeparableConv2D(7, 3, depth_multiplier=2), 8, 8, 3)
    assert np.array_equal(drawn(kernels(separable))[5], weights_of(separable)[:, :, 2, 1])
    (ax,) = kernels(built(DepthwiseConv1D(3), 8, 4)).axes
    assert len(ax.collections[-1].get_segments()) == 4


def test_transposed_kernel_is_what_an_input_channel_paints() -> None:
    layer = built(Conv2DTranspose(3, 2), 8, 8, 5)
    weights = weights_of(layer)  # (height, width, filters, channels)
    expected = 0.5 + 0.5 * weights[..., 4] / abs(weights).max()
    assert drawn(kernels(layer)).shape == (5, 2, 2, 3)
    assert np.allclose(drawn(kernels(layer))[4], expected)


@pytest.mark.parametrize("shape", [(4, 5), (2, 10), (5, 4, 1)])
def test_units_over_pixels_take_the_images_shape(shape: tuple[int, ...]) -> None:
    layer = built(Dense(6, name="units"), 20)
    figure = kernels(layer, shape=shape)
    assert np.array_equal(drawn(figure)[3], weights_of(layer)[:, 3].reshape(shape[:2]))
    assert figure.axes[0].get_title("left").startswith("units · Dense, 6 kernels of ")


def test_units_over_colour_pixels_are_in_colour() -> None:
    assert drawn(kernels(built(Dense(2), 60), shape=(4, 5, 3))).shape == (2, 4, 5, 3)


def test_kernels_that_are_zero_are_drawn_as_zero() -> None:
    figure = kernels(built(Conv2D(2, 3, kernel_initializer="zeros"), 8, 8, 1), title="nothing")
    assert (drawn(figure) == 0).all()
    assert figure.axes[0].get_title("left") == "nothing"


@pytest.mark.parametrize(
    ("layer", "options", "text"),
    [
        (lambda: Conv2D(1, 3, name="c"), {}, r"layer 'c' \(Conv2D\) has no weights yet: call it, or its model"),
        (
            lambda: built(Dense(3, name="d"), 784),
            {},
            r"'d' \(Dense\) .*784 inputs are .*, say which: shape=\(28, 28\)\.",
        ),
        (lambda: built(Dense(3), 10), {}, r"kernel of shape \(10, 3\)\. .*shape=\(height, width, channels\)"),
        (lambda: built(Dense(3), 10), {"shape": (3, 3)}, r"expected .* with 10 pixels in all, .*received \(3, 3\)"),
        (lambda: built(Dense(3), 10), {"shape": (10,)}, r"shape: expected \(height, width\).*received \(10,\)"),
        (
            lambda: built(Conv2D(1, 2), 8, 8, 1),
            {"shape": (2, 2)},
            r"shape: is for Dense layers; .*\(2, 2, 1, 1\)\. Leav",
        ),
        (lambda: built(Conv3D(1, 2), 8, 8, 8, 1), {}, r"\(Conv3D\) has a kernel of shape \(2, 2, 2, 1, 1\), of which"),
        (
            lambda: built(EinsumDense("abc,cde->abde", (None, 2, 3)), 4, 5),
            {},
            r"\(EinsumDense\) .* of which there is no",
        ),
        (lambda: built(BatchNormalization(), 8), {}, r"\(BatchNormalization\) has no kernel. Layers with kernels are"),
        (lambda: built(Conv2D(1, 2), 8, 8, 1), {"max_kernels": 0}, r"max_kernels: expected a whole number >= 1"),
    ],
)
def test_what_cannot_be_drawn_is_named(layer: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match="kernels: .*" + text):
        kernels(layer(), **options)


def test_model_and_name_are_refused_with_the_way_out() -> None:
    model = Sequential([Input((8, 8, 1)), Conv2D(1, 3), Flatten()])
    with pytest.raises(TypeError, match=r"expected a layer, .*Pass one of its layers: model.get_layer\(name\)"):
        kernels(model)
    with pytest.raises(TypeError, match=r"kernels: layer: expected a layer, received 'conv2d' of type str"):
        kernels("conv2d")
