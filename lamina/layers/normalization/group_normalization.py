"""`GroupNormalization`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import check_positive_int
from lamina.layers._checks import check_axis
from lamina.layers.base import family
from lamina.layers.normalization._affine import AffineNormalization
from lamina.layers.normalization._axes import check_sizes, known_sizes
from lamina.layers.shapes import Shape


@family.add
class GroupNormalization(AffineNormalization):
    """Normalise groups of channels of each sample: y = gamma * (x - mean) / sqrt(variance + epsilon) + beta.

    Mean and variance are those of a sample's group: some neighbouring channels, at all positions.

    Args:
        groups: Number of groups, which divides the number of channels; 1 puts all channels together, -1 gives each
            channel a group of its own (instance normalisation). Default 32.
        axis: Axis of the channels. Default -1.
        epsilon: Added to the variance, > 0. Default 1e-3.
        center, scale: Whether beta and gamma exist. Default True.
        beta_initializer, gamma_initializer: Initial values.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: Penalties and projections.
    Input: (batch, ..., channels), numbers.   Output: the same shape, compute dtype.
    Weights: gamma, beta, each (channels,).

    Raises:
        ValueError: groups that do not divide the channels; an axis that the input does not have, or whose size is free.

    Source: Wu & He 2018.

    Differs from Keras: groups=-1 stays -1 in the config; whole numbers give floats, where Keras cuts the outputs.

    Example:
        >>> y = GroupNormalization(groups=2, epsilon=1e-9)(jnp.array([[1.0, 3.0, 10.0, 30.0]]))
        >>> [round(float(v), 3) for v in y[0]]
        [-1.0, 1.0, -1.0, 1.0]
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        where = f"GroupNormalization {self.name!r}: "
        self.groups = -1 if groups == -1 else check_positive_int("groups", groups, where)
        self.axis = check_axis("axis", axis, where)
        self.autocast = False  # the statistics are taken in 32 bits

    def build(self, input_shape: Shape) -> None:
        """Create gamma and beta, each (channels,)."""
        self._sizes = known_sizes(self, self.axis, input_shape)
        self._check_batch_axis(input_shape)
        channels = self._sizes[0]
        if channels % self._groups_of(channels):
            fitting = [n for n in range(1, channels + 1) if channels % n == 0]
            raise ValueError(
                f"GroupNormalization {self.name!r}: groups {self.groups} does not divide the {channels} channels on "
                f"axis {self.axis} of the input shape {input_shape}. Use one of {fitting}, or -1."
            )
        self.add_gamma_and_beta(self._sizes, gamma=self.scale, beta=self.center)

    def check_input(self, inputs: jax.Array) -> None:
        """Raise unless the channels are those of the weights."""
        check_sizes(self, self.axis, self._sizes, inputs.shape)
        self._check_batch_axis(inputs.shape)

    def _check_batch_axis(self, shape: Shape) -> None:
        if self.axis % len(shape) == 0:
            raise ValueError(
                f"GroupNormalization {self.path!r}: axis {self.axis} must be an axis of channels, and is the batch "
                f"axis of an input of shape {shape}."
            )

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the normalised inputs."""
        x = inputs.astype(jnp.result_type(inputs.dtype, jnp.float32))
        centred = x - self._group_means(x)
        variance = self._group_means(jnp.square(centred))
        factor = self.times_gamma(jax.lax.rsqrt(variance + self.epsilon), self.axis)  # small: x is multiplied once
        return self.plus_beta(centred * factor, self.axis)

    def _group_means(self, x: jax.Array) -> jax.Array:
        """The mean of each sample's group, for each of its channels; size 1 on the axes of the positions."""
        positions = tuple(i for i in range(1, x.ndim) if i != self.axis % x.ndim)
        means = jnp.mean(x, positions)  # (batch, channels) first: half the time of reducing x in groups
        rows, channels = means.shape
        groups = means.reshape(rows, self._groups_of(channels), channels // self._groups_of(channels))
        spread = jnp.broadcast_to(jnp.mean(groups, -1, keepdims=True), groups.shape)
        return jnp.expand_dims(spread.reshape(rows, channels), positions)

    def _groups_of(self, channels: int) -> int:
        return channels if self.groups == -1 else self.groups
