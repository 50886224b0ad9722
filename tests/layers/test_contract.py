"""What every layer keeps: shapes, dtypes, configs, weights, purity, gradients. A layer without a case fails."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import layers
from lamina.core.symbolic import KerasTensor
from lamina.core.variable import bind
from lamina.layers import convolution, pooling, spatial
from lamina.layers.preprocessing import images

keras = pytest.importorskip("keras")


@dataclass
class Case:
    """How to make a layer and what it takes.

    Attributes:
        arguments: Constructor arguments, the same for Keras.
        shape: Shape of the inputs, batch axis included.
        random: Whether the outputs of training are random.
        weights: Number of weights.
        wrong: Inputs that do not fit after the ones of `shape`, with a part of the message.
    """

    arguments: dict[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = (4, 6)
    random: bool = False
    weights: int = 0
    wrong: list[tuple[tuple[int, ...], str]] = field(default_factory=list)


CASES: dict[str, list[Case]] = {
    "Dense": [
        Case(
            {"units": 3},
            weights=2,
            wrong=[((4, 5), r"\(batch, \.\.\., 6\), received \(4, 5\)"), ((6,), r"received \(6,")],
        ),
        Case(
            {
                "units": 3,
                "activation": "gelu",
                "use_bias": False,
                "kernel_regularizer": "l2",
                "kernel_constraint": "max_norm",
            },
            shape=(2, 3, 5),
            weights=1,
            wrong=[((2, 3, 6), "put Flatten")],
        ),
        Case(
            {
                "units": 2,
                "kernel_initializer": "he_normal",
                "bias_initializer": "ones",
                "bias_regularizer": "l1",
                "bias_constraint": "non_neg",
                "activity_regularizer": "l1l2",
            },
            shape=(2, 2, 3, 4),
            weights=2,
        ),
    ],
    "Identity": [Case(shape=(2, 3, 4))],
    "Activation": [Case({"activation": "tanh"}), Case({"activation": "softmax"}, shape=(2, 3, 4))],
    "Flatten": [Case(shape=(2, 3, 4)), Case({"data_format": "channels_first"}, shape=(2, 3, 4, 5)), Case(shape=(5,))],
    "Reshape": [
        Case(
            {"target_shape": (3, 2)},
            wrong=[((4, 5), r"shape \(5,\) has 5 elements and cannot take the shape \(3, 2\)")],
        ),
        Case({"target_shape": (-1, 4)}, shape=(2, 6, 2), wrong=[((2, 3, 3), "has 9 elements")]),
    ],
    "Permute": [
        Case({"dims": (2, 1)}, shape=(2, 3, 4), wrong=[((2, 3), "dims"), ((2, 3, 4, 5), "dims")]),
    ],
    "RepeatVector": [Case({"n": 3}, wrong=[((2, 3, 4), r"shape \(batch, features\), received \(2, 3, 4\)")])],
    "Masking": [Case({"mask_value": 0.5}, shape=(2, 3, 4))],
    "EinsumDense": [
        Case(
            {"equation": "abc,cd->abd", "output_shape": (3, 5), "bias_axes": "d"},
            shape=(2, 3, 4),
            weights=2,
            wrong=[((2, 3, 6), r"3 axes and sizes .* received shape \(2, 3, 6\)")],
        ),
        Case({"equation": "ab,bc->ac", "output_shape": 5, "activation": "tanh", "kernel_regularizer": "l2"}, weights=1),
    ],
    "Dropout": [
        Case({"rate": 0.4, "seed": 3}, random=True),
        Case(
            {"rate": 0.4, "noise_shape": (None, 1, 4)},
            shape=(2, 3, 4),
            random=True,
            wrong=[
                ((2, 3), r"noise_shape \(None, 1, 4\) does not fit an input of shape \(2, 3\)"),
                ((2, 3, 5), "noise_shape"),
            ],
        ),
        Case({"rate": 0.0}),
    ],
    "BatchNormalization": [
        Case(
            weights=4,
            wrong=[((4, 5), r"6 channels on axis -1, received input of shape \(4, 5\)"), ((6,), "6 channels")],
        ),
        Case(
            {"axis": 1, "momentum": 0.8, "epsilon": 0.01, "scale": False, "beta_initializer": "ones"},
            shape=(3, 4, 5),
            weights=3,
        ),
        Case(
            {"center": False, "gamma_regularizer": "l2", "gamma_constraint": "non_neg"}, shape=(2, 3, 3, 2), weights=3
        ),
        Case({"renorm": True, "renorm_clipping": {"rmin": 1.0, "rmax": 1.0, "dmax": 0.0}}, shape=(8, 3), weights=7),
    ],
    "ReLU": [Case(), Case({"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.2}, shape=(2, 3, 4))],
    "LeakyReLU": [Case(), Case({"negative_slope": 0.1}, shape=(2, 3, 4))],
    "ELU": [Case(), Case({"alpha": 0.5}, shape=(2, 3, 4))],
    "PReLU": [
        Case(weights=1, wrong=[((4, 5), r"alpha of shape \(6,\) does not fit an input of shape \(4, 5\)")]),
        Case(
            {"alpha_initializer": "ones", "alpha_regularizer": "l2", "alpha_constraint": "non_neg", "shared_axes": [1]},
            shape=(2, 3, 4),
            weights=1,
            wrong=[((2, 3, 5), r"alpha of shape \(1, 4\)"), ((2, 4), "alpha")],
        ),
    ],
    "Softmax": [
        Case(),
        Case({"axis": [1, 2]}, shape=(2, 3, 4), wrong=[((2, 3), r"axis \[1, 2\]: expected different axes from -2")]),
    ],
    "GaussianNoise": [Case({"stddev": 0.4, "seed": 3}, random=True), Case({"stddev": 0}, shape=(2, 3, 4))],
    "GaussianDropout": [Case({"rate": 0.4, "seed": 3}, random=True), Case({"rate": 0.0}, shape=(2, 3, 4))],
    "AlphaDropout": [
        Case({"rate": 0.4, "seed": 3}, random=True),
        Case(
            {"rate": 0.4, "noise_shape": (None, 1, 4)},
            shape=(2, 3, 4),
            random=True,
            wrong=[((2, 3), r"noise_shape \(None, 1, 4\) does not fit an input of shape \(2, 3\)")],
        ),
    ],
    "SpatialDropout1D": [
        Case({"rate": 0.4, "seed": 3}, shape=(2, 3, 8), random=True, wrong=[((2, 3), "an input of 3 axes, received")])
    ],
    "SpatialDropout2D": [
        Case({"rate": 0.4}, shape=(2, 3, 3, 8), random=True, wrong=[((2, 3), "an input of 4 axes, received")]),
        Case({"rate": 0.4, "data_format": "channels_first"}, shape=(2, 8, 3, 3), random=True),
    ],
    "SpatialDropout3D": [
        Case({"rate": 0.4}, shape=(2, 3, 2, 3, 8), random=True, wrong=[((2, 3), "an input of 5 axes, received")]),
        Case({"rate": 0.4, "data_format": "channels_first", "seed": 3}, shape=(2, 8, 3, 2, 3), random=True),
    ],
    "ActivityRegularization": [Case({"l1": 0.1, "l2": 0.2}), Case(shape=(2, 3, 4))],
    "LayerNormalization": [
        Case(
            weights=2,
            wrong=[((4, 5), r"size \(6,\) on axis -1, received input of shape \(4, 5\)")],
        ),
        Case(
            {"axis": [1, 2], "epsilon": 0.01, "scale": False, "beta_initializer": "ones", "beta_regularizer": "l2"},
            shape=(2, 3, 4),
            weights=1,
            wrong=[((2, 4, 3), r"size \(3, 4\) on axis \[1, 2\]"), ((2, 3), "expected size")],
        ),
        Case({"center": False, "gamma_regularizer": "l1", "gamma_constraint": "non_neg"}, shape=(2, 3, 4), weights=1),
    ],
    "RMSNormalization": [
        Case(weights=1, wrong=[((4, 5), r"size \(6,\) on axis -1, received input of shape \(4, 5\)")]),
        Case({"axis": [1, 2], "epsilon": 0.01}, shape=(2, 3, 4), weights=1),
    ],
    "GroupNormalization": [
        Case(
            {"groups": 3},
            weights=2,
            wrong=[((4, 5), r"size \(6,\) on axis -1, received input of shape \(4, 5\)"), ((6,), "batch axis")],
        ),
        Case({"groups": 2, "axis": 1, "center": False, "gamma_constraint": "non_neg"}, shape=(2, 4, 3, 5), weights=1),
    ],
    "UnitNormalization": [Case(), Case({"axis": [1, 2]}, shape=(2, 3, 4), wrong=[((2, 3), "axis")])],
    "Normalization": [
        Case(
            weights=3,
            wrong=[((4, 5), r"size \(6,\) on axis \(-1,\), received input of shape \(4, 5\)"), ((6, 5), "size")],
        ),
        Case({"axis": (1, 2), "invert": True}, shape=(2, 3, 4), weights=3),
        Case({"axis": None, "mean": 2.0, "variance": 4.0}),
        Case(
            {"mean": [1.0, 2.0, 3.0], "variance": [1.0, 4.0, 9.0]},
            shape=(2, 3),
            wrong=[((2, 4), r"size \(3,\) on axis")],
        ),
    ],
    "Rescaling": [
        Case({"scale": 1 / 255, "offset": -0.5}),
        Case({"scale": [1.0, 2.0], "offset": [0.0, 3.0]}, shape=(3, 2)),
    ],
    "Conv1D": [
        Case({"filters": 2, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, shape=(2, 6, 3), weights=2),
    ],
    "Conv2D": [
        Case(
            {"filters": 4, "kernel_size": 3, "padding": "same", "activation": "relu"},
            shape=(2, 6, 5, 3),
            weights=2,
            wrong=[
                ((2, 6, 5, 4), r"\(batch, height, width, 3\) \(channels_last\), received \(2, 6, 5, 4\)"),
                ((2, 6, 5), "Grey images need a channel axis"),
            ],
        ),
        Case(
            {
                "filters": 4,
                "kernel_size": (3, 2),
                "strides": 2,
                "groups": 2,
                "use_bias": False,
                "data_format": "channels_first",
                "kernel_regularizer": "l2",
                "kernel_constraint": "max_norm",
            },
            shape=(2, 4, 6, 5),
            weights=1,
            wrong=[((2, 4, 2, 5), "the output would be empty")],
        ),
    ],
    "Conv2DTranspose": [
        Case(
            {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1},
            shape=(2, 4, 3, 3),
            weights=2,
            wrong=[((2, 4, 3, 2), r"\(batch, height, width, 3\)")],
        )
    ],
    "DepthwiseConv2D": [
        Case(
            {"kernel_size": 2, "strides": 2, "depthwise_regularizer": "l2", "use_bias": False},
            shape=(2, 5, 4, 3),
            weights=1,
            wrong=[((2, 5, 4, 2), r"\(batch, height, width, 3\)")],
        )
    ],
    "SeparableConv2D": [
        Case(
            {
                "filters": 4,
                "kernel_size": 2,
                "depth_multiplier": 2,
                "padding": "same",
                "pointwise_constraint": "non_neg",
            },
            shape=(2, 4, 5, 3),
            weights=3,
            wrong=[((2, 4, 5, 2), r"\(batch, height, width, 3\)")],
        )
    ],
    "MaxPooling2D": [
        Case(
            {"pool_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first"},
            shape=(2, 3, 4, 5),
            wrong=[((2, 4, 5), r"images .* received shape \(2, 4, 5\)")],
        )
    ],
    "AveragePooling2D": [
        Case({"pool_size": (2, 3)}, shape=(2, 4, 5, 3), wrong=[((2, 4, 2, 3), "larger than the input")])
    ],
    "GlobalAveragePooling2D": [Case({"keepdims": True}, shape=(2, 4, 5, 3), wrong=[((2, 0, 5, 3), "size 1 or more")])],
    "GlobalMaxPooling1D": [Case(shape=(2, 5, 3), wrong=[((2, 5), "sequences")])],
    "AdaptiveAveragePooling2D": [Case({"output_size": (2, 3)}, shape=(2, 4, 5, 3), wrong=[((2, 4, 5), "images")])],
    "UpSampling2D": [Case({"size": (2, 3)}, shape=(2, 4, 5, 3), wrong=[((2, 4, 5), "images")])],
    "ZeroPadding2D": [Case({"padding": (1, (0, 2))}, shape=(2, 4, 5, 3), wrong=[((2, 4, 5), "images")])],
    "Cropping2D": [Case({"cropping": (1, (0, 2))}, shape=(2, 4, 5, 3), wrong=[((2, 2, 5, 3), "leaves nothing")])],
}
# Public names that are no layers to be called on data; each has tests of its own.
EXCEPTIONS = {"Layer", "Input", "InputLayer", "deserialize", "serialize"}
# Layers that take whole numbers, several arrays, functions or layers; their own tests compare them with Keras.
EXCEPTIONS |= {"Embedding", "Lambda", "Wrapper", "TimeDistributed", "EquinoxLayer", "FlaxLayer", "JaxLayer"}
MERGING = {"Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract"}
EXCEPTIONS |= MERGING | {name.lower() for name in MERGING}
# Keys of Keras' configs for what lamina does not have, by the value that means "off".
# Of the same few classes as those above; their own tests and tests/parity go through all of them.
EXCEPTIONS |= {name for room in (convolution, pooling, spatial) for name in room.__all__} - set(CASES)
# Images come in other forms (one, a list, a dict): tests/parity/images.py has their contract.
EXCEPTIONS |= {"Pipeline", *images.__all__}
KERAS_ONLY = {"quantization_config": None, "gptq_unpacked_column_size": None}

# Layers that hand on whole numbers outside of training.
KEEPS_VALUES = {"Identity", "Flatten", "Reshape", "Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise"}
KEEPS_VALUES |= {"MaxPooling2D", "GlobalMaxPooling1D", "UpSampling2D", "ZeroPadding2D", "Cropping2D"}
KEEPS_VALUES |= {
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
    "ActivityRegularization",
    "Permute",
    "RepeatVector",
    "Masking",
}

PAIRS = [(name, case) for name, cases in CASES.items() for case in cases]
IDS = [f"{name}-{number}" for name, cases in CASES.items() for number in range(len(cases))]
every_layer = pytest.mark.parametrize(("name", "case"), PAIRS, ids=IDS)


def make(kind: str, case: Case, **extra: Any) -> Any:
    return getattr(layers, kind)(**case.arguments, **extra)


def inputs_of(case: Case, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=case.shape).astype(np.float32)


def made_and_built(kind: str, case: Case, **extra: Any) -> tuple[Any, np.ndarray]:
    layer, x = make(kind, case, **extra), inputs_of(case)
    layer(x)
    return layer, x


def plain(config: Any) -> Any:
    """A config as it comes out of a file, with floats in 32 bits, to which Keras rounds the factors of regularizers."""
    return json.loads(json.dumps(config), parse_float=lambda text: float(np.float32(text)))


def one(default: Any) -> Any:
    """A number in place of a tuple of it, as (1, 1)."""
    return default[0] if isinstance(default, tuple) and len(set(default)) == 1 else default


def pure(layer: Any, training: bool) -> Any:
    """The layer as a function of weights and inputs that returns outputs and new weights."""

    def run(values, x):
        with bind(layer.variables, values, key=jax.random.key(0)):
            outputs = layer(x, training=training)
            return outputs, [v.value for v in layer.variables]

    return run


def test_every_public_layer_has_a_case():
    assert set(CASES) | EXCEPTIONS == set(layers.__all__)


@every_layer
def test_output_shape_is_the_computed_one(name, case):
    layer, x = make(name, case), inputs_of(case)
    expected = layer.compute_output_shape(x.shape)
    assert layer(x).shape == expected
    assert layer.compute_output_shape((None, *x.shape[1:])) == (None, *expected[1:])
    traced = layers.Layer.compute_output_shape(layer, (None, *x.shape[1:]))  # the general way: by tracing
    assert traced == (None, *expected[1:])


@every_layer
def test_signature_has_keras_arguments_and_defaults(name, case):
    ours = inspect.signature(getattr(layers, name)).parameters
    theirs = inspect.signature(getattr(keras.layers, name)).parameters
    expected = [(p.name, one(p.default)) for p in theirs.values() if p.name not in (*KERAS_ONLY, "kwargs")]
    found = [(p.name, one(p.default)) for p in ours.values() if p.name != "kwargs"]  # some of Keras' layers lack them
    assert found == [p for p in expected if not p[0].startswith("lora_")]


@every_layer
@pytest.mark.parametrize("training", [False, True])
def test_values_and_new_weights_are_finite_and_float32(name, case, training):
    layer, x = made_and_built(name, case)
    y = layer(x, training=training)
    assert y.dtype == jnp.float32
    for array in [y, *layer.get_weights()]:
        assert np.isfinite(array).all()
    assert len(layer.weights) == case.weights
    assert layer.count_params() == sum(w.size for w in layer.get_weights())


@every_layer
def test_inference_changes_nothing_and_repeats(name, case):
    layer, x = made_and_built(name, case)
    before, first = layer.get_weights(), layer(x)
    np.testing.assert_array_equal(layer(x, training=False), first)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@every_layer
@pytest.mark.parametrize("training", [False, True])
def test_compiled_equals_eager(name, case, training):
    layer, x = made_and_built(name, case)
    values = [v.value for v in layer.variables]
    run = pure(layer, training)
    eager, compiled = run(values, x), jax.jit(run)(values, x)
    for first, second in zip(jax.tree.leaves(eager), jax.tree.leaves(compiled), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-6)
    for variable, value in zip(layer.variables, values, strict=True):
        assert variable.value is value  # a bound call leaves the layer alone
    if not case.random:
        np.testing.assert_allclose(layer(x, training=training), compiled[0], rtol=1e-5, atol=1e-6)


@every_layer
def test_training_of_a_random_layer_differs_from_call_to_call_only_outside_of_a_step(name, case):
    layer, x = made_and_built(name, case)
    values = [v.value for v in layer.variables]
    first, second = (pure(layer, True)(values, x)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert np.array_equal(layer(x, training=True), layer(x, training=True)) != case.random


@every_layer
def test_gradients_are_finite_and_exist(name, case):
    layer, x = made_and_built(name, case)
    variables = layer.variables
    trainable = [v.trainable for v in variables]

    def loss(values, x, training):
        with bind(variables, values, key=jax.random.key(0)):
            return jnp.sum(jnp.sin(layer(x, training=training)))

    @jax.jit
    def slopes(values, x):
        return [jax.grad(loss, argnums=(0, 1), allow_int=True)(values, x, training) for training in (False, True)]

    for gradients, slope in slopes([v.value for v in variables], x):
        assert np.any(slope)
        for gradient in [g for g, wanted in zip(gradients, trainable, strict=True) if wanted] + [slope]:
            assert np.isfinite(gradient).all()


@every_layer
def test_weights_have_keras_names_shapes_dtypes_and_order(name, case):
    layer, x = made_and_built(name, case)
    theirs = getattr(keras.layers, name)(**case.arguments, name=layer.name)
    theirs(x)
    described = [(w.path, w.name, w.shape, w.dtype) for w in layer.weights]
    assert described == [(w.path, w.name, tuple(w.shape), w.dtype) for w in theirs.weights]
    assert [w.path for w in layer.trainable_weights] == [w.path for w in theirs.trainable_weights]
    assert [w.path for w in layer.non_trainable_weights] == [w.path for w in theirs.non_trainable_weights]


@every_layer
def test_config_is_keras(name, case):
    ours = make(name, case, name="it").get_config()
    theirs = getattr(keras.layers, name)(**case.arguments, name="it").get_config()
    for key, off in KERAS_ONLY.items():
        assert theirs.pop(key, off) == off
    assert plain(ours) == plain(theirs)


@every_layer
@pytest.mark.parametrize("extra", [{}, {"trainable": False, "name": "it", "dtype": "mixed_bfloat16"}])
def test_config_builds_an_equal_layer(name, case, extra):
    layer, x = made_and_built(name, case, **extra)
    config = json.loads(json.dumps(layers.serialize(layer)))
    again = layers.deserialize(config)
    assert type(again) is type(layer)
    assert json.loads(json.dumps(again.get_config())) == json.loads(json.dumps(layer.get_config()))
    again.build_from_config(json.loads(json.dumps(layer.get_build_config())) or {})
    if layer.weights:
        again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), layer(x))
    assert again.trainable == layer.trainable


@every_layer
def test_keras_builds_its_layer_from_our_config_and_agrees(name, case):
    layer, x = made_and_built(name, case)
    theirs = keras.layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))
    theirs.build(x.shape)
    theirs.set_weights(layer.get_weights())
    np.testing.assert_allclose(theirs(x), layer(x), rtol=1e-5, atol=1e-6)


@every_layer
def test_our_layer_is_built_from_keras_config(name, case):
    theirs = getattr(keras.layers, name)(**case.arguments)
    layer = layers.deserialize(json.loads(json.dumps(keras.layers.serialize(theirs))))
    assert type(layer) is getattr(layers, name)
    assert layer(inputs_of(case)).shape == tuple(theirs.compute_output_shape(case.shape))


@every_layer
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_are_whole_and_independent(name, case, duplicate):
    layer, x = made_and_built(name, case)
    again = duplicate(layer)
    before = np.asarray(layer(x))
    np.testing.assert_array_equal(again(x), before)
    again.set_weights([w + 1 for w in again.get_weights()])
    again.trainable = False
    np.testing.assert_array_equal(layer(x), before)
    assert layer.trainable


@every_layer
def test_mixed_precision_computes_in_16_bits_and_stores_32(name, case):
    layer, x = made_and_built(name, case, dtype="mixed_bfloat16")
    for training in (False, True):
        assert layer(x, training=training).dtype == jnp.bfloat16
    assert {v.dtype for v in layer.weights} <= {"float32", "int32"}
    exact = make(name, case)
    exact.build(x.shape)
    exact.set_weights(layer.get_weights())
    np.testing.assert_allclose(np.asarray(layer(x), np.float32), exact(x), rtol=0.05, atol=0.05)


@every_layer
def test_arrays_lists_and_doubles_give_the_same(name, case):
    layer, x = made_and_built(name, case)
    expected = layer(x)
    for same in (x.astype(np.float64), x.tolist(), jnp.asarray(x), x[::1].copy(order="F")):
        y = layer(same)
        assert y.dtype == jnp.float32
        np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)


@every_layer
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
def test_whole_numbers_and_booleans_are_taken_as_keras_takes_them(name, case, dtype):
    layer, _ = made_and_built(name, case)
    x = np.random.default_rng(1).integers(0, 2, case.shape).astype(dtype)
    if name == "Activation" and dtype is not np.int64:
        x = x.astype(np.int64)
    y, expected = layer(x), layer(x.astype(np.float32))
    np.testing.assert_allclose(np.asarray(y, np.float32), expected, rtol=1e-6, atol=1e-6)
    keeps_values = name in KEEPS_VALUES or (name == "ReLU" and not case.arguments)
    assert jnp.issubdtype(y.dtype, jnp.floating) != keeps_values


@every_layer
def test_other_inputs_are_refused_by_name(name, case):
    layer = make(name, case, name="mine")
    with pytest.raises(ValueError, match=r"Layer 'mine': expected numbers as input, received dtype <U1"):
        layer(np.full(case.shape, "a"))
    assert isinstance(layer(KerasTensor(case.shape, "float32", "x")), KerasTensor)
    if name != "Identity":
        with pytest.raises(ValueError, match=r"'mine': expected one array, received a list of arrays of shapes \[\("):
            layer([inputs_of(case), inputs_of(case)])
        with pytest.raises(ValueError, match="'mine': expected one array, received a dict of arrays"):
            layer({"a": inputs_of(case)})


WRONG = [(name, case, shape, text) for name, case in PAIRS for shape, text in case.wrong]


@pytest.mark.parametrize(("name", "case", "shape", "text"), WRONG)
def test_wrong_shapes_name_the_layer_and_both_shapes_and_change_nothing(name, case, shape, text):
    layer, x = made_and_built(name, case, name="mine")
    before = np.asarray(layer(x))
    with pytest.raises(ValueError, match=f"{name} 'mine': .*{text}"):
        layer(np.zeros(shape, np.float32))
    np.testing.assert_array_equal(layer(x), before)


@every_layer
def test_no_rows_give_no_rows(name, case):
    layer, x = made_and_built(name, case)
    if case.arguments.get("noise_shape"):
        return
    y = layer(x[:0])
    assert y.shape == (0, *layer.compute_output_shape(x.shape)[1:])


@every_layer
def test_a_frozen_layer_has_no_trainable_weights(name, case):
    layer, _ = made_and_built(name, case)
    layer.trainable = False
    assert layer.trainable_weights == []
    assert [w.path for w in layer.non_trainable_weights] == [w.path for w in layer.weights]


@every_layer
def test_unknown_arguments_give_the_closest_match(name, case):
    with pytest.raises(TypeError, match=f"{name}: unknown argument 'trainble'. Did you mean 'trainable'"):
        make(name, case, trainble=False)
