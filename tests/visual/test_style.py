"""What all pictures have in common: nobody's settings are touched, pyplot knows nothing, a file is a file."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from lamina import Sequential, layers, neurons, visual
from lamina.visual import _style

IMAGES = np.arange(4 * 8 * 8).reshape(4, 8, 8)
PROBABILITIES = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]]


@functools.cache
def network() -> Sequential:
    return Sequential([layers.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2, "softmax")])


@functools.cache
def without_bias() -> layers.Layer:
    layer = layers.Dense(2, use_bias=False)
    layer.build((None, 3))
    return layer


PICTURES: dict[str, Callable[..., Any]] = {
    "learning_curves": lambda **o: visual.learning_curves({"loss": [0.9, 0.5], "val_loss": [0.8, 0.6]}, **o),
    "confusion_matrix": lambda **o: visual.confusion_matrix([0, 1, 1, 1], PROBABILITIES, ["cat", "dog"], **o),
    "worst_mistakes": lambda **o: visual.worst_mistakes(IMAGES, [0, 1, 1, 1], PROBABILITIES, ["cat", "dog"], **o),
    "predicted_vs_actual": lambda **o: visual.predicted_vs_actual([1.0, 2.0], [1.5, 2.0], **o),
    "feature_maps": lambda **o: visual.feature_maps(network(), IMAGES[0], **o),
    "kernels": lambda **o: visual.kernels(network().layers[0], **o),
    "classification_report": lambda **o: visual.classification_report([0, 1, 1, 1], PROBABILITIES, **o),
    "roc_curve": lambda **o: visual.roc_curve([0, 1, 1, 0], PROBABILITIES, **o),
    "precision_recall_curve": lambda **o: visual.precision_recall_curve([0, 1, 1, 0], PROBABILITIES, **o),
    "calibration_curve": lambda **o: visual.calibration_curve([0, 1, 1, 0], PROBABILITIES, **o),
    "decision_boundary": lambda **o: visual.decision_boundary(lambda x: x[:, 0] > 0.5, y=[0, 0, 1, 1], **o),
    "residuals": lambda **o: visual.residuals([1.0, 2.0], [1.5, 2.0], **o),
    "weight_histograms": lambda **o: visual.weight_histograms(without_bias(), **o),
    "activation_histograms": lambda **o: visual.activation_histograms(network(), IMAGES, network().layers[0], **o),
    "network_diagram": lambda **o: visual.network_diagram(neurons.XOR, **o),
    "grad_cam": lambda **o: visual.grad_cam(network(), IMAGES[0], **o),
}
NUMBERS = {"layer_outputs", "grad_cam_heatmap"}  # return arrays
FILES = {"model_to_dot", "plot_model", "report"}  # drawn without a figure: test_diagram.py, test_report.py


@pytest.fixture
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few pixels, where their number does not matter."""
    monkeypatch.setattr(_style, "DPI", 30)


every_picture = pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)


def test_every_public_function_is_drawn_here() -> None:
    assert set(PICTURES) | NUMBERS | FILES == set(visual.__all__)


@every_picture
def test_picture_is_saved_at_150_dots_per_inch(draw: Any, tmp_path: Path, pixels_of: Any) -> None:
    figure = draw(path=tmp_path / "picture.png")
    height, width = pixels_of(tmp_path / "picture.png").shape[:2]
    assert np.allclose([width, height], figure.get_size_inches() * 150, atol=1)


@every_picture
@pytest.mark.usefixtures("coarse")
def test_settings_of_the_user_neither_change_nor_matter(draw: Any, tmp_path: Path, pixels_of: Any) -> None:
    draw(path=tmp_path / "plain.png")
    with mpl.rc_context({"axes.facecolor": "black", "font.size": 20, "axes.grid": True, "lines.linewidth": 9}):
        before = dict(mpl.rcParams)
        draw(path=tmp_path / "other.png")
        assert dict(mpl.rcParams) == before
    assert np.array_equal(pixels_of(tmp_path / "plain.png"), pixels_of(tmp_path / "other.png"))


@every_picture
def test_own_axes_are_drawn_into_and_their_figure_returned(draw: Any) -> None:
    from matplotlib.figure import Figure

    own = Figure()
    left, right = own.subplots(1, 2)
    assert draw(ax=right) is own
    assert right.get_title("left")
    assert not left.get_title("left")


@every_picture
@pytest.mark.usefixtures("coarse")
def test_sub_figure_gives_the_whole_figure_which_can_be_saved(draw: Any, tmp_path: Path, pixels_of: Any) -> None:
    from matplotlib.figure import Figure

    own = Figure()
    ax = own.subfigures(1, 2)[0].add_subplot()
    assert draw(ax=ax, path=tmp_path / "picture.png") is own
    pixels_of(tmp_path / "picture.png")


@every_picture
def test_title_is_taken_as_it_is_and_ending_gives_the_format(draw: Any, tmp_path: Path) -> None:
    figure = draw(title="a_b $\\frac{ <i>", path=str(tmp_path / "picture.svg"))
    texts = [figure.get_suptitle(), *(ax.get_title("left") for ax in figure.axes)]
    assert "a_b $\\frac{ <i>" in texts
    assert "<svg" in (tmp_path / "picture.svg").read_text()


@every_picture
def test_something_else_than_axes_is_named(draw: Any) -> None:
    with pytest.raises(TypeError, match=r"ax: expected Matplotlib axes, received 'left' of type str"):
        draw(ax=["left"])


def test_notebook_gets_a_png() -> None:
    assert PICTURES["predicted_vs_actual"]()._repr_png_().startswith(b"\x89PNG")


def test_missing_matplotlib_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'needs Matplotlib. Install it: pip install "lamina\[plots\]"'):
        visual.learning_curves({"loss": [1.0]})


def test_package_imports_no_matplotlib_and_drawing_no_pyplot_and_no_jax() -> None:
    program = (
        "import sys; from lamina import visual; assert 'matplotlib' not in sys.modules\n"
        "visual.learning_curves({'loss': [1.0]})._repr_png_(); visual.confusion_matrix([0, 1], [0, 1])\n"
        "assert not {'matplotlib.pyplot', 'jax', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
