"""Normalizations: divided by a deviation, a root mean square or a length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.export.onnx.graph import Value, plain
from lamina.export.onnx.operations.activations import all_axes
from lamina.export.onnx.operations.reductions import moments_of
from lamina.export.onnx.registry import CannotExport, operation_emitter
from lamina.export.onnx.translation import Translation

Axes = int | Sequence[int]
_EPSILON = 1e-7  # of the functions of lamina.ops where none is given
_FAR = 30.0  # deviations from zero beyond which a mean is taken off first


def batch_norm(
    graph: Translation, x: Value, axis: int, epsilon: float, scale: Any, shift: Any, mean: Any, variance: Any
) -> Value:
    """scale * (x - mean) / sqrt(variance + epsilon) + shift, along an axis.

    Runtimes compute BatchNormalization as x * a + b, which merges with the convolution before, and where the mean is
    many deviations away from zero loses the digits that a difference taken first keeps.
    """
    scale, shift, mean, variance = (np.asarray(plain(one), np.float32) for one in (scale, shift, mean, variance))
    deviation = np.sqrt(variance + np.float32(epsilon))
    x = graph.as_float(x)
    if np.max(np.abs(mean) / deviation, initial=0) > _FAR:
        along = [-1 if i == axis % x.rank else 1 for i in range(x.rank)]
        centred = graph.elementwise("Sub", x, mean.reshape(along))
        scaled = graph.elementwise("Mul", centred, (scale / deviation).reshape(along))
        return graph.elementwise("Add", scaled, shift.reshape(along))
    names = {"gamma": scale, "beta": shift, "moving_mean": mean, "moving_variance": variance}
    constants = [graph.constant(value, name=name) for name, value in names.items()]
    y = graph.add("BatchNormalization", graph.move_axis(x, axis, 1), *constants, epsilon=epsilon)
    return graph.move_axis(y, 1, axis)


def layer_norm(graph: Translation, x: Value, axes: Sequence[int], epsilon: float, scale: Any, shift: Any) -> Value:
    """scale * (x - mean) / sqrt(variance + epsilon) + shift over some axes; scale, shift: of x's rank, or None."""
    x = graph.as_float(x)
    sizes = [x.shape[axis] for axis in axes]
    if list(axes) == list(range(x.rank - len(axes), x.rank)) and None not in sizes:
        gamma = graph.constant(np.ones(sizes) if scale is None else np.reshape(scale, sizes), name="gamma")
        beta = () if shift is None else (graph.constant(np.reshape(shift, sizes), name="beta"),)
        return graph.add("LayerNormalization", x, gamma, *beta, axis=axes[0], epsilon=epsilon)
    _, centred, variance = moments_of(graph, x, axes)
    y = graph.elementwise("Div", centred, _root(graph, variance, epsilon))
    return affine(graph, y, scale, shift)


def rms_norm(graph: Translation, x: Value, axes: Sequence[int], epsilon: float, scale: Any) -> Value:
    """scale * x / sqrt(mean(x**2) + epsilon) over some axes."""
    x = graph.as_float(x)
    square = graph.reduce("ReduceMean", graph.elementwise("Mul", x, x), axes, True)
    return affine(graph, graph.elementwise("Div", x, _root(graph, square, epsilon)), scale, None)


def affine(graph: Translation, x: Value, scale: Any, shift: Any) -> Value:
    """x * scale + shift, where they are not None."""
    x = x if scale is None else graph.elementwise("Mul", x, np.asarray(scale))
    return x if shift is None else graph.elementwise("Add", x, np.asarray(shift))


def _root(graph: Translation, x: Value, epsilon: float) -> Value:
    return graph.elementwise("Sqrt", graph.elementwise("Add", x, float(epsilon)))


@operation_emitter("batch_normalization")
def batch_normalization(
    graph: Translation,
    x: Value,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
) -> Value:
    if any(isinstance(one, Value) for one in (mean, variance, offset, scale)):
        raise CannotExport("batch_normalization with statistics that the model computes has no form that lamina writes")
    sizes = np.shape(plain(mean))
    scale, offset = (np.ones(sizes) if scale is None else scale), (np.zeros(sizes) if offset is None else offset)
    return batch_norm(graph, x, axis, epsilon, scale, offset, mean, variance)


@operation_emitter("layer_normalization")
def layer_normalization(
    graph: Translation, x: Value, gamma: Any = None, beta: Any = None, axis: Axes = -1, epsilon: float | None = None
) -> Value:
    axes = all_axes(x, axis)
    scale, shift = (_along(x, axes, one) for one in (gamma, beta))
    return layer_norm(graph, x, axes, _EPSILON if epsilon is None else epsilon, scale, shift)


@operation_emitter("rms_normalization")
def rms_normalization(
    graph: Translation, x: Value, scale: Any = None, axis: Axes = -1, epsilon: float | None = None
) -> Value:
    axes = all_axes(x, axis)
    return rms_norm(graph, x, axes, _EPSILON if epsilon is None else epsilon, None if scale is None else _array(scale))


@operation_emitter("normalize")
def normalize(
    graph: Translation, x: Value, axis: Axes | None = -1, order: int = 2, epsilon: float | None = None
) -> Value:
    if order not in (1, 2):
        raise CannotExport(f"lamina.ops.normalize of order {order} has no form in ONNX that lamina writes")
    x = graph.as_float(x)
    norm = graph.reduce(f"ReduceL{order}", x, all_axes(x, axis), True)
    return graph.elementwise("Div", x, graph.elementwise("Max", norm, _EPSILON if epsilon is None else epsilon))


def _along(x: Value, axes: Sequence[int], vector: Any) -> Any:
    """A weight as an array of x's rank, with sizes along the axes."""
    if vector is None:
        return None
    array = _array(vector)
    return array if array.ndim == x.rank else array.reshape([x.shape[i] if i in axes else 1 for i in range(x.rank)])


def _array(x: Any) -> Any:
    if isinstance(x, Value):
        raise CannotExport("a scale or shift that the model computes has no form in ONNX that lamina writes")
    return np.asarray(plain(x))
