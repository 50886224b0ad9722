"""Images: other sizes, and blocks of pixels as channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.export.onnx.graph import Value
from lamina.export.onnx.operations.convolution import channels_back, channels_first
from lamina.export.onnx.operations.pooling import along_axis
from lamina.export.onnx.registry import CannotExport, operation_emitter
from lamina.export.onnx.translation import Translation
from lamina.ops.image._resampling import weights_of


@operation_emitter("resize")
def resize(
    graph: Translation,
    images: Value,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Value:
    """Matrix products with the weights that the model has, which are those of float64; "nearest" takes elements."""
    x = images if interpolation == "nearest" else graph.as_float(images)
    axes = [x.rank - 2, x.rank - 1] if data_format == "channels_first" else [x.rank - 3, x.rank - 2]
    if None in [x.shape[axis] for axis in axes]:
        raise CannotExport("images of a free size cannot be resized to a given one")
    if crop_to_aspect_ratio or pad_to_aspect_ratio:
        x = _in_proportion(graph, x, axes, size, fill_value if pad_to_aspect_ratio else None)
    for axis, count in zip(axes, size, strict=True):
        full: Any = x.shape[axis]
        if full == count:
            continue
        weights = weights_of(full, count, interpolation, antialias)
        x = (
            graph.gather(x, weights.argmax(0), axis)
            if interpolation == "nearest"
            else along_axis(graph, x, weights, axis)
        )
    return to_whole(graph, x, images.dtype)


def to_whole(graph: Translation, x: Value, dtype: str) -> Value:
    """Images in a dtype: for whole numbers rounded, and in its range."""
    if x.dtype == dtype or dtype.startswith("float"):
        return graph.cast(x, dtype)
    limits = np.iinfo(dtype)
    return graph.cast(graph.elementwise("Clip", graph.elementwise("Round", x), limits.min, limits.max), dtype)


def _in_proportion(graph: Translation, x: Value, axes: Sequence[int], size: Sequence[int], fill: float | None) -> Value:
    """The middle of images that has the proportions of a size; or, with something to fill with, what is around them."""
    height, width = (x.shape[axis] for axis in axes)
    wanted = width * size[0] // size[1], height * size[1] // size[0]
    margins = np.zeros((x.rank, 2), np.int64)
    for axis, full, fitting in zip(axes, (height, width), wanted, strict=True):
        if fill is not None:
            margins[axis] = max(fitting - full, 0) // 2
            continue
        count = max(min(full, fitting), 1)
        start = (full - count) // 2
        if count < full:
            x = graph.slice(x, [start], [start + count], [axis])
    if not margins.any():
        return x
    shape = [None if n is None else n + int(sum(m)) for n, m in zip(x.shape, margins, strict=True)]
    return graph.add("Pad", x, margins.T.reshape(-1), graph.constant(fill, x.dtype), shape=shape)


def enlarge(graph: Translation, x: Value, axes: Sequence[int], times: Sequence[int]) -> Value:
    """Repeat each element along some axes."""
    kept = x.dtype if x.dtype in ("float32", "int32", "uint8", "int8") else "float32"
    scales = np.ones(x.rank, np.float32)
    scales[list(axes)] = times
    shape = [None if n is None else int(n * scale) for n, scale in zip(x.shape, scales, strict=True)]
    settings = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return graph.cast(graph.add("Resize", graph.cast(x, kept), None, scales, shape=shape, **settings), x.dtype)


@operation_emitter("depth_to_space")
def depth_to_space(graph: Translation, x: Value, block_size: int, data_format: str = "channels_last") -> Value:
    mode = "CRD" if data_format == "channels_first" else "DCR"
    first = channels_first(graph, x, data_format)
    batch, channels, *space = first.shape
    shape = (batch, channels // block_size**2, *(None if n is None else n * block_size for n in space))
    y = graph.add("DepthToSpace", first, shape=shape, blocksize=block_size, mode=mode)
    return channels_back(graph, y, data_format)


@operation_emitter("space_to_depth")
def space_to_depth(graph: Translation, x: Value, block_size: int, data_format: str = "channels_last") -> Value:
    if data_format == "channels_first":
        raise CannotExport("space_to_depth of channels_first images has no form in ONNX that lamina writes")
    first = channels_first(graph, x, data_format)
    batch, channels, *space = first.shape
    shape = (batch, channels * block_size**2, *(None if n is None else n // block_size for n in space))
    return channels_back(graph, graph.add("SpaceToDepth", first, shape=shape, blocksize=block_size), data_format)
