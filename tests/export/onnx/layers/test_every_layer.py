"""Every layer in an ONNX file gives in ONNX Runtime what it gives in `predict`, for 1, 7 and 64 rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import LaminaError
from lamina.layers.preprocessing import images
from tests.export.onnx.session import Session, assert_alike, check_layer

Case = tuple[dict[str, Any], Any]  # constructor arguments, shape of the input (a list: of several)

SEQUENCE, IMAGE, VOLUME = (9, 4), (9, 8, 4), (7, 6, 8, 4)
FIRST = {"data_format": "channels_first"}
CASES: dict[str, list[Case]] = {
    "Dense": [
        ({"units": 3, "activation": "relu"}, (6,)),
        ({"units": 3, "use_bias": False}, (6,)),
        ({"units": 3, "activation": "softmax"}, (4, 6)),
        ({"units": 3}, (None, 6)),
    ],
    "EinsumDense": [
        ({"equation": "abc,cd->abd", "output_shape": (None, 3), "bias_axes": "d"}, (4, 6)),
        ({"equation": "...x,xy->...y", "output_shape": 3, "activation": "tanh"}, (4, 2, 6)),
        ({"equation": "abc,cde->abde", "output_shape": (None, 2, 3), "bias_axes": "de"}, (4, 6)),
        ({"equation": "abcd,cde->abe", "output_shape": (None, 5)}, (4, 2, 3)),
    ],
    "Identity": [({}, (6,))],
    "Activation": [({"activation": "tanh"}, (6,)), ({"activation": "softmax"}, (4, 6))],
    "ReLU": [
        ({}, (6,)),
        ({"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.2}, (4, 6)),
        ({"max_value": 6}, (6,)),
    ],
    "LeakyReLU": [({}, (6,)), ({"negative_slope": 0.1}, (4, 6))],
    "ELU": [({}, (6,)), ({"alpha": 0.5}, (4, 6))],
    "PReLU": [({}, (6,)), ({"shared_axes": [1, 2]}, IMAGE), ({"shared_axes": [1]}, (4, 6))],
    "Softmax": [({}, (6,)), ({"axis": 1}, (4, 6)), ({"axis": [1, 2]}, (4, 6))],
    "Flatten": [({}, IMAGE), (FIRST, (4, 9, 8)), ({}, (None, 3)), ({}, (6,))],
    "Reshape": [
        ({"target_shape": (3, 2)}, (6,)),
        ({"target_shape": (-1, 4)}, (6, 2)),
        ({"target_shape": (-1, 3)}, (None, 6)),
    ],
    "Permute": [({"dims": (2, 1)}, (4, 6)), ({"dims": (3, 1, 2)}, IMAGE)],
    "RepeatVector": [({"n": 3}, (6,))],
    "Masking": [({"mask_value": 0.5}, (4, 6)), ({"mask_value": float("nan")}, (4, 6))],
    "Dropout": [({"rate": 0.4}, (6,))],
    "AlphaDropout": [({"rate": 0.4}, (6,))],
    "GaussianDropout": [({"rate": 0.4}, (6,))],
    "GaussianNoise": [({"stddev": 0.4}, (6,))],
    "SpatialDropout1D": [({"rate": 0.4}, SEQUENCE)],
    "SpatialDropout2D": [({"rate": 0.4}, IMAGE)],
    "SpatialDropout3D": [({"rate": 0.4}, VOLUME)],
    "ActivityRegularization": [({"l1": 0.1}, (6,))],
    "BatchNormalization": [
        ({}, (6,)),
        ({}, IMAGE),
        ({"axis": 1}, (4, 9, 8)),
        ({"scale": False, "center": False}, SEQUENCE),
        ({"renorm": True}, (6,)),
    ],
    "LayerNormalization": [
        ({}, (6,)),
        ({"axis": [1, 2], "center": False}, (4, 6)),
        ({"axis": 1}, (4, 6)),
        ({"axis": [1, 3], "scale": False}, IMAGE),
        ({}, (None, 6)),
    ],
    "GroupNormalization": [
        ({"groups": 2}, IMAGE),
        ({"groups": 3}, (6,)),
        ({"groups": -1, "axis": 1}, (4, 9, 8)),
        ({"groups": 2, "scale": False}, (None, None, 4)),
    ],
    "RMSNormalization": [({}, (6,)), ({"axis": [1, 2]}, (4, 6))],
    "UnitNormalization": [({}, (6,)), ({"axis": [1, 2]}, (4, 6))],
    "Rescaling": [({"scale": 1 / 255, "offset": -0.5}, (6,)), ({"scale": [1.0, 2.0, 0.5, 3.0], "offset": 1}, IMAGE)],
    "Normalization": [
        ({}, (6,)),
        ({"axis": (1, 2), "invert": True}, (4, 6)),
        ({"axis": None, "mean": 2.0, "variance": 4.0}, (6,)),
        ({"axis": 1, "mean": [1.0, 2.0], "variance": [1.0, 4.0]}, (2, 3)),
    ],
    "Conv1D": [
        ({"filters": 5, "kernel_size": 3}, SEQUENCE),
        ({"filters": 5, "kernel_size": 3, "padding": "causal", "dilation_rate": 2, "activation": "elu"}, SEQUENCE),
        ({"filters": 6, "kernel_size": 2, "padding": "same", "strides": 2, "groups": 2, **FIRST}, (4, 9)),
        ({"filters": 5, "kernel_size": 3, "padding": "causal", "strides": 2}, (None, 4)),
    ],
    "Conv2D": [
        ({"filters": 5, "kernel_size": 3, "padding": "same", "activation": "relu"}, IMAGE),
        ({"filters": 5, "kernel_size": (3, 2), "strides": (2, 3)}, IMAGE),
        ({"filters": 5, "kernel_size": (4, 3), "strides": (2, 3), "padding": "same", "use_bias": False}, IMAGE),
        ({"filters": 6, "kernel_size": 3, "groups": 2, "dilation_rate": 2, "padding": "same", **FIRST}, (4, 9, 8)),
        ({"filters": 5, "kernel_size": 2, "dilation_rate": (2, 3), "activation": "softmax"}, IMAGE),
        ({"filters": 5, "kernel_size": 3, "strides": 2, "dilation_rate": 2, "padding": "same"}, IMAGE),
        ({"filters": 5, "kernel_size": 4, "strides": 2, "padding": "same"}, (None, None, 4)),
        ({"filters": 5, "kernel_size": 4, "dilation_rate": 2, "padding": "same"}, (None, 8, 4)),
        ({"filters": 5, "kernel_size": 1, "strides": 2}, IMAGE),
    ],
    "Conv3D": [
        ({"filters": 5, "kernel_size": 3, "padding": "same"}, VOLUME),
        ({"filters": 5, "kernel_size": (1, 2, 3), "strides": 2, "activation": "relu", **FIRST}, (4, 7, 6, 8)),
    ],
    "DepthwiseConv1D": [({"kernel_size": 3, "depth_multiplier": 2, "padding": "same"}, SEQUENCE)],
    "DepthwiseConv2D": [
        ({"kernel_size": 3, "depth_multiplier": 2, "activation": "relu6"}, IMAGE),
        ({"kernel_size": 3, "strides": 2, "padding": "same", "use_bias": False, **FIRST}, (4, 9, 8)),
        ({"kernel_size": 2, "dilation_rate": 2, "padding": "same"}, IMAGE),
    ],
    "SeparableConv1D": [({"filters": 5, "kernel_size": 3, "strides": 2}, SEQUENCE)],
    "SeparableConv2D": [
        ({"filters": 5, "kernel_size": 3, "depth_multiplier": 2, "padding": "same", "activation": "gelu"}, IMAGE),
        ({"filters": 5, "kernel_size": 3, "strides": 2, "use_bias": False, **FIRST}, (4, 9, 8)),
    ],
    "Conv1DTranspose": [
        ({"filters": 5, "kernel_size": 3, "strides": 2, "padding": "same"}, SEQUENCE),
        ({"filters": 5, "kernel_size": 2, "strides": 3, "activation": "relu"}, SEQUENCE),
    ],
    "Conv2DTranspose": [
        ({"filters": 5, "kernel_size": 3, "strides": 2, "padding": "same"}, IMAGE),
        ({"filters": 5, "kernel_size": 3}, IMAGE),
        ({"filters": 5, "kernel_size": (4, 3), "strides": (3, 2), "padding": "same", "output_padding": 1}, IMAGE),
        ({"filters": 5, "kernel_size": 3, "strides": 2, "output_padding": 1, "use_bias": False, **FIRST}, (4, 9, 8)),
        ({"filters": 5, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, IMAGE),
        ({"filters": 5, "kernel_size": 1, "strides": 2, "padding": "same"}, IMAGE),
        ({"filters": 5, "kernel_size": 2, "strides": 2}, (None, None, 4)),
    ],
    "Conv3DTranspose": [({"filters": 2, "kernel_size": 2, "strides": (1, 2, 2)}, VOLUME)],
    "MaxPooling1D": [
        ({"pool_size": 2}, SEQUENCE),
        ({"pool_size": 3, "strides": 2, "padding": "same", **FIRST}, (4, 9)),
    ],
    "MaxPooling2D": [
        ({}, IMAGE),
        ({"pool_size": 3, "strides": 2, "padding": "same"}, IMAGE),
        ({"pool_size": (2, 3), **FIRST}, (4, 9, 8)),
        ({"padding": "same"}, (None, None, 4)),
    ],
    "MaxPooling3D": [({"pool_size": 2, "padding": "same"}, VOLUME)],
    "AveragePooling1D": [({"pool_size": 2, "padding": "same"}, SEQUENCE)],
    "AveragePooling2D": [
        ({"pool_size": 2}, IMAGE),
        ({"pool_size": 3, "strides": 2, "padding": "same"}, IMAGE),
        ({"pool_size": (2, 3), "strides": 1, **FIRST}, (4, 9, 8)),
        ({"pool_size": 3, "padding": "same"}, (None, None, 4)),
    ],
    "AveragePooling3D": [({"pool_size": 2}, VOLUME)],
    "GlobalMaxPooling1D": [({}, SEQUENCE)],
    "GlobalMaxPooling2D": [({}, IMAGE), ({"keepdims": True, **FIRST}, (4, 9, 8)), ({}, (None, None, 4))],
    "GlobalMaxPooling3D": [({}, VOLUME)],
    "GlobalAveragePooling1D": [({}, SEQUENCE), ({"keepdims": True, **FIRST}, (4, 9))],
    "GlobalAveragePooling2D": [({"keepdims": True}, IMAGE), (FIRST, (4, 9, 8))],
    "GlobalAveragePooling3D": [({}, VOLUME)],
    "AdaptiveMaxPooling1D": [({"output_size": 4}, SEQUENCE)],
    "AdaptiveMaxPooling2D": [({"output_size": (2, 3)}, IMAGE), ({"output_size": 4, **FIRST}, (4, 9, 8))],
    "AdaptiveMaxPooling3D": [({"output_size": 3}, VOLUME)],
    "AdaptiveAveragePooling1D": [({"output_size": 4}, SEQUENCE)],
    "AdaptiveAveragePooling2D": [({"output_size": (2, 3)}, IMAGE), ({"output_size": 4, **FIRST}, (4, 9, 8))],
    "AdaptiveAveragePooling3D": [({"output_size": 3}, VOLUME)],
    "DepthMaxPooling": [({}, IMAGE), ({"pool_size": 4, **FIRST}, (4, 9, 8)), ({}, (None, None, 4)), ({}, (6,))],
    "ZeroPadding1D": [({"padding": (1, 2)}, SEQUENCE), ({"padding": 2, **FIRST}, (4, 9))],
    "ZeroPadding2D": [({"padding": (1, (0, 2))}, IMAGE), (FIRST, (4, 9, 8)), ({}, (None, None, 4))],
    "ZeroPadding3D": [({"padding": (1, 2, (0, 3))}, VOLUME)],
    "Cropping1D": [({"cropping": (1, 2)}, SEQUENCE), ({"cropping": (0, 2)}, (None, 4))],
    "Cropping2D": [({"cropping": (1, (0, 2))}, IMAGE), ({"cropping": 1, **FIRST}, (4, 9, 8))],
    "Cropping3D": [({"cropping": (1, 2, (0, 3))}, VOLUME)],
    "UpSampling1D": [({"size": 3}, SEQUENCE), ({}, (None, 4))],
    "UpSampling2D": [
        ({"size": (2, 3)}, IMAGE),
        (FIRST, (4, 9, 8)),
        ({}, (None, None, 4)),
        ({"size": (2, 3), "interpolation": "bilinear"}, IMAGE),
        ({"size": 2, "interpolation": "bicubic", **FIRST}, (4, 9, 8)),
        ({"size": 2, "interpolation": "lanczos3"}, IMAGE),
    ],
    "UpSampling3D": [({"size": (1, 2, 3)}, VOLUME)],
    "Add": [({}, [(6,), (6,)]), ({}, [(6,), (6,), (4, 6)])],
    "Subtract": [({}, [(4, 6), (4, 1)])],
    "Multiply": [({}, [(6,), (6,), (6,)])],
    "Average": [({}, [(6,), (6,), (6,)])],
    "Maximum": [({}, [(6,), (6,), (6,)])],
    "Minimum": [({}, [(6,), (6,), (6,)])],
    "Concatenate": [({}, [(6,), (3,)]), ({"axis": 1}, [(4, 6), (2, 6)])],
    "Dot": [
        ({"axes": 1}, [(6,), (6,)]),
        ({"axes": (2, 1), "normalize": True}, [(4, 6), (6, 3)]),
        ({"axes": -1}, [(4, 6), (2, 3, 6)]),
    ],
    "Resizing": [
        ({"height": 5, "width": 12}, IMAGE),
        ({"height": 5, "width": 12, "interpolation": "nearest"}, IMAGE),
        ({"height": 5, "width": 6, "interpolation": "bicubic", "antialias": True, **FIRST}, (4, 9, 8)),
        ({"height": 12, "width": 5, "interpolation": "lanczos5"}, IMAGE),
        ({"height": 5, "width": 12, "crop_to_aspect_ratio": True}, IMAGE),
        ({"height": 5, "width": 12, "pad_to_aspect_ratio": True, "fill_value": 0.5}, IMAGE),
    ],
    "CenterCrop": [
        ({"height": 5, "width": 6}, IMAGE),
        ({"height": 12, "width": 5}, IMAGE),
        ({"height": 4, "width": 3, **FIRST}, (4, 9, 8)),
    ],
    "RandomCrop": [({"height": 5, "width": 6}, IMAGE)],
}

RANDOM_IMAGE_LAYERS: dict[str, dict[str, Any]] = {
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.2},
    "RandomZoom": {"height_factor": 0.2},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
    "RandomShear": {"x_factor": 0.2, "y_factor": 0.2},
    "RandomPerspective": {"factor": 0.5},
    "RandomElasticTransform": {"factor": 0.5},
    "RandomBrightness": {"factor": 0.2},
    "RandomContrast": {"factor": 0.2},
    "RandomColorDegeneration": {"factor": 0.5},
    "RandomColorJitter": {"brightness_factor": 0.2},
    "RandomGrayscale": {"factor": 0.5},
    "RandomHue": {"factor": 0.5},
    "RandomSaturation": {"factor": 0.5},
    "RandomInvert": {"factor": 0.5},
    "RandomPosterization": {"factor": 4},
    "RandomSharpness": {"factor": 0.5},
    "RandomGaussianBlur": {"factor": 0.5},
    "RandomErasing": {"factor": 0.5},
    "Solarization": {"addition_factor": 0.5, "threshold_factor": 0.5},
    "RandAugment": {},
    "AugMix": {},
    "MixUp": {},
    "CutMix": {},
}
# Layers that are tested elsewhere: around others, of functions, of whole numbers, the bases, functions and aliases.
ELSEWHERE = {"Embedding", "Lambda", "TimeDistributed", "Pipeline", "Layer", "Input", "InputLayer", "Wrapper"}
ELSEWHERE |= {"deserialize", "serialize", *(name.lower() for name in ("Add", "Average", "Concatenate", "Dot"))}
ELSEWHERE |= {"maximum", "minimum", "multiply", "subtract"}
REFUSED: dict[str, dict[str, Any]] = {
    "AutoContrast": {},
    "Equalization": {},
    "ContrastLimitedAdaptiveHistogramEqualization": {},
}
OTHER_FRAMEWORKS = {"EquinoxLayer", "FlaxLayer", "JaxLayer"}  # code of other libraries, refused in test_translation
BOXES = {"MaxNumBoundingBoxes"}  # takes a dict, which a model's Input cannot be


def test_every_public_layer_has_a_case():
    aliases = {n for n in layers.__all__ if getattr(getattr(layers, n), "__name__", n) != n and n not in ELSEWHERE}
    known = {*CASES, *RANDOM_IMAGE_LAYERS, *REFUSED, *ELSEWHERE, *OTHER_FRAMEWORKS, *BOXES, *aliases}
    assert known == set(layers.__all__)


@pytest.mark.parametrize(
    ("name", "case"),
    [pytest.param(name, case, id=f"{name}-{i}") for name, cases in CASES.items() for i, case in enumerate(cases)],
)
def test_layer_gives_what_predict_gives(name, case):
    arguments, shape = case
    shapes = shape if isinstance(shape, list) else [shape]
    check_layer(getattr(layers, name)(**arguments), *shapes)


@pytest.mark.parametrize("name", RANDOM_IMAGE_LAYERS)
def test_random_image_layers_do_nothing(name):
    layer = getattr(images, name)(**RANDOM_IMAGE_LAYERS[name])
    assert check_layer(layer, (8, 8, 3)).operations == ["Identity"]


@pytest.mark.parametrize("name", REFUSED)
def test_image_layers_without_a_counterpart_are_refused(name):
    with pytest.raises(LaminaError, match=rf"\({name}\): what it does to images has no form in ONNX"):
        check_layer(getattr(images, name)(**REFUSED[name]), (8, 8, 3))


@pytest.mark.parametrize("dtype", ["uint8", "int32"])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (layers.Rescaling(1 / 255), IMAGE),
        (layers.Dense(3), (6,)),
        (layers.Conv2D(2, 3), IMAGE),
        (layers.MaxPooling2D(), IMAGE),
        (layers.AveragePooling2D(2), IMAGE),
        (layers.UpSampling2D(), IMAGE),
        (layers.BatchNormalization(), (6,)),
        (layers.GlobalAveragePooling2D(), IMAGE),
        (layers.Resizing(5, 12), IMAGE),
    ],
    ids=lambda x: type(x).__name__,
)
def test_whole_numbers_become_floats_where_the_model_makes_them_so(layer, shape, dtype):
    again = type(layer).from_config(layer.get_config())
    off_by_one = isinstance(layer, layers.Resizing)  # where a half is rounded up by one and down by the other
    check_layer(again, shape, dtype=dtype, tolerance=1.0 if off_by_one else 1e-5)


def test_batch_normalization_of_data_far_from_zero_keeps_its_digits():
    model = lamina.Sequential([lamina.Input((3,)), layers.BatchNormalization()])
    model.set_weights([np.ones(3), np.zeros(3), np.full(3, 5000.0), np.ones(3)])
    x = np.random.default_rng(0).normal(5000, 1, (64, 3)).astype("float32")
    session = Session(model)
    assert session.operations == ["Sub", "Mul", "Add"]
    assert_alike(model, session, x)
