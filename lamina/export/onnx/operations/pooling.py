"""Pooling: the largest value or the mean of windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.export.onnx.graph import Value
from lamina.export.onnx.operations.convolution import (
    channels_back,
    channels_first,
    counts,
    margins,
    windows_of,
)
from lamina.export.onnx.registry import CannotExport, operation_emitter
from lamina.export.onnx.translation import Translation
from lamina.ops.nn._windows import per_axis, spatial_axes
from lamina.ops.nn.pooling import spans


@operation_emitter("max_pool")
def max_pool(
    graph: Translation,
    inputs: Value,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Value:
    if not inputs.dtype.startswith("float"):  # runtimes pool few whole-number types; these floats hold them exactly
        inputs = graph.cast(inputs, "float32" if np.dtype(inputs.dtype).itemsize < 4 else "float64")
    return _pool(graph, "MaxPool", inputs, pool_size, strides, padding, data_format)


@operation_emitter("average_pool")
def average_pool(
    graph: Translation,
    inputs: Value,
    pool_size: Any,
    strides: Any = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Value:
    inputs = graph.as_float(inputs)
    return _pool(graph, "AveragePool", inputs, pool_size, strides, padding, data_format, count_include_pad=0)


def _pool(
    graph: Translation,
    operation: str,
    x: Value,
    pool_size: Any,
    strides: Any,
    padding: str,
    data_format: str | None,
    **attributes: Any,
) -> Value:
    x = channels_first(graph, x, data_format)
    sizes = per_axis(pool_size, x.rank - 2, "pool_size", "export")
    windows = windows_of(x, sizes if strides is None else strides, padding)
    y = graph.add(
        operation,
        x,
        shape=(*x.shape[:2], *counts(x.shape[2:], sizes, windows)),
        kernel_shape=list(sizes),
        strides=list(windows.strides),
        **margins(x.shape[2:], sizes, windows),
        **attributes,
    )
    return channels_back(graph, y, data_format)


@operation_emitter("adaptive_max_pool")
def adaptive_max_pool(graph: Translation, inputs: Value, output_size: Any, data_format: str | None = None) -> Value:
    """Of each window, shorter ones with their last element repeated, the largest."""
    x = inputs
    for axis, (starts, ends) in _adapted(inputs, output_size, data_format):
        steps = np.arange((ends - starts).max())
        x = graph.reduce("ReduceMax", graph.gather(x, np.minimum(starts + steps, ends - 1), axis), [axis + 1])
    return x


@operation_emitter("adaptive_average_pool")
def adaptive_average_pool(graph: Translation, inputs: Value, output_size: Any, data_format: str | None = None) -> Value:
    """Matrix products with the share that each element has in each mean."""
    x = graph.as_float(inputs)
    for axis, (starts, ends) in _adapted(inputs, output_size, data_format):
        places = np.arange(ends.max())
        shares = ((places >= starts) & (places < ends)) / (ends - starts)  # (outputs, inputs)
        x = along_axis(graph, x, shares.T, axis)
    return x


def along_axis(graph: Translation, x: Value, weights: np.ndarray, axis: int) -> Value:
    """Return y[j] = sum over i of weights[i, j] * x[i] along an axis."""
    return graph.move_axis(graph.matmul(graph.move_axis(x, axis, -1), weights), -1, axis)


def _adapted(x: Value, output_size: Any, data_format: str | None) -> Sequence[tuple[int, Any]]:
    """For each spatial axis, where its windows start and end."""
    rank = x.rank - 2
    axes = spatial_axes(rank, data_format or "channels_last")
    sizes = [x.shape[axis] for axis in axes]
    if None in sizes:
        raise CannotExport("windows that are spread over a free axis have no form in ONNX")
    wanted = per_axis(output_size, rank, "output_size", "export")
    return [(axis, spans(size, count)) for axis, size, count in zip(axes, sizes, wanted, strict=True)]
