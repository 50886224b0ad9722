"""Classification report, ROC, precision and recall, calibration: what is drawn is what scikit-learn computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import calibration, metrics

from lamina import visual

RANDOM = np.random.default_rng(1)
TRUE = RANDOM.integers(0, 4, 400)
PROBABILITIES = RANDOM.dirichlet(np.ones(4), 400)
PROBABILITIES[np.arange(400), TRUE] += RANDOM.random(400)
PROBABILITIES /= PROBABILITIES.sum(axis=1, keepdims=True)
NAMES = ["apple", "_pear", "$fig", "a name that is too long for a legend"]
YES = RANDOM.integers(0, 2, 300)
SCORES = np.clip(0.5 * YES + 0.7 * RANDOM.random(300), 0, 1)


def table_of(figure: Any) -> dict[str, list[float]]:
    """The rows of a drawn table: texts at one height, from left to right."""
    rows: dict[float, list[tuple[float, str]]] = {}
    for text in figure.axes[0].texts:
        x, y = text.get_position()
        rows.setdefault(round(y, 3), []).append((x, text.get_text()))
    ordered = [[word for _, word in sorted(row)] for _, row in sorted(rows.items())]
    return {name: [float(word.replace(",", "")) for word in words] for name, *words in ordered[1:]}


@pytest.mark.parametrize("names", [None, ["a", "b", "c", "d"]], ids=["numbers", "names"])
def test_the_table_is_scikit_learns_report(names: list[str] | None) -> None:
    predicted = PROBABILITIES.argmax(axis=1)
    expected = metrics.classification_report(TRUE, predicted, target_names=names, output_dict=True)
    drawn = table_of(visual.classification_report(TRUE, PROBABILITIES, names))
    assert list(drawn) == list(expected)
    assert drawn.pop("accuracy") == [round(expected.pop("accuracy"), 3), 400]
    for name, values in drawn.items():
        assert np.allclose(values, list(expected[name].values()), atol=5e-4), name


def test_bars_of_the_table_are_as_long_as_their_numbers() -> None:
    patches = visual.classification_report([0, 0, 1, 1], [0, 1, 1, 1]).axes[0].patches
    lengths = np.array([patch.get_width() for patch in patches])
    expected = metrics.precision_recall_fscore_support([0, 0, 1, 1], [0, 1, 1, 1])[:3]
    assert np.allclose(lengths[:6] / lengths[0], np.ravel(expected, order="F") / expected[0][0])


def test_a_class_without_samples_counts_as_zero_and_does_not_warn() -> None:
    drawn = table_of(visual.classification_report([0, 0], [0, 1], ["a", "b", "c"]))
    assert drawn["c"] == [0, 0, 0, 0]


CURVES = {
    "roc": (visual.roc_curve, metrics.roc_curve, metrics.roc_auc_score, "AUC"),
    "pr": (visual.precision_recall_curve, metrics.precision_recall_curve, metrics.average_precision_score, "AP"),
}
both_curves = pytest.mark.parametrize(("draw", "points", "score", "word"), CURVES.values(), ids=CURVES)


def expected_xy(points: Any, is_class: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    first, second, _ = points(is_class, scores)
    return (first, second) if points is metrics.roc_curve else (second, first)


@both_curves
def test_curves_of_two_classes_are_scikit_learns(draw: Any, points: Any, score: Any, word: str) -> None:
    x, y = expected_xy(points, YES, SCORES)
    logits = np.log(np.clip(SCORES, 1e-6, 1 - 1e-6) / (1 - np.clip(SCORES, 1e-6, 1 - 1e-6)))
    for given in (SCORES, SCORES[:, None], np.column_stack([1 - SCORES, SCORES]), logits):
        figure = draw(YES, given)
        line = figure.axes[0].lines[0]
        if given is not logits:  # whose cut at 1e-6 joins some thresholds
            assert np.allclose(line.get_xdata(), x)
            assert np.allclose(line.get_ydata(), y)
        assert figure.axes[0].get_title("left").endswith(f"{word} {score(YES, SCORES):.3f}")


@both_curves
def test_curves_of_many_classes_are_scikit_learns(draw: Any, points: Any, score: Any, word: str) -> None:
    figure = draw(np.eye(4)[TRUE], PROBABILITIES, NAMES)
    for number, line in enumerate(figure.axes[0].lines[:4]):
        x, y = expected_xy(points, number == TRUE, PROBABILITIES[:, number])
        assert np.allclose(line.get_xdata(), x)
        assert np.allclose(line.get_ydata(), y)
    mean = np.mean([score(number == TRUE, PROBABILITIES[:, number]) for number in range(4)])
    assert f"{word} {mean:.3f}, mean of 4 classes" in figure.axes[0].get_title("left")
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [label.partition(f": {word}")[0] for label in legend] == [
        "apple", "\u200b_pear", r"\$fig", "a name that is too long…",
    ]  # fmt: skip


def test_mean_of_the_roc_is_scikit_learns_macro_average() -> None:
    expected = metrics.roc_auc_score(TRUE, PROBABILITIES, multi_class="ovr", average="macro")
    assert f"AUC {expected:.3f}" in visual.roc_curve(TRUE, PROBABILITIES).axes[0].get_title("left")


def test_of_many_classes_the_worst_are_in_colour() -> None:
    scores = RANDOM.dirichlet(np.ones(20), 400)
    figure = visual.roc_curve(RANDOM.integers(0, 20, 400), scores)
    shown = [line for line in figure.axes[0].lines if not line.get_label().startswith("_")]
    assert len(shown) == 7
    assert len(figure.axes[0].lines) == 21


def test_a_class_without_samples_has_no_curve() -> None:
    figure = visual.roc_curve([0, 1, 0, 1], np.eye(3)[[0, 1, 2, 1]])
    assert figure.axes[0].get_title("left").endswith("mean of 2 classes, 1 without samples")


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_calibration_of_two_classes_is_scikit_learns(strategy: str) -> None:
    often, mean = calibration.calibration_curve(YES, SCORES, n_bins=7, strategy=strategy)
    figure = visual.calibration_curve(YES, SCORES, bins=7, strategy=strategy)
    line = next(line for line in figure.axes[0].lines if line.get_label() == "model")
    assert np.allclose(line.get_xdata(), mean)
    assert np.allclose(line.get_ydata(), often)
    heights = [patch.get_height() for patch in figure.axes[0].patches]
    assert len(heights) == 7
    assert sum(heights) == pytest.approx(1)


def test_calibration_of_many_classes_is_about_the_predicted_one() -> None:
    right, sure = PROBABILITIES.argmax(axis=1) == TRUE, PROBABILITIES.max(axis=1)
    often, mean = calibration.calibration_curve(right, sure, n_bins=10)
    figure = visual.calibration_curve(TRUE, PROBABILITIES)
    line = next(line for line in figure.axes[0].lines if line.get_label() == "model")
    assert np.allclose(line.get_xdata(), mean)
    assert np.allclose(line.get_ydata(), often)
    error = sum(  # by its definition, bin by bin
        inside.mean() * abs(right[inside].mean() - sure[inside].mean())
        for low in np.arange(10) / 10
        if (inside := (sure > low) & (sure <= low + 0.1)).any()
    )
    assert figure.axes[0].get_title("left") == f"Calibration error {error:.3f}"


def test_calibration_of_one_class_against_the_others() -> None:
    often, _ = calibration.calibration_curve(TRUE == 2, PROBABILITIES[:, 2], n_bins=10)
    figure = visual.calibration_curve(TRUE, PROBABILITIES, NAMES, class_index=2)
    assert np.allclose(next(line for line in figure.axes[0].lines if line.get_label() == "model").get_ydata(), often)
    assert figure.axes[0].get_xlabel() == "probability of class $fig"


@pytest.mark.parametrize(
    ("draw", "arguments", "text"),
    [
        (visual.roc_curve, ([0, 0], [0.1, 0.2]), r"at least two classes, received 2 of class '0' alone"),
        (
            visual.roc_curve,
            ([0, 1, 2], [0.1, 0.2, 0.3]),
            r"y_true: expected labels from 0 to 1, received 2",
        ),
        (visual.roc_curve, ([0, 1], [0.1]), r"numbers of samples differ: y_true has 2, probabilities has 1"),
        (visual.roc_curve, (["a", "b"], [0.1, 0.2]), r"expected class numbers, received texts"),
        (visual.precision_recall_curve, ([0, 1], [0.1, np.nan]), r"scores: sample 1 is nan, one of 1 values"),
        (visual.precision_recall_curve, ([0, 1], np.eye(2), ["a"]), r"class_names: expected 2 names"),
        (visual.calibration_curve, ([0, 1], [-3.0, 2.0]), r"probabilities: .* If these are logits, apply a softmax"),
        (visual.calibration_curve, ([0, 1], [0.1, 0.9], None, 1), r"bins: expected a whole number >= 2, received 1"),
        (visual.classification_report, ([0, 1], [0]), r"numbers of samples differ: y_true has 2, y_pred has 1"),
    ],
)
def test_what_cannot_be_drawn_is_named(draw: Any, arguments: Any, text: str) -> None:
    with pytest.raises(ValueError, match=rf"{draw.__name__}: .*{text}"):
        draw(*arguments)


def test_unknown_choices_of_the_calibration_are_named() -> None:
    with pytest.raises(ValueError, match=r"strategy: expected one of \['uniform', 'quantile'\], received 'equal'"):
        visual.calibration_curve([0, 1], [0.1, 0.9], strategy="equal")
    with pytest.raises(ValueError, match=r"class_index: expected a class from 0 to 1, received 2"):
        visual.calibration_curve([0, 1], [0.1, 0.9], class_index=2)
