"""Muon."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Unpack

import jax
import jax.numpy as jnp

from lamina.core.errors import check_positive_int
from lamina.core.variable import Variable
from lamina.optimizers._checks import check_betas, check_number
from lamina.optimizers._rate import Rate
from lamina.optimizers.optimizer import CommonArguments, Optimizer, optimizers


@optimizers.add
class Muon(Optimizer):
    """Momentum whose step is made orthogonal, for matrices; AdamW for everything else.

    With g the gradient of a matrix x, r the learning rate and mu the momentum:

        m <- mu m + g
        u  = orthogonal(g + mu m)                          orthogonal(m) without Nesterov
        x <- x - r u * rms_rate sqrt(max(rows, columns))

    orthogonal(u) starts from u / |u| and repeats `ns_steps` times, with A = u u^T: u <- a u + (b A + c A A) u, which
    drives all singular values towards 1.

    Args:
        learning_rate: r, number >= 0, or a schedule. Default 0.001.
        adam_beta_1: Adam's share of the old mean, in [0, 1). Default 0.9.
        adam_beta_2: Adam's share of the old mean square, in [0, 1). Default 0.999.
        adam_weight_decay: Weight decay of the variables that Adam updates, >= 0, or None. Default 0.004.
        epsilon: Adam's epsilon, >= 0. Default 1e-7.
        weight_decay: Weight decay of the matrices, >= 0, or None. Default 0.004.
        exclude_layers: Regular expressions; a variable whose path one is found in goes to Adam.
        exclude_embeddings: Whether variables with "embedding" in their path go to Adam. Default True.
        muon_a: a, default 3.4445. muon_b: b, default -4.775. muon_c: c, default 2.0315.
        adam_lr_ratio: Adam's learning rate over r, >= 0. Default 1.
        momentum: mu, in [0, 1]. Default 0.95.
        ns_steps: Repetitions, int >= 1. Default 5.
        nesterov: Whether the step looks ahead. Default True.
        rms_rate: Root mean square of u after scaling, > 0; None does not scale. Default 0.2, about Adam's.
        arguments: `clipnorm`, `clipvalue`, `global_clipnorm`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`,
            `loss_scale_factor`, `gradient_accumulation_steps`, `name`: see `Optimizer`.

    Raises:
        ValueError: a number outside its range.
    Source: Jordan et al. 2024, Muon: An optimizer for hidden layers in neural networks; for the scale, Liu et al. 2025,
        Muon is Scalable for LLM Training.

    Example:
        >>> x = Variable(jnp.zeros((2, 2)), name="x")
        >>> Muon(learning_rate=0.1, rms_rate=None).apply([jnp.diag(jnp.array([3.0, 1.0]))], [x])
        >>> bool((-jnp.diag(x.value) > 0.05).all())  # both directions go about as far
        True
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **arguments: Unpack[CommonArguments],
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **arguments)
        check_betas("Muon", beta_1=adam_beta_1, beta_2=adam_beta_2, epsilon=epsilon)
        check_number("adam_lr_ratio", adam_lr_ratio, "Muon")
        check_number("momentum", momentum, "Muon", largest=1)
        check_positive_int("ns_steps", ns_steps, "Muon: ")
        self.adam_beta_1, self.adam_beta_2, self.epsilon = adam_beta_1, adam_beta_2, epsilon
        self.adam_weight_decay, self.adam_lr_ratio = adam_weight_decay, adam_lr_ratio
        self.exclude_layers, self.exclude_embeddings = list(exclude_layers or []), exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.momentum, self.ns_steps, self.nesterov, self.rms_rate = momentum, ns_steps, nesterov, rms_rate

    def build(self, variables: Sequence[Variable]) -> None:
        """Make m for each variable, and v for those that Adam updates."""
        if self.built:
            return
        super().build(variables)
        self._momentums, self._velocities = [], []
        for x in variables:
            self._momentums.append(self.add_variable_from_reference(x, "momentum"))
            self._velocities.append(self.add_variable_from_reference(x, "velocity") if self._is_adams(x) else None)

    def _is_adams(self, variable: Variable) -> bool:
        embedding = self.exclude_embeddings and "embedding" in variable.path.lower()
        return variable.ndim != 2 or embedding or any(re.search(p, variable.path) for p in self.exclude_layers)

    def _weight_decay_of(self, variable: Variable) -> float | None:
        if super()._weight_decay_of(variable) is None and self.weight_decay is not None:
            return None  # excluded
        return self.adam_weight_decay if self._is_adams(variable) else self.weight_decay

    def update_step(self, gradient: jax.Array, variable: Variable, learning_rate: jax.Array) -> None:
        """x <- x - r orthogonal(g + mu m) * scale, or Adam's step."""
        i = self._get_variable_index(variable)
        m, v = self._momentums[i], self._velocities[i]
        if v is not None:
            self._adam_step(gradient, variable, learning_rate * self.adam_lr_ratio, m, v)
            return
        m.assign(self.momentum * m.value + gradient)
        u = self._orthogonal(gradient + self.momentum * m.value if self.nesterov else m.value)
        scale = 1 if self.rms_rate is None else self.rms_rate * math.sqrt(max(variable.shape))
        variable.assign_sub(learning_rate * u * scale)

    def _orthogonal(self, u: jax.Array) -> jax.Array:
        """The matrix of u's singular vectors with singular values near 1, by a quintic Newton-Schulz iteration."""
        tall = u.shape[0] > u.shape[1]
        u = u.T if tall else u  # A is then the smaller of the two products
        u = u / (jnp.linalg.norm(u) + 1e-7)
        for _ in range(self.ns_steps):
            A = u @ u.T
            u = self.muon_a * u + (self.muon_b * A + self.muon_c * A @ A) @ u
        return u.T if tall else u

    def _adam_step(self, g: jax.Array, variable: Variable, rate: jax.Array, m: Variable, v: Variable) -> None:
        t = self._step_number(variable)
        alpha = rate * jnp.sqrt(1 - self.adam_beta_2**t) / (1 - self.adam_beta_1**t)
        m.assign_add((g - m.value) * (1 - self.adam_beta_1))
        v.assign_add((jnp.square(g) - v.value) * (1 - self.adam_beta_2))
        variable.assign_sub(m.value * alpha.astype(variable.dtype) / (jnp.sqrt(v.value) + self.epsilon))
