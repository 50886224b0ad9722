"""A layer that erases a patch of each image: `RandomErasing`."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.random import normal, uniform
from lamina.layers.base import family
from lamina.layers.preprocessing.images._base import RandomImageLayer
from lamina.layers.preprocessing.images._draws import per_image, random_patches
from lamina.layers.preprocessing.images._settings import check_value_range, factor_range


@family.add
class RandomErasing(RandomImageLayer):
    """In training, overwrite a rectangle of each image with noise or with a value, with a probability.

    An image is changed with probability p ~ uniform(factor). Width and height of its rectangle are sqrt(s) of the
    image's own, each with an s ~ uniform(scale) of its own; it lies anywhere inside. Labels, boxes and masks stay.

    Args:
        factor: Range (lower, upper) in [0, 1] of the probability; a number f is (0, f), so f / 2 on average. (1, 1)
            erases in every image.
        scale: Range (lower, upper) in [0, 1] of s, roughly the erased share of the image; a number s is (0, s).
        fill_value: What overwrites it: a number, or one for each channel; None is normal noise, value_range[1] *
            N(0, 1) for each pixel. All are clipped to value_range.
        value_range: Lowest and highest pixel value, (0, 255) or (0, 1) as a rule.
        seed, data_format, bounding_box_format: As for all random image layers.
    Input: images (batch, height, width, channels), alone or in a dict.   Output: the same form, compute dtype.

    Raises:
        ValueError: numbers outside their ranges; a list for fill_value whose length is not the number of channels.
    Source: Zhong et al. 2017, Random Erasing Data Augmentation.

    Differs from Keras: fill_value may hold a number for each of any number of channels, also with channels_first.

    Example:
        >>> erased = RandomErasing((1, 1), scale=(0.25, 0.25), fill_value=0, seed=1)(jnp.ones((2, 8, 8, 1)))
        >>> (1 - erased).sum(axis=(1, 2, 3))  # pixels
        Array([16., 16.], dtype=float32)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, 0, 1, "factor", self._where)
        self.scale = factor_range(scale, 0, 1, "scale", self._where)
        values = fill_value if isinstance(fill_value, (tuple, list)) else [] if fill_value is None else [fill_value]
        if not all(isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v) for v in values):
            raise ValueError(
                f"{self._where}: fill_value: expected a number, one for each channel, or None for noise, received "
                f"{fill_value!r}."
            )
        self.fill_value = fill_value
        self.value_range = check_value_range(value_range, self._where)

    def check_input(self, inputs: Any) -> None:
        """Raise unless the inputs are images with as many channels as fill_value has numbers."""
        super().check_input(inputs)
        shape = np.shape(inputs["images"] if isinstance(inputs, dict) else inputs)
        if isinstance(self.fill_value, (tuple, list)) and len(self.fill_value) != shape[self.channel_axis]:
            raise ValueError(
                f"{self._where}: fill_value: expected a number for each of the {shape[self.channel_axis]} channels "
                f"({self.data_format}) of images of shape {shape}, received {self.fill_value!r}."
            )

    def draw(self, images: jax.Array) -> dict[str, jax.Array]:
        """Return which images (batch,) are changed, their patches (batch, height, width, 1), and what goes there."""
        count, (lowest, highest) = images.shape[0], self.value_range
        shares = jnp.sqrt(uniform(self.generator.next(), (count, 2), *self.scale))
        patches = random_patches(self.generator.next(), shares, self.image_size(images))
        threshold, share = uniform(self.generator.next(), (2, count))
        probability = self.factor[0] + share * (self.factor[1] - self.factor[0])
        fill = highest * normal(self.generator.next(), images.shape) if self.fill_value is None else self._constant()
        return {
            "apply_erasing": threshold < probability,
            "batch_masks": jnp.expand_dims(patches, self.channel_axis),
            "fill_value": jnp.clip(fill, lowest, highest).astype(images.dtype),
        }

    def _constant(self) -> jax.Array:
        """fill_value, spread along the channel axis where it has a number for each channel."""
        fill = jnp.asarray(self.fill_value, jnp.float32)
        return fill if fill.ndim == 0 else jnp.expand_dims(fill, (0, 1, 2) if self.channel_axis == -1 else (0, 2, 3))

    def transform_images(self, images: jax.Array, drawn: dict[str, jax.Array]) -> jax.Array:
        """Return the images with the patches overwritten."""
        erased = drawn["batch_masks"] & per_image(drawn["apply_erasing"], 4)
        return jnp.where(erased, drawn["fill_value"], images)
