"""The confusion matrix: which classes are taken for which."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamina.core import errors
from lamina.visual import _labels, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WITH_BOTH, _WITH_ONE = 15, 30  # classes up to which cells show share and count, or one of them
_LONGEST = 22  # characters of a name
_SHARES = {
    "true": "\n(shares are of each true class)",
    "pred": "\n(shares are of each predicted class)",
    "all": "\n(shares are of all samples)",
    None: "",
}


def confusion_matrix(
    y_true: Any,
    y_pred: Any,
    class_names: Sequence[Any] | None = None,
    normalize: str | None = "true",
    *,
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw how often each true class (row) was predicted as each class (column).

    Blue cells are right, orange ones mistakes; the paler the rarer, on a square-root scale so that rare mistakes show.

    Args:
        y_true: True labels, (n,) or (n, 1): whole numbers from 0, or texts; or one-hot rows (n, classes).
        y_pred: Predicted labels in the same forms; or what `predict` gives: probabilities or logits (n, classes), of
            which the largest counts, or probabilities of class 1, (n, 1), of which those above 0.5 do.
        class_names: Name of each class, in the order of their numbers. Default None: the numbers, or the sorted texts.
        normalize: What the percentages are shares of: "true" (the row: of a class's samples), "pred" (the column: of
            the predictions of a class), "all" (all samples), or None: counts alone. Default "true".
        title: Title. Default None: how many are right.
        ax: Matplotlib axes to draw into. Default None: a new figure.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure.
    Raises:
        ImportError: Matplotlib is not installed.
        TypeError: class_names is a text.
        ValueError: numbers of samples that differ, labels outside the names, NaN, several classes for one sample, or
            an unknown normalize.
    Example:
        >>> from lamina.visual import confusion_matrix
        >>> figure = confusion_matrix([0, 1, 1, 1], [[0.1], [0.2], [0.8], [0.7]], ["cat", "dog"])
        >>> figure.axes[0].get_title("left")
        '3 of 4 right (75.0%)'
    """
    errors.check_choice("normalize", normalize, _SHARES, "confusion_matrix: ")
    true, predicted, names = _labels.pair("confusion_matrix", y_true, y_pred, class_names)
    counts = np.bincount(true * len(names) + predicted, minlength=len(names) ** 2).reshape(len(names), len(names))
    right, total = int(counts.trace()), int(counts.sum())
    with _style.look():
        side = min(14.0, max(3.4, (0.66 if len(names) <= _WITH_BOTH else 0.4) * len(names)))
        margin = 0.6 + 0.07 * min(_LONGEST, _style.longest(names))
        figure, (axes,) = _style.panels("confusion_matrix", ax, 1, (side + margin, side + margin))
        _draw_cells(axes, counts, normalize)
        _label(axes, names, normalize)
        axes.set_title(title or f"{right:,} of {total:,} right ({right / total:.1%})", parse_math=False)
        return _style.save(figure, path)


def _shares(counts: np.ndarray, normalize: str | None) -> np.ndarray:
    """Fractions in [0, 1]; of the largest count where nothing else is asked for. Empty rows and columns give 0."""
    if normalize is None:
        whole = counts.max(keepdims=True)
    else:
        whole = counts.sum(axis={"true": 1, "pred": 0, "all": None}[normalize], keepdims=True)
    return counts / np.maximum(whole, 1)


def _draw_cells(ax: Axes, counts: np.ndarray, normalize: str | None) -> None:
    from matplotlib import colormaps

    shares, size = _shares(counts, normalize), len(counts)
    strength = np.sqrt(shares / max(shares.max(), 1e-12))
    colors = np.where(np.eye(size, dtype=bool)[..., None], colormaps["Blues"](strength), colormaps["Oranges"](strength))
    colors[counts == 0] = 1  # white
    ax.imshow(colors, interpolation="nearest")
    if size > _WITH_ONE:
        return
    for row, column in np.argwhere(counts):
        dark = colors[row, column, :3] @ (0.299, 0.587, 0.114) < 0.55
        style: dict[str, Any] = {"color": "white" if dark else _style.INK, "ha": "center", "va": "center"}
        for offset, text, font in _cell_texts(int(counts[row, column]), float(shares[row, column]), normalize, size):
            ax.annotate(text, (column, row), (0, offset), textcoords="offset points", fontsize=font, **style)


def _cell_texts(count: int, share: float, normalize: str | None, size: int) -> list[tuple[float, str, float]]:
    """What a cell says: (height above its middle in points, text, font size in points)."""
    percent = f"{100 * share:.1f}" if 0 < share < 0.0995 else f"{100 * share:.0f}"
    if normalize is None:
        return [(0, f"{count:,}", 9 if size <= _WITH_BOTH else 7)]
    if size > _WITH_BOTH:
        return [(0, percent, 7)]
    return [(5, f"{percent}%", 9), (-7, f"{count:,}", 7)]


def _label(ax: Axes, names: list[str], normalize: str | None) -> None:
    short = [_style.shorten(name, _LONGEST) for name in names]
    every = -(-len(names) // 60)  # not more than 60 names a side
    places, shown = range(0, len(names), every), short[::every]
    turned = _style.longest(shown) > 4
    font = 9 if len(names) <= _WITH_BOTH else 7
    ax.set_xticks(places, shown, fontsize=font, color=_style.INK, parse_math=False)
    ax.set_yticks(places, shown, fontsize=font, color=_style.INK, parse_math=False)
    if turned:
        for text in ax.get_xticklabels():
            text.set(rotation=45, ha="right", rotation_mode="anchor")
    ax.set_xlabel(f"predicted{_SHARES[normalize]}")
    ax.set_ylabel("true")
    _style.bare(ax)
    if len(names) <= _WITH_ONE:
        edges = np.arange(len(names) + 1) - 0.5
        ax.set_xticks(edges, minor=True)
        ax.set_yticks(edges, minor=True)
        ax.grid(which="minor", color=_style.GRID, linewidth=0.8)
        ax.tick_params(which="minor", length=0)
