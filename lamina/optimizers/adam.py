"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import jax
import jax.numpy as jnp

from lamina.core.variable import Variable
from lamina.optimizers._checks import check_betas
from lamina.optimizers._rate import Rate
from lamina.optimizers.optimizer import CommonArguments, Optimizer, OptimizerArguments, optimizers


@optimizers.add
class Adam(Optimizer):
    """Steps of about the learning rate: the mean of the gradients over the root of their mean square.

    With g the gradient of x, r the learning rate and t = 1, 2, … the step:

        m <- m + (1 - b1) (g - m)                          mean of g
        v <- v + (1 - b2) (g^2 - v)                        mean of g^2
        alpha = r sqrt(1 - b2^t) / (1 - b1^t)              corrects the bias of m and v towards 0
        x <- x - alpha m / (sqrt(v) + epsilon)

    AMSGrad puts the largest v so far in the place of v in the last line.

    Args:
        learning_rate: r, number >= 0, or a schedule. Default 0.001.
        beta_1: b1, share of the old mean, in [0, 1). Default 0.9.
        beta_2: b2, share of the old mean square, in [0, 1). Default 0.999.
        epsilon: Keeps the division finite, >= 0. It is the paper's epsilon-hat. Default 1e-7.
        amsgrad: Whether v may not fall (Reddi et al. 2018). Default False.
        arguments: `weight_decay`, `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`,
            `ema_overwrite_frequency`, `loss_scale_factor`, `gradient_accumulation_steps`, `name`: see `Optimizer`.

    Raises:
        ValueError: a number outside its range.
    Source: Kingma & Ba 2015, Adam: A Method for Stochastic Optimization, the form before section 2.1.

    Differs from Keras: b^t is computed in float32 at least, so that 16-bit variables learn too (bfloat16 rounds 0.999
    to 1, and the step to 0).

    Example:
        >>> x = Variable(jnp.array([1.0, -1.0]), name="x")
        >>> Adam(learning_rate=0.1).apply([jnp.array([5.0, -0.01])], [x])
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
        amsgrad: bool = False,
        **arguments: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **arguments)
        check_betas(type(self).__name__, beta_1=beta_1, beta_2=beta_2, epsilon=epsilon)
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad

    def build(self, variables: Sequence[Variable]) -> None:
        """Make m and v for each variable, and the largest v with `amsgrad`."""
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])
        if self.amsgrad:
            self._velocity_hats = self.add_optimizer_variables(variables, "velocity_hat")

    def update_steps(self, gradients: Sequence[jax.Array], variables: Sequence[Variable], learning_rate: Any) -> None:
        """alpha = r sqrt(1 - b2^t) / (1 - b1^t), once for all variables, then `update_step` of each."""
        t = self._step_number(variables[0])
        alpha = learning_rate * jnp.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        super().update_steps(gradients, variables, alpha)

    def update_step(self, gradient: jax.Array, variable: Variable, alpha: jax.Array) -> None:
        """x <- x - alpha m / (sqrt(v) + epsilon); alpha is the learning rate with the bias corrected."""
        i = self._get_variable_index(variable)
        m, v = self._momentums[i], self._velocities[i]
        m.assign_add((gradient - m.value) * (1 - self.beta_1))
        v.assign_add((jnp.square(gradient) - v.value) * (1 - self.beta_2))
        if self.amsgrad:
            largest = self._velocity_hats[i]
            largest.assign(jnp.maximum(largest.value, v.value))
            v = largest
        variable.assign_sub(m.value * alpha / (jnp.sqrt(v.value) + self.epsilon))


@optimizers.add
class AdamW(Adam):
    """Adam with weight decay, apart from the gradient: x <- x - x * weight_decay * learning_rate, then Adam's step.

    Args:
        learning_rate: Number >= 0, or a schedule. Default 0.001.
        weight_decay: Fraction of a weight that a step of learning rate 1 takes away, >= 0. Default 0.004.
        beta_1: Share of the old mean, in [0, 1). Default 0.9.
        beta_2: Share of the old mean square, in [0, 1). Default 0.999.
        epsilon: Keeps the division finite, >= 0. Default 1e-7.
        amsgrad: Whether the mean square may not fall. Default False.
        arguments: `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`,
            `loss_scale_factor`, `gradient_accumulation_steps`, `name`: see `Optimizer`.

    Raises:
        ValueError: a number outside its range, or no weight decay.
    Source: Loshchilov & Hutter 2019, Decoupled Weight Decay Regularization.

    Example:
        >>> x = Variable(jnp.array([1.0]), name="x")
        >>> AdamW(learning_rate=0.1, weight_decay=0.5).apply([jnp.zeros(1)], [x])
        >>> print(x.value)
        [0.95]
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **arguments: Unpack[CommonArguments],
    ) -> None:
        if weight_decay is None:
            raise ValueError("AdamW: weight_decay: expected a number >= 0, received None. Adam is AdamW without it.")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **arguments)
