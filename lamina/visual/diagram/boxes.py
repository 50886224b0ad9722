"""What a picture of a model shows: boxes (layers), groups (models inside of it), and lines between them.

A group's lines run between *ends*: the key of a box, or a port where a line enters or leaves a group. `flat_edges`
leaves the ports out, for the formats that draw from box to box.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Box:
    """A layer, an operation, or a model that is not opened.

    Fields: key (unique in the picture), name, kind (its class), family (of layers, for the colour), activation,
    shapes of what it takes and gives and the dtype of the latter as text ("?": not known), and whether its weights are
    trained (None: it has none).
    """

    key: str
    name: str
    kind: str
    family: str = "own"
    activation: str | None = None
    takes: str = "?"
    gives: str = "?"
    dtype: str = "?"
    trainable: bool | None = None


@dataclass
class Group:
    """A model: what is in it, in order, and the lines between ends."""

    key: str
    name: str
    kind: str
    items: list[Box | Group] = field(default_factory=list)
    edges: list[tuple[str, str]] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)  # ports
    outputs: list[str] = field(default_factory=list)

    def connect(self, source: str, target: str) -> None:
        """Add a line, once."""
        if (source, target) not in self.edges:
            self.edges.append((source, target))


@dataclass(frozen=True)
class Shown:
    """What each box says; Keras' arguments of `plot_model`."""

    shapes: bool = False
    dtype: bool = False
    names: bool = False
    activations: bool = False
    trainable: bool = False

    def title(self, box: Box) -> str:
        """The head of a box: its class, with its name where names are shown."""
        return f"{box.name} ({box.kind})" if self.names else box.kind

    def rows(self, box: Box) -> list[tuple[str, str]]:
        """The lines below it: (what, value)."""
        rows = []
        if self.activations and box.activation is not None:
            rows.append(("Activation", box.activation))
        if self.shapes and box.kind != "InputLayer":
            rows.append(("Input shape", box.takes))
        if self.shapes:
            rows.append(("Output shape", box.gives))
        if self.dtype:
            rows.append(("Output dtype", box.dtype))
        return rows

    def state(self, box: Box) -> str | None:
        """Whether the weights are trained, in a word."""
        if not self.trainable or box.trainable is None:
            return None
        return "Trainable" if box.trainable else "Non-trainable"


def boxes_of(group: Group) -> Iterator[Box]:
    """All boxes, those of inner groups too, in order."""
    for item in group.items:
        if isinstance(item, Group):
            yield from boxes_of(item)
        else:
            yield item


def groups_of(group: Group) -> Iterator[Group]:
    """The group and all groups in it."""
    yield group
    for item in group.items:
        if isinstance(item, Group):
            yield from groups_of(item)


def flat_edges(group: Group) -> list[tuple[str, str]]:
    """The lines from box to box, in order, each once."""
    onward: dict[str, list[str]] = {}
    for part in groups_of(group):
        for source, target in part.edges:
            onward.setdefault(source, []).append(target)
    keys = {box.key for box in boxes_of(group)}
    edges: dict[tuple[str, str], None] = {}
    for box in boxes_of(group):
        todo, seen = list(reversed(onward.get(box.key, []))), set()
        while todo:
            end = todo.pop()
            if end in keys:
                edges[box.key, end] = None
            elif end not in seen:  # a port
                seen.add(end)
                todo += reversed(onward.get(end, []))
    return list(edges)


def shapes_text(shapes: Sequence[Any]) -> str:
    """Shapes as text: one by itself, several in brackets; of several calls each that differs.

    Args:
        shapes: For each call the list of its shapes.

    Example:
        >>> shapes_text([[(None, 8)]]), shapes_text([[(None, 8), (None, 4)]]), shapes_text([[(2,)], [(3,)]])
        ('(None, 8)', '[(None, 8), (None, 4)]', '(2,) | (3,)')
    """
    texts = [str(call[0]) if len(call) == 1 else f"[{', '.join(map(str, call))}]" for call in shapes if call]
    return " | ".join(dict.fromkeys(texts)) or "?"
