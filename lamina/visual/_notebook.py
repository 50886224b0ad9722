"""What a notebook shows of a model: its picture and its summary."""

from __future__ import annotations

import html
from typing import Any

from lamina.core.errors import NotBuiltError
from lamina.visual.diagram import model_svg

_MOST_BOXES = 200  # of a picture in a notebook
_LINE = 88  # characters of the summary
_SCROLL = "max-height:32em;overflow:auto"


def model_html(model: Any) -> str:
    """The picture and the summary of a model as HTML, with all names escaped.

    Args:
        model: A model; one that was not built yet, or with very many layers, has a summary alone.

    Example:
        >>> from lamina import Sequential
        >>> from lamina.layers import Dense, Input
        >>> text = model_html(Sequential([Input((8,)), Dense(4, name="first")], name="a & b"))
        >>> "<svg" in text, "Model: &quot;a &amp; b&quot;" in text
        (True, True)
    """
    try:
        picture = model_svg(model, most_boxes=_MOST_BOXES)
    except NotBuiltError:
        picture = ""
    parts = [f'<div style="{_SCROLL};background:white">{picture}</div>' if picture else ""]
    parts.append(f'<pre style="{_SCROLL};line-height:1.2">{html.escape(summary_text(model))}</pre>')
    return f"<div>{''.join(parts)}</div>"


def summary_text(model: Any) -> str:
    """The summary of a model, as `model.summary()` prints it."""
    lines: list[str] = []
    model.summary(line_length=_LINE, print_fn=lines.append)
    return "\n".join(lines).rstrip()
