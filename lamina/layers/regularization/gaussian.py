"""Normal noise: `GaussianNoise`, `GaussianDropout`."""

from __future__ import annotations

import math
from typing import Any

import jax

from lamina.core.errors import check_fraction
from lamina.core.random import SeedGenerator, normal
from lamina.layers._checks import check_number
from lamina.layers._same_shape import SameShape
from lamina.layers.base import family


@family.add
class GaussianNoise(SameShape):
    """In training, add normal noise: y = x + stddev * z, z of mean 0 and variance 1, drawn for each element.

    Args:
        stddev: Standard deviation of the noise, >= 0, in the unit of the inputs.
        seed: Whole number that fixes the noise; None draws one.
    Input: any shape, float.   Output: the same shape; the input itself when not training.

    Source: Bishop 1995, Training with Noise is Equivalent to Tikhonov Regularization.

    Differs from Keras: stddev may be above 1.

    Example:
        >>> import jax.numpy as jnp
        >>> y = GaussianNoise(0.5, seed=1)(jnp.zeros((1, 100_000)), training=True)
        >>> round(float(y.std()), 2)
        0.5
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = check_number("stddev", stddev, f"GaussianNoise {self.name!r}: ", minimum=0)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)

    def call(self, inputs: jax.Array, training: bool = False) -> jax.Array:
        """Return the inputs, with noise when training."""
        if not training or self.stddev == 0:
            return inputs
        noise = self.stddev * normal(self.seed_generator.next(), inputs.shape)
        return (inputs + noise).astype(self.compute_dtype)


@family.add
class GaussianDropout(SameShape):
    """In training, multiply by normal noise: y = x * (1 + sqrt(rate / (1 - rate)) * z), drawn for each element.

    z has mean 0 and variance 1, so that y has the mean and variance that `Dropout(rate)` gives.

    Args:
        rate: Fraction in [0, 1), as for `Dropout`.
        seed: Whole number that fixes the noise; None draws one.
    Input: any shape, float.   Output: the same shape; the input itself when not training.

    Source: Srivastava et al. 2014, section 10.

    Differs from Keras: rate=1 is refused at once (Keras divides by zero in training).

    Example:
        >>> import jax.numpy as jnp
        >>> y = GaussianDropout(0.5, seed=1)(jnp.full((1, 100_000), 3.0), training=True)
        >>> round(float(y.mean())), round(float(y.std()))
        (3, 3)
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = check_fraction("rate", rate, f"GaussianDropout {self.name!r}: ")
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)

    def call(self, inputs: jax.Array, training: bool = False) -> jax.Array:
        """Return the inputs, with noise when training."""
        if not training or self.rate == 0:
            return inputs
        noise = math.sqrt(self.rate / (1 - self.rate)) * normal(self.seed_generator.next(), inputs.shape)
        return (inputs * (1 + noise)).astype(self.compute_dtype)
