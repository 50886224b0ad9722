"""The solvers' state between epochs, and their learning rates: what scikit-learn calls the optimizer."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.estimators.mlp.network import Weights


class Solver:
    """State of SGD or Adam; the formulas are in the steps.

    Attributes:
        learning_rate: Of the next step; Adam's is the one of its last step.
        moments: SGD: [velocities]; Adam: [first, second moments]; each a list of arrays like the trained weights.
        t: Steps done.
    """

    kind = "sgd"
    count = 1

    learning_rate: Any

    def __init__(self, estimator: Any, weights: Weights) -> None:
        self.learning_rate_init = self.learning_rate = float(estimator.learning_rate_init)
        self.moments = [[np.zeros_like(value) for value in weights.trained] for _ in range(self.count)]
        self.t = 0

    def epoch_ends(self, seen: int) -> None:
        """Adapt the learning rate after an epoch; `seen` counts the rows since training began."""

    def stops(self, message: str, verbose: Any) -> bool:
        """Whether training stops, now that nothing gets better."""
        if verbose:
            print(message + " Stopping.")
        return True


class SGD(Solver):
    """Stochastic gradient descent with momentum: v <- m v - rate g; w <- w + v, or w + m v - rate g with Nesterov's."""

    def __init__(self, estimator: Any, weights: Weights) -> None:
        super().__init__(estimator, weights)
        self.schedule, self.power_t = estimator.learning_rate, estimator.power_t

    def epoch_ends(self, seen: int) -> None:
        if self.schedule == "invscaling":
            self.learning_rate = self.learning_rate_init / (seen + 1) ** self.power_t

    def stops(self, message: str, verbose: Any) -> bool:
        if self.schedule != "adaptive":
            return super().stops(message, verbose)
        if self.learning_rate <= 1e-6:
            return super().stops(message + " Learning rate too small.", verbose)
        self.learning_rate /= 5.0
        if verbose:
            print(f"{message} Setting learning rate to {self.learning_rate:f}")
        return False


class Adam(Solver):
    """Adam (Kingma & Ba 2015) with epsilon outside of the bias correction, as in scikit-learn."""

    kind = "adam"
    count = 2

    def adapted(self, beta_1: float, beta_2: float) -> None:
        """Remember the learning rate of the last step, corrections of the moments included."""
        if self.t:
            self.learning_rate = self.learning_rate_init * np.sqrt(1 - beta_2**self.t) / (1 - beta_1**self.t)


class Other(Solver):
    """An optimizer of lamina's or Optax'; `moments` holds the values of its variables."""

    kind = "other"

    def __init__(self, optimizer: Any, weights: Weights) -> None:
        import jax

        from lamina.core.variable import Variable

        self.optimizer = optimizer
        self.t = 0
        self.learning_rate = None  # it is in the optimizer
        with jax.enable_x64(weights.coefs[0].dtype == np.float64):
            optimizer.build([Variable(value) for value in weights.trained])
            self.moments = [[np.asarray(variable.value) for variable in optimizer.variables]]
