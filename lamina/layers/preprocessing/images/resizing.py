"""Layers that bring images to a size: `Resizing`."""

from __future__ import annotations

from typing import Any

import jax

from lamina.core.errors import check_choice, check_positive_int
from lamina.layers.base import family
from lamina.layers.preprocessing.images._base import ImageLayer
from lamina.layers.preprocessing.images._window import Window, largest_window, move_boxes, surrounding_window
from lamina.ops.image.resizing import INTERPOLATIONS, resize


@family.add
class Resizing(ImageLayer):
    """Resize images.

    Args:
        height, width: Size of the result in pixels, >= 1.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5". Masks are resized by "nearest".
        crop_to_aspect_ratio: Whether to cut off what does not fit the new proportions, in place of distorting.
        pad_to_aspect_ratio: Whether to fill up what is missing to the new proportions, in place of distorting.
        fill_mode: "constant": with `fill_value`.
        fill_value: Pixel value of what is filled up. Default 0.
        antialias: Whether to smooth images that are made smaller.
        data_format, bounding_box_format: As for all image layers.
    Input: images (batch, H, W, channels), one image, a list of images of one shape, or a dict with what belongs to
        them.   Output: (batch, height, width, channels); uint8 and other whole numbers are rounded and stay what they
        are, floats get the compute dtype.

    Raises:
        ValueError: sizes below 1, an unknown interpolation or fill mode, both cropping and padding.
    Source: Keys 1981, Cubic Convolution Interpolation ("bicubic", a = -0.5).

    Differs from Keras: with an aspect ratio that is kept, boxes lie exactly where the objects are (up to a pixel off
    there); masks are filled up with 0.

    Example:
        >>> import numpy as np
        >>> print(Resizing(1, 3)(np.array([[[0.0], [6.0]]]))[0, :, 0])
        [0. 3. 6.]
    """

    keeps_whole_numbers = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height = check_positive_int("height", height, f"{self._where}: ")
        self.width = check_positive_int("width", width, f"{self._where}: ")
        check_choice("interpolation", interpolation, INTERPOLATIONS, f"{self._where}: ")
        check_choice("fill_mode", fill_mode, ["constant"], f"{self._where}: ")
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError(
                f"{self._where}: expected crop_to_aspect_ratio or pad_to_aspect_ratio, received both as True."
            )
        self.interpolation, self.antialias = interpolation, bool(antialias)
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.fill_mode, self.fill_value = fill_mode, fill_value

    def transform_images(self, images: jax.Array, drawn: Any) -> jax.Array:
        """Return the images in the new size."""
        return self._resize(images, self.interpolation, self.fill_value)

    def transform_segmentation_masks(self, masks: jax.Array, drawn: Any) -> jax.Array:
        """Return the masks in the new size."""
        return self._resize(masks, "nearest", 0)

    def transform_bounding_boxes(self, boxes: dict[str, Any], drawn: Any, size: tuple[int, int]) -> dict[str, Any]:
        """Return the boxes as they lie in the new size."""
        target = (self.height, self.width)
        window = Window(0, 0, *size)
        if self.crop_to_aspect_ratio:
            window = largest_window(size, target)
        elif self.pad_to_aspect_ratio:
            window = surrounding_window(size, target)
        return move_boxes(boxes, window, target)

    def _resize(self, images: jax.Array, interpolation: str, fill_value: float) -> jax.Array:
        return resize(
            images,
            (self.height, self.width),
            interpolation=interpolation,
            antialias=self.antialias,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_mode=self.fill_mode,
            fill_value=fill_value,
            data_format=self.data_format,
        )
