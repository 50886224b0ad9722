"""Comparisons, truth values, and choices between elements."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from lamina.export.onnx.graph import Value, in_file, plain
from lamina.export.onnx.operations.arithmetic import result_dtype
from lamina.export.onnx.registry import operation_emitter
from lamina.export.onnx.translation import Translation

_COMPARISONS = {
    "equal": "Equal",
    "less": "Less",
    "less_equal": "LessOrEqual",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
}
_LOGIC = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}
_COMPARABLE = ("float32", "int32", "int64")  # of which every runtime compares all


def common_dtype(*xs: Any) -> str:
    """Dtype in which JAX compares or joins values, arrays and numbers, as ONNX compares them."""
    dtype = in_file(jnp.result_type(*(np.dtype(x.dtype) if isinstance(x, Value) else plain(x) for x in xs)))
    return dtype if dtype in _COMPARABLE else "int32"


def _compare(name: str, graph: Translation, x1: Any, x2: Any) -> Value:
    dtype = common_dtype(x1, x2)
    return graph.elementwise(name, graph.operand(x1, dtype), graph.operand(x2, dtype), dtype="bool")


def _combine(name: str, graph: Translation, x1: Any, x2: Any) -> Value:
    return graph.elementwise(name, graph.operand(x1, "bool"), graph.operand(x2, "bool"))


for _name, _operation in _COMPARISONS.items():
    operation_emitter(_name)(functools.partial(_compare, _operation))
for _name, _operation in _LOGIC.items():
    operation_emitter(_name)(functools.partial(_combine, _operation))


@operation_emitter("not_equal")
def not_equal(graph: Translation, x1: Any, x2: Any) -> Value:
    return logical_not(graph, _compare("Equal", graph, x1, x2))


@operation_emitter("logical_not")
def logical_not(graph: Translation, x: Value) -> Value:
    return graph.elementwise("Not", graph.cast(x, "bool"))


@operation_emitter("isnan")
def isnan(graph: Translation, x: Value) -> Value:
    return graph.elementwise("IsNaN", graph.as_float(x), dtype="bool")


@operation_emitter("isinf")
def isinf(graph: Translation, x: Value) -> Value:
    return graph.elementwise("IsInf", graph.as_float(x), dtype="bool")


@operation_emitter("isfinite")
def isfinite(graph: Translation, x: Value) -> Value:
    return logical_not(graph, graph.elementwise("Or", isnan(graph, x), isinf(graph, x)))


@operation_emitter("where")
def where(graph: Translation, condition: Any, x1: Any, x2: Any) -> Value:
    dtype = result_dtype(graph)
    x1, x2 = (graph.value(x, dtype) for x in (x1, x2))
    return graph.where(graph.value(condition, "bool"), x1, x2)


@operation_emitter("select")
def select(graph: Translation, condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> Any:
    result = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        result = where(graph, condition, choice, result)
    return result
