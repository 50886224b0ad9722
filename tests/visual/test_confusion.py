"""The confusion matrix against scikit-learn's, for every form in which labels come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics

from lamina.visual import confusion_matrix

RANDOM = np.random.default_rng(0)
TRUE = RANDOM.integers(0, 4, 300)
PROBABILITIES = RANDOM.dirichlet(np.ones(4), 300)
PREDICTED = PROBABILITIES.argmax(axis=1)
EXPECTED = metrics.confusion_matrix(TRUE, PREDICTED)
NAMES = ["a", "b", "c", "d"]


def cells_of(figure: Any, *, last: bool = True) -> np.ndarray:
    """The numbers drawn in the cells; in cells with two lines the last (the count) or the first (the share)."""
    panel = figure.axes[0]
    size = len(panel.get_xticklabels())
    cells = np.zeros((size, size))
    for text in panel.texts if last else reversed(panel.texts):
        column, row = text.xy
        cells[row, column] = float(text.get_text().rstrip("%").replace(",", ""))
    return cells


@pytest.mark.parametrize(
    ("y_true", "y_pred"),
    [
        (TRUE, PREDICTED),
        (TRUE, PROBABILITIES),
        (TRUE, np.log(PROBABILITIES)),
        (TRUE[:, None].astype(np.float32), PREDICTED[:, None].astype(np.uint8)),
        (np.eye(4)[TRUE], np.eye(4)[PREDICTED]),
        (TRUE.tolist(), PROBABILITIES.tolist()),
        (TRUE.astype(object), PREDICTED.astype(object)),
    ],
    ids=["labels", "probabilities", "logits", "columns", "one-hot", "lists", "objects"],
)
def test_counts_are_scikit_learns(y_true: Any, y_pred: Any) -> None:
    assert np.array_equal(cells_of(confusion_matrix(y_true, y_pred)), EXPECTED)


def test_counts_of_pandas_and_jax_are_scikit_learns() -> None:
    pandas, jnp = pytest.importorskip("pandas"), pytest.importorskip("jax.numpy")
    figure = confusion_matrix(pandas.Series(TRUE), jnp.asarray(PROBABILITIES))
    assert np.array_equal(cells_of(figure), EXPECTED)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_probabilities_of_one_class_are_cut_at_one_half(shape: tuple[int, ...]) -> None:
    scores = RANDOM.random(200)
    true = RANDOM.integers(0, 2, 200)
    figure = confusion_matrix(true.reshape(shape), scores.reshape(shape))
    assert np.array_equal(cells_of(figure), metrics.confusion_matrix(true, scores > 0.5))


def test_texts_take_the_order_of_the_names() -> None:
    true, predicted = np.array(NAMES)[TRUE], np.array(NAMES)[PREDICTED]
    assert np.array_equal(cells_of(confusion_matrix(true, predicted)), EXPECTED)
    backwards = metrics.confusion_matrix(true, predicted, labels=NAMES[::-1])
    figure = confusion_matrix(list(true), list(predicted), NAMES[::-1])
    assert np.array_equal(cells_of(figure), backwards)
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == NAMES[::-1]


@pytest.mark.parametrize("normalize", ["true", "pred", "all"])
def test_shares_are_scikit_learns(normalize: str) -> None:
    expected = 100 * metrics.confusion_matrix(TRUE, PREDICTED, normalize=normalize)
    figure = confusion_matrix(TRUE, PREDICTED, normalize=normalize)
    assert np.allclose(cells_of(figure, last=False), expected, atol=0.5)
    assert np.array_equal(cells_of(figure), EXPECTED)


def test_counts_alone_have_one_line_a_cell() -> None:
    figure = confusion_matrix(TRUE, PREDICTED, normalize=None)
    assert np.array_equal(cells_of(figure), EXPECTED)
    assert len(figure.axes[0].texts) == np.count_nonzero(EXPECTED)


def test_title_is_the_accuracy() -> None:
    right = int(metrics.accuracy_score(TRUE, PREDICTED, normalize=False))
    assert confusion_matrix(TRUE, PREDICTED).axes[0].get_title("left") == f"{right} of 300 right ({right / 300:.1%})"


def test_classes_that_never_occur_keep_their_place() -> None:
    figure = confusion_matrix([0, 0], [0, 2], NAMES)
    expected = np.zeros((4, 4))
    expected[0, [0, 2]] = 1
    assert np.array_equal(cells_of(figure), expected)


def test_cells_right_are_blue_and_wrong_are_orange_and_empty_are_white() -> None:
    colors = confusion_matrix([0, 0, 1], [0, 1, 1]).axes[0].images[0].get_array()
    red, _, blue = colors[..., :3].transpose(2, 0, 1)
    assert (blue > red).tolist() == [[True, False], [False, True]]
    assert red[0, 1] > blue[0, 1]
    assert (colors[1, 0] == 1).all()


@pytest.mark.parametrize("classes", [2, 10, 16, 40, 130])
def test_any_number_of_classes_draws(classes: int, tmp_path: Path, pixels_of: Any) -> None:
    labels = np.arange(classes)
    confusion_matrix(labels, labels, path=tmp_path / "matrix.png")
    pixels_of(tmp_path / "matrix.png")


def test_long_names_are_turned_and_cut_and_taken_as_they_are(tmp_path: Path, pixels_of: Any) -> None:
    names = ["T-shirt/top_$", "$\\frac{", "<b>boot</b>", "a name that is far too\nlong for any axis"]
    figure = confusion_matrix(TRUE, PREDICTED, names, path=tmp_path / "matrix.png")
    labels = figure.axes[0].get_xticklabels()
    assert [text.get_text() for text in labels] == [*names[:3], "a name that is far to…"]
    assert all(text.get_rotation() == 45 and not text.get_parse_math() for text in labels)
    pixels_of(tmp_path / "matrix.png")


def test_short_names_stay_upright() -> None:
    assert confusion_matrix(TRUE, PREDICTED).axes[0].get_xticklabels()[0].get_rotation() == 0


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (([0, 1], [0]), ValueError, r"numbers of samples differ: y_true has 2, y_pred has 1"),
        (([], []), ValueError, r"y_true: expected labels of shape \(samples,\), at least one of them, received shape"),
        (([0, 1], [0, 2], ["a", "b"]), ValueError, r"class_names: expected 3 names.*received 2: .*missing comma"),
        (([0, 1], np.eye(3)[:2], ["a", "b"]), ValueError, r"expected 3 names, one for each class from 0 to 2"),
        (([0, -1], [0, 1]), ValueError, r"y_true: expected labels from 0 to 1, received -1 for sample 1"),
        (([0, 1990], [0, 1]), ValueError, r"expected class numbers from 0 to 999, received 1990"),
        (([0, np.nan], [0, 1]), ValueError, r"y_true: sample 1 is nan, one of 1 values that are not finite"),
        (([0, 1], [[0.5, 0.5], [np.nan, 0.5]]), ValueError, r"y_pred: sample 1 is \[nan"),
        (([0, 0.5], [0, 1]), ValueError, r"y_true: expected whole numbers, received 0.5"),
        (([0, 1], [-2.5, 3.1]), ValueError, r"y_pred: expected labels or probabilities of class 1.*received -2.5"),
        (([[1, 1], [0, 1]], [0, 1]), ValueError, r"y_true: expected one class for each sample.*y_true\[:, i\]"),
        (([0, 1], np.zeros((2, 2, 2))), ValueError, r"y_pred: expected labels .* or scores .*shape \(2, 2, 2\)"),
        (([0, 1], [[0.1], [0.2, 0.3]]), ValueError, r"y_pred: expected an array, received a list"),
        ((["a", "b"], ["a", "c"], ["a", "b"]), ValueError, r"class_names: \['a', 'b'\] lacks 'c'"),
        (([0, 1], [0, 1], "ab"), TypeError, r"class_names: expected a list of names, received the text 'ab'"),
        (([0, 1], [0, 1], None, "rows"), ValueError, r"normalize: expected one of .*'true'.*received 'rows'"),
    ],
)
def test_what_cannot_be_drawn_is_named(arguments: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=r"confusion_matrix: .*" + text):
        confusion_matrix(*arguments)
