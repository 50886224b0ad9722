"""`OnnxGraph`: names, constants, and turns of axes that cancel or move to the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lamina.core.variable import Variable
from lamina.export.onnx.file import to_model
from lamina.export.onnx.graph import OnnxGraph, Value, broadcast, in_file

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

X = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
TURN = (0, 3, 1, 2)


def run(graph: OnnxGraph, value: Value, x: Any = X) -> tuple[np.ndarray, list[str]]:
    """What ONNX Runtime makes of x, and the operations of the nodes that it needs."""
    proto = to_model(graph, {"y": value}, 18)
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {session.get_inputs()[0].name: x})
    assert result.shape == tuple(n if n is not None else m for n, m in zip(value.shape, result.shape, strict=True))
    return result, [node.op_type for node in proto.graph.node]


@pytest.fixture
def graph() -> OnnxGraph:
    return OnnxGraph()


@pytest.fixture
def x(graph: OnnxGraph) -> Value:
    return graph.input("x", (None, 3, 4, 5), "float32")


def test_turns_that_meet_cancel(graph, x):
    turned = graph.transpose(x, TURN)
    assert graph.transpose(turned, np.argsort(TURN)) is x
    again = graph.transpose(turned, (0, 2, 1, 3))
    result, operations = run(graph, again)
    assert operations == ["Transpose"]
    np.testing.assert_array_equal(result, X.transpose(TURN).transpose(0, 2, 1, 3))


def test_elementwise_work_is_done_before_a_turn(graph, x):
    turned = graph.transpose(x, TURN)
    factors = np.arange(4, dtype="float32").reshape(4, 1) + 1  # along the axis before the last one
    shape_of_one = np.full((1, 5, 1, 1), 2.0, "float32")
    y = graph.elementwise("Relu", graph.elementwise("Mul", graph.elementwise("Mul", turned, turned), shape_of_one))
    result, operations = run(graph, graph.elementwise("Add", graph.elementwise("Mul", y, 0.5), factors[:3]))
    assert operations == ["Mul", "Mul", "Relu", "Mul", "Add", "Transpose"]
    expected = np.maximum(X.transpose(TURN) ** 2 * shape_of_one, 0) * 0.5 + factors[:3]
    np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_values_of_different_turns_are_joined_as_they_are(graph, x):
    y = graph.elementwise("Add", graph.transpose(x, (0, 1, 3, 2)), graph.constant(np.ones((5, 4), "float32")))
    result, operations = run(graph, y)
    assert operations == ["Transpose", "Add"]
    np.testing.assert_allclose(result, X.transpose(0, 1, 3, 2) + 1, rtol=1e-6)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axes", [[1], [2, 3], [-1], [0, 2]])
def test_reductions_of_turned_values(graph, x, axes, keepdims):
    result, operations = run(graph, graph.reduce("ReduceSum", graph.transpose(x, TURN), axes, keepdims))
    assert operations[0] == "ReduceSum"
    np.testing.assert_allclose(result, X.transpose(TURN).sum(tuple(axes), keepdims=keepdims), rtol=1e-5, atol=1e-5)


def test_concatenation_of_turned_values(graph, x):
    turned = graph.transpose(x, TURN)
    result, operations = run(graph, graph.concat([turned, turned], -2))
    assert operations == ["Concat", "Transpose"]
    np.testing.assert_array_equal(result, np.concatenate([X.transpose(TURN)] * 2, -2))


def test_shapes_are_followed(graph, x):
    assert graph.reshape(x, [0, -1]).shape == (None, 60)
    assert graph.reshape(x, [-1, 4, 5]).shape == (None, 4, 5)
    assert graph.expand_dims(x, [1, -1]).shape == (None, 1, 3, 4, 5, 1)
    assert graph.squeeze(graph.expand_dims(x, [1]), [1]).shape == x.shape
    assert graph.slice(x, [1, 0], [None, -2], [1, 3]).shape == (None, 2, 4, 3)
    assert graph.gather(x, np.zeros((2, 2)), 1).shape == (None, 2, 2, 4, 5)
    assert graph.matmul(x, np.ones((5, 7))).shape == (None, 3, 4, 7)
    assert broadcast((None, 1), (3, 1, 2)) == (3, None, 2)


def test_equal_constants_are_kept_once_and_weights_by_their_names(graph, x):
    weight = Variable(np.ones((3, 3)), name="kernel")
    with graph.scope("dense"):
        assert graph.constant(weight).name == graph.constant(weight).name == "dense/kernel"
        assert graph.constant(2.0).name == graph.constant(np.float32(2)).name == "dense/constant"
        assert graph.constant(2).name == "dense/constant_1"  # another dtype
        assert graph.constant(np.zeros((3, 3)), name="kernel").name == "dense/kernel_1"  # another value


def test_floats_are_float32_in_the_file(graph):
    assert [in_file(name) for name in ("float16", "bfloat16", "float64", "int8", "bool")] == [
        *["float32"] * 3,
        "int8",
        "bool",
    ]
    assert graph.constant(np.ones(2)).dtype == "float32"
    assert graph.constant(np.ones(2, "int32")).dtype == "int32"


def test_numbers_take_the_dtype_of_the_first_value(graph):
    x = graph.input("x", (None,), "int32")
    result, _ = run(graph, graph.add("Mul", x, 2), np.arange(3, dtype="int32"))
    assert result.tolist() == [0, 2, 4]


def test_what_no_output_needs_is_left_out(graph, x):
    graph.add("Relu", x)
    graph.constant(np.zeros(100))
    proto = to_model(graph, {"y": graph.add("Abs", x)}, 18)
    assert [node.op_type for node in proto.graph.node] == ["Abs"]
    assert list(proto.graph.initializer) == []


def test_outputs_get_their_names_and_inputs_stay(graph, x):
    y = graph.add("Abs", x)
    proto = to_model(graph, {"x": y, "same": x, "twice": y}, 18)
    onnx.checker.check_model(proto, full_check=True)
    assert [one.name for one in proto.graph.input] == ["x"]
    assert [one.name for one in proto.graph.output] == ["x_1", "same", "twice"]
    assert [node.op_type for node in proto.graph.node] == ["Abs", "Identity", "Identity"]


def test_more_weights_than_a_file_can_hold_are_refused(graph, x, monkeypatch):
    monkeypatch.setattr("lamina.export.onnx.file._MOST_BYTES", 1000)
    y = graph.add("Add", graph.slice(x, [0], [1], [3]), np.zeros((3, 4, 100), "float32"))
    with pytest.raises(ValueError, match=r"the weights take 0\.0 GiB, and one ONNX file holds 2 GiB at most"):
        to_model(graph, {"y": y}, 18)
