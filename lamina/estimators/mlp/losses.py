"""Losses of single rows, written once for NumPy and JAX.

Each takes the targets and the answers, (rows, outputs), and for a numerically safe form the last sums z; it returns the
losses of each row and output, of the same shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from scipy.special import xlogy


def squared_error(numpy: Any, y: Any, answer: Any, z: Any, shape: Any) -> Any:
    """Half of the squared difference."""
    return 0.5 * (y - answer) ** 2


def absolute_error(numpy: Any, y: Any, answer: Any, z: Any, shape: Any) -> Any:
    """The difference without its sign."""
    return abs(y - answer)


def huber(numpy: Any, y: Any, answer: Any, z: Any, shape: Any) -> Any:
    """Squared within `shape`, linear beyond. Source: Huber 1964."""
    error = abs(y - answer)
    near = numpy.minimum(error, shape)  # a single branch keeps the gradient finite
    return 0.5 * near**2 + shape * (error - near)


def quantile(numpy: Any, y: Any, answer: Any, z: Any, shape: Any) -> Any:
    """The pinball loss, least at the quantile `shape`. Source: Koenker & Bassett 1978."""
    error = y - answer
    return numpy.maximum(shape * error, (shape - 1) * error)


def poisson(numpy: Any, y: Any, answer: Any, z: Any, shape: Any) -> Any:
    """Half of the Poisson deviance."""
    if numpy is np:
        return xlogy(y, y / answer) - y + answer
    return jax.scipy.special.xlogy(y, y / answer) - y + answer


def binary_log_loss(numpy: Any, y: Any, answer: Any, z: Any, shape: Any) -> Any:
    """Cross-entropy of each output by itself, by its sum z before the logistic function."""
    return numpy.logaddexp(0, z) - y * z


def log_loss(numpy: Any, y: Any, answer: Any, z: Any, shape: Any) -> Any:
    """Cross-entropy of classes that exclude each other, by the sums z before softmax."""
    z = z - (z if numpy is np else jax.lax.stop_gradient(z)).max(axis=1, keepdims=True)
    return y * (numpy.log(numpy.exp(z).sum(axis=1, keepdims=True)) - z)


LOSSES: dict[str, Callable[..., Any]] = {
    "squared_error": squared_error,
    "absolute_error": absolute_error,
    "huber": huber,
    "quantile": quantile,
    "poisson": poisson,
}
OF_EACH_OUTPUT = ("squared_error", "absolute_error", "huber", "quantile")  # reported as means over the outputs


def row_losses(architecture: Any, numpy: Any, y: Any, answer: Any, z: Any, shape: Any) -> Any:
    """The losses of each row and output, (rows, outputs)."""
    if architecture.loss == "log_loss":
        function = log_loss if architecture.output == "softmax" else binary_log_loss
    else:
        function = LOSSES[architecture.loss]
    return function(numpy, y, answer, z, shape)


def mean_loss(architecture: Any, numpy: Any, losses: Any, weights: Any, total: Any) -> Any:
    """The loss as it is reported: the weighted mean over rows; over outputs the mean or, for poisson and log_loss, the
    sum, as in scikit-learn.
    """
    rows = losses.mean(axis=1) if architecture.loss in OF_EACH_OUTPUT else losses.sum(axis=1)
    return numpy.sum(rows * weights) / total
