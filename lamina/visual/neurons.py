"""Networks of McCulloch-Pitts neurons as diagrams, and what threshold logic units answer in the plane."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from lamina.visual import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def network_diagram(network: Any, *, ax: Any = None, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draw the neurons of a network with their thresholds; arrows excite, lines that end in a bar inhibit.

    Args:
        network: A `lamina.neurons.Network`.
        ax: Matplotlib axes to draw into. Default None: a new figure.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure.
    Raises:
        ImportError: Matplotlib is not installed.
        TypeError: network is no network.
    Example:
        >>> from lamina import neurons, visual
        >>> figure = visual.network_diagram(neurons.XOR)
        >>> print(figure.axes[0].get_title("left"))
        XOR
    """
    if not hasattr(network, "neurons"):
        raise TypeError(
            f"network_diagram: expected a lamina.neurons.Network, received {network!r}. "
            "Units with weights are drawn by decision_boundary."
        )
    places = _places(network)
    with _style.look():
        figure, (axes,) = _style.panels("network_diagram", ax, 1, (5.0, 3.2))
        for name, neuron in network.neurons.items():
            # a source that is named twice is two connections: side by side
            for kind, sources in (("excites", neuron.excitatory), ("inhibits", neuron.inhibitory)):
                for number, source in enumerate(sources):
                    _connect(axes, places[source], places[name], kind, sources[:number].count(source))
        for name, place in places.items():
            neuron = network.neurons.get(name)
            color = _style.FAINT if neuron is None else _style.BLUE
            axes.plot(*place, "o", markersize=34, markerfacecolor="white", markeredgecolor=color, markeredgewidth=1.8)
            axes.annotate(name, place, ha="center", va="center", fontsize=8)
            if neuron is not None:
                axes.annotate(
                    f"fires at {neuron.threshold}", place, (0, -24), textcoords="offset points", ha="center", fontsize=8
                )
        axes.margins(0.2, 0.3)
        axes.set_xticks([])
        axes.set_yticks([])
        _style.bare(axes)
        axes.set_title(", ".join(network.outputs), parse_math=False)
        return _style.save(figure, path)


def _places(network: Any) -> dict[str, tuple[float, float]]:
    """Where each input and neuron stands: a column for each number of neurons on the longest way to it."""
    depth = dict.fromkeys(network.inputs, 0)
    for name, neuron in network.neurons.items():
        depth[name] = 1 + max((depth[source] for source in (*neuron.excitatory, *neuron.inhibitory)), default=0)
    places = {}
    for column in sorted(set(depth.values())):
        names = [name for name in depth if depth[name] == column]
        for number, name in enumerate(names):
            places[name] = (float(column), (len(names) - 1) / 2 - number)
    return places


def _connect(ax: Axes, start: tuple[float, float], end: tuple[float, float], kind: str, repeated: int) -> None:
    color = _style.INK if kind == "excites" else _style.VERMILLION
    style = {
        "arrowstyle": "-|>" if kind == "excites" else "-[, widthB=0.5, lengthB=0",
        "color": color,
        "shrinkA": 18,
        "shrinkB": 20,
        "linewidth": 1.3,
        "connectionstyle": f"arc3,rad={0.25 * repeated}",
    }
    ax.annotate("", end, start, arrowprops=style)


def decision_boundary(
    unit: Any,
    x: Any = None,
    y: Any = None,
    *,
    ax: Any = None,
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw what a unit or a classifier answers in the plane of two features, and the rows with their classes.

    Args:
        unit: A `lamina.neurons.ThresholdUnit`, a fitted classifier of two features, or a function of (rows, 2).
        x: Rows to draw, (rows, 2). Default None: the corners of the unit square.
        y: Their classes, (rows,). Default None: what the unit answers.
        ax: Matplotlib axes to draw into. Default None: a new figure.
        path: File to save the picture in; the ending gives the format. Default None: not saved.
    Returns:
        The figure.
    Raises:
        ImportError: Matplotlib is not installed.
        ValueError: x is not of shape (rows, 2), or y of another length.
    Example:
        >>> from lamina.neurons import ThresholdUnit
        >>> figure = decision_boundary(ThresholdUnit([1, 1], bias=-1.5))
        >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
        ['0', '1']
    """
    answer = unit.predict if hasattr(unit, "predict") else unit
    rows = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float) if x is None else np.asarray(x, float)
    if rows.ndim != 2 or rows.shape[1] != 2 or not len(rows):
        raise ValueError(f"decision_boundary: x: expected rows of two features, (rows, 2), received {rows.shape}.")
    labels = np.asarray(answer(rows) if y is None else y)
    if labels.shape != (len(rows),):
        raise ValueError(
            f"decision_boundary: y: expected one class for each of {len(rows)} rows, received {labels.shape}."
        )
    low, high = rows.min(axis=0), rows.max(axis=0)
    room = 0.25 * np.where(high > low, high - low, 1.0)
    axis = [np.linspace(low[i] - room[i], high[i] + room[i], 160) for i in range(2)]
    grid = np.stack(np.meshgrid(*axis), axis=-1)
    answers = np.asarray(answer(grid.reshape(-1, 2)))
    classes = np.unique(np.concatenate([labels, answers]))
    with _style.look():
        from matplotlib.colors import ListedColormap

        figure, (axes,) = _style.panels("decision_boundary", ax, 1, (4.3, 3.6))
        colors = [_style.BLUE, _style.VERMILLION, "#009E73", "#CC79A7", "#E69F00"]  # Okabe and Ito
        colors = [colors[number % len(colors)] for number in range(len(classes))]
        ranks = np.searchsorted(classes, answers).reshape(grid.shape[:2])
        shades = ListedColormap(colors)
        axes.pcolormesh(*axis, ranks, cmap=shades, vmin=-0.5, vmax=len(classes) - 0.5, alpha=0.18, shading="nearest")
        for name, color in zip(classes, colors, strict=True):
            here = rows[labels == name]
            if len(here):
                axes.plot(*here.T, "o", color=color, label=str(name), markersize=5, markeredgecolor="white")
        axes.legend(frameon=True, framealpha=0.9)
        _style.bare(axes)
        return _style.save(figure, path)
