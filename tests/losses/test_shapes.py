"""Labels and predictions that do not go together: both shapes and the way out, never silent broadcasting."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

from lamina import losses
from lamina.losses._shapes import label_kind
from lamina.ops.nn.crossentropy import pick

Shape = tuple[int, ...]


@pytest.mark.parametrize(
    ("name", "labels", "predictions", "message"),
    [
        ("mean_squared_error", (5, 1), (5, 3), r"\(5, 1\).*\(5, 3\).*the last layer needs 1 unit"),
        ("mean_squared_error", (5,), (5, 3), r"sparse_categorical_crossentropy.*1 unit"),
        ("mean_squared_error", (5, 2), (5, 3), r"Give the last layer 2 units \(`units=2`\), or each label 3 values"),
        ("mean_squared_error", (4, 3), (5, 3), r"4 rows of labels and 5 of predictions"),
        ("mean_squared_error", (5, 2, 2), (5, 4), r"\(5, 2, 2\).*Reshape the labels, or put Flatten"),
        ("mean_squared_error", (), (), r"Give both a batch axis"),
        ("binary_crossentropy", (5,), (5, 2), r"binary_crossentropy: y_true has shape \(5,\) and y_pred .* \(5, 2\)"),
        ("categorical_crossentropy", (5,), (5, 3), r"If the labels are class numbers, use sparse_categorical_cross"),
        ("categorical_crossentropy", (5, 1), (5, 1), r"1 class on axis -1.*With one unit use binary_crossentropy"),
        ("categorical_focal_crossentropy", (5, 1), (5, 1), r"categorical_focal_crossentropy: .*1 class"),
        (
            "sparse_categorical_crossentropy",
            (5, 3),
            (5, 3),
            r"expected class numbers of shape \(5,\) or \(5, 1\).*One-hot",
        ),
        ("sparse_categorical_crossentropy", (5,), (5, 1), r"1 class on axis -1"),
        ("sparse_categorical_crossentropy", (5, 2), (5, 3), r"Give every prediction one label"),
        ("sparse_categorical_crossentropy", (4,), (5, 3), r"4 rows of labels and 5 of predictions"),
        ("circle", (5,), (5, 2, 2), r"circle: expected embeddings \(batch, features\)"),
        ("ctc", (5,), (5, 4, 3), r"ctc: expected labels of shape \(batch, length\).*\(5,\) and \(5, 4, 3\)"),
    ],
)
def test_shapes_that_differ_are_told_with_the_way_out(
    name: str, labels: Shape, predictions: Shape, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        losses.get(name)(np.zeros(labels, np.float32), np.ones(predictions, np.float32))


def test_shapes_are_checked_while_tracing_too() -> None:
    with pytest.raises(ValueError, match="mean_squared_error: y_true has shape"):
        jax.jit(losses.MeanSquaredError())(np.zeros((4, 1)), np.zeros((4, 2)))


@pytest.mark.parametrize("label", [-1.0, 3.0, 1.5, np.nan, 2.0**40])
def test_a_label_that_is_no_class_gives_nan_for_its_sample_alone(label: float) -> None:
    values = losses.sparse_categorical_crossentropy(np.array([0.0, label], np.float32), [[0.5, 0.3, 0.2]] * 2)
    np.testing.assert_array_equal(np.isnan(values), [False, True])


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_pick_takes_the_labels_own_score_on_any_axis(axis: int) -> None:
    scores = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
    labels = np.random.default_rng(1).integers(0, 3, np.delete(scores.shape, axis))
    expected = np.take_along_axis(scores, np.expand_dims(labels, axis), axis).squeeze(axis)
    np.testing.assert_array_equal(pick(jax.numpy.asarray(scores), labels, axis), expected)


@pytest.mark.parametrize(
    ("labels", "predictions", "kind"),
    [
        ((None, 1), (None, 1), "binary"),
        ((None,), (None, 1), "binary"),
        ((None,), (None,), "binary"),
        ((None,), (None, 10), "sparse"),
        ((None, 1), (None, 10), "sparse"),
        ((None, 10), (None, 10), "categorical"),
        ((None, 7), (None, 7, 10), "sparse"),
        ((None, 7, 10), (None, 7, 10), "categorical"),
        ((None, 3), (None, 3, 1), "binary"),
    ],
)
def test_crossentropy_means_what_keras_picks(labels: Any, predictions: Any, kind: str) -> None:
    """Keras 3.15: trainers/compile_utils.py, is_binary_or_sparse_categorical."""
    assert label_kind(labels, predictions) == kind
    name = "binary_crossentropy" if kind == "binary" else f"{kind}_categorical_crossentropy"
    assert losses.crossentropy_for(labels, predictions).__name__ == name.replace(
        "categorical_categorical", "categorical"
    )
