"""Learning curves: the right values at the right epochs, and clear words for what cannot be drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lamina.training.callbacks import History
from lamina.visual import learning_curves
from lamina.visual.curves import epoch_ticks

RECORD = {
    "accuracy": [0.6, 0.7, 0.8],
    "loss": [0.9, 0.5, 0.4],
    "val_accuracy": [0.65, 0.75, 0.7],
    "val_loss": [0.7, 0.45, 0.5],
}


def history_of(epochs: range, validated: set[int]) -> History:
    history = History()
    for epoch in epochs:
        history.on_epoch_end(epoch, {"loss": 1.0 / (epoch + 1)} | ({"val_loss": 0.5} if epoch in validated else {}))
    return history


def lines_of(panel: Any) -> dict[str, list[list[float]]]:
    return {line.get_label(): [list(line.get_xdata()), list(line.get_ydata())] for line in panel.lines}


def titles_of(figure: Any) -> list[str]:
    return [panel.get_title("left") for panel in figure.axes]


def test_training_stands_half_an_epoch_before_validation_and_a_note_says_so() -> None:
    figure = learning_curves(RECORD)
    assert titles_of(figure) == ["loss", "accuracy"]
    lines = lines_of(figure.axes[0])
    assert lines["training"] == [[0.5, 1.5, 2.5], RECORD["loss"]]
    assert lines["validation"] == [[1, 2, 3], RECORD["val_loss"]]
    assert "half an epoch earlier" in figure.get_supxlabel()


def test_lowest_validation_loss_is_marked() -> None:
    figure = learning_curves(RECORD)
    assert lines_of(figure.axes[0])["lowest: 0.45, epoch 2"] == [[2], [0.45]]
    assert set(lines_of(figure.axes[1])) == {"training", "validation"}


def test_history_tells_the_epochs_of_each_value() -> None:
    figure = learning_curves(history_of(range(4, 10), validated={5, 7, 9}))
    lines = lines_of(figure.axes[0])
    assert lines["training"][0] == [4.5, 5.5, 6.5, 7.5, 8.5, 9.5]
    assert lines["validation"][0] == [6, 8, 10]


def test_history_plots_itself() -> None:
    assert titles_of(history_of(range(2), validated=set()).plot(metrics="loss")) == ["loss"]


def test_object_of_another_library_counts_its_epochs() -> None:
    class Other:
        history = {"loss": [0.5, 0.4]}
        epoch = [7, 8]

    assert lines_of(learning_curves(Other()).axes[0])["training"][0] == [7.5, 8.5]


def test_data_frame_is_as_good_as_a_dict() -> None:
    pandas = pytest.importorskip("pandas")
    expected = lines_of(learning_curves(RECORD).axes[1])
    assert lines_of(learning_curves(pandas.DataFrame(RECORD)).axes[1]) == expected


def test_metrics_choose_the_panels_and_their_order() -> None:
    assert titles_of(learning_curves(RECORD, ["accuracy", "loss"])) == ["accuracy", "loss"]
    assert titles_of(learning_curves(RECORD, "accuracy")) == ["accuracy"]


def test_validation_alone_has_a_panel_and_no_note() -> None:
    figure = learning_curves({"val_loss": [0.5, 0.4]})
    assert set(lines_of(figure.axes[0])) == {"validation", "lowest: 0.4, epoch 2"}
    assert figure.get_supxlabel() == ""


def test_learning_rate_is_no_average() -> None:
    figure = learning_curves({"loss": [0.5, 0.4], "learning_rate": [0.1, 0.01]})
    assert lines_of(figure.axes[1]) == {"at the end of the epoch": [[1, 2], [0.1, 0.01]]}


def test_an_array_counts_as_its_mean() -> None:
    figure = learning_curves({"f1_score": [np.array([0.2, 0.4]), np.array([0.5, 0.7])]})
    assert np.allclose(lines_of(figure.axes[0])["training"][1], [0.3, 0.6])


def test_nan_is_a_gap_that_is_counted(tmp_path: Path, pixels_of: Any) -> None:
    record = {"loss": [0.5, np.nan, np.inf], "val_loss": [np.nan] * 3}
    figure = learning_curves(record, path=tmp_path / "curves.png")
    assert figure.axes[0].get_title("right") == "5 of 6 values NaN or infinite"
    pixels_of(tmp_path / "curves.png")


@pytest.mark.parametrize("count", [1, 2, 13, 1000])
def test_any_number_of_epochs_draws(count: int, tmp_path: Path, pixels_of: Any) -> None:
    figure = learning_curves({"loss": np.linspace(1, 0, count)}, path=tmp_path / "curves.png")
    assert figure.axes[0].get_xticks()[0] >= 1
    pixels_of(tmp_path / "curves.png")


@pytest.mark.parametrize("panels", range(1, 8))
def test_any_number_of_metrics_draws(panels: int) -> None:
    assert len(learning_curves({f"m{i}": [1.0] for i in range(panels)}).axes) == panels


def test_names_are_taken_as_they_are(tmp_path: Path, pixels_of: Any) -> None:
    figure = learning_curves({"r$^2_{x <a>": [0.5]}, path=tmp_path / "curves.png")
    assert titles_of(figure) == ["r$^2_{x <a>"]
    pixels_of(tmp_path / "curves.png")


@pytest.mark.parametrize(("first", "last"), [(1, 1), (1, 2), (1, 9), (1, 20), (1, 400), (7, 12), (96, 105), (3, 3001)])
def test_ticks_are_few_whole_epochs_that_were_run(first: int, last: int) -> None:
    ticks = epoch_ticks(first, last)
    assert 1 <= len(ticks) <= 10
    assert first <= ticks[0] <= ticks[-1] <= last
    assert ticks == sorted(set(ticks))


def test_own_axes_must_be_as_many_as_panels() -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots(1, 2)
    assert titles_of(learning_curves(RECORD, ax=axes)) == ["loss", "accuracy"]
    assert "half an epoch earlier" in axes[0].get_xlabel()
    with pytest.raises(
        ValueError, match=r"ax: expected 2 axes, one for each panel, received 1. Make them with plt.sub"
    ):
        learning_curves(RECORD, ax=axes[0])


@pytest.mark.parametrize(
    ("history", "metrics", "error", "text"),
    [
        (RECORD, "acuracy", ValueError, r"Unknown metric of learning_curves: 'acuracy'. Did you mean 'accuracy'\?"),
        (RECORD, "val_loss", ValueError, r"Did you mean 'loss'\?"),
        (RECORD, [], ValueError, r"metrics: expected at least one of \['accuracy', 'loss'\], received none"),
        ({}, None, ValueError, r"there is no epoch in it. Call fit with epochs=1 or more first"),
        ({"loss": []}, None, ValueError, r"there is no epoch in it"),
        (History(), None, ValueError, r"there is no epoch in it"),
        ({"loss": ["low"]}, None, ValueError, r"history\['loss'\]: expected a list of numbers, received \['low'\]"),
        ({"loss": 0.5}, None, ValueError, r"history\['loss'\]: expected a list of numbers, received 0.5"),
        ({"loss": [1, 2], "val_loss": [1]}, None, ValueError, r"differ: {'loss': 2, 'val_loss': 1}. Hand in what lam"),
        ([1, 2], None, TypeError, r"history: expected what fit returned or a dict of lists, received \[1, 2\]"),
        (None, None, TypeError, r"received None of type NoneType"),
    ],
)
def test_what_cannot_be_drawn_is_named(history: Any, metrics: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        learning_curves(history, metrics)
