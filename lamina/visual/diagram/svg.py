"""A laid-out model as SVG text, which every browser and notebook shows; nothing has to be installed."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence

from lamina.visual import _style
from lamina.visual.diagram import drawing
from lamina.visual.diagram.boxes import Box, Group, Shown, boxes_of, groups_of
from lamina.visual.diagram.drawing import FONT, HEAD, ROW
from lamina.visual.diagram.layout import PADDING, Placed, Point, Rect

MARGIN = 8.0
_ARROW = 6.0  # points, length and width
_FAMILY = "Helvetica, Arial, DejaVu Sans, sans-serif"


def svg(group: Group, shown: Shown, placed: Placed, direction: str) -> str:
    """Draw a model.

    Args:
        group: The model; shown: what boxes say; placed: where they are; direction: of the lines, such as "TB".
    """
    width, height = placed.width + 2 * MARGIN, placed.height + 2 * MARGIN
    title = html.escape(f"Model {drawing.cut(group.name)}")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-MARGIN:g} {-MARGIN:g} {width:.1f} {height:.1f}" font-family="{_FAMILY}" font-size="{FONT:g}">',
        f"<title>{title}</title>",
    ]
    for inner in groups_of(group):
        if inner.key in placed.frames:
            lines += _frame(inner, placed.frames[inner.key], direction)
    for points, ends in placed.lines:
        lines += _line(points, ends, direction)
    for box in boxes_of(group):
        lines += _box(box, shown, placed.boxes[box.key])
    return "\n".join([*lines, "</svg>", ""])


def _frame(group: Group, rect: Rect, direction: str) -> Iterator[str]:
    yield (
        f'<rect x="{rect.x:.1f}" y="{rect.y:.1f}" width="{rect.width:.1f}" height="{rect.height:.1f}" rx="8" '
        f'fill="{drawing.FILL}" stroke="{drawing.FRAME}" stroke-dasharray="5 3"/>'
    )
    x, y = rect.x + PADDING, name_line(rect, direction)
    yield _text(x, y, group.name, fill=_style.FAINT, weight="bold")


def name_line(rect: Rect, direction: str) -> float:
    """Where the base line of a group's name stands: above its boxes, or below where lines run up."""
    return rect.y + rect.height - 8 if direction == "BT" else rect.y + 18


def _line(points: Sequence[Point], ends: bool, direction: str) -> Iterator[str]:
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for segment in drawing.segments(points, direction):
        letter = "C" if len(segment) == 3 else "L"
        parts.append(letter + " ".join(f"{x:.1f} {y:.1f}" for x, y in segment))
    yield f'<path d="{"".join(parts)}" fill="none" stroke="{drawing.LINE}" stroke-width="1.4"/>'
    if ends:
        corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in arrow(points, direction))
        yield f'<polygon points="{corners}" fill="{drawing.LINE}"/>'


def arrow(points: Sequence[Point], direction: str) -> list[Point]:
    """Corners of the arrow head at the end of a line."""
    (x1, y1), (x, y) = points[-2], points[-1]
    half = _ARROW / 2
    if direction in ("TB", "BT"):
        back = y - _ARROW if y > y1 else y + _ARROW
        return [(x, y), (x - half, back), (x + half, back)]
    back = x - _ARROW if x > x1 else x + _ARROW
    return [(x, y), (back, y - half), (back, y + half)]


def _box(box: Box, shown: Shown, rect: Rect) -> Iterator[str]:
    rows, state = shown.rows(box), shown.state(box)
    whole, color = f"{box.name} ({box.kind})", drawing.color_of(box)
    place = f'x="{rect.x:.1f}" y="{rect.y:.1f}" width="{rect.width:.1f}"'
    yield f'<g class="layer"><title>{html.escape(whole)}</title>'
    yield f'<rect {place} height="{rect.height:.1f}" rx="4" fill="white" stroke="{color}"/>'
    head = f"{rect.x:.1f} {rect.y + HEAD:.1f}v-{HEAD - 4:g}q0-4 4-4h{rect.width - 8:.1f}q4 0 4 4v{HEAD - 4:g}z"
    yield (
        f'<path d="M{head}" fill="{color}"/>'
        if rows or state
        else f'<rect {place} height="{HEAD:g}" rx="4" fill="{color}"/>'
    )
    middle = rect.x + rect.width / 2
    yield _text(middle, rect.y + HEAD - 8.5, shown.title(box), fill="white", weight="bold", anchor="middle")
    y = rect.y + HEAD + 3
    for what, value in rows:
        yield _row(middle, y + ROW - 5.5, what, value)
        y += ROW
    if state is not None:
        color = drawing.TRAINED if box.trainable else drawing.FROZEN
        yield _text(middle, y + ROW - 5.5, state, fill=color, weight="bold", anchor="middle")
    yield "</g>"


def _text(x: float, y: float, text: str, *, fill: str, weight: str = "normal", anchor: str = "start") -> str:
    style = f'fill="{fill}" font-weight="{weight}" text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{html.escape(drawing.cut(text))}</text>'


def _row(x: float, y: float, what: str, value: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{_style.INK}" text-anchor="middle">'
        f'<tspan fill="{_style.FAINT}">{what}: </tspan>'
        f'<tspan font-weight="bold">{html.escape(drawing.cut(value))}</tspan></text>'
    )
