"""Convolution layers: one node each, the bias in it."""

from __future__ import annotations

from typing import Any

from lamina.export.onnx.graph import Value
from lamina.export.onnx.operations.convolution import (
    Windows,
    convolution,
    depthwise_convolution,
    transposed_convolution,
)
from lamina.export.onnx.registry import layer_emitter
from lamina.export.onnx.translation import Translation
from lamina.layers import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)


def _windows(layer: Any) -> Windows:
    return Windows(layer.strides, layer.padding, layer.dilation_rate)


@layer_emitter(Conv1D, Conv2D, Conv3D)
def conv(graph: Translation, layer: Any, x: Value) -> Value:
    y = convolution(graph, x, layer.kernel, layer.bias, _windows(layer), layer.data_format, layer.groups)
    return graph.apply(layer.activation, y)


@layer_emitter(DepthwiseConv1D, DepthwiseConv2D)
def depthwise_conv(graph: Translation, layer: Any, x: Value) -> Value:
    y = depthwise_convolution(graph, x, layer.kernel, layer.bias, _windows(layer), layer.data_format)
    return graph.apply(layer.activation, y)


@layer_emitter(SeparableConv1D, SeparableConv2D)
def separable_conv(graph: Translation, layer: Any, x: Value) -> Value:
    spread = depthwise_convolution(graph, x, layer.depthwise_kernel, None, _windows(layer), layer.data_format)
    ones = (1,) * layer.rank
    y = convolution(graph, spread, layer.pointwise_kernel, layer.bias, Windows(ones, "valid", ones), layer.data_format)
    return graph.apply(layer.activation, y)


@layer_emitter(Conv1DTranspose, Conv2DTranspose, Conv3DTranspose)
def conv_transpose(graph: Translation, layer: Any, x: Value) -> Value:
    y = transposed_convolution(
        graph, x, layer.kernel, layer.bias, _windows(layer), layer.output_padding, layer.data_format
    )
    return graph.apply(layer.activation, y)
