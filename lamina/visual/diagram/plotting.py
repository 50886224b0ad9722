"""`plot_model` and `model_to_dot`: a model's architecture into a file, in the format that its ending names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lamina.core import errors
from lamina.visual.diagram import dot as graphviz
from lamina.visual.diagram import drawing, layout, mermaid, svg
from lamina.visual.diagram.boxes import Group, Shown, boxes_of, groups_of
from lamina.visual.diagram.dot import Dot

TEXTS = {"dot": "Graphviz text", "gv": "Graphviz text", "mmd": "Mermaid text", "md": "Markdown with Mermaid"}
OWN = ("svg", "png", "pdf")  # drawn without Graphviz, too
GRAPHVIZ = ("jpg", "jpeg", "gif", "webp", "ps", "eps", "bmp", "tiff", "svgz")  # drawn by it alone
SPLINES = ("ortho", "curved", "polyline", "spline", "line")


class ModelPicture:
    """A picture of a model that was written to a file; a notebook shows it.

    Attributes:
        path: The file. data: Its bytes. format: Its ending, such as "png".
    """

    def __init__(self, path: Path, data: bytes, format: str) -> None:
        self.path, self.data, self.format = path, data, format

    def _repr_png_(self) -> bytes | None:
        return self.data if self.format == "png" else None

    def _repr_jpeg_(self) -> bytes | None:
        return self.data if self.format in ("jpg", "jpeg") else None

    def _repr_svg_(self) -> str | None:
        return self.data.decode() if self.format == "svg" else None

    def __repr__(self) -> str:
        return f"<ModelPicture {str(self.path)!r}, {len(self.data):,} bytes>"


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    *,
    engine: str | None = None,
) -> ModelPicture:
    """Draw the architecture of a model into a file: a box for each layer, a line for what it hands on.

    Args:
        model: A model: Sequential, a graph, or a class of one's own that has seen data.
        to_file: File; its ending is the format: .png, .svg, .pdf (nothing has to be installed for SVG, Matplotlib for
            the others, unless Graphviz is), .dot (Graphviz text), .mmd or .md (Mermaid), and Graphviz's own, such as
            .jpg. Default "model.png"; a name without an ending gets ".png".
        show_shapes: Whether boxes say the shapes of what layers take and give. Default False.
        show_dtype: Whether they say the dtype of what layers give. Default False.
        show_layer_names: Whether they say the layers' names. Default False.
        rankdir: Direction of the lines: "TB" runs down, "LR" to the right, "BT" up, "RL" to the left.
        expand_nested: Whether inner models are drawn as frames with their layers. Default False: as one box.
        dpi: Dots per inch of a picture of pixels, int >= 1. Default 200.
        show_layer_activations: Whether boxes say the layers' activations. Default False.
        show_trainable: Whether they say if the layer's weights are trained. Default False.
        splines: How Graphviz draws lines: "ortho", "curved", "polyline", "spline" or "line".
        engine: "graphviz", or "lamina", which needs no program. Default None: Graphviz where it is installed.
    Returns:
        A `ModelPicture`, which a notebook shows; its `path` is the file.
    Raises:
        TypeError: no model.
        ValueError: an unknown ending, rankdir, splines or engine; a dpi < 1; a class of one's own that was not built.
        ImportError: neither Graphviz nor Matplotlib is installed, and the format needs one of them.
        OSError: the file cannot be written.

    Differs from Keras: needs neither pydot nor Graphviz; draws the layers of classes of one's own, found by tracing
    their call, instead of one box; several shapes of a shared layer instead of "?".

    Example:
        >>> import tempfile
        >>> from lamina import Sequential
        >>> from lamina.layers import Dense, Input
        >>> model = Sequential([Input((8,)), Dense(4), Dense(1)])
        >>> file = tempfile.mkdtemp() + "/model.mmd"
        >>> print(plot_model(model, file, show_shapes=True).data.decode().split("classDef")[0])
        flowchart TB
          layer1["<b>Dense</b><br/>Input shape: (None, 8)<br/>Output shape: (None, 4)"]
          layer2["<b>Dense</b><br/>Input shape: (None, 4)<br/>Output shape: (None, 1)"]
          layer1 --> layer2
        <BLANKLINE>
    """
    where = "plot_model: "
    path, format = _format(to_file)
    _check(where, rankdir, dpi, splines)
    errors.check_choice("engine", engine, (None, "graphviz", "lamina"), where)
    if engine == "lamina" and format in GRAPHVIZ:
        raise ValueError(f"{where}engine: 'lamina' draws .svg, .png and .pdf; .{format} needs engine='graphviz'.")
    group = _read("plot_model", model, expand_nested)
    shown = Shown(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
    if format in ("dot", "gv"):
        data = graphviz.dot(group, shown, rankdir=rankdir, dpi=dpi, splines=splines).encode()
    elif format in ("mmd", "md"):
        text = mermaid.mermaid(group, shown, rankdir=rankdir)
        data = (mermaid.in_markdown(text, group.name) if format == "md" else text).encode()
    elif engine == "graphviz" or format in GRAPHVIZ or (engine is None and graphviz.installed()):
        data = graphviz.run(graphviz.dot(group, shown, rankdir=rankdir, dpi=dpi, splines=splines), "dot", format)
    else:
        data = _draw(group, shown, rankdir, format, dpi)
    _write(path, data)
    return ModelPicture(path, data, format)


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Dot:
    """Write the architecture of a model in Graphviz's language.

    Args:
        model, show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, show_layer_activations,
            show_trainable, splines: As in `plot_model`; names are shown by default.
        subgraph: Whether to write a cluster, to be put into another graph.
    Returns:
        A `Dot`: the text, whose `create(format="svg")` and `write(path, format="png")` call Graphviz.
    Raises:
        TypeError, ValueError: as `plot_model`.

    Differs from Keras: the text and no object of pydot's.

    Example:
        >>> from lamina import Sequential
        >>> from lamina.layers import Dense, Input
        >>> model = Sequential([Input((8,)), Dense(4, name="first"), Dense(1, name="last")], name="small")
        >>> print(model_to_dot(model).splitlines()[0])
        digraph "small" {
    """
    _check("model_to_dot: ", rankdir, dpi, splines)
    group = _read("model_to_dot", model, expand_nested)
    shown = Shown(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
    return graphviz.dot(group, shown, rankdir=rankdir, dpi=dpi, splines=splines, subgraph=subgraph)


def model_svg(model: Any, rankdir: str = "TB", expand_nested: bool = True, *, most_boxes: int | None = None) -> str:
    """Draw a model as SVG text, with all that boxes can say; "" for a model with more than `most_boxes`."""
    shown = Shown(shapes=True, names=True, activations=True)
    group = _read("model_svg", model, expand_nested)
    if most_boxes is not None and sum(1 for _ in boxes_of(group)) > most_boxes:
        return ""
    return _draw(group, shown, rankdir, "svg", 0).decode()


def _read(where: str, model: Any, expand_nested: bool) -> Group:
    from lamina.visual.diagram.reading import read  # not above: it loads JAX, which other pictures do without

    return read(where, model, expand_nested)


def _format(to_file: Any) -> tuple[Path, str]:
    if not isinstance(to_file, (str, os.PathLike)):
        raise TypeError(f"plot_model: to_file: expected a path, received {to_file!r} of type {type(to_file).__name__}.")
    path = Path(to_file)
    if not path.suffix:
        path = path.with_name(f"{path.name}.png")
    format = path.suffix[1:].lower()
    known = (*OWN, *TEXTS, *GRAPHVIZ)
    if format not in known:
        raise ValueError(
            f"plot_model: to_file: expected one of the endings {', '.join(f'.{one}' for one in known)}, received "
            f"{str(to_file)!r}.{errors.closest_match(format, known)}"
        )
    return path, format


def _check(where: str, rankdir: Any, dpi: Any, splines: Any) -> None:
    errors.check_choice("rankdir", rankdir, layout.DIRECTIONS, where)
    errors.check_choice("splines", splines, SPLINES, where)
    errors.check_positive_int("dpi", dpi, where)


def _draw(group: Group, shown: Shown, rankdir: str, format: str, dpi: int) -> bytes:
    """Draw without Graphviz."""
    sizes = {box.key: drawing.size_of(box, shown) for box in boxes_of(group)}
    names = {one.key: drawing.width_of(drawing.cut(one.name), bold=True) for one in groups_of(group)}
    placed = layout.lay_out(group, sizes, names, rankdir)
    if format == "svg":
        return svg.svg(group, shown, placed, rankdir).encode()
    try:
        from lamina.visual.diagram import painting
    except ImportError as error:
        raise ImportError(f"plot_model: .{format} needs Graphviz or Matplotlib. {graphviz.INSTALL}") from error
    return painting.paint(group, shown, placed, rankdir, format, dpi)


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        error.add_note(f"plot_model: the picture could not be written to {str(path)!r}; is there such a folder?")
        raise
