"""The ways to write a bounding box as four numbers, and the way from each to each."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import check_choice
from lamina.ops._arrays import as_array

# How corners (left, top, right, bottom) come out of the four numbers of a format, and the four numbers out of corners.
_TO_CORNERS = {
    "xyxy": lambda left, top, right, bottom: (left, top, right, bottom),
    "yxyx": lambda top, left, bottom, right: (left, top, right, bottom),
    "xywh": lambda left, top, width, height: (left, top, left + width, top + height),
    "center_xywh": lambda x, y, width, height: (x - width / 2, y - height / 2, x + width / 2, y + height / 2),
    "center_yxhw": lambda y, x, height, width: (x - width / 2, y - height / 2, x + width / 2, y + height / 2),
}
_FROM_CORNERS = {
    "xyxy": lambda left, top, right, bottom: (left, top, right, bottom),
    "yxyx": lambda left, top, right, bottom: (top, left, bottom, right),
    "xywh": lambda left, top, right, bottom: (left, top, right - left, bottom - top),
    "center_xywh": lambda left, top, right, bottom: (
        *(left + (right - left) / 2, top + (bottom - top) / 2),
        *(right - left, bottom - top),
    ),
    "center_yxhw": lambda left, top, right, bottom: (
        *(top + (bottom - top) / 2, left + (right - left) / 2),
        *(bottom - top, right - left),
    ),
}
FORMATS = (*_TO_CORNERS, "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")


def convert_format(
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: Any = "float32"
) -> Any:
    """Write bounding boxes in another format.

    | format | the four numbers |
    |---|---|
    | "xyxy" | left, top, right, bottom, in pixels |
    | "yxyx" | top, left, bottom, right |
    | "xywh" | left, top, width, height |
    | "center_xywh" | x and y of the centre, width, height |
    | "center_yxhw" | y and x of the centre, height, width |
    | "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh" | the same as fractions of the image's width and height |

    Args:
        boxes: Array (..., 4), or a dict whose "boxes" is one; its other keys are handed on.
        source, target: Names of formats, in any case.
        height, width: Size of the image in pixels; needed between relative and absolute formats.
        dtype: Float type of the result.

    Returns: array (..., 4), or a new dict.
    Raises:
        ValueError: an unknown format, a last axis that is not 4, a size that is needed and missing.

    Differs from Keras: a dict is not changed in place, and no size is asked for where none is needed.

    Example:
        >>> print(convert_format([[10, 20, 30, 60]], "xyxy", "rel_xywh", height=200, width=100))
        [[0.1 0.1 0.2 0.2]]
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    boxes = check_boxes(boxes, "convert_format").astype(dtype)
    source, target = check_format(source, "convert_format", "source"), check_format(target, "convert_format", "target")
    if source == target:
        return boxes
    from_relative, to_relative = is_relative(source), is_relative(target)
    if from_relative != to_relative and (height is None or width is None):
        raise ValueError(
            f"convert_format: height and width of the image are needed from {source!r} to {target!r}, received "
            f"height={height}, width={width}."
        )
    numbers: Any = jnp.split(boxes, 4, axis=-1)
    source, target = source.removeprefix("rel_"), target.removeprefix("rel_")
    if from_relative and not to_relative:
        numbers = [n * jnp.asarray(size, dtype) for n, size in zip(numbers, _sizes(source, height, width), strict=True)]
    numbers = _FROM_CORNERS[target](*_TO_CORNERS[source](*numbers))
    if to_relative and not from_relative:
        numbers = [n / jnp.asarray(size, dtype) for n, size in zip(numbers, _sizes(target, height, width), strict=True)]
    return jnp.concatenate(numbers, axis=-1)


def is_relative(name: str) -> bool:
    """Whether a format counts in fractions of the image's size."""
    return name.startswith("rel_")


def check_format(name: Any, where: str, argument: str = "bounding_box_format") -> str:
    """Return the name of a format in lower case, or raise a ValueError that lists them."""
    lowered = name.lower() if isinstance(name, str) else name
    check_choice(argument, lowered, FORMATS, f"{where}: ")
    return str(lowered)


def check_boxes(boxes: Any, where: str) -> jax.Array:
    """Return boxes as an array, or raise unless its last axis holds four numbers."""
    boxes = as_array(boxes)
    if boxes.ndim == 0 or boxes.shape[-1] != 4:
        raise ValueError(f"{where}: boxes: expected an array (..., 4), four numbers a box, received {boxes.shape}.")
    return boxes


def _sizes(absolute: str, height: Any, width: Any) -> tuple[Any, Any, Any, Any]:
    """The size of the image along each of the four numbers."""
    return (height, width) * 2 if absolute.removeprefix("center_").startswith("y") else (width, height) * 2
