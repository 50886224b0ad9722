"""Empty boxes: what fills up the images of a batch that have fewer boxes than others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.symbolic import KerasTensor

EMPTY = -1  # each number of an empty box, and its label


def densify(bounding_boxes: Any, where: str = "densify") -> dict[str, Any]:
    """Return bounding boxes as arrays; images with fewer boxes than others get empty ones, -1 with the label -1.

    Args:
        bounding_boxes: Dict of "boxes" (batch, n, 4) and "labels" (batch, n) or one-hot (batch, n, classes), or without
            the batch axis; or of lists with an entry for each image, of any number of boxes each.
        where: What messages call the place.

    Returns: a new dict: boxes in float32, labels signed; further keys as they are.
    Raises:
        ValueError: a key is missing, an image has more labels than boxes, or a box has not four numbers.

    Example:
        >>> dense = densify({"boxes": [[[0, 0, 4, 4]], [[1, 1, 2, 2], [3, 3, 4, 4]]], "labels": [[7], [8, 9]]})
        >>> print(dense["labels"])
        [[ 7 -1]
         [ 8  9]]
    """
    if not isinstance(bounding_boxes, dict) or not {"boxes", "labels"} <= set(bounding_boxes):
        came = sorted(bounding_boxes) if isinstance(bounding_boxes, dict) else type(bounding_boxes).__name__
        raise ValueError(f"{where}: bounding_boxes: expected a dict with 'boxes' and 'labels', received {came}.")
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    if isinstance(boxes, KerasTensor):
        return bounding_boxes
    if isinstance(boxes, (list, tuple)) and _is_batch(boxes):
        boxes, labels = _padded(boxes, labels, where)
    boxes, labels = jnp.asarray(boxes, jnp.float32), jnp.asarray(labels)
    if boxes.size == 0 and boxes.ndim == 1:
        boxes = boxes.reshape(0, 4)  # a list without boxes, for one image
    if boxes.ndim not in (2, 3) or boxes.shape[-1] != 4 or labels.shape[: boxes.ndim - 1] != boxes.shape[:-1]:
        raise ValueError(
            f"{where}: bounding_boxes: expected boxes (batch, n, 4) and labels (batch, n), or both without the batch "
            f"axis, received boxes {boxes.shape} and labels {labels.shape}."
        )
    if jnp.issubdtype(labels.dtype, jnp.unsignedinteger) or labels.dtype == bool:
        labels = labels.astype(jnp.int32)  # -1 marks empty boxes
    return {**bounding_boxes, "boxes": boxes, "labels": labels}


def mark_empty(bounding_boxes: dict[str, Any]) -> dict[str, Any]:
    """Return bounding boxes in which every empty one says so twice: -1 in all its numbers, and -1 for a label.

    Empty is what has the label -1 (one-hot: -1 for all classes), or 0 or -1 for all four numbers.
    """
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    empty = is_empty(bounding_boxes) | (boxes == 0).all(-1) | (boxes == EMPTY).all(-1)
    return label_empty({**bounding_boxes, "boxes": boxes, "labels": labels}, empty)


def is_empty(bounding_boxes: dict[str, Any]) -> jax.Array:
    """Whether each box (..., n) has the label -1."""
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    empty = labels == EMPTY
    return empty if labels.ndim < boxes.ndim else empty.all(-1)


def label_empty(bounding_boxes: dict[str, Any], empty: jax.Array) -> dict[str, Any]:
    """Return bounding boxes with -1 for the numbers and labels of those that are `empty` (..., n)."""
    boxes, labels = bounding_boxes["boxes"], bounding_boxes["labels"]
    where = empty if labels.ndim < boxes.ndim else empty[..., None]
    return {
        **bounding_boxes,
        "boxes": jnp.where(empty[..., None], jnp.asarray(EMPTY, boxes.dtype), boxes),
        "labels": jnp.where(where, jnp.asarray(EMPTY, labels.dtype), labels),
    }


def _is_batch(boxes: Sequence[Any]) -> bool:
    """Whether a list holds the boxes of several images, and not those of one."""
    return any(np.ndim(image) > 1 for image in boxes) or (bool(boxes) and all(np.size(image) == 0 for image in boxes))


def _padded(boxes: Sequence[Any], labels: Sequence[Any], where: str) -> tuple[Any, Any]:
    """Arrays of lists with an entry for each image, filled up with -1 to the largest number of boxes."""
    if len(boxes) != len(labels):
        raise ValueError(f"{where}: bounding_boxes: boxes of {len(boxes)} images, but labels of {len(labels)}.")
    stack: Any = jnp if any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves((boxes, labels))) else np
    rows = [stack.asarray(image, "float32").reshape(-1, 4) for image in boxes]
    names = [stack.asarray(image, None if np.size(image) else "int32") for image in labels]
    for number, (row, name) in enumerate(zip(rows, names, strict=True)):
        if len(row) != len(name):
            raise ValueError(
                f"{where}: bounding_boxes: image {number} has {len(row)} boxes, but {len(name)} labels: one for each."
            )
    most = max(map(len, rows))
    one_hot = next((name.shape[1:] for name in names if len(name)), ())

    def fill(array: Any, shape: tuple[int, ...]) -> Any:
        missing = stack.full((most - len(array), *shape), EMPTY, array.dtype)
        return stack.concatenate([array.reshape(-1, *shape), missing])

    return stack.stack([fill(row, (4,)) for row in rows]), stack.stack([fill(name, one_hot) for name in names])
