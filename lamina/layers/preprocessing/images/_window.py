"""Rectangles that are cut out of images and scaled to a size: what crops and resizes have in common."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp


class Window(NamedTuple):
    """A rectangle of an image in pixels; a negative top or left means rows or columns that are added around it."""

    top: int
    left: int
    height: int
    width: int


def largest_window(size: tuple[int, int], target: tuple[int, int]) -> Window:
    """The largest centred rectangle of an image that has the proportions of the target.

    Args:
        size, target: Height and width in pixels.

    Example:
        >>> largest_window((340, 500), (200, 200))
        Window(top=0, left=80, height=340, width=340)
    """
    (height, width), (new_height, new_width) = size, target
    cut_height = max(min(height, width * new_height // new_width), 1)
    cut_width = max(min(width, height * new_width // new_height), 1)
    return Window((height - cut_height) // 2, (width - cut_width) // 2, cut_height, cut_width)


def surrounding_window(size: tuple[int, int], target: tuple[int, int]) -> Window:
    """The smallest centred rectangle around an image that has the proportions of the target, up to a pixel.

    Args:
        size, target: Height and width in pixels.

    Example:
        >>> surrounding_window((340, 500), (200, 200))
        Window(top=-80, left=0, height=500, width=500)
    """
    (height, width), (new_height, new_width) = size, target
    above = (max(height, width * new_height // new_width) - height) // 2
    before = (max(width, height * new_width // new_height) - width) // 2
    return Window(-above, -before, height + 2 * above, width + 2 * before)


def move_boxes(boxes: dict[str, Any], window: Window, target: tuple[int, int]) -> dict[str, Any]:
    """Boxes (batch, n, 4), as corners, in the window scaled to the target (height, width)."""
    start = jnp.array([window.left, window.top] * 2, jnp.float32)
    scale = jnp.array([target[1] / window.width, target[0] / window.height] * 2, jnp.float32)
    return boxes | {"boxes": (boxes["boxes"] - start) * scale}
