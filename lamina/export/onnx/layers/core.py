"""`Dense`, `EinsumDense`, `Embedding`, layers that hand on what they get, `Rescaling`, `Normalization`, models."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from lamina.core.symbolic import symbolic_leaves
from lamina.export.onnx.graph import Value
from lamina.export.onnx.operations.products import einsum_of
from lamina.export.onnx.registry import CannotExport, layer_emitter
from lamina.export.onnx.translation import Translation
from lamina.layers import (
    ActivityRegularization,
    AlphaDropout,
    Dense,
    Dropout,
    EinsumDense,
    Embedding,
    GaussianDropout,
    GaussianNoise,
    Identity,
    Normalization,
    Rescaling,
    SpatialDropout1D,
    SpatialDropout2D,
    SpatialDropout3D,
)
from lamina.models import Functional, Sequential


@layer_emitter(
    *(Identity, ActivityRegularization, Dropout, AlphaDropout, GaussianDropout, GaussianNoise),
    *(SpatialDropout1D, SpatialDropout2D, SpatialDropout3D),
)
def identity(graph: Translation, layer: Any, x: Any) -> Any:
    """What these layers do outside of training."""
    return x


@layer_emitter(Dense)
def dense(graph: Translation, layer: Dense, x: Value) -> Value:
    x, kernel = graph.as_float(x), graph.constant(layer.kernel)
    if x.rank == 2:
        bias = () if layer.bias is None else (graph.constant(layer.bias),)
        y = graph.add("Gemm", x, kernel, *bias, shape=(x.shape[0], layer.units))
    else:
        y = graph.matmul(x, kernel)
        y = y if layer.bias is None else graph.elementwise("Add", y, graph.constant(layer.bias))
    return graph.apply(layer.activation, y)


@layer_emitter(EinsumDense)
def einsum_dense(graph: Translation, layer: EinsumDense, x: Value) -> Value:
    y = einsum_of(graph, layer.equation, x, layer.kernel)
    if layer.bias is not None:
        y = graph.elementwise("Add", y, graph.constant(layer.bias))
    return graph.apply(layer.activation, y)


@layer_emitter(Embedding)
def embedding(graph: Translation, layer: Embedding, x: Value) -> Value:
    """Rows of the table; a number below 0, which would count from the end, becomes one that runtimes refuse."""
    rows = graph.cast(graph.cast(x, "int32"), "int64")
    if not x.dtype.startswith("uint"):
        rows = graph.where(graph.elementwise("Less", rows, 0, dtype="bool"), layer.input_dim, rows)
    y = graph.gather(graph.constant(layer.embeddings), rows, 0)
    if layer.mask_zero:
        equal = graph.elementwise("Equal", rows, 0, dtype="bool")
        graph.masks[y.name] = graph.elementwise("Not", equal)
    return y


@layer_emitter(Rescaling)
def rescaling(graph: Translation, layer: Rescaling, x: Value) -> Value:
    y = graph.elementwise("Mul", graph.as_float(x), np.asarray(layer.scale, np.float32))
    return graph.elementwise("Add", y, np.asarray(layer.offset, np.float32))


@layer_emitter(Normalization)
def normalization(graph: Translation, layer: Normalization, x: Value) -> Value:
    like: Any = jax.ShapeDtypeStruct((1,) * x.rank, "float32")
    mean, variance = (np.asarray(layer._spread(part, like)) for part in layer._statistics())
    deviation = np.maximum(np.sqrt(variance), np.float32(1e-7))
    x = graph.as_float(x)
    if layer.invert:
        return graph.elementwise("Add", graph.elementwise("Mul", x, deviation), mean)
    return graph.elementwise("Div", graph.elementwise("Sub", x, mean), deviation)


@layer_emitter(Functional)
def functional(graph: Translation, layer: Functional, inputs: Any) -> Any:
    """The calls of the graph as they stand there, or those of a new one where the inputs have other shapes."""
    values = [_fitted(graph, v, t.shape, t.dtype) for v, t in zip(jax.tree.leaves(inputs), layer.inputs, strict=True)]
    pairs = list(zip(layer.inputs, values, strict=True))
    if all(value.shape == tensor.shape for tensor, value in pairs):
        return graph.write(layer.output, pairs)
    return graph.by_its_call(layer, jax.tree.unflatten(jax.tree.structure(inputs), values))


@layer_emitter(Sequential)
def sequential(graph: Translation, layer: Sequential, x: Value) -> Any:
    """The calls of the stack as they stand there, or new ones where the input has another shape."""
    tensor = symbolic_leaves(layer.input)[0]
    x = _fitted(graph, x, tensor.shape, x.dtype)
    if x.shape == tensor.shape and x.dtype == tensor.dtype:
        return graph.write(layer.output, [(tensor, x)])
    return graph.by_its_call(layer, x)


def _fitted(graph: Translation, x: Value, shape: Any, dtype: str) -> Value:
    """An input in the dtype that the model declares, with a last axis of size 1 more or less if only that differs."""
    if x.rank == len(shape) - 1 and shape[-1] == 1:
        x = graph.expand_dims(x, [-1])
    elif x.rank == len(shape) + 1 and x.shape[-1] == 1:
        x = graph.squeeze(x, [-1])
    if x.rank != len(shape):
        raise CannotExport(f"it expects inputs of shape {shape}, and gets {x.shape}")
    return x if x.dtype == "float32" and dtype in ("bfloat16", "float16", "float64") else graph.cast(x, dtype)
