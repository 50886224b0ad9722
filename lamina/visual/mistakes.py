"""The images that a classifier gets most wrong."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamina.core import errors
from lamina.visual import _labels, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LONGEST = 11  # characters of a name
_WIDTH, _TEXTS = 1.95, 0.58  # of a cell, and the height of its texts, inches


def worst_mistakes(
    images: Any,
    y_true: Any,
    probabilities: Any,
    class_names: Sequence[Any] | None = None,
    count: int = 16,
    *,
    colormap: str = "gray",
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw the wrongly classified images with the highest loss, -log(probability of the true class), worst first.

    Args:
        images: (n, height, width), or (n, height, width, channels) with 1, 3 or 4 channels; any numeric dtype. Grey
            levels are spread over the range of the images shown, colours are 0 to 1 or 0 to 255.
        y_true: True labels, (n,) or (n, 1), whole numbers from 0; or one-hot rows (n, classes).
        probabilities: What `predict` gives: (n, classes) after a softmax, or (n, 1) or (n,) after a sigmoid.
        class_names: Name of each class, in the order of their numbers. Default None: the numbers.
        count: Most images to draw, int >= 1. Default 16.
        colormap: Matplotlib colormap of grey images: "gray" draws 0 black, "gray_r" white. Default "gray".
        title: Title. Default None: how many mistakes there are.
        ax: Matplotlib axes to draw the grid into. Default None: a new figure.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure. Above each image are the predicted and the true class with the probabilities that the model gave
        them, below it its number in `images`. Without any mistake, the picture says so.
    Raises:
        ImportError: Matplotlib is not installed.
        ValueError: images of another shape (a table of features has no picture), numbers of samples that differ,
            labels outside the classes, rows that are no probabilities, or count < 1.
    Example:
        >>> import numpy as np
        >>> from lamina.visual import worst_mistakes
        >>> images = np.zeros((3, 8, 8))
        >>> figure = worst_mistakes(images, [0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], ["cat", "dog"])
        >>> [text.get_text() for text in figure.axes[0].child_axes[0].texts]
        ['cat (0.80)', 'true: dog (0.20)']
    """
    count = errors.check_positive_int("count", count, "worst_mistakes: ")
    pictures = _as_images(images)
    scores = _labels.as_probabilities("worst_mistakes: probabilities", probabilities)
    true, names = _labels.classes_of_scores("worst_mistakes", y_true, scores, class_names, images=pictures)
    predicted = scores.argmax(axis=1)
    wrong = np.flatnonzero(predicted != true)
    worst = wrong[np.argsort(scores[wrong, true[wrong]], kind="stable")][:count]
    with _style.look():
        columns = max(1, math.ceil(math.sqrt(len(worst))))
        rows = math.ceil(len(worst) / columns)
        height = _TEXTS + _WIDTH * min(2.0, pictures.shape[1] / pictures.shape[2])
        size = (max(5.6, _WIDTH * columns), height * rows + 0.7)
        figure, (frame,) = _style.panels("worst_mistakes", ax, 1, size)
        _head(frame, title or _headline(len(worst), len(wrong), len(true)), len(worst))
        shown = _displayable(pictures[worst])
        for place, sample in enumerate(worst):
            cell = _cell(frame, place, rows, columns, _TEXTS / height)
            cell.imshow(shown[place], cmap=colormap, vmin=0, vmax=1, interpolation="nearest")
            _describe(cell, int(sample), scores[sample], int(predicted[sample]), int(true[sample]), names)
        return _style.save(figure, path)


def _as_images(images: Any) -> np.ndarray:
    array = _labels.as_array("worst_mistakes: images", images)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"worst_mistakes: images: expected numbers, received dtype {array.dtype}.")
    if array.ndim == 3 or (array.ndim == 4 and array.shape[-1] in (1, 3, 4)):
        return array
    message = (
        "worst_mistakes: images: expected shape (samples, height, width) or (samples, height, width, 1, 3 or 4 "
        f"channels), received {array.shape}."
    )
    if array.ndim == 2:
        edge = math.isqrt(array.shape[1])
        way = (
            f"Flattened images: hand in images.reshape(-1, {edge}, {edge}). "
            if edge > 3 and edge**2 == array.shape[1]
            else ""
        )
        message += (
            f" {way}A table of features has no pictures: print its worst rows instead, those with the lowest "
            "probabilities[range(n), y_true]."
        )
    elif array.ndim == 4 and array.shape[1] in (1, 3, 4):
        message += " Channels come last: images.transpose(0, 2, 3, 1)."
    raise ValueError(message)


def _displayable(images: np.ndarray) -> np.ndarray:
    """Grey (n, h, w) or colours (n, h, w, 3 or 4), each from 0 to 1."""
    images = images.astype(np.float64)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    finite = images[np.isfinite(images)]
    if not finite.size:
        return np.zeros_like(images)
    low, high = float(finite.min()), float(finite.max())
    if images.ndim == 4 and low >= 0 and high <= 255:
        low, high = 0.0, 1.0 if high <= 1 else 255.0
    return np.nan_to_num((images - low) / (high - low or 1.0))


def _headline(shown: int, mistakes: int, total: int) -> str:
    if not mistakes:
        return f"No mistakes: all {total:,} images are classified correctly"
    of = f"{mistakes:,} mistake{'s' * (mistakes > 1)} in {total:,} images"
    return f"The{f' {shown}' * (shown > 1)} worst of {of}" if shown < mistakes else of


def _head(frame: Axes, title: str, shown: int) -> None:
    frame.set_axis_off()
    frame.set_title(title, pad=20, parse_math=False)
    if shown:
        key = "orange: predicted class, black: true class, and the probability that the model gave to each"
        style: dict[str, Any] = {"fontsize": 8, "color": _style.FAINT, "va": "bottom"}
        frame.annotate(key, (0, 1), (0, 7), textcoords="offset points", **style).set_in_layout(False)


def _cell(frame: Axes, place: int, rows: int, columns: int, texts: float) -> Axes:
    """Axes for one image; `texts` is the share of the cell's height that is left to the lines above and below it."""
    row, column = divmod(place, columns)
    left, bottom = column / columns, 1 - (row + 1) / rows
    return frame.inset_axes(
        (left + 0.05 / columns, bottom + 0.3 * texts / rows, 0.9 / columns, (1 - texts) * 0.95 / rows)
    )


def _describe(ax: Axes, sample: int, scores: np.ndarray, predicted: int, true: int, names: list[str]) -> None:
    guess, truth = (f"{_style.shorten(names[c], _LONGEST)} ({_probability(scores[c])})" for c in (predicted, true))
    style: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "center", "fontsize": 9}
    style["parse_math"] = False
    ax.annotate(guess, (0.5, 1), (0, 15), color=_style.VERMILLION, fontweight="bold", **style)
    ax.annotate(f"true: {truth}", (0.5, 1), (0, 3), **style)
    ax.set_xlabel(f"no. {sample}", fontsize=7, color=_style.FAINT, labelpad=2)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_color(_style.GRID)


def _probability(value: float) -> str:
    """Two decimals, or the power of ten where they would be 0.00."""
    return f"{value:.2f}" if value >= 0.005 or value <= 0 else f"{value:.0e}"
