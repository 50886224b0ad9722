"""`ImageLayer` and `RandomImageLayer`: the bases of layers that change images, with what belongs to the images.

`ImageLayer.call` is the whole protocol; a layer is its `transform_images`, and its `draw` where chance decides.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.dtypes import is_float
from lamina.core.random import SeedGenerator
from lamina.layers.base import Layer
from lamina.ops.bounding_boxes import (
    FORMATS,
    check_format,
    clip_to_image_size,
    convert_format,
    densify,
    is_empty,
    label_empty,
    mark_empty,
)
from lamina.ops.image._images import to_dtype
from lamina.ops.nn._windows import check_data_format

UNCHANGED = object()  # what `draw_outside_training` returns where the layer hands on what it is given
_PARTS = ("images", "labels", "bounding_boxes", "segmentation_masks")


class ImageLayer(Layer):
    """A layer of images, alone or in a dict with what belongs to them.

    A subclass writes `transform_images(images, drawn)`, and the other hooks where the change touches labels, boxes or
    masks. `drawn` is what `draw(images)` returned: a nest of arrays of all that is random, a row for each image.

    Args:
        data_format: "channels_last" (None): images (height, width, channels); or "channels_first".
        bounding_box_format: How boxes are given: "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy",
            "rel_yxyx", "rel_xywh" or "rel_center_xywh" (see `lamina.utils.bounding_boxes.convert_format`); needed where
            the layer moves boxes.
    Input: images (batch, height, width, channels), one image (height, width, channels), a list of images of one shape,
        or a dict: "images" and any of "labels" (batch, ...), "bounding_boxes" ({"boxes": (batch, n, 4), "labels":
        (batch, n)}, or lists of different n), "segmentation_masks" (batch, height, width, channels), the channel axis
        may be left out. Further keys are handed on as they are.   Output: the same form. Images have the compute dtype,
        which may be "uint8": then values are rounded and clipped to 0..255; the rest keeps its dtype.

    Empty boxes, which fill up images with few of them, have the label -1, or 0 or -1 for all four numbers; the layer
    fills ragged lists up with -1. They stay empty, and boxes of which nothing is left in the image become so: -1 in all
    numbers, and -1 for the label.

    Raises:
        ValueError: other ranks or keys, images of several shapes, boxes without a bounding_box_format.

    Differs from Keras: empty boxes stay empty (they are moved and resized there), ragged lists of boxes are taken, a
    layer that leaves boxes where they are needs no bounding_box_format, and the dict that is given is not changed.
    """

    keeps_whole_numbers = False  # whether images of a whole-number type stay so, in place of becoming floats

    def __init__(self, data_format: str | None = None, bounding_box_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.autocast = False  # `call` casts the images; boxes and labels keep their precision
        self.data_format = check_data_format(data_format, self._where)
        if bounding_box_format is not None:
            check_format(bounding_box_format, self._where)
        self.bounding_box_format = bounding_box_format

    # What a layer writes ----------------------------------------------------------------------------------------------

    def draw(self, images: jax.Array) -> Any:
        """Return all that is random in the change of a batch of images: a nest of arrays, or None."""
        return None

    def draw_outside_training(self, images: jax.Array) -> Any:
        """Return what stands for `draw` outside of training, or UNCHANGED where the layer then does nothing."""
        return self.draw(images)

    def transform_images(self, images: jax.Array, drawn: Any) -> jax.Array:
        """Return the changed images (batch, height, width, channels), of the float type in which they are given."""
        raise NotImplementedError(f"{type(self).__name__} has no transform_images(self, images, drawn).")

    def transform_labels(self, labels: jax.Array, drawn: Any) -> jax.Array:
        """Return the labels (batch, ...) of the changed images; the same ones by default."""
        return labels

    def transform_bounding_boxes(self, boxes: dict[str, Any], drawn: Any, size: tuple[int, int]) -> dict[str, Any]:
        """Return the boxes of the changed images; the same ones by default.

        `boxes["boxes"]` (batch, n, 4) are left, top, right, bottom in pixels of images of this size (height, width);
        they may be left sticking out of the new images: `call` clips them. Empty ones are -1 everywhere, with the label
        -1, by which `call` finds them again, in any order and number.
        """
        return boxes

    def transform_segmentation_masks(self, masks: jax.Array, drawn: Any) -> jax.Array:
        """Return the masks of the changed images; the same ones by default. Interpolate by "nearest"."""
        return masks

    # The protocol -----------------------------------------------------------------------------------------------------

    def call(self, data: Any, training: bool = True) -> Any:
        """Return the changed images, and with them whatever belongs to them."""
        whole = data if isinstance(data, dict) else {"images": data}
        parts: dict[str, Any] = {name: whole[name] for name in _PARTS if name in whole}
        single = parts["images"].ndim == 3
        if single:
            parts = jax.tree.map(lambda x: x[None], parts)
        dtype = self.dtype_for(parts["images"].dtype)
        images = parts["images"].astype(dtype if is_float(dtype) else "float32")
        drawn = self.draw(images) if training else self.draw_outside_training(images)
        parts["images"] = images
        if drawn is not UNCHANGED:
            parts = self._transform(parts, drawn)
        parts["images"] = to_dtype(parts["images"], dtype)
        if single:
            parts = jax.tree.map(lambda x: x[0], parts)
        return whole | parts if isinstance(data, dict) else parts["images"]

    def _transform(self, parts: dict[str, Any], drawn: Any) -> dict[str, Any]:
        images = parts["images"]
        result: dict[str, Any] = {"images": self.transform_images(images, drawn)}
        if "labels" in parts:
            result["labels"] = self.transform_labels(parts["labels"], drawn)
        if "segmentation_masks" in parts:
            masks = parts["segmentation_masks"]
            axis = self.channel_axis if masks.ndim == 3 else None  # masks without a channel axis get one meanwhile
            masks = self.transform_segmentation_masks(masks if axis is None else jnp.expand_dims(masks, axis), drawn)
            result["segmentation_masks"] = masks if axis is None else masks.squeeze(axis)
        if "bounding_boxes" in parts:
            sizes = self.image_size(images), self.image_size(result["images"])
            result["bounding_boxes"] = self._transform_boxes(parts["bounding_boxes"], drawn, *sizes)
        return result

    def _transform_boxes(
        self, boxes: dict[str, Any], drawn: Any, old: tuple[int, int], new: tuple[int, int]
    ) -> dict[str, Any]:
        """Move boxes as corners in pixels, from images of the old size to the new; empty ones are put aside."""
        name = self.bounding_box_format
        if name is None or not self.moves_boxes():
            return boxes
        corners = convert_format(mark_empty(boxes), name, "xyxy", *old)
        corners = label_empty(corners, is_empty(corners))
        corners = clip_to_image_size(self.transform_bounding_boxes(corners, drawn, old), *new)
        boxes = convert_format(corners, "xyxy", name, *new)
        return label_empty(boxes, is_empty(boxes))

    @classmethod
    def moves_boxes(cls) -> bool:
        """Whether the layer changes bounding boxes."""
        return cls.transform_bounding_boxes is not ImageLayer.transform_bounding_boxes

    # Input ------------------------------------------------------------------------------------------------------------

    def check_input(self, inputs: Any) -> None:
        """Raise unless the inputs are images, or a dict of images and what belongs to them."""
        parts = inputs if isinstance(inputs, dict) else {"images": inputs}
        if "images" not in parts:
            raise ValueError(f"{self._where}: expected the images under the key 'images', received {sorted(inputs)}.")
        shape = np.shape(parts["images"])
        if len(shape) not in (3, 4):
            axes = "height, width, channels" if self.channel_axis == -1 else "channels, height, width"
            raise ValueError(
                f"{self._where}: expected images (batch, {axes}) or one image ({axes}), received shape {shape}. Grey "
                "images need a channel axis: images[..., None]."
            )
        for name, part in parts.items():
            sizes = {leaf.shape[:1] for leaf in jax.tree.leaves(part)} if name in _PARTS else set()
            if len(shape) == 4 and sizes - {shape[:1]}:
                raise ValueError(
                    f"{self._where}: {name}: expected a row for each of the {shape[0]} images, received shapes "
                    f"{jax.tree.map(np.shape, part)}."
                )
        if "bounding_boxes" not in parts:
            return
        if self.bounding_box_format is None and self.moves_boxes():
            raise ValueError(
                f"{self._where}: the input has bounding_boxes, so the layer has to know how they are given: pass "
                f"bounding_box_format, one of {list(FORMATS)}."
            )
        if parts["bounding_boxes"]["boxes"].ndim != len(shape) - 1:
            raise ValueError(
                f"{self._where}: bounding_boxes: expected boxes {'(batch, n, 4)' if len(shape) == 4 else '(n, 4)'} "
                f"with images of shape {shape}, received {parts['bounding_boxes']['boxes'].shape}."
            )

    def _convert(self, inputs: Any) -> Any:
        """Arrays of what is given; a list of images becomes one array, and of boxes too."""
        if not isinstance(inputs, dict):
            return super()._convert(self._stack(inputs))
        converted = dict(inputs)
        for name, part in inputs.items():
            if name == "bounding_boxes":
                part = densify(part, self._where)
            converted[name] = self._convert(part) if name == "images" else _arrays(part, keep=name not in _PARTS)
        return converted

    def _stack(self, images: Any) -> Any:
        """One array of a list of images."""
        if not isinstance(images, (list, tuple)) or not any(hasattr(image, "shape") for image in images):
            return images
        shapes = sorted({np.shape(image) for image in images})
        if len(shapes) > 1:
            raise ValueError(
                f"{self._where}: expected images of one shape, received a list of images of shapes {shapes}. Bring "
                "each to one size first, e.g. with Resizing or CenterCrop on one image at a time."
            )
        return (jnp if any(isinstance(image, jax.Array) for image in images) else np).stack(images)

    # Settings ---------------------------------------------------------------------------------------------------------

    def image_size(self, images: jax.Array) -> tuple[int, int]:
        """Return height and width of images (batch, ...)."""
        height, width = images.shape[1:3] if self.data_format == "channels_last" else images.shape[2:4]
        return height, width

    def dtype_for(self, given: Any) -> Any:
        """Return the dtype of the changed images for images of a dtype; for whole numbers the work is in float32."""
        return given if self.keeps_whole_numbers and not is_float(given) else self.compute_dtype

    @property
    def channel_axis(self) -> int:
        """Number of the channel axis, counted from the end."""
        return -1 if self.data_format == "channels_last" else -3

    @property
    def _where(self) -> str:
        return f"{type(self).__name__} {self.path!r}"

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; bounding_box_format only where it was given."""
        config = super().get_config()
        if self.bounding_box_format is None:
            config.pop("bounding_box_format", None)
        return config


class RandomImageLayer(ImageLayer):
    """An image layer that acts in training only, each time in another way.

    Args:
        seed: Whole number that fixes what is drawn; None draws one.
        data_format, bounding_box_format: As for `ImageLayer`.

    Differs from Keras: what is drawn is a function of (run's seed, step, layer's seed), so a resumed run draws alike.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def draw_outside_training(self, images: jax.Array) -> Any:
        """Return UNCHANGED."""
        return UNCHANGED


def _arrays(part: Any, *, keep: bool) -> Any:
    """JAX arrays of what belongs to the images; what is no part that the layers know is kept as it is."""
    if keep:
        return jax.tree.map(lambda x: x if hasattr(x, "shape") else np.asarray(x), part)
    if isinstance(part, dict):
        return {name: jnp.asarray(value) for name, value in part.items()}
    return jnp.asarray(np.asarray(part) if isinstance(part, (list, tuple)) else part)
