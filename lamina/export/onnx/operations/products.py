"""Products of matrices and of tensors."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

from lamina.export.onnx.graph import Value
from lamina.export.onnx.operations.arithmetic import result_dtype
from lamina.export.onnx.registry import CannotExport, operation_emitter
from lamina.export.onnx.translation import Translation


def einsum_of(graph: Translation, equation: str, *xs: Any) -> Value:
    """An einstein sum in the dtype of the result, whose shape the caller knows."""
    values = [graph.value(x, result_dtype(graph)) for x in xs]
    return graph.add("Einsum", *values, shape=graph.expected.shape, equation=equation.replace(" ", ""))


@operation_emitter("matmul")
def matmul(graph: Translation, x1: Any, x2: Any) -> Value:
    dtype = result_dtype(graph)
    return graph.add("MatMul", graph.value(x1, dtype), graph.value(x2, dtype), shape=graph.expected.shape)


@operation_emitter("dot")
def dot(graph: Translation, x1: Any, x2: Any) -> Value:
    a, b = (graph.value(x, result_dtype(graph)) for x in (x1, x2))
    if 0 in (a.rank, b.rank):
        return graph.elementwise("Mul", a, b)
    return matmul(graph, a, b) if b.rank <= 2 else _contracted(graph, a, b, [a.rank - 1], [b.rank - 2])


@operation_emitter("inner")
def inner(graph: Translation, x1: Any, x2: Any) -> Value:
    a, b = (graph.value(x, result_dtype(graph)) for x in (x1, x2))
    return _contracted(graph, a, b, [a.rank - 1], [b.rank - 1])


@operation_emitter("outer")
def outer(graph: Translation, x1: Any, x2: Any) -> Value:
    a, b = (graph.reshape(graph.value(x, result_dtype(graph)), [-1]) for x in (x1, x2))
    return _contracted(graph, a, b, [], [])


@operation_emitter("tensordot")
def tensordot(graph: Translation, x1: Any, x2: Any, axes: Any = 2) -> Value:
    a, b = (graph.value(x, result_dtype(graph)) for x in (x1, x2))
    if isinstance(axes, int):
        pair: list[Any] = [list(range(a.rank - axes, a.rank)), list(range(axes))]
    else:
        pair = [[part] if isinstance(part, int) else list(part) for part in axes]
    return _contracted(graph, a, b, [i % a.rank for i in pair[0]], [i % b.rank for i in pair[1]])


@operation_emitter("einsum")
def einsum(graph: Translation, subscripts: str, *operands: Any) -> Value:
    if "->" not in subscripts:
        raise CannotExport("lamina.ops.einsum without '->' has no form in ONNX that lamina writes")
    return einsum_of(graph, subscripts, *operands)


def _contracted(graph: Translation, a: Value, b: Value, first: Sequence[int], second: Sequence[int]) -> Value:
    """Sum over pairs of axes; the other axes of a, then those of b are left."""
    letters = iter(string.ascii_letters)
    of_a = [next(letters) for _ in range(a.rank)]
    of_b = [of_a[first[second.index(i)]] if i in second else next(letters) for i in range(b.rank)]
    left = [c for i, c in enumerate(of_a) if i not in first] + [c for i, c in enumerate(of_b) if i not in second]
    return einsum_of(graph, f"{''.join(of_a)},{''.join(of_b)}->{''.join(left)}", a, b)
