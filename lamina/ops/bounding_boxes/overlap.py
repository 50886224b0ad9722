"""How far bounding boxes overlap: intersection over union, and the complete one."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from lamina.ops._arrays import EPSILON, check_rank
from lamina.ops.bounding_boxes.formats import check_format, convert_format, is_relative


def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Any = None,
) -> jax.Array:
    """Overlap of each box with each: area of the intersection / area of the union.

    Args:
        boxes1: Array (m, 4) or (batch, m, 4).
        boxes2: Array (n, 4) or (batch, n, 4).
        bounding_box_format: Format of both, as `convert_format` has them.
        use_masking: Whether pairs with a box that is negative in all its numbers (an empty one) get `mask_val`.
        mask_val: Result for them.
        image_shape: (height, width, channels), needed for relative formats.

    Returns: array (m, n) or (batch, m, n), from 0 to 1, float32.
    Raises:
        ValueError: other ranks, an unknown format, a size that is needed and missing.

    Differs from Keras: masking works for inputs of different ranks too.

    Example:
        >>> print(compute_iou([[0, 0, 2, 2]], [[1, 0, 3, 2], [5, 5, 6, 6]], "xyxy").round(3))
        [[0.333 0.   ]]
    """
    for name, boxes in (("boxes1", boxes1), ("boxes2", boxes2)):
        check_rank(boxes, (2, 3), "compute_iou", name, "(n, 4) or (batch, n, 4)")
    first, second = (_corners(b, bounding_box_format, image_shape, "compute_iou") for b in (boxes1, boxes2))
    one, other = first[..., :, None, :], second[..., None, :, :]  # (batch, m, 1, 4), (batch, 1, n, 4)
    common = _intersection(one, other)
    overlap = common / (_area(one) + _area(other) - common + EPSILON)
    if not use_masking:
        return overlap
    empty = (one.max(-1) < 0) | (other.max(-1) < 0)
    return jnp.where(empty, jnp.asarray(mask_val, overlap.dtype), overlap)


def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None) -> jax.Array:
    """Complete overlap of boxes in pairs: IoU - distance of centres² / diagonal² - a v.

    The diagonal is that of the smallest box around both; v = 4 / pi² (atan(w2 / h2) - atan(w1 / h1))² is how much the
    proportions differ, and a = v / (1 - IoU + v).

    Args:
        boxes1, boxes2: Arrays (..., 4) of one shape, or shapes that broadcast.
        bounding_box_format: Format of both, as `convert_format` has them.
        image_shape: (height, width, channels), needed for relative formats.

    Returns: array (...), from -1.5 to 1, float32.
    Raises:
        ValueError: an unknown format, a size that is needed and missing.
    Source: Zheng et al. 2020, Distance-IoU Loss.

    Differs from Keras: relative formats work, given an `image_shape`.

    Example:
        >>> print(compute_ciou([[0, 0, 2, 2]], [[1, 0, 3, 2]], "xyxy").round(3))
        [0.256]
    """
    first, second = (_corners(b, bounding_box_format, image_shape, "compute_ciou") for b in (boxes1, boxes2))
    width1, height1, width2, height2 = (
        *(first[..., 2] - first[..., 0], first[..., 3] - first[..., 1] + EPSILON),
        *(second[..., 2] - second[..., 0], second[..., 3] - second[..., 1] + EPSILON),
    )
    common = _intersection(first, second)
    overlap = common / (width1 * height1 + width2 * height2 - common + 2 * EPSILON)
    around = jnp.maximum(first, second)[..., 2:] - jnp.minimum(first, second)[..., :2]
    apart = (first[..., :2] + first[..., 2:] - second[..., :2] - second[..., 2:]) / 2
    distance = (apart**2).sum(-1) / ((around**2).sum(-1) + EPSILON)
    v = 4 / math.pi**2 * (jnp.arctan(width2 / height2) - jnp.arctan(width1 / height1)) ** 2
    return overlap - distance - v * v / (v - overlap + 1 + EPSILON)


def _corners(boxes: Any, bounding_box_format: str, image_shape: Any, where: str) -> jax.Array:
    name = check_format(bounding_box_format, where)
    if is_relative(name) and image_shape is None:
        raise ValueError(f"{where}: image_shape (height, width, channels) is needed for {name!r}, received None.")
    height, width = (None, None) if image_shape is None else image_shape[:2]
    corners: jax.Array = convert_format(boxes, name, "xyxy", height, width)
    return corners


def _area(corners: jax.Array) -> jax.Array:
    return (corners[..., 2] - corners[..., 0]) * (corners[..., 3] - corners[..., 1])


def _intersection(first: jax.Array, second: jax.Array) -> jax.Array:
    """Area that boxes have in common."""
    sides = jnp.minimum(first, second)[..., 2:] - jnp.maximum(first, second)[..., :2]
    return jnp.maximum(sides, 0).prod(-1)
