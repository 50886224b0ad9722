"""`RMSNormalization`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.layers._checks import check_axes, check_number
from lamina.layers._same_shape import SameShape
from lamina.layers.base import family
from lamina.layers.normalization._axes import check_sizes, known_sizes, spread, weight_axes
from lamina.layers.shapes import Shape


@family.add
class RMSNormalization(SameShape):
    """Divide by the root mean square over some axes: y = scale * x / sqrt(mean(x**2) + epsilon).

    Args:
        axis: Axis, or list of axes, over which the mean is taken. Default -1.
        epsilon: Added to the mean square, > 0. Default 1e-6.
    Input: (batch, ...), numbers.   Output: the same shape, compute dtype.
    Weights: scale, of the sizes of the axes.

    Raises:
        ValueError: an axis that the input does not have, or whose size is free; inputs of other sizes later on.

    Source: Zhang & Sennrich 2019.

    Differs from Keras: masks pass through (Keras drops them, with a warning); whole numbers give floats.

    Example:
        >>> y = RMSNormalization()(jnp.array([[1.0, 7.0]]))
        >>> [round(float(v), 3) for v in y[0]]
        [0.2, 1.4]
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        where = f"RMSNormalization {self.name!r}: "
        self.axis = check_axes("axis", axis, where)
        self.epsilon = float(check_number("epsilon", epsilon, where, above=0))

    def build(self, input_shape: Shape) -> None:
        """Create scale, of the sizes of the axes."""
        self._sizes = known_sizes(self, self.axis, input_shape)
        self.scale = self.add_weight(self._sizes, "ones", name="scale")

    def check_input(self, inputs: jax.Array) -> None:
        """Raise unless the axes have the sizes of scale."""
        check_sizes(self, self.axis, self._sizes, inputs.shape)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the normalised inputs."""
        x = inputs.astype(jnp.result_type(inputs.dtype, jnp.float32))
        square = jnp.mean(jnp.square(x), tuple(weight_axes(self.axis)), keepdims=True)
        normalised = x * jax.lax.rsqrt(square + self.epsilon) * spread(self.scale, self.axis, x.ndim)
        return normalised.astype(self.compute_dtype)
