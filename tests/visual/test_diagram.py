"""Pictures of architectures: what they show, where it stands, and that every format says the same."""

from __future__ import annotations

import functools
import itertools
import json
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import Model, Sequential, layers
from lamina.visual import model_to_dot, plot_model
from lamina.visual.diagram import dot, drawing, layout, model_svg
from lamina.visual.diagram.boxes import Box, Group, Shown, boxes_of, flat_edges, groups_of
from lamina.visual.diagram.reading import read

NASTY = "a<script>alert(1)<b>&\"'\\N|{}; end"  # a layer's name
needs_graphviz = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


class Own(Model):
    """Layers in a list, code of JAX between them, an inner model, and a layer that is called twice."""

    def __init__(self) -> None:
        super().__init__(name="own")
        self.first = layers.Dense(3, name="first")
        self.rest = [layers.Dense(3, name="second"), layers.Dropout(0.5, name="dropped")]
        self.inner = Sequential([layers.Dense(4, name="below"), layers.Dense(3, name="above")], name="inner")
        self.last = layers.Dense(2, name="last")

    def call(self, inputs: Any) -> Any:
        hidden = self.first(inputs)
        for layer in self.rest:
            hidden = layer(hidden)
        return self.last(jnp.tanh(hidden) + self.inner(self.first(inputs)))


class Looks(Model):
    """A call that cannot be run without values."""

    def __init__(self) -> None:
        super().__init__(name="looks")
        self.dense = layers.Dense(2)
        self.compile(run_eagerly=True)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs) if float(jnp.sum(inputs)) > -1e9 else inputs


@functools.cache
def stack() -> Sequential:
    items = [
        layers.Input((8, 8, 1)),
        layers.Conv2D(2, 3, activation="relu", name="conv"),
        layers.MaxPool2D(name="pool"),
    ]
    return Sequential([*items, layers.Flatten(name="flat"), layers.Dense(2, "softmax", name=NASTY)], name="stack")


@functools.cache
def wide() -> Any:
    left, right = layers.Input((5,), name="left"), layers.Input((6,), name="right")
    hidden = layers.Dense(4, "relu", name="deep")(layers.Dense(4, name="deeper")(right))
    out = layers.Dense(1, name="out")(layers.Concatenate(name="both")([left, hidden]))
    return Model([left, right], [out, layers.Dense(1, name="aux")(hidden)], name="wide")


@functools.cache
def nested() -> Any:
    """Two inputs through one shared stack, then through an inner graph; a layer that feeds itself."""
    encoder = Sequential([layers.Input((8,)), layers.Dense(4, name="e1"), layers.Dense(3, name="e2")], name="encoder")
    part = layers.Input((3,), name="part")
    head = Model(
        part, layers.Add(name="sum")([layers.Dense(7, name="h1")(part), layers.Dense(7, name="h2")(part)]), name="head"
    )
    x, y = layers.Input((8,), name="x"), layers.Input((8,), name="y")
    difference = head(layers.Subtract(name="difference")([encoder(x), encoder(y)]))
    again = layers.Dense(7, name="again")
    return Model([x, y], layers.Dense(1, name="out")(again(again(difference))), name="nested")


@functools.cache
def own() -> Own:
    model = Own()
    model(np.ones((4, 3), "float32"))
    return model


def edges_of(group: Group) -> list[tuple[str, str]]:
    names = {box.key: box.name for box in boxes_of(group)}
    return [(names[a], names[b]) for a, b in flat_edges(group)]


# What is drawn --------------------------------------------------------------------------------------------------------


def test_a_stack_is_a_chain() -> None:
    names = ["conv", "pool", "flat", NASTY]
    assert edges_of(read("test", stack(), False)) == list(itertools.pairwise(names))


def test_a_graph_has_its_branches() -> None:
    assert sorted(edges_of(read("test", wide(), False))) == [
        ("both", "out"), ("deep", "aux"), ("deep", "both"), ("deeper", "deep"), ("left", "both"), ("right", "deeper"),
    ]  # fmt: skip


def test_inner_models_are_boxes_or_opened() -> None:
    closed = edges_of(read("test", nested(), False))
    assert sorted(closed) == [
        ("again", "again"), ("again", "out"), ("difference", "head"), ("encoder", "difference"), ("head", "again"),
        ("x", "encoder"), ("y", "encoder"),
    ]  # fmt: skip
    group = read("test", nested(), True)
    assert sorted(edges_of(group)) == [
        ("again", "again"), ("again", "out"), ("difference", "part"), ("e1", "e2"), ("e2", "difference"),
        ("h1", "sum"), ("h2", "sum"), ("part", "h1"), ("part", "h2"), ("sum", "again"), ("x", "e1"), ("y", "e1"),
    ]  # fmt: skip
    assert [inner.name for inner in groups_of(group)] == ["nested", "encoder", "head"]


def test_a_class_of_ones_own_is_drawn_as_its_call_runs() -> None:
    edges = [("first", "second"), ("second", "dropped"), ("dropped", "last")]
    closed = read("test", own(), False)
    assert sorted(edges_of(closed)) == sorted([*edges, ("first", "inner"), ("inner", "last")])
    opened = edges_of(read("test", own(), True))
    assert sorted(opened) == sorted([*edges, ("first", "below"), ("below", "above"), ("above", "last")])
    shapes = {box.name: (box.takes, box.gives) for box in boxes_of(closed)}
    assert shapes["first"] == ("(None, 3)", "(None, 3)")
    assert shapes["last"] == ("(None, 3)", "(None, 2)")
    own()(np.ones((2, 3), "float32"))  # tracing left it as it was


def test_a_call_that_looks_at_values_is_one_box() -> None:
    model = Looks()
    model(np.ones((2, 3), "float32"))
    assert [box.name for box in boxes_of(read("test", model, True))] == ["looks"]


def test_a_stack_that_was_not_built_has_unknown_shapes() -> None:
    text = model_to_dot(Sequential([layers.Dense(3), layers.Dense(2)]), show_shapes=True)
    assert text.count("Output shape: <B>?</B>") == 2


def test_boxes_say_what_was_asked_for() -> None:
    frozen = Sequential([layers.Input((3,)), layers.Dense(2, "relu", trainable=False, name="f"), layers.Flatten()])
    box, other = boxes_of(read("test", frozen, False))
    everything = Shown(True, True, True, True, True)
    assert everything.title(box) == "f (Dense)"
    assert everything.rows(box) == [
        ("Activation", "relu"),
        ("Input shape", "(None, 3)"),
        ("Output shape", "(None, 2)"),
        ("Output dtype", "float32"),
    ]
    assert (everything.state(box), everything.state(other)) == ("Non-trainable", None)
    assert (Shown().title(box), Shown().rows(box), Shown().state(box)) == ("Dense", [], None)


def test_a_layer_with_two_shapes_says_both() -> None:
    shared = layers.Flatten(name="shared")
    a, b = layers.Input((2, 3)), layers.Input((4, 5))
    boxes = boxes_of(read("test", Model([a, b], [shared(a), shared(b)]), False))
    assert next(box.gives for box in boxes if box.name == "shared") == "(None, 6) | (None, 20)"


def test_boxes_and_lines_are_those_of_keras() -> None:
    """Keras 3's own model_to_dot, read with pydot, of the same graph."""
    pydot, keras = pytest.importorskip("pydot"), pytest.importorskip("keras")

    def build(kind: Any, model: Any) -> Any:
        part = kind.Input((3,), name="part")
        inner = model(
            part, kind.Add(name="sum")([kind.Dense(2, name="h1")(part), kind.Dense(2, name="h2")(part)]), name="inner"
        )
        x, y = kind.Input((3,), name="x"), kind.Input((3,), name="y")
        both = kind.Concatenate(name="both")([inner(x), inner(y), kind.Dense(2, name="skip")(x)])
        return model([x, y], kind.Dense(1, name="out")(both), name="whole")

    theirs_model, ours_model = build(keras.layers, keras.Model), build(layers, Model)
    for expand in (False, True):
        theirs = keras.utils.model_to_dot(theirs_model, expand_nested=expand)
        known: dict[str, str] = {}
        pairs = set()
        for graph in _graphs(pydot, theirs):
            known |= {
                n.get_name(): re.search(r"<b>(.*?)</b>", n.get_label())[1] for n in graph.get_nodes() if n.get_label()
            }  # type: ignore[index]
            pairs |= {(edge.get_source(), edge.get_destination()) for edge in graph.get_edges()}
        expected = sorted((known[a], known[b]) for a, b in pairs)
        assert sorted(edges_of(read("test", ours_model, expand))) == expected
        assert sorted(box.name for box in boxes_of(read("test", ours_model, expand))) == sorted(known.values())


def _graphs(pydot: Any, graph: Any) -> Iterable[Any]:
    yield graph
    for inner in graph.get_subgraphs():
        yield from _graphs(pydot, inner)


# Where it stands ------------------------------------------------------------------------------------------------------


def random_group(seed: int) -> Group:
    """A graph of boxes and groups of any sizes, with cycles, loops, and boxes without lines."""
    draw = random.Random(seed)
    numbers = itertools.count()

    def group(depth: int) -> Group:
        made = Group(f"g{next(numbers)}", f"group {'x' * draw.randint(0, 30)}", "Model")
        made.inputs, made.outputs = (
            [f"{made.key}.{way}{i}" for i in range(draw.randint(1, 2))] for way in ("in", "out")
        )
        for _ in range(draw.randint(1, 9)):
            made.items.append(
                group(depth - 1) if depth and draw.random() < 0.25 else Box(f"b{next(numbers)}", "b", "Dense")
            )
        starts = [end for item in made.items for end in (item.outputs if isinstance(item, Group) else [item.key])]
        ends = [end for item in made.items for end in (item.inputs if isinstance(item, Group) else [item.key])]
        for place, start in enumerate([*made.inputs, *starts]):
            for _ in range(draw.choice((0, 1, 1, 1, 2, 3))):
                made.connect(start, draw.choice(ends[min(place, len(ends) - 1) :] if draw.random() < 0.9 else ends))
        for port in made.outputs:
            made.connect(draw.choice(starts), port)
        return made

    return group(2)


def placed(group: Group, direction: str, seed: int = 0) -> layout.Placed:
    draw = random.Random(seed)
    sizes = {box.key: (draw.uniform(40, 240), draw.uniform(20, 110)) for box in boxes_of(group)}
    return layout.lay_out(group, sizes, {g.key: drawing.width_of(g.name) for g in groups_of(group)}, direction)


def overlap(a: layout.Rect, b: layout.Rect) -> bool:
    apart = a.x + a.width <= b.x + 1e-6 or b.x + b.width <= a.x + 1e-6
    return not (apart or a.y + a.height <= b.y + 1e-6 or b.y + b.height <= a.y + 1e-6)


def holds(a: layout.Rect, b: layout.Rect) -> bool:
    inside = a.x <= b.x + 1e-6 and b.x + b.width <= a.x + a.width + 1e-6
    return inside and a.y <= b.y + 1e-6 and b.y + b.height <= a.y + a.height + 1e-6


def points_on(line: list[layout.Point], direction: str) -> Iterable[layout.Point]:
    """Points along a line, of its straight parts and of the Bezier curves."""
    start = line[0]
    for segment in drawing.segments(line, direction):
        corners = np.array([start, *segment], float)
        for t in np.linspace(0, 1, 9):
            weights = (
                [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3] if len(segment) == 3 else [1 - t, t]
            )
            yield tuple(np.array(weights) @ corners)  # type: ignore[misc]
        start = segment[-1]


CASES = [*range(12), "stack", "wide", "nested", "own"]


@pytest.mark.parametrize("direction", layout.DIRECTIONS)
def test_boxes_never_overlap_and_lines_never_run_behind_them(direction: str) -> None:
    models = {"stack": stack, "wide": wide, "nested": nested, "own": own}
    for case in CASES:
        group = random_group(case) if isinstance(case, int) else read("test", models[case](), True)
        where = placed(group, direction, seed=0)
        whole = layout.Rect(0, 0, where.width, where.height)
        assert set(where.boxes) == {box.key for box in boxes_of(group)}, case
        for a, b in itertools.combinations(where.boxes.values(), 2):
            assert not overlap(a, b), case
        for inner in groups_of(group):
            frame = where.frames.get(inner.key, whole)
            insides = {box.key for box in boxes_of(inner)}
            for key, rect in where.boxes.items():
                assert holds(frame, rect) if key in insides else not overlap(frame, rect), (case, inner.key, key)
        for line, _ in where.lines:
            for x, y in points_on(line, direction):
                for key, rect in where.boxes.items():
                    inside = rect.x + 1 < x < rect.x + rect.width - 1 and rect.y + 1 < y < rect.y + rect.height - 1
                    assert not inside, (case, key)


def test_lines_run_the_way_that_was_asked_for() -> None:
    group = read("test", stack(), False)
    keys = [box.key for box in boxes_of(group)]
    for direction, sign, axis in (("TB", 1, 1), ("BT", -1, 1), ("LR", 1, 0), ("RL", -1, 0)):
        rects = [placed(group, direction).boxes[key] for key in keys]
        steps = np.diff([rect[axis] + rect[axis + 2] / 2 for rect in rects]) * sign
        assert (steps > 0).all(), direction


def test_a_chain_is_straight() -> None:
    where = placed(read("test", stack(), False), "TB")
    middles = [rect.x + rect.width / 2 for rect in where.boxes.values()]
    assert np.ptp(middles) < 0.5


def test_hundreds_of_layers_are_laid_out() -> None:
    model = Sequential([layers.Input((2,)), *(layers.Dense(2) for _ in range(120))])
    assert len(placed(read("test", model, False), "TB").boxes) == 120


# The formats ----------------------------------------------------------------------------------------------------------


def test_mermaid_reads_back_as_the_same_boxes_and_lines(tmp_path: Path) -> None:
    text = plot_model(nested(), tmp_path / "m.mmd", show_layer_names=True, expand_nested=True).data.decode()
    boxes = dict(re.findall(r'^ *(layer\d+)\["<b>([^"]*?) \(\w+\)</b>', text, re.M))
    pairs = [(boxes[a], boxes[b]) for a, b in re.findall(r"^ *(layer\d+) --> (layer\d+)$", text, re.M)]
    group = read("test", nested(), True)
    assert sorted(pairs) == sorted(edges_of(group))
    assert text.count("subgraph ") == len(re.findall(r"^ *end$", text, re.M)) == 2
    markdown = plot_model(nested(), tmp_path / "m.md").data.decode()
    assert markdown.startswith("# nested\n\n```mermaid\nflowchart TB\n")


def test_names_cannot_leave_their_place_in_mermaid(tmp_path: Path) -> None:
    text = plot_model(stack(), tmp_path / "m.mmd", show_layer_names=True).data.decode()
    assert "<script" not in text
    label = re.search(r'\["<b>([^"]*)\(Dense\)</b>"\]', text)
    assert label
    assert re.sub(r"#(\d+);", lambda m: chr(int(m[1])), label[1]) == f"{NASTY} "


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # pydot's, of pyparsing
def test_dot_reads_back_as_the_same_boxes_and_lines() -> None:
    pydot = pytest.importorskip("pydot")
    for model in (nested(), stack(), own()):
        (graph,) = pydot.graph_from_dot_data(str(model_to_dot(model, expand_nested=True)))
        group = read("test", model, True)
        found = {node.get_name().strip('"') for g in _graphs(pydot, graph) for node in g.get_nodes()}
        assert found - {"node", "edge", "graph"} == {box.key for box in boxes_of(group)}
        pairs = [(e.get_source().strip('"'), e.get_destination().strip('"')) for e in graph.get_edges()]
        assert sorted(pairs) == sorted(flat_edges(group))


@needs_graphviz
def test_graphviz_reads_the_names_as_they_are() -> None:
    told = json.loads(model_to_dot(stack(), expand_nested=True).create(format="json"))
    labels = [thing["label"] for thing in told["objects"]]
    assert len(labels) == 4
    picture = model_to_dot(stack()).create_svg().decode()
    texts = [node.text for node in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert f"{NASTY} (Dense)" in [" ".join((text or "").split()) for text in texts]


def test_svg_holds_every_name_as_text(tmp_path: Path) -> None:
    for model in (stack(), nested(), own()):
        drawn = plot_model(model, tmp_path / "m.svg", show_layer_names=True, expand_nested=True, engine="lamina")
        root = ElementTree.fromstring(drawn.data)
        kinds = {node.tag.rpartition("}")[2] for node in root.iter()}
        assert kinds <= {"svg", "title", "rect", "path", "polygon", "g", "text", "tspan"}
        heads = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
        group = read("test", model, True)
        for box in boxes_of(group):
            assert f"{box.name} ({box.kind})" in heads
        assert all(inner.name in heads for inner in groups_of(group) if inner.name != model.name)


@pytest.mark.parametrize("engine", ["lamina", pytest.param("graphviz", marks=needs_graphviz)])
@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<")])
def test_every_engine_writes_pixels_pages_and_svg(engine: str, ending: str, start: bytes, tmp_path: Path) -> None:
    drawn = plot_model(nested(), tmp_path / f"m.{ending}", True, True, True, "LR", True, 60, True, True, engine=engine)
    assert drawn.path.read_bytes() == drawn.data
    assert drawn.data.startswith(start)
    shown = {"png": drawn._repr_png_(), "svg": drawn._repr_svg_()}
    assert (shown.get(ending) is None) == (ending == "pdf")


def test_dpi_scales_the_pixels(tmp_path: Path) -> None:
    from matplotlib.image import imread

    sizes = []
    for dpi in (50, 100):
        drawn = plot_model(stack(), tmp_path / "m.png", dpi=dpi, engine="lamina")
        sizes.append(np.array(imread(drawn.path).shape[:2]))
    assert np.allclose(sizes[0] * 2, sizes[1], atol=2)


def test_a_name_without_an_ending_gets_png(tmp_path: Path) -> None:
    assert plot_model(wide(), tmp_path / "model", engine="lamina", dpi=20).path == tmp_path / "model.png"


def test_keras_names_are_the_same_functions() -> None:
    assert lamina.utils.plot_model is plot_model
    assert lamina.utils.model_to_dot is model_to_dot


def test_a_subgraph_is_a_cluster_for_another_graph() -> None:
    inner = model_to_dot(wide(), subgraph=True)
    assert inner.startswith("subgraph ")
    if dot.installed():
        assert dot.Dot(f"digraph {{ {inner} }}").create(format="svg").startswith(b"<?xml")


# Notebooks ------------------------------------------------------------------------------------------------------------


def test_a_notebook_shows_picture_and_summary_with_names_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)  # where Rich would show the summary by itself
    formatters = pytest.importorskip("IPython.core.formatters")
    shown = formatters.DisplayFormatter().formatters["text/html"](stack())
    root = ElementTree.fromstring(shown)  # well-formed, so that no name has opened a tag
    assert not [node for node in root.iter() if node.tag.rpartition("}")[2] in ("script", "b", "img")]
    assert f"{NASTY} (Dense)" in [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Total params" in root.find("pre").text  # type: ignore[union-attr, operator]


def test_a_notebook_shows_the_summary_alone_of_what_has_no_picture() -> None:
    assert "<svg" not in Own()._repr_html_()
    assert "Model: &quot;own&quot;" in Own()._repr_html_()
    assert model_svg(stack(), most_boxes=3) == ""


# Bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (
            {"to_file": "m.pgn"},
            ValueError,
            r"to_file: expected one of the endings \.svg, .*'m\.pgn'.* Did you mean 'png'",
        ),
        ({"to_file": 3}, TypeError, r"to_file: expected a path, received 3"),
        (
            {"to_file": "m.jpg", "engine": "lamina"},
            ValueError,
            r"engine: 'lamina' draws \.svg, \.png and \.pdf; \.jpg needs",
        ),
        ({"engine": "dot"}, ValueError, r"engine: expected one of .*'graphviz', 'lamina'.*received 'dot'"),
        ({"rankdir": "UP"}, ValueError, r"rankdir: expected one of \['TB', 'BT', 'LR', 'RL'\], received 'UP'"),
        ({"splines": "wavy"}, ValueError, r"splines: expected one of \['ortho'"),
        ({"dpi": 0}, ValueError, r"dpi: expected a whole number >= 1, received 0"),
    ],
)
def test_what_cannot_be_drawn_is_named(arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=rf"plot_model: {text}"):
        plot_model(wide(), **arguments)


def test_what_is_no_model_or_was_not_built_is_named() -> None:
    with pytest.raises(
        TypeError, match=r"plot_model: model: expected a model, received <class .*> .* Write Own\(\.\.\.\)"
    ):
        plot_model(Own, "m.svg")
    with pytest.raises(ValueError, match=r"plot_model: model 'own' has not yet been built.*Call it on a batch of data"):
        plot_model(Own(), "m.svg")


def test_missing_programs_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImportError, match=r"Graphviz draws jpg with its program 'dot'.*apt-get install graphviz"):
        plot_model(wide(), tmp_path / "m.jpg")
    assert plot_model(wide(), tmp_path / "m.svg").data.startswith(b"<svg")
    for name in [n for n in sys.modules if n.split(".")[0] == "matplotlib" or n.endswith((".painting", "._picture"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(lamina.visual.diagram, "painting", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"\.png needs Graphviz or Matplotlib.*pip install \"lamina\[plots\]\""):
        plot_model(wide(), tmp_path / "m.png")


def test_an_unwritable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone") as caught:
        plot_model(wide(), tmp_path / "gone" / "m.svg")
    assert "is there such a folder?" in caught.value.__notes__[0]


@needs_graphviz
def test_what_graphviz_refuses_is_told() -> None:
    with pytest.raises(ValueError, match=r"Graphviz could not draw nonsense: "):
        model_to_dot(wide()).create(format="nonsense")
    assert subprocess.run(["dot", "-V"], capture_output=True, check=False).returncode == 0
