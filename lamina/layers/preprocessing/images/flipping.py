"""Layers that mirror images: `RandomFlip`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import check_choice
from lamina.core.random import mask
from lamina.layers.base import family
from lamina.layers.preprocessing.images._base import RandomImageLayer

MODES = ("horizontal", "vertical", "horizontal_and_vertical")


@family.add
class RandomFlip(RandomImageLayer):
    """In training, mirror half of the images left to right, half of them top to bottom, or both.

    Args:
        mode: "horizontal" (left to right), "vertical" (top to bottom) or "horizontal_and_vertical".
        seed, data_format, bounding_box_format: As for all random image layers.
    Input: images (batch, height, width, channels), alone or in a dict.   Output: the same form, compute dtype.

    Raises:
        ValueError: another mode.

    Differs from Keras: "horizontal_and_vertical" draws both independently, so that all four positions come up (there
    an image is either left alone or turned by 180 degrees).

    Example:
        >>> import numpy as np
        >>> flipped = RandomFlip("horizontal", seed=1)(np.arange(4.0).reshape(1, 1, 4, 1).repeat(64, axis=0))
        >>> print(np.unique(flipped[..., 0, :, 0], axis=0))
        [[0. 1. 2. 3.]
         [3. 2. 1. 0.]]
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        check_choice("mode", mode, MODES, f"{self._where}: ")
        self.mode = mode

    def draw(self, images: jax.Array) -> dict[str, jax.Array]:
        """Return which images (batch,) are mirrored along each axis of the mode."""
        axes = [axis for axis in ("horizontal", "vertical") if axis in self.mode]
        return {axis: mask(self.generator.next(), 0.5, (images.shape[0],)) for axis in axes}

    def transform_images(self, images: jax.Array, drawn: dict[str, jax.Array]) -> jax.Array:
        """Return the images, some of them mirrored."""
        rows, columns = (-3, -2) if self.data_format == "channels_last" else (-2, -1)
        if "horizontal" in drawn:
            images = jnp.where(drawn["horizontal"][:, None, None, None], jnp.flip(images, columns), images)
        if "vertical" in drawn:
            # Whole rows are fetched: a second `where` would cost four times as much, for XLA makes one loop of both.
            upright = jnp.arange(images.shape[rows])
            order = jnp.where(drawn["vertical"][:, None], upright[::-1], upright)
            images = jax.vmap(lambda image, order: jnp.take(image, order, axis=rows, mode="clip"))(images, order)
        return images

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, jax.Array]) -> jax.Array:
        """Return the masks, mirrored with their images."""
        return self.transform_images(masks, drawn)

    def transform_bounding_boxes(
        self, boxes: dict[str, Any], drawn: dict[str, jax.Array], size: tuple[int, int]
    ) -> dict[str, Any]:
        """Return the boxes, mirrored with their images."""
        height, width = size
        left, top, right, bottom = jnp.moveaxis(boxes["boxes"], -1, 0)
        if "horizontal" in drawn:
            flip = drawn["horizontal"][:, None]
            left, right = jnp.where(flip, width - right, left), jnp.where(flip, width - left, right)
        if "vertical" in drawn:
            flip = drawn["vertical"][:, None]
            top, bottom = jnp.where(flip, height - bottom, top), jnp.where(flip, height - top, bottom)
        return boxes | {"boxes": jnp.stack([left, top, right, bottom], axis=-1)}
