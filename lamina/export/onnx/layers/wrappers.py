"""`TimeDistributed`."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from lamina.export.onnx.graph import Value
from lamina.export.onnx.registry import CannotExport, layer_emitter
from lamina.export.onnx.translation import Translation
from lamina.layers import TimeDistributed


@layer_emitter(TimeDistributed, mask=True)
def time_distributed(graph: Translation, layer: TimeDistributed, inputs: Any, mask: Any = None) -> Any:
    """The steps of all samples as rows of one batch."""
    if jax.tree.leaves(mask) and "mask" in layer.layer._call_parameters:
        raise CannotExport("the layer inside looks at the mask of its inputs")
    first = jax.tree.leaves(inputs)[0]
    outputs = graph.apply(layer.layer, jax.tree.map(lambda x: _rows(graph, x), inputs))
    made = jax.tree.map(lambda y: _steps(graph, y, first), outputs)
    if isinstance(mask, Value) and isinstance(made, Value):
        graph.masks[made.name] = mask
    return made


def _rows(graph: Translation, x: Value) -> Value:
    if None in x.shape[2:]:
        raise CannotExport("its steps have a free axis")
    return graph.reshape(x, [-1, *x.shape[2:]])


def _steps(graph: Translation, y: Value, like: Value) -> Value:
    """(batch * time, ...) -> (batch, time, ...), with the sizes of another value."""
    if None in y.shape[1:]:
        raise CannotExport("the steps of its outputs have a free axis")
    time = like.shape[1]
    if time is not None:
        return graph.reshape(y, [-1, time, *y.shape[1:]])
    sizes = graph.add("Shape", like, shape=(2,), dtype="int64", start=0, end=2)
    rest = graph.constant(np.array(y.shape[1:], np.int64))
    shape = (like.shape[0], None, *y.shape[1:])
    return graph.add("Reshape", y, graph.concat([sizes, rest], 0), shape=shape)
