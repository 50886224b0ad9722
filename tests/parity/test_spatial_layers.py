"""Up-sampling, zero padding and cropping against the real Keras (3.15, JAX): outputs, gradients, configs, shapes."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from lamina.core.symbolic import KerasTensor  # noqa: E402
from lamina.layers import spatial  # noqa: E402
from tests.parity.side_by_side import assert_same, compare, compare_configs, some  # noqa: E402

FIRST = {"data_format": "channels_first"}
SHAPES = {"1": (2, 5, 3), "2": (2, 4, 5, 3), "3": (2, 3, 5, 4, 3)}
CASES = [
    ("UpSampling1D", {}),
    ("UpSampling1D", {"size": 3}),
    ("UpSampling2D", {}),
    ("UpSampling2D", {"size": [1, 3], **FIRST}),
    ("UpSampling2D", {"size": 2, "interpolation": "bilinear"}),
    ("UpSampling2D", {"size": (2, 3), "interpolation": "bicubic", **FIRST}),
    ("UpSampling2D", {"size": (3, 1), "interpolation": "lanczos3"}),
    ("UpSampling2D", {"size": 2, "interpolation": "LANCZOS5"}),
    ("UpSampling3D", {}),
    ("UpSampling3D", {"size": (1, 2, 3), **FIRST}),
    ("ZeroPadding1D", {}),
    ("ZeroPadding1D", {"padding": [0, 2], **FIRST}),
    ("ZeroPadding2D", {}),
    ("ZeroPadding2D", {"padding": 2}),
    ("ZeroPadding2D", {"padding": [1, [0, 2]], **FIRST}),
    ("ZeroPadding3D", {}),
    ("ZeroPadding3D", {"padding": (1, (2, 0), 3), **FIRST}),
    ("Cropping1D", {}),
    ("Cropping1D", {"cropping": (0, 2)}),
    ("Cropping2D", {}),
    ("Cropping2D", {"cropping": 1, "data_format": "channels_last"}),
    ("Cropping2D", {"cropping": [[1, 0], 2], **FIRST}),
    ("Cropping3D", {}),
    ("Cropping3D", {"cropping": (1, (2, 0), 0), **FIRST}),
]
NAMES = list(dict.fromkeys(name for name, _ in CASES))
every_case = pytest.mark.parametrize(("name", "settings"), CASES, ids=lambda x: str(x).replace(" ", ""))


def pair(name, **settings):
    return getattr(spatial, name)(name="it", **settings), getattr(keras.layers, name)(name="it", **settings)


def shape_of(name, settings):
    batch, *space, channels = SHAPES[name[-2]]
    return (batch, channels, *space) if settings.get("data_format") == "channels_first" else (batch, *space, channels)


@every_case
def test_outputs_gradients_and_configs(name, settings):
    ours, theirs = pair(name, **settings)
    compare(ours, theirs, some(*shape_of(name, settings)), rtol=3e-6 if "interpolation" in settings else 1e-6)
    compare_configs(ours, theirs)


@every_case
def test_output_shapes_with_free_axes(name, settings):
    ours, theirs = pair(name, **settings)
    shape = shape_of(name, settings)
    channels = 1 if settings.get("data_format") == "channels_first" else len(shape) - 1
    free_space = [n if axis == channels else None for axis, n in enumerate(shape)]
    for free in (shape, (None, *shape[1:]), tuple(free_space), (*shape[:2], None, *shape[3:])):
        expected = tuple(theirs.compute_output_shape(free))
        assert ours.compute_output_shape(free) == expected
        assert ours(KerasTensor(free, "float32")).shape == expected


@pytest.mark.parametrize("name", NAMES)
def test_signatures_and_automatic_names(name):
    def arguments(layer):
        return [(p.name, p.default) for p in inspect.signature(layer).parameters.values() if p.name != "kwargs"]

    ours, theirs = getattr(spatial, name), getattr(keras.layers, name)
    assert arguments(ours) == arguments(theirs)
    keras.backend.clear_session()
    assert ours().name == theirs().name


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bool"])
@pytest.mark.parametrize(
    ("name", "settings"),
    [("UpSampling2D", {}), ("UpSampling2D", {"interpolation": "bicubic"}), ("ZeroPadding2D", {}), ("Cropping2D", {})],
)
def test_whole_numbers(name, settings, dtype):
    x = np.random.default_rng(0).integers(0, 200, (2, 5, 4, 3)).astype(dtype)
    ours, theirs = pair(name, **settings)
    rounded = dtype == "bool" and settings  # Keras makes True of all that is above 0 between two truth values
    expected = np.asarray(theirs(x.astype("uint8"))).astype(bool) if rounded else theirs(x)
    assert_same(ours(x), expected)
    assert ours(KerasTensor((None, 5, 4, 3), dtype)).dtype == dtype


@pytest.mark.parametrize("policy", ["bfloat16", "float16", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(("name", "settings"), [("UpSampling2D", {"interpolation": "bilinear"}), ("ZeroPadding2D", {})])
def test_sixteen_bits(name, settings, policy):
    ours, theirs = pair(name, dtype=policy, **settings)
    x = some(2, 5, 4, 3)
    # Keras interpolates in 16 bits, lamina in 32.
    assert_same(ours(x), theirs(x), rtol=(2**-7 if "bfloat16" in policy else 2**-10) if settings else 1e-6)
    assert ours(KerasTensor((None, 5, 4, 3), "float32")).dtype == policy.removeprefix("mixed_")
    compare_configs(ours, theirs)
