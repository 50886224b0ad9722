"""What a network is: its architecture, its weights, and the forward pass in NumPy, which `predict` uses.

Predicting with NumPy needs no compilation, gives the same numbers in any process, and takes sparse rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit
from sklearn.utils.extmath import safe_sparse_dot

EPSILON = 1e-3  # of batch normalization, as in Keras
Activation = str | Callable[[Any], Any]


class Architecture(NamedTuple):
    """All that a compiled program depends on, shapes aside; numbers such as rates are its arguments."""

    hidden: tuple[Activation, ...]  # the activation of each hidden layer
    output: Activation
    loss: str
    dropout: bool = False
    normalize: bool = False  # batch normalization between a hidden layer's sum and its activation

    @property
    def canonical(self) -> bool:
        """Whether the loss's gradient by the last sum is simply answer minus target."""
        return (self.output, self.loss) in _CANONICAL

    @property
    def plain(self) -> bool:
        """Whether scikit-learn knows it, and so do the steps in NumPy."""
        known = all(isinstance(one, str) and one in DERIVATIVES for one in self.hidden)
        return known and self.canonical and not self.dropout and not self.normalize


_CANONICAL = {
    ("identity", "squared_error"),
    ("exp", "poisson"),
    ("logistic", "log_loss"),
    ("softmax", "log_loss"),
}


class Weights(NamedTuple):
    """Arrays of each layer. The last four are empty lists without batch normalization."""

    coefs: list[Any]  # (inputs, units)
    intercepts: list[Any]  # (units,)
    scales: list[Any]  # (units,) of hidden layers: gamma
    shifts: list[Any]  # (units,): beta
    means: list[Any]  # (units,): moving mean, not trained
    variances: list[Any]  # (units,): moving variance, not trained

    @property
    def trained(self) -> list[Any]:
        """What the solver changes, in the order of scikit-learn's packed vector."""
        return [*self.coefs, *self.intercepts, *self.scales, *self.shifts]

    def with_trained(self, values: list[Any]) -> Weights:
        """The same with other values for what the solver changes."""
        ends = np.cumsum([len(self.coefs), len(self.intercepts), len(self.scales)])
        parts = values[: ends[0]], values[ends[0] : ends[1]], values[ends[1] : ends[2]], values[ends[2] :]
        coefs, intercepts, scales, shifts = map(list, parts)
        return Weights(coefs, intercepts, scales, shifts, self.means, self.variances)

    def copy(self) -> Weights:
        """The same with arrays of its own."""
        return Weights(*([np.array(value) for value in values] for values in self))


def initial_weights(
    sizes: list[int], activations: tuple[Activation, ...], normalize: bool, random: Any, dtype: Any
) -> Weights:
    """Glorot and Bengio's uniform weights, drawn in scikit-learn's order: the same seed, the same weights.

    Args:
        sizes: Inputs, units of each hidden layer, outputs.
        activations: Of the hidden layers; "logistic" layers get smaller weights.
        normalize: Whether hidden layers are normalized.
        random: A NumPy RandomState.
        dtype: Type of the weights.
    """
    coefs, intercepts = [], []
    for layer, (inputs, units) in enumerate(itertools.pairwise(sizes)):
        activation = activations[min(layer, len(activations) - 1)] if activations else "identity"
        bound = np.sqrt((2.0 if activation == "logistic" else 6.0) / (inputs + units))
        coefs.append(random.uniform(-bound, bound, (inputs, units)).astype(dtype, copy=False))
        intercepts.append(random.uniform(-bound, bound, units).astype(dtype, copy=False))
    ones = [np.ones(units, dtype) for units in sizes[1:-1]] if normalize else []
    zeros = [np.zeros_like(one) for one in ones]
    return Weights(coefs, intercepts, ones, zeros, [one.copy() for one in zeros], [one.copy() for one in ones])


def _softmax(z: np.ndarray) -> np.ndarray:
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda z: z,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "softplus": lambda z: np.logaddexp(z, 0),
    "exp": np.exp,
    "softmax": _softmax,
}
# The derivative of each, by what the activation gave.
DERIVATIVES: dict[str, Callable[[np.ndarray], Any]] = {
    "identity": lambda a: 1,
    "logistic": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a**2,
    "relu": lambda a: a > 0,
}
SYNONYMS = {"linear": "identity", "sigmoid": "logistic", "exponential": "exp"}


def activate(activation: Activation, z: np.ndarray) -> np.ndarray:
    """The activation of an array; those that are not in the table are lamina's or the user's own."""
    if isinstance(activation, str) and activation in ACTIVATIONS:
        return ACTIVATIONS[activation](z)
    import jax

    from lamina import activations

    with jax.enable_x64(z.dtype == np.float64):
        return np.asarray(activations.get(activation)(jax.numpy.asarray(z)))


def forward(architecture: Architecture, weights: Weights, x: Any) -> tuple[list[Any], np.ndarray]:
    """The forward pass for prediction.

    Args:
        architecture: The network.
        weights: Its weights.
        x: Rows, (rows, features), dense or sparse.
    Returns:
        What each layer gave, the rows first and the answer, (rows, outputs), last; and the last sums, of the same
        shape as the answer.
    """
    layers, z = [x], x
    for layer, (coef, intercept) in enumerate(zip(weights.coefs, weights.intercepts, strict=True)):
        z = safe_sparse_dot(layers[-1], coef, dense_output=True) + intercept
        last = layer == len(weights.coefs) - 1
        if architecture.normalize and not last:
            deviation = np.sqrt(weights.variances[layer] + z.dtype.type(EPSILON))
            z = (z - weights.means[layer]) / deviation * weights.scales[layer] + weights.shifts[layer]
        layers.append(activate(architecture.output if last else architecture.hidden[layer], z))
    return layers, z
