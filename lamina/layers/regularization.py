"""Layers that act in training only, against overfitting: `Dropout`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import check_fraction
from lamina.core.random import SeedGenerator, mask
from lamina.layers.base import Layer, family
from lamina.layers.shapes import Shape, is_shape


@family.add
class Dropout(Layer):
    """In training, set each element to 0 with probability `rate` and divide the rest by 1 - rate.

    Args:
        rate: Fraction in [0, 1] of elements to drop.
        noise_shape: Shape of the mask, broadcast to the input; 1 shares the mask along an axis, None takes the
            input's size.
        seed: Whole number that fixes the masks; None draws one.
    Input: any shape, float.   Output: the same shape; the input itself when not training.

    Source: Srivastava et al. 2014, inverted scaling.

    Differs from Keras: a mask is a function of (run's seed, step, layer's seed), so a resumed run draws the same ones.

    Example:
        >>> y = Dropout(0.5, seed=1)(jnp.ones((1, 1000)), training=True)
        >>> sorted(set(y[0].tolist()))
        [0.0, 2.0]
    """

    _takes_one_array = True

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate = check_fraction("rate", rate, f"Dropout {self.name!r}: ", closed=True)
        if noise_shape is not None and (not is_shape(noise_shape) or any(n is not None and n < 1 for n in noise_shape)):
            raise ValueError(
                f"Dropout {self.name!r}: noise_shape: expected sizes >= 1 or None, received {noise_shape!r}."
            )
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        self.supports_masking = True

    def check_input(self, inputs: jax.Array) -> None:
        """Raise unless noise_shape can be spread over the inputs."""
        sizes = self.noise_shape
        if sizes is None or (len(sizes) == inputs.ndim and all(map(_spreads, sizes, inputs.shape))):
            return
        raise ValueError(
            f"Dropout {self.path!r}: noise_shape {sizes} does not fit an input of shape {inputs.shape}: expected one "
            "entry for each axis, None, 1 or the axis' size."
        )

    def call(self, inputs: jax.Array, training: bool = False) -> jax.Array:
        """Return the inputs, thinned out when training."""
        if not training or self.rate == 0:
            return inputs
        if self.rate == 1:
            return jnp.zeros_like(inputs)
        sizes = self.noise_shape or (None,) * inputs.ndim
        shape = tuple(full if n is None else n for n, full in zip(sizes, inputs.shape, strict=True))
        keep = mask(self.seed_generator.next(), 1 - self.rate, shape)
        return jnp.where(keep, inputs / (1 - self.rate), 0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape


def _spreads(size: int | None, full: int) -> bool:
    return size in (None, 1, full)
