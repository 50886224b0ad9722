"""The one look of all pictures: colours that colour-blind readers can tell apart, a light grid, no clutter."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Blue and vermillion of Okabe and Ito, Color Universal Design, 2008: apart for every kind of colour vision.
BLUE, VERMILLION = "#0072B2", "#D55E00"
GREEN, ORANGE, SKY, PURPLE, BLACK = "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#000000"
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)  # of lines beside each other
INK, FAINT, GRID = "#222222", "#6B6B6B", "#E4E4E4"
DPI = 150  # dots per inch of saved pictures

_SETTINGS = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9A9A9A",
    "text.color": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
}


@contextlib.contextmanager
def look() -> Iterator[None]:
    """Draw in this look inside the context, whatever the user's settings, which come back at its end.

    Raises:
        ImportError: Matplotlib is not installed.
    """
    try:
        import matplotlib.style
    except ImportError as error:
        raise ImportError('lamina.visual needs Matplotlib. Install it: pip install "lamina[plots]"') from error
    with matplotlib.style.context(["default", _SETTINGS]):
        yield


def panels(where: str, ax: Any, count: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """The axes to draw `count` panels into: the user's own, or those of a new figure.

    Args:
        where: Name of the function, for messages.
        ax: Axes, or a sequence of them; None makes a figure.
        count: Number of panels.
        size: Width and height of one panel, inches.
    """
    from matplotlib.axes import Axes

    if ax is None:
        columns = count if count <= 3 else math.ceil(count / math.ceil(count / 3))
        rows = math.ceil(count / columns)
        figure = new_figure(columns * size[0], rows * size[1])
        return figure, [figure.add_subplot(rows, columns, place + 1) for place in range(count)]
    given = [ax] if isinstance(ax, Axes) else list(getattr(ax, "flat", ax))
    wrong = [one for one in given if not isinstance(one, Axes)]
    if wrong:
        raise TypeError(
            f"{where}: ax: expected Matplotlib axes, received {wrong[0]!r} of type {type(wrong[0]).__name__}."
        )
    if len(given) != count:
        raise ValueError(
            f"{where}: ax: expected {count} axes, one for each panel, received {len(given)}. "
            f"Make them with plt.subplots(1, {count}), or leave ax out."
        )
    return given[0].figure.figure, given


def new_figure(width: float, height: float) -> Figure:
    """A figure of this size in inches that pyplot does not know and that notebooks show."""
    from lamina.visual._picture import Picture

    return Picture(figsize=(width, height), layout="constrained")


def tidy(ax: Axes) -> None:
    """Take away the frame's upper and right side, and put a light grid behind the data."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)


def bare(ax: Axes) -> None:
    """Take away the frame and the tick marks."""
    ax.spines[:].set_visible(False)
    ax.grid(False)
    ax.tick_params(length=0)


def save(figure: Figure, path: str | os.PathLike[str] | None) -> Figure:
    """Save the figure if there is a path, and return it."""
    if path is not None:
        figure.savefig(path, dpi=DPI)
    return figure


def shorten(name: str, length: int) -> str:
    """At most `length` characters of a name, in one line.

    Example:
        >>> shorten("Ankle boot", 12), shorten("Ankle boot", 6)
        ('Ankle boot', 'Ankle…')
    """
    name = " ".join(name.split())
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"


def legend_text(name: str, length: int) -> str:
    """A name as a legend shows it: Matplotlib reads dollars as formulas and leaves out what begins with `_`.

    Example:
        >>> legend_text("_US $", 9)
        '\u200b_US \\\\$'
    """
    text = shorten(name, length).replace("$", r"\$")
    return f"\u200b{text}" if text.startswith("_") else text


def longest(names: Sequence[str]) -> int:
    """Length of the longest name, in characters."""
    return max((len(name) for name in names), default=0)
