"""Elements by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.export.onnx.graph import Value, plain
from lamina.export.onnx.operations.arithmetic import result_dtype
from lamina.export.onnx.registry import CannotExport, operation_emitter
from lamina.export.onnx.translation import Translation


@operation_emitter("get_item")
def get_item(graph: Translation, x: Value, key: Any) -> Value:
    """Slices first, for all axes at once; then the axes that single numbers or arrays take elements from."""
    parts = _full(key, x.rank)
    slices, takes, new = [], [], []  # (axis, slice); (axis, number or array); places of new axes in the result
    axis = place = 0
    for part in parts:
        if part is None:
            new.append(place)
            place += 1
            continue
        if isinstance(part, slice):
            slices.append((axis, part))
            place += 1
        else:
            takes.append((axis, part))
            place += np.ndim(plain(part)) if not isinstance(part, Value) else part.rank
        axis += 1
    if len([part for _, part in takes if isinstance(part, Value) or np.ndim(plain(part))]) > 1:
        raise CannotExport("several arrays of indices in the brackets have no form in ONNX that lamina writes")
    cut = [(axis, part) for axis, part in slices if part != slice(None)]
    if cut:
        x = _sliced(graph, x, cut)
    for axis, part in reversed(takes):
        x = graph.gather(x, _indices(graph, part, x.shape[axis]), axis)
    return graph.expand_dims(x, new)


def _full(key: Any, rank: int) -> list[Any]:
    """One entry for each axis, and None for new axes, with the ellipsis written out."""
    parts = list(key) if isinstance(key, (tuple, list)) else [key]
    missing = rank - sum(part is not None and part is not Ellipsis for part in parts)
    spots = [i for i, part in enumerate(parts) if part is Ellipsis] or [len(parts)]
    return [*parts[: spots[0]], *[slice(None)] * missing, *parts[spots[0] + 1 :]]


def _sliced(graph: Translation, x: Value, cut: list[tuple[int, slice]]) -> Value:
    steps = [1 if part.step is None else part.step for _, part in cut]
    starts = [
        (0 if step > 0 else -1) if part.start is None else part.start
        for (_, part), step in zip(cut, steps, strict=True)
    ]
    return graph.slice(x, starts, [part.stop for _, part in cut], [axis for axis, _ in cut], steps)


def _indices(graph: Translation, part: Any, size: int | None) -> Any:
    """Indices as ONNX takes them: whole numbers, where they are known those >= 0."""
    if isinstance(part, Value):
        if part.dtype == "bool":
            raise CannotExport("truth values in the brackets have no form in ONNX that lamina writes")
        return graph.cast(part, "int64")
    places = np.asarray(plain(part))
    if places.dtype == bool:
        raise CannotExport("truth values in the brackets have no form in ONNX that lamina writes")
    return places if size is None else np.where(places < 0, places + size, places)


@operation_emitter("take")
def take(graph: Translation, x: Any, indices: Any, axis: int | None = None) -> Value:
    table = graph.value(x, result_dtype(graph))
    if axis is None:
        table, axis = graph.reshape(table, [-1]), 0
    return graph.gather(table, _indices(graph, indices, table.shape[axis]), axis)


@operation_emitter("take_along_axis")
def take_along_axis(graph: Translation, x: Any, indices: Any, axis: int | None = None) -> Value:
    table, places = graph.value(x, result_dtype(graph)), graph.value(indices, "int64")
    if axis is None:
        table, axis = graph.reshape(table, [-1]), 0
    return graph.add("GatherElements", table, places, shape=places.shape, axis=axis)


def _triangle(upper: int, graph: Translation, x: Value, k: int = 0) -> Value:
    return graph.add("Trilu", x, np.array(k, np.int64), upper=upper)


operation_emitter("tril")(lambda graph, x, k=0: _triangle(0, graph, x, k))
operation_emitter("triu")(lambda graph, x, k=0: _triangle(1, graph, x, k))


@operation_emitter("one_hot")
def one_hot(graph: Translation, x: Value, num_classes: int, axis: int = -1, *_: Any) -> Value:
    place = axis % (x.rank + 1)
    numbers = np.arange(num_classes).reshape([-1] + [1] * (x.rank - place))
    return graph.elementwise("Equal", graph.expand_dims(graph.cast(x, "int32"), [place]), numbers, dtype="bool")


@operation_emitter("slice")
def slice_(graph: Translation, inputs: Value, start_indices: Any, shape: Any) -> Value:
    if isinstance(start_indices, Value) or any(isinstance(part, Value) for part in start_indices):
        raise CannotExport("lamina.ops.slice at a place that the model computes has no form in ONNX that lamina writes")
    starts = [int(n) for n in np.asarray(plain(start_indices))]
    sizes = zip(starts, shape, inputs.shape, strict=True)
    if any(full is None and (start, size) != (0, -1) for start, size, full in sizes):
        raise CannotExport("lamina.ops.slice along a free axis has no form in ONNX that lamina writes")
    moved, ends = [], []
    for start, size, full in zip(starts, shape, inputs.shape, strict=True):
        first = start if size == -1 else min(max(start, 0), full - size)  # as the model moves it inside
        moved.append(first)
        ends.append(None if size == -1 else first + size)
    return graph.slice(inputs, moved, ends, range(inputs.rank))
