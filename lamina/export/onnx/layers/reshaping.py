"""Layers that change the shape, repeat, cut and pad: no number changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.export.onnx.graph import Value
from lamina.export.onnx.operations.images import enlarge
from lamina.export.onnx.operations.pooling import along_axis
from lamina.export.onnx.registry import CannotExport, layer_emitter
from lamina.export.onnx.translation import Translation
from lamina.layers import (
    Cropping1D,
    Cropping2D,
    Cropping3D,
    Flatten,
    Masking,
    Permute,
    RepeatVector,
    Reshape,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
)
from lamina.ops.image._resampling import weights_of


@layer_emitter(Flatten)
def flatten(graph: Translation, layer: Flatten, x: Value) -> Value:
    if layer.data_format == "channels_first" and x.rank > 1:
        x = graph.move_axis(x, 1, -1)
    return graph.add("Flatten", x, shape=graph.expected.shape, axis=1)


@layer_emitter(Reshape)
def reshape(graph: Translation, layer: Reshape, x: Value) -> Value:
    return graph.reshape(x, [0, *layer.target_shape])


@layer_emitter(Permute)
def permute(graph: Translation, layer: Permute, x: Value) -> Value:
    return graph.transpose(x, (0, *layer.dims))


@layer_emitter(RepeatVector)
def repeat_vector(graph: Translation, layer: RepeatVector, x: Value) -> Value:
    row = graph.expand_dims(x, [1])
    return graph.add("Expand", row, np.array([1, layer.n, 1], np.int64), shape=(x.shape[0], layer.n, x.shape[1]))


@layer_emitter(ZeroPadding1D, ZeroPadding2D, ZeroPadding3D)
def zero_padding(graph: Translation, layer: Any, x: Value) -> Value:
    widths = np.zeros((x.rank, 2), np.int64)
    widths[list(layer._axes)] = layer._pairs
    return graph.add("Pad", x, widths.T.reshape(-1), graph.constant(0, x.dtype), shape=graph.expected.shape)


@layer_emitter(Cropping1D, Cropping2D, Cropping3D)
def cropping(graph: Translation, layer: Any, x: Value) -> Value:
    starts, ends = zip(*((before, -after or None) for before, after in layer._pairs), strict=True)
    return graph.slice(x, starts, ends, layer._axes)


@layer_emitter(UpSampling1D, UpSampling3D)
def up_sampling(graph: Translation, layer: Any, x: Value) -> Value:
    return enlarge(graph, x, layer._axes, layer._factors)


@layer_emitter(UpSampling2D)
def up_sampling_2d(graph: Translation, layer: UpSampling2D, x: Value) -> Value:
    if layer.interpolation == "nearest":
        return up_sampling(graph, layer, x)
    y = graph.as_float(x)
    for axis, times in zip(layer._axes, layer.size, strict=True):
        size = x.shape[axis]
        if size is None:
            raise CannotExport(f'interpolation="{layer.interpolation}" along a free axis has no form in ONNX')
        y = along_axis(graph, y, weights_of(size, size * times, layer.interpolation, False), axis)
    return y if x.dtype == "float32" else graph.cast(graph.elementwise("Round", y), x.dtype)


@layer_emitter(Masking)
def masking(graph: Translation, layer: Masking, x: Value) -> Value:
    """The steps in which any feature differs from the value are the mask; the others become 0."""
    value = np.broadcast_to(
        np.asarray(layer.mask_value, x.dtype if x.dtype.startswith("float") else None), x.shape[-1:]
    )
    absent = graph.elementwise("Equal", graph.as_float(x), value.astype(np.float32), dtype="bool")
    if value.dtype.kind == "f" and np.isnan(value).any():
        nan = graph.elementwise("IsNaN", graph.as_float(x), dtype="bool")
        absent = graph.elementwise("Or", absent, graph.elementwise("And", nan, np.isnan(value)))
    steps = graph.reduce("ReduceMin", graph.cast(absent, "int32"), [-1])
    mask = graph.elementwise("Not", graph.cast(steps, "bool"))
    y = graph.where(graph.expand_dims(mask, [-1]), x, 0)
    graph.masks[y.name] = mask
    return y
