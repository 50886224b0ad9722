"""Adamax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import jax
import jax.numpy as jnp

from lamina.core.variable import Variable
from lamina.optimizers._checks import check_betas
from lamina.optimizers._rate import Rate
from lamina.optimizers.optimizer import Optimizer, OptimizerArguments, optimizers


@optimizers.add
class Adamax(Optimizer):
    """Adam with the largest recent gradient in the place of the root mean square.

    With g the gradient of x, r the learning rate and t = 1, 2, … the step:

        m <- m + (1 - b1) (g - m)                          mean of g
        u <- max(b2 u, |g|)
        x <- x - r / (1 - b1^t) * m / (u + epsilon)

    Args:
        learning_rate: r, number >= 0, or a schedule. Default 0.001.
        beta_1: b1, share of the old mean, in [0, 1). Default 0.9.
        beta_2: b2, how slowly the largest gradient is forgotten, in [0, 1). Default 0.999.
        epsilon: Keeps the division finite, >= 0. Default 1e-7.
        arguments: `weight_decay`, `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`,
            `ema_overwrite_frequency`, `loss_scale_factor`, `gradient_accumulation_steps`, `name`: see `Optimizer`.

    Raises:
        ValueError: a number outside its range.
    Source: Kingma & Ba 2015, Adam: A Method for Stochastic Optimization, algorithm 2.

    Example:
        >>> x = Variable(jnp.array([1.0, -1.0]), name="x")
        >>> Adamax(learning_rate=0.1).apply([jnp.array([5.0, -0.01])], [x])
        >>> print(x.value.round(4))
        [ 0.9 -0.9]
    """

    elementwise = True

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **arguments: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **arguments)
        check_betas("Adamax", beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables: Sequence[Variable]) -> None:
        """Make m and u for each variable."""
        if self.built:
            return
        super().build(variables)
        self._momentums, self._norms = self.add_optimizer_variables(variables, ["momentum", "norm"])

    def update_step(self, gradient: jax.Array, variable: Variable, learning_rate: jax.Array) -> None:
        """x <- x - r m / ((1 - b1^t) (u + epsilon))."""
        i = self._get_variable_index(variable)
        t = self._step_number(variable)
        correction = (1 - self.beta_1**t).astype(variable.dtype)
        m, u = self._momentums[i], self._norms[i]
        m.assign_add((gradient - m.value) * (1 - self.beta_1))
        u.assign(jnp.maximum(self.beta_2 * u.value, jnp.abs(gradient)))
        variable.assign_sub(learning_rate * m.value / (correction * (u.value + self.epsilon)))
