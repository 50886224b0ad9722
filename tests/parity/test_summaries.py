"""The text of `summary()` against the real Keras: the same characters, boxes and cut-off names included."""

from __future__ import annotations

import re

import numpy as np
import pytest

import lamina
from tests.parity.graphs import GRAPHS

keras = pytest.importorskip("keras")

SETTINGS = {
    "narrow": {"line_length": 60},
    "wide": {"line_length": 150},
    "nested and trainable": {"expand_nested": True, "show_trainable": True},
}


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")  # Keras cuts lines off at the terminal's edge


def text(model, **settings):
    lines: list[str] = []
    model.summary(print_fn=lambda part, *_, **__: lines.append(part), **settings)
    return "".join(lines)


def texts(build, **settings):
    """The text of both libraries' model, made in a new session."""
    lamina.utils.clear_session()
    keras.utils.clear_session()
    return text(build(lamina), **settings), text(build(keras), **settings)


def compact(summary):
    """Without boxes and spaces, and with the batch axis free, where Keras shows the size of the first batch."""
    summary = re.sub(r"[━┃┏┓┗┛┡┩╇┳┻│├┤┼─└┘┴\s]+", " ", summary)
    return re.sub(r"\(\d+, ", "(None, ", summary)


@pytest.mark.parametrize("name", list(GRAPHS))
def test_a_graph_is_shown_as_in_keras(name):
    ours, theirs = texts(GRAPHS[name])
    assert ours == theirs


@pytest.mark.parametrize("settings", list(SETTINGS))
@pytest.mark.parametrize("name", ["two_outputs", "nested_models", "a_nested_sequential", "models_three_deep", "chain"])
def test_settings_change_the_text_as_in_keras(name, settings):
    ours, theirs = texts(GRAPHS[name], **SETTINGS[settings])
    assert ours == theirs


@pytest.mark.parametrize(
    "settings",
    [
        {"positions": [0.2, 0.5, 0.6, 1.0]},
        {"positions": [0.2, 0.5, 0.6, 0.9], "show_trainable": True},
        {"layer_range": ("normalization", "dense")},
        {"layer_range": ("output", "inputWide")},
        {"layer_range": ("input.*", "dense_1")},
    ],
)
def test_positions_and_ranges_are_those_of_keras(settings):
    ours, theirs = texts(GRAPHS["two_inputs"], **settings)
    assert ours == theirs


@pytest.mark.parametrize("columns", [70, 90, 100, 200])
def test_the_text_fits_the_terminal_as_in_keras(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    ours, theirs = texts(GRAPHS["two_outputs"])
    assert compact(ours) == compact(theirs)


def test_frozen_layers_and_the_optimizer_count_as_in_keras():
    def build(library):
        model = GRAPHS["two_inputs"](library)
        model.get_layer("dense").trainable = False
        model.compile("adam", "mse")
        x = [np.ones((8, 5), "float32"), np.ones((8, 6), "float32")]
        model.fit(x, np.ones((8, 1), "float32"), verbose=0)
        return model

    ours, theirs = texts(build, show_trainable=True)
    assert ours == theirs
    assert "Optimizer params" in ours


@pytest.mark.parametrize("kind", [list, dict])
def test_layers_with_several_outputs_list_their_shapes_as_in_keras(kind):
    def build(library):
        class Parts(library.layers.Layer):
            def call(self, inputs):
                parts = {"first": inputs * 2, "second": inputs[:, :2]}
                return parts if kind is dict else list(parts.values())

        inputs = library.layers.Input((4,))
        parts = Parts()(inputs)
        first, second = parts.values() if kind is dict else parts
        return library.Model(inputs, {"z": library.layers.Dense(2)(first), "y": second}, name="net")

    ours, theirs = texts(build)
    assert ours == theirs
    assert "[(None, 4), (None, 2)]" in ours


def wide_and_deep(library):
    """The notes' subclassed model."""
    layers = library.layers

    class WideAndDeepModel(library.Model):
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

    return WideAndDeepModel(name="WideAndDeep")


def test_a_subclassed_model_that_is_not_built_is_shown_as_in_keras():
    ours, theirs = texts(wide_and_deep)
    assert ours == theirs
    assert ours.count("0 (unbuilt)") == 6


def test_a_subclassed_model_that_is_built_is_shown_as_in_keras():
    def build(library):
        rng = np.random.default_rng(0)
        wide, deep = rng.normal(size=(9, 5)).astype("float32"), rng.normal(size=(9, 6)).astype("float32")
        model = wide_and_deep(library)
        model.norm_wide.adapt(wide)
        model.norm_deep.adapt(deep)
        model((wide, deep))
        return model

    ours, theirs = texts(build)
    assert compact(ours) == compact(theirs)
    assert "Total params: 1,231" in ours


# Keras names an input without a name "keras_tensor" in a clone.
@pytest.mark.parametrize("name", sorted(set(GRAPHS) - {"wide_and_deep"}))
def test_clones_are_shown_as_clones_of_keras(name):
    def build(library):
        return library.models.clone_model(GRAPHS[name](library), recursive=True)

    ours, theirs = texts(build, expand_nested=True)
    assert ours == theirs
