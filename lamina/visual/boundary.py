"""Which class a classifier of two features gives to each point of the plane."""

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

_ROOM = 0.08  # beside the data, of their range
_PALE = 0.25  # of a class's colour in its region
_MARKERS = "osD^vP*X"
_MOST = 1000  # classes by number


def decision_boundary(
    estimator: Any,
    x: Any = None,
    y: Any = None,
    class_names: Sequence[Any] | None = None,
    resolution: int = 160,
    *,
    feature_names: Sequence[str] | None = None,
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw the regions in which a classifier of two features gives each class, and rows in the colour of their class.

    Args:
        estimator: A trained model of two inputs, a fitted scikit-learn classifier or pipeline, a
            `lamina.neurons.ThresholdUnit`, or a function of (rows, 2). It gives labels; or scores of each class, of
            which the largest counts; or one score, above 0.5 for class 1.
        x: Rows to draw, (rows, 2), array or data frame; they give the part of the plane. Default None: the corners of
            the unit square.
        y: Their classes, (rows,) or (rows, 1), whole numbers or texts; or one-hot rows. Default None: what the
            estimator gives.
        class_names: Name of each class, in the order of the numbers, of the estimator's `classes_`, or of the sorted
            labels. Default None: these.
        resolution: Points a side at which the estimator is asked, int >= 2. Default 160.
        feature_names: Names of the two features. Default None: the data frame's columns, or none.
        title: Title. Default None: how many rows are in the region of their class; none without y.
        ax: Matplotlib axes to draw into. Default None: a new figure.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure.
    Raises:
        ImportError: Matplotlib is not installed.
        TypeError: something that cannot predict.
        ValueError: other than two features, y of another length, predictions that are no classes, labels that the
            estimator does not know.
    Example:
        >>> from lamina.visual import decision_boundary
        >>> figure = decision_boundary(lambda rows: rows[:, 0] > 0.5, y=[0, 0, 1, 1])
        >>> figure.axes[0].get_title("left")
        '4 of 4 right (100.0%)'
    """
    where = "decision_boundary: "
    resolution = errors.check_positive_int("resolution", resolution, where, minimum=2)
    rows = _rows([[0, 0], [0, 1], [1, 0], [1, 1]] if x is None else x)
    features = _feature_names(x, feature_names)
    sides = [_spread(rows[:, i], resolution) for i in (0, 1)]
    grid = np.stack([part.ravel() for part in np.meshgrid(*sides)], axis=1)
    answers = _predict(estimator, grid, x)
    regions = _labels.as_classes(f"{where}estimator", answers, scores=True)
    predicted = _labels.as_classes(f"{where}estimator", _predict(estimator, rows, x), scores=True)
    true = predicted if y is None else _labels.as_classes(f"{where}y", y, scores=False)
    if len(true) != len(rows):
        raise ValueError(f"{where}y: expected one class for each of {len(rows)} rows, received {np.shape(y)}.")
    width = np.shape(answers)[1] if np.ndim(answers) == 2 else 0
    classes = _all_classes([true, predicted, regions], getattr(estimator, "classes_", None), width)
    names = classes if class_names is None else _labels.as_names("decision_boundary", class_names, len(classes))
    with _style.look():
        figure, (axes,) = _style.panels("decision_boundary", ax, 1, (5.0, 4.3))
        colors = [_style.SERIES[i % len(_style.SERIES)] for i in range(len(classes))]
        _draw_regions(axes, sides, _places(classes, regions).reshape(resolution, resolution), colors)
        _draw_rows(axes, rows, _places(classes, true), [str(name) for name in names], colors)
        axes.set_xlabel(features[0], parse_math=False)
        axes.set_ylabel(features[1], parse_math=False)
        right = int((predicted == true).sum())
        said = "" if y is None else f"{right:,} of {len(rows):,} right ({right / len(rows):.1%})"
        axes.set_title(title or said, parse_math=False)
        return _style.save(figure, path)


def _rows(x: Any) -> np.ndarray:
    array = _labels.as_array("decision_boundary: x", x)
    if array.ndim != 2 or array.shape[1] != 2 or not len(array) or array.dtype.kind not in "biuf":
        hint = " Choose two of the columns, and an estimator that was trained on these." if array.ndim == 2 else ""
        raise ValueError(
            f"decision_boundary: x: expected rows of two features, (rows, 2), received {array.shape} of dtype "
            f"{array.dtype}.{hint}"
        )
    array = array.astype(np.float64)
    _labels.check_finite("decision_boundary: x", array)
    return array


def _feature_names(x: Any, names: Any) -> list[str]:
    given = getattr(x, "columns", ["", ""]) if names is None else names
    if isinstance(given, str) or len(given) != 2:
        raise ValueError(f"decision_boundary: feature_names: expected two names, received {names!r}.")
    return [str(name) for name in given]


def _spread(values: np.ndarray, resolution: int) -> np.ndarray:
    room = _ROOM * (values.max() - values.min()) or 0.5
    return np.linspace(values.min() - room, values.max() + room, resolution)


def _predict(estimator: Any, rows: np.ndarray, like: Any) -> Any:
    """What the estimator says of rows; a data frame where it was given one, so that it finds its columns."""
    if not hasattr(estimator, "predict") and not callable(estimator):
        raise TypeError(
            "decision_boundary: estimator: expected a trained model, an estimator with predict, or a function of "
            f"rows, received {estimator!r:.60} of type {type(estimator).__name__}."
        )
    if hasattr(estimator, "predict_on_batch"):  # a model
        answers = estimator.predict(rows.astype(np.float32), verbose=0)
    elif hasattr(estimator, "predict"):
        is_frame = hasattr(like, "columns") and hasattr(like, "iloc")
        answers = estimator.predict(type(like)(rows, columns=like.columns) if is_frame else rows)
    else:
        answers = estimator(rows)
    array = np.asarray(answers)
    return array.astype(int) if array.dtype.kind == "b" else array


def _all_classes(labels: Sequence[np.ndarray], known: Any, width: int) -> list[Any]:
    """Every class, in order: those that the estimator knows, the numbers from 0, or the labels that occur."""
    kinds = {array.dtype.kind == "O" for array in labels}
    if len(kinds) > 1:
        raise ValueError(
            "decision_boundary: y: expected labels as the estimator gives them, received texts on one side and numbers "
            f"on the other: {labels[0][0]!r} and {labels[2][0]!r}."
        )
    present = np.unique(np.concatenate([np.unique(array) for array in labels]))
    if known is not None and np.ndim(known) == 1:
        classes = _labels.as_classes("decision_boundary: estimator.classes_", known, scores=False).tolist()
        strange = [label for label in present.tolist() if label not in classes]
        if strange:
            raise ValueError(f"decision_boundary: y: expected labels among {classes}, received {strange[0]!r}.")
        return classes
    if kinds == {False} and present.min() >= 0 and present.max() < _MOST:
        return list(range(max(int(present.max()) + 1, width, 2)))
    return present.tolist()


def _places(classes: Sequence[Any], labels: np.ndarray) -> np.ndarray:
    place = {label: number for number, label in enumerate(classes)}
    return np.array([place[label] for label in labels.tolist()])


def _draw_regions(ax: Axes, sides: Sequence[np.ndarray], regions: np.ndarray, colors: Sequence[str]) -> None:
    from matplotlib.colors import ListedColormap, to_rgb

    pale = ListedColormap(1 - _PALE * (1 - np.array([to_rgb(color) for color in colors])))
    style: dict[str, Any] = {"cmap": pale, "vmin": -0.5, "vmax": len(colors) - 0.5, "shading": "nearest"}
    ax.pcolormesh(*sides, regions, rasterized=True, **style)
    for number in np.unique(regions)[:-1]:  # the line between a class, with those before it, and those after it
        ax.contour(*sides, regions > number, levels=[0.5], colors=_style.FAINT, linewidths=0.8)
    ax.set(xlim=(sides[0][0], sides[0][-1]), ylim=(sides[1][0], sides[1][-1]))
    ax.spines[["top", "right"]].set_visible(False)


def _draw_rows(ax: Axes, rows: np.ndarray, true: np.ndarray, names: Sequence[str], colors: Sequence[str]) -> None:
    style: dict[str, Any] = {"markersize": 5.5 if len(rows) <= 500 else 3.5, "markeredgecolor": "white"}
    style |= {"linestyle": "none", "markeredgewidth": 0.6}
    for number, name in enumerate(names):
        chosen = rows[true == number]
        if len(chosen):
            marker = _MARKERS[number // len(_style.SERIES) % len(_MARKERS)]
            label = _style.legend_text(name, 24)
            ax.plot(*chosen.T, marker=marker, color=colors[number], label=label, **style)
    ax.legend(frameon=True, framealpha=0.85, edgecolor="none", fontsize=9)
