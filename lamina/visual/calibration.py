"""Calibration: whether what is given a probability of 80 % happens in 80 % of the cases."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamina.core import errors
from lamina.visual import _labels, _style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BAR = "#CFE3F1"


def calibration_curve(
    y_true: Any,
    probabilities: Any,
    class_names: Sequence[Any] | None = None,
    bins: int = 10,
    *,
    strategy: str = "uniform",
    class_index: int | None = None,
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw how often predictions come true over the probability that the model gave them (a reliability diagram).

    On the diagonal probabilities are what they say; below it the model is too sure of itself. Pale bars are the share
    of samples in each bin. Of two classes it is about class 1; of more about the predicted class of each sample.

    The expected calibration error is sum over bins of (samples in the bin / all samples) |come true - probability|.

    Args:
        y_true: True labels, (n,) or (n, 1), whole numbers from 0; or one-hot rows (n, classes).
        probabilities: What `predict` gives: (n, classes) after a softmax, or (n, 1) or (n,) after a sigmoid.
        class_names: Name of each class, in the order of their numbers. Default None: the numbers.
        bins: Number of bins, int >= 2. Default 10.
        strategy: "uniform": bins of one width; "quantile": bins with as many samples each. Default "uniform".
        class_index: The class to look at, against all others. Default None: as above.
        title: Title. Default None: the expected calibration error.
        ax: Matplotlib axes to draw into. Default None: a new figure.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure.
    Raises:
        ImportError: Matplotlib is not installed.
        ValueError: numbers of samples that differ, labels outside the classes, rows that are no probabilities,
            bins < 2, an unknown strategy, or a class_index outside the classes.
    Source: `sklearn.calibration.calibration_curve`; the error after Naeini, Cooper & Hauskrecht, AAAI 2015.
    Example:
        >>> from lamina.visual import calibration_curve
        >>> figure = calibration_curve([0, 0, 1, 1], [0.1, 0.3, 0.7, 0.9], bins=2)
        >>> figure.axes[0].get_title("left")
        'Calibration error 0.200'
    """
    where = "calibration_curve: "
    bins = errors.check_positive_int("bins", bins, where, minimum=2)
    errors.check_choice("strategy", strategy, ("uniform", "quantile"), where)
    scores = _labels.as_probabilities(f"{where}probabilities", probabilities)
    true, names = _labels.classes_of_scores("calibration_curve", y_true, scores, class_names)
    happened, given, what = _events(true, scores, names, class_index)
    edges = np.linspace(0, 1, bins + 1) if strategy == "uniform" else np.quantile(given, np.linspace(0, 1, bins + 1))
    share, mean, often = _bins(happened, given, edges)
    with _style.look():
        figure, (axes,) = _style.panels("calibration_curve", ax, 1, (5.2, 4.9))
        _style.tidy(axes)
        style: dict[str, Any] = {"align": "edge", "color": _BAR, "edgecolor": "white"}
        axes.bar(edges[:-1], share, np.diff(edges), label="share of the samples", **style)
        axes.plot([0, 1], [0, 1], color=_style.FAINT, linestyle=":", linewidth=1.2, label="as it should be")
        axes.plot(mean, often, color=_style.BLUE, marker="o", markersize=5, linewidth=1.8, label="model")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.03))
        axes.set_aspect("equal", adjustable="box")
        axes.set_xlabel(f"probability of {what}", parse_math=False)
        axes.set_ylabel("how often it is so")
        error = float((share[share > 0] * abs(often - mean)).sum())
        axes.set_title(title or f"Calibration error {error:.3f}", parse_math=False)
        axes.legend(frameon=False, loc="upper left")
        return _style.save(figure, path)


def _events(
    true: np.ndarray, scores: np.ndarray, names: Sequence[str], class_index: Any
) -> tuple[np.ndarray, np.ndarray, str]:
    """Whether it was so for each sample, the probability that it had been given, and what "it" is."""
    if class_index is None and scores.shape[1] > 2:
        predicted = scores.argmax(axis=1)
        return predicted == true, np.clip(scores.max(axis=1), 0, 1), "the predicted class"
    number = 1 if class_index is None else class_index
    if isinstance(number, bool) or not hasattr(number, "__index__") or not 0 <= int(number) < len(names):
        raise ValueError(
            f"calibration_curve: class_index: expected a class from 0 to {len(names) - 1}, received {class_index!r}."
        )
    return true == number, np.clip(scores[:, number], 0, 1), f"class {_style.shorten(names[number], 24)}"


def _bins(happened: np.ndarray, given: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The share of samples of each bin; of those that are not empty the mean probability, and how often it was so."""
    place = np.searchsorted(edges[1:-1], given)
    count = np.bincount(place, minlength=len(edges) - 1)
    full = count > 0
    mean = np.bincount(place, given, len(edges) - 1)[full] / count[full]
    often = np.bincount(place, happened, len(edges) - 1)[full] / count[full]
    return count / len(given), mean, often
