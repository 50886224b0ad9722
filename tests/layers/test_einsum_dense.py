"""`EinsumDense`: equations, shapes that contradict each other, weights, messages."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.layers.core import Dense, Input
from lamina.layers.einsum_dense import EinsumDense

X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)


def test_it_is_dense_where_the_equation_says_so():
    layer, dense = EinsumDense("abc,cd->abd", (None, 4), bias_axes="d", activation="relu"), Dense(4, "relu")
    layer.build(X.shape)
    dense.build(X.shape)
    dense.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(X), dense(X), rtol=1e-6, atol=1e-6)


def test_the_output_shape_is_filled_in_from_the_input():
    layer = EinsumDense("abc,cd->abd", (None, 64))
    assert layer.compute_output_shape((None, 32, 128)) == (None, 32, 64)
    assert layer(Input((32, 128))).shape == (None, 32, 64)
    assert EinsumDense("...ab,bc->...ac", (None, 6)).compute_output_shape((2, 4, 5, 3)) == (2, 4, 5, 6)
    assert EinsumDense("ab...,bc->ac...", 6).compute_output_shape((None, 3, None, 7)) == (None, 6, None, 7)


def test_spaces_in_equations():
    assert EinsumDense("abc, cd -> abd", (None, 4))(X).shape == (2, 5, 4)


@pytest.mark.parametrize(
    "equation",
    [
        "",
        "ab,bc",
        "ab->ac",
        "ab,bc,cd->ad",
        "...ab,bc->ac",
        "ab,bc->ac...",
        "...ab...,bc->...ac...",
        "a1,1c->ac",
        5,
        None,
        "ab...,bc->...ac",
    ],
)
def test_other_equations_are_refused(equation):
    with pytest.raises(ValueError, match=r'EinsumDense \'it\': equation: expected "ab,bc->ac", .*, received'):
        EinsumDense(equation, 4, name="it")


@pytest.mark.parametrize(
    ("equation", "bias_axes", "text"),
    [
        ("ab,bz->ac", None, r"the kernel's letters 'bz' must be among the inputs' and outputs' \('abac'\)"),
        ("ab,bc->acd", None, r"the outputs' letters 'acd' must be among the inputs' and kernel's \('abbc'\)"),
        ("ab,bc->ac", "b", r"bias_axes 'b' must be among the outputs' letters \('ac'\)"),
        ("ab,bc->ca", None, r"inputs and outputs must start with one letter, the batch"),
    ],
)
def test_letters_that_do_not_go_together(equation, bias_axes, text):
    with pytest.raises(ValueError, match=rf"EinsumDense 'it': equation '{equation}': {text}"):
        EinsumDense(equation, 4, bias_axes=bias_axes, name="it")


@pytest.mark.parametrize("bias_axes", ["", 5])
def test_bias_axes_are_letters(bias_axes):
    with pytest.raises(ValueError, match="EinsumDense 'it': bias_axes: expected letters of the outputs or None"):
        EinsumDense("ab,bc->ac", 4, bias_axes=bias_axes, name="it")


@pytest.mark.parametrize("output_shape", ["a", 1.5, (0,), (-1, 3), None, ((1, 2),)])
def test_output_shapes_are_sizes(output_shape):
    with pytest.raises(ValueError, match="EinsumDense 'it': output_shape: expected sizes >= 1 or None, received"):
        EinsumDense("ab,bc->ac", output_shape, name="it")


@pytest.mark.parametrize(
    ("arguments", "shape", "text"),
    [
        (("ab,bc->ac", 4), (None, 5, 3), r"expected input with 2 axes, received shape \(None, 5, 3\)"),
        (("...ab,bc->...ac", 4), (None,), r"expected input with at least 2 axes, received shape"),
        (("abc,cd->abd", 4), (None, 5, 3), r"output_shape: expected 2 sizes .* received \(4,\)"),
        (("abc,cd->abd", (None, 5, 4)), (None, 5, 3), r"output_shape: expected 2 sizes"),
        (("abc,cd->abd", (6, 4)), (None, 5, 3), r"axis 'b' has size 5 in an input of shape .*, and 6 in output_shape"),
        (("abc,cd->abd", (None, None)), (None, 5, 3), r"the size of axis 'd', which the weights have, is not known"),
        (("abc,cd->abd", (None, 4)), (None, 5, None), r"the size of axis 'c', which the weights have, is not known"),
        (("abc,acd->abd", (None, 4)), (None, 5, 3), r"the size of axis 'a', which the weights have, is not known"),
    ],
)
def test_shapes_that_contradict_each_other(arguments, shape, text):
    with pytest.raises(ValueError, match=rf"EinsumDense 'it': equation .*: {text}"):
        EinsumDense(*arguments, name="it").build(shape)


@pytest.mark.parametrize("shape", [(2, 5, 4), (2, 6, 3), (2, 4, 5, 3)])
def test_inputs_that_do_not_fit_the_weights(shape):
    layer = EinsumDense("...abc,cd->...abd", (None, 4), bias_axes="bd", name="it")
    layer = EinsumDense("abc,cd->abd", (None, 4), bias_axes="bd", name="it") if len(shape) == 3 else layer
    before = np.asarray(layer(X))
    with pytest.raises(ValueError, match=r"EinsumDense 'it': .* received shape \(2, "):
        layer(np.zeros(shape, np.float32))
    np.testing.assert_array_equal(layer(X), before)
