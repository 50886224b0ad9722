"""Activations: the functions of `lamina.ops.nn` that work element by element or along an axis."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.export.onnx.graph import Value
from lamina.export.onnx.operations.arithmetic import result_dtype
from lamina.export.onnx.registry import operation_emitter
from lamina.export.onnx.translation import Translation

_PLAIN: dict[str, tuple[str, dict[str, Any]]] = {  # ONNX' names and the settings that stay the same
    "sigmoid": ("Sigmoid", {}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "hard_silu": ("HardSwish", {}),
    "softplus": ("Softplus", {}),
    "softsign": ("Softsign", {}),
    "selu": ("Selu", {}),
}
_WITH_ALPHA = {"leaky_relu": "LeakyRelu", "elu": "Elu", "celu": "Celu"}
_DEFAULT_ALPHA = {"leaky_relu": 0.2}
_CLIPPED = {"relu6": (0.0, 6.0), "hard_tanh": (-1.0, 1.0)}


def _plain(name: str, settings: dict[str, Any], graph: Translation, x: Value) -> Value:
    return graph.elementwise(name, graph.as_float(x), **settings)


def _with_alpha(name: str, default: float, graph: Translation, x: Value, alpha: float = 1.0) -> Value:
    return graph.elementwise(name, graph.as_float(x), alpha=float(alpha))


def _clipped(limits: tuple[float, float], graph: Translation, x: Value) -> Value:
    return graph.elementwise("Clip", graph.cast(x, result_dtype(graph)), *limits)


for _name, (_operation, _settings) in _PLAIN.items():
    operation_emitter(_name)(functools.partial(_plain, _operation, _settings))
for _name, _operation in _WITH_ALPHA.items():
    operation_emitter(_name)(functools.partial(_with_alpha, _operation, _DEFAULT_ALPHA.get(_name, 1.0)))
for _name, _limits in _CLIPPED.items():
    operation_emitter(_name)(functools.partial(_clipped, _limits))


@operation_emitter("relu")
def relu(graph: Translation, x: Value) -> Value:
    return graph.elementwise("Relu", graph.cast(x, result_dtype(graph)))


@operation_emitter("bent_relu")
def bent_relu(graph: Translation, x: Value, negative_slope: float, max_value: float | None, threshold: float) -> Value:
    x = graph.as_float(x)
    upper = graph.elementwise("Relu", x)
    if threshold != 0:
        upper = graph.where(graph.elementwise("Greater", x, float(threshold), dtype="bool"), x, 0.0)
    if max_value is not None:
        upper = graph.elementwise("Clip", upper, 0.0, float(max_value))
    if negative_slope == 0:
        return upper
    below = graph.elementwise("Relu", graph.elementwise("Sub", graph.constant(float(threshold)), x))
    return graph.elementwise("Sub", upper, graph.elementwise("Mul", below, float(negative_slope)))


@operation_emitter("gelu")
def gelu(graph: Translation, x: Value, approximate: bool = True) -> Value:
    x = graph.as_float(x)
    if approximate:
        near = graph.elementwise("Clip", x, -10.0, 10.0)  # as the model does: tanh is +-1 beyond
        cube = graph.elementwise("Mul", graph.elementwise("Mul", near, near), near)
        inner = graph.elementwise("Add", near, graph.elementwise("Mul", cube, 0.044715))
        curve = graph.elementwise("Tanh", graph.elementwise("Mul", inner, math.sqrt(2 / math.pi)))
    else:
        curve = graph.elementwise("Erf", graph.elementwise("Mul", x, math.sqrt(0.5)))
    return graph.elementwise("Mul", graph.elementwise("Mul", x, 0.5), graph.elementwise("Add", curve, 1.0))


@operation_emitter("silu")
def silu(graph: Translation, x: Value) -> Value:
    x = graph.as_float(x)
    return graph.elementwise("Mul", x, graph.elementwise("Sigmoid", x))


@operation_emitter("glu")
def glu(graph: Translation, x: Value, axis: int = -1) -> Value:
    x, axis = graph.as_float(x), axis % x.rank
    half = x.shape[axis] // 2
    first, second = graph.slice(x, [0], [half], [axis]), graph.slice(x, [half], [None], [axis])
    return graph.elementwise("Mul", first, graph.elementwise("Sigmoid", second))


@operation_emitter("log_sigmoid")
def log_sigmoid(graph: Translation, x: Value) -> Value:
    minus = graph.elementwise("Neg", graph.as_float(x))
    return graph.elementwise("Neg", graph.elementwise("Softplus", minus))


@operation_emitter("sparse_sigmoid")
def sparse_sigmoid(graph: Translation, x: Value) -> Value:
    middle = graph.elementwise("Mul", graph.elementwise("Add", graph.as_float(x), 1.0), 0.5)
    return graph.elementwise("Clip", middle, 0.0, 1.0)


@operation_emitter("tanh_shrink")
def tanh_shrink(graph: Translation, x: Value) -> Value:
    x = graph.as_float(x)
    return graph.elementwise("Sub", x, graph.elementwise("Tanh", x))


@operation_emitter("squareplus")
def squareplus(graph: Translation, x: Value, b: float = 4) -> Value:
    """max(x, 0) + (b / 2) / (|x| + sqrt(x**2 + b)), as the model computes it: nothing cancels."""
    x = graph.as_float(x)
    size = graph.elementwise("Abs", x)
    root = graph.elementwise("Sqrt", graph.elementwise("Add", graph.elementwise("Mul", x, x), float(b)))
    bend = graph.elementwise("Div", graph.constant(0.5 * b), graph.elementwise("Add", size, root))
    return graph.elementwise("Add", graph.elementwise("Relu", x), bend)


@operation_emitter("sparse_plus")
def sparse_plus(graph: Translation, x: Value) -> Value:
    """Between -1 and 1 the square of (x + 1) / 2, and above what x exceeds 1 by."""
    x = graph.as_float(x)
    middle = sparse_sigmoid(graph, x)
    above = graph.elementwise("Relu", graph.elementwise("Sub", x, 1.0))
    return graph.elementwise("Add", graph.elementwise("Mul", middle, middle), above)


@operation_emitter("soft_shrink")
def soft_shrink(graph: Translation, x: Value, threshold: float = 0.5) -> Value:
    return graph.elementwise("Shrink", graph.as_float(x), lambd=float(threshold), bias=float(threshold))


@operation_emitter("hard_shrink")
def hard_shrink(graph: Translation, x: Value, threshold: float = 0.5) -> Value:
    return graph.elementwise("Shrink", graph.as_float(x), lambd=float(threshold), bias=0.0)


@operation_emitter("threshold")
def threshold_(graph: Translation, x: Value, threshold: float, default_value: float) -> Value:
    x = graph.as_float(x)
    return graph.where(graph.elementwise("Greater", x, float(threshold), dtype="bool"), x, float(default_value))


@operation_emitter("softmax")
def softmax(graph: Translation, x: Value, axis: int | Sequence[int] | None = -1) -> Value:
    x, axes = graph.as_float(x), all_axes(x, axis)
    if len(axes) == 1:
        return graph.add("Softmax", x, axis=axes[0])
    shares = graph.elementwise("Exp", graph.elementwise("Sub", x, graph.reduce("ReduceMax", x, axes, True)))
    return graph.elementwise("Div", shares, graph.reduce("ReduceSum", shares, axes, True))


@operation_emitter("log_softmax")
def log_softmax(graph: Translation, x: Value, axis: int | Sequence[int] | None = -1) -> Value:
    x, axes = graph.as_float(x), all_axes(x, axis)
    if len(axes) == 1:
        return graph.add("LogSoftmax", x, axis=axes[0])
    low = graph.elementwise("Sub", x, graph.reduce("ReduceMax", x, axes, True))
    total = graph.reduce("ReduceSum", graph.elementwise("Exp", low), axes, True)
    return graph.elementwise("Sub", low, graph.elementwise("Log", total))


@operation_emitter("sparsemax")
def sparsemax(graph: Translation, x: Value, axis: int = -1) -> Value:
    """The largest entries stay; tau is what makes them sum to one (see `lamina.ops.sparsemax`)."""
    x, axis = graph.as_float(x), axis % x.rank
    size: Any = x.shape[axis]
    z = graph.elementwise("Sub", x, graph.reduce("ReduceMax", x, [axis], True))
    specs = [(x.shape, "float32"), (x.shape, "int64")]
    ranked, _ = graph.add_many("TopK", z, np.array([size], np.int64), specs=specs, axis=axis)
    rank = np.arange(1, size + 1, dtype=np.float32).reshape([-1 if i == axis else 1 for i in range(x.rank)])
    sums = graph.add("CumSum", ranked, np.array(axis, np.int64))
    margin = graph.elementwise("Sub", graph.elementwise("Add", graph.elementwise("Mul", ranked, rank), 1.0), sums)
    stays = graph.cast(graph.elementwise("Greater", margin, 0.0, dtype="bool"), "float32")
    total = graph.reduce("ReduceSum", graph.elementwise("Mul", ranked, stays), [axis], True)
    count = graph.reduce("ReduceSum", stays, [axis], True)
    tau = graph.elementwise("Div", graph.elementwise("Sub", total, 1.0), count)
    return graph.elementwise("Relu", graph.elementwise("Sub", z, tau))


def all_axes(x: Value, axis: int | Sequence[int] | None) -> list[int]:
    """The axes as numbers >= 0 in order; None is all of them."""
    axes = range(x.rank) if axis is None else [axis] if isinstance(axis, int) else axis
    return sorted(one % x.rank for one in axes)
