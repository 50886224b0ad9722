"""Adagrad."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import jax
import jax.numpy as jnp

from lamina.core.variable import Variable
from lamina.optimizers._checks import check_number
from lamina.optimizers._rate import Rate
from lamina.optimizers.optimizer import Optimizer, OptimizerArguments, optimizers


@optimizers.add
class Adagrad(Optimizer):
    """Smaller steps for what has moved much: the gradient over the root of the sum of its squares.

    With g the gradient of x and r the learning rate:

        s <- s + g^2
        x <- x - r g / sqrt(s + epsilon)

    Args:
        learning_rate: r, number >= 0, or a schedule. Default 0.001; the paper's results use 0.01 and more.
        initial_accumulator_value: s at the start, >= 0. Default 0.1.
        epsilon: Keeps the division finite, >= 0. Default 1e-7.
        arguments: `weight_decay`, `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`,
            `ema_overwrite_frequency`, `loss_scale_factor`, `gradient_accumulation_steps`, `name`: see `Optimizer`.

    Raises:
        ValueError: a number outside its range.
    Source: Duchi et al. 2011, Adaptive Subgradient Methods for Online Learning and Stochastic Optimization.

    Example:
        >>> x = Variable(jnp.array([1.0]), name="x")
        >>> Adagrad(learning_rate=0.1, initial_accumulator_value=0.0).apply([jnp.array([3.0])], [x])
        >>> print(x.value.round(4))
        [0.9]
    """

    elementwise = True

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **arguments: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **arguments)
        check_number("initial_accumulator_value", initial_accumulator_value, "Adagrad")
        check_number("epsilon", epsilon, "Adagrad")
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def build(self, variables: Sequence[Variable]) -> None:
        """Make s for each variable."""
        if self.built:
            return
        super().build(variables)
        self._accumulators_of_squares = self.add_optimizer_variables(
            variables, "accumulator", self.initial_accumulator_value
        )

    def update_step(self, gradient: jax.Array, variable: Variable, learning_rate: jax.Array) -> None:
        """x <- x - r g / sqrt(s + epsilon)."""
        s = self._accumulators_of_squares[self._get_variable_index(variable)]
        s.assign_add(jnp.square(gradient))
        variable.assign_sub(learning_rate * gradient / jnp.sqrt(s.value + self.epsilon))
