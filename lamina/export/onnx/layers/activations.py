"""`PReLU`, and `Softmax` with a mask; the other activation layers are written by the operations that they call."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.export.onnx.graph import Value
from lamina.export.onnx.operations.activations import softmax as softmax_of
from lamina.export.onnx.registry import layer_emitter
from lamina.export.onnx.translation import Translation
from lamina.layers import PReLU, Softmax


@layer_emitter(PReLU)
def prelu(graph: Translation, layer: PReLU, x: Value) -> Value:
    return graph.elementwise("PRelu", graph.as_float(x), np.asarray(layer.alpha.value, np.float32)[None])


@layer_emitter(Softmax, mask=True)
def softmax(graph: Translation, layer: Softmax, x: Value, mask: Any = None) -> Value:
    if mask is None:
        return softmax_of(graph, x, layer.axis)
    keep = graph.expand_dims(mask, range(mask.rank, x.rank))
    low = graph.where(keep, graph.as_float(x), float(np.finfo(np.float32).min) / 2)
    y = graph.where(keep, softmax_of(graph, low, layer.axis), 0.0)
    graph.masks[y.name] = mask
    return y
