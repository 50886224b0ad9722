"""A model's boxes and lines as a `GraphDef`, which TensorBoard draws."""

from __future__ import annotations

import ast
from typing import Any

from lamina.visual.diagram.boxes import Box, Group, boxes_of, flat_edges


def graph_def(model: Any) -> Any:
    """Return a `GraphDef` message: a node for each layer, inner models as scopes that can be opened.

    Args:
        model: Model.

    Raises:
        ImportError: TensorBoard is not installed. NotBuiltError: a class of one's own that has seen no input yet.
    """
    from tensorboard.compat.proto.graph_pb2 import GraphDef

    from lamina.visual.diagram.reading import read  # not above: it loads JAX, which other pictures do without

    group = read("TensorBoard: write_graph", model, True)
    names: dict[str, str] = {}
    for item in group.items:
        _name(item, "", names)
    graph = GraphDef()
    nodes = {}
    for box in boxes_of(group):
        nodes[box.key] = node = graph.node.add(name=names[box.key], op=box.kind)
        for attribute in ("takes", "gives", "dtype", "activation"):
            if getattr(box, attribute) is not None:
                node.attr[attribute].s = str(getattr(box, attribute)).encode()
        for shape in _shapes(box.gives):  # written at the lines
            node.attr["_output_shapes"].list.shape.add().dim.extend(_dimension(size) for size in shape)
    for source, target in flat_edges(group):
        nodes[target].input.append(names[source])
    return graph


def _name(item: Box | Group, scope: str, names: dict[str, str]) -> None:
    """Find a name for each box, "inner/layer", that no other box or scope has."""
    stem = f"{scope}/{item.name}" if scope else item.name
    name, number = stem, 1
    while name in names.values():
        name, number = f"{stem}_{number}", number + 1
    names[item.key] = name
    for inner in item.items if isinstance(item, Group) else ():
        _name(inner, name, names)


def _shapes(text: str) -> list[tuple[int | None, ...]]:
    """The shapes in a box's text; none where they are not known, or differ from call to call."""
    if not text or "?" in text or "|" in text:
        return []
    shapes = ast.literal_eval(text)
    return shapes if isinstance(shapes, list) else [shapes]


def _dimension(size: int | None) -> Any:
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    return TensorShapeProto.Dim(size=-1 if size is None else size)
