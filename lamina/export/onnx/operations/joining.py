"""Tensors put together and taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.export.onnx.graph import Value
from lamina.export.onnx.operations.arithmetic import result_dtype
from lamina.export.onnx.registry import CannotExport, operation_emitter
from lamina.export.onnx.translation import Translation


def _values(graph: Translation, xs: Sequence[Any]) -> list[Value]:
    return [graph.value(x, result_dtype(graph)) for x in xs]


@operation_emitter("concatenate")
def concatenate(graph: Translation, xs: Sequence[Any], axis: int = 0) -> Value:
    return graph.concat(_values(graph, xs), axis)


@operation_emitter("append")
def append(graph: Translation, x1: Any, x2: Any, axis: int | None = None) -> Value:
    values = _values(graph, (x1, x2))
    return graph.concat(values, axis) if axis is not None else graph.concat([graph.reshape(v, [-1]) for v in values], 0)


@operation_emitter("hstack")
def hstack(graph: Translation, xs: Sequence[Any]) -> Value:
    values = _values(graph, xs)
    return graph.concat(values, min(1, values[0].rank - 1))


@operation_emitter("vstack")
def vstack(graph: Translation, xs: Sequence[Any]) -> Value:
    return graph.concat([graph.expand_dims(v, [0]) if v.rank == 1 else v for v in _values(graph, xs)], 0)


@operation_emitter("stack")
def stack(graph: Translation, x: Sequence[Any], axis: int = 0) -> Value:
    values = _values(graph, x)
    place = axis % (values[0].rank + 1)
    return graph.concat([graph.expand_dims(value, [place]) for value in values], place)


@operation_emitter("split")
def split(graph: Translation, x: Value, indices_or_sections: Any, axis: int = 0) -> list[Value]:
    size = x.shape[axis]
    if size is None:
        raise CannotExport("lamina.ops.split along a free axis has no form in ONNX that lamina writes")
    whole = isinstance(indices_or_sections, int)
    cuts = [size // indices_or_sections * i for i in range(1, indices_or_sections)] if whole else indices_or_sections
    sizes = np.diff([0, *cuts, size])
    axis = axis % x.rank
    specs = [((*x.shape[:axis], int(n), *x.shape[axis + 1 :]), x.dtype) for n in sizes]
    return graph.add_many("Split", x, sizes.astype(np.int64), specs=specs, axis=axis)


@operation_emitter("unstack")
def unstack(graph: Translation, x: Value, num: int | None = None, axis: int = 0) -> list[Value]:
    return [graph.gather(x, np.array(i), axis) for i in range(len(graph.expected))]
