"""Merging layers: what they refuse and how they say it, spreading, masks of any rank, graphs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.layers import merging
from lamina.layers.core import Input
from lamina.layers.embedding import Embedding

ELEMENTWISE = {
    "Add": np.add,
    "Subtract": np.subtract,
    "Multiply": np.multiply,
    "Average": lambda a, b: (a + b) / 2,
    "Maximum": np.maximum,
    "Minimum": np.minimum,
}
RNG = np.random.default_rng(0)
A, B = (RNG.normal(size=(4, 5, 3)).astype(np.float32) for _ in "ab")


def zeros(*shapes):
    return [np.zeros(shape, np.float32) for shape in shapes]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_formulas(name):
    np.testing.assert_allclose(getattr(merging, name)()([A, B]), ELEMENTWISE[name](A, B), rtol=1e-6)
    np.testing.assert_allclose(getattr(merging, name)()((A, B)), ELEMENTWISE[name](A, B), rtol=1e-6)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_lower_ranks_and_rows_spread(name):
    layer = getattr(merging, name)()
    np.testing.assert_allclose(layer([A, B[:, 0]]), ELEMENTWISE[name](A, B[:, :1]), rtol=1e-6)
    np.testing.assert_allclose(layer([A[:1], B]), ELEMENTWISE[name](A[:1], B), rtol=1e-6)
    np.testing.assert_allclose(layer([A, np.float32(2)]), ELEMENTWISE[name](A, np.float32(2)), rtol=1e-6)


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([(None, 3), (None, 3)], (None, 3)),
        ([(None, 3), (8, 3)], (8, 3)),
        ([(None, 3), (1, 3)], (None, 3)),
        ([(None, None, 3), (None, 5, 3)], (None, 5, 3)),
        ([(None, None, 3), (None, 1, 3)], (None, None, 3)),
        ([(None, 4, 5, 3), (None, 3)], (None, 4, 5, 3)),
    ],
)
def test_shapes_with_free_axes(shapes, expected):
    assert merging.Add().compute_output_shape(shapes) == expected


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Concatenate"])
@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        (A, r"received one array of shape \(\w+, 5, 3\)"),
        ({"a": A, "b": B}, r"received shapes \{'a'"),
        ([[A, B], B], r"received shapes \[\["),
    ],
)
def test_only_lists_are_taken(name, inputs, text):
    with pytest.raises(ValueError, match=rf"{name} 'it': expected a list of .* arrays, {text}"):
        getattr(merging, name)(name="it")(inputs)


def test_the_number_of_inputs_is_checked():
    for inputs in ([A], [A, A, A]):
        with pytest.raises(ValueError, match=r"Subtract 'it': expected a list of 2 arrays, received shapes"):
            merging.Subtract(name="it")(inputs)
        with pytest.raises(ValueError, match=r"Dot 'it': expected a list of 2 arrays, received shapes"):
            merging.Dot(1, name="it")(inputs)
    with pytest.raises(ValueError, match=r"Add 'it': expected a list of one or more arrays, received none"):
        merging.Add(name="it").build([])


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if n != "Subtract"])
@pytest.mark.parametrize(
    ("shapes", "text"),
    [
        (
            [(4, 3), (4, 3), (4, 2)],
            r"input 2 of shape \(\w+, 2\) does not fit: on axis -1 it has size 2, input 0 has 3",
        ),
        (
            [(4, 2), (4, 3), (4, 3)],
            r"input 0 of shape \(\w+, 2\) does not fit: on axis -1 it has size 2, input 1 has 3",
        ),
        ([(4, 3), (4, 1), (4, 2, 3)], None),
        ([(4, 3), (4, 1), (4, 2, 5)], r"input 2 of shape \(\w+, 2, 5\) does not fit: on axis -1 it has size 5"),
        ([(4, 6, 3), (4, 5, 3)], r"input 1 .* on axis -2 it has size 5, input 0 has 6"),
        ([(4, 3), (5, 3)], r"input 1 .* on the batch axis it has size 5, input 0 has 4"),
    ],
)
def test_shapes_that_do_not_fit_name_the_odd_one(name, shapes, text):
    layer = getattr(merging, name)(name="it")
    if text is None:
        layer(zeros(*shapes))
        return
    with pytest.raises(ValueError, match=rf"{name} 'it': {text}.*Received shapes \[.*Dense or Reshape"):
        layer(zeros(*shapes))


def test_a_layer_that_was_built_checks_each_call():
    layer = merging.Add(name="it")
    layer([A, B])
    with pytest.raises(ValueError, match=r"input 1 of shape \(4, 4, 3\) does not fit"):
        layer([A, B[:, :4]])
    with pytest.raises(ValueError, match=r"expected a list of one or more arrays, received one array"):
        layer(A)
    layer([A, B, A])


# Masks ---------------------------------------------------------------------------------------------------------------

MASK, OTHER = RNG.random((4, 5)) > 0.5, RNG.random((4, 5)) > 0.5


def test_extremes_leave_masked_steps_out():
    y = merging.Maximum()([A, B], mask=[MASK, OTHER])
    expected = np.where(
        (MASK & OTHER)[..., None], np.maximum(A, B), np.where(OTHER[..., None] & ~MASK[..., None], B, A)
    )
    np.testing.assert_array_equal(y, expected)


def test_products_ignore_masked_factors_and_are_zero_where_none_counts():
    y = merging.Multiply()([A, B], mask=[MASK, OTHER])
    expected = np.where(MASK[..., None], A, 1) * np.where(OTHER[..., None], B, 1) * (MASK | OTHER)[..., None]
    np.testing.assert_allclose(y, expected, rtol=1e-6)


def test_masks_cover_the_first_axes_of_inputs_of_any_rank():
    images = RNG.normal(size=(4, 5, 2, 3)).astype(np.float32)
    y = merging.Multiply()([images, images], mask=[MASK, MASK])
    np.testing.assert_allclose(y, images**2 * MASK[:, :, None, None], rtol=1e-6)
    np.testing.assert_array_equal(merging.Multiply().compute_mask([images, images], [MASK, OTHER]), MASK | OTHER)


def test_masks_of_inputs_of_lower_rank_are_raised_with_them():
    images = np.ones((4, 2, 5, 3), np.float32)
    frames = RNG.random((4, 2)) > 0.5
    mask = merging.Add().compute_mask([A, images], [MASK, frames])
    np.testing.assert_array_equal(mask, MASK[:, None, :] | frames[:, :, None])


@pytest.mark.parametrize("name", [*ELEMENTWISE, "Concatenate"])
def test_wrong_masks_are_named(name):
    layer = getattr(merging, name)(name="it")
    with pytest.raises(ValueError, match=f"{name} 'it': mask: expected a list with one mask or None for each of the 2"):
        layer.compute_mask([A, B], [MASK])
    with pytest.raises(ValueError, match=f"{name} 'it': mask: expected a list"):
        layer.compute_mask([A, B], MASK)
    text = rf"{name} 'it': mask 1 of shape \(4, 4\) does not cover the first axes of input 1, .* \(4, 5, 3\)"
    with pytest.raises(ValueError, match=text):
        layer.compute_mask([A, B], [MASK, OTHER[:, :4]])


@pytest.mark.parametrize("masks", [None, [None, None]])
def test_no_masks_give_none(masks):
    for name in [*ELEMENTWISE, "Concatenate"]:
        assert getattr(merging, name)().compute_mask([A, B], masks) is None


def test_concatenated_masks_follow_the_axis():
    layer = merging.Concatenate(axis=1)
    np.testing.assert_array_equal(layer.compute_mask([A, B], [MASK, OTHER]), np.concatenate([MASK, OTHER], 1))
    expected = np.concatenate([MASK, np.ones((4, 5), bool)], 1)
    np.testing.assert_array_equal(layer.compute_mask([A, B], [MASK, None]), expected)
    images = np.ones((4, 5, 2, 3), np.float32)
    for axis in (2, 3, -1):
        mask = merging.Concatenate(axis=axis).compute_mask([images, images], [MASK, OTHER])
        np.testing.assert_array_equal(mask, MASK | OTHER)


def test_masks_travel_from_embeddings_through_merging_layers():
    embedding = Embedding(5, 2, mask_zero=True)
    first, second = np.array([[1, 2, 0]]), np.array([[3, 0, 0]])
    y = merging.Add()([embedding(first), embedding(second)])
    np.testing.assert_array_equal(y._keras_mask, [[True, True, False]])
    y = merging.Concatenate(axis=1)([embedding(first), embedding(second)])
    np.testing.assert_array_equal(y._keras_mask, [[True, True, False, True, False, False]])
    assert getattr(merging.Dot(-1)([embedding(first), embedding(second)]), "_keras_mask", None) is None


# Concatenate, Dot ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_concatenate_is_numpys(axis):
    np.testing.assert_array_equal(merging.Concatenate(axis=axis)([A, B, A]), np.concatenate([A, B, A], axis))


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([(None, 3), (None, 4)], (None, 7)),
        ([(None, 3), (8, 4)], (8, 7)),
        ([(None, 2, None), (None, 2, 4)], (None, 2, None)),
        ([(None, None, 3), (None, 2, 4)], (None, 2, 7)),
    ],
)
def test_concatenate_shapes_with_free_axes(shapes, expected):
    assert merging.Concatenate().compute_output_shape(shapes) == expected


@pytest.mark.parametrize(
    ("shapes", "axis", "text"),
    [
        ([(4, 3), (4, 2, 3)], -1, r"input 1 has 3 axes, input 0 has 2\. Received shapes \[.*\]; all need the same"),
        (
            [(4, 2, 3), (4, 2, 3), (4, 5, 3)],
            -1,
            r"input 2 of shape \(\w+, 5, 3\) does not fit: on axis 1 it has size 5",
        ),
        ([(4, 2, 3), (4, 2, 1)], 1, r"input 1 .* on axis 2 it has size 1, input 0 has 3.*only axis 1"),
        ([(4, 3), (4, 3)], 2, r"axis: expected a whole number from -2 to 1 for inputs of shapes .*, received 2"),
        ([(4, 3), (4, 3)], -3, r"axis: expected a whole number from -2 to 1"),
    ],
)
def test_concatenate_names_the_odd_one(shapes, axis, text):
    with pytest.raises(ValueError, match=rf"Concatenate 'it': {text}"):
        merging.Concatenate(axis=axis, name="it")(zeros(*shapes))


def test_concatenate_of_other_batches_is_refused_when_called():
    layer = merging.Concatenate(name="it")
    with pytest.raises(ValueError, match=r"input 1 of shape \(5, 3\) does not fit: on axis 0 it has size 5"):
        layer(zeros((4, 3), (5, 3)))


@pytest.mark.parametrize("axis", [1.5, None, "1", (1,), True])
def test_concatenate_axis_is_a_whole_number(axis):
    with pytest.raises(ValueError, match="Concatenate 'it': axis: expected a whole number, received"):
        merging.Concatenate(axis=axis, name="it")


def test_dot_is_einsum():
    x, y = RNG.normal(size=(2, 3, 4, 5)), RNG.normal(size=(2, 6, 4))
    np.testing.assert_allclose(
        merging.Dot(axes=(2, 2))([x, y]), np.einsum("bijk,bmj->bikm", x, y), rtol=1e-5, atol=1e-6
    )
    a, b = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))
    cosines = (a * b).sum(1, keepdims=True) / np.linalg.norm(a, axis=1, keepdims=True)
    cosines /= np.linalg.norm(b, axis=1, keepdims=True)
    np.testing.assert_allclose(merging.Dot(1, normalize=True)([a, b]), cosines, rtol=1e-5)


def test_normalized_dot_of_a_zero_vector_has_a_finite_gradient():
    layer = merging.Dot(1, normalize=True)
    slope = jax.grad(lambda x: layer([x, jnp.ones((2, 3))]).sum())(jnp.zeros((2, 3)))
    assert np.isfinite(slope).all()


def test_normalized_dot_of_whole_numbers_and_in_float16():
    x = np.array([[300, 400]])
    np.testing.assert_allclose(merging.Dot(1, normalize=True)([x, x]), [[1.0]], rtol=1e-6)
    y = merging.Dot(1, normalize=True, dtype="float16")([x.astype(np.float32), x.astype(np.float32)])
    np.testing.assert_allclose(np.asarray(y, np.float32), [[1.0]], rtol=2e-3)


@pytest.mark.parametrize("axes", [0, (0, 1), (1, 0), (1,), (1, 2, 3), 1.5, None, "ab", ((1, 2), 1), True])
def test_dot_axes_are_checked(axes):
    with pytest.raises(ValueError, match=r"Dot 'it': axes: expected a whole number or two of them, not 0"):
        merging.Dot(axes, name="it")


@pytest.mark.parametrize(
    ("shapes", "axes", "text"),
    [
        ([(4, 3), (4, 5)], 1, r"sizes on the axes \(1, 1\) must be equal: 3 != 5"),
        ([(4, 3, 2), (4, 5, 3)], (1, -1), None),
        ([(4, 3, 2), (4, 5, 3)], -1, r"sizes on the axes \(2, 2\) must be equal: 2 != 3"),
        ([(4, 3), (5, 3)], 1, r"batch sizes must be equal: 4 != 5"),
        ([(4, 3), (4, 3)], 2, r"axes 2 must be axes of the inputs other than the batch axis; input 0 has the shape"),
        ([(4, 3), (4, 3)], -2, r"axes -2 must be axes of the inputs other than the batch axis"),
        ([(4, 3), (4,)], 1, r"axes 1 must be axes of the inputs .* input 1 has the shape"),
    ],
)
def test_dot_says_which_sizes_differ(shapes, axes, text):
    layer = merging.Dot(axes, name="it")
    if text is None:
        layer(zeros(*shapes))
        return
    with pytest.raises(ValueError, match=rf"Dot 'it': {text}"):
        layer(zeros(*shapes))


def test_dot_shapes():
    assert merging.Dot((1, -1)).compute_output_shape([(None, 3, 2), (None, 5, 3)]) == (None, 2, 5)
    assert merging.Dot(1).compute_output_shape([(None, 3), (8, 3)]) == (8, 1)
    assert merging.Dot(-1).compute_output_shape([(None, None, 3), (None, 7, 3)]) == (None, None, 7)


# Graphs, names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*(n.lower() for n in ELEMENTWISE), "concatenate"])
def test_functions_take_symbolic_tensors(name):
    a, b = Input((5, 3)), Input((5, 3))
    y = getattr(merging, name)([a, b], name="merged")
    assert y.shape == (None, 5, 6 if name == "concatenate" else 3)
    assert y.producer.name == "merged"


def test_dot_takes_symbolic_tensors():
    assert merging.dot([Input((5, 3)), Input((4, 3))], axes=-1).shape == (None, 5, 4)


def test_symbolic_shapes_that_do_not_fit_are_refused_at_once():
    with pytest.raises(ValueError, match=r"Add 'it': input 1 of shape \(None, 4\) does not fit"):
        merging.add([Input((3,)), Input((4,))], name="it")


def test_layers_are_named_as_keras_names_them():
    layers = [merging.Add(), merging.Add(), merging.Concatenate(), merging.Dot(1)]
    assert [layer.name for layer in layers] == ["add", "add_1", "concatenate", "dot"]
