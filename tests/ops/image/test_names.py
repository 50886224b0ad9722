"""Every function of `keras.ops.image` is there, with the same parameters, and stands in graphs under Keras' name."""

from __future__ import annotations

import inspect

import pytest

from lamina.core.symbolic import KerasTensor
from lamina.ops import image
from tests.ops.parity import keras, parameters

X = KerasTensor((None, 16, 16, 3), "float32", "x")


def test_every_function_of_keras_is_there():
    assert set(image.__all__) == {name for name in dir(keras.ops.image) if not name.startswith("_")}


@pytest.mark.parametrize("name", image.__all__)
def test_parameters_and_defaults_are_those_of_keras(name):
    assert parameters(getattr(image, name)) == parameters(getattr(keras.ops.image, name))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (image.rgb_to_grayscale, "RGBToGrayscale"),
        (image.rgb_to_hsv, "RGBToHSV"),
        (image.hsv_to_rgb, "HSVToRGB"),
        (lambda x: image.resize(x, (4, 4)), "Resize"),
        (lambda x: image.extract_patches(x, 4), "ExtractPatches"),
        (lambda x: image.ssim(x, x), "SSIM"),
        (image.gaussian_blur, "GaussianBlur"),
    ],
)
def test_graphs_hold_the_classes_of_keras(call, name):
    config = call(X).node.operation.serialize()
    assert (config["module"], config["class_name"]) == ("keras.src.ops.image", name)
    assert inspect.isclass(getattr(keras.src.ops.image, name))
