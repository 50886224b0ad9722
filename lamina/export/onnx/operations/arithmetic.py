"""Arithmetic, element by element: sums, products, powers, roots, logarithms, angles, rounding."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from lamina.export.onnx.graph import Value, in_file
from lamina.export.onnx.registry import operation_emitter
from lamina.export.onnx.translation import Translation

_UNARY = {
    "absolute": "Abs",
    "fabs": "Abs",
    "negative": "Neg",
    "sign": "Sign",
    "reciprocal": "Reciprocal",
    "sqrt": "Sqrt",
    "exp": "Exp",
    "log": "Log",
    "erf": "Erf",
    "floor": "Floor",
    "ceil": "Ceil",
    "sin": "Sin",
    "cos": "Cos",
    "tan": "Tan",
    "arcsin": "Asin",
    "arccos": "Acos",
    "arctan": "Atan",
    "sinh": "Sinh",
    "cosh": "Cosh",
    "tanh": "Tanh",
    "arcsinh": "Asinh",
    "arccosh": "Acosh",
    "arctanh": "Atanh",
}
_BINARY = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "true_divide": "Div",
    "power": "Pow",
    "maximum": "Max",
    "minimum": "Min",
}
_SCALED = {"deg2rad": math.pi / 180, "rad2deg": 180 / math.pi}
_LOGARITHMS = {"log2": math.log(2), "log10": math.log(10)}


def result_dtype(graph: Translation) -> str:
    """Dtype of the output of the operation that is being written, in which ONNX computes it."""
    return in_file(graph.expected.dtype)


def _unary(name: str, graph: Translation, x: Value) -> Value:
    return graph.elementwise(name, graph.cast(x, result_dtype(graph)))


def _binary(name: str, graph: Translation, x1: Any, x2: Any) -> Value:
    dtype = result_dtype(graph)
    return graph.elementwise(name, graph.operand(x1, dtype), graph.operand(x2, dtype))


def _times(factor: float, graph: Translation, x: Value) -> Value:
    return graph.elementwise("Mul", graph.as_float(x), factor)


for _name, _operation in _UNARY.items():
    operation_emitter(_name)(functools.partial(_unary, _operation))
for _name, _operation in _BINARY.items():
    operation_emitter(_name)(functools.partial(_binary, _operation))
for _name, _factor in _SCALED.items():
    operation_emitter(_name)(functools.partial(_times, _factor))


@operation_emitter("square")
def square(graph: Translation, x: Value) -> Value:
    x = graph.cast(x, result_dtype(graph))
    return graph.elementwise("Mul", x, x)


@operation_emitter("rsqrt")
def rsqrt(graph: Translation, x: Value) -> Value:
    return graph.elementwise("Reciprocal", graph.elementwise("Sqrt", graph.as_float(x)))


@operation_emitter("cbrt")
def cbrt(graph: Translation, x: Value) -> Value:
    x = graph.as_float(x)
    root = graph.elementwise("Pow", graph.elementwise("Abs", x), 1 / 3)
    return graph.elementwise("Mul", graph.elementwise("Sign", x), root)


@operation_emitter("exp2")
def exp2(graph: Translation, x: Value) -> Value:
    return graph.elementwise("Pow", graph.constant(2.0), graph.as_float(x))


@operation_emitter("expm1")
def expm1(graph: Translation, x: Value) -> Value:
    return graph.elementwise("Sub", graph.elementwise("Exp", graph.as_float(x)), 1.0)


@operation_emitter("log1p")
def log1p(graph: Translation, x: Value) -> Value:
    return graph.elementwise("Log", graph.elementwise("Add", graph.as_float(x), 1.0))


def _logarithm(base: float, graph: Translation, x: Value) -> Value:
    return graph.elementwise("Div", graph.elementwise("Log", graph.as_float(x)), base)


for _name, _base in _LOGARITHMS.items():
    operation_emitter(_name)(functools.partial(_logarithm, _base))


@operation_emitter("logaddexp")
def logaddexp(graph: Translation, x1: Any, x2: Any) -> Value:
    x1, x2 = (graph.operand(x, "float32") for x in (x1, x2))
    distance = graph.elementwise("Abs", graph.elementwise("Sub", x1, x2))
    rest = graph.elementwise("Softplus", graph.elementwise("Neg", distance))
    return graph.elementwise("Add", graph.elementwise("Max", x1, x2), rest)


@operation_emitter("hypot")
def hypot(graph: Translation, x1: Any, x2: Any) -> Value:
    parts = [graph.value(x, "float32") for x in (x1, x2)]
    squares = [graph.elementwise("Mul", x, x) for x in parts]
    return graph.elementwise("Sqrt", graph.elementwise("Add", *squares))


@operation_emitter("erfc")
def erfc(graph: Translation, x: Value) -> Value:
    return graph.elementwise("Sub", graph.constant(1.0), graph.elementwise("Erf", graph.as_float(x)))


@operation_emitter("divide_no_nan")
def divide_no_nan(graph: Translation, x1: Any, x2: Any) -> Value:
    x1, x2 = (graph.value(x, "float32") for x in (x1, x2))
    zero = graph.elementwise("Equal", x2, 0.0, dtype="bool")
    return graph.where(zero, 0.0, graph.elementwise("Div", x1, graph.where(zero, 1.0, x2)))


@operation_emitter("mod")
def mod(graph: Translation, x1: Any, x2: Any) -> Value:
    """What is left of a division, with the sign of the divisor; ONNX' own for floats has that of the dividend."""
    dtype = result_dtype(graph)
    x1, x2 = (graph.value(x, dtype) for x in (x1, x2))
    if dtype != "float32":
        return graph.elementwise("Mod", x1, x2)
    rest = graph.elementwise("Mod", x1, x2, fmod=1)
    opposite = graph.elementwise("Less", graph.elementwise("Mul", rest, x2), 0.0, dtype="bool")
    return graph.where(opposite, graph.elementwise("Add", rest, x2), rest)


@operation_emitter("floor_divide")
def floor_divide(graph: Translation, x1: Any, x2: Any) -> Value:
    """(x1 - x1 mod x2) / x2, which is a whole number but for rounding."""
    dtype = result_dtype(graph)
    x1, x2 = (graph.value(x, dtype) for x in (x1, x2))
    quotient = graph.elementwise("Div", graph.elementwise("Sub", x1, mod(graph, x1, x2)), x2)
    return graph.elementwise("Round", quotient) if dtype == "float32" else quotient


@operation_emitter("clip")
def clip(graph: Translation, x: Value, x_min: Any, x_max: Any) -> Value:
    dtype = result_dtype(graph)
    x = graph.cast(x, dtype)
    limits = [None if limit is None else graph.operand(limit, dtype) for limit in (x_min, x_max)]
    if all(limit is None or (np.ndim(limit) == 0 and not isinstance(limit, Value)) for limit in limits):
        return graph.elementwise("Clip", x, *limits)
    for name, limit in zip(("Max", "Min"), limits, strict=True):
        x = x if limit is None else graph.elementwise(name, x, limit)
    return x


@operation_emitter("round")
def round_(graph: Translation, x: Value, decimals: int = 0) -> Value:
    if not x.dtype.startswith("float"):
        return x
    factor = 10.0**decimals
    if decimals == 0:
        return graph.elementwise("Round", x)
    return graph.elementwise("Div", graph.elementwise("Round", graph.elementwise("Mul", x, factor)), factor)


@operation_emitter("trunc")
def trunc(graph: Translation, x: Value) -> Value:
    x = graph.cast(x, result_dtype(graph))
    return graph.elementwise(
        "Mul", graph.elementwise("Sign", x), graph.elementwise("Floor", graph.elementwise("Abs", x))
    )


@operation_emitter("cast", "convert_to_tensor", "array", "copy", "stop_gradient", "identity", "view")
def cast(graph: Translation, x: Any, *_: Any) -> Any:
    """The value as it is: every output is cast to the dtype that the model gives it."""
    return x
