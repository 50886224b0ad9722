"""The model's graph, as TensorBoard's page Graphs draws it."""

from __future__ import annotations

from typing import Any

from lamina.core.errors import NotBuiltError
from lamina.summary import SummaryWriter


def write_graph(writer: SummaryWriter, model: Any) -> bool:
    """Write a model's graph, if it is known by now; returns whether it was.

    Graphs of layers and stacks are written as their JSON, as in Keras, of which TensorBoard makes a conceptual graph.
    For other models, and where JSON cannot hold what is in them, the boxes and lines of `plot_model` are written.
    """
    if type(model).__name__ in ("Functional", "Sequential"):
        try:
            writer.graph(model.to_json())
        except TypeError:  # a function without a name, say
            pass
        else:
            return True
    from lamina.visual.diagram import graph_def

    try:
        writer.graph(graph_def(model))
    except NotBuiltError:
        return False
    return True
