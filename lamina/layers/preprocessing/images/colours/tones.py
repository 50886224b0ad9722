"""Layers that map each tone to another: `RandomInvert`, `RandomPosterization`, `Solarization`, `AutoContrast`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.random import uniform
from lamina.layers.base import family
from lamina.layers.preprocessing.images._base import ImageLayer, RandomImageLayer
from lamina.layers.preprocessing.images._settings import change_range, check_value_range, factor_range
from lamina.layers.preprocessing.images.colours._shared import choose_images, draw_for_each, whole_levels


@family.add
class RandomInvert(RandomImageLayer):
    """Turn some images into their negatives, in training: y = lowest + highest - x.

    Args:
        factor: Bounds (lower, upper) of the probability, which is drawn for each image, in [0, 1]. A number p is
            (0, p), so that a share of p / 2 is inverted. Default 1.
        value_range: Range (lowest, highest) of the pixel values. Default (0, 255).
        seed: Whole number that fixes what is drawn; None draws one.
    Input, Output: as for every image layer; any number of channels.

    Raises:
        ValueError: factor or value_range that is not as above.

    Differs from Keras: y stays in a value_range that does not begin at 0; Keras returns highest - x.

    Example:
        >>> RandomInvert((1, 1))(jnp.array([[[0.0, 55.0, 255.0]]]), training=True)
        Array([[[255., 200.,   0.]]], dtype=float32)
    """

    def __init__(
        self,
        factor: float | Sequence[float] = 1.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, 0, 1, "factor", self._where)
        self.value_range = check_value_range(value_range, self._where)

    def draw(self, images: jax.Array) -> jax.Array:
        """Return which images are inverted: bool (batch, 1, 1, 1)."""
        return choose_images(self, images, self.factor)

    def transform_images(self, images: jax.Array, drawn: jax.Array) -> jax.Array:
        """Return the images, the chosen ones inverted."""
        return jnp.where(drawn, sum(self.value_range) - images, images)


@family.add
class RandomPosterization(RandomImageLayer):
    """Keep the highest b of the 8 bits of each value, in training: y = floor(x / 2**(8 - b)) * 2**(8 - b).

    Args:
        factor: Bounds (lower, upper) of b, drawn for each image, whole numbers from 1 to 8, both included. A number b
            is (1, b).
        value_range: Range (lowest, highest) of the pixel values, which stands for 0 to 255. Default (0, 255).
        seed: Whole number that fixes what is drawn; None draws one.
    Input, Output: as for every image layer; any number of channels.

    Raises:
        ValueError: factor or value_range that is not as above.

    Differs from Keras: the upper bound is drawn too; Keras draws from lower to upper - 1. Values that scaling has left
    a little below a whole number count as that number.

    Source: Cubuk et al. 2019, AutoAugment.

    Example:
        >>> RandomPosterization((2, 2))(jnp.array([[[63.0, 64.0, 255.0]]]), training=True)
        Array([[[  0.,  64., 192.]]], dtype=float32)
    """

    def __init__(
        self,
        factor: int | Sequence[int],
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, 1, 8, "factor", self._where)
        if any(int(bits) != bits for bits in self.factor):
            raise ValueError(f"{self._where}: factor: expected whole numbers of bits, received {factor!r}.")
        self.value_range = check_value_range(value_range, self._where)

    def draw(self, images: jax.Array) -> jax.Array:
        """Return how many bits each image loses, 8 - b: int32 (batch, 1, 1, 1)."""
        fewest, most = self.factor
        bits = uniform(self.generator.next(), (images.shape[0], 1, 1, 1), fewest, most + 1)
        return 8 - jnp.clip(bits.astype(jnp.int32), int(fewest), int(most))

    def transform_images(self, images: jax.Array, drawn: jax.Array) -> jax.Array:
        """Return the images with fewer tones."""
        kept = (whole_levels(images, self.value_range) >> drawn) << drawn
        return change_range(kept.astype(jnp.float32), (0, 255), self.value_range).astype(images.dtype)


@family.add
class Solarization(RandomImageLayer):
    """Invert the bright values, in training: y = lowest + highest - z where z >= threshold, else z; z = clip(x + a).

    Args:
        addition_factor: Bounds (lower, upper) of a, drawn for each image, as fractions in [0, 1] of value_range. A
            number f is (0, f). Default 0.
        threshold_factor: The same for the threshold. Default 0: all values are inverted.
        value_range: Range (lowest, highest) of the pixel values. Default (0, 255).
        seed: Whole number that fixes what is drawn; None draws one.
    Input, Output: as for every image layer; any number of channels.

    Raises:
        ValueError: a factor or value_range that is not as above.

    Differs from Keras: both bounds are fractions; Keras multiplies only the upper one by 255, so that (0.5, 0.5) draws
    from 0.5 to 127.5.

    Example:
        >>> Solarization(threshold_factor=(0.5, 0.5))(jnp.array([[[100.0, 200.0]]]), training=True)
        Array([[[100.,  55.]]], dtype=float32)
    """

    def __init__(
        self,
        addition_factor: float | Sequence[float] = 0.0,
        threshold_factor: float | Sequence[float] = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.addition_factor = factor_range(addition_factor, 0, 1, "addition_factor", self._where)
        self.threshold_factor = factor_range(threshold_factor, 0, 1, "threshold_factor", self._where)
        self.value_range = check_value_range(value_range, self._where)

    def draw(self, images: jax.Array) -> dict[str, jax.Array]:
        """Return "additions" and "thresholds" of each image, in units of the pixel values: (batch, 1, 1, 1)."""
        lowest, highest = self.value_range
        additions = draw_for_each(self, images, self.addition_factor) * (highest - lowest)
        thresholds = draw_for_each(self, images, self.threshold_factor) * (highest - lowest) + lowest
        return {"additions": additions, "thresholds": thresholds}

    def transform_images(self, images: jax.Array, drawn: dict[str, jax.Array]) -> jax.Array:
        """Return the images with their bright values inverted."""
        images = jnp.clip(images + drawn["additions"], *self.value_range)
        return jnp.where(images < drawn["thresholds"], images, sum(self.value_range) - images)


@family.add
class AutoContrast(ImageLayer):
    """Stretch each channel of each image over value_range: y = lowest + (x - min) * (highest - lowest) / (max - min).

    A channel of one value stays as it is. Acts in training and in use.

    Args:
        value_range: Range (lowest, highest) that the pixel values get. Default (0, 255).
    Input, Output: as for every image layer; any number of channels.

    Raises:
        ValueError: value_range that is not as above.

    Differs from Keras: with data_format="channels_first", a channel's smallest and largest values are its own.

    Example:
        >>> AutoContrast()(jnp.array([[[100.0], [110.0], [120.0]]]))[0, :, 0]
        Array([  0. , 127.5, 255. ], dtype=float32)
    """

    def __init__(self, value_range: Sequence[float] = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = check_value_range(value_range, self._where)

    def transform_images(self, images: jax.Array, drawn: None) -> jax.Array:
        """Return the stretched images."""
        axes = (1, 2) if self.data_format == "channels_last" else (2, 3)
        low, high = jnp.min(images, axes, keepdims=True), jnp.max(images, axes, keepdims=True)
        share = (images - low) / jnp.where(high > low, high - low, 1)
        return jnp.where(high > low, change_range(share, (0, 1), self.value_range), images)
