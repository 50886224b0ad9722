"""What SVG and Matplotlib draw alike: the sizes of texts and boxes, colours, the course of lines."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterator, Sequence

from lamina.visual import _style
from lamina.visual.diagram.boxes import Box, Shown
from lamina.visual.diagram.layout import Point

FONT = 12.0  # points; heads are bold
HEAD, ROW, SIDE = 26.0, 19.0, 12.0  # height of a box's head and of a row, and room beside texts
LONGEST = 60  # characters of a text
LINE, FRAME, FILL = "#8A8A8A", "#B5B5B5", "#F7F8FA"
TRAINED, FROZEN = "#1E6B45", "#A1322B"
# Heads by family: dark enough for white letters (contrast 4.5 and more).
COLORS = {
    "input": "#5A6470",
    "core": _style.BLUE,
    "einsum_dense": _style.BLUE,
    "embedding": _style.BLUE,
    "convolution": "#B04600",
    "pooling": "#00755A",
    "spatial": "#00755A",
    "normalization": "#8E4585",
    "regularization": "#6B5CA5",
    "preprocessing": "#6B5CA5",
    "merging": "#7A6200",
    "reshaping": "#5A6470",
    "activation": "#A8325C",
    "ops": "#5A6470",
    "model": "#1F3B57",
}
OWN = "#333333"  # of classes of one's own, and other families
_NARROW, _WIDE = "fijlrtI .,:;'|!()[]{}/\\-`\"*", "mwMW%@"


def color_of(box: Box) -> str:
    """Colour of a box's head."""
    return COLORS.get(box.family, OWN)


def width_of(text: str, bold: bool = False) -> float:
    """Width of a text in points, at least that of common sans-serif fonts of size `FONT` (DejaVu is the widest).

    Example:
        >>> width_of("iii") < width_of("aaa") < width_of("MMM")
        True
    """
    return FONT * sum(_character(c) for c in text) * (1.12 if bold else 1.0)


def _character(character: str) -> float:
    """Width in ems."""
    if unicodedata.east_asian_width(character) in "WF":
        return 1.05
    if not character.isascii():
        return 0.85
    if character in _NARROW:
        return 0.46
    if character in _WIDE:
        return 1.0
    return 0.77 if character.isupper() else 0.64


def cut(text: str) -> str:
    """One line of printable characters, not too long."""
    line = "".join(c if c.isprintable() else " " for c in text)
    return _style.shorten(line, LONGEST)


def size_of(box: Box, shown: Shown) -> tuple[float, float]:
    """Width and height of a box, in points."""
    widths = [width_of(cut(shown.title(box)), bold=True)]
    widths += [width_of(f"{what}: ") + width_of(cut(value), bold=True) for what, value in shown.rows(box)]
    state = shown.state(box)
    if state is not None:
        widths.append(width_of(state, bold=True))
    return max(64.0, max(widths) + 2 * SIDE), HEAD + ROW * (len(widths) - 1) + (6.0 if len(widths) > 1 else 0.0)


def segments(points: Sequence[Point], direction: str) -> Iterator[list[Point]]:
    """The parts of a line after its first point: [end] of a straight one, [control, control, end] of an S."""
    down = direction in ("TB", "BT")
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        if x1 == x2 or y1 == y2:
            yield [(x2, y2)]
        elif down:
            yield [(x1, (y1 + y2) / 2), (x2, (y1 + y2) / 2), (x2, y2)]
        else:
            yield [((x1 + x2) / 2, y1), ((x1 + x2) / 2, y2), (x2, y2)]
