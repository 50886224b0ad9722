"""Normalization layers, as they are outside of training."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.export.onnx.graph import Value
from lamina.export.onnx.operations.normalization import affine, batch_norm, layer_norm, rms_norm
from lamina.export.onnx.operations.reductions import moments_of
from lamina.export.onnx.registry import layer_emitter
from lamina.export.onnx.translation import Translation
from lamina.layers import (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from lamina.layers.normalization._axes import spread, weight_axes


@layer_emitter(BatchNormalization, mask=True)
def batch_normalization(graph: Translation, layer: BatchNormalization, x: Value, mask: Any = None) -> Value:
    """By the moving statistics, whatever a mask leaves out of those of a batch."""
    channels = layer.moving_mean.shape
    scale = np.ones(channels) if layer.gamma is None else layer.gamma
    shift = np.zeros(channels) if layer.beta is None else layer.beta
    return batch_norm(graph, x, layer.axis, layer.epsilon, scale, shift, layer.moving_mean, layer.moving_variance)


@layer_emitter(LayerNormalization)
def layer_normalization(graph: Translation, layer: LayerNormalization, x: Value) -> Value:
    axes = sorted(axis % x.rank for axis in weight_axes(layer.axis))
    scale, shift = (_spread(layer, weight, x) for weight in (layer.gamma, layer.beta))
    if not layer.rms_scaling:
        return layer_norm(graph, x, axes, layer.epsilon, scale, shift)
    x = graph.as_float(x)
    variance = moments_of(graph, x, axes)[2]
    root = graph.elementwise("Sqrt", graph.elementwise("Add", variance, layer.epsilon))
    return affine(graph, graph.elementwise("Div", x, root), scale, None)


@layer_emitter(RMSNormalization)
def rms_normalization(graph: Translation, layer: RMSNormalization, x: Value) -> Value:
    return rms_norm(graph, x, weight_axes(layer.axis), layer.epsilon, _spread(layer, layer.scale, x))


@layer_emitter(GroupNormalization)
def group_normalization(graph: Translation, layer: GroupNormalization, x: Value) -> Value:
    """Each group as a channel of its own, which ONNX' InstanceNormalization normalizes."""
    first = graph.move_axis(graph.as_float(x), layer.axis, 1)
    channels: Any = first.shape[1]
    groups = channels if layer.groups == -1 else layer.groups
    rows = graph.reshape(first, [0, groups, -1])
    ones, zeros = np.ones(groups, np.float32), np.zeros(groups, np.float32)
    rows = graph.add("InstanceNormalization", rows, ones, zeros, epsilon=layer.epsilon)
    y = graph.move_axis(graph.reshape_like(rows, first), 1, layer.axis)
    return affine(graph, y, _spread(layer, layer.gamma, x), _spread(layer, layer.beta, x))


@layer_emitter(UnitNormalization)
def unit_normalization(graph: Translation, layer: UnitNormalization, x: Value) -> Value:
    x = graph.as_float(x)
    square = graph.reduce("ReduceSumSquare", x, weight_axes(layer.axis), True)
    return graph.elementwise("Div", x, graph.elementwise("Sqrt", graph.elementwise("Max", square, 1e-24)))


def _spread(layer: Any, weight: Any, x: Value) -> Any:
    """A weight as an array of x's rank, its sizes on the layer's axes."""
    return None if weight is None else np.asarray(spread(weight, layer.axis, x.rank))
