"""`to_categorical` and `normalize` against Keras, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import preprocessing

from lamina.utils import normalize, to_categorical

keras = pytest.importorskip("keras")


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([0, 2, 1], None),
        ([0, 2, 1], 5),
        ([[0], [2]], 3),
        ([[0, 1], [2, 0]], None),
        (np.array([[[1]], [[0]]]), 2),
        (np.array([0, 255], np.uint8), None),
        ([0.0, 2.0], 3),
        (3, 4),
    ],
)
def test_one_hot_rows_are_those_of_keras(labels, classes):
    ours, theirs = to_categorical(labels, classes), keras.utils.to_categorical(labels, classes)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, theirs)


def test_booleans_and_no_labels():
    assert to_categorical([True, False]).tolist() == [[0, 1], [1, 0]]
    assert to_categorical([], 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("labels", "classes", "text"),
    [
        ([0, 3], 3, "expected class numbers from 0 to 2, received 0 to 3"),
        ([-1, 1], None, "expected class numbers from 0 to 1, received -1 to 1"),
        ([0.5, 1.0], None, r"expected whole numbers, received float64: \[0\.5 1\. \]"),
        ([np.nan, 1.0], None, "expected whole numbers, received float64"),
        ([np.inf, 1.0], None, "expected whole numbers, received float64"),
        (["a", "b"], None, r"expected whole numbers, received <U1: \['a' 'b'\]"),
        ([0, 1], 0, "expected class numbers from 0 to -1, received 0 to 1"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, classes, text):
    with pytest.raises(ValueError, match=f"to_categorical: {text}"):
        to_categorical(labels, classes)


@pytest.mark.parametrize("order", [1, 2])
def test_normalize_is_keras_along_the_last_axis_and_scikit_learn_along_the_first(order):
    x = np.random.default_rng(0).normal(size=(4, 3))
    np.testing.assert_allclose(normalize(x, order=order), keras.utils.normalize(x, order=order), rtol=1e-12)
    by_column = preprocessing.normalize(x, norm=f"l{order}", axis=0)  # Keras 3.15 raises for axis=0
    np.testing.assert_allclose(normalize(x, axis=0, order=order), by_column, rtol=1e-12)


def test_rows_of_norm_zero_stay_zero():
    assert normalize([[0.0, 0.0], [3.0, 4.0]]).tolist() == [[0.0, 0.0], [0.6, 0.8]]
