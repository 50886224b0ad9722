"""Boxes as what is left to say when a fixed anchor is near: the targets and outputs of object detectors."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import check_choice
from lamina.ops._arrays import EPSILON
from lamina.ops.bounding_boxes.formats import convert_format

_ENCODINGS = ("center_xywh", "center_yxhw")


def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> jax.Array:
    """Write boxes relative to anchors: (box centre - anchor centre) / anchor size, log(box size / anchor size).

    Args:
        anchors: Array (n, 4).
        boxes: Array (n, 4) or (batch, n, 4).
        anchor_format, box_format: Formats of both, as `convert_format` has them.
        encoding_format: "center_yxhw" or "center_xywh": the order of the deltas.
        variance: Four numbers by which the deltas are divided; None leaves them.
        image_shape: (height, width, channels), needed for relative formats.

    Returns: deltas of the shape of `boxes`, float32.
    Raises:
        ValueError: another encoding, not four variances, a size that is needed and missing.
    Source: Girshick et al. 2014, Rich Feature Hierarchies (R-CNN), appendix C.

    Example:
        >>> deltas = encode_box_to_deltas([[0, 0, 10, 10]], [[5, 0, 15, 10]], "xyxy", "xyxy")
        >>> print(deltas)
        [[0.  0.5 0.  0. ]]
    """
    variance = _check(encoding_format, "encoding_format", variance, "encode_box_to_deltas")
    size = _size(image_shape)
    anchor = convert_format(anchors, anchor_format, encoding_format, *size)
    box = convert_format(boxes, box_format, encoding_format, *size)
    anchor_size, box_size = (jnp.maximum(b[..., 2:], EPSILON) for b in (anchor, box))
    deltas = [(box[..., :2] - anchor[..., :2]) / anchor_size, jnp.log(box_size / anchor_size)]
    return jnp.concatenate(jnp.broadcast_arrays(*deltas), axis=-1) / variance


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """Read boxes from deltas: centre = delta * anchor size + anchor centre, size = exp(delta) * anchor size.

    Args:
        anchors: Array (n, 4), or a dict of them, one for each level of a detector.
        boxes_delta: Array (n, 4) or (batch, n, 4), or a dict of them with the same keys.
        anchor_format, box_format: Formats of the anchors and of the result, as `convert_format` has them.
        encoded_format, variance, image_shape: As in `encode_box_to_deltas`.

    Returns: boxes of the shape of `boxes_delta`, float32, or a dict of them.
    Raises:
        ValueError: as `encode_box_to_deltas`, or dicts of other keys.

    Example:
        >>> print(decode_deltas_to_boxes([[0, 0, 10, 10]], [[0.0, 0.5, 0.0, 0.0]], "xyxy", "xyxy"))
        [[ 5.  0. 15. 10.]]
    """
    variance = _check(encoded_format, "encoded_format", variance, "decode_deltas_to_boxes")
    size = _size(image_shape)

    def decode(anchors: Any, deltas: Any) -> jax.Array:
        anchor = convert_format(anchors, anchor_format, encoded_format, *size)
        deltas = jnp.asarray(deltas, jnp.float32) * variance
        parts = [deltas[..., :2] * anchor[..., 2:] + anchor[..., :2], jnp.exp(deltas[..., 2:]) * anchor[..., 2:]]
        boxes: jax.Array = convert_format(jnp.concatenate(parts, axis=-1), encoded_format, box_format, *size)
        return boxes

    if not isinstance(anchors, dict):
        return decode(anchors, boxes_delta)
    if not isinstance(boxes_delta, dict) or set(boxes_delta) != set(anchors):
        raise ValueError(
            f"decode_deltas_to_boxes: boxes_delta: expected a dict with the keys of the anchors, {sorted(anchors)}, "
            f"received {sorted(boxes_delta) if isinstance(boxes_delta, dict) else type(boxes_delta).__name__}."
        )
    return {level: decode(anchor, boxes_delta[level]) for level, anchor in anchors.items()}


def _check(encoding: str, argument: str, variance: Any, where: str) -> jax.Array:
    check_choice(argument, encoding, _ENCODINGS, f"{where}: ")
    variance = jnp.ones(4) if variance is None else jnp.asarray(variance, jnp.float32)
    if variance.shape[-1:] != (4,):
        raise ValueError(f"{where}: variance: expected four numbers, received shape {variance.shape}.")
    return variance


def _size(image_shape: Any) -> tuple[Any, Any]:
    return (None, None) if image_shape is None else (image_shape[0], image_shape[1])
