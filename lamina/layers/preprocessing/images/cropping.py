"""Layers that cut a rectangle out of images: `CenterCrop`, `RandomCrop`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core.errors import check_positive_int
from lamina.core.random import uniform
from lamina.layers.base import family
from lamina.layers.preprocessing.images._base import ImageLayer, RandomImageLayer
from lamina.layers.preprocessing.images._window import Window, largest_window, move_boxes
from lamina.ops.image import resize


@family.add
class CenterCrop(ImageLayer):
    """Cut the middle out of images: rows (H - height) // 2 and on, columns (W - width) // 2 and on.

    Where images are smaller than that in one direction, the largest centred rectangle of the same proportions is cut
    out and resized, by bilinear interpolation.

    Args:
        height, width: Size of the result in pixels, >= 1.
        data_format, bounding_box_format: As for all image layers.
    Input: images (batch, H, W, channels), one image, a list of images of one shape, or a dict with what belongs to
        them.   Output: (batch, height, width, channels), compute dtype.

    Raises:
        ValueError: height or width below 1.

    Differs from Keras: masks of images that are too small are resized by "nearest", so that no new classes come up.

    Example:
        >>> import numpy as np
        >>> CenterCrop(height=70, width=120)(np.zeros((2, 427, 640, 3), "uint8")).shape
        (2, 70, 120, 3)
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height = check_positive_int("height", height, f"{self._where}: ")
        self.width = check_positive_int("width", width, f"{self._where}: ")

    def transform_images(self, images: jax.Array, drawn: Any) -> jax.Array:
        """Return the middle of the images."""
        return self._cut(images, "bilinear")

    def transform_segmentation_masks(self, masks: jax.Array, drawn: Any) -> jax.Array:
        """Return the middle of the masks."""
        return self._cut(masks, "nearest")

    def transform_bounding_boxes(self, boxes: dict[str, Any], drawn: Any, size: tuple[int, int]) -> dict[str, Any]:
        """Return the boxes as they lie in the middle."""
        return move_boxes(boxes, self._window(size), (self.height, self.width))

    def _window(self, size: tuple[int, int]) -> Window:
        target = (self.height, self.width)
        if size[0] < self.height or size[1] < self.width:
            return largest_window(size, target)
        return Window((size[0] - self.height) // 2, (size[1] - self.width) // 2, *target)

    def _cut(self, images: jax.Array, interpolation: str) -> jax.Array:
        size = self.image_size(images)
        if size[0] < self.height or size[1] < self.width:
            return _largest(images, (self.height, self.width), interpolation, self.data_format)
        top, left, height, width = self._window(size)
        rows, columns = slice(top, top + height), slice(left, left + width)
        return images[:, rows, columns] if self.data_format == "channels_last" else images[:, :, rows, columns]


@family.add
class RandomCrop(RandomImageLayer):
    """In training, cut a rectangle out of each image at a random place.

    Outside of training, and where images are smaller than the rectangle in one direction, the largest centred rectangle
    of the same proportions is cut out and resized, by bilinear interpolation.

    Args:
        height, width: Size of the result in pixels, >= 1.
        seed, data_format, bounding_box_format: As for all random image layers.
    Input: images (batch, H, W, channels), one image, a list of images of one shape, or a dict with what belongs to
        them.   Output: (batch, height, width, channels), compute dtype.

    Raises:
        ValueError: height or width below 1.
    Source: Krizhevsky et al. 2012, ImageNet Classification with Deep Convolutional Neural Networks, section 4.1.

    Differs from Keras: each image has a place of its own (there one for the whole batch); outside of training the
    result has the promised size (there images stay as they are); images that are too small keep their proportions, and
    images that fit in one direction exactly are cut at random in the other; boxes are moved the right way.

    Example:
        >>> import numpy as np
        >>> RandomCrop(24, 24, seed=1)(np.zeros((2, 28, 28, 1), "uint8"), training=True).shape
        (2, 24, 24, 1)
    """

    def __init__(
        self, height: int, width: int, seed: int | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.height = check_positive_int("height", height, f"{self._where}: ")
        self.width = check_positive_int("width", width, f"{self._where}: ")

    def draw(self, images: jax.Array) -> jax.Array | None:
        """Return top and left (batch, 2) of the rectangles, whole numbers; None where images are too small."""
        height, width = self.image_size(images)
        if height < self.height or width < self.width:
            return None
        places = jnp.array([height - self.height + 1, width - self.width + 1])
        shares = uniform(self.generator.next(), (images.shape[0], 2))
        return jnp.minimum((shares * places).astype(jnp.int32), places - 1)

    def draw_outside_training(self, images: jax.Array) -> None:
        """Return None: the middle is taken."""
        return None

    def transform_images(self, images: jax.Array, drawn: jax.Array | None) -> jax.Array:
        """Return a part of each image."""
        return self._cut(images, drawn, "bilinear")

    def transform_segmentation_masks(self, masks: jax.Array, drawn: jax.Array | None) -> jax.Array:
        """Return the same part of each mask."""
        return self._cut(masks, drawn, "nearest")

    def transform_bounding_boxes(
        self, boxes: dict[str, Any], drawn: jax.Array | None, size: tuple[int, int]
    ) -> dict[str, Any]:
        """Return the boxes as they lie in the parts."""
        target = (self.height, self.width)
        if drawn is None:
            return move_boxes(boxes, largest_window(size, target), target)
        left_top = drawn[:, ::-1].astype(jnp.float32)
        return boxes | {"boxes": boxes["boxes"] - jnp.tile(left_top, 2)[:, None]}

    def _cut(self, images: jax.Array, drawn: jax.Array | None, interpolation: str) -> jax.Array:
        size, last = (self.height, self.width), self.data_format == "channels_last"
        if drawn is None:
            return _largest(images, size, interpolation, self.data_format)
        channels = images.shape[self.channel_axis]
        shape = (*size, channels) if last else (channels, *size)

        def cut(image: jax.Array, start: jax.Array) -> jax.Array:
            top, left = start
            return lax.dynamic_slice(image, (top, left, 0) if last else (0, top, left), shape)

        return jax.vmap(cut)(images, drawn)


def _largest(images: jax.Array, size: tuple[int, int], interpolation: str, data_format: str) -> jax.Array:
    """The largest centred rectangle of the images with the proportions of `size`, in that size."""
    return resize(images, size, interpolation=interpolation, crop_to_aspect_ratio=True, data_format=data_format)
