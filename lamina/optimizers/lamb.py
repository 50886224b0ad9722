"""LAMB."""

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
class Lamb(Optimizer):
    """Adam for large batches: the step of each variable has the learning rate times the variable's own norm.

    With g the gradient of x, r the learning rate and t = 1, 2, … the step:

        m <- m + (1 - b1) (g - m)                          mean of g
        v <- v + (1 - b2) (g^2 - v)                        mean of g^2
        u  = m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + epsilon)
        x <- x - r |x| / |u| * u                           1 in the place of |x| / |u| when one of them is 0

    Args:
        learning_rate: r, number >= 0, or a schedule. Default 0.001.
        beta_1: b1, share of the old mean, in [0, 1). Default 0.9.
        beta_2: b2, share of the old mean square, in [0, 1). Default 0.999.
        epsilon: Keeps the division finite, >= 0. Default 1e-7.
        arguments: `weight_decay`, `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`,
            `ema_overwrite_frequency`, `loss_scale_factor`, `gradient_accumulation_steps`, `name`: see `Optimizer`.

    Raises:
        ValueError: a number outside its range.
    Source: You et al. 2020, Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, algorithm 2.

    Example:
        >>> x = Variable(jnp.array([3.0, 4.0]), name="x")
        >>> Lamb(learning_rate=0.1).apply([jnp.array([1.0, 0.0])], [x])
        >>> print(x.value.round(4))  # the norm of x is 5
        [2.5 4. ]
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **arguments: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **arguments)
        check_betas("Lamb", beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables: Sequence[Variable]) -> None:
        """Make m and v for each variable."""
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])

    def update_step(self, gradient: jax.Array, variable: Variable, learning_rate: jax.Array) -> None:
        """x <- x - r |x| / |u| * u."""
        i, x = self._get_variable_index(variable), variable.value
        t = self._step_number(variable)
        m, v = self._momentums[i], self._velocities[i]
        m.assign_add((gradient - m.value) * (1 - self.beta_1))
        v.assign_add((jnp.square(gradient) - v.value) * (1 - self.beta_2))
        mean = m.value / (1 - self.beta_1**t).astype(x.dtype)
        mean_square = v.value / (1 - self.beta_2**t).astype(x.dtype)
        u = mean / (jnp.sqrt(mean_square) + self.epsilon)
        x_norm, u_norm = jnp.sqrt(jnp.sum(jnp.square(x))), jnp.sqrt(jnp.sum(jnp.square(u)))
        ratio = jnp.where((x_norm > 0) & (u_norm > 0), x_norm / u_norm, 1)
        variable.assign_sub(ratio * learning_rate * u)
