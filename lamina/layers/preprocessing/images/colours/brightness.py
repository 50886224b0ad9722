"""How bright an image is, and how far its pixels lie from its mean: `RandomBrightness`, `RandomContrast`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.layers.base import family
from lamina.layers.preprocessing.images._base import RandomImageLayer
from lamina.layers.preprocessing.images._settings import check_value_range, factor_range
from lamina.layers.preprocessing.images.colours._shared import draw_for_each


@family.add
class RandomBrightness(RandomImageLayer):
    """Make each image brighter or darker, in training: y = clip(x + f * (highest - lowest), lowest, highest).

    Args:
        factor: Bounds (lower, upper) of f, drawn for each image, in [-1, 1]: -1 is black, 1 white. A number f is
            (-f, f).
        value_range: Range (lowest, highest) of the pixel values. Default (0, 255).
        seed: Whole number that fixes what is drawn; None draws one.
    Input, Output: as for every image layer; any number of channels.

    Raises:
        ValueError: factor or value_range that is not as above.

    Differs from Keras: uint8 images become floats before the change, so they can become darker too.

    Example:
        >>> RandomBrightness((0.1, 0.1))(jnp.full((1, 1, 3), 100.0), training=True)
        Array([[[125.5, 125.5, 125.5]]], dtype=float32)
    """

    def __init__(
        self,
        factor: float | Sequence[float],
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = factor_range(factor, -1, 1, "factor", self._where)
        self.value_range = check_value_range(value_range, self._where)

    def draw(self, images: jax.Array) -> jax.Array:
        """Return what is added to each image: (batch, 1, 1, 1)."""
        lowest, highest = self.value_range
        return draw_for_each(self, images, self.factor) * (highest - lowest)

    def transform_images(self, images: jax.Array, drawn: jax.Array) -> jax.Array:
        """Return the brighter or darker images."""
        return jnp.clip(images + drawn, *self.value_range)


@family.add
class RandomContrast(RandomImageLayer):
    """Move the pixels of each image away from their mean, or towards it, in training: y = (x - mean) * c + mean.

    The mean is that of the channel in the image; y is clipped to value_range.

    Args:
        factor: (lower, upper): c is drawn for each image from [1 - lower, 1 + upper), lower in [0, 1], upper >= 0. A
            number f in [0, 1] is (f, f).
        value_range: Range (lowest, highest) of the pixel values. Default (0, 255).
        seed: Whole number that fixes what is drawn; None draws one.
    Input, Output: as for every image layer; any number of channels.

    Raises:
        ValueError: factor or value_range that is not as above.

    Differs from Keras: a number f means [1 - f, 1 + f), as its documentation says; Keras 3.15 takes it as (0, f), which
    only ever adds contrast, and sorts a pair.

    Example:
        >>> stronger = RandomContrast(0.5, seed=1)(jnp.array([[[100.0], [200.0]]]), training=True)
        >>> float(stronger.mean()), bool(50 <= stronger[0, 1, 0] - stronger[0, 0, 0] <= 150)
        (150.0, True)
    """

    def __init__(
        self,
        factor: float | Sequence[float],
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        pair = tuple(factor) if isinstance(factor, (tuple, list)) else (factor, factor)
        factor_range(pair, 0, 1_000_000, "factor", self._where)
        if pair[0] > 1:
            raise ValueError(
                f"{self._where}: factor: expected a number or lower bound from 0 to 1, received {factor!r}: the "
                "contrast is multiplied by at least 1 - lower. For stronger contrast only, pass (0, upper)."
            )
        self.factor = pair
        self.value_range = check_value_range(value_range, self._where)

    def draw(self, images: jax.Array) -> jax.Array:
        """Return c, the change of contrast of each image: (batch, 1, 1, 1)."""
        lower, upper = self.factor
        return draw_for_each(self, images, (1 - lower, 1 + upper))

    def transform_images(self, images: jax.Array, drawn: jax.Array) -> jax.Array:
        """Return the images with more or less contrast."""
        down, across = (1, 2) if self.data_format == "channels_last" else (2, 3)
        # One axis after the other: on a CPU twice as fast, as whole rows are added up.
        mean = jnp.mean(jnp.mean(images, down, keepdims=True), across, keepdims=True)
        return jnp.clip((images - mean) * drawn + mean, *self.value_range)
