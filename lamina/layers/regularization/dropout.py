"""`Dropout`, and what its relatives share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import check_fraction
from lamina.core.random import SeedGenerator, mask
from lamina.layers._same_shape import SameShape
from lamina.layers.base import family
from lamina.layers.shapes import Shape, is_shape


@family.add
class Dropout(SameShape):
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

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        where = f"Dropout {self.name!r}: "
        self.rate = check_fraction("rate", rate, where, closed=True)
        self.noise_shape = check_noise_shape(noise_shape, where)
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)

    def check_input(self, inputs: jax.Array) -> None:
        """Raise unless noise_shape can be spread over the inputs."""
        check_spreads(self.noise_shape, inputs.shape, f"Dropout {self.path!r}: ")

    def call(self, inputs: jax.Array, training: bool = False) -> jax.Array:
        """Return the inputs, thinned out when training."""
        if not training or self.rate == 0:
            return inputs
        return thin_out(inputs, self.rate, full_shape(self.noise_shape, inputs.shape), self.seed_generator)


def thin_out(inputs: jax.Array, rate: float, shape: tuple[int, ...], seeds: SeedGenerator) -> jax.Array:
    """Dropout with a mask of this shape, of a rate above 0."""
    if rate == 1:
        return jnp.zeros_like(inputs)
    return jnp.where(mask(seeds.next(), 1 - rate, shape), inputs / (1 - rate), 0)


def check_noise_shape(sizes: Any, where: str) -> Shape | None:
    """Return the noise shape as a tuple, or raise unless it holds sizes and Nones."""
    if sizes is not None and (not is_shape(sizes) or any(n is not None and n < 1 for n in sizes)):
        raise ValueError(f"{where}noise_shape: expected sizes >= 1 or None, received {sizes!r}.")
    return None if sizes is None else tuple(sizes)


def check_spreads(sizes: Shape | None, shape: tuple[int, ...], where: str) -> None:
    """Raise unless a noise shape can be spread over an input of this shape."""
    if sizes is None:
        return
    fits = [size in (None, 1, full) for size, full in zip(sizes, shape, strict=False)]
    if len(sizes) != len(shape) or not all(fits):
        raise ValueError(
            f"{where}noise_shape {sizes} does not fit an input of shape {shape}: expected one entry for each axis, "
            "None, 1 or the axis' size."
        )


def full_shape(sizes: Shape | None, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The noise shape with the sizes of the input in place of None."""
    return shape if sizes is None else tuple(full if n is None else n for n, full in zip(sizes, shape, strict=True))
