"""Reductions: sums, means, extremes, and where they are."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.export.onnx.graph import Value
from lamina.export.onnx.operations.activations import all_axes
from lamina.export.onnx.operations.arithmetic import result_dtype
from lamina.export.onnx.operations.comparisons import not_equal
from lamina.export.onnx.registry import CannotExport, operation_emitter
from lamina.export.onnx.translation import Translation

Axis = int | Sequence[int] | None
_PLAIN = {"sum": "ReduceSum", "prod": "ReduceProd", "mean": "ReduceMean"}
_EXTREMES = {"max": ("ReduceMax", "Max"), "min": ("ReduceMin", "Min")}
_TRUTH = {"all": "ReduceMin", "any": "ReduceMax"}


def _reduce(name: str, graph: Translation, x: Value, axis: Axis = None, keepdims: bool = False, *_: Any) -> Value:
    return graph.reduce(name, graph.cast(x, result_dtype(graph)), all_axes(x, axis), keepdims)


def _extreme(
    names: tuple[str, str], graph: Translation, x: Value, axis: Axis = None, keepdims: bool = False, initial: Any = None
) -> Value:
    result = graph.reduce(names[0], x, all_axes(x, axis), keepdims)
    return result if initial is None else graph.elementwise(names[1], result, np.asarray(initial))


def _truth(name: str, graph: Translation, x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    number = graph.cast(graph.cast(x, "bool"), "int32")
    return graph.cast(graph.reduce(name, number, all_axes(x, axis), keepdims), "bool")


for _name, _operation in _PLAIN.items():
    operation_emitter(_name)(functools.partial(_reduce, _operation))
for _name, _operations in _EXTREMES.items():
    operation_emitter(_name, f"a{_name}")(functools.partial(_extreme, _operations))
for _name, _operation in _TRUTH.items():
    operation_emitter(_name)(functools.partial(_truth, _operation))


def moments_of(graph: Translation, x: Value, axes: Sequence[int]) -> tuple[Value, Value, Value]:
    """Mean, x - mean, and variance over some axes, which stay with size 1."""
    mean = graph.reduce("ReduceMean", x, axes, True)
    centred = graph.elementwise("Sub", x, mean)
    return mean, centred, graph.reduce("ReduceMean", graph.elementwise("Mul", centred, centred), axes, True)


@operation_emitter("var")
def var(graph: Translation, x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    axes = all_axes(x, axis)
    variance = moments_of(graph, graph.as_float(x), axes)[2]
    return variance if keepdims else graph.squeeze(variance, axes)


@operation_emitter("std")
def std(graph: Translation, x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    return graph.elementwise("Sqrt", var(graph, x, axis, keepdims))


@operation_emitter("moments")
def moments(graph: Translation, x: Value, axes: Axis, keepdims: bool = False, *_: Any) -> tuple[Value, Value]:
    over = all_axes(x, axes)
    mean, _centred, variance = moments_of(graph, graph.as_float(x), over)
    return (mean, variance) if keepdims else (graph.squeeze(mean, over), graph.squeeze(variance, over))


@operation_emitter("average")
def average(graph: Translation, x: Value, axis: Axis = None, weights: Any = None) -> Value:
    if weights is not None:
        raise CannotExport("lamina.ops.average with weights has no form in ONNX that lamina writes")
    return _reduce("ReduceMean", graph, x, axis)


@operation_emitter("logsumexp")
def logsumexp(graph: Translation, x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    return graph.reduce("ReduceLogSumExp", graph.as_float(x), all_axes(x, axis), keepdims)


@operation_emitter("count_nonzero")
def count_nonzero(graph: Translation, x: Value, axis: Axis = None) -> Value:
    return graph.reduce("ReduceSum", graph.cast(not_equal(graph, x, 0), "int32"), all_axes(x, axis))


@operation_emitter("norm")
def norm(graph: Translation, x: Value, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Value:
    if ord not in (None, 2) or (ord == 2 and len(all_axes(x, axis)) > 1):
        raise CannotExport(f"lamina.ops.norm with ord={ord!r} has no form in ONNX that lamina writes")
    return graph.reduce("ReduceL2", graph.as_float(x), all_axes(x, axis), keepdims)


def _place(name: str, graph: Translation, x: Value, axis: int | None = None, keepdims: bool = False) -> Value:
    if axis is None and keepdims:
        raise CannotExport("a place in the flattened array with keepdims has no form in ONNX that lamina writes")
    flat = graph.reshape(x, [-1]) if axis is None else x
    axis = 0 if axis is None else axis % x.rank
    shape = [1 if i == axis else n for i, n in enumerate(flat.shape) if keepdims or i != axis]
    return graph.add(name, flat, shape=shape, dtype="int64", axis=axis, keepdims=int(keepdims))


for _name, _operation in {"argmax": "ArgMax", "argmin": "ArgMin"}.items():
    operation_emitter(_name)(functools.partial(_place, _operation))


@operation_emitter("cumsum")
def cumsum(graph: Translation, x: Value, axis: int | None = None, dtype: Any = None) -> Value:
    x = graph.cast(x, result_dtype(graph))
    flat = graph.reshape(x, [-1]) if axis is None else x
    return graph.add("CumSum", flat, np.array(0 if axis is None else axis % x.rank, np.int64))


@operation_emitter("top_k")
def top_k(graph: Translation, x: Value, k: int, sorted: bool = True) -> list[Value]:
    specs = [((*x.shape[:-1], k), x.dtype), ((*x.shape[:-1], k), "int64")]
    return graph.add_many("TopK", x, np.array([k], np.int64), specs=specs, axis=-1)
