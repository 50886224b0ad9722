"""Layers that change bounding boxes alone: `MaxNumBoundingBoxes`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import check_positive_int
from lamina.layers.base import family
from lamina.layers.preprocessing.images._base import ImageLayer
from lamina.ops.bounding_boxes import is_empty, mark_empty


@family.add
class MaxNumBoundingBoxes(ImageLayer):
    """Give every image the same number of bounding boxes: the first ones, filled up with empty ones.

    Args:
        max_number: Number of boxes, >= 1.
        fill_value: Number for the coordinates and labels of boxes that are filled up.
        data_format, bounding_box_format: As for all image layers; this one needs neither.
    Input: a dict of "images" and "bounding_boxes".   Output: the same with boxes (batch, max_number, 4) and labels
        (batch, max_number); images as they are.

    Raises:
        ValueError: max_number below 1.

    Differs from Keras: empty boxes among the others are put behind them first; fill_value comes back out of the config.

    Example:
        >>> boxes = {"boxes": [[[1, 1, 2, 2]], [[3, 3, 4, 4], [5, 5, 6, 6]]], "labels": [[1], [2, 3]]}
        >>> result = MaxNumBoundingBoxes(3)({"images": jnp.zeros((2, 8, 8, 1)), "bounding_boxes": boxes})
        >>> print(result["bounding_boxes"]["labels"])
        [[ 1 -1 -1]
         [ 2  3 -1]]
    """

    keeps_whole_numbers = True

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_number = check_positive_int("max_number", max_number, f"{self._where}: ")
        self.fill_value = int(fill_value)

    def transform_images(self, images: jax.Array, drawn: Any) -> jax.Array:
        """Return the images as they are."""
        return images

    def _transform_boxes(
        self, boxes: dict[str, Any], drawn: Any, old: tuple[int, int], new: tuple[int, int]
    ) -> dict[str, Any]:
        empty = is_empty(mark_empty(boxes))  # (batch, n)
        order = jnp.argsort(empty, axis=1, stable=True)[:, : self.max_number]
        empty = jnp.take_along_axis(empty, order, axis=1)
        missing = self.max_number - order.shape[1]

        def fit(array: jax.Array) -> jax.Array:
            spread = (slice(None), slice(None), *[None] * (array.ndim - 2))
            kept = jnp.where(empty[spread], self.fill_value, jnp.take_along_axis(array, order[spread], axis=1))
            widths = [(0, 0), (0, missing), *[(0, 0)] * (array.ndim - 2)]
            return jnp.pad(kept.astype(array.dtype), widths, constant_values=self.fill_value)

        return {name: fit(array) for name, array in boxes.items()}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; fill_value only where it is not -1."""
        config = super().get_config()
        if self.fill_value == -1:
            del config["fill_value"]
        return config
