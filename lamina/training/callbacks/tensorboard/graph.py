"""The model's graph, as TensorBoard's page Graphs draws it."""

from __future__ import annotations

import contextlib
from typing import Any

from lamina.core.errors import NotBuiltError
from lamina.summary import SummaryWriter


def write_graph(writer: SummaryWriter, model: Any) -> bool:
    """Write a model's graph, if it is known by now; returns whether it was.

    The boxes and lines of `plot_model` are what the page shows first. Graphs of layers and stacks are also written as
    their JSON, as Keras does, of which TensorBoard makes its conceptual graph; the page shows it when it is chosen.
    """
    from lamina.visual.diagram import graph_def

    try:
        writer.graph(graph_def(model))
    except NotBuiltError:
        return False
    if type(model).__name__ in ("Functional", "Sequential"):
        with contextlib.suppress(TypeError):  # what JSON cannot hold, such as a function without a name
            writer.graph(model.to_json())
    return True
