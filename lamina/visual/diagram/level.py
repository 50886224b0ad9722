"""The layers of one model's boxes, and where each stands in its layer.

Each box gets a layer below all that lead to it (`_rank`). A line that passes a layer gets a narrow place of its own
there, so that it never runs behind a box (`Level`). Places in a layer are ordered so that few lines cross (`_order`),
then moved above and below what they are connected with (`_spread`).
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

GAP, LINE_GAP = 26.0, 14.0  # between boxes of a layer, and beside a line, points
LOOP = 18.0  # room at the right of a box that feeds itself
SWEEPS, MOST_SWEEPS = 8, 300


class Node:
    """A place in a layer: a box, an inner group, a port of the group, or where a line passes."""

    def __init__(self, key: str, width: float, height: float, *, port: int = 0, passing: bool = False) -> None:
        self.key, self.width, self.height = key, width, height
        self.port = port  # -1: where lines enter the group, 1: where they leave it
        self.passing = passing
        self.room = 0.0  # at the right, for a loop
        self.layer, self.x = 0, 0.0  # x: of the middle
        self.above: list[tuple[Node, float, float]] = []  # node, the line's offset there, its offset here
        self.below: list[tuple[Node, float, float]] = []

    def wish(self, *, up: bool, down: bool) -> tuple[float, float]:
        """Where the middle should be for its lines to be straight, in the mean, and how much that matters."""
        lines = [(node, there - here, _stiffness(node, self)) for node, there, here in self.above if up]
        lines += [(node, there - here, _stiffness(self, node)) for node, there, here in self.below if down]
        weight = sum(stiffness for *_, stiffness in lines)
        if not weight:
            return self.x, 0.1
        return sum((node.x + offset) * stiffness for node, offset, stiffness in lines) / weight, weight


def _stiffness(upper: Node, lower: Node) -> float:
    """Bends of chains and of long lines look worst; the numbers are Graphviz'."""
    if upper.passing and lower.passing:
        return 8.0
    return 8.0 if len(upper.below) == len(lower.above) == 1 else 2.0 if upper.passing or lower.passing else 1.0


class Line(NamedTuple):
    """A line as it runs down: its places from layer to layer, offsets at both ends, and whether the arrow points up."""

    path: list[Node]
    start: float
    end: float
    reversed: bool
    ends_at_box: bool


class Level:
    """The boxes and lines of one group."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.ends: dict[str, tuple[str, float]] = {}  # end of a line: (node, offset from its middle)
        self.edges: list[tuple[str, str]] = []
        self.loops: list[tuple[str, str]] = []
        self.lines: list[Line] = []
        self.layers: list[list[Node]] = []

    def add(self, key: str, width: float, height: float, *, port: int = 0) -> None:
        self.nodes[key] = Node(key, width, height, port=port)
        self.ends[key] = (key, 0.0)

    def connect(self, source: str, target: str) -> None:
        if source not in self.ends or target not in self.ends:  # the whole model's ports
            return
        node = self.ends[source][0]
        if node == self.ends[target][0]:
            self.loops.append((source, target))
            self.nodes[node].room = LOOP
        else:
            self.edges.append((source, target))

    def arrange(self) -> None:
        """Give each node its layer and its x."""
        backward = _backward([(self.ends[s][0], self.ends[t][0]) for s, t in self.edges], self.nodes)
        directed = []
        for source, target in self.edges:
            (a, offset), (b, other) = self.ends[source], self.ends[target]
            turned = (a, b) in backward
            first, second = (b, a) if turned else (a, b)
            offsets = (other, offset) if turned else (offset, other)
            ends_at_box = target == b and not self.nodes[b].port
            directed.append((self.nodes[first], self.nodes[second], offsets, turned, ends_at_box))
        _rank(list(self.nodes.values()), [(first, second) for first, second, *_ in directed])
        self.layers = [[] for _ in range(1 + max((node.layer for node in self.nodes.values()), default=0))]
        for node in self.nodes.values():
            self.layers[node.layer].append(node)
        for upper, lower, (start, end), turned, ends_at_box in directed:
            path = [upper, *self._passing(upper.layer + 1, lower.layer), lower]
            beside = [start, *[0.0] * (len(path) - 2), end]
            for (above, here), (below, there) in itertools.pairwise(zip(path, beside, strict=True)):
                above.below.append((below, there, here))
                below.above.append((above, here, there))
            self.lines.append(Line(path, start, end, turned, ends_at_box))
        _order(self.layers)
        _spread(self.layers)

    def _passing(self, start: int, stop: int) -> list[Node]:
        nodes = [Node("", 0, 0, passing=True) for _ in range(start, stop)]
        for layer, node in zip(range(start, stop), nodes, strict=True):
            node.layer = layer
            self.layers[layer].append(node)
        return nodes


def _backward(edges: Sequence[tuple[str, str]], keys: Mapping[str, Node]) -> set[tuple[str, str]]:
    """Edges that close a cycle, as a walk along the others meets them; a layer that is called again makes one."""
    after: dict[str, list[str]] = {key: [] for key in keys}
    for source, target in edges:
        after[source].append(target)
    backward, state = set(), dict.fromkeys(keys, 0)  # 1: on the way, 2: done
    entered = {target for _, target in edges}
    for root in sorted(keys, key=lambda key: key in entered):  # what nothing leads to comes first
        stack = [(root, iter(after[root]))] if not state[root] else []
        state[root] = state[root] or 1
        while stack:
            key, targets = stack[-1]
            following = next(targets, None)
            if following is None:
                state[key] = 2
                stack.pop()
            elif state[following] == 1:
                backward.add((key, following))
            elif state[following] == 0:
                state[following] = 1
                stack.append((following, iter(after[following])))
    return backward


def _rank(nodes: Sequence[Node], edges: Sequence[tuple[Node, Node]]) -> None:
    """Set layers: each node below all that lead to it; what nothing leads to right above what it leads to."""
    after: dict[int, list[Node]] = {id(node): [] for node in nodes}
    waiting = dict.fromkeys(map(id, nodes), 0)
    for source, target in edges:
        after[id(source)].append(target)
        waiting[id(target)] += 1
    entered = {key for key, count in waiting.items() if count}
    enters = any(node.port < 0 for node in nodes)
    for node in nodes:
        node.layer = int(enters and node.port >= 0)
    ready = [node for node in nodes if not waiting[id(node)]]
    for node in ready:  # which grows meanwhile
        for target in after[id(node)]:
            target.layer = max(target.layer, node.layer + 1)
            waiting[id(target)] -= 1
            if not waiting[id(target)]:
                ready.append(target)
    for node in nodes:
        if id(node) not in entered and not node.port and after[id(node)]:
            node.layer = min(target.layer for target in after[id(node)]) - 1
    leaves = [node for node in nodes if node.port > 0]
    last = max((node.layer + 1 for node in nodes if node.port <= 0), default=0)
    for node in leaves:
        node.layer = last


def _order(layers: list[list[Node]]) -> None:
    """Order the places of each layer by the mean place of their neighbours, down and up; keep the best order seen."""
    best = [list(layer) for layer in layers]
    fewest = _crossings(layers)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        for layer in layers[1:] if down else layers[-2::-1]:
            near = [node.above if down else node.below for node in layer]
            wishes = {
                id(node): _mean([other.x for other, *_ in lines], node.x)
                for node, lines in zip(layer, near, strict=True)
            }
            layer.sort(key=lambda node: wishes[id(node)])
            _number(layer)
        crossings = _crossings(layers)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    layers[:] = best


def _number(layer: Sequence[Node]) -> None:
    for place, node in enumerate(layer):
        node.x = place


def _crossings(layers: Sequence[Sequence[Node]]) -> int:
    """Number the places, and count the pairs of lines between neighbouring layers that cross."""
    for layer in layers:
        _number(layer)
    count = 0
    for layer in layers:
        ends = [x for node in layer for x in sorted(other.x for other, *_ in node.below)]
        sorted_ends: list[float] = []
        for x in ends:
            count += len(sorted_ends) - bisect.bisect_right(sorted_ends, x)
            bisect.insort(sorted_ends, x)
    return count


def _mean(values: Sequence[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def _spread(layers: Sequence[Sequence[Node]]) -> None:
    """Set x: as near as may be to where the lines are straight, without overlaps."""
    for layer in layers:
        _settle(layer, [(0.0, 1.0)] * len(layer))
    for sweep in range(MOST_SWEEPS):
        both = sweep >= SWEEPS  # at first from above and from below in turn, which moves whole chains
        down = sweep % 2 == 0
        before = [(node, node.x) for layer in layers for node in layer]
        for layer in layers if down else layers[::-1]:
            _settle(layer, [node.wish(up=down or both, down=not down or both) for node in layer])
        if both and all(abs(node.x - x) < 0.05 for node, x in before):
            break
    left = min((node.x - node.width / 2 for layer in layers for node in layer), default=0.0)
    for layer in layers:
        for node in layer:
            node.x -= left


def _settle(layer: Sequence[Node], wishes: Sequence[tuple[float, float]]) -> None:
    """Minimise sum(weight (x - wish)^2) with the distances kept: isotonic regression, by pooling neighbours."""
    offsets, x = [], 0.0  # the smallest x of each that the distances allow, from the first
    for i, node in enumerate(layer):
        if i:
            before = layer[i - 1]
            gap = LINE_GAP if node.passing or before.passing or node.port or before.port else GAP
            x += before.width / 2 + before.room + gap + node.width / 2
        offsets.append(x)
    blocks: list[list[float]] = []  # [weighted mean, weight, number of nodes]
    for (wish, wanted), offset in zip(wishes, offsets, strict=True):
        blocks.append([wish - offset, wanted, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, weight, count = blocks.pop()
            other = blocks[-1]
            other[0] = (other[0] * other[1] + mean * weight) / (other[1] + weight)
            other[1] += weight
            other[2] += count
    means = [mean for mean, _, count in blocks for _ in range(int(count))]
    for node, mean, offset in zip(layer, means, offsets, strict=True):
        node.x = mean + offset
