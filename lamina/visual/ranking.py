"""How well scores rank the samples of a class before all others: ROC and precision/recall curves."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lamina.visual import _labels, _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LONGEST = 24  # characters of a name
_STYLES: tuple[Any, ...] = ("-", (0, (4, 1.5)))  # a second round of colours is dashed


class _Curve(NamedTuple):
    """Of a class against all others: its name, points, the number in the legend, and where chance would be."""

    name: str
    x: np.ndarray
    y: np.ndarray
    score: float
    share: float  # of samples that are of the class


def roc_curve(
    y_true: Any,
    scores: Any,
    class_names: Sequence[Any] | None = None,
    *,
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw the share of a class that is found (true positives) over the share of others taken for it, for all cuts.

    The area under a curve (AUC) is the probability that a sample of the class has a higher score than another one; on
    the dotted diagonal scores say nothing. Of two classes the second is drawn, of more each against all others.

    Args:
        y_true: True labels, (n,) or (n, 1), whole numbers from 0; or one-hot rows (n, classes).
        scores: What `predict` gives, probabilities or logits: (n, classes), or (n, 1) or (n,) for class 1 of two.
        class_names: Name of each class, in the order of their numbers. Default None: the numbers.
        title: Title. Default None: the AUC, or the mean of the classes'.
        ax: Matplotlib axes to draw into. Default None: a new figure.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure. A class that all samples are of, or none, has no curve; of more than 14 classes the seven with the
        lowest AUC are in colour.
    Raises:
        ImportError: Matplotlib is not installed.
        ValueError: numbers of samples that differ, labels outside the classes, scores that are not finite, or samples
            of one class alone.
    Source: `sklearn.metrics.roc_curve` and `roc_auc_score(multi_class="ovr", average="macro")`.
    Example:
        >>> from lamina.visual import roc_curve
        >>> figure = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        >>> figure.axes[0].get_title("left")
        'ROC: AUC 0.750'
    """
    from sklearn import metrics  # not above: it takes longer to load than all of lamina's pictures

    def points(is_class: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        others, found, _ = metrics.roc_curve(is_class, values)
        return others, found, float(metrics.roc_auc_score(is_class, values))

    curves, of = _curves("roc_curve", y_true, scores, class_names, points)
    with _style.look():
        figure, (axes,) = _style.panels("roc_curve", ax, 1, (5.2, 4.9))
        _draw(axes, curves, "AUC", "default")
        axes.plot([0, 1], [0, 1], color=_style.FAINT, linestyle=":", linewidth=1.2)
        axes.set(xlabel="others taken for it (false positive rate)", ylabel="found (true positive rate)")
        axes.set_title(title or f"ROC: AUC {_mean(curves):.3f}{of}", parse_math=False)
        return _style.save(figure, path)


def precision_recall_curve(
    y_true: Any,
    scores: Any,
    class_names: Sequence[Any] | None = None,
    *,
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw how much of what is taken for a class is of it (precision), over the share of it that is found (recall).

    The average precision (AP) is the area under the steps. Scores that say nothing give the class's share of all
    samples, dotted for two classes. Better than ROC where a class is rare.

    Args:
        y_true, scores, class_names, title, ax, path: As for `roc_curve`.
    Returns:
        The figure, as for `roc_curve`.
    Raises:
        ImportError, ValueError: As `roc_curve`.
    Source: `sklearn.metrics.precision_recall_curve` and `average_precision_score`.
    Example:
        >>> from lamina.visual import precision_recall_curve
        >>> figure = precision_recall_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        >>> figure.axes[0].get_title("left")
        'Precision and recall: AP 0.833'
    """
    from sklearn import metrics  # as above

    def points(is_class: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        precision, recall, _ = metrics.precision_recall_curve(is_class, values)
        return recall, precision, float(metrics.average_precision_score(is_class, values))

    curves, of = _curves("precision_recall_curve", y_true, scores, class_names, points)
    with _style.look():
        figure, (axes,) = _style.panels("precision_recall_curve", ax, 1, (5.2, 4.9))
        _draw(axes, curves, "AP", "steps-post")
        if len(curves) == 1:
            axes.axhline(curves[0].share, color=_style.FAINT, linestyle=":", linewidth=1.2)
        axes.set(xlabel="found (recall)", ylabel="of these right (precision)")
        axes.set_title(title or f"Precision and recall: AP {_mean(curves):.3f}{of}", parse_math=False)
        return _style.save(figure, path)


def _curves(
    where: str,
    y_true: Any,
    scores: Any,
    class_names: Sequence[Any] | None,
    points: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, float]],
) -> tuple[list[_Curve], str]:
    """The curve of class 1 of two, or of each class, and words for the title that say of how many."""
    values = _labels.as_scores(f"{where}: scores", scores)
    true, names = _labels.classes_of_scores(where, y_true, values, class_names)
    classes = [1] if values.shape[1] == 2 else range(values.shape[1])
    curves = []
    for number in classes:
        is_class = true == number
        if is_class.any() and not is_class.all():
            curves.append(_Curve(names[number], *points(is_class, values[:, number]), float(is_class.mean())))
    if not curves:
        raise ValueError(
            f"{where}: y_true: expected samples of at least two classes, received {len(true):,} of class "
            f"{names[int(true[0])]!r} alone."
        )
    left_out = len(classes) - len(curves)
    also = f", {left_out} without samples" if left_out else ""
    return curves, f", mean of {len(curves)} classes{also}" if len(classes) > 1 else ""


def _mean(curves: Sequence[_Curve]) -> float:
    return float(np.mean([curve.score for curve in curves]))


def _draw(ax: Axes, curves: Sequence[_Curve], score: str, drawstyle: Any) -> None:
    _style.tidy(ax)
    coloured = range(len(curves))
    most = len(_style.SERIES) * len(_STYLES)
    if len(curves) > most:
        coloured = sorted(coloured, key=lambda i: curves[i].score)[: len(_style.SERIES)]  # type: ignore[assignment]
    for i, curve in enumerate(curves):
        if i not in coloured:
            ax.plot(curve.x, curve.y, drawstyle=drawstyle, color="#C9C9C9", linewidth=0.9)
    for place, i in enumerate(coloured):
        turn, color = divmod(place, len(_style.SERIES))
        style: dict[str, Any] = {"color": _style.SERIES[color], "linestyle": _STYLES[turn], "linewidth": 1.7}
        label = _style.legend_text(curves[i].name, _LONGEST)
        ax.plot(curves[i].x, curves[i].y, drawstyle=drawstyle, label=f"{label}: {score} {curves[i].score:.3f}", **style)
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.03))
    ax.set_aspect("equal", adjustable="box")
    legend = ax.legend(frameon=True, framealpha=0.85, edgecolor="none", fontsize=8 if len(coloured) > 4 else 9)
    if len(curves) > most:
        legend.set_title(f"lowest of {len(curves)}")
        legend.get_title().set_fontsize(8)
