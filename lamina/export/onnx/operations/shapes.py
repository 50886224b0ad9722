"""Changes of shape: axes put in, taken out, exchanged, repeated, reversed, padded."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from lamina.export.onnx.graph import Value, plain
from lamina.export.onnx.operations.activations import all_axes
from lamina.export.onnx.operations.arithmetic import result_dtype
from lamina.export.onnx.registry import CannotExport, operation_emitter
from lamina.export.onnx.translation import Translation

_FILLED = {"zeros_like": 0, "ones_like": 1}
_MARGINS = {"constant": "constant", "edge": "edge", "reflect": "reflect"}


@operation_emitter("reshape")
def reshape(graph: Translation, x: Value, newshape: Any) -> Value:
    sizes = [newshape] if isinstance(newshape, int) else list(newshape)
    return graph.reshape(x, [-1 if n is None else int(n) for n in sizes])


@operation_emitter("ravel")
def ravel(graph: Translation, x: Value) -> Value:
    return graph.reshape(x, [-1])


@operation_emitter("expand_dims")
def expand_dims(graph: Translation, x: Value, axis: int | Sequence[int]) -> Value:
    return graph.expand_dims(x, [axis] if isinstance(axis, int) else axis)


@operation_emitter("squeeze")
def squeeze(graph: Translation, x: Value, axis: int | Sequence[int] | None = None) -> Value:
    axes = [i for i, n in enumerate(x.shape) if n == 1] if axis is None else all_axes(x, axis)
    return graph.squeeze(x, axes)


@operation_emitter("transpose")
def transpose(graph: Translation, x: Value, axes: Sequence[int] | None = None) -> Value:
    return graph.transpose(x, range(x.rank)[::-1] if axes is None else axes)


@operation_emitter("moveaxis")
def moveaxis(graph: Translation, x: Value, source: int | Sequence[int], destination: int | Sequence[int]) -> Value:
    sources, places = ([axes] if isinstance(axes, int) else list(axes) for axes in (source, destination))
    order = [axis for axis in range(x.rank) if axis not in [one % x.rank for one in sources]]
    for place, axis in sorted(zip((p % x.rank for p in places), sources, strict=True)):
        order.insert(place, axis)
    return graph.transpose(x, order)


@operation_emitter("swapaxes")
def swapaxes(graph: Translation, x: Value, axis1: int, axis2: int) -> Value:
    order = list(range(x.rank))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return graph.transpose(x, order)


@operation_emitter("broadcast_to")
def broadcast_to(graph: Translation, x: Any, shape: Sequence[int | None]) -> Value:
    sizes = np.array([1 if n is None else n for n in shape], np.int64)  # a free axis keeps its size
    return graph.add("Expand", graph.value(x, result_dtype(graph)), sizes, shape=shape)


def _filled(number: Any, graph: Translation, x: Value, dtype: Any = None) -> Value:
    sizes = graph.add("Shape", x, shape=(x.rank,), dtype="int64")
    return graph.add("Expand", graph.value(number, result_dtype(graph)), sizes, shape=x.shape)


for _name, _number in _FILLED.items():
    operation_emitter(_name)(functools.partial(_filled, _number))


@operation_emitter("full_like")
def full_like(graph: Translation, x: Value, fill_value: Any, dtype: Any = None) -> Value:
    return _filled(fill_value, graph, x)


@operation_emitter("repeat")
def repeat(graph: Translation, x: Value, repeats: int | Sequence[int], axis: int | None = None) -> Value:
    if axis is None:
        x, axis = graph.reshape(x, [-1]), 0
    size = x.shape[axis]
    if size is None:
        raise CannotExport("lamina.ops.repeat along a free axis has no form in ONNX that lamina writes")
    return graph.gather(x, np.repeat(np.arange(size), repeats), axis)


@operation_emitter("tile")
def tile(graph: Translation, x: Value, repeats: int | Sequence[int]) -> Value:
    times = [repeats] if isinstance(repeats, int) else list(repeats)
    if len(times) > x.rank:
        x = graph.expand_dims(x, range(len(times) - x.rank))
    times = [1] * (x.rank - len(times)) + times
    shape = [None if n is None else n * t for n, t in zip(x.shape, times, strict=True)]
    return graph.add("Tile", x, np.array(times, np.int64), shape=shape)


def _reverse(default: Sequence[int] | None, graph: Translation, x: Value, axis: Any = None) -> Value:
    axes = all_axes(x, default if axis is None else axis)
    return graph.slice(x, [-1] * len(axes), [None] * len(axes), axes, [-1] * len(axes))


for _name, _axes in {"flip": None, "flipud": [0], "fliplr": [1]}.items():
    operation_emitter(_name)(functools.partial(_reverse, _axes))


@operation_emitter("roll")
def roll(graph: Translation, x: Value, shift: Any, axis: Any = None) -> Value:
    if axis is None:
        raise CannotExport("lamina.ops.roll of the flattened array has no form in ONNX that lamina writes")
    axes = [axis] if isinstance(axis, int) else list(axis)
    shifts = [shift] * len(axes) if isinstance(shift, int) else list(shift)
    for step, one in zip(shifts, axes, strict=True):
        place = one % x.rank
        size = x.shape[place]
        if size is None:
            raise CannotExport("lamina.ops.roll along a free axis has no form in ONNX that lamina writes")
        x = graph.gather(x, (np.arange(size) - step) % size, place)
    return x


@operation_emitter("pad")
def pad(graph: Translation, x: Value, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Value:
    if mode not in _MARGINS or np.ndim(plain(constant_values) or 0):
        raise CannotExport(f"lamina.ops.pad with mode={mode!r} has no form in ONNX that lamina writes")
    widths = np.broadcast_to(np.asarray(pad_width, np.int64), (x.rank, 2))
    shape = [None if n is None else n + int(sum(w)) for n, w in zip(x.shape, widths, strict=True)]
    margin = graph.constant(plain(constant_values) or 0, x.dtype)
    return graph.add("Pad", x, widths.T.reshape(-1), margin, shape=shape, mode=_MARGINS[mode])
