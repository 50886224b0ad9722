"""FTRL."""

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
class Ftrl(Optimizer):
    """Follow the regularized leader: for shallow models of many sparse features; l1 makes weights exactly zero.

    With g the gradient of x, r the learning rate and p = -learning_rate_power:

        h  = g + 2 l2_shrinkage x
        z <- z + h - ((s + g^2)^p - s^p) / r * x
        s <- s + g^2
        x <- (clip(z, -l1, l1) - z) / (s^p / r + 2 l2 + beta / r)

    Args:
        learning_rate: r, number > 0, or a schedule. Default 0.001.
        learning_rate_power: How fast the steps shrink, <= 0. Default -0.5; 0 keeps them.
        initial_accumulator_value: s at the start, >= 0. Default 0.1.
        l1_regularization_strength: l1, >= 0. Default 0.
        l2_regularization_strength: l2, >= 0. Default 0.
        l2_shrinkage_regularization_strength: l2 penalty on the loss, not on the leader, >= 0. Default 0.
        beta: The paper's beta, >= 0. Default 0.
        arguments: `weight_decay`, `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`,
            `ema_overwrite_frequency`, `loss_scale_factor`, `gradient_accumulation_steps`, `name`: see `Optimizer`.

    Raises:
        ValueError: a number outside its range.
    Source: McMahan et al. 2013, Ad Click Prediction: a View from the Trenches, algorithm 1.

    Example:
        >>> x = Variable(jnp.array([0.0, 0.0]), name="x")
        >>> Ftrl(learning_rate=0.5, l1_regularization_strength=1.0).apply([jnp.array([3.0, 0.5])], [x])
        >>> [round(float(v), 2) for v in x.value]
        [-0.33, 0.0]
    """

    elementwise = True

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **arguments: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **arguments)
        check_number("learning_rate_power", learning_rate_power, "Ftrl", minimum=-float("inf"), largest=0)
        check_number("initial_accumulator_value", initial_accumulator_value, "Ftrl")
        check_number("l1_regularization_strength", l1_regularization_strength, "Ftrl")
        check_number("l2_regularization_strength", l2_regularization_strength, "Ftrl")
        check_number("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength, "Ftrl")
        check_number("beta", beta, "Ftrl")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def build(self, variables: Sequence[Variable]) -> None:
        """Make s and z for each variable."""
        if self.built:
            return
        super().build(variables)
        self._squares, self._linears = self.add_optimizer_variables(
            variables, ["accumulator", "linear"], [self.initial_accumulator_value, "zeros"]
        )

    def update_step(self, gradient: jax.Array, variable: Variable, learning_rate: jax.Array) -> None:
        """x <- (clip(z, -l1, l1) - z) / (s^p / r + 2 l2 + beta / r)."""
        i, r, p = self._get_variable_index(variable), learning_rate, -self.learning_rate_power
        l1, l2 = self.l1_regularization_strength, self.l2_regularization_strength + self.beta / (2 * r)
        s, z, x = self._squares[i], self._linears[i], variable.value
        new_s = s.value + jnp.square(gradient)
        h = gradient + 2 * self.l2_shrinkage_regularization_strength * x
        z.assign_add(h - (new_s**p - s.value**p) / r * x)
        variable.assign((jnp.clip(z.value, -l1, l1) - z.value) / (new_s**p / r + 2 * l2))
        s.assign(new_s)
