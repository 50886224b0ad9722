"""What the parity tests of layers share: a layer and Keras' own with the same weights, and the ways to compare them."""

from __future__ import annotations

import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import layers
from lamina.core.variable import bind

keras = pytest.importorskip("keras")

SIXTEEN_BITS = ["bfloat16", "float16", "mixed_bfloat16", "mixed_float16"]
KERAS_ONLY = {"quantization_config": None}  # keys of Keras' configs that lamina leaves out, with what means "off"


def some(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def assert_same(ours: Any, theirs: Any, rtol: float = 1e-6) -> None:
    """Shapes, dtypes, and values to `rtol` relative; sums of terms that cancel, to `rtol` of the largest entry."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    ours, theirs = (a.astype(np.float32) if a.dtype.name == "bfloat16" else a for a in (ours, theirs))
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * float(np.abs(theirs).max(initial=0)))


def values_of(layer: Any) -> list[np.ndarray]:
    """The weights of a layer of Keras, whose own get_weights warns under NumPy 2."""
    return [np.asarray(w.value) for w in layer.weights]


def pair(kind: str, **arguments: Any) -> tuple[Any, Any]:
    """The layer and Keras' own, made with the same arguments."""
    return getattr(layers, kind)(**arguments), getattr(keras.layers, kind)(**arguments)


def twins(kind: str, shape: tuple[int, ...], *, seed: int = 1, **arguments: Any) -> tuple[Any, Any]:
    """The layer and Keras' own, built for the shape and given the same random weights."""
    ours, theirs = pair(kind, **arguments)
    ours.build((None, *shape[1:]))
    theirs.build((None, *shape[1:]))
    rng = np.random.default_rng(seed)
    weights = [rng.uniform(0.5, 1.5, w.shape) for w in values_of(theirs)]
    assert [(w.name, w.shape, w.dtype) for w in ours.weights] == [(w.name, w.shape, w.dtype) for w in theirs.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    return ours, theirs


def outputs_and_slopes(layer: Any, x: Any, **call: Any) -> tuple[Any, Any, Any]:
    """Outputs of our layer, and the gradients of a weighted sum of them in weights and inputs."""
    trainable, rest = layer.trainable_variables, layer.non_trainable_variables

    def loss(values: Any, x: Any) -> Any:
        with bind([*trainable, *rest], [*values, *(v.value for v in rest)]):
            outputs = layer(x, **call)
        return _weighted_sum(outputs), outputs

    (_, outputs), slopes = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(
        [v.value for v in trainable], x
    )
    return outputs, *slopes


def keras_outputs_and_slopes(layer: Any, x: Any, **call: Any) -> tuple[Any, Any, Any]:
    """The same of Keras' layer, with the casts of its policy, which its own stateless_call leaves out."""
    trainable = layer.trainable_variables

    def loss(values: Any, x: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(trainable, values, strict=True))):
            outputs = layer(x, **call)
        return _weighted_sum(outputs), outputs

    (_, outputs), slopes = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(
        [v.value for v in trainable], x
    )
    return outputs, *slopes


def _weighted_sum(outputs: Any) -> Any:
    weights = np.linspace(-1, 2, max(outputs.size, 1), dtype=np.float32).reshape(outputs.shape)
    return jnp.sum(outputs.astype(jnp.float32) * weights)


def assert_same_function(ours: Any, theirs: Any, x: Any, rtol: float = 1e-6, **call: Any) -> None:
    """Outputs, and gradients in inputs and weights."""
    x = jnp.asarray(x)
    mine, other = outputs_and_slopes(ours, x, **call), keras_outputs_and_slopes(theirs, x, **call)
    for first, second in zip(jax.tree.leaves(mine), jax.tree.leaves(other), strict=True):
        assert_same(first, second, rtol)


def assert_same_configs(kind: str, x: Any, **arguments: Any) -> None:
    """Equal configs, from which each library builds the layer of the other, with the same outputs."""
    ours, theirs = pair(kind, name="it", **arguments)
    expected = theirs.get_config()
    for key, off in KERAS_ONLY.items():
        assert expected.pop(key, off) == off
    assert _plain(ours.get_config()) == _plain(expected)
    again = layers.deserialize(_plain(keras.layers.serialize(theirs)))
    other = keras.layers.deserialize(_plain(layers.serialize(ours)))
    assert type(again) is type(ours)
    assert type(other) is type(theirs)
    assert _plain(again.get_config()) == _plain(ours.get_config())
    again.build(x.shape)
    other.build(x.shape)
    assert_same(jax.jit(again)(x), jax.jit(other)(x), rtol=3e-6)


def _plain(config: Any) -> Any:
    """A config as it comes out of a file, with floats in 32 bits, to which Keras rounds the factors of regularizers."""
    return json.loads(json.dumps(config), parse_float=lambda text: float(np.float32(text)))
