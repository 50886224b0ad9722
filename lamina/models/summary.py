"""The table of `Model.summary`: layers, output shapes, numbers of weights."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lamina.core.variable import Variable
from lamina.layers.base import Layer


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

    headers, ends, width = ["Layer (type)", "Output Shape", "Param #"], [0.45, 0.80, 1.0], 88
    alignment: list[Any] = ["left", "left", "right"]
    if show_trainable:
        headers, ends, width = [*headers, "Trainable"], [0.9 * end for end in ends] + [1.0], width + 12
        alignment.append("center")
    width = line_length or min(width, shutil.get_terminal_size().columns - 4)
    edges = [0, *(int(end * width) for end in positions or ends)]
    widths = [right - left for left, right in itertools.pairwise(edges)]
    if len(widths) != len(headers) or min(widths) < 4:
        raise ValueError(
            f"summary: {len(headers)} columns of at least 4 characters do not fit line_length={width} and "
            f"positions={positions or ends}. Use a larger line_length."
        )
    columns = [
        Column(name, justify=side, width=size) for name, side, size in zip(headers, alignment, widths, strict=True)
    ]
    table = Table(*columns, width=width, show_lines=True)
    for layer, level in _rows(model, expand_nested, layer_range):
        prefix = "   " * level + "└ " if level else ""
        name = f"{escape(prefix + layer.name)} ([cyan]{escape(type(layer).__name__)}[/cyan])"
        cells = [name, _shape(model, layer), _params(layer)]
        if show_trainable:
            cells.append(("Y" if layer.trainable else "N") if layer.built and layer.weights else "-")
        table.add_row(*cells)
    console = Console(highlight=False, width=None if line_length is None else max(width, 80))
    if print_fn is not None:
        console = Console(highlight=False, force_terminal=False, color_system=None, width=max(width, 80))
    with contextlib.ExitStack() as stack:
        captured = stack.enter_context(console.capture()) if print_fn is not None else None
        console.print(f'[bold]Model: "{escape(model.name)}"[/bold]')
        console.print(table)
        for line in _totals(model):
            console.print(line)
    if print_fn is not None and captured is not None:
        print_fn(captured.get())


def _rows(model: Any, expand_nested: bool, layer_range: tuple[str, str] | None) -> Iterator[tuple[Layer, int]]:
    layers = model.layers
    if layer_range is not None:
        ends = [[i for i, layer in enumerate(layers) if re.match(end, layer.name)] for end in layer_range]
        if len(layer_range) != 2 or not all(ends):
            raise ValueError(
                f"summary: layer_range: expected the names of two layers, received {layer_range!r}. "
                f"Layers: {[layer.name for layer in layers]}."
            )
        places = [place for end in ends for place in end]
        layers = layers[min(places) : max(places) + 1]
    for layer in layers:
        yield from _nested(layer, 0, expand_nested)


def _nested(layer: Layer, level: int, expand: bool) -> Iterator[tuple[Layer, int]]:
    yield layer, level
    if expand:
        for inner in getattr(layer, "layers", []):
            yield from _nested(inner, level + 1, expand)


def _shape(model: Any, layer: Layer) -> str:
    """Output shape as text, "?" while it is not known."""
    shape = model.layer_output_shape(layer) if layer in model.layers and hasattr(model, "layer_output_shape") else None
    if shape is None and layer._build_shape is not None:
        shape = layer.compute_output_shape(layer._build_shape)
    return "?" if shape is None else str(shape)


def _params(layer: Layer) -> str:
    if not layer.built:
        return "[green]0[/green] (unbuilt)"
    return f"[green]{layer.count_params():,}[/green]"


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
