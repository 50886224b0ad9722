"""Random rotation, zoom, translation and shear: a matrix for each image, and one `affine_transform` for all of them."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import check_choice
from lamina.core.random import uniform
from lamina.layers.base import family
from lamina.layers.preprocessing.images._base import RandomImageLayer
from lamina.layers.preprocessing.images._settings import factor_range
from lamina.layers.preprocessing.images.geometry._boxes import move_boxes
from lamina.layers.preprocessing.images.geometry._once import computed_once
from lamina.ops.image import affine_transform
from lamina.ops.image._interpolation import ORDERS, check_fill_mode


class MapLayer(RandomImageLayer):
    """A random layer whose `draw` returns maps (batch, 8) from new to old pixels, as `affine_transform` takes them.

    Args:
        fill_mode: What is outside of the image a b c d: "reflect" (dcba|abcd|dcba), "mirror" (dcb|abcd|cba), "wrap"
            (abcd|abcd|abcd), "nearest" (aaaa|abcd|dddd) or "constant" (fill_value).
        interpolation: "bilinear" or "nearest"; masks are always "nearest".
        fill_value: The value of "constant".
    """

    def __init__(
        self, fill_mode: str = "reflect", interpolation: str = "bilinear", fill_value: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        check_choice("interpolation", interpolation, ORDERS, f"{self._where}: ")
        check_fill_mode(fill_mode, self._where)
        self.fill_mode = fill_mode
        self.interpolation = interpolation
        self.fill_value = fill_value

    def transform_images(self, images: jax.Array, drawn: jax.Array) -> jax.Array:
        """Return the moved images."""
        return self._warp(images, drawn, self.interpolation)

    def transform_segmentation_masks(self, masks: jax.Array, drawn: jax.Array) -> jax.Array:
        """Return the masks of the moved images: each pixel is a pixel of the old mask."""
        return self._warp(masks, drawn, "nearest")

    def transform_bounding_boxes(
        self, boxes: dict[str, Any], drawn: jax.Array, size: tuple[int, int]
    ) -> dict[str, Any]:
        """Return the boxes around the moved corners."""
        return boxes | {"boxes": move_boxes(boxes["boxes"], drawn)[0]}

    def _warp(self, images: jax.Array, maps: jax.Array, interpolation: str) -> jax.Array:
        if interpolation == "bilinear":
            images = computed_once(images, maps)
        return affine_transform(images, maps, interpolation, self.fill_mode, self.fill_value, self.data_format)

    def _uniform(self, images: jax.Array, bounds: tuple[float, float]) -> jax.Array:
        """A number from [lower, upper) for each image."""
        return uniform(self.generator.next(), (images.shape[0],), *bounds)


@functools.partial(jax.jit, inline=True)
def _maps(a0: Any, a1: Any, a2: Any, b0: Any, b1: Any, b2: Any) -> jax.Array:
    """Maps (batch, 8) of x = a0 x' + a1 y' + a2, y = b0 x' + b1 y' + b2; each entry is a number or (batch,)."""
    return jnp.stack(jnp.broadcast_arrays(a0, a1, a2, b0, b1, b2, 0.0, 0.0), axis=-1).astype(jnp.float32)


@family.add
class RandomRotation(MapLayer):
    """Turn each image about its middle by a random angle, in training only.

    New pixel p takes the value at c + R(angle) (p - c), c the middle of the image.

    Args:
        factor: Bounds of the angle as fractions of a full turn, from -1 to 1; positive is counter-clockwise. A number f
            stands for (-f, f).
        fill_mode: What is outside of the image a b c d: "reflect" (dcba|abcd|dcba, the default), "mirror"
            (dcb|abcd|cba), "wrap" (abcd|abcd|abcd), "nearest" (aaaa|abcd|dddd) or "constant" (fill_value).
        interpolation: "bilinear" (default) or "nearest"; masks are always "nearest".
        seed: Whole number that fixes what is drawn; None draws one.
        fill_value: The value of "constant". Default 0.
        data_format: "channels_last" (None) or "channels_first".
        bounding_box_format: How boxes are given, e.g. "xyxy"; needed for boxes.
    Input: images (batch, height, width, channels), one image, or a dict with "images" and any of "labels",
        "segmentation_masks", "bounding_boxes".   Output: the same form, images in the compute dtype.

    Raises:
        ValueError: a factor outside of [-1, 1], or an unknown mode.

    Differs from Keras: boxes are measured from the edge of the image, so that a turned box covers what it covered
        (Keras turns it about a point half a pixel off, and takes every format for "xyxy"). "mirror" is allowed.

    Example:
        >>> quarter = RandomRotation((0.25, 0.25), interpolation="nearest")
        >>> print(quarter(jnp.array([[1.0, 2], [3, 4]])[..., None])[..., 0])
        [[2. 4.]
         [1. 3.]]
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, -1, 1, "factor", self._where)

    def draw(self, images: jax.Array) -> jax.Array:
        """Return maps (batch, 8)."""
        height, width = self.image_size(images)
        angle = 2 * math.pi * self._uniform(images, self.factor)
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        x, y = (width - 1) / 2, (height - 1) / 2
        return _maps(cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos)


@family.add
class RandomZoom(MapLayer):
    """Shrink or enlarge each image about its middle by random shares, in training only.

    New pixel p takes the value at c + (1 + share) (p - c), c the middle of the image: a positive share zooms out.

    Args:
        height_factor: Bounds of the vertical share, above -1 to 1: (0.2, 0.3) shows 20 % to 30 % more of the height,
            (-0.3, -0.2) as much less. A number f stands for (-f, f).
        width_factor: The same for the width; None (default) takes the vertical share, which keeps the aspect ratio.
        fill_mode, interpolation, seed, fill_value, data_format, bounding_box_format: As for `RandomRotation`.
    Input, Output: As for `RandomRotation`.

    Raises:
        ValueError: a bound outside of (-1, 1], or an unknown mode.

    Differs from Keras: boxes are measured from the edge of the image (Keras' are off by half a pixel times the zoom).

    Example:
        >>> out = RandomZoom((1, 1), fill_mode="constant", interpolation="nearest")
        >>> print(out(jnp.ones((4, 4, 1)))[..., 0])
        [[0. 0. 0. 0.]
         [0. 1. 1. 0.]
         [0. 1. 1. 0.]
         [0. 0. 0. 0.]]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._heights = self._bounds(height_factor, "height_factor")
        self._widths = None if width_factor is None else self._bounds(width_factor, "width_factor")

    def _bounds(self, factor: Any, argument: str) -> tuple[float, float]:
        lower, upper = factor_range(factor, -1, 1, argument, self._where)
        given = factor if isinstance(factor, (tuple, list)) else [factor]
        if min(given) <= -1:
            raise ValueError(
                f"{self._where}: {argument}: expected shares above -1, received {factor!r}: at -1 nothing is left of "
                "the image."
            )
        return lower, upper

    def draw(self, images: jax.Array) -> jax.Array:
        """Return maps (batch, 8)."""
        height, width = self.image_size(images)
        vertical = 1 + self._uniform(images, self._heights)
        horizontal = vertical if self._widths is None else 1 + self._uniform(images, self._widths)
        return _maps(
            horizontal, 0.0, (width - 1) / 2 * (1 - horizontal), 0.0, vertical, (height - 1) / 2 * (1 - vertical)
        )


@family.add
class RandomTranslation(MapLayer):
    """Shift each image by random shares of its height and width, in training only.

    Args:
        height_factor: Bounds of the shift downwards as a share of the height, from -1 to 1; negative is upwards. A
            number f stands for (-f, f).
        width_factor: Bounds of the shift to the right as a share of the width.
        fill_mode, interpolation, seed, fill_value, data_format, bounding_box_format: As for `RandomRotation`.
    Input, Output: As for `RandomRotation`.

    Raises:
        ValueError: a bound outside of [-1, 1], or an unknown mode.

    Example:
        >>> right = RandomTranslation(0, (0.5, 0.5), fill_mode="wrap")
        >>> print(right(jnp.arange(4.0).reshape(1, 4, 1))[0, :, 0])
        [2. 3. 0. 1.]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.height_factor = height_factor
        self.width_factor = width_factor
        self._heights = factor_range(height_factor, -1, 1, "height_factor", self._where)
        self._widths = factor_range(width_factor, -1, 1, "width_factor", self._where)

    def draw(self, images: jax.Array) -> jax.Array:
        """Return maps (batch, 8)."""
        height, width = self.image_size(images)
        down, right = height * self._uniform(images, self._heights), width * self._uniform(images, self._widths)
        return _maps(1.0, 0.0, -right, 0.0, 1.0, -down)


@family.add
class RandomShear(MapLayer):
    """Slant each image by random shares, in training only.

    New pixel (x, y), counted from the upper left, takes the value at (x + s y, y + t x); half of the images take
    (x - s y, y - t x) instead.

    Args:
        x_factor: Bounds of s, pixels to the side for each pixel downwards, from 0 to 1; a number f stands for (-f, f).
            Default 0.
        y_factor: Bounds of t, pixels downwards for each pixel to the side. Default 0.
        interpolation, fill_mode, fill_value, data_format, seed, bounding_box_format: As for `RandomRotation`.
    Input, Output: As for `RandomRotation`.

    Raises:
        ValueError: a number outside of [0, 1], bounds outside of [-1, 1], or an unknown mode.

    Differs from Keras: boxes follow the image (Keras slants shares of the sides, so that boxes of oblong images, or
        slanted both ways, leave what they were around). Bounds may be negative: Keras writes (-f, f) into the config
        of a number f, and then refuses to load it.

    Example:
        >>> slant = RandomShear(x_factor=(1, 1), fill_mode="constant", seed=2)
        >>> print(slant(jnp.eye(3)[..., None])[..., 0])
        [[1. 0. 0.]
         [0. 0. 1.]
         [0. 0. 0.]]
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, fill_value, seed=seed, data_format=data_format, **kwargs)
        self.x_factor = self._bounds(x_factor, "x_factor")
        self.y_factor = self._bounds(y_factor, "y_factor")

    def _bounds(self, factor: Any, argument: str) -> tuple[float, float]:
        lowest = -1 if isinstance(factor, (tuple, list)) else 0
        lower, upper = factor_range(factor, lowest, 1, argument, self._where)
        return (lower, upper) if lowest else (-upper, upper)

    def draw(self, images: jax.Array) -> jax.Array:
        """Return maps (batch, 8)."""
        sign = jnp.where(self._uniform(images, (0, 1)) > 0.5, -1, 1)
        y, x = sign * self._uniform(images, self.y_factor), sign * self._uniform(images, self.x_factor)
        return _maps(1.0, x, 0.0, y, 1.0, 0.0)
