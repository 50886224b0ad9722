"""Backpropagation and the solvers' formulas in NumPy, for networks and data so small that compiling would take longer.

The trained weights are one vector, of which the layers' arrays are views: a solver's step is a few operations on it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lamina.estimators import _rows
from lamina.estimators.mlp import losses
from lamina.estimators.mlp.network import DERIVATIVES, Architecture, Weights, forward
from lamina.estimators.mlp.solvers import Solver


class Numbers(NamedTuple):
    """The numbers of a training that change no program."""

    alpha: Any
    momentum: Any
    nesterov: Any
    beta_1: Any
    beta_2: Any
    epsilon: Any
    shape: Any  # Huber's delta, or the quantile
    rates: Any  # (hidden layers,): dropout


class Data(NamedTuple):
    """Training rows."""

    x: Any  # (rows, features), dense or sparse
    y: np.ndarray  # (rows, outputs), of the float type of the weights
    weights: np.ndarray | None  # (rows,)


class NumpySteps:
    """Steps of training a plain network.

    Args:
        architecture: The network.
        weights: Where training begins.
        data: The rows.
        solver: The solver's state, kept up to date. None: only `value_and_gradient` is asked for.
        numbers: The numbers of the training.
    """

    def __init__(
        self, architecture: Architecture, weights: Weights, data: Data, solver: Solver | None, numbers: Numbers
    ) -> None:
        self.architecture, self.data, self.solver, self.numbers = architecture, data, solver, numbers
        self._vector, views = _views(weights.trained)
        self._weights = weights.with_trained(views)
        self._gradient, self._gradients = _views([np.zeros_like(value) for value in weights.trained])
        if solver is not None:
            self._moments = [_views(moment)[0] for moment in solver.moments]

    @property
    def weights(self) -> Weights:
        """The weights now."""
        return self._weights.copy()

    def epoch(self, order: np.ndarray, batch_size: int) -> float:
        """Make the steps of one epoch over the rows in this order; returns the mean of the batches' losses."""
        x, y, weights = self.data
        total = 0.0
        for begin in range(0, len(order), batch_size):
            rows = order[begin : begin + batch_size]
            total += len(rows) * self._backpropagate(
                _rows.dense(x[rows]), y[rows], None if weights is None else weights[rows]
            )
            self._step()
        return total / len(order)

    def value_and_gradient(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss of all rows and its gradient by the packed weights, for a solver of another library."""
        self._vector[:] = vector
        value = self._backpropagate(_rows.dense(self.data.x), self.data.y, self.data.weights, minimized=True)
        return value, self._gradient.astype(np.float64)

    def _backpropagate(
        self, x: np.ndarray, y: np.ndarray, weights: np.ndarray | None, minimized: bool = False
    ) -> float:
        """Set the gradient; returns the loss as it is reported, or as it is minimized: summed over the outputs."""
        layers, z = forward(self.architecture, self._weights, x)
        total = x.dtype.type(len(x)) if weights is None else weights.sum()
        rows = losses.row_losses(self.architecture, np, y, layers[-1], z, self.numbers.shape)
        share = 1 if weights is None else weights
        if minimized:
            value = np.sum(rows.sum(axis=1) * share) / total
        else:
            value = losses.mean_loss(self.architecture, np, rows, share, total)
        coefs = self._weights.coefs
        alpha = x.dtype.type(self.numbers.alpha)
        value += 0.5 * alpha * sum(np.vdot(coef, coef) for coef in coefs) / total
        delta = layers[-1] - y  # of all canonical losses, by the last sums
        if weights is not None:
            delta *= weights[:, None]
        for layer in range(len(coefs) - 1, -1, -1):
            gradient = np.dot(layers[layer].T, delta, out=self._gradients[layer])
            gradient += alpha * coefs[layer]
            gradient /= total
            np.divide(delta.sum(axis=0), total, out=self._gradients[len(coefs) + layer])
            if layer:
                delta = delta @ coefs[layer].T
                delta *= DERIVATIVES[str(self.architecture.hidden[layer - 1])](layers[layer])
        return float(value)

    def _step(self) -> None:
        solver, numbers, gradient = self.solver, self.numbers, self._gradient
        if solver is None:
            raise ValueError("NumpySteps: a solver is needed to make steps.")
        solver.t += 1
        if solver.kind == "sgd":
            (velocity,) = self._moments
            velocity *= numbers.momentum
            velocity -= solver.learning_rate * gradient
            self._vector += velocity
            if numbers.nesterov:
                self._vector += numbers.momentum * velocity - solver.learning_rate * gradient - velocity
        else:
            first, second = self._moments
            first *= numbers.beta_1
            first += (1 - numbers.beta_1) * gradient
            second *= numbers.beta_2
            second += (1 - numbers.beta_2) * gradient**2
            rate = solver.learning_rate_init * np.sqrt(1 - numbers.beta_2**solver.t) / (1 - numbers.beta_1**solver.t)
            self._vector -= gradient.dtype.type(rate) * first / (np.sqrt(second) + gradient.dtype.type(numbers.epsilon))

    def keep(self) -> None:
        """Bring the solver's state up to date, at the end of a training."""
        if self.solver is not None:
            shapes = self._weights.trained
            self.solver.moments = [_split(moment, shapes) for moment in self._moments]


def _views(arrays: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
    """One vector of all values, and views of it with the arrays' shapes."""
    vector = np.concatenate([array.ravel() for array in arrays])
    return vector, _split(vector, arrays)


def _split(vector: np.ndarray, shapes: list[np.ndarray]) -> list[np.ndarray]:
    """Views of a vector with the shapes of these arrays."""
    ends = np.cumsum([array.size for array in shapes])[:-1]
    return [part.reshape(array.shape) for part, array in zip(np.split(vector, ends), shapes, strict=True)]


pack, unpack = np.hstack, _split
