"""Histograms of weights and activations against NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lamina import Model, Sequential, layers
from lamina.visual import activation_histograms, weight_histograms

X = np.random.default_rng(0).normal(size=(50, 3)).astype("float32")


@pytest.fixture(scope="module")
def model() -> Sequential:
    items = [layers.Dense(5, "relu", name="hidden"), layers.Dropout(0.5), layers.Dense(2, name="out")]
    model = Sequential([layers.Input((3,)), *items], name="model")
    kernel, _, *rest = model.get_weights()
    bias = np.array([-100, 0, 0, 0.1, 100], "float32")  # the first unit is dead
    model.set_weights([kernel, bias, *rest])
    return model


def heights(panel: Any) -> list[float]:
    return [patch.get_height() for patch in panel.patches]


def test_weights_are_counted_as_numpy_does(model: Sequential) -> None:
    figure = weight_histograms(model, bins=9)
    titles = ["hidden · kernel (3, 5)", "hidden · bias (5,)", "out · kernel (5, 2)", "out · bias (2,)"]
    assert [panel.get_title("left") for panel in figure.axes] == titles
    for panel, weight in zip(figure.axes, model.get_weights(), strict=True):
        assert heights(panel) == np.histogram(weight.astype(np.float64), 9)[0].tolist()
        mean, std = weight.mean(dtype=np.float64), weight.std(dtype=np.float64)
        assert panel.get_xlabel() == f"mean {mean:.4g}, std {std:.4g}"


def test_activations_are_those_of_numpy_and_dead_units_are_counted(model: Sequential) -> None:
    figure = activation_histograms(model, X, bins=12)
    kernel, bias, kernel2, bias2 = model.get_weights()
    hidden = np.maximum(X @ kernel + bias, 0)
    assert [panel.get_title("left") for panel in figure.axes] == ["hidden · Dense (50, 5)", "out · Dense (50, 2)"]
    for panel, values in zip(figure.axes, (hidden, hidden @ kernel2 + bias2), strict=True):
        edges = [patch.get_x() for patch in panel.patches]
        assert np.allclose(edges, np.histogram(values, 12)[1][:-1], rtol=1e-4, atol=1e-4)
        assert np.abs(np.array(heights(panel)) - np.histogram(values, 12)[0]).sum() <= 4  # float32 at edges of bins
    assert figure.axes[0].get_xlabel().endswith(f", {(hidden == 0).mean():.0%} zeros, 1 of 5 units always")


def test_chosen_layers_inner_models_and_several_inputs(model: Sequential) -> None:
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    both = Model([a, b], layers.Add(name="sum")([model(a), model(b)]), name="both")
    figure = activation_histograms(both, [X, X], ["sum", "hidden"])
    assert [panel.get_title("left").split(" ")[0] for panel in figure.axes] == ["hidden", "sum"]
    assert weight_histograms(both, "out").axes[0].get_title("left") == "out · kernel (5, 2)"


def test_few_panels_say_of_how_many(model: Sequential) -> None:
    figure = weight_histograms(model, max_panels=3)
    assert (len(figure.axes), figure.get_suptitle()) == (3, "the first 3 of 4 weights")


def test_what_is_not_finite_is_told() -> None:
    layer = layers.Dense(2, use_bias=False, name="bad")
    layer.build((None, 2))
    layer.set_weights([np.array([[1, np.nan], [np.inf, 3]])])
    (panel,) = weight_histograms(layer).axes
    assert panel.get_xlabel() == "mean 2, std 1, 2 NaN or infinite"
    assert sum(heights(panel)) == 2


@pytest.mark.parametrize(
    ("draw", "arguments", "error", "text"),
    [
        (weight_histograms, (3,), TypeError, r"model: expected a model, received 3 of type int"),
        (
            weight_histograms,
            (Sequential([layers.Input((2,)), layers.Flatten()]),),
            ValueError,
            r"expected layers with weights",
        ),
        (activation_histograms, (Sequential([layers.Dense(2)]), X), ValueError, r"has no weights yet"),
        (activation_histograms, (Sequential([layers.Input((3,)), layers.Flatten()]), X), ValueError, r"there are none"),
    ],
    ids=["no model", "no weights", "not built", "no activations"],
)
def test_what_cannot_be_drawn_is_named(draw: Any, arguments: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=rf"{draw.__name__}: .*{text}"):
        draw(*arguments)


def test_unknown_layers_and_counts_are_named(model: Sequential) -> None:
    with pytest.raises(ValueError, match=r"weight_histograms: layer: no layer named 'hiden' .* Did you mean 'hidden'"):
        weight_histograms(model, "hiden")
    with pytest.raises(ValueError, match=r"activation_histograms: bins: expected a whole number >= 1, received 0"):
        activation_histograms(model, X, bins=0)
