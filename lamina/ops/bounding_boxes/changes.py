"""What becomes of bounding boxes when their image is cropped, padded, moved or bent."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import LaminaError
from lamina.ops.bounding_boxes.empty import label_empty
from lamina.ops.bounding_boxes.formats import check_boxes, check_format, convert_format, is_relative


def clip_to_image_size(
    bounding_boxes: dict[str, Any], height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> dict[str, Any]:
    """Cut off what of the boxes lies outside of the image; boxes of which nothing is left get the label -1.

    Args:
        bounding_boxes: Dict of "boxes" (..., n, 4) and perhaps "labels" (..., n) or one-hot (..., n, classes).
        height, width: Size of the image in pixels; relative formats need none.
        bounding_box_format: Format of the boxes.

    Returns: a new dict, boxes in a float type; further keys as they are.

    Differs from Keras: all formats, where Keras takes "xyxy" and "rel_xyxy"; one-hot labels.

    Example:
        >>> boxes = {"boxes": [[-10, -20, 150, 60], [130, 0, 140, 9]], "labels": jnp.array([3, 4])}
        >>> clipped = clip_to_image_size(boxes, height=100, width=120)
        >>> print(clipped["boxes"][0], clipped["labels"])
        [  0.   0. 120.  60.] [ 3 -1]
    """
    name = check_format(bounding_box_format, "clip_to_image_size")
    corners = "rel_xyxy" if is_relative(name) else "xyxy"
    if corners == "xyxy" and (height is None or width is None):
        raise ValueError(
            f"clip_to_image_size: height and width of the image are needed for {name!r}, received height={height}, "
            f"width={width}."
        )
    boxes = convert_format(bounding_boxes["boxes"], name, corners)
    boxes = _clip(boxes, *((height, width) if corners == "xyxy" else (1, 1)))
    left, top, right, bottom = jnp.moveaxis(boxes, -1, 0)
    result = {**bounding_boxes, "boxes": convert_format(boxes, corners, name)}
    if result.get("labels") is not None:
        labels = label_empty(
            {"boxes": boxes, "labels": jnp.asarray(result["labels"])}, (right - left) * (bottom - top) <= 0
        )
        result["labels"] = labels["labels"]
    return result


def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: Any,
    width: Any,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> jax.Array:
    """Smallest upright boxes around boxes that were turned, sheared, scaled and moved.

    A corner p goes to c + A (p - c + t), with the centre c, the shift t and, for the angle a and the shears u and v,

        A = scale * [[cos a + s tan u, sin a + k tan u], [-s, k]],   s = sin(a - v) / cos v,   k = cos(a - v) / cos v

    Args:
        boxes: Array (batch, n, 4) or (n, 4).
        angle: Degrees against the clock, as the image is seen (y grows downwards).
        translate_x, translate_y: Shifts as fractions of width - 1 and height - 1, before the rest.
        scale: Factor of all lengths.
        shear_x, shear_y: Shears in degrees.
        height, width: Size of the image in pixels.
        center_x, center_y: Fixed point, as fractions of width - 1 and height - 1; None is the middle, 0.5.
        bounding_box_format: Format of the boxes.
            Each number may be one for all images or an array (batch,).

    Returns: array of the shape of `boxes`, float32; it may stick out of the image.

    Differs from Keras: formats other than "xyxy", and boxes without a batch axis, are taken too.

    Example:
        >>> turned = affine_transform([[0.0, 0.0, 2.0, 1.0]], 90, 0, 0, 1, 0, 0, height=11, width=11)
        >>> print(turned.round(3))
        [[ 0.  8.  1. 10.]]
    """
    name = check_format(bounding_box_format, "affine_transform")
    corners = convert_format(check_boxes(boxes, "affine_transform"), name, "xyxy", height, width)
    batch = corners if corners.ndim == 3 else corners[None]

    def per_image(value: Any) -> jax.Array:
        return jnp.asarray(value, corners.dtype).reshape(-1, 1, 1)

    a, u, v = (per_image(angle) for angle in (angle, shear_x, shear_y))
    a, u, v = (degrees * (math.pi / 180) for degrees in (a, u, v))
    span_x, span_y = per_image(width) - 1, per_image(height) - 1
    x0 = span_x * (0.5 if center_x is None else per_image(center_x))
    y0 = span_y * (0.5 if center_y is None else per_image(center_y))
    s, k = jnp.sin(a - v) / jnp.cos(v), jnp.cos(a - v) / jnp.cos(v)
    x = batch[..., jnp.array([0, 2, 2, 0])] - x0 + span_x * per_image(translate_x)  # (batch, n, corner)
    y = batch[..., jnp.array([1, 1, 3, 3])] - y0 + span_y * per_image(translate_y)
    new_x = x0 + per_image(scale) * ((jnp.cos(a) + s * jnp.tan(u)) * x + (jnp.sin(a) + k * jnp.tan(u)) * y)
    new_y = y0 + per_image(scale) * (k * y - s * x)
    new = jnp.stack([new_x.min(-1), new_y.min(-1), new_x.max(-1), new_y.max(-1)], axis=-1)
    return convert_format(new if corners.ndim == 3 else new[0], "xyxy", name, height, width)


def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> jax.Array:
    """Boxes in a part that was cut out of an image: moved by (-left, -top) and cut off at its edges.

    Args:
        boxes: Array (..., 4).
        top, left: Where the part begins, in pixels.
        height, width: Size of the part in pixels.
        bounding_box_format: Format of the boxes, an absolute one.

    Returns: array (..., 4), float32.

    Example:
        >>> print(crop([[10, 20, 50, 60]], top=10, left=20, height=40, width=30))
        [[ 0. 10. 30. 40.]]
    """
    return _in_corners(boxes, bounding_box_format, "crop", lambda b: _clip(_shift(b, -top, -left), height, width))


def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> jax.Array:
    """Boxes in an image that was padded: moved by (left, top).

    Args:
        boxes: Array (..., 4).
        top, left: Rows and columns that were added before the image, in pixels.
        height, width: Not used; Keras has them.
        bounding_box_format: Format of the boxes, an absolute one.

    Returns: array (..., 4), float32.

    Example:
        >>> print(pad([[10, 20, 50, 60]], top=1, left=2))
        [[12. 21. 52. 61.]]
    """
    return _in_corners(boxes, bounding_box_format, "pad", lambda b: _shift(b, top, left))


def _in_corners(boxes: Any, bounding_box_format: str, where: str, change: Any) -> jax.Array:
    """Boxes that were changed as corners in pixels, in the format in which they came."""
    name = check_format(bounding_box_format, where)
    if is_relative(name):
        raise LaminaError(
            f"{where}: bounding_box_format: expected a format in pixels, received {name!r}: the fractions are of "
            "another size afterwards. Use convert_format before and after."
        )
    result: jax.Array = convert_format(change(convert_format(boxes, name, "xyxy")), "xyxy", name)
    return result


def _shift(corners: jax.Array, down: Any, right: Any) -> jax.Array:
    x1, y1, x2, y2 = jnp.split(corners, 4, axis=-1)
    return jnp.concatenate([x1 + right, y1 + down, x2 + right, y2 + down], axis=-1)


def _clip(corners: jax.Array, height: Any, width: Any) -> jax.Array:
    x1, y1, x2, y2 = jnp.split(corners, 4, axis=-1)
    across, down = jnp.asarray(width, corners.dtype), jnp.asarray(height, corners.dtype)
    clipped = [jnp.clip(x1, 0, across), jnp.clip(y1, 0, down), jnp.clip(x2, 0, across), jnp.clip(y2, 0, down)]
    return jnp.concatenate(clipped, axis=-1)
