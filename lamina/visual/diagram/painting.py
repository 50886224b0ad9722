"""A laid-out model drawn with Matplotlib, for PNG and PDF where Graphviz is not installed.

Imported where it is used: it needs Matplotlib.
"""

from __future__ import annotations

import io
from typing import Any

from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from lamina.visual import _style
from lamina.visual.diagram import drawing
from lamina.visual.diagram.boxes import Box, Group, Shown, boxes_of, groups_of
from lamina.visual.diagram.drawing import FONT, HEAD, ROW
from lamina.visual.diagram.layout import PADDING, Placed, Rect
from lamina.visual.diagram.svg import MARGIN, arrow, name_line

_POINTS = 72.0  # an inch
MOST_PIXELS = 30_000  # of a side; Matplotlib's limit is 65,535


def paint(group: Group, shown: Shown, placed: Placed, direction: str, format: str, dpi: int) -> bytes:
    """The picture as a file's bytes; format: "png" or "pdf"; dpi: dots per inch, fewer of a huge model."""
    with _style.look():
        from lamina.visual._picture import Picture

        size = placed.width + 2 * MARGIN, placed.height + 2 * MARGIN
        figure = Picture(figsize=(size[0] / _POINTS, size[1] / _POINTS))
        ax: Any = figure.add_axes((0, 0, 1, 1))
        ax.set_axis_off()
        ax.set(xlim=(-MARGIN, placed.width + MARGIN), ylim=(placed.height + MARGIN, -MARGIN))
        for inner in groups_of(group):
            if inner.key in placed.frames:
                _frame(ax, inner, placed.frames[inner.key], direction)
        for points, ends in placed.lines:
            vertices, codes = [points[0]], [Path.MOVETO]
            for segment in drawing.segments(points, direction):
                vertices += segment
                codes += [Path.CURVE4 if len(segment) == 3 else Path.LINETO] * len(segment)
            ax.add_patch(PathPatch(Path(vertices, codes), fill=False, edgecolor=drawing.LINE, linewidth=1.4))
            if ends:
                ax.add_patch(Polygon(arrow(points, direction), facecolor=drawing.LINE, linewidth=0))
        for box in boxes_of(group):
            _box(ax, box, shown, placed.boxes[box.key])
        stream = io.BytesIO()
        dots = min(dpi, int(MOST_PIXELS / max(figure.get_size_inches())))
        metadata = {"CreationDate": None} if format == "pdf" else None  # the same model gives the same bytes
        figure.savefig(stream, format=format, dpi=max(1, dots), metadata=metadata)
        return stream.getvalue()


def _frame(ax: Any, group: Group, rect: Rect, direction: str) -> None:
    _rounded(ax, rect, 8, drawing.FILL, drawing.FRAME, linestyle=(0, (5, 3)))
    style: dict[str, Any] = {"fontsize": FONT - 1, "fontweight": "bold", "color": _style.FAINT, "parse_math": False}
    ax.text(rect.x + PADDING, name_line(rect, direction), drawing.cut(group.name), **style)


def _rounded(ax: Any, rect: Rect, radius: float, fill: str, edge: str, **style: Any) -> None:
    box = f"round,pad=0,rounding_size={radius}"
    place = (rect.x, rect.y), rect.width, rect.height
    ax.add_patch(FancyBboxPatch(*place, boxstyle=box, facecolor=fill, edgecolor=edge, linewidth=1, **style))


def _head(rect: Rect) -> Path:
    """A box's head: rounded above, straight below."""
    left, right, top, bottom = rect.x, rect.x + rect.width, rect.y, rect.y + HEAD
    corners = [(left, bottom), (left, top + 4), (left, top), (left + 4, top)]
    corners += [(right - 4, top), (right, top), (right, top + 4), (right, bottom), (left, bottom)]
    line, curve = Path.LINETO, Path.CURVE3
    return Path(corners, [Path.MOVETO, line, curve, curve, line, curve, curve, line, Path.CLOSEPOLY])


def _box(ax: Any, box: Box, shown: Shown, rect: Rect) -> None:
    rows, state, color = shown.rows(box), shown.state(box), drawing.color_of(box)
    _rounded(ax, rect, 4, "white" if rows or state else color, color)
    if rows or state:
        ax.add_patch(PathPatch(_head(rect), facecolor=color, edgecolor=color, linewidth=1))
    style: dict[str, Any] = {"fontsize": FONT - 1, "ha": "center", "parse_math": False}
    middle = rect.x + rect.width / 2
    ax.text(middle, rect.y + HEAD - 8.5, drawing.cut(shown.title(box)), color="white", fontweight="bold", **style)
    y = rect.y + HEAD + 3
    for what, value in rows:
        ax.text(middle, y + ROW - 5.5, f"{what}: {drawing.cut(value)}", color=_style.INK, **style)
        y += ROW
    if state is not None:
        tone = drawing.TRAINED if box.trainable else drawing.FROZEN
        ax.text(middle, y + ROW - 5.5, state, color=tone, fontweight="bold", **style)
