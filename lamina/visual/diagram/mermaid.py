"""A model in Mermaid's language, which GitHub, GitLab, Obsidian and many others draw from a text."""

from __future__ import annotations

from collections.abc import Iterator

from lamina.visual.diagram import drawing
from lamina.visual.diagram.boxes import Box, Group, Shown, boxes_of, flat_edges


def mermaid(group: Group, shown: Shown, *, rankdir: str = "TB") -> str:
    """Write a model as a flowchart.

    Args:
        group: The model; shown: what boxes say; rankdir: direction of the lines.
    """
    lines = [f"flowchart {rankdir}", *_items(group, shown, "  ")]
    lines += [f"  {source} --> {target}" for source, target in flat_edges(group)]
    families: dict[str, list[str]] = {}
    for box in boxes_of(group):
        families.setdefault(box.family if box.family in drawing.COLORS else "own", []).append(box.key)
    for family, keys in families.items():
        color = drawing.COLORS.get(family, drawing.OWN)
        lines.append(f"  classDef {family} fill:#ffffff,stroke:{color},stroke-width:2px,color:#222222")
        lines.append(f"  class {','.join(keys)} {family}")
    return "\n".join([*lines, ""])


def in_markdown(text: str, title: str) -> str:
    """A Markdown file with the flowchart in it."""
    return f"# {escaped(title)}\n\n```mermaid\n{text}```\n"


def _items(group: Group, shown: Shown, indent: str) -> Iterator[str]:
    for item in group.items:
        if isinstance(item, Box):
            yield f'{indent}{item.key}["{_label(item, shown)}"]'
            continue
        yield f'{indent}subgraph {item.key}["{escaped(item.name)}"]'
        yield from _items(item, shown, f"{indent}  ")
        yield f"{indent}end"


def _label(box: Box, shown: Shown) -> str:
    parts = [f"<b>{escaped(shown.title(box))}</b>"]
    parts += [f"{what}: {escaped(value)}" for what, value in shown.rows(box)]
    state = shown.state(box)
    return "<br/>".join([*parts, state] if state else parts)


def escaped(text: str) -> str:
    """A text with everything but letters, digits, spaces and a few signs as Mermaid's entities (`#60;` is `<`).

    Example:
        >>> escaped('<b> "x"_1')
        '#60;b#62; #34;x#34;_1'
    """
    return "".join(c if c.isalnum() or c in " _-.,:/()" else f"#{ord(c)};" for c in drawing.cut(text))
