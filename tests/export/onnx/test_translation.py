"""Whole models in ONNX files: graphs, classes, masks, layers of users, and what is refused."""

from __future__ import annotations

import importlib.machinery
import sys
import types
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers, ops
from lamina.core.errors import LaminaError
from lamina.export import onnx_emitter
from lamina.export.onnx.exporting import onnx_model
from lamina.export.signature import inputs_of
from tests.export.onnx.session import Session, assert_alike, check, shake


def cnn(**settings: Any) -> lamina.Sequential:
    """Convolutions, normalization, pooling, a flat end."""
    return lamina.Sequential(
        [
            lamina.Input((14, 14, 3)),
            layers.Conv2D(8, 3, padding="same", activation="relu", **settings),
            layers.BatchNormalization(**settings),
            layers.MaxPooling2D(**settings),
            layers.Conv2D(8, 3, **settings),
            layers.LeakyReLU(**settings),
            layers.PReLU(shared_axes=[1, 2], **settings),
            layers.AveragePooling2D(2, **settings),
            layers.Flatten(**settings),
            layers.Dropout(0.5, **settings),
            layers.Dense(5, activation="softmax", **settings),
        ]
    )


# Graphs ---------------------------------------------------------------------------------------------------------------


def test_images_are_turned_once_at_the_entry_and_once_at_the_exit():
    operations = check(cnn()).operations
    assert operations.count("Transpose") == 2
    assert operations[0] == "Transpose"
    assert operations.index("Flatten") == len(operations) - 1 - operations[::-1].index("Transpose") + 1


def test_channels_first_needs_no_turns():
    model = lamina.Sequential(
        [
            lamina.Input((3, 14, 14)),
            layers.Conv2D(8, 3, data_format="channels_first", activation="relu"),
            layers.MaxPooling2D(data_format="channels_first"),
            layers.GlobalAveragePooling2D(data_format="channels_first"),
        ]
    )
    assert check(model).operations == ["Conv", "Relu", "MaxPool", "ReduceMean"]


def test_a_residual_block_is_added_before_the_images_are_turned_back():
    x = lamina.Input((8, 8, 4))
    y = layers.Conv2D(4, 3, padding="same", activation="relu")(x)
    z = layers.Add()([y, layers.Conv2D(4, 3, padding="same")(y)])
    joined = layers.Concatenate()([z, layers.Conv2D(2, 1)(z)])
    operations = check(lamina.Model(x, layers.GlobalMaxPooling2D()(joined))).operations
    assert operations.count("Transpose") == 1


def test_nodes_and_weights_carry_the_names_of_the_layers():
    model = lamina.Sequential(
        [
            lamina.Input((4,), name="features"),
            layers.Dense(3, activation="relu", name="hidden"),
            layers.Dense(1, name="price"),
        ]
    )
    session = Session(model)
    assert [node.name for node in session.proto.graph.node] == ["hidden/Gemm", "hidden/relu/Relu", "price"]
    assert [one.name for one in session.proto.graph.initializer] == [
        "hidden/kernel",
        "hidden/bias",
        "price/kernel",
        "price/bias",
    ]
    assert (session.inputs, session.outputs) == (["features"], ["price"])
    assert (session.proto.graph.name, session.proto.producer_name) == ("sequential", "lamina")
    assert session.proto.opset_import[0].version == 18
    assert session.proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_many_inputs_and_outputs_keep_their_names_and_order():
    deep, wide = lamina.Input((6,), name="deep"), lamina.Input((5,), name="wide")
    hidden = layers.Dense(4, activation="relu")(deep)
    main = layers.Dense(1, name="main")(layers.Concatenate()([wide, hidden]))
    session = check(lamina.Model([wide, deep], {"aux": layers.Dense(2)(hidden), "main": main}))
    assert (session.inputs, session.outputs) == (["wide", "deep"], ["aux", "main"])


def test_dicts_of_inputs_are_fed_by_their_keys():
    nest = {"b": lamina.Input((3,), name="second"), "a": lamina.Input((3,), name="first")}
    session = check(lamina.Model(nest, nest["a"] - nest["b"] * 2))
    assert session.inputs == ["a", "b"]


def test_a_shared_layer_has_its_weights_once():
    first, second = lamina.Input((6,)), lamina.Input((6,))
    shared = layers.Dense(4, activation="tanh", name="shared")
    session = check(lamina.Model([first, second], layers.Subtract()([shared(first), shared(second)])))
    assert [one.name for one in session.proto.graph.initializer] == ["shared/kernel", "shared/bias"]


def test_nested_models_stand_under_their_own_names():
    inner = lamina.Sequential([lamina.Input((6,)), layers.Dense(4, activation="relu", name="code")], name="encoder")
    x = lamina.Input((6,))
    outer = lamina.Model(x, layers.Dense(2)(lamina.Model(x, inner(x) * 2.0, name="middle")(x)))
    names = [node.name for node in check(outer).proto.graph.node]
    assert names[0] == "middle/encoder/code/Gemm"


def test_a_nested_model_that_is_called_on_another_shape_is_followed_anew():
    inner = lamina.Sequential([lamina.Input((None, 6)), layers.Conv1D(3, 2), layers.GlobalMaxPooling1D()])
    x = lamina.Input((9, 6))
    check(lamina.Model(x, inner(x)))


def test_an_input_that_is_an_output_and_one_tensor_as_two_outputs():
    x = lamina.Input((3,))
    y = layers.Dense(2)(x)
    check(lamina.Model(x, [x, y, y]))


def test_free_axes_stay_free():
    x = lamina.Input((None, None, 3))
    model = lamina.Model(x, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, padding="same")(x)))
    session = check(model)
    for size in ((5, 9), (12, 4)):
        assert_alike(model, session, np.random.default_rng(0).normal(size=(2, *size, 3)).astype("float32"))


@pytest.mark.parametrize("opset", [18, 19, 20, 21])
def test_every_opset_that_is_taken_gives_the_same(opset):
    check(cnn(), opset=opset)
    x = lamina.Input((4, 6))
    y = layers.LayerNormalization()(layers.GroupNormalization(2)(layers.ReLU(6.0)(x)))
    pooled = ops.max(y, axis=1) + ops.sum(ops.pad(y, ((0, 0), (1, 1), (0, 0))), axis=1)
    check(lamina.Model(x, ops.clip(layers.Softmax()(pooled), 0.1, 0.9)), opset=opset)


# Masks, 16 bits, layers around layers --------------------------------------------------------------------------------


def embedded(**settings: Any) -> Any:
    x = lamina.Input((7,), dtype="int32")
    return x, layers.Embedding(6, 4, mask_zero=True, **settings)(x)


def test_embedding():
    x = lamina.Input((7,), dtype="int32")
    check(lamina.Model(x, layers.Embedding(6, 4)(x)))
    flat = lamina.Input((), dtype="int32")
    check(lamina.Model(flat, layers.Embedding(6, 4)(flat)))
    floats = lamina.Input((7,))
    model = lamina.Model(floats, layers.Embedding(6, 4)(floats))
    assert_alike(model, Session(model), np.random.default_rng(0).integers(0, 6, (7, 7)).astype("float32"))


@pytest.mark.parametrize("number", [-1, 6])
def test_a_number_outside_of_the_table_is_an_error_of_the_runtime(number):
    x = lamina.Input((2,), dtype="int32")
    session = Session(lamina.Model(x, layers.Embedding(6, 4)(x)))
    with pytest.raises(Exception, match="indices element out of data bounds"):
        session(np.array([[1, number]], "int32"))


def test_masks_reach_the_layers_that_look_at_them():
    x, y = embedded()
    check(lamina.Model(x, layers.GlobalAveragePooling1D()(layers.Dropout(0.5)(layers.Dense(3)(y)))))
    x, y = embedded()
    check(lamina.Model(x, layers.Softmax(axis=1)(layers.BatchNormalization()(y))))
    x, y = embedded()
    both = layers.Concatenate()([y, layers.Activation("tanh")(y)])
    check(lamina.Model(x, layers.GlobalAveragePooling1D(keepdims=True)(layers.Average()([both, both]))))
    z = lamina.Input((5, 3))
    steps = layers.TimeDistributed(layers.Dense(2))(layers.Masking(mask_value=0.5)(z))
    check(lamina.Model(z, layers.GlobalAveragePooling1D()(steps)))


def test_masked_steps_do_not_count():
    model = lamina.Sequential([lamina.Input((4, 2)), layers.Masking(), layers.GlobalAveragePooling1D()])
    x = np.random.default_rng(0).normal(size=(7, 4, 2)).astype("float32")
    x[:, 2:] = 0
    x[3] = 0  # no step of this row counts
    session = Session(model)
    assert_alike(model, session, x)
    np.testing.assert_allclose(session(x)[0][0], x[0, :2].mean(0), rtol=1e-6)


def test_time_distributed():
    x = lamina.Input((5, 8, 8, 3))
    check(lamina.Model(x, layers.TimeDistributed(layers.Conv2D(2, 3, activation="relu"))(x)))
    free = lamina.Input((None, 6))
    check(lamina.Model(free, layers.TimeDistributed(layers.Dense(3))(free)))


def test_pipelines_and_lambdas():
    x = lamina.Input((8, 8, 3), dtype="uint8")
    pipeline = layers.Pipeline([layers.RandomFlip(), layers.Rescaling(1 / 255)])
    check(lamina.Model(x, layers.Lambda(lambda x, power: ops.square(x) ** power, arguments={"power": 2})(pipeline(x))))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16", "mixed_float16"])
def test_16_bit_models_compute_in_32_bits(policy):
    model = cnn(dtype=policy)
    shake(model)
    session = Session(model)
    exact = cnn()
    exact.set_weights([np.asarray(w, "float32") for w in model.get_weights()])
    x = np.random.default_rng(0).normal(size=(7, 14, 14, 3)).astype("float32")
    assert_alike(exact, session, x)
    np.testing.assert_allclose(session(x)[0], np.asarray(model.predict(x), "float32"), atol=0.05)


# Classes of one's own -------------------------------------------------------------------------------------------------


class Block(layers.Layer):
    """A layer made of layers, of operations and of a weight of its own."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units, activation="relu")

    def build(self, input_shape: Any) -> None:
        self.dense.build(input_shape)
        self.factor = self.add_weight((self.units,), "ones", name="factor")

    def call(self, inputs: Any, training: bool = False) -> Any:
        outputs = self.dense(inputs) * self.factor
        return ops.concatenate([outputs, inputs], axis=-1) if not training else outputs


class Network(lamina.Model):
    """A class whose call is Python code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.blocks = [Block(4), Block(3)]
        self.head = layers.Dense(2, activation=lambda x: ops.sigmoid(x) * 2)

    def call(self, inputs: Any) -> Any:
        for block in self.blocks:
            inputs = block(inputs)
        return {"class": self.head(inputs), "code": inputs[:, :2]}


def test_classes_of_ones_own_are_followed_by_their_calls():
    model = Network()
    x = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
    model.predict(x) if model.built else model(x)
    shake(model)
    session = Session(model)
    assert (session.inputs, session.outputs) == (["inputs"], ["class", "code"])
    assert "block/dense/Gemm" in [node.name for node in session.proto.graph.node]
    for rows in (1, 7, 64):
        assert_alike(model, session, x, rows)


def test_an_export_leaves_no_trace_in_the_layers():
    x = lamina.Input((5,))
    block = Block(4)
    model = lamina.Model(x, block(x))
    Session(model)
    assert block.output is model.output
    assert layers.Dense(1).name == "dense_1"
    with pytest.raises(LaminaError, match="it was not called"):
        _ = block.dense.output


class Wave(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return jnp.sin(inputs) * 3


def test_a_layer_of_other_code_is_refused_with_the_ways_out():
    model = lamina.Sequential([lamina.Input((3,)), layers.Dense(2), Wave(name="mine")])
    with pytest.raises(LaminaError) as caught:
        onnx_model(model, inputs_of(model))
    message = str(caught.value)
    assert message.startswith(
        "export: model 'sequential': lamina cannot write these layers into an ONNX file: 'mine' (Wave): its code "
        "cannot be followed on symbolic tensors ("
    )
    assert 'format="stablehlo" takes any model' in message
    assert "@lamina.export.onnx_emitter(MyLayer)" in message
    assert "jax2onnx" in message


def test_all_layers_that_are_refused_are_listed():
    x = lamina.Input((3,))
    y = layers.Dense(2)(Wave(name="first")(x))
    model = lamina.Model(x, layers.Lambda(jnp.sin, name="second")(ops.median(y, axis=1)))
    with pytest.raises(LaminaError, match=r"'first' \(Wave\): .*; 'median' \(Median\): .*; 'second' \(Lambda\): "):
        onnx_model(model, inputs_of(model))


def test_an_emitter_of_the_users_writes_the_layer():
    class Fourth(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return jnp.power(inputs, 4)

    @onnx_emitter(Fourth)
    def emit(graph: Any, layer: Any, x: Any) -> Any:
        return graph.apply(ops.square, graph.add("Mul", x, x))

    check(lamina.Sequential([lamina.Input((3,)), Fourth(), layers.Dense(2)]))


def test_an_emitter_of_another_number_of_outputs_is_told_so():
    class Pair(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return jnp.sin(inputs), jnp.cos(inputs)

    @onnx_emitter(Pair)
    def emit(graph: Any, layer: Any, x: Any) -> Any:
        return graph.add("Sin", x)

    x = lamina.Input((3,))
    model = lamina.Model(x, Pair(name="pair")(x))
    with pytest.raises(LaminaError, match=r"'pair' \(Pair\): its ONNX emitter returned 1 values, and its call gives 2"):
        onnx_model(model, inputs_of(model))


def test_an_error_in_an_emitter_says_where_it_was_raised():
    class Fifth(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return jnp.power(inputs, 5)

    @onnx_emitter(Fifth)
    def emit(graph: Any, layer: Any, x: Any) -> Any:
        return x.shape[7]

    model = lamina.Sequential([lamina.Input((3,)), Fifth(name="fifth")])
    with pytest.raises(IndexError) as caught:
        onnx_model(model, inputs_of(model))
    assert caught.value.__notes__ == ["Raised while 'fifth' was written into an ONNX file."]


def test_a_subclass_with_a_call_of_its_own_does_not_take_the_emitter_of_its_base():
    class Doubled(layers.Dense):
        def call(self, inputs: Any) -> Any:
            return super().call(inputs) * 2

    class Named(layers.Dense):
        """Nothing but another name."""

    check(lamina.Sequential([lamina.Input((3,)), Named(2)]))
    model = lamina.Sequential([lamina.Input((3,)), Doubled(2)])
    with pytest.raises(LaminaError, match=r"\(Doubled\): its code cannot be followed"):
        onnx_model(model, inputs_of(model))


def test_a_call_in_training_mode_is_refused():
    x = lamina.Input((3,))
    model = lamina.Model(x, layers.Dropout(0.5)(x, training=True))
    with pytest.raises(LaminaError, match=r"'dropout' \(Dropout\): it is called with training=True"):
        onnx_model(model, inputs_of(model))


def test_masks_that_no_emitter_follows_are_refused():
    x, y = embedded()
    model = lamina.Model(x, layers.Multiply()([y, y]))
    with pytest.raises(LaminaError, match=r"'multiply' \(Multiply\): it leaves masked elements out"):
        onnx_model(model, inputs_of(model))


def test_code_of_other_libraries_is_refused():
    x = lamina.Input((3,))
    layer = layers.JaxLayer(lambda params, inputs: jnp.sin(inputs) * params[0], lambda rng, inputs: [jnp.ones(1)])
    model = lamina.Model(x, layer(x))
    with pytest.raises(LaminaError, match=r"'jax_layer' \(JaxLayer\)"):
        onnx_model(model, inputs_of(model))


# jax2onnx -------------------------------------------------------------------------------------------------------------


def test_jax2onnx_takes_over_where_it_is_installed():
    pytest.importorskip("jax2onnx", reason="jax2onnx is not installed: pip install jax2onnx")
    model = lamina.Sequential([lamina.Input((3,)), Wave(), layers.Dense(2)])
    session = Session(model)
    assert (session.inputs, session.outputs) == (["input_layer"], ["dense"])
    assert_alike(model, session, np.random.default_rng(0).normal(size=(7, 3)).astype("float32"))


def test_jax2onnx_that_fails_too_is_told(monkeypatch):
    failing = types.ModuleType("jax2onnx")
    failing.__spec__ = importlib.machinery.ModuleSpec("jax2onnx", None)
    failing.to_onnx = lambda *_, **__: 1 / 0
    monkeypatch.setitem(sys.modules, "jax2onnx", failing)
    model = lamina.Sequential([lamina.Input((3,)), Wave(name="mine")])
    with pytest.raises(LaminaError, match=r"'mine' \(Wave\): .* It is installed, and failed: division by zero"):
        onnx_model(model, inputs_of(model))
