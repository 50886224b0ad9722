"""The base of normalisations that end in a learned scale and shift: y = gamma * normalised + beta."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from lamina import constraints, initializers, regularizers
from lamina.core.variable import Variable
from lamina.layers._checks import check_number
from lamina.layers._same_shape import SameShape
from lamina.layers.normalization._axes import spread


class AffineNormalization(SameShape):
    """A layer of the same shape with gamma and beta; subclasses give the statistics.

    Args:
        epsilon: Added to the variance, > 0.
        center, scale: Whether beta and gamma exist.
        beta_initializer, gamma_initializer: Initial values.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: Penalties and projections.
    """

    def __init__(
        self,
        *,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: Any,
        gamma_initializer: Any,
        beta_regularizer: Any,
        gamma_regularizer: Any,
        beta_constraint: Any,
        gamma_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        where = f"{type(self).__name__} {self.name!r}: "
        self.epsilon = float(check_number("epsilon", epsilon, where, above=0))
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def add_gamma_and_beta(self, shape: tuple[int, ...], *, gamma: bool, beta: bool) -> None:
        """Create the weights that are asked for."""
        if gamma:
            self.gamma = self.add_weight(
                shape,
                self.gamma_initializer,
                autocast=False,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                name="gamma",
            )
        if beta:
            self.beta = self.add_weight(
                shape,
                self.beta_initializer,
                autocast=False,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                name="beta",
            )

    def times_gamma(self, x: jax.Array, axis: int | Sequence[int]) -> jax.Array:
        """Return gamma * x, gamma along the axes; x where there is no gamma."""
        return x if self.gamma is None else x * spread(self.gamma, axis, x.ndim)

    def plus_beta(self, x: jax.Array, axis: int | Sequence[int]) -> jax.Array:
        """Return x + beta, beta along the axes, in the compute dtype."""
        y = x if self.beta is None else x + spread(self.beta, axis, x.ndim)
        return y.astype(self.compute_dtype)
