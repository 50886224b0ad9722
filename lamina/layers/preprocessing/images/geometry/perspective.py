"""Random perspective: the corners of each image are moved, and the rest goes with them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import check_fraction
from lamina.core.random import uniform
from lamina.layers.base import family
from lamina.layers.preprocessing.images._settings import factor_range
from lamina.layers.preprocessing.images.geometry._boxes import boxes_of_pixels, move_boxes
from lamina.layers.preprocessing.images.geometry.affine import MapLayer
from lamina.ops.image.geometry import homography


@family.add
class RandomPerspective(MapLayer):
    """Look at each image from another side, in training only: its corners move by random shares of their coordinates.

    Corner (x, y), measured from the upper left one, goes to (x (1 + s), y (1 + t)) with s and t drawn from
    [-scale / 2, scale / 2): the upper left corner stays. What shows beyond the image is fill_value.

    Args:
        factor: Bounds of the probability that an image is changed, from 0 to 1; each image draws its own from them. A
            number f stands for (0, f), which changes a share of f / 2; (1, 1) changes all. Default 1.0.
        scale: How far the corners move, from 0 to 1. Default 1.0.
        interpolation: "bilinear" (default) or "nearest"; masks are always "nearest".
        fill_value: What is outside of the image. Default 0.
        seed: Whole number that fixes what is drawn; None draws one.
        data_format: "channels_last" (None) or "channels_first".
        bounding_box_format: How boxes are given, e.g. "xyxy"; needed for boxes.
    Input: images (batch, height, width, channels), one image, or a dict with "images" and any of "labels",
        "segmentation_masks", "bounding_boxes".   Output: the same form, images in the compute dtype.

    Raises:
        ValueError: a factor or scale outside of [0, 1], or an unknown interpolation.

    Differs from Keras: boxes are measured from the edge of the image, and come back in the format in which they were
        given (Keras returns "xyxy"). A large scale can pull a part of an image to infinity: a box that reaches there
        becomes the one around all pixels that show a part of it.

    Example:
        >>> layer = RandomPerspective((1, 1), scale=0.5, seed=0)
        >>> layer(jnp.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__("constant", interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, 0, 1, "factor", self._where)
        self.scale = check_fraction("scale", scale, f"{self._where}: ", closed=True)

    def draw(self, images: jax.Array) -> jax.Array:
        """Return maps (batch, 8); images that do not change have the map of each pixel to itself."""
        key, batch = self.generator.next, images.shape[0]
        changes = uniform(key(), (batch,)) < uniform(key(), (batch,), *self.factor)
        height, width = self.image_size(images)
        right, bottom = max(width - 1, 1), max(height - 1, 1)  # corners of one pixel would be one point
        corners = jnp.array([[0, 0], [right, 0], [0, bottom], [right, bottom]], jnp.float32)
        shifts = uniform(key(), (batch, 4, 2), -0.5 * self.scale, 0.5 * self.scale)
        maps = homography(corners, corners * (1 + shifts))
        return jnp.where(changes[:, None], maps, jnp.array([1, 0, 0, 0, 1, 0, 0, 0], jnp.float32))

    def transform_bounding_boxes(
        self, boxes: dict[str, Any], drawn: jax.Array, size: tuple[int, int]
    ) -> dict[str, Any]:
        """Return the boxes around the moved corners."""
        old = boxes["boxes"]
        new, cut = move_boxes(old, drawn)
        new = jax.lax.cond(
            cut.any(),
            lambda: jnp.where(cut[..., None], boxes_of_pixels(old, *_sources(drawn, size)), new),
            lambda: new,
        )
        return boxes | {"boxes": new}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        config = super().get_config()
        del config["fill_mode"]  # always "constant"
        return config


def _sources(maps: jax.Array, size: tuple[int, int]) -> tuple[jax.Array, jax.Array]:
    """Where each pixel of the new images comes from: x and y, both (batch, height, width)."""
    a0, a1, a2, b0, b1, b2, c0, c1 = jnp.moveaxis(maps, -1, 0)[..., None, None]
    y, x = jnp.meshgrid(*map(jnp.arange, size), indexing="ij")
    scale = c0 * x + c1 * y + 1
    return (a0 * x + a1 * y + a2) / scale, (b0 * x + b1 * y + b2) / scale
