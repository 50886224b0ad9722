"""Adadelta."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import jax
import jax.numpy as jnp

from lamina.core.errors import check_fraction
from lamina.core.variable import Variable
from lamina.optimizers._checks import check_number
from lamina.optimizers._rate import Rate
from lamina.optimizers.optimizer import Optimizer, OptimizerArguments, optimizers


@optimizers.add
class Adadelta(Optimizer):
    """Steps in the unit of the weights: the gradient times the root mean square of the last steps over its own.

    With g the gradient of x and r the learning rate (1 in the paper):

        G <- rho G + (1 - rho) g^2                         mean of g^2
        d  = -sqrt(D + epsilon) / sqrt(G + epsilon) g
        D <- rho D + (1 - rho) d^2                         mean of d^2
        x <- x + r d

    Args:
        learning_rate: r, number >= 0, or a schedule. Default 0.001; 1 is the paper.
        rho: Share of the old means, in [0, 1). Default 0.95.
        epsilon: Starts the steps and keeps the division finite, >= 0. Default 1e-7.
        arguments: `weight_decay`, `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`,
            `ema_overwrite_frequency`, `loss_scale_factor`, `gradient_accumulation_steps`, `name`: see `Optimizer`.

    Raises:
        ValueError: a number outside its range.
    Source: Zeiler 2012, ADADELTA: An Adaptive Learning Rate Method, algorithm 1.

    Example:
        >>> x = Variable(jnp.array([1.0]), name="x")
        >>> Adadelta(learning_rate=1.0, rho=0.75, epsilon=0.01).apply([jnp.array([1.0])], [x])
        >>> print(x.value.round(4))  # 1 - 0.1 / sqrt(0.26)
        [0.8039]
    """

    elementwise = True

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **arguments: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **arguments)
        check_fraction("rho", rho, "Adadelta: ")
        check_number("epsilon", epsilon, "Adadelta")
        self.rho, self.epsilon = rho, epsilon

    def build(self, variables: Sequence[Variable]) -> None:
        """Make G and D for each variable."""
        if self.built:
            return
        super().build(variables)
        self._mean_squares, self._mean_square_steps = self.add_optimizer_variables(
            variables, ["accumulated_grad", "accumulated_delta_var"]
        )

    def update_step(self, gradient: jax.Array, variable: Variable, learning_rate: jax.Array) -> None:
        """x <- x - r sqrt(D + epsilon) / sqrt(G + epsilon) g."""
        i, rho = self._get_variable_index(variable), self.rho
        G, D = self._mean_squares[i], self._mean_square_steps[i]
        G.assign(rho * G.value + (1 - rho) * jnp.square(gradient))
        d = -jnp.sqrt(D.value + self.epsilon) * gradient / jnp.sqrt(G.value + self.epsilon)
        D.assign(rho * D.value + (1 - rho) * jnp.square(d))
        variable.assign_add(learning_rate * d)
