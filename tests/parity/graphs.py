"""Graphs to build in either library: each function takes `lamina` or `keras` and returns a model named "net"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

GRAPHS: dict[str, Callable[[Any], Any]] = {}


def graph(build: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Decorator: add a graph under its function's name."""
    GRAPHS[build.__name__] = build
    return build


def _paths(library: Any) -> tuple[Any, Any, Any, Any]:
    """The notes' two inputs, the end of the deep path, and the output."""
    layers = library.layers
    input_wide, input_deep = layers.Input(shape=[5], name="inputWide"), layers.Input(shape=[6], name="inputDeep")
    norm_wide, norm_deep = layers.Normalization(), layers.Normalization()
    wide, deep = norm_wide(input_wide), norm_deep(input_deep)
    hidden = layers.Dense(30, activation="relu")(deep)
    hidden = layers.Dense(30, activation="relu")(hidden)
    output = layers.Dense(1, name="output")(layers.concatenate([wide, hidden]))
    return input_wide, input_deep, hidden, output


@graph
def wide_and_deep(library):
    layers = library.layers
    inputs = layers.Input(shape=(8,))
    normed = layers.Normalization()(inputs)
    hidden = layers.Dense(30, activation="relu")(layers.Dense(30, activation="relu")(normed))
    return library.Model(inputs=[inputs], outputs=[layers.Dense(1)(layers.Concatenate()([normed, hidden]))], name="net")


@graph
def two_inputs(library):
    wide, deep, _, output = _paths(library)
    return library.Model(inputs=[wide, deep], outputs=[output], name="net")


@graph
def two_outputs(library):
    wide, deep, hidden, output = _paths(library)
    aux = library.layers.Dense(1, name="aux")(hidden)
    return library.Model(inputs={"inputDeep": deep, "inputWide": wide}, outputs=[output, aux], name="net")


@graph
def chain(library):
    inputs = library.layers.Input((4,), name="x")
    hidden = library.layers.Dense(3, activation="tanh", kernel_regularizer="l2")(inputs)
    return library.Model(inputs, library.layers.Dense(2)(library.layers.Dropout(0.5)(hidden)), name="net")


@graph
def chain_with_its_middle_as_output(library):
    inputs = library.layers.Input((4,), name="x")
    hidden = library.layers.Dense(3)(inputs)
    return library.Model(inputs, [hidden, library.layers.Dense(2)(hidden)], name="net")


@graph
def outputs_in_a_dict(library):
    a, b = library.layers.Input((4,), name="a"), library.layers.Input((4,), name="b")
    both = library.layers.Multiply()([a, b])
    outputs = {"z": library.layers.Dense(2)(both), "y": library.layers.Dense(3)(a)}
    return library.Model({"b": b, "a": a}, outputs, name="net")


@graph
def nests_of_inputs_and_outputs(library):
    a, b, c = (library.layers.Input((4,), name=name) for name in "abc")
    total = library.layers.Add()([a, b])
    outputs = [{"one": total, "two": library.layers.Dense(2)(c)}, library.layers.Subtract()([total, c])]
    return library.Model([a, {"b": b, "c": c}], outputs, name="net")


@graph
def a_shared_layer(library):
    a, b = library.layers.Input((4,), name="a"), library.layers.Input((4,), name="b")
    shared = library.layers.Dense(3)
    return library.Model([a, b], library.layers.Add()([shared(a), shared(b)]), name="net")


@graph
def a_layer_called_in_a_row(library):
    inputs = library.layers.Input((4,), name="a")
    shared = library.layers.Dense(4)
    return library.Model(inputs, shared(shared(shared(inputs))), name="net")


@graph
def layers_shared_at_several_depths(library):
    a, b = library.layers.Input((4,), name="a"), library.layers.Input((4,), name="b")
    first, second = library.layers.Dense(4), library.layers.Dense(4)
    deep = first(second(first(a)))
    return library.Model([a, b], library.layers.Concatenate()([second(deep), first(b), b]), name="net")


@graph
def a_layer_called_in_another_graph_first(library):
    a, b = library.layers.Input((4,), name="a"), library.layers.Input((4,), name="b")
    first, second = library.layers.Dense(4), library.layers.Dense(4)
    first(a)
    one, two = first(b), first(b)
    return library.Model(b, library.layers.Add()([second(one), two]), name="net")


@graph
def an_input_that_leads_nowhere(library):
    a, b = library.layers.Input((4,), name="a"), library.layers.Input((2,), name="b")
    return library.Model([a, b], library.layers.Dense(3)(a), name="net")


@graph
def one_tensor_taken_twice(library):
    inputs = library.layers.Input((4,), name="a")
    hidden = library.layers.Dense(3)(inputs)
    return library.Model(inputs, library.layers.Add()([hidden, hidden]), name="net")


@graph
def nested_models(library):
    i = library.layers.Input((4,), name="i")
    inner = library.Model(i, library.layers.Add()([library.layers.Dense(4)(i), i]), name="inner")
    j = library.layers.Input((4,), name="j")
    once = inner(j)
    return library.Model(j, library.layers.Concatenate()([once, inner(once)]), name="net")


@graph
def a_nested_model_as_last_layer(library):
    i = library.layers.Input((4,), name="i")
    inner = library.Model(i, [library.layers.Dense(2, name="p")(i), library.layers.Dense(3, name="q")(i)], name="inner")
    j = library.layers.Input((4,), name="j")
    return library.Model(j, inner(library.layers.Dense(4)(j)), name="net")


@graph
def a_nested_sequential(library):
    layers = library.layers
    stack = [layers.Input((4,)), layers.Dense(4, name="first"), layers.BatchNormalization()]
    inner = library.Sequential(stack, name="inner")
    inner.trainable = False
    j = layers.Input((4,), name="j")
    once = inner(j)
    return library.Model(j, [once, layers.Dense(3)(once)], name="net")


@graph
def models_three_deep(library):
    layers = library.layers
    i, j, k = (layers.Input((3,), name=name) for name in "ijk")
    low = library.Sequential([layers.Input((3,)), layers.Dense(3, name="low_dense")], name="low")
    middle = library.Model(i, layers.Add()([low(i), i]), name="middle")
    high = library.Model(j, middle(layers.Dense(3, name="high_dense")(j)), name="high")
    return library.Model(k, layers.Average()([high(k), low(k)]), name="net")


@graph
def whole_numbers_and_time_steps(library):
    layers = library.layers
    words, numbers = layers.Input((None,), dtype="int32", name="words"), layers.Input((5,), name="numbers")
    steps = layers.TimeDistributed(layers.Dense(3))(layers.Embedding(10, 5)(words))
    return library.Model([words, numbers], [steps, layers.RepeatVector(2)(numbers)], name="net")


@graph
def layers_called_with_training(library):
    inputs = library.layers.Input((4,), name="a")
    moving = library.layers.BatchNormalization()(inputs, training=True)
    fixed = library.layers.BatchNormalization()(inputs, training=False)
    dropped = library.layers.Dropout(0.0)(moving, training=True)
    return library.Model(inputs, library.layers.Add()([dropped, fixed]), name="net")


@graph
def operators(library):
    x, y = library.layers.Input((4,), name="x"), library.layers.Input((4,), name="y")
    return library.Model([x, y], -(x * 2.0 + y - 1.0) / (3.0 - y) ** 2, name="net")


@graph
def slices(library):
    x = library.layers.Input((4, 5), name="x")
    return library.Model(x, [x[:, :2], x[:, -1], x[..., 1:4:2], x[:, None, 2:]], name="net")


@graph
def operations(library):
    ops = library.ops
    x = library.layers.Input((4,), name="x")
    means = ops.mean(library.layers.Dense(6)(x), axis=1, keepdims=True)
    joined = ops.concatenate([means, ops.exp(x), ops.maximum(x, 0.0)], axis=-1)
    return library.Model(x, ops.reshape(joined, (-1, 3, 3)), name="net")


@graph
def an_operation_with_several_outputs(library):
    x = library.layers.Input((6,), name="x")
    first, second, third = library.ops.split(x, 3, axis=1)
    return library.Model(x, [library.layers.Dense(2)(second), first + third], name="net")


@graph
def a_chain_of_operations(library):
    x = library.layers.Input((6,), name="x")
    return library.Model(x, library.ops.square(library.layers.Dense(2)(x) * 2.0), name="net")


@graph
def operations_on_constants(library):
    x = library.layers.Input((3,), name="x")
    return library.Model(x, library.ops.matmul(x, np.arange(6, dtype="float32").reshape(3, 2)), name="net")


@graph
def operations_of_many_kinds(library):
    ops = library.ops
    x, w = library.layers.Input((4,), name="x"), library.layers.Input((4,), name="w")
    outputs = {
        "average": ops.average(x, axis=1, weights=ops.abs(w) + 1.0),
        "einsum": ops.einsum("bi,bj->bij", x, w),
        "stack": ops.stack([x, w], axis=1),
        "clip": ops.clip(x, 0.0, 1.0),
        "where": ops.where(x > 0, x, w),
        "take": ops.take(x, [0, 1], axis=1),
        "expand": ops.expand_dims(x, 1),
        "maximum": ops.max(x, axis=-1, keepdims=True),
        "product": ops.matmul(x, ops.transpose(w)),
        "pad": ops.pad(x, [[0, 0], [1, 1]]),
        "tile": ops.tile(x, [1, 2]),
    }
    return library.Model([x, w], outputs, name="net")
