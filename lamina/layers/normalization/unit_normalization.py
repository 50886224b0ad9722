"""`UnitNormalization`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.layers._checks import check_axes, check_axes_exist
from lamina.layers._same_shape import SameShape
from lamina.layers.base import family
from lamina.layers.normalization._axes import weight_axes


@family.add
class UnitNormalization(SameShape):
    """Scale to length one over some axes: y = x / max(sqrt(sum(x**2)), 1e-12). Zeros stay zeros.

    Args:
        axis: Axis, or list of axes, over which the length is taken. Default -1.
    Input: any shape with these axes, numbers.   Output: the same shape, compute dtype.

    Raises:
        ValueError: an axis that the input does not have.

    Differs from Keras: finite gradients at zeros (Keras gives NaN), and lengths in 32 bits, so that squares of
    float16 do not overflow.

    Example:
        >>> y = UnitNormalization()(jnp.array([[3.0, 4.0], [0.0, 0.0]]))
        >>> [[round(float(v), 3) for v in row] for row in y]
        [[0.6, 0.8], [0.0, 0.0]]
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = check_axes("axis", axis, f"UnitNormalization {self.name!r}: ")

    def check_input(self, inputs: jax.Array) -> None:
        """Raise unless the inputs have the axes."""
        check_axes_exist(self.axis, inputs.shape, f"UnitNormalization {self.path!r}: ")

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the inputs, each of length one."""
        x = inputs.astype(jnp.result_type(inputs.dtype, jnp.float32))
        square = jnp.sum(jnp.square(x), tuple(weight_axes(self.axis)), keepdims=True)
        return (x * jax.lax.rsqrt(jnp.maximum(square, 1e-24))).astype(self.compute_dtype)
