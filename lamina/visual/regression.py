"""Predictions of numbers against the truth, and what is left between them."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from lamina.visual import _labels, _style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def predicted_vs_actual(
    y_true: Any,
    y_pred: Any,
    *,
    label: str = "",
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw a point for each sample, its prediction over its true value; on the diagonal they are equal.

    RMSE = sqrt(mean((y_pred - y_true)^2));  R^2 = 1 - sum((y_pred - y_true)^2) / sum((y_true - mean(y_true))^2)

    Args:
        y_true: True numbers, (n,) or (n, 1).
        y_pred: Predicted numbers, (n,) or (n, 1).
        label: What the numbers are, with their unit, for the axes. Default "".
        title: Title. Default None: RMSE and R^2.
        ax: Matplotlib axes to draw into. Default None: a new figure.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure.
    Raises:
        ImportError: Matplotlib is not installed.
        ValueError: numbers of samples that differ, several columns, no numbers, or NaN.
    Example:
        >>> from lamina.visual import predicted_vs_actual
        >>> figure = predicted_vs_actual([1.0, 2.0, 3.0], [[1.0], [2.0], [4.0]])
        >>> figure.axes[0].get_title("left")
        'RMSE 0.5774, R² 0.500'
    """
    true, predicted = _column("y_true", y_true), _column("y_pred", y_pred)
    _labels.check_lengths("predicted_vs_actual", y_true=true, y_pred=predicted)
    low, high = float(min(true.min(), predicted.min())), float(max(true.max(), predicted.max()))
    room = 0.03 * (high - low) or 0.5
    limits = (low - room, high + room)
    with _style.look():
        figure, (axes,) = _style.panels("predicted_vs_actual", ax, 1, (5.2, 5.2))
        _style.tidy(axes)
        style: dict[str, Any] = {"s": 9, "color": _style.BLUE, "alpha": _faintness(len(true)), "linewidths": 0}
        axes.scatter(true, predicted, rasterized=True, **style)  # rasterized, so that a PDF stays small
        axes.plot(limits, limits, color=_style.VERMILLION, linewidth=1.3, label="prediction = truth")
        axes.set(xlim=limits, ylim=limits, aspect="equal")
        axes.set_xlabel(f"true {label}".strip(), parse_math=False)
        axes.set_ylabel(f"predicted {label}".strip(), parse_math=False)
        axes.set_title(title or _scores(true, predicted), parse_math=False)
        axes.legend(frameon=False, loc="upper left")
        return _style.save(figure, path)


def residuals(
    y_true: Any,
    y_pred: Any,
    *,
    label: str = "",
    title: str | None = None,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw a point for each sample, its residual (truth - prediction) over its prediction, and their histogram.

    A good model leaves a cloud around zero without a shape: a bend is something that it did not learn, a funnel says
    that large values are less certain.

    Args:
        y_true: True numbers, (n,) or (n, 1).
        y_pred: Predicted numbers, (n,) or (n, 1).
        label: What the numbers are, with their unit, for the axes. Default "".
        title: Title. Default None: mean and standard deviation of the residuals.
        ax: Matplotlib axes to draw into. Default None: a new figure.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure.
    Raises:
        ImportError: Matplotlib is not installed.
        ValueError: as `predicted_vs_actual`.
    Example:
        >>> from lamina.visual import residuals
        >>> figure = residuals([1.0, 2.0, 3.0], [[1.0], [2.0], [4.0]])
        >>> figure.axes[0].get_title("left")
        'Residuals: mean -0.3333, std 0.4714'
    """
    true, predicted = _column("y_true", y_true, "residuals"), _column("y_pred", y_pred, "residuals")
    _labels.check_lengths("residuals", y_true=true, y_pred=predicted)
    left = true - predicted
    with _style.look():
        figure, (axes,) = _style.panels("residuals", ax, 1, (5.6, 4.4))
        _style.tidy(axes)
        style: dict[str, Any] = {"s": 9, "color": _style.BLUE, "alpha": _faintness(len(true)), "linewidths": 0}
        axes.scatter(predicted, left, rasterized=True, **style)
        axes.axhline(0, color=_style.VERMILLION, linewidth=1.3)
        beside = axes.inset_axes((1.02, 0, 0.16, 1), sharey=axes)
        beside.hist(left, bins=min(60, max(8, math.isqrt(len(left)))), orientation="horizontal", color=_style.BLUE)
        beside.axhline(0, color=_style.VERMILLION, linewidth=1.3)
        beside.set_axis_off()
        axes.set_xlabel(f"predicted {label}".strip(), parse_math=False)
        axes.set_ylabel("truth - prediction")
        axes.set_title(title or f"Residuals: mean {left.mean():.4g}, std {left.std():.4g}", parse_math=False)
        return _style.save(figure, path)


def _faintness(count: int) -> float:
    """Opacity of each of many points, so that dense places show."""
    return min(0.8, max(0.08, 40 / math.sqrt(count) * 0.25))


def _column(name: str, values: Any, where: str = "predicted_vs_actual") -> np.ndarray:
    """Numbers, (n,), float64."""
    argument = f"{where}: {name}"
    array = _labels.as_array(argument, values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{argument}: expected numbers, received dtype {array.dtype}.")
    if array.ndim == 2 and array.shape[1] > 1:
        raise ValueError(
            f"{argument}: expected one column, received shape {array.shape}. Draw each column: {name}[:, i]."
        )
    if array.ndim not in (1, 2) or not array.size:
        raise ValueError(f"{argument}: expected shape (samples,) with at least one sample, received {array.shape}.")
    array = array.astype(np.float64).ravel()
    _labels.check_finite(argument, array)
    return array


def _scores(true: np.ndarray, predicted: np.ndarray) -> str:
    errors = np.square(predicted - true).sum()
    spread = np.square(true - true.mean()).sum()
    r2 = f", R² {1 - errors / spread:.3f}" if spread else ""
    return f"RMSE {math.sqrt(errors / len(true)):.4g}{r2}"
