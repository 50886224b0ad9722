"""Where boxes and lines stand: a layered layout, after Sugiyama, Tagawa & Toda, 1981.

`level.py` orders the boxes of one model. Here the layers are put below each other, and models into models: a group is
laid out by itself and then is one large box. Everything is computed for lines that run down; other directions are
turned at the end. Lengths are in points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lamina.visual.diagram.boxes import Box, Group
from lamina.visual.diagram.level import LOOP, Level, Line, Node

LAYER_GAP = 34.0
PADDING, HEAD = 16.0, 22.0  # of a group: around its boxes, and for its name above
SNAP = 14.0  # a line that would bend by less is straight, and meets the box beside its middle
DIRECTIONS = ("TB", "BT", "LR", "RL")

Point = tuple[float, float]


class Rect(NamedTuple):
    """Upper left corner and size."""

    x: float
    y: float
    width: float
    height: float


@dataclass
class Placed:
    """Rectangles of boxes and of groups' frames by key, and lines as points; an arrow is at a line's end.

    Between two points with the same coordinate across the direction a line is straight, else it is an S.
    """

    width: float
    height: float
    boxes: dict[str, Rect] = field(default_factory=dict)
    frames: dict[str, Rect] = field(default_factory=dict)
    lines: list[tuple[list[Point], bool]] = field(default_factory=list)  # points, and whether it ends at a box
    ports: dict[str, Point] = field(default_factory=dict)


def lay_out(
    group: Group, sizes: Mapping[str, tuple[float, float]], names: Mapping[str, float], direction: str = "TB"
) -> Placed:
    """Place a model's boxes.

    Args:
        group: The model; its own ports are not drawn.
        sizes: Width and height of each box, by key.
        names: Width of the name of each inner group, by key.
        direction: "TB" runs down, "BT" up, "LR" to the right, "RL" to the left.
    """
    across = direction in ("LR", "RL")
    if across:
        sizes = {key: (height, width) for key, (width, height) in sizes.items()}
    placed = _place(group, sizes, names, across=across, whole=True)
    width, height = (placed.height, placed.width) if across else (placed.width, placed.height)

    def turn(point: Point) -> Point:
        x, y = (point[1], point[0]) if across else point
        return (width - x if direction == "RL" else x, height - y if direction == "BT" else y)

    def turn_rect(rect: Rect) -> Rect:
        (x1, y1), (x2, y2) = turn((rect.x, rect.y)), turn((rect.x + rect.width, rect.y + rect.height))
        return Rect(min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1))

    return Placed(
        width,
        height,
        {key: turn_rect(rect) for key, rect in placed.boxes.items()},
        {key: turn_rect(rect) for key, rect in placed.frames.items()},
        [([turn(point) for point in points], ends) for points, ends in placed.lines],
    )


def _place(
    group: Group,
    sizes: Mapping[str, tuple[float, float]],
    names: Mapping[str, float],
    *,
    across: bool,
    whole: bool,
) -> Placed:
    inner = {g.key: _place(g, sizes, names, across=across, whole=False) for g in group.items if isinstance(g, Group)}
    level = Level()
    if not whole:
        for port in group.inputs:
            level.add(port, 0, 0, port=-1)
    for item in group.items:
        if isinstance(item, Box):
            level.add(item.key, *sizes[item.key])
            continue
        frame = inner[item.key]
        level.add(item.key, frame.width, frame.height)
        for port in (*item.inputs, *item.outputs):
            level.ends[port] = (item.key, frame.ports[port][0] - frame.width / 2)
    if not whole:
        for port in group.outputs:
            level.add(port, 0, 0, port=1)
    for source, target in group.edges:
        level.connect(source, target)
    level.arrange()
    return _assemble(group, level, inner, names, across=across, whole=whole)


def _assemble(
    group: Group,
    level: Level,
    inner: Mapping[str, Placed],
    names: Mapping[str, float],
    *,
    across: bool,
    whole: bool,
) -> Placed:
    """Put the layers below each other, and the inner groups into their places."""
    # Across, a name stands at the upper left of a group too: beside its boxes, where the first layer begins.
    top, left = (0.0, 0.0) if whole else (PADDING, HEAD + PADDING) if across else (HEAD, PADDING)
    tops, y = [], top
    bare = [all(node.port for node in layer) for layer in level.layers]
    for place, layer in enumerate(level.layers):
        tops.append(y)
        high = max((node.height for node in layer), default=0.0)
        y += high + (LAYER_GAP / 4 if any(bare[place : place + 2]) else LAYER_GAP)
    bottoms = [t + max((n.height for n in layer), default=0.0) for t, layer in zip(tops, level.layers, strict=True)]
    nodes = [node for layer in level.layers for node in layer]
    width = max((node.x + node.width / 2 + node.room for node in nodes), default=0.0)
    height = bottoms[-1] if bottoms else 0.0
    if not whole:
        name = names.get(group.key, 0.0) + 2 * PADDING
        slack = 0.0 if across else max(0.0, 2 * name - (width + left + PADDING))  # lines enter beside the name
        left += slack / 2
        width, height = width + left + PADDING + slack / 2, height + PADDING
        if across:
            height = max(height, name)
    placed = Placed(width, height)

    def rect_of(node: Node) -> Rect:
        spare = bottoms[node.layer] - tops[node.layer] - node.height
        return Rect(left + node.x - node.width / 2, tops[node.layer] + spare / 2, node.width, node.height)

    for key, node in level.nodes.items():
        rect = rect_of(node)
        if node.port:
            placed.ports[key] = (rect.x, 0.0 if node.port < 0 else height)
        elif key in inner:
            placed.frames[key] = rect
            _put_in(placed, inner[key], rect)
        else:
            placed.boxes[key] = rect
    for line in level.lines:
        placed.lines.append((_points(line, rect_of, tops, bottoms, placed), line.ends_at_box))
    for source, target in level.loops:
        placed.lines.append((_loop(level, rect_of, source, target), True))
    return placed


def _put_in(placed: Placed, inner: Placed, rect: Rect) -> None:
    for key, box in inner.boxes.items():
        placed.boxes[key] = box._replace(x=box.x + rect.x, y=box.y + rect.y)
    for key, frame in inner.frames.items():
        placed.frames[key] = frame._replace(x=frame.x + rect.x, y=frame.y + rect.y)
    for points, ends in inner.lines:
        placed.lines.append(([(x + rect.x, y + rect.y) for x, y in points], ends))


def _points(
    line: Line,
    rect_of: Callable[[Node], Rect],
    tops: Sequence[float],
    bottoms: Sequence[float],
    placed: Placed,
) -> list[Point]:
    """From the lower side of the first node, straight through the layers passed, to the upper side of the last."""
    rects = [rect_of(node) for node in line.path]
    offsets = [line.start, *[0.0] * (len(rects) - 2), line.end]
    across = [rect.x + rect.width / 2 + offset for rect, offset in zip(rects, offsets, strict=True)]
    for place, beside in ((0, 1), (-1, -2)):
        if line.path[place].key in placed.boxes and abs(across[place] - across[beside]) < SNAP:
            across[place] = across[beside]
    points: list[Point] = []
    for place, (node, rect, x) in enumerate(zip(line.path, rects, across, strict=True)):
        edge = placed.ports[node.key][1] if node.port else None
        upper = tops[node.layer] if place else rect.y + rect.height if edge is None else edge
        lower = bottoms[node.layer] if place < len(rects) - 1 else rect.y if edge is None else edge
        points += [(x, upper)] if abs(upper - lower) < 1e-6 else [(x, upper), (x, lower)]
    return points[::-1] if line.reversed else points


def _loop(level: Level, rect_of: Callable[[Node], Rect], source: str, target: str) -> list[Point]:
    """Out below, up on the right, in above."""
    key, start = level.ends[source]
    end = level.ends[target][1]
    rect = rect_of(level.nodes[key])
    middle, side, far = rect.x + rect.width / 2, rect.x + rect.width + LOOP / 2, LAYER_GAP / 4
    above, below = rect.y - far, rect.y + rect.height + far
    return [
        (middle + start, rect.y + rect.height),
        (middle + start, below),
        (side, below),
        (side, above),
        (middle + end, above),
        (middle + end, rect.y),
    ]
