"""The validation split."""

from __future__ import annotations

import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lamina.training.data import train_validation_split


@given(st.integers(2, 10_000), st.floats(0.001, 0.999))
def test_the_last_rows_are_held_out_and_none_is_lost(rows, fraction):
    assume(0 < int(rows * (1 - fraction)) < rows)
    x = np.arange(rows, dtype="float32")
    (train, _, _), (held_out, _, _) = train_validation_split((x, None, None), fraction)
    np.testing.assert_array_equal(np.concatenate([train, held_out]), x)
    assert len(train) == int(np.floor(rows * (1.0 - fraction)))


def test_parts_are_views():
    x = np.zeros((10, 2), "float32")
    train, held_out = train_validation_split((x, None, None), 0.2)
    assert train[0].base is x
    assert held_out[0].base is x
    assert train[1] is held_out[2] is None


def test_nests_and_jax_arrays_are_split_alike():
    data = ({"a": jnp.arange(10.0), "b": [np.arange(20).reshape(10, 2)]}, jnp.arange(10.0), np.ones(10))
    train, held_out = train_validation_split(data, 0.3)
    assert train[0]["a"].tolist() == list(range(7))
    assert held_out[0]["b"][0].tolist() == [[14, 15], [16, 17], [18, 19]]
    assert held_out[1].tolist() == [7, 8, 9]


@pytest.mark.parametrize("fraction", [1.5, -0.1, 1.0, 0.0, float("nan"), float("inf"), True, "0.2", None])
def test_fractions_that_cannot_be_meant_are_refused(fraction):
    with pytest.raises(ValueError, match=r"^validation_split: expected a fraction between 0 and 1, received"):
        train_validation_split((np.zeros(10),), fraction)


@pytest.mark.parametrize(
    ("rows", "fraction", "message"), [(1, 0.5, "leaves 0 for training and 1"), (3, 0.9, "leaves 0 for")]
)
def test_a_side_without_rows_is_refused(rows, fraction, message):
    with pytest.raises(ValueError, match=f"^validation_split={fraction} of {rows} rows {message}"):
        train_validation_split((np.zeros(rows),), fraction)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_sorted_classes_are_warned_of(shape):
    y = np.repeat(np.arange(3), 50).reshape(shape)
    with pytest.warns(
        UserWarning, match=r"last 15 of 150 rows, which leaves no row of class 0, 1 for validation. .*shuffle"
    ):
        train_validation_split((y, y), 0.1)
    with pytest.warns(
        UserWarning, match=r"leaves no row of class 2 for training and no row of class 0, 1 for validation"
    ):
        train_validation_split((y, y), 1 / 3)


@pytest.mark.parametrize("classes", [2, 10, 100, 5000])
@pytest.mark.parametrize("rows", [8, 64, 5000])
def test_shuffled_classes_are_not_warned_of(classes, rows):
    for seed in range(20):
        y = np.random.default_rng(seed).integers(0, classes, rows)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            train_validation_split((y, y), 0.2)


def test_float_targets_and_rows_of_labels_are_not_taken_for_classes():
    train_validation_split((np.zeros(100), np.repeat([0.0, 1.0], 50)), 0.2)
    train_validation_split((np.zeros(100), np.repeat(np.eye(2, dtype=int), 50, axis=0)), 0.2)
    train_validation_split((np.zeros(100), {"a": np.repeat([0, 1], 50)}), 0.2)
