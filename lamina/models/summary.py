"""The table of `Model.summary`: layers, output shapes, numbers of weights, and what each layer takes."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax

from lamina.core.symbolic import Operation
from lamina.core.variable import Variable
from lamina.layers.shapes import is_shape
from lamina.models.graph import Graph

_CHAIN = {"Layer (type)": 0.45, "Output Shape": 0.80, "Param #": 1.0}  # header: where the column ends
_GRAPH = {"Layer (type)": 0.3, "Output Shape": 0.56, "Param #": 0.74, "Connected to": 1.0}
_SIDES: dict[str, Any] = {"Param #": "right", "Trainable": "center"}


def print_summary(
    model: Any,
    line_length: int | None,
    positions: Sequence[float] | None,
    print_fn: Callable[[str], Any] | None,
    expand_nested: bool,
    show_trainable: bool,
    layer_range: tuple[str, str] | None,
) -> None:
    """Print the table and the totals; see `Model.summary`."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    graph: Graph | None = getattr(model, "_graph", None)
    if graph is not None and graph.is_chain:
        graph = None
    width, widths = _widths(graph is not None, line_length, positions, show_trainable)
    columns = [Column(name, justify=_SIDES.get(name, "left"), width=size) for name, size in widths.items()]
    table = Table(*columns, width=width, show_lines=True)
    for owner, layer, level in _rows(model, expand_nested, layer_range):
        prefix = "   " * level + "└ " if level else ""
        kind = layer.class_name if isinstance(layer, Operation) else type(layer).__name__
        cells = [f"{escape(prefix + layer.name)} ([cyan]{escape(kind)}[/cyan])", _shape(owner, layer), _params(layer)]
        if graph is not None:
            cells.append(escape(_connections(graph, layer)))
        if show_trainable:
            cells.append(_trainable(layer))
        table.add_row(*cells)
    console = Console(highlight=False, width=None if line_length is None else max(width, 80))
    if print_fn is not None:
        plain: dict[str, Any] = {"force_terminal": False, "force_jupyter": False, "color_system": None}
        console = Console(highlight=False, width=max(width, 80), **plain)
    with contextlib.ExitStack() as stack:
        captured = stack.enter_context(console.capture()) if print_fn is not None else None
        console.print(f'[bold]Model: "{escape(model.name)}"[/bold]', soft_wrap=True)
        console.print(table)
        for line in _totals(model):
            console.print(line)
    if print_fn is not None and captured is not None:
        print_fn(captured.get())


def _widths(
    connected: bool, line_length: int | None, positions: Sequence[float] | None, show_trainable: bool
) -> tuple[int, dict[str, int]]:
    """The width of the table, and that of each column by its header."""
    columns, width = (_GRAPH, 108) if connected else (_CHAIN, 88)
    headers, ends = list(columns), list(positions or columns.values())
    if show_trainable:
        headers, ends, width = [*headers, "Trainable"], [*(0.9 * end for end in ends), 1.0], width + 12
    width = line_length or min(width, shutil.get_terminal_size().columns - 4)
    edges = [0, *(int(end * width) for end in ends)]
    sizes = [right - left for left, right in itertools.pairwise(edges)]
    if len(sizes) != len(headers) or min(sizes) < 4:
        raise ValueError(
            f"summary: {len(headers)} columns of at least 4 characters do not fit line_length={width} and "
            f"positions={positions or ends}. Use a larger line_length, and one position for each of "
            f"{list(columns)}: the fraction of the line at which it ends."
        )
    return width, dict(zip(headers, sizes, strict=True))


def _rows(model: Any, expand_nested: bool, layer_range: tuple[str, str] | None) -> Iterator[tuple[Any, Any, int]]:
    """The layers and operations to list: (what it stands in, itself, level of nesting)."""
    layers = getattr(model, "operations", None) or model.layers
    if layer_range is not None:
        layers = _between(layers, layer_range)
    for layer in layers:
        yield from _nested(model, layer, 0, expand_nested)


def _between(layers: list[Any], layer_range: tuple[str, str]) -> list[Any]:
    """The layers from the first that matches one pattern to the last that matches the other."""
    valid = len(layer_range) == 2 and all(isinstance(end, str) for end in layer_range)
    places = [[i for i, layer in enumerate(layers) if re.match(end, layer.name)] for end in layer_range if valid]
    if not valid or not all(places):
        raise ValueError(
            f"summary: layer_range: expected the names of two layers, received {layer_range!r}. "
            f"Layers: {[layer.name for layer in layers]}."
        )
    first, last = places
    if min(first) > max(last):
        first, last = last, first
    return layers[min(first) : max(last) + 1]


def _nested(owner: Any, layer: Any, level: int, expand: bool) -> Iterator[tuple[Any, Any, int]]:
    yield owner, layer, level
    if expand:
        for inner in getattr(layer, "layers", []):
            yield from _nested(layer, inner, level + 1, expand)


def _shape(owner: Any, layer: Any) -> str:
    """Output shape as text; "?" while it is not known, for which the model must have seen an input."""
    shape = _output_shape(owner, layer) if owner.built else None
    if shape is None:
        return "?"
    words = jax.tree.map(lambda s: f"({', '.join(map(str, s))})", shape, is_leaf=is_shape)
    text = str(words[0] if isinstance(words, list) and len(words) == 1 else words).replace("'", "")
    return re.sub(r"\b(\d+|None)\b", r"[green]\1[/green]", text)


def _output_shape(owner: Any, layer: Any) -> Any:
    """Shape of what a layer gives in the model that owns it, a list of several, or None."""
    if hasattr(owner, "layer_output_shape"):
        shape = owner.layer_output_shape(layer)
        return shape if shape is None or is_shape(shape) else jax.tree.leaves(shape, is_leaf=is_shape)
    try:
        return None if layer._build_shape is None else layer.compute_output_shape(layer._build_shape)
    except Exception:  # noqa: BLE001 - a call of the user's that takes more than floats of this one shape
        return None


def _params(layer: Any) -> str:
    if not layer.built:
        return "[green]0[/green] (unbuilt)"
    return f"[green]{0 if isinstance(layer, Operation) else layer.count_params():,}[/green]"


def _connections(graph: Graph, layer: Any) -> str:
    """What a layer's calls in a graph take: name, number of the call that makes it, number among its outputs."""
    taken = [tensor for node in graph.of(layer) for tensor in node.inputs]
    return ", ".join(f"{t.producer.name}[{t.node.index}][{t.index}]" for t in taken if t.node is not None) or "-"


def _trainable(layer: Any) -> str:
    if isinstance(layer, Operation) or not layer.weights:
        return "-"
    return "[bold green]Y[/]" if layer.trainable else "[bold red]N[/]"


def _totals(model: Any) -> Iterator[str]:
    optimizer = model.optimizer.variables if model.optimizer is not None and model.optimizer.built else []
    groups = {
        "Total params": [*model.weights, *optimizer],
        "Trainable params": model.trainable_variables,
        "Non-trainable params": model.non_trainable_variables,
    }
    if optimizer:
        groups["Optimizer params"] = list(optimizer)
    for title, variables in groups.items():
        count = sum(v.size for v in variables)
        yield f"[bold] {title}: [/bold][green]{count:,}[/green] ({memory_size(variables)})"


def memory_size(variables: Sequence[Variable]) -> str:
    """Bytes of variables in words.

    Example:
        >>> import numpy as np
        >>> memory_size([Variable(np.zeros(266_610, "float32"))])
        '1.02 MB'
    """
    size = sum(v.size * v.value.dtype.itemsize for v in variables)
    if size == 0:
        return "0.00 B"
    power = min(int(math.log2(size)) // 10, 5)
    return f"{size / 1024**power:.2f} {['B', 'KB', 'MB', 'GB', 'TB', 'PB'][power]}"
