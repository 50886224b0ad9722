"""Networks of McCulloch-Pitts neurons as diagrams."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from lamina.visual import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def network_diagram(
    network: Any, *, title: str | None = None, ax: Any = None, path: str | os.PathLike[str] | None = None
) -> Figure:
    """Draw the neurons of a network with their thresholds; arrows excite, lines that end in a bar inhibit.

    Args:
        network: A `lamina.neurons.Network`.
        title: Title. Default None: the names of its outputs.
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
        axes.set_title(title or ", ".join(network.outputs), parse_math=False)
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
