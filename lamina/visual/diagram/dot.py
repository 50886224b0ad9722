"""A model in Graphviz's language, and Graphviz itself, where it is installed, to draw it."""

from __future__ import annotations

import html
import os
import shutil
import subprocess
from collections.abc import Iterator

from lamina.core.errors import LaminaError
from lamina.visual.diagram import drawing
from lamina.visual.diagram.boxes import Box, Group, Shown, flat_edges

INSTALL = (
    "Install Graphviz (apt-get install graphviz, brew install graphviz, conda install graphviz, or "
    "https://graphviz.org/download), or write what needs nothing: .svg, .dot, .mmd; .png and .pdf come from "
    'Matplotlib, too (pip install "lamina[plots]").'
)
_SECONDS = 120  # for Graphviz


class Dot(str):
    """A graph in Graphviz's language: a text, with the methods of pydot's graphs that people use.

    Example:
        >>> Dot("digraph { a -> b; }").to_string()
        'digraph { a -> b; }'
    """

    def to_string(self) -> str:
        """Return the text."""
        return str(self)

    def create(self, prog: str | None = None, format: str = "png") -> bytes:
        """Draw it with Graphviz.

        Args:
            prog: Graphviz's program, such as "neato". Default None: "dot".
            format: Any that Graphviz knows: "png", "svg", "pdf", "jpg", …
        Raises:
            ImportError: Graphviz is not installed.
            LaminaError: Graphviz refuses the format, or fails.
        """
        return run(self, prog or "dot", format)

    def write(self, path: str | os.PathLike[str], prog: str | None = None, format: str = "raw") -> bool:
        """Write it to a file: as text for "raw" and "dot", else drawn by Graphviz; returns True."""
        content = self.encode() if format in ("raw", "dot") else self.create(prog, format)
        with open(path, "wb") as stream:
            stream.write(content)
        return True

    def write_png(self, path: str | os.PathLike[str], prog: str | None = None) -> bool:
        """Draw it into a PNG file."""
        return self.write(path, prog, "png")

    def write_svg(self, path: str | os.PathLike[str], prog: str | None = None) -> bool:
        """Draw it into an SVG file."""
        return self.write(path, prog, "svg")

    def create_svg(self, prog: str | None = None) -> bytes:
        """Draw it as SVG."""
        return self.create(prog, "svg")

    def create_png(self, prog: str | None = None) -> bytes:
        """Draw it as PNG."""
        return self.create(prog, "png")


def installed(program: str = "dot") -> bool:
    """Whether Graphviz is on the PATH."""
    return shutil.which(program) is not None


def run(text: str, program: str, format: str) -> bytes:
    """Have Graphviz draw a graph; see `Dot.create`."""
    where = shutil.which(program)
    if where is None:
        raise ImportError(f"Graphviz draws {format} with its program {program!r}, which is not here. {INSTALL}")
    if not format.isalnum():
        raise ValueError(f"format: expected one that Graphviz knows, such as 'png', received {format!r}.")
    try:
        done = subprocess.run(
            [where, f"-T{format}"], input=text.encode(), capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise LaminaError(
            f"Graphviz took more than {_SECONDS} s for this model. Write .svg, which lamina draws by itself."
        ) from None
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip()[:500]
        raise LaminaError(f"Graphviz could not draw {format}: {said or f'it ended with {done.returncode}'}")
    return done.stdout


def dot(
    group: Group,
    shown: Shown,
    *,
    rankdir: str = "TB",
    dpi: int = 200,
    splines: str = "ortho",
    subgraph: bool = False,
) -> Dot:
    """Write a model in Graphviz's language.

    Args:
        group: The model; shown: what boxes say; rankdir, dpi, splines: as in `model_to_dot`; subgraph: whether it is a
            cluster for another graph.
    """
    lines: list[str] = []
    if subgraph:
        lines += [f"subgraph {quoted(f'cluster_{group.key}')} {{", *_cluster(group)]
    else:
        lines += [
            f"digraph {quoted(group.name)} {{",
            f'  graph [rankdir={rankdir}, dpi={dpi}, splines={splines}, concentrate=true, fontname="Helvetica"];',
            '  node [shape=plain, fontname="Helvetica", fontsize=12];',
            f'  edge [color="{drawing.LINE}", arrowsize=0.7, penwidth=1.4];',
        ]
    lines += _items(group, shown, "  ")
    lines += [f"  {quoted(source)} -> {quoted(target)};" for source, target in flat_edges(group)]
    return Dot("\n".join([*lines, "}", ""]))


def _cluster(group: Group) -> Iterator[str]:
    yield f"  label={quoted(drawing.cut(group.name))};"
    yield f'  labeljust=l; style="dashed,rounded"; color="{drawing.FRAME}"; bgcolor="{drawing.FILL}";'


def _items(group: Group, shown: Shown, indent: str) -> Iterator[str]:
    for item in group.items:
        if isinstance(item, Box):
            yield f"{indent}{quoted(item.key)} [label=<{_label(item, shown)}>];"
            continue
        yield f"{indent}subgraph {quoted(f'cluster_{item.key}')} {{"
        yield from (indent + line for line in _cluster(item))
        yield from _items(item, shown, f"{indent}  ")
        yield f"{indent}}}"


def quoted(text: str) -> str:
    """A text as Graphviz takes it: in quotes, with quotes, backslashes and line breaks escaped.

    Example:
        >>> print(quoted('a "b" <c>'))
        "a \\"b\\" <c>"
    """
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\x00", "") + '"'


def _label(box: Box, shown: Shown) -> str:
    """A table in Graphviz's HTML; texts are escaped."""
    color = drawing.color_of(box)
    cells = [f'<TD BGCOLOR="{color}"><FONT COLOR="white"><B>{_escaped(shown.title(box))}</B></FONT></TD>']
    cells += [f"<TD>{what}: <B>{_escaped(value)}</B></TD>" for what, value in shown.rows(box)]
    state = shown.state(box)
    if state is not None:
        tone = drawing.TRAINED if box.trainable else drawing.FROZEN
        cells.append(f'<TD><FONT COLOR="{tone}"><B>{state}</B></FONT></TD>')
    rows = "".join(f"<TR>{cell}</TR>" for cell in cells)
    frame = f'BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="5" BGCOLOR="white" COLOR="{color}"'
    return f"<TABLE {frame}>{rows}</TABLE>"


def _escaped(text: str) -> str:
    return html.escape(drawing.cut(text), quote=True).replace("\\", r"\\")  # \N would be the node's name
