"""The epochs of SGD and Adam: orders of rows, losses, scores, and when to stop, as in scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from lamina.estimators.mlp import losses
from lamina.estimators.mlp.jax_steps import JaxSteps
from lamina.estimators.mlp.network import Architecture, Weights, forward
from lamina.estimators.mlp.numpy_steps import Data, Numbers, NumpySteps
from lamina.estimators.mlp.solvers import Adam, Solver

SMALL = 0.5  # seconds that NumPy may take, by the estimate: about what compiling takes


class Validation(NamedTuple):
    """Rows that training does not see."""

    x: Any
    y: Any  # labels or numbers, as `score` takes them
    targets: np.ndarray  # (rows, outputs), as the loss takes them
    weights: np.ndarray | None


def make_steps(
    estimator: Any, architecture: Architecture, weights: Weights, data: Data, solver: Solver | None, epochs: int
) -> NumpySteps | JaxSteps:
    """The engine that does this training sooner, by an estimate of the work that is the same on every machine."""
    numbers = Numbers(
        estimator.alpha,
        estimator.momentum,
        estimator.nesterovs_momentum and (solver is None or solver.kind == "sgd"),
        estimator.beta_1,
        estimator.beta_2,
        estimator.epsilon,
        estimator._shape_of_loss(),
        tuple(map(float, _rates(estimator, len(architecture.hidden)))),
    )
    known = architecture.plain and estimator.device is None and (solver is None or solver.kind != "other")
    if known and _seconds(estimator, weights, data, epochs) < SMALL:
        return NumpySteps(architecture, weights, data, solver, numbers)
    seed = int(estimator._random_state.randint(2**31 - 1)) if architecture.dropout else 0
    return JaxSteps(architecture, weights, data, solver, numbers, seed, estimator.device)


def _rates(estimator: Any, layers: int) -> list[float]:
    rates = estimator.dropout
    return list(rates) if isinstance(rates, Iterable) else [rates] * layers


def _seconds(estimator: Any, weights: Weights, data: Data, epochs: int) -> float:
    """Time that NumPy takes on a usual processor: for each step and layer, and for each product of numbers."""
    rows = data.y.shape[0]
    steps = -(-rows // batch_size(estimator, rows)) if estimator.solver != "lbfgs" else 1
    products = 6.0 * sum(coef.size for coef in weights.coefs) * (rows * epochs + getattr(estimator, "t_", 0))
    return steps * epochs * 4e-5 * (1 + len(weights.coefs)) + products / 3e9


def batch_size(estimator: Any, rows: int) -> int:
    """Rows of a batch."""
    return min(200, rows) if estimator.batch_size == "auto" else int(np.clip(estimator.batch_size, 1, rows))


def train(
    estimator: Any,
    architecture: Architecture,
    solver: Solver,
    data: Data,
    validation: Validation | None,
    epochs: int,
    callbacks: Any,
) -> None:
    """Train the estimator's weights for some epochs, or until nothing gets better."""
    rows = data.y.shape[0]
    size = batch_size(estimator, rows)
    steps = make_steps(estimator, architecture, estimator._weights(), data, solver, epochs)
    order, random = np.arange(rows), estimator._random_state
    estimator.n_iter_ = 0
    callbacks.begin()
    try:
        while estimator.n_iter_ < epochs:
            callbacks.epoch_begins(estimator.n_iter_)
            if estimator.shuffle:
                permutation = np.arange(rows)
                random.shuffle(permutation)
                order = order[permutation]
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # fit says if weights are not finite
                estimator.loss_ = steps.epoch(order, size)
                estimator.n_iter_ += 1
                estimator.t_ += rows
                if isinstance(solver, Adam):
                    solver.adapted(estimator.beta_1, estimator.beta_2)
                logs = _measure(estimator, architecture, steps, validation)
            solver.epoch_ends(estimator.t_)
            stopped = _count(estimator) > estimator.n_iter_no_change and _stop(estimator, solver)
            if callbacks.epoch_ends(estimator.n_iter_ - 1, logs, steps) or stopped:
                break
        else:
            if not estimator._incremental:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the optimization "
                    "hasn't converged yet.",
                    ConvergenceWarning,
                    stacklevel=4,
                )
    except KeyboardInterrupt:
        warnings.warn("Training interrupted by user.", stacklevel=4)
    estimator._set_weights(steps.weights)
    steps.keep()
    callbacks.end()
    if estimator.early_stopping:
        estimator._set_weights(estimator._best_weights)


def _measure(estimator: Any, architecture: Architecture, steps: Any, validation: Validation | None) -> dict[str, float]:
    """Add the epoch's loss, and the loss and score of the validation rows, to their lists."""
    estimator.loss_curve_.append(estimator.loss_)
    logs = {"loss": estimator.loss_}
    if estimator.verbose:
        print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
    if validation is not None:
        weights = steps.weights
        layers, z = forward(architecture, weights, validation.x)
        score = estimator._score_of(layers[-1], validation.y, validation.weights)
        shape = estimator._shape_of_loss()
        rows = losses.row_losses(architecture, np, validation.targets, layers[-1], z, shape)
        share = np.ones(len(z)) if validation.weights is None else validation.weights
        logs["val_loss"] = float(losses.mean_loss(architecture, np, rows, share, share.sum()))
        logs["val_score"] = score
        estimator.validation_loss_curve_.append(logs["val_loss"])
        estimator.validation_scores_.append(score)
        if estimator.verbose:
            print(f"Validation score: {score:f}")
        if score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            if estimator.early_stopping:
                estimator._best_weights = weights
    return logs


def _count(estimator: Any) -> int:
    """Count the epochs since the score, or else the loss, last got better by `tol`."""
    if estimator.early_stopping:
        better = not estimator.validation_scores_[-1] < estimator._best_score + estimator.tol
        estimator._best_score = max(estimator._best_score, estimator.validation_scores_[-1])
    else:
        better = not estimator.loss_ > estimator.best_loss_ - estimator.tol
        estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)
    estimator._no_improvement_count = 0 if better else estimator._no_improvement_count + 1
    return estimator._no_improvement_count


def _stop(estimator: Any, solver: Solver) -> bool:
    what = "Validation score" if estimator.early_stopping else "Training loss"
    message = (
        f"{what} did not improve more than tol={estimator.tol:f} for {estimator.n_iter_no_change} consecutive epochs."
    )
    if solver.stops(message, estimator.verbose):
        return True
    estimator._no_improvement_count = 0
    return False
