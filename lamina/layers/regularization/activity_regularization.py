"""`ActivityRegularization`."""

from __future__ import annotations

from typing import Any

import jax

from lamina import regularizers
from lamina.layers._same_shape import SameShape
from lamina.layers.base import family


@family.add
class ActivityRegularization(SameShape):
    """Return the input, and add a penalty of it to the loss: the mean over samples of l1 * sum(|x|) + l2 * sum(x**2).

    Args:
        l1, l2: Factors of sizes and squares, >= 0. Default 0.
    Input: any shape, float.   Output: the same.

    Raises:
        ValueError: a negative factor.

    Example:
        >>> import jax.numpy as jnp
        >>> layer = ActivityRegularization(l1=0.5)
        >>> y = layer(jnp.array([[1.0, -3.0], [0.0, 4.0]]))
        >>> float(layer.losses[0])
        2.0
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1, self.l2 = l1, l2

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the inputs."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; the regularizer is made of them."""
        return {key: value for key, value in super().get_config().items() if key != "activity_regularizer"}
