"""A model in ONNX Runtime, and the comparison with `predict`, which is the witness here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import lamina
from lamina.core.symbolic import KerasTensor
from lamina.export.onnx.exporting import onnx_model
from lamina.export.signature import inputs_of

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

BATCHES = (1, 7, 64)
TOLERANCE = 1e-5


class Session:
    """A model as ONNX Runtime runs it.

    Attributes:
        proto: The file's content, which onnx.checker has accepted with its inference of shapes.
        inputs, outputs: Their names.
    """

    def __init__(self, model: Any, signature: Any = None, opset: int | None = None) -> None:
        self.proto, self.specs = onnx_model(model, inputs_of(model, signature), opset)
        onnx.checker.check_model(self.proto, full_check=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.run_session = onnxruntime.InferenceSession(
            self.proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.inputs = [one.name for one in self.run_session.get_inputs()]
        self.outputs = [one.name for one in self.run_session.get_outputs()]

    @property
    def operations(self) -> list[str]:
        """The operations of the nodes, in order."""
        return [node.op_type for node in self.proto.graph.node]

    def __call__(self, x: Any) -> list[np.ndarray]:
        """The outputs, flat, for a nest of inputs."""
        return self.run_session.run(None, dict(zip(self.inputs, jax.tree.leaves(x), strict=True)))


def data_for(model: Any, rows: int, seed: int = 0) -> Any:
    """Random inputs: floats from -2 to 2 or so, whole numbers from 0 to 5; free axes get the size 6."""
    rng = np.random.default_rng(seed)

    def one(tensor: KerasTensor) -> np.ndarray:
        shape = (rows, *(6 if n is None else n for n in tensor.shape[1:]))
        if tensor.dtype.startswith(("int", "uint")):
            return rng.integers(0, 5, shape).astype(tensor.dtype)
        return rng.normal(size=shape).astype(tensor.dtype)

    return jax.tree.map(one, model.input)


def shake(model: Any, seed: int = 1) -> None:
    """Give all weights random values, so that none is 0 or 1 by chance of the initializer."""
    rng = np.random.default_rng(seed)
    model.set_weights(
        [rng.uniform(0.2, 1.2, w.shape) * rng.choice([-1, 1], w.shape) if _signed(v) else rng.uniform(0.2, 1.2, w.shape)
         for v, w in zip(model.weights, model.get_weights(), strict=True)]
    )  # fmt: skip


def _signed(variable: Any) -> bool:
    return variable.dtype.startswith("float") and "variance" not in variable.name


def assert_alike(model: Any, session: Session, x: Any, rows: int | None = None, tolerance: float = TOLERANCE) -> None:
    """The outputs of the file are those of `predict`: dtypes and shapes too, and numbers to 1e-5 of the largest one.

    With `rows`, the file is given the first rows alone, and its outputs are compared with those of `predict` for them.
    """
    few = x if rows is None else jax.tree.map(lambda array: array[:rows], x)
    expected = jax.tree.leaves(model.predict(x, batch_size=64, verbose=0))
    for ours, whole in zip(session(few), expected, strict=True):
        theirs = whole[:rows]
        assert ours.shape == theirs.shape
        assert ours.dtype == (np.float32 if theirs.dtype.kind in "fV" else theirs.dtype)
        theirs = np.asarray(theirs, ours.dtype)
        scale = max(1.0, float(np.abs(theirs).max(initial=0)) if theirs.dtype != bool else 1.0)
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * scale)


def check(model: Any, tolerance: float = TOLERANCE, **settings: Any) -> Session:
    """Export a model with random weights and compare it with `predict` for 1, 7 and 64 rows."""
    shake(model)
    session = Session(model, **settings)
    x = data_for(model, max(BATCHES))
    for rows in BATCHES:
        assert_alike(model, session, x, rows, tolerance)
    return session


def check_layer(layer: Any, *shapes: Any, dtype: str = "float32", tolerance: float = TOLERANCE) -> Session:
    """`check` of a model with one layer, which is given one input of a shape, or a list of several."""
    inputs = [lamina.Input(shape, dtype=dtype) for shape in shapes]
    return check(lamina.Model(inputs, layer(inputs if len(inputs) > 1 else inputs[0])), tolerance)


def check_function(function: Callable[..., Any], *shapes: Any, dtype: str = "float32") -> Session:
    """`check` of a model that calls a function of `lamina.ops` on inputs of these shapes."""
    inputs = [lamina.Input(shape, dtype=dtype) for shape in shapes]
    return check(lamina.Model(inputs, function(*inputs)))
