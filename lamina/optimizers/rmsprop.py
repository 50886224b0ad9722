"""RMSprop."""

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
class RMSprop(Optimizer):
    """The gradient over the root of its mean square.

    With g the gradient of x and r the learning rate:

        v <- rho v + (1 - rho) g^2                         mean of g^2
        a <- rho a + (1 - rho) g                           mean of g, if centered; else a = 0
        d  = r g / sqrt(v - a^2 + epsilon)
        x <- x - d,   or with momentum   m <- momentum m + d,   x <- x - m

    Args:
        learning_rate: r, number >= 0, or a schedule. Default 0.001.
        rho: Share of the old means, in [0, 1). Default 0.9.
        momentum: Fraction of the last step that is kept, in [0, 1]. Default 0.
        epsilon: Keeps the division finite, >= 0. Default 1e-7.
        centered: Whether to divide by the root of the variance, not of the mean square (Graves 2013). Default False.
        arguments: `weight_decay`, `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`,
            `ema_overwrite_frequency`, `loss_scale_factor`, `gradient_accumulation_steps`, `name`: see `Optimizer`.

    Raises:
        ValueError: a number outside its range.
    Source: Tieleman & Hinton 2012, Lecture 6.5 of Neural Networks for Machine Learning.

    Example:
        >>> x = Variable(jnp.array([1.0, -1.0]), name="x")
        >>> RMSprop(learning_rate=0.1, rho=0.75).apply([jnp.array([5.0, -0.01])], [x])
        >>> [round(float(v), 2) for v in x.value]  # sqrt(0.25 g^2) is half of |g|
        [0.8, -0.8]
    """

    elementwise = True

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **arguments: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **arguments)
        check_fraction("rho", rho, "RMSprop: ")
        check_number("momentum", momentum, "RMSprop", largest=1)
        check_number("epsilon", epsilon, "RMSprop")
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def build(self, variables: Sequence[Variable]) -> None:
        """Make v for each variable; the last step with `momentum`; a with `centered`."""
        if self.built:
            return
        super().build(variables)
        self._velocities = self.add_optimizer_variables(variables, "velocity")
        if self.momentum:
            self._momentums = self.add_optimizer_variables(variables, "momentum")
        if self.centered:
            self._average_gradients = self.add_optimizer_variables(variables, "average_gradient")

    def update_step(self, gradient: jax.Array, variable: Variable, learning_rate: jax.Array) -> None:
        """x <- x - r g / sqrt(v - a^2 + epsilon), or with momentum."""
        i, rho = self._get_variable_index(variable), self.rho
        v = self._velocities[i]
        v.assign(rho * v.value + (1 - rho) * jnp.square(gradient))
        spread = v.value
        if self.centered:
            a = self._average_gradients[i]
            a.assign(rho * a.value + (1 - rho) * gradient)
            spread = spread - jnp.square(a.value)
        step = learning_rate * gradient / jnp.sqrt(spread + self.epsilon)
        if self.momentum:
            m = self._momentums[i]
            m.assign(self.momentum * m.value + step)
            step = m.value
        variable.assign_sub(step)
