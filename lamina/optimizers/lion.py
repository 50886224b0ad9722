"""Lion."""

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
class Lion(Optimizer):
    """Steps of exactly the learning rate: the sign of a mean of gradients.

    With g the gradient of x and r the learning rate:

        x <- x - r sign(b1 m + (1 - b1) g)
        m <- b2 m + (1 - b2) g                             mean of g

    Args:
        learning_rate: r, number >= 0, or a schedule. Default 0.001; Lion wants 3 to 10 times less than Adam.
        beta_1: b1, share of the mean in the step, in (0, 1]. Default 0.9.
        beta_2: b2, share of the old mean in the new, in [0, 1]. Default 0.99.
        arguments: `weight_decay`, `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`,
            `ema_overwrite_frequency`, `loss_scale_factor`, `gradient_accumulation_steps`, `name`: see `Optimizer`.

    Raises:
        ValueError: a number outside its range.
    Source: Chen et al. 2023, Symbolic Discovery of Optimization Algorithms.

    Example:
        >>> x = Variable(jnp.array([1.0, -1.0]), name="x")
        >>> Lion(learning_rate=0.1).apply([jnp.array([5.0, -0.01])], [x])
        >>> print(x.value)
        [ 0.9 -0.9]
    """

    elementwise = True

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **arguments: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **arguments)
        check_number("beta_1", beta_1, "Lion", above=True, largest=1)
        check_number("beta_2", beta_2, "Lion", largest=1)
        self.beta_1, self.beta_2 = beta_1, beta_2

    def build(self, variables: Sequence[Variable]) -> None:
        """Make m for each variable."""
        if self.built:
            return
        super().build(variables)
        self._momentums = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: jax.Array, variable: Variable, learning_rate: jax.Array) -> None:
        """x <- x - r sign(b1 m + (1 - b1) g), then the mean."""
        m = self._momentums[self._get_variable_index(variable)]
        variable.assign_sub(learning_rate * jnp.sign(self.beta_1 * m.value + (1 - self.beta_1) * gradient))
        m.assign(self.beta_2 * m.value + (1 - self.beta_2) * gradient)
