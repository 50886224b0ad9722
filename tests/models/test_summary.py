"""`Model.summary`: where the text goes, what it says of models that are not built, and what it refuses."""

from __future__ import annotations

import copy
import re

import jax.numpy as jnp
import numpy as np
import pytest

import lamina
from lamina import layers


def shown(model, **settings):
    lines: list[str] = []
    model.summary(print_fn=lines.append, **settings)
    assert len(lines) == 1
    return lines[0]


def rows(model, **settings):
    """The cells of each row; one that is broken into several lines is one text."""
    table = []
    for line in shown(model, **settings).splitlines():
        if line.startswith(("├", "┡")):
            table.append([])
        elif line.startswith("│"):
            cells = [cell.strip() for cell in line.strip("│").split("│")]
            table[-1] = [f"{old} {new}".strip() for old, new in zip(table[-1] or [""] * len(cells), cells, strict=True)]
    return table


def two_paths():
    a, b = layers.Input((4,), name="a"), layers.Input((2,), name="b")
    hidden = layers.Dense(3, name="hidden")(a)
    return lamina.Model([a, b], layers.Concatenate(name="both")([hidden, b]), name="net")


def test_the_column_of_connections_names_layer_call_and_output():
    assert [row[3] for row in rows(two_paths())] == ["-", "a[0][0]", "-", "hidden[0][0], b[0][0]"]


def test_a_chain_has_no_column_of_connections():
    a = layers.Input((4,), name="a")
    model = lamina.Model(a, layers.Dense(3, name="hidden")(a))
    assert rows(model) == [["a (InputLayer)", "(None, 4)", "0"], ["hidden (Dense)", "(None, 3)", "15"]]


def test_it_is_printed_where_no_function_is_given(capsys):
    assert two_paths().summary() is None
    printed = capsys.readouterr().out
    assert 'Model: "net"' in printed
    assert "Total params: 15 (60.00 B)" in printed


def test_a_long_line_is_printed_whole_in_a_narrow_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    text = shown(two_paths(), line_length=130)
    assert {len(line) for line in text.splitlines() if line[0] in "┏┃│├└"} == {130}


def test_square_brackets_in_names_are_shown():
    model = lamina.Sequential([layers.Input((2,)), layers.Dense(1, name="[red]dense")], name="[bold]net")
    text = shown(model)
    assert 'Model: "[bold]net"' in text
    assert "[red]dense (Dense)" in text


class Notes(lamina.Model):
    """The notes' subclassed model, 1.7.4."""

    def __init__(self, units=30, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.norm_wide, self.norm_deep = layers.Normalization(), layers.Normalization()
        self.hidden_1 = layers.Dense(units=units, activation=activation)
        self.hidden_2 = layers.Dense(units=units, activation=activation)
        self.main, self.aux = layers.Dense(1), layers.Dense(1)

    def call(self, inputs):
        wide, deep = inputs
        hidden = self.hidden_2(self.hidden_1(self.norm_deep(deep)))
        return self.main(layers.concatenate([self.norm_wide(wide), hidden])), self.aux(hidden)


def test_an_unbuilt_model_is_shown_as_the_notes_print_it():
    model = Notes(name="WideAndDeep")
    model.norm_wide.adapt(np.ones((9, 5), "float32"))
    model.norm_deep.adapt(np.ones((9, 6), "float32"))
    table = rows(model)
    assert [row[1] for row in table] == ["?"] * 6
    assert [row[2] for row in table] == ["11", "13", *["0 (unbuilt)"] * 4]
    # The notes' two counts were int64 under TensorFlow (104.00 B); they are int32 here, as in Keras on JAX (96.00 B).
    totals = shown(model).splitlines()[-3:]
    assert [line.strip() for line in totals] == [
        "Total params: 24 (96.00 B)",
        "Trainable params: 0 (0.00 B)",
        "Non-trainable params: 24 (96.00 B)",
    ]


def test_a_built_subclassed_model_shows_shapes_with_a_free_batch_axis():
    model = Notes(name="WideAndDeep")
    model.build([(None, 5), (None, 6)])
    assert [row[1] for row in rows(model)] == [f"(None, {n})" for n in (5, 6, 30, 30, 1, 1)]
    assert "Total params: 1,231" in shown(model)


def test_layers_of_a_subclassed_model_with_nests_of_outputs_and_several_inputs():
    class Parts(layers.Layer):
        def call(self, inputs):
            return {"all": inputs, "first": inputs[:, :1]}

    class Sum(layers.Layer):
        def call(self, inputs, other):
            return inputs + other

    class Both(lamina.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.parts, self.sum = Parts(), Sum()

        def call(self, inputs):
            parts = self.parts(inputs)
            return self.sum(parts["all"], parts["first"])

    model = Both()
    model(jnp.ones((2, 3)))
    assert [row[1] for row in rows(model)] == ["{all: (None, 3), first: (None, 1)}", "?"]


def test_models_in_models_are_listed_on_demand():
    inner = lamina.Sequential([layers.Input((3,)), layers.Dense(4, name="deep")], name="inner")
    x = layers.Input((3,), name="x")
    model = lamina.Model(x, layers.Concatenate(name="both")([inner(x), x]))
    assert [row[0] for row in rows(model)] == ["x (InputLayer)", "inner (Sequential)", "both (Concatenate)"]
    nested = rows(model, expand_nested=True, show_trainable=True)
    assert nested[2] == ["└ deep (Dense)", "(None, 4)", "16", "-", "Y"]


def test_copies_are_shown_as_the_model():
    model = two_paths()
    assert shown(copy.deepcopy(model)) == shown(model)


def test_a_range_may_be_given_the_other_way_round():
    names = [row[0] for row in rows(two_paths(), layer_range=("b$", "hidden"))]
    assert names == ["hidden (Dense)", "b (InputLayer)"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"line_length": 15}, "4 columns of at least 4 characters do not fit line_length=15.*larger line_length"),
        ({"positions": [0.5, 0.8, 1.0]}, "4 columns .* one position for each of .*'Connected to'"),
        (
            {"layer_range": ("a", "c")},
            r"names of two layers, received \('a', 'c'\). Layers: \['a', 'hidden', 'b', 'both'\]",
        ),
        ({"layer_range": ("a",)}, "names of two layers"),
        ({"layer_range": (0, 1)}, "names of two layers"),
    ],
)
def test_mistakes_are_named(settings, text):
    with pytest.raises(ValueError, match=text):
        two_paths().summary(**settings)


def test_sizes_are_given_in_the_largest_unit_that_fits():
    texts = {}
    for units in (1, 256, 300_000):
        model = lamina.Sequential([layers.Input((1,)), layers.Dense(units, use_bias=False)])
        texts[units] = re.search(r"Total params: [\d,]+ \((.*)\)", shown(model))[1]
    assert texts == {1: "4.00 B", 256: "1.00 KB", 300_000: "1.14 MB"}
