"""Adafactor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import jax
import jax.numpy as jnp

from lamina.core.variable import Variable
from lamina.optimizers._checks import check_number
from lamina.optimizers._rate import Rate
from lamina.optimizers.optimizer import Optimizer, OptimizerArguments, optimizers


def _root_mean_square(x: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.mean(jnp.square(x)))


@optimizers.add
class Adafactor(Optimizer):
    """The gradient over the root of its mean square, which a matrix keeps as the product of a row and a column.

    With g the gradient of x, t = 1, 2, … the step, b = 1 - t^beta_2_decay, rms the root mean square and, for matrices,
    mean_c and mean_r the means along rows and columns:

        r <- b r + (1 - b) mean_c(g^2 + epsilon_1)         a number for each row
        c <- b c + (1 - b) mean_r(g^2 + epsilon_1)         a number for each column
        v  = r c / mean(r)                                 vectors: v <- b v + (1 - b) (g^2 + epsilon_1)
        u  = g / sqrt(v)
        x <- x - max(epsilon_2, rms(x)) min(learning_rate, 1 / sqrt(t)) u / max(1, rms(u) / clip_threshold)

    Args:
        learning_rate: Largest relative step, number >= 0, or a schedule. Default 0.001.
        beta_2_decay: How fast the means get longer, <= 0. Default -0.8.
        epsilon_1: Keeps the division finite, >= 0. Default 1e-30.
        epsilon_2: Smallest scale of a variable, >= 0. Default 0.001.
        clip_threshold: Largest root mean square of u, > 0. Default 1.
        relative_step: Kept for Keras' files: as there, steps are at most 1 / sqrt(t) either way.
        arguments: `weight_decay`, `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`,
            `ema_overwrite_frequency`, `loss_scale_factor`, `gradient_accumulation_steps`, `name`: see `Optimizer`.

    Raises:
        ValueError: a number outside its range.
    Source: Shazeer & Stern 2018, Adafactor: Adaptive Learning Rates with Sublinear Memory Cost, algorithms 4 and 5.

    Example:
        >>> x = Variable(jnp.array([[2.0, -2.0]]), name="x")
        >>> Adafactor(learning_rate=0.1).apply([jnp.array([[5.0, -0.01]])], [x])
        >>> print(x.value)
        [[ 1.8 -1.8]]
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **arguments: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **arguments)
        check_number("beta_2_decay", beta_2_decay, "Adafactor", minimum=-float("inf"), largest=0)
        check_number("epsilon_1", epsilon_1, "Adafactor")
        check_number("epsilon_2", epsilon_2, "Adafactor")
        check_number("clip_threshold", clip_threshold, "Adafactor", above=True)
        self.beta_2_decay, self.epsilon_1, self.epsilon_2 = beta_2_decay, epsilon_1, epsilon_2
        self.clip_threshold, self.relative_step = clip_threshold, relative_step

    def build(self, variables: Sequence[Variable]) -> None:
        """Make r, c and v for each variable; a vector's r and c are scalars without use, kept for Keras' files."""
        if self.built:
            return
        super().build(variables)
        self._rows, self._columns, self._velocities = [], [], []
        for x in variables:
            matrix = len(x.shape) >= 2
            row, column = (x.shape[:-1], (*x.shape[:-2], x.shape[-1])) if matrix else ((), ())
            dtype = x.dtype if matrix else "int32"
            self._rows.append(self.add_variable(row, dtype=dtype, name=x.name))
            self._columns.append(self.add_variable(column, dtype=dtype, name=x.name))
            self._velocities.append(self.add_variable_from_reference(x, "velocity"))

    def update_step(self, gradient: jax.Array, variable: Variable, learning_rate: jax.Array) -> None:
        """x <- x - alpha u / max(1, rms(u) / clip_threshold)."""
        i, x = self._get_variable_index(variable), variable.value
        r, c, v = self._rows[i], self._columns[i], self._velocities[i]
        t = self._step_number(variable)
        b = (1 - t**self.beta_2_decay).astype(x.dtype)
        square = jnp.square(gradient) + self.epsilon_1
        if x.ndim >= 2:
            r.assign(b * r.value + (1 - b) * jnp.mean(square, axis=-1))
            c.assign(b * c.value + (1 - b) * jnp.mean(square, axis=-2))
            row = r.value / jnp.mean(r.value, axis=-1, keepdims=True)
            v.assign(row[..., :, None] * c.value[..., None, :])
        else:
            v.assign(b * v.value + (1 - b) * square)
        u = gradient / jnp.sqrt(v.value)
        rate = jnp.minimum(learning_rate, (1 / jnp.sqrt(t)).astype(x.dtype))
        alpha = jnp.maximum(self.epsilon_2, _root_mean_square(x)) * rate
        variable.assign_sub(alpha * u / jnp.maximum(1, _root_mean_square(u) / self.clip_threshold))
