"""`AlphaDropout`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import check_fraction
from lamina.core.random import SeedGenerator, mask
from lamina.layers._same_shape import SameShape
from lamina.layers.base import family
from lamina.layers.regularization.dropout import check_noise_shape, check_spreads, full_shape

_SELU_LIMIT = -1.0507009873554805 * 1.6732632423543772  # where selu goes for x -> -infinity


@family.add
class AlphaDropout(SameShape):
    """Dropout for `selu` networks: in training, replace elements by selu's lower limit, then keep mean and variance.

    With limit s = -1.7581 and q = 1 - rate: y = a * (x where kept, else s) + b, a = (q * (1 + rate * s**2)) ** -0.5,
    b = -a * rate * s, so that inputs of mean 0 and variance 1 stay so.

    Args:
        rate: Fraction in [0, 1) of elements to replace.
        noise_shape: Shape of the mask, broadcast to the input; 1 shares the mask along an axis, None takes the
            input's size.
        seed: Whole number that fixes the masks; None draws one.
    Input: any shape, float.   Output: the same shape; the input itself when not training.

    Source: Klambauer et al. 2017, Self-Normalizing Neural Networks.

    Differs from Keras: rate=1 is refused at once (Keras divides by zero in training).

    Example:
        >>> y = AlphaDropout(0.5, seed=1)(jnp.zeros((1, 1000)), training=True)
        >>> sorted({round(v, 3) for v in y[0].tolist()})
        [-0.779, 0.779]
    """

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        where = f"AlphaDropout {self.name!r}: "
        self.rate = check_fraction("rate", rate, where)
        self.noise_shape = check_noise_shape(noise_shape, where)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)

    def check_input(self, inputs: jax.Array) -> None:
        """Raise unless noise_shape can be spread over the inputs."""
        check_spreads(self.noise_shape, inputs.shape, f"AlphaDropout {self.path!r}: ")

    def call(self, inputs: jax.Array, training: bool = False) -> jax.Array:
        """Return the inputs, partly replaced when training."""
        if not training or self.rate == 0:
            return inputs
        a = ((1 - self.rate) * (1 + self.rate * _SELU_LIMIT**2)) ** -0.5
        b = -a * self.rate * _SELU_LIMIT
        keep = mask(self.seed_generator.next(), 1 - self.rate, full_shape(self.noise_shape, inputs.shape))
        return a * jnp.where(keep, inputs, _SELU_LIMIT) + b
