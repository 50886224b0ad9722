"""Nadam."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from lamina.core.variable import Variable
from lamina.optimizers._checks import check_betas
from lamina.optimizers._rate import Rate
from lamina.optimizers.optimizer import Optimizer, OptimizerArguments, optimizers


@optimizers.add
class Nadam(Optimizer):
    """Adam with Nesterov's momentum.

    With g the gradient of x, r the learning rate, t = 1, 2, … the step, mu_t = b1 (1 - 0.96^t / 2) and M_t the product
    mu_1 … mu_t:

        m <- m + (1 - b1) (g - m)                          mean of g
        v <- v + (1 - b2) (g^2 - v)                        mean of g^2
        n  = mu_(t+1) m / (1 - M_(t+1)) + (1 - mu_t) g / (1 - M_t)
        x <- x - r n / (sqrt(v / (1 - b2^t)) + epsilon)

    Args:
        learning_rate: r, number >= 0, or a schedule. Default 0.001.
        beta_1: b1, share of the old mean, in [0, 1). Default 0.9.
        beta_2: b2, share of the old mean square, in [0, 1). Default 0.999.
        epsilon: Keeps the division finite, >= 0. Default 1e-7.
        arguments: `weight_decay`, `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`,
            `ema_overwrite_frequency`, `loss_scale_factor`, `gradient_accumulation_steps`, `name`: see `Optimizer`.

    Raises:
        ValueError: a number outside its range.
    Source: Dozat 2016, Incorporating Nesterov Momentum into Adam.

    Example:
        >>> x = Variable(jnp.array([1.0, -1.0]), name="x")
        >>> Nadam(learning_rate=0.1).apply([jnp.array([5.0, -0.01])], [x])
        >>> bool((jnp.abs(x.value) < 0.9).all())  # further than Adam, which stops at 0.9
        True
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
        check_betas("Nadam", beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, variables: Sequence[Variable]) -> None:
        """Make m and v for each variable, and M."""
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
        wide = any(v.dtype == "float64" for v in variables)
        self._product = self.add_variable((), 1.0, "float64" if wide else "float32", name="u_product")

    def _mu(self, t: jax.Array) -> jax.Array:
        return self.beta_1 * (1 - 0.5 * 0.96**t)

    def update_steps(self, gradients: Sequence[jax.Array], variables: Sequence[Variable], learning_rate: Any) -> None:
        """M <- M mu_t, once a step, then `update_step` of each variable."""
        self._product.assign(self._product.value * self._mu(self._step_number(self._product)))
        super().update_steps(gradients, variables, learning_rate)

    def update_step(self, gradient: jax.Array, variable: Variable, learning_rate: jax.Array) -> None:
        """x <- x - r n / (sqrt(v / (1 - b2^t)) + epsilon)."""
        i, dtype = self._get_variable_index(variable), variable.dtype
        t = self._step_number(variable)
        product, mu, next_mu = self._product.value, self._mu(t), self._mu(t + 1)
        m, v = self._momentums[i], self._velocities[i]
        # Rounded to 32 bits before they are taken from 1, as in Keras.
        b1, b2 = jnp.asarray(self.beta_1, t.dtype), jnp.asarray(self.beta_2, t.dtype)
        m.assign_add((gradient - m.value) * (1 - b1).astype(dtype))
        v.assign_add((jnp.square(gradient) - v.value) * (1 - b2).astype(dtype))
        of_mean = (next_mu / (1 - product * next_mu)).astype(dtype)
        of_gradient = ((1 - mu) / (1 - product)).astype(dtype)
        n = of_mean * m.value + of_gradient * gradient
        mean_square = v.value / (1 - b2**t).astype(dtype)
        variable.assign_sub(learning_rate * n / (jnp.sqrt(mean_square) + self.epsilon))
