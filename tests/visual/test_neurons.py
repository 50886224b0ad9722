"""Diagrams of networks and decision boundaries."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from lamina import neurons
from lamina.visual import _style, decision_boundary, network_diagram


@pytest.mark.parametrize("name", ["AND", "NOT", "half_adder"])
def test_a_diagram_names_every_neuron_with_its_threshold_and_draws_every_connection(name):
    network = getattr(neurons, name)
    (axes,) = network_diagram(network).axes
    texts = [text.get_text() for text in axes.texts]
    assert [text for text in texts if text in {*network.inputs, *network.neurons}] == [
        *network.inputs,
        *network.neurons,
    ]
    thresholds = [f"fires at {neuron.threshold}" for neuron in network.neurons.values()]
    assert [text for text in texts if text.startswith("fires")] == thresholds
    arrows = [text.arrow_patch for text in axes.texts if text.arrow_patch is not None]
    assert len(arrows) == sum(len(n.excitatory) + len(n.inhibitory) for n in network.neurons.values())
    inhibiting = [arrow for arrow in arrows if to_rgb(arrow.get_edgecolor()) == to_rgb(_style.VERMILLION)]
    assert len(inhibiting) == sum(len(n.inhibitory) for n in network.neurons.values())


def test_inputs_stand_left_of_what_they_feed():
    (axes,) = network_diagram(neurons.XOR).axes
    column = {text.get_text(): text.xy[0] for text in axes.texts}
    assert column["A"] == column["B"] < column["only A"] == column["only B"] < column["XOR"]


def test_a_boundary_shades_each_side_with_its_class(tmp_path):
    unit = neurons.ThresholdUnit([1.0, 0.0], bias=-0.5)
    figure = decision_boundary(unit, path=tmp_path / "unit.png")
    (axes,) = figure.axes
    shades = axes.collections[0].get_array().reshape(160, 160)
    assert (shades[:, :53] == 0).all()  # x from -0.25 to 1.25: 0.5 is in the middle
    assert (shades[:, 107:] == 1).all()
    assert (tmp_path / "unit.png").stat().st_size > 0


def test_rows_are_drawn_by_their_class():
    x = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    (axes,) = decision_boundary(lambda rows: np.where(rows[:, 0] > 1.5, "b", "a"), x, ["a", "b", "b"]).axes
    assert {line.get_label(): len(line.get_xdata()) for line in axes.lines} == {"a": 1, "b": 2}


def test_what_cannot_be_drawn_is_said():
    unit = neurons.ThresholdUnit([1.0, 1.0])
    with pytest.raises(ValueError, match=r"expected rows of two features, \(rows, 2\), received \(4, 3\)"):
        decision_boundary(unit, np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"expected one class for each of 4 rows, received \(2,\)"):
        decision_boundary(unit, np.zeros((4, 2)), [0, 1])
    with pytest.raises(TypeError, match=r"expected a lamina\.neurons\.Network"):
        network_diagram(unit)
