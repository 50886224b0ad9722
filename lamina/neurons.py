"""The first artificial neurons, in NumPy: McCulloch and Pitts' neuron, networks of it, and the threshold logic unit.

Nothing here learns; `lamina.estimators.Perceptron` is the threshold logic unit that does. `lamina.visual` draws both:
`network_diagram(XOR)`, `decision_boundary(unit)`.

Example:
    >>> from lamina.neurons import AND, XOR, half_adder
    >>> int(AND(1, 0)), int(AND(1, 1))
    (0, 1)
    >>> print(XOR.truth_table())
    A  B | XOR
    0  0 |   0
    0  1 |   1
    1  0 |   1
    1  1 |   0
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np


class McCullochPitts:
    """A neuron with binary inputs: it fires when enough excitatory inputs are active and no inhibitory one is.

    y = 1 if no inhibitory input is 1 and (number of excitatory inputs that are 1) >= threshold, else 0

    Args:
        threshold: How many active excitatory inputs it takes, int >= 0.
        excitatory: Their names. A name given twice is a connection that counts twice.
        inhibitory: Names of the inputs of which a single active one keeps the neuron quiet.
    Raises:
        ValueError: a negative threshold, or signals that are not 0 or 1.
    Source: McCulloch & Pitts, A logical calculus of the ideas immanent in nervous activity, 1943.
    Example:
        >>> neuron = McCullochPitts(2, excitatory=["A", "B"])
        >>> neuron({"A": np.array([0, 1, 1]), "B": np.array([1, 0, 1])})
        array([0, 0, 1])
    """

    def __init__(self, threshold: int, excitatory: Iterable[str] = (), inhibitory: Iterable[str] = ()) -> None:
        if threshold < 0:
            raise ValueError(f"McCullochPitts: threshold: expected a count of inputs, 0 or more, received {threshold}.")
        self.threshold = threshold
        self.excitatory = tuple(excitatory)
        self.inhibitory = tuple(inhibitory)

    def __call__(self, signals: Mapping[str, Any]) -> np.ndarray:
        """Fire or not: `signals` are 0 or 1 by name, single ones or arrays of one shape; so is what comes back."""
        active = sum((_binary(name, signals) for name in self.excitatory), start=np.array(0))
        quiet = sum((_binary(name, signals) for name in self.inhibitory), start=np.array(0))
        return ((active >= self.threshold) & (quiet == 0)).astype(int)


def _binary(name: str, signals: Mapping[str, Any]) -> np.ndarray:
    values = np.asarray(signals[name])
    if not np.isin(values, (0, 1)).all():
        raise ValueError(f"McCullochPitts: input {name!r}: expected signals 0 or 1, received {values}.")
    return values.astype(int)


class Network:
    """McCulloch-Pitts neurons that feed one another: any function of logic.

    Args:
        inputs: Names of the input signals, in the order in which a call gives them.
        neurons: Neurons by name, each after those that feed it.
        outputs: Names of the neurons whose signals a call returns. Default: the last one.
    Raises:
        ValueError: a neuron that listens to a name that is neither an input nor a neuron before it.
    Example:
        >>> AND = Network("AB", {"AND": McCullochPitts(2, excitatory="AB")})
        >>> AND([0, 1, 1], [1, 0, 1])
        array([0, 0, 1])
    """

    def __init__(
        self, inputs: Iterable[str], neurons: Mapping[str, McCullochPitts], outputs: Sequence[str] | None = None
    ) -> None:
        self.inputs, self.neurons = tuple(inputs), dict(neurons)
        self.outputs = tuple(self.neurons)[-1:] if outputs is None else tuple(outputs)
        known = list(self.inputs)
        for name, neuron in self.neurons.items():
            for source in (*neuron.excitatory, *neuron.inhibitory):
                if source not in known:
                    raise ValueError(f"Network: neuron {name!r} listens to {source!r}; known before it are {known}.")
            known.append(name)
        if not self.outputs or not set(self.outputs) <= set(known):
            raise ValueError(f"Network: outputs: expected some of {known}, received {list(self.outputs)}.")

    def __call__(self, *signals: Any) -> Any:
        """Signals of the outputs: one array, or a tuple of them for several outputs."""
        if len(signals) != len(self.inputs):
            raise ValueError(f"Network: expected signals for {list(self.inputs)}, received {len(signals)} of them.")
        values: dict[str, Any] = dict(zip(self.inputs, signals, strict=True))
        for name, neuron in self.neurons.items():
            values[name] = neuron(values)
        found = tuple(np.asarray(values[name]) for name in self.outputs)
        return found[0] if len(found) == 1 else found

    def truth_table(self) -> TruthTable:
        """What it answers to each combination of its inputs; `print` shows it."""
        rows = np.array(list(itertools.product((0, 1), repeat=len(self.inputs)))).reshape(-1, len(self.inputs))
        answers = self(*rows.T)
        columns = answers if isinstance(answers, tuple) else (answers,)
        return TruthTable(self.inputs, self.outputs, rows, np.stack(np.broadcast_arrays(*columns), axis=-1))


class TruthTable:
    """A truth table: `inputs` (combinations, inputs) and `outputs` (combinations, outputs), int 0 or 1, and names."""

    def __init__(self, names: Sequence[str], output_names: Sequence[str], inputs: np.ndarray, outputs: np.ndarray):
        self.names, self.output_names = tuple(names), tuple(output_names)
        self.inputs, self.outputs = inputs, outputs

    def __str__(self) -> str:
        def line(left: Iterable[Any], right: Iterable[Any]) -> str:
            cells = [str(cell).rjust(len(name)) for cell, name in zip(left, self.names, strict=True)]
            answers = [str(cell).rjust(len(name)) for cell, name in zip(right, self.output_names, strict=True)]
            return "  ".join(cells) + " | " + "  ".join(answers)

        rows = zip(self.inputs, self.outputs, strict=True)
        return "\n".join([line(self.names, self.output_names), *(line(*row) for row in rows)])

    __repr__ = __str__


AND = Network("AB", {"AND": McCullochPitts(2, excitatory="AB")})
OR = Network("AB", {"OR": McCullochPitts(1, excitatory="AB")})
NOT = Network("A", {"NOT": McCullochPitts(0, inhibitory="A")})
_ONLY_ONE = {
    "only A": McCullochPitts(1, excitatory="A", inhibitory="B"),
    "only B": McCullochPitts(1, excitatory="B", inhibitory="A"),
}
XOR = Network("AB", _ONLY_ONE | {"XOR": McCullochPitts(1, excitatory=["only A", "only B"])})
half_adder = Network(
    "AB",
    _ONLY_ONE
    | {
        "carry": McCullochPitts(2, excitatory="AB"),
        "sum": McCullochPitts(1, excitatory=["only A", "only B"]),
    },
    outputs=["carry", "sum"],
)


def heaviside(z: Any) -> np.ndarray:
    """Step function: 0 if z < 0, 1 if z >= 0.

    Example:
        >>> heaviside([-0.5, 0.0, 2.0])
        array([0, 1, 1])
    """
    return (np.asarray(z) >= 0).astype(int)


def sign(z: Any) -> np.ndarray:
    """Step function: -1 if z < 0, 0 if z = 0, +1 if z > 0.

    Example:
        >>> sign([-0.5, 0.0, 2.0])
        array([-1,  0,  1])
    """
    return np.sign(np.asarray(z, float)).astype(int)


STEPS: dict[str, Callable[[Any], np.ndarray]] = {"heaviside": heaviside, "sign": sign}


class ThresholdUnit:
    """Threshold logic units: a step of a weighted sum, h(x) = step(x @ weights + bias).

    Args:
        weights: (features,) for one unit, or (features, units) for a layer of them.
        bias: A number, or (units,). Default 0.
        step: "heaviside" (0 or 1), "sign" (-1, 0 or 1), or a function of your own. Default "heaviside".
    Input: (..., features), numbers.   Output: (...) for one unit, (..., units) for a layer; int.
    Raises:
        ValueError: an unknown step, or inputs with another number of features.
    Source: Rosenblatt, The perceptron, 1958.
    Example:
        >>> unit = ThresholdUnit([1.0, 1.0], bias=-1.5)
        >>> unit([[0, 0], [0, 1], [1, 0], [1, 1]])
        array([0, 0, 0, 1])
    """

    def __init__(self, weights: Any, bias: Any = 0.0, step: str | Callable[[Any], np.ndarray] = "heaviside") -> None:
        self.weights, self.bias = np.asarray(weights, float), np.asarray(bias, float)
        if isinstance(step, str) and step not in STEPS:
            raise ValueError(f"ThresholdUnit: step: expected one of {sorted(STEPS)} or a function, received {step!r}.")
        self.step = STEPS[step] if isinstance(step, str) else step

    def __call__(self, x: Any) -> np.ndarray:
        """What the units answer to inputs of shape (..., features)."""
        x = np.asarray(x, float)
        if x.ndim == 0 or x.shape[-1] != len(self.weights):
            raise ValueError(
                f"ThresholdUnit: expected inputs of shape (..., {len(self.weights)}), received {x.shape}. "
                "The last axis holds the features, one for each weight."
            )
        return self.step(x @ self.weights + self.bias)
