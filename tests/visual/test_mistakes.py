"""The worst mistakes: the right images, in the order of scikit-learn's loss, with the right words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import log_loss

from lamina.visual import worst_mistakes

RANDOM = np.random.default_rng(1)
IMAGES = RANDOM.random((60, 6, 5))
TRUE = RANDOM.integers(0, 3, 60)
PROBABILITIES = RANDOM.dirichlet(np.ones(3), 60)
NAMES = ["cat", "dog", "$ox_1$"]


def cells_of(figure: Any) -> list[Any]:
    return figure.axes[0].child_axes


def samples_of(figure: Any) -> list[int]:
    return [int(cell.get_xlabel().removeprefix("no. ")) for cell in cells_of(figure)]


def words_of(cell: Any) -> list[str]:
    return [text.get_text() for text in cell.texts]


def test_wrong_samples_come_in_the_order_of_their_loss() -> None:
    wrong = np.flatnonzero(PROBABILITIES.argmax(axis=1) != TRUE)
    losses = [log_loss(TRUE[[i]], PROBABILITIES[[i]], labels=[0, 1, 2]) for i in wrong]
    expected = wrong[np.argsort(losses)[::-1]]
    assert samples_of(worst_mistakes(IMAGES, TRUE, PROBABILITIES, NAMES)) == expected[:16].tolist()
    figure = worst_mistakes(IMAGES, TRUE, PROBABILITIES, NAMES, count=1000)
    assert samples_of(figure) == expected.tolist()


def test_words_are_prediction_and_truth_with_their_probabilities() -> None:
    figure = worst_mistakes(IMAGES[:2], [1, 2], [[0.7, 0.2, 0.1], [0.998, 0.0, 0.002]], NAMES)
    assert words_of(cells_of(figure)[0]) == ["cat (1.00)", "true: $ox_1$ (2e-03)"]
    assert words_of(cells_of(figure)[1]) == ["cat (0.70)", "true: dog (0.20)"]


def test_image_is_the_samples_own() -> None:
    figure = worst_mistakes(IMAGES, TRUE, PROBABILITIES, count=4)
    shown = IMAGES[samples_of(figure)]
    expected = (shown - shown.min()) / (shown.max() - shown.min())
    drawn = [cell.images[0].get_array() for cell in cells_of(figure)]
    assert np.allclose(drawn, expected)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_probability_of_one_class_makes_two(shape: tuple[int, ...]) -> None:
    scores = np.array([0.1, 0.8, 0.75])
    figure = worst_mistakes(IMAGES[:3], [[1], [1], [0]], scores.reshape(shape), ["no", "yes"])
    assert samples_of(figure) == [0, 2]
    assert words_of(cells_of(figure)[1]) == ["yes (0.75)", "true: no (0.25)"]


def test_no_mistake_is_said_in_the_picture(tmp_path: Path, pixels_of: Any) -> None:
    figure = worst_mistakes(IMAGES, TRUE, np.eye(3)[TRUE], path=tmp_path / "mistakes.png")
    assert figure.axes[0].get_title("left") == "No mistakes: all 60 images are classified correctly"
    assert cells_of(figure) == []
    pixels_of(tmp_path / "mistakes.png")


@pytest.mark.parametrize(
    ("count", "title"),
    [(1, "The worst of 2 mistakes in 3 images"), (2, "2 mistakes in 3 images"), (9, "2 mistakes in 3")],
)
def test_title_says_how_many_there_are(count: int, title: str) -> None:
    figure = worst_mistakes(IMAGES[:3], [0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]], count=count)
    assert figure.axes[0].get_title("left").startswith(title)


@pytest.mark.parametrize(
    "images",
    [
        IMAGES[..., None],
        (255 * IMAGES).astype(np.uint8),
        RANDOM.random((60, 6, 5, 3)),
        RANDOM.integers(0, 256, (60, 6, 5, 3), np.uint8),
        RANDOM.normal(size=(60, 6, 5, 4)),
        RANDOM.random((60, 2, 90)) > 0.5,
        np.full((60, 6, 5), np.nan),
        np.zeros((60, 90, 2)),
    ],
    ids=["one channel", "uint8", "colour", "colour uint8", "normalised", "bool", "nan", "constant"],
)
def test_any_kind_of_image_draws(images: np.ndarray, tmp_path: Path, pixels_of: Any) -> None:
    figure = worst_mistakes(images, TRUE, PROBABILITIES, count=5, path=tmp_path / "mistakes.png")
    drawn = np.array([cell.images[0].get_array() for cell in cells_of(figure)])
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    pixels_of(tmp_path / "mistakes.png")


def test_colours_from_0_to_255_and_from_0_to_1_look_the_same() -> None:
    images = RANDOM.integers(0, 256, (60, 6, 5, 3))
    images[:, 0, 0] = 255
    drawn = [
        cells_of(worst_mistakes(kind, TRUE, PROBABILITIES))[0].images[0].get_array() for kind in (images, images / 255)
    ]
    assert np.allclose(*drawn)


@pytest.mark.parametrize(
    ("images", "probabilities", "options", "text"),
    [
        (IMAGES.reshape(60, 30), PROBABILITIES, {}, r"received \(60, 30\). A table of features has no pictures: print"),
        (np.zeros((60, 784)), PROBABILITIES, {}, r"Flattened images: hand in images.reshape\(-1, 28, 28\)"),
        (np.zeros((60, 3, 8, 8)), PROBABILITIES, {}, r"Channels come last: images.transpose\(0, 2, 3, 1\)"),
        (np.full((60, 8, 8), "x"), PROBABILITIES, {}, r"images: expected numbers, received dtype <U1"),
        (IMAGES[:50], PROBABILITIES, {}, r"differ: images has 50, y_true has 60, probabilities has 60"),
        (IMAGES, PROBABILITIES[:, :2], {}, r"probabilities: expected rows of numbers from 0 to 1 with the sum 1"),
        (IMAGES, 9 * PROBABILITIES - 4, {}, r"If these are logits, apply a softmax"),
        (IMAGES, np.full((60, 3), np.nan), {}, r"probabilities: sample 0 is \[nan nan nan\], one of 180 values"),
        (IMAGES, TRUE, {}, r"probabilities: expected rows of numbers from 0 to 1"),
        (IMAGES, np.array(NAMES)[TRUE], {}, r"probabilities: expected what predict gives, numbers"),
        (IMAGES, RANDOM.random((60, 1)), {}, r"y_true: expected labels from 0 to 1, received 2 for sample"),
        (IMAGES, PROBABILITIES, {"class_names": ["a"]}, r"class_names: expected 3 names"),
        (IMAGES, PROBABILITIES, {"count": 0}, r"count: expected a whole number >= 1, received 0"),
    ],
)
def test_what_cannot_be_drawn_is_named(images: Any, probabilities: Any, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=r"worst_mistakes: .*" + text):
        worst_mistakes(images, TRUE, probabilities, **options)


def test_texts_as_labels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"y_true: expected class numbers, received texts"):
        worst_mistakes(IMAGES, np.array(NAMES)[TRUE], PROBABILITIES)
