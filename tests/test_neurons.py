"""Neurons of logic against Python's own logic; threshold logic units against their formula."""

from __future__ import annotations

import ast
import inspect
import itertools
import operator

import numpy as np
import pytest

from lamina import neurons
from lamina.neurons import McCullochPitts, Network, ThresholdUnit


@pytest.mark.parametrize(
    ("network", "expected"),
    [("AND", operator.and_), ("OR", operator.or_), ("NOT", operator.not_), ("XOR", operator.xor)],
)
def test_networks_are_the_functions_of_logic(network, expected):
    found = getattr(neurons, network).truth_table()
    assert len(found.inputs) == 2 ** len(found.names)
    for row, answer in zip(found.inputs, found.outputs, strict=True):
        assert answer.tolist() == [int(expected(*map(int, row)))]


def test_half_adder_adds():
    for a, b in itertools.product((0, 1), repeat=2):
        carry, total = neurons.half_adder(a, b)
        assert 2 * int(carry) + int(total) == a + b


def test_truth_table_prints_a_line_for_each_combination():
    expected = "A  B | carry  sum\n0  0 |     0    0\n0  1 |     0    1\n1  0 |     0    1\n1  1 |     1    0"
    assert str(neurons.half_adder.truth_table()) == expected


def test_a_single_inhibitory_input_silences_whatever_excites():
    neuron = McCullochPitts(1, excitatory="ABC", inhibitory="D")
    assert int(neuron({"A": 1, "B": 1, "C": 1, "D": 0})) == 1
    assert int(neuron({"A": 1, "B": 1, "C": 1, "D": 1})) == 0


def test_a_connection_given_twice_counts_twice():
    assert int(McCullochPitts(2, excitatory="AA")({"A": 1})) == 1
    assert int(McCullochPitts(2, excitatory="A")({"A": 1})) == 0


def test_networks_build_on_networks_signals():
    """A full adder of two half adders' neurons, against Python's sum."""
    at_least = {f"at least {n}": McCullochPitts(n, excitatory="ABC") for n in (1, 2, 3)}
    total = {
        "one": McCullochPitts(1, excitatory=["at least 1"], inhibitory=["at least 2"]),
        "sum": McCullochPitts(1, excitatory=["one", "at least 3"]),
    }
    adder = Network("ABC", at_least | total, outputs=["at least 2", "sum"])
    table = adder.truth_table()
    assert (table.outputs @ [2, 1]).tolist() == table.inputs.sum(axis=1).tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: McCullochPitts(-1), "threshold: expected a count of inputs, 0 or more, received -1"),
        (lambda: neurons.AND(0.5, 1), "input 'A': expected signals 0 or 1, received 0.5"),
        (lambda: neurons.AND(1), r"expected signals for \['A', 'B'\], received 1 of them"),
        (lambda: Network("A", {"x": McCullochPitts(1, "B")}), r"'x' listens to 'B'; known before it are \['A'\]"),
        (lambda: Network("A", {"x": McCullochPitts(1, "A")}, ["y"]), r"outputs: expected some of \['A', 'x'\]"),
        (lambda: ThresholdUnit([1], step="relu"), r"expected one of \['heaviside', 'sign'\]"),
        (lambda: ThresholdUnit([1, 2])([1.0]), r"expected inputs of shape \(..., 2\), received \(1,\)"),
    ],
    ids=["threshold", "signal", "number", "listens", "outputs", "step", "features"],
)
def test_what_is_wrong_is_said(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("step", ["heaviside", "sign"])
def test_threshold_units_are_a_step_of_the_weighted_sum(step):
    x, weights, bias = np.array([[1.0, 2.0], [0.5, -1.0], [2.0, 0.0]]), np.array([[1.0, -1], [-0.5, 0]]), [0.0, -2.0]
    z = [[0.0, -3.0], [1.0, -2.5], [2.0, -4.0]]  # by hand
    z[0][0] = 1 - 0.5 * 2
    expected = np.heaviside(z, 1) if step == "heaviside" else np.sign(z)
    assert ThresholdUnit(weights, bias, step)(x).tolist() == expected.tolist()


def test_a_unit_of_your_own_step():
    assert ThresholdUnit([2.0], 1.0, step=lambda z: z > 4)([[1.0], [2.0]]).tolist() == [False, True]


def test_each_neuron_is_short_and_needs_numpy_only():
    tree = ast.parse(inspect.getsource(neurons))
    lengths = {node.name: node.end_lineno - node.lineno + 1 for node in tree.body if isinstance(node, ast.ClassDef)}
    assert len(lengths) == 4
    assert max(lengths.values()) < 60, lengths
    imported = {name for node in ast.walk(tree) for name in getattr(node, "names", []) if isinstance(node, ast.Import)}
    assert {name.name for name in imported} == {"itertools", "numpy"}
