"""Global and depth-wise pooling; the other pooling layers are written by the operations that they call."""

from __future__ import annotations

from typing import Any

from lamina.export.onnx.graph import Value
from lamina.export.onnx.registry import layer_emitter
from lamina.export.onnx.translation import Translation
from lamina.layers import (
    DepthMaxPooling,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)


@layer_emitter(GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D)
def global_max_pooling(graph: Translation, layer: Any, x: Value) -> Value:
    return graph.reduce("ReduceMax", x, layer._axes, layer.keepdims)


@layer_emitter(GlobalAveragePooling2D, GlobalAveragePooling3D)
def global_average_pooling(graph: Translation, layer: Any, x: Value) -> Value:
    return graph.reduce("ReduceMean", graph.as_float(x), layer._axes, layer.keepdims)


@layer_emitter(GlobalAveragePooling1D, mask=True)
def global_average_pooling_1d(graph: Translation, layer: GlobalAveragePooling1D, x: Value, mask: Any = None) -> Value:
    """The mean of the steps that count, 0 where none does."""
    if mask is None:
        return global_average_pooling(graph, layer, x)
    (steps,) = layer._axes
    counted = graph.as_float(graph.expand_dims(mask, [3 - steps]))  # 3 - steps is the channel axis
    number = graph.elementwise("Max", graph.reduce("ReduceSum", counted, [steps], layer.keepdims), 1.0)
    # A step that does not count may hold NaN, which a product with 0 would keep.
    kept = graph.where(graph.cast(counted, "bool"), graph.as_float(x), 0.0)
    return graph.elementwise("Div", graph.reduce("ReduceSum", kept, [steps], layer.keepdims), number)


@layer_emitter(DepthMaxPooling)
def depth_max_pooling(graph: Translation, layer: DepthMaxPooling, x: Value) -> Value:
    """The channels as the last axis, in groups."""
    axis = 1 if layer.data_format == "channels_first" else -1
    last = graph.move_axis(x, axis, -1)
    channels: Any = last.shape[-1]
    groups = graph.reshape(last, [*[0] * (x.rank - 1), channels // layer.pool_size, layer.pool_size])
    return graph.move_axis(graph.reduce("ReduceMax", groups, [-1]), -1, axis)
