"""Learning curves: the losses and metrics of a training, epoch by epoch."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lamina.core import errors
from lamina.visual import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NOTE = "Training values are averages over their epoch, so they are drawn half an epoch earlier."
_SETTINGS = ("learning_rate", "lr")  # logged at the end of an epoch, no averages
_FEW = 12  # points that are drawn one by one


class Curve(NamedTuple):
    """Values and the epochs, from 1, at whose end they were known."""

    epochs: np.ndarray  # (values,), int
    values: np.ndarray  # (values,), float


def learning_curves(
    history: Any,
    metrics: str | Iterable[str] | None = None,
    *,
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw a panel for the loss and each metric, with its training and its validation curve.

    The epochs count from 1. A training value is the average over its epoch's steps, so it stands half an epoch before
    the epoch's end, where the validation value stands; otherwise validation looks better than training.

    Args:
        history: What `fit` returned, or its `history`: a dict (or DataFrame) from names to one value an epoch.
        metrics: Names of the panels, without `val_`, in their order. Default None: the loss, then all others.
        title: Title of the figure. Default None: none.
        ax: Matplotlib axes to draw into, as many as panels. Default None: a new figure.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure; its `axes` are the panels.
    Raises:
        ImportError: Matplotlib is not installed.
        TypeError: history is neither of the above.
        ValueError: an empty history, an unknown metric, values that are no numbers, or names with different numbers
            of values (a dict does not tell in which epochs they were measured; the History does).
    Example:
        >>> from lamina.visual import learning_curves
        >>> figure = learning_curves({"loss": [0.9, 0.5], "val_loss": [0.8, 0.6], "accuracy": [0.7, 0.8]})
        >>> [panel.get_title("left") for panel in figure.axes]
        ['loss', 'accuracy']
    """
    curves = _curves(history)
    names = _panel_names(curves, metrics)
    with _style.look():
        figure, axes = _style.panels("learning_curves", ax, len(names), (4.3, 3.3))
        for panel, name in zip(axes, names, strict=True):
            _draw(panel, name, curves)
        if any(name in curves and name not in _SETTINGS for name in names):
            if ax is None:
                note = _NOTE.replace(", so", ",\nso") if len(names) == 1 else _NOTE
                figure.supxlabel(note, fontsize=8, color=_style.FAINT, x=0.01, ha="left")
            else:
                axes[0].set_xlabel("epoch (training: averages, half an epoch earlier)")
        if title and ax is None:
            figure.suptitle(title, x=0.01, ha="left", parse_math=False)
        elif title:
            axes[0].set_title(title, parse_math=False)
        return _style.save(figure, path)


def _curves(history: Any) -> dict[str, Curve]:
    record = getattr(history, "history", history)
    if not isinstance(record, Mapping) and not hasattr(record, "items"):
        raise TypeError(
            f"learning_curves: history: expected what fit returned or a dict of lists, received {history!r} of type "
            f"{type(history).__name__}."
        )
    values = {str(name): _numbers(str(name), series) for name, series in record.items()}
    if not any(len(series) for series in values.values()):
        raise ValueError("learning_curves: history: there is no epoch in it. Call fit with epochs=1 or more first.")
    measured = getattr(history, "_measured", None)  # the epochs of each value, which validation_freq makes differ
    if measured is None:
        epochs = _consecutive(values, getattr(history, "epoch", None))
    else:
        epochs = {name: np.asarray(measured[name], int) + 1 for name in values}
    return {name: Curve(epochs[name], values[name]) for name in values}


def _numbers(name: str, series: Any) -> np.ndarray:
    """Values as floats, (n,); an array in place of a value (F1 of each class) counts as its mean."""
    try:
        return np.array([np.mean(np.asarray(value, np.float64)) for value in series])
    except (TypeError, ValueError):
        raise ValueError(
            f"learning_curves: history[{name!r}]: expected a list of numbers, received {series!r}."
        ) from None


def _consecutive(values: dict[str, np.ndarray], epoch: Any) -> dict[str, np.ndarray]:
    lengths = {name: len(series) for name, series in values.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"learning_curves: history: the numbers of values differ: {lengths}. "
            "Hand in what lamina's fit returned, which knows the epochs of each value."
        )
    count = next(iter(lengths.values()))
    known = np.asarray(epoch, int) + 1 if epoch is not None and len(epoch) == count else np.arange(1, count + 1)
    return dict.fromkeys(values, known)


def _panel_names(curves: dict[str, Curve], metrics: str | Iterable[str] | None) -> list[str]:
    """Names without `val_`, the loss first."""
    known = list(dict.fromkeys(name.removeprefix("val_") for name in curves))
    if metrics is None:
        return sorted(known, key=lambda name: name != "loss")
    wanted = [metrics] if isinstance(metrics, str) else list(metrics)
    for name in wanted:
        if name not in known:
            raise errors.unknown_name("metric of learning_curves", name, known)
    if not wanted:
        raise ValueError(f"learning_curves: metrics: expected at least one of {known}, received none.")
    return wanted


def _draw(ax: Axes, name: str, curves: dict[str, Curve]) -> None:
    train, validation = curves.get(name), curves.get(f"val_{name}")
    if train is not None:
        if name in _SETTINGS:
            _line(ax, train.epochs, train.values, "at the end of the epoch", _style.BLUE, "-")
        else:
            _line(ax, train.epochs - 0.5, train.values, "training", _style.BLUE, (0, (4, 1.5)))
    if validation is not None:
        _line(ax, validation.epochs, validation.values, "validation", _style.VERMILLION, "-")
        if name == "loss":
            _mark_lowest(ax, validation)
    drawn = [curve for curve in (train, validation) if curve is not None]
    _label(ax, name, np.concatenate([curve.epochs for curve in drawn]))
    _say_what_is_missing(ax, np.concatenate([curve.values for curve in drawn]))


def _line(ax: Axes, x: np.ndarray, y: np.ndarray, label: str, color: str, linestyle: Any) -> None:
    marker = "o" if len(y) <= _FEW or not np.isfinite(y).all() else None
    finite = np.where(np.isfinite(y), y, np.nan)
    ax.plot(x, finite, label=label, color=color, linestyle=linestyle, linewidth=1.8, marker=marker, markersize=3.5)


def _mark_lowest(ax: Axes, curve: Curve) -> None:
    if not np.isfinite(curve.values).any():
        return
    best = int(np.nanargmin(np.where(np.isfinite(curve.values), curve.values, np.nan)))
    epoch, value = int(curve.epochs[best]), float(curve.values[best])
    style: dict[str, Any] = {
        "marker": "o",
        "markersize": 8,
        "markerfacecolor": "none",
        "markeredgewidth": 1.5,
        "linestyle": "none",
        "clip_on": False,  # whole at the edge, too
    }
    ax.plot([epoch], [value], color=_style.VERMILLION, label=f"lowest: {value:.4g}, epoch {epoch}", **style)


def _label(ax: Axes, name: str, epochs: np.ndarray) -> None:
    _style.tidy(ax)
    ax.set_title(name, parse_math=False)
    ax.set_xlabel("epoch")
    first, last = int(epochs.min()), int(epochs.max())
    room = min(0.4, 0.02 * (last - first + 1))
    ax.set_xlim(first - 0.5 - room, last + room)
    ax.set_xticks(epoch_ticks(first, last))
    ax.legend(frameon=False)


def _say_what_is_missing(ax: Axes, values: np.ndarray) -> None:
    missing = int((~np.isfinite(values)).sum())
    if missing:
        text = f"{missing} of {len(values)} values NaN or infinite"
        ax.set_title(text, loc="right", color=_style.VERMILLION, fontsize=8, fontweight="normal")


def epoch_ticks(first: int, last: int) -> list[int]:
    """Round whole numbers for the axis, and the first epoch where there is room for it.

    Example:
        >>> epoch_ticks(1, 30), epoch_ticks(1, 4), epoch_ticks(7, 7)
        ([1, 5, 10, 15, 20, 25, 30], [1, 2, 3, 4], [7])
    """
    rough = max(1.0, (last - first) / 7)
    power = 10 ** math.floor(math.log10(rough))
    step = next(int(power * digit) for digit in (1, 2, 5, 10) if power * digit >= rough)
    ticks = list(range(math.ceil(first / step) * step, last + 1, step))
    return ticks if ticks and ticks[0] - first < 0.7 * step else [first, *ticks]
