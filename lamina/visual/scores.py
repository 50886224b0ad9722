"""Precision, recall and F1 of each class, as a table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lamina.visual import _labels, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = ("precision", "recall", "f1-score", "support")
_LONGEST = 28  # characters of a name
_ROW, _COLUMN = 0.27, 0.98  # inches
_BAR = "#CFE3F1"


def classification_report(
    y_true: Any,
    y_pred: Any,
    class_names: Sequence[Any] | None = None,
    *,
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw scikit-learn's classification report as a table with a bar behind each number.

    precision = right / predicted as the class; recall = right / samples of the class;
    f1 = 2 precision recall / (precision + recall); support = samples of the class. A share of nothing counts as 0.

    Args:
        y_true: True labels, (n,) or (n, 1): whole numbers from 0, or texts; or one-hot rows (n, classes).
        y_pred: Predicted labels in the same forms; or what `predict` gives, (n, classes) or (n, 1).
        class_names: Name of each class, in the order of their numbers. Default None: the numbers, or the sorted texts.
        title: Title. Default None: the accuracy.
        ax: Matplotlib axes to draw into. Default None: a new figure.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure.
    Raises:
        ImportError: Matplotlib is not installed.
        ValueError: as `confusion_matrix`.
    Source: the numbers are those of `sklearn.metrics.classification_report`.
    Example:
        >>> from lamina.visual import classification_report
        >>> figure = classification_report([0, 1, 1, 1], [0, 0, 1, 1], ["cat", "dog"])
        >>> [text.get_text() for text in figure.axes[0].texts][4:9]
        ['cat', '0.500', '1.000', '0.667', '1']
    """
    rows = score_rows("classification_report", y_true, y_pred, class_names)
    averages = sum(1 for row in rows if row.is_average)
    with _style.look():
        name = 0.35 + 0.085 * min(_LONGEST, max(12, _style.longest([row.name for row in rows])))
        width, height = name + _COLUMN * len(COLUMNS), _ROW * (len(rows) + 1.6)
        figure, (axes,) = _style.panels("classification_report", ax, 1, (width + 0.3, height + 0.5))
        _head(axes, name, width, height)
        for place, row in enumerate(rows):
            _draw(axes, row, _ROW * (place + 1 + 0.4 * row.is_average), name)
        between = _ROW * (len(rows) - averages + 1.2)
        axes.hlines([_ROW, between], 0, width, color=[_style.INK, _style.FAINT], linewidth=[1.0, 0.6])
        accuracy = next(row.values[0] for row in rows if row.name == "accuracy")
        total = rows[-1].support
        axes.set_title(title or f"accuracy {accuracy:.1%} of {total:,} samples", parse_math=False)
        return _style.save(figure, path)


class Row:
    """A line of the table: a class or an average (`accuracy` has one value), in [0, 1], and a number of samples."""

    def __init__(self, name: str, values: Sequence[float], support: int, is_average: bool) -> None:
        self.name, self.values, self.support, self.is_average = name, tuple(values), support, is_average


def score_rows(where: str, y_true: Any, y_pred: Any, class_names: Sequence[Any] | None) -> list[Row]:
    """The numbers of the table: each class, then accuracy, mean and weighted mean."""
    from sklearn import metrics  # not above: it takes longer to load than all of lamina's pictures

    true, predicted, names = _labels.pair(where, y_true, y_pred, class_names)
    labels = list(range(len(names)))
    by_class = metrics.precision_recall_fscore_support(true, predicted, labels=labels, zero_division=0)
    rows = [Row(names[i], [float(part[i]) for part in by_class[:3]], int(by_class[3][i]), False) for i in labels]
    rows.append(Row("accuracy", [float(metrics.accuracy_score(true, predicted))], len(true), True))
    for name, average in (("macro avg", "macro"), ("weighted avg", "weighted")):
        means = metrics.precision_recall_fscore_support(
            true, predicted, labels=labels, average=average, zero_division=0
        )
        rows.append(Row(name, [float(value) for value in means[:3]], len(true), True))
    return rows


def _head(ax: Axes, name: float, width: float, height: float) -> None:
    _style.bare(ax)
    ax.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    for place, column in enumerate(COLUMNS):
        right = name + _COLUMN * (place + 1)
        ax.text(right - 0.1, _ROW * 0.55, column, ha="right", va="center", color=_style.FAINT, fontsize=9)


def _draw(ax: Axes, row: Row, top: float, name: float) -> None:
    from matplotlib.patches import Rectangle

    middle = top + _ROW / 2
    style: dict[str, Any] = {"va": "center", "fontsize": 10, "parse_math": False}
    ax.text(0.05, middle, _style.shorten(row.name, _LONGEST), **style)
    first = 2 if len(row.values) == 1 else 0  # accuracy stands below f1-score, as in scikit-learn's table
    for place, value in enumerate(row.values, first):
        left = name + _COLUMN * place + 0.1
        bar = Rectangle((left, top + 0.035), (_COLUMN - 0.14) * value, _ROW - 0.07, facecolor=_BAR, linewidth=0)
        ax.add_patch(bar)
        ax.text(name + _COLUMN * (place + 1) - 0.1, middle, f"{value:.3f}", ha="right", **style)
    ax.text(name + _COLUMN * len(COLUMNS) - 0.1, middle, f"{row.support:,}", ha="right", **style)
