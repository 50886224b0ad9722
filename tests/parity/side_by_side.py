"""A layer of lamina beside Keras' own, on nests of inputs and with masks: outputs, gradients, configs."""

from __future__ import annotations

import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core.variable import bind
from lamina.layers.base import family

keras = pytest.importorskip("keras")


def some(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal numbers of a shape, float32; another shape has other numbers."""
    return np.random.default_rng([seed, *shape]).normal(size=shape).astype(np.float32)


def assert_same(ours: Any, theirs: Any, rtol: float = 1e-6) -> None:
    """Shapes, dtypes, and values to `rtol` relative; sums of terms that cancel, to `rtol` of the largest entry."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * float(np.abs(theirs).max(initial=0)))


def plain(config: Any) -> Any:
    """A config as it comes out of a file, with floats in 32 bits, to which Keras rounds the factors of regularizers."""
    return json.loads(json.dumps(config), parse_float=lambda text: float(np.float32(text)))


def build(ours: Any, theirs: Any, inputs: Any) -> None:
    """Build both layers, if they are not, and give them the same random weights."""
    if ours.built and theirs.built:
        return
    shapes = jax.tree.map(np.shape, inputs)
    ours.build(shapes)
    theirs.build(shapes)
    share_weights(ours, theirs)


def share_weights(ours: Any, theirs: Any, seed: int = 1) -> None:
    """Give both layers, which are built, the same random weights."""
    rng = np.random.default_rng(seed)
    weights = [rng.uniform(0.5, 1.5, w.shape) for w in theirs.weights]
    assert [(v.name, v.shape, v.dtype) for v in ours.weights] == [(v.name, v.shape, v.dtype) for v in theirs.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)


def set_keras_mask(x: Any, mask: Any) -> Any:
    """Let an array carry a mask for Keras."""
    if mask is not None:
        keras.src.backend.set_keras_mask(x, jnp.asarray(mask))
    return x


def compare(ours: Any, theirs: Any, inputs: Any, masks: Any = None, rtol: float = 1e-6, **call: Any) -> None:
    """Outputs, and gradients in trainable weights and float inputs, are the same.

    Args:
        ours, theirs: The layers; they are built if they are not.
        inputs: Array or nest of arrays.
        masks: Mask of a single input, or list of masks and None for a list.
        rtol: How close, relative to the largest entry.
        call: Further arguments of both calls.
    """
    build(ours, theirs, inputs)
    leaves, structure = jax.tree.flatten(inputs)
    floats = [i for i, x in enumerate(leaves) if np.asarray(x).dtype.kind == "f"]
    mask_of_leaf = masks if isinstance(masks, list) else [masks] * len(leaves)
    given_mask = {} if masks is None else {"mask": masks}

    def whole(given: list[Any]) -> list[Any]:
        filled = dict(zip(floats, given, strict=True))
        return [filled.get(i, jnp.asarray(x)) for i, x in enumerate(leaves)]

    def our_loss(weights: list[Any], given: list[Any]) -> Any:
        rest = ours.non_trainable_variables
        with bind([*ours.trainable_variables, *rest], [*weights, *(v.value for v in rest)]):
            outputs = ours(jax.tree.unflatten(structure, whole(given)), **given_mask, **call)
        return _weighted_sum(outputs), outputs

    def keras_loss(weights: list[Any], given: list[Any]) -> Any:
        arrays = [set_keras_mask(x * 1, m) for x, m in zip(whole(given), mask_of_leaf, strict=True)]
        state = [v.value for v in theirs.non_trainable_variables]
        outputs, _ = theirs.stateless_call(weights, state, jax.tree.unflatten(structure, arrays), **call)
        return _weighted_sum(outputs), outputs

    given = [jnp.asarray(leaves[i]) for i in floats]
    mine, other = (
        jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))([v.value for v in variables], given)
        for loss, variables in ((our_loss, ours.trainable_variables), (keras_loss, theirs.trainable_variables))
    )
    for first, second in zip(jax.tree.leaves(mine), jax.tree.leaves(other), strict=True):
        assert_same(first, second, rtol)


def _weighted_sum(outputs: Any) -> Any:
    return sum(
        jnp.sum(y * np.linspace(-1, 2, max(y.size, 1), dtype=np.float32).reshape(y.shape))
        for y in jax.tree.leaves(outputs)
    )


def compare_configs(ours: Any, theirs: Any) -> None:
    """Both layers, made with the same arguments and name, have equal configs, and each library reads the other's."""
    expected = {
        key: value for key, value in theirs.get_config().items() if (key, value) != ("quantization_config", None)
    }
    if "layer" in expected:
        expected["layer"] = ours.get_config()["layer"]  # compared where that layer is tested
    assert plain(ours.get_config()) == plain(expected)
    again = family.deserialize(plain(keras.layers.serialize(theirs)))
    other = keras.layers.deserialize(plain(family.serialize(ours)))
    assert type(again) is type(ours)
    assert type(other) is type(theirs)
    assert plain(again.get_config()) == plain(ours.get_config())
    assert plain(other.get_config()) == plain(theirs.get_config())
