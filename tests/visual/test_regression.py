"""Predictions against the truth: every point in its place, scores as scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from lamina.visual import predicted_vs_actual, residuals

RANDOM = np.random.default_rng(2)
TRUE = RANDOM.gamma(2, 1, 500)
PREDICTED = TRUE + RANDOM.normal(0, 0.5, 500)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_points_and_scores(shape: tuple[int, ...]) -> None:
    ax = predicted_vs_actual(TRUE, PREDICTED.reshape(shape)).axes[0]
    assert np.allclose(ax.collections[0].get_offsets(), np.column_stack([TRUE, PREDICTED]))
    rmse, r2 = metrics.root_mean_squared_error(TRUE, PREDICTED), metrics.r2_score(TRUE, PREDICTED)
    assert ax.get_title("left") == f"RMSE {rmse:.4g}, R² {r2:.3f}"


def test_both_axes_have_the_same_limits_around_all_points() -> None:
    ax = predicted_vs_actual(TRUE, PREDICTED).axes[0]
    assert ax.get_xlim() == ax.get_ylim()
    low, high = ax.get_xlim()
    assert low < min(TRUE.min(), PREDICTED.min())
    assert high > max(TRUE.max(), PREDICTED.max())


def test_label_names_both_axes() -> None:
    ax = predicted_vs_actual(TRUE, PREDICTED, label="price ($_1)").axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("true price ($_1)", "predicted price ($_1)")


def test_a_constant_truth_has_no_r2() -> None:
    assert predicted_vs_actual([2, 2], [2, 2]).axes[0].get_title("left") == "RMSE 0"


@pytest.mark.parametrize(
    ("y_true", "y_pred", "text"),
    [
        ([1, 2], [1], r"numbers of samples differ: y_true has 2, y_pred has 1"),
        ([1, 2], [[1, 2], [3, 4]], r"y_pred: expected one column, received shape \(2, 2\). Draw each column: y_pred\["),
        ([1, np.nan], [1, 2], r"y_true: sample 1 is nan"),
        ([], [], r"y_true: expected shape \(samples,\) with at least one sample, received \(0,\)"),
        (["a"], ["b"], r"y_true: expected numbers, received dtype <U1"),
    ],
)
def test_what_cannot_be_drawn_is_named(y_true: Any, y_pred: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"predicted_vs_actual: .*" + text):
        predicted_vs_actual(y_true, y_pred)


def test_residuals_are_truth_minus_prediction() -> None:
    random = np.random.default_rng(0)
    true, predicted = random.normal(size=200), random.normal(size=(200, 1))
    figure = residuals(true, predicted, label="price ($)")
    points = figure.axes[0].collections[0].get_offsets()
    assert np.allclose(points, np.column_stack([predicted[:, 0], true - predicted[:, 0]]))
    (beside,) = figure.axes[0].child_axes
    assert sum(patch.get_width() for patch in beside.patches) == 200
    assert figure.axes[0].get_xlabel() == "predicted price ($)"
    left = true - predicted[:, 0]
    assert figure.axes[0].get_title("left") == f"Residuals: mean {left.mean():.4g}, std {left.std():.4g}"
    with pytest.raises(ValueError, match=r"residuals: the numbers of samples differ: y_true has 2, y_pred has 1"):
        residuals([1.0, 2.0], [1.0])
