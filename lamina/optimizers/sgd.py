"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import jax

from lamina.core.variable import Variable
from lamina.optimizers._checks import check_number
from lamina.optimizers._rate import Rate
from lamina.optimizers.optimizer import Optimizer, OptimizerArguments, optimizers


@optimizers.add
class SGD(Optimizer):
    """Gradient descent, with momentum or Nesterov's if asked for.

    With g the gradient of x, r the learning rate, mu the momentum and v the velocity:

        x <- x - r g                                       mu = 0
        v <- mu v - r g,   x <- x + v                      momentum
        v <- mu v - r g,   x <- x + mu v - r g             Nesterov

    The velocity holds the learning rate: after a change of the rate, the old one fades out with the old steps.

    Args:
        learning_rate: Size of a step, number >= 0, or a schedule. Default 0.01.
        momentum: mu, fraction of the velocity that is kept, in [0, 1]. Default 0.
        nesterov: Whether to use Nesterov's momentum. Default False.
        arguments: `weight_decay`, `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`,
            `ema_overwrite_frequency`, `loss_scale_factor`, `gradient_accumulation_steps`, `name`: see `Optimizer`.

    Raises:
        ValueError: a number outside its range.
    Source: Sutskever et al. 2013, On the importance of initialization and momentum in deep learning.

    Example:
        >>> import jax.numpy as jnp
        >>> x = Variable(jnp.array([1.0]), name="x")
        >>> optimizer = SGD(learning_rate=0.1, momentum=0.9)
        >>> for _ in range(2):
        ...     optimizer.apply([jnp.ones(1)], [x])
        >>> print(x.value)  # 1 - 0.1 - (0.9 * 0.1 + 0.1)
        [0.71]
    """

    elementwise = True

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **arguments: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **arguments)
        check_number("momentum", momentum, "SGD", largest=1)
        self.momentum, self.nesterov = momentum, nesterov

    def build(self, variables: Sequence[Variable]) -> None:
        """Make a velocity for each variable, if there is momentum."""
        if self.built:
            return
        super().build(variables)
        if self.momentum:
            self._velocities = self.add_optimizer_variables(variables, "momentum")

    def update_step(self, gradient: jax.Array, variable: Variable, learning_rate: jax.Array) -> None:
        """x <- x - r g, or with the velocity."""
        step = learning_rate * gradient
        if not self.momentum:
            variable.assign_sub(step)
            return
        velocity = self._velocities[self._get_variable_index(variable)]
        velocity.assign(self.momentum * velocity.value - step)
        variable.assign_add(self.momentum * velocity.value - step if self.nesterov else velocity.value)
