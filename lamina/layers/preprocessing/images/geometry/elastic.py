"""Random elastic change: pixels are moved by smooth random fields."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import check_choice
from lamina.core.random import normal, uniform
from lamina.layers.base import family
from lamina.layers.preprocessing.images._base import RandomImageLayer
from lamina.layers.preprocessing.images._settings import check_value_range, factor_range
from lamina.layers.preprocessing.images.geometry._boxes import boxes_of_pixels
from lamina.layers.preprocessing.images.geometry._once import computed_once
from lamina.ops.image._interpolation import ORDERS, check_fill_mode, sample
from lamina.ops.image.filters import correlate


@family.add
class RandomElasticTransform(RandomImageLayer):
    """Pull each image here and there, as rubber, in training only.

    New pixel p takes the value at p + alpha * blur(sigma * noise): noise is of the standard normal distribution, blur a
    Gaussian filter of standard deviation sigma = 0.05 s min(height, width) pixels, alpha = 0.1 s max(height, width),
    and s is drawn from `scale` once for the batch, the rest for each image.

    Args:
        factor: Bounds of the probability that an image is changed, from 0 to 1; each image draws its own from them. A
            number f stands for (0, f), which changes a share of f / 2; (1, 1) changes all. Default 1.0.
        scale: Bounds of s, from 0 to 1; a number f stands for (0, f). Default 1.0.
        interpolation: "bilinear" (default) or "nearest"; masks are always "nearest".
        fill_mode: What is outside of the image a b c d: "reflect" (dcba|abcd|dcba, the default), "mirror"
            (dcb|abcd|cba), "wrap" (abcd|abcd|abcd), "nearest" (aaaa|abcd|dddd) or "constant" (fill_value).
        fill_value: The value of "constant". Default 0.
        value_range: Lowest and highest pixel value, to which the images are clipped. Default (0, 255).
        seed: Whole number that fixes what is drawn; None draws one.
        data_format: "channels_last" (None) or "channels_first".
        bounding_box_format: How boxes are given, e.g. "xyxy"; needed for boxes.
    Input: images (batch, height, width, channels), one image, or a dict with "images" and any of "labels",
        "segmentation_masks", "bounding_boxes".   Output: the same form, images in the compute dtype.

    Raises:
        ValueError: a factor or scale outside of [0, 1], an unknown mode, or no range.

    Differs from Keras: pixels move in all directions (Keras draws both fields from one key, so that all move along one
        diagonal); masks move as their images do, and are not clipped (Keras draws other fields for them); a box becomes
        the one around all pixels that show a part of it (Keras refuses boxes); it runs in compiled steps.

    Source: Simard et al. 2003, Best Practices for Convolutional Neural Networks.

    Example:
        >>> layer = RandomElasticTransform((1, 1), scale=0.5, seed=0)
        >>> layer(jnp.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, 0, 1, "factor", self._where)
        self.scale = factor_range(scale, 0, 1, "scale", self._where)
        check_choice("interpolation", interpolation, ORDERS, f"{self._where}: ")
        check_fill_mode(fill_mode, self._where)
        self.interpolation = interpolation
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.value_range = check_value_range(value_range, self._where)

    def draw(self, images: jax.Array) -> dict[str, jax.Array]:
        """Return which images change (batch,), and from which columns x and rows y (batch, height, width) they come."""
        key, batch = self.generator.next, images.shape[0]
        height, width = self.image_size(images)
        changes = uniform(key(), (batch,)) < uniform(key(), (batch,), *self.factor)
        scale = uniform(key(), (), *self.scale)
        sigma = 0.05 * scale * min(height, width)
        reach = math.floor(3 * 0.05 * self.scale[1] * min(height, width))  # pixels, of the widest filter
        smooth = _blur(sigma * normal(key(), (2, batch, height, width)), sigma, reach)
        fields = 0.1 * scale * max(height, width) * smooth
        x, y = jnp.where(changes[:, None, None], fields, 0)
        return {"changes": changes, "x": x + jnp.arange(width), "y": y + jnp.arange(height)[:, None]}

    def transform_images(self, images: jax.Array, drawn: dict[str, jax.Array]) -> jax.Array:
        """Return the pulled images."""
        return jnp.clip(self._warp(images, drawn, self.interpolation), *self.value_range)

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, jax.Array]) -> jax.Array:
        """Return the pulled masks: each pixel is a pixel of the old mask."""
        return self._warp(masks, drawn, "nearest")

    def transform_bounding_boxes(
        self, boxes: dict[str, Any], drawn: dict[str, jax.Array], size: tuple[int, int]
    ) -> dict[str, Any]:
        """Return the boxes around all pixels that show a part of the old ones."""
        moved = boxes_of_pixels(boxes["boxes"], drawn["x"], drawn["y"])
        return boxes | {"boxes": jnp.where(drawn["changes"][:, None, None], moved, boxes["boxes"])}

    def _warp(self, images: jax.Array, drawn: dict[str, jax.Array], interpolation: str) -> jax.Array:
        places = drawn["y"], drawn["x"]
        if interpolation == "bilinear":
            images = computed_once(images, drawn["x"][:, 0, 0])
        return _sample(images, *places, self.fill_value, ORDERS[interpolation], self.fill_mode, self.data_format)


_sample = jax.jit(sample, static_argnames=("order", "fill_mode", "data_format"), inline=True)


@functools.partial(jax.jit, static_argnames="reach", inline=True)
def _blur(fields: jax.Array, sigma: jax.Array, reach: int) -> jax.Array:
    """Blur fields (2, batch, height, width) by a filter that ends at 3 sigma, `reach` at most; zeros beyond the edges.

    Sigma is drawn in the compiled step: the filter always has the length of the widest one, ending in zeros.
    """
    offsets = jnp.arange(-reach, reach + 1)
    weights = jnp.exp(-0.5 * (offsets / jnp.maximum(sigma, 1e-6)) ** 2) * (abs(offsets) <= jnp.floor(3 * sigma))
    weights = weights / weights.sum()
    return correlate(correlate(fields, weights, 2), weights, 3)
