"""What an exported model takes and gives, and the text of it."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.core.errors import NotBuiltError
from lamina.export.signature import TensorSpec, endpoint_text, inputs_of, names_of

keras = pytest.importorskip("keras")


def network() -> lamina.Sequential:
    return lamina.Sequential([lamina.Input((28, 28), name="images"), layers.Flatten(), layers.Dense(10)])


def listed(nest: object) -> list[tuple]:
    return [(spec.shape, spec.dtype, spec.name) for spec in jax.tree.leaves(nest)]


def test_inputs_of_graphs_are_those_that_they_declare():
    assert listed(inputs_of(network())) == [((None, 28, 28), "float32", "images")]
    a, b = lamina.Input((3,), name="a", dtype="uint8"), lamina.Input((None, 4), batch_size=2, name="b")
    nest = inputs_of(lamina.Model({"x": a, "y": [b]}, layers.Flatten()(b)))
    assert isinstance(nest, dict)
    assert listed(nest) == [((None, 3), "uint8", "a"), ((2, None, 4), "float32", "b")]


def test_inputs_of_other_models_are_those_that_they_were_built_for():
    model = lamina.Sequential([layers.Flatten(), layers.Dense(2)])
    model(np.zeros((5, 4, 3), "float32"))
    assert listed(inputs_of(model)) == [((None, 4, 3), "float32", "input_layer")]

    class Own(lamina.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs["x"])

    model = Own()
    model({"x": np.zeros((5, 4), "float32")})
    assert listed(inputs_of(model)) == [((None, 4), "float32", "inputs")]


def test_a_model_without_weights_is_refused():
    with pytest.raises(
        NotBuiltError, match=r"export: model 'sequential' has no weights yet, as its input shape is not known"
    ):
        inputs_of(lamina.Sequential([layers.Dense(2)]))


@pytest.mark.parametrize(
    ("signature", "shape"),
    [
        (jax.ShapeDtypeStruct((8, 28, 28), "float32"), (8, 28, 28)),
        ([jax.ShapeDtypeStruct((8, 28, 28), "float32")], (8, 28, 28)),
        ([np.zeros((8, 28, 28), "float32")], (None, 28, 28)),
        ([lamina.Input((28, 28), batch_size=3)], (None, 28, 28)),
        ([TensorSpec((None, 28, 28), "float32")], (None, 28, 28)),
        ([keras.layers.InputSpec(shape=(4, 28, 28), dtype="float32")], (4, 28, 28)),
    ],
)
def test_a_signature_takes_the_place_of_the_inputs(signature, shape):
    ((found, dtype, _),) = listed(inputs_of(network(), signature))
    assert (found, dtype) == (shape, "float32")


def test_something_else_as_a_signature_is_refused():
    with pytest.raises(ValueError, match=r"export: input_signature: expected arrays, .* received 'float32'"):
        inputs_of(network(), ["float32"])


def test_every_array_has_a_name_of_its_own():
    spec = TensorSpec((1,), "float32")
    assert names_of(spec, "inputs") == ["inputs"]
    assert names_of([spec, spec], "inputs") == ["inputs", "inputs_1"]
    assert names_of({"a": spec, "b": TensorSpec((1,), "float32", "c")}, "inputs") == ["a", "b"]
    assert names_of([TensorSpec((1,), "float32", "c")] * 2, "inputs") == ["c", "c_1"]


def test_the_text_of_nests_is_tensorflows():
    image, price = TensorSpec((None, 8), "float32", "x"), TensorSpec((None,), "int32")
    assert endpoint_text([image, image], {"price": price}) == (
        "* Endpoint 'serve'\n"
        "    args_0 (POSITIONAL_ONLY): List[TensorSpec(shape=(None, 8), dtype=float32, name='x'), "
        "TensorSpec(shape=(None, 8), dtype=float32, name='x')]\n"
        "Output Type:\n"
        "    Dict[['price', TensorSpec(shape=(None,), dtype=int32, name=None)]]"
    )
