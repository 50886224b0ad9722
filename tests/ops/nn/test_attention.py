"""Attention against Keras and against its formula in float64."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from lamina.core.symbolic import KerasTensor
from lamina.ops import nn
from tests.ops.parity import case, check_gradients, check_symbolic, check_values, normal

QKV = {"query": normal(2, 5, 4, 3), "key": normal(2, 6, 4, 3, seed=1), "value": normal(2, 6, 4, 3, seed=2)}
GROUPED = {"query": QKV["query"], "key": QKV["key"][:, :, :2], "value": QKV["value"][:, :, :2]}
SQUARE = {name: array[:, :5] for name, array in QKV.items()}
MASK = normal(2, 4, 5, 6, seed=3) > -0.5
CASES = [
    case("dot_product_attention", QKV, free=tuple(QKV)),
    case("dot_product_attention", QKV, free=tuple(QKV), scale=0.3),
    case("dot_product_attention", {**QKV, "bias": normal(2, 4, 5, 6)}, free=tuple(QKV)),
    case("dot_product_attention", {**QKV, "mask": MASK}, free=tuple(QKV)),
    case("dot_product_attention", {**QKV, "mask": MASK[:, :1]}, free=(), scale=0.3),
    case("dot_product_attention", SQUARE, free=tuple(QKV), is_causal=True),
    case("dot_product_attention", GROUPED, free=tuple(QKV)),
    case("dot_product_attention", {k: v.astype(np.float16) for k, v in QKV.items()}, free=tuple(QKV)),
]


@pytest.mark.parametrize("one", CASES, ids=str)
def test_values_are_those_of_keras(one):
    check_values(nn.dot_product_attention, one)


def test_gradients_are_those_of_keras():
    check_gradients(nn.dot_product_attention, CASES[2])


@pytest.mark.parametrize("one", CASES, ids=str)
def test_symbolic_shapes_are_those_of_keras(one):
    free = one.free and tuple(one.tensors)
    check_symbolic(nn.dot_product_attention, one._replace(free=free))


def test_it_is_the_formula():
    q, k, v = (array.astype(np.float64).swapaxes(1, 2) for array in QKV.values())
    logits = np.where(MASK, q @ k.swapaxes(2, 3) * 0.3, -1e30)
    expected = (special.softmax(logits, -1) @ v).swapaxes(1, 2)
    np.testing.assert_allclose(nn.dot_product_attention(**QKV, mask=MASK, scale=0.3), expected, rtol=1e-5, atol=1e-6)


def test_a_mask_without_a_bias_is_a_mask_in_a_model_too():
    tensors = {name: KerasTensor((None, *array.shape[1:]), "float32") for name, array in QKV.items()}
    y = nn.dot_product_attention(**tensors, mask=KerasTensor((None, 4, 5, 6), "bool"))
    by_node = y.node.operation(*QKV.values(), None, MASK)
    np.testing.assert_array_equal(by_node, nn.dot_product_attention(**QKV, mask=MASK))


def test_whole_numbers_and_mixed_types_are_promoted():
    ones = np.ones((1, 2, 1, 2), np.int32)
    assert nn.dot_product_attention(ones, ones, ones).dtype == "float32"
    assert nn.dot_product_attention(ones.astype(jnp.bfloat16), *[ones.astype(np.float32)] * 2).dtype == "float32"


def test_what_cannot_be_done_is_explained():
    with pytest.raises(ValueError, match=r"dot_product_attention: key: expected 4 axes, .*shape \(2, 3\)"):
        nn.dot_product_attention(QKV["query"], np.ones((2, 3)), QKV["value"])
    with pytest.raises(ValueError, match="attn_logits_soft_cap: expected None, received 30"):
        nn.dot_product_attention(**QKV, attn_logits_soft_cap=30)
    with pytest.raises(RuntimeError, match="flash_attention=True needs an NVIDIA GPU, but JAX runs on 'cpu'"):
        nn.dot_product_attention(**QKV, flash_attention=True)
