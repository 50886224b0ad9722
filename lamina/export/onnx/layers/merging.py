"""Layers that merge several inputs."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from lamina.export.onnx.graph import Value, in_file
from lamina.export.onnx.operations.arithmetic import result_dtype
from lamina.export.onnx.operations.products import einsum_of
from lamina.export.onnx.registry import CannotExport, layer_emitter
from lamina.export.onnx.translation import Translation
from lamina.layers import Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract

_OPERATIONS: dict[type, str] = {Add: "Add", Subtract: "Sub", Multiply: "Mul", Maximum: "Max", Minimum: "Min"}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@layer_emitter(*_OPERATIONS, Average, mask=True)
def elementwise(graph: Translation, layer: Any, inputs: Sequence[Value], mask: Any = None) -> Value:
    """One after the other, with axes of size 1 behind the batch axis of those that have fewer."""
    masks = _masks(inputs, mask)
    if any(masks) and isinstance(layer, (Multiply, Maximum, Minimum)):
        raise CannotExport("it leaves masked elements out")
    dtype, rank = result_dtype(graph), max(x.rank for x in inputs)
    values = [graph.expand_dims(graph.cast(x, dtype), range(1, 1 + rank - x.rank)) for x in inputs]
    operation = next((name for cls, name in _OPERATIONS.items() if isinstance(layer, cls)), "Add")
    y = functools.reduce(functools.partial(graph.elementwise, operation), values)
    if isinstance(layer, Average):
        y = graph.elementwise("Div", y, float(len(values)))
    if all(masks):
        if len({(x.rank, m.rank) for x, m in zip(inputs, masks, strict=True)}) > 1:
            raise CannotExport("it joins masks of inputs with different numbers of axes")
        graph.masks[y.name] = functools.reduce(functools.partial(graph.elementwise, "Or"), masks)
    return y


@layer_emitter(Concatenate)
def concatenate(graph: Translation, layer: Concatenate, inputs: Sequence[Value]) -> Value:
    masks = [graph.masks.get(x.name) for x in inputs]
    y = graph.concat([graph.cast(x, in_file(graph.expected.dtype)) for x in inputs], layer.axis)
    if any(masks):
        if not all(masks) or len({m.rank for m in masks if m is not None}) > 1:
            raise CannotExport("it joins inputs with a mask and without, or masks with different numbers of axes")
        axis, known = layer.axis % inputs[0].rank, [m for m in masks if m is not None]
        joined = functools.reduce(functools.partial(graph.elementwise, "Or"), known)
        graph.masks[y.name] = graph.concat(known, axis) if axis < known[0].rank else joined
    return y


@layer_emitter(Dot)
def dot(graph: Translation, layer: Dot, inputs: Sequence[Value]) -> Value:
    """An einstein sum: the batch and the summed axis have one letter in both inputs."""
    axes = layer._pair(*(x.rank for x in inputs))
    values = [graph.cast(x, result_dtype(graph)) for x in inputs]
    if layer.normalize:
        values = [_unit(graph, x, axis) for x, axis in zip(values, axes, strict=True)]
    first, letters = _LETTERS[: values[0].rank], iter(_LETTERS[values[0].rank :])
    shared = {0: first[0], axes[1]: first[axes[0]]}
    second = [shared.get(i) or next(letters) for i in range(values[1].rank)]
    left = [c for i, c in enumerate(first) if i != axes[0]] + [c for i, c in enumerate(second) if i not in shared]
    y = einsum_of(graph, f"{first},{''.join(second)}->{''.join(left)}", *values)
    return graph.expand_dims(Value(y.name, y.shape[:1], y.dtype), [1]) if len(left) == 1 else y


def _unit(graph: Translation, x: Value, axis: int) -> Value:
    square = graph.reduce("ReduceSumSquare", x, [axis], True)
    return graph.elementwise("Div", x, graph.elementwise("Sqrt", graph.elementwise("Max", square, 1e-14)))


def _masks(inputs: Sequence[Value], mask: Any) -> list[Any]:
    return [None] * len(inputs) if mask is None else list(mask)
