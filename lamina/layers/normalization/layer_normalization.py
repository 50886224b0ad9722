"""`LayerNormalization`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import warn_user
from lamina.layers._checks import check_axes
from lamina.layers.base import family
from lamina.layers.normalization._affine import AffineNormalization
from lamina.layers.normalization._axes import check_sizes, known_sizes, weight_axes
from lamina.layers.shapes import Shape


@family.add
class LayerNormalization(AffineNormalization):
    """Normalise each sample over its features: y = gamma * (x - mean) / sqrt(variance + epsilon) + beta.

    Mean and variance are those of the axes, for each entry of the other axes alone: nothing depends on the batch.

    Args:
        axis: Axis, or list of axes, over which the statistics are taken. Default -1.
        epsilon: Added to the variance, > 0. Default 1e-3.
        center, scale: Whether beta and gamma exist. Default True.
        beta_initializer, gamma_initializer: Initial values.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: Penalties and projections.
        rms_scaling: Deprecated in Keras, for old files: y = gamma * x / sqrt(variance + epsilon), without beta.
    Input: (batch, ...), numbers.   Output: the same shape, compute dtype.
    Weights: gamma, beta, each of the sizes of the axes.

    Raises:
        ValueError: an axis that the input does not have, or whose size is free; inputs of other sizes later on.

    Source: Ba, Kiros & Hinton 2016.

    Differs from Keras: whole numbers give floats, where Keras cuts the outputs to whole numbers.

    Example:
        >>> y = LayerNormalization(epsilon=1e-9)(jnp.array([[1.0, 3.0], [10.0, 30.0]]))
        >>> [[round(float(v), 3) for v in row] for row in y]
        [[-1.0, 1.0], [-1.0, 1.0]]
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
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
        rms_scaling = kwargs.pop("rms_scaling", False)
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
        self.axis = check_axes("axis", axis, f"LayerNormalization {self.name!r}: ")
        self.autocast = False  # the statistics are taken in 32 bits
        self.rms_scaling = rms_scaling
        if rms_scaling:
            warn_user(
                f"LayerNormalization {self.name!r}: rms_scaling divides by the standard deviation, not by the root "
                "mean square. Use RMSNormalization for that."
            )

    def build(self, input_shape: Shape) -> None:
        """Create gamma and beta, of the sizes of the axes."""
        self._sizes = known_sizes(self, self.axis, input_shape)
        self.add_gamma_and_beta(
            self._sizes, gamma=self.scale or self.rms_scaling, beta=self.center and not self.rms_scaling
        )

    def check_input(self, inputs: jax.Array) -> None:
        """Raise unless the axes have the sizes of the weights."""
        check_sizes(self, self.axis, self._sizes, inputs.shape)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the normalised inputs."""
        x = inputs.astype(jnp.result_type(inputs.dtype, jnp.float32))
        axes = tuple(weight_axes(self.axis))
        centred = x - jnp.mean(x, axes, keepdims=True)  # used twice: half the time of x * a + b in a compiled loop
        variance = jnp.mean(jnp.square(centred), axes, keepdims=True)
        normalised = (x if self.rms_scaling else centred) * jax.lax.rsqrt(variance + self.epsilon)
        return self.plus_beta(self.times_gamma(normalised, self.axis), self.axis)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, Keras' hidden one included."""
        return super().get_config() | {"rms_scaling": self.rms_scaling}
