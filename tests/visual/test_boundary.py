"""Decision boundaries against what estimators predict, for models, scikit-learn's classifiers and functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from lamina import Sequential, layers
from lamina.visual import decision_boundary

RANDOM = np.random.default_rng(0)
ROWS = RANDOM.normal(size=(60, 2)) * 2
LABELS = (ROWS[:, 0] > 0).astype(int) + (ROWS[:, 1] > 1)


def regions(figure: Any, resolution: int) -> np.ndarray:
    return np.asarray(figure.axes[0].collections[0].get_array()).reshape(resolution, resolution)


def linear_model(weights: list[list[float]], activation: str) -> Sequential:
    model = Sequential([layers.Input((2,)), layers.Dense(len(weights[0]), activation)])
    model.set_weights([np.array(weights, "float32"), np.zeros(len(weights[0]), "float32")])
    return model


@pytest.mark.parametrize("texts", [False, True], ids=["numbers", "texts"])
def test_regions_are_what_scikit_learns_estimator_predicts(texts: bool) -> None:
    labels = np.array(["c", "a", "b"])[LABELS] if texts else LABELS
    estimator = LogisticRegression().fit(ROWS, labels)
    figure = decision_boundary(estimator, ROWS, labels, resolution=40)
    ax, room = figure.axes[0], 0.08 * np.ptp(ROWS, axis=0)  # beside the rows
    limits = np.array([ax.get_xlim(), ax.get_ylim()])
    assert np.allclose(limits, np.column_stack([ROWS.min(axis=0) - room, ROWS.max(axis=0) + room]))
    grid = np.meshgrid(np.linspace(*ax.get_xlim(), 40), np.linspace(*ax.get_ylim(), 40))
    expected = estimator.predict(np.stack([part.ravel() for part in grid], axis=1)).reshape(40, 40)
    assert np.array_equal(estimator.classes_[regions(figure, 40)], expected)
    right = int((estimator.predict(ROWS) == labels).sum())
    assert figure.axes[0].get_title("left") == f"{right} of 60 right ({right / 60:.1%})"
    drawn = {line.get_label(): len(line.get_xdata()) for line in ax.lines}
    assert drawn == {str(label): int((labels == label).sum()) for label in np.unique(labels)}


@pytest.mark.parametrize(
    ("weights", "activation"), [([[1.0], [0.5]], "sigmoid"), ([[1.0, -1.0, 0.0], [0.0, 0.5, 1.0]], "softmax")]
)
def test_a_model_gives_the_class_of_its_largest_score(weights: list[list[float]], activation: str) -> None:
    figure = decision_boundary(linear_model(weights, activation), ROWS, resolution=30)
    ax = figure.axes[0]
    grid = np.stack(np.meshgrid(np.linspace(*ax.get_xlim(), 30), np.linspace(*ax.get_ylim(), 30)), axis=-1)
    scores = grid.astype("float32") @ np.array(weights)
    expected = (scores[..., 0] > 0).astype(int) if activation == "sigmoid" else scores.argmax(axis=-1)
    assert np.array_equal(regions(figure, 30), expected)


def test_names_of_classes_and_features_are_shown_as_they_are() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(ROWS, columns=["$width", "<b>"])
    estimator = LogisticRegression().fit(frame, LABELS)  # which warns when it is not given its columns
    figure = decision_boundary(estimator, frame, LABELS, ["no", "maybe", "_yes"], 10)
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("$width", "<b>")
    assert [t.get_text() for t in figure.axes[0].get_legend().get_texts()] == ["no", "maybe", "\u200b_yes"]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((lambda x: x[:, 0], np.zeros((3, 4))), ValueError, r"x: expected rows of two features, .* Choose two"),
        ((3, ROWS), TypeError, r"estimator: expected a trained model, an estimator with predict, .* received 3"),
        ((lambda x: x[:, 0] * 3.3, ROWS), ValueError, r"estimator: expected labels or probabilities of class 1"),
        ((lambda x: x[:, 0] > 0, ROWS, ["a"] * 60), ValueError, r"expected labels as the estimator gives them"),
        ((LogisticRegression().fit(ROWS, LABELS), ROWS, LABELS + 5), ValueError, r"labels among \[0, 1, 2\], received"),
        ((lambda x: x[:, 0] > 0, ROWS, LABELS, ["a"]), ValueError, r"class_names: expected 3 names"),
        ((lambda x: x[:, 0] > 0, ROWS, None, None, 1), ValueError, r"resolution: expected a whole number >= 2"),
        ((lambda x: x[:, 0] > 0, [[np.nan, 1.0]]), ValueError, r"x: sample 0 is \[nan"),
    ],
    ids=["features", "estimator", "floats", "texts", "unknown", "names", "resolution", "nan"],
)
def test_what_cannot_be_drawn_is_named(arguments: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=rf"decision_boundary: .*{text}"):
        decision_boundary(*arguments)
