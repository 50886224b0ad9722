"""`Flatten` and `Reshape`: the same values in another shape."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import layers

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def test_flatten_keeps_the_order_of_numpy():
    np.testing.assert_array_equal(layers.Flatten()(X), X.reshape(2, 12))


def test_flatten_puts_channels_last_first():
    np.testing.assert_array_equal(layers.Flatten("channels_first")(X), np.moveaxis(X, 1, -1).reshape(2, 12))


def test_flatten_of_one_axis_adds_one():
    assert layers.Flatten()(np.ones(5)).shape == (5, 1)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((None, 2, 3), (None, 6)), ((None, None, 3), (None, None)), ((4,), (4, 1)), ((None,), (None, 1))],
)
def test_flatten_output_shape_with_free_axes(shape, expected):
    assert layers.Flatten().compute_output_shape(shape) == expected


def test_flatten_refuses_other_formats():
    with pytest.raises(
        ValueError, match=r"Flatten 'it': data_format: .* received 'chanels_last'\. Did you mean 'channels_last'"
    ):
        layers.Flatten("chanels_last", name="it")


def test_whole_numbers_stay_whole():
    images = np.zeros((2, 28, 28), np.uint8)
    assert layers.Flatten()(images).dtype == np.uint8
    assert layers.Reshape((784,))(images).dtype == np.uint8


@pytest.mark.parametrize("target", [(12,), (4, 3), (-1,), (2, -1), [6, 2], 12, (np.int64(12),), (1, 12, 1)])
def test_reshape_keeps_the_order_of_numpy(target):
    expected = X.reshape(2, *np.atleast_1d(target))
    layer = layers.Reshape(target)
    np.testing.assert_array_equal(layer(X), expected)
    assert layer.compute_output_shape((None, 3, 4)) == (None, *expected.shape[1:])


def test_reshape_output_shape_with_free_axes():
    assert layers.Reshape((-1, 4)).compute_output_shape((None, None, 4)) == (None, None, 4)
    assert layers.Reshape((2, 2)).compute_output_shape((None, None)) == (None, 2, 2)


@pytest.mark.parametrize("target", [(0, 3), (-2,), (-1, -1), (2.5,), "ab", None, (None, 3), {}])
def test_reshape_refuses_what_is_no_shape(target):
    with pytest.raises(
        ValueError, match="Reshape 'it': target_shape: expected sizes >= 1 and at most one -1, received"
    ):
        layers.Reshape(target, name="it")


@pytest.mark.parametrize("target", [(5,), (5, -1), (3, 5)])
def test_reshape_of_another_size_says_both(target):
    text = r"Reshape 'it': a sample of shape \(3, 4\) has 12 elements and cannot take the shape"
    layer = layers.Reshape(target, name="it")
    with pytest.raises(ValueError, match=text):
        layer.build((None, 3, 4))
    with pytest.raises(ValueError, match=text):
        layer(X)


# Permute, RepeatVector -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dims", [(2, 1), [1, 2], (np.int64(2), np.int64(1))])
def test_permute_is_numpys_transpose(dims):
    layer = layers.Permute(dims)
    np.testing.assert_array_equal(layer(X), np.transpose(X, (0, *dims)))
    assert layer.compute_output_shape((None, None, 4)) == (None, *([None, 4][d - 1] for d in dims))


@pytest.mark.parametrize("dims", [(0, 1), (1, 1), (2, 3), (1.0, 2.0), "12", None, 1, (1, None), (-1, -2)])
def test_permute_refuses_what_is_no_order(dims):
    with pytest.raises(
        ValueError, match=r"Permute 'it': dims: expected the axes 1, 2, … in their new order, .* received"
    ):
        layers.Permute(dims, name="it")


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4, 5)])
def test_permute_of_another_rank_says_so(shape):
    layer = layers.Permute((2, 1), name="it")
    text = r"Permute 'it': dims \(2, 1\) need input with 3 axes, the batch axis among them, received shape \("
    with pytest.raises(ValueError, match=text):
        layer.build(shape)
    with pytest.raises(ValueError, match=text):
        layer.compute_output_shape(shape)
    layer(X)
    with pytest.raises(ValueError, match=text):
        layer(np.zeros(shape))


def test_repeat_vector_repeats_along_a_new_axis():
    layer = layers.RepeatVector(3)
    np.testing.assert_array_equal(layer(X[0]), np.repeat(X[0][:, None], 3, 1))
    assert layer.compute_output_shape((None, None)) == (None, 3, None)


@pytest.mark.parametrize("n", [0, -1, 1.5, None, "2", True])
def test_repeat_vector_needs_a_number(n):
    with pytest.raises(ValueError, match="RepeatVector 'it': n: expected a whole number >= 1, received"):
        layers.RepeatVector(n, name="it")


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4)])
def test_repeat_vector_of_another_rank_says_so(shape):
    layer = layers.RepeatVector(2, name="it")
    with pytest.raises(
        ValueError, match=r"RepeatVector 'it': expected input of shape \(batch, features\), received \("
    ):
        layer(np.zeros(shape))
