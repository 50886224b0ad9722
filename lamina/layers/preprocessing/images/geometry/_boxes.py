"""Where bounding boxes go when the pixels of their images move.

Maps are those of `lamina.ops.image.affine_transform`: from a pixel's number in the new image to its number in the old
one. Boxes are measured from the image's edge, so the middle of pixel 0 is at 0.5.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp


@functools.partial(jax.jit, inline=True)
def move_boxes(boxes: jax.Array, maps: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return the boxes around the moved corners, and which of them the horizon of a map in perspective cuts.

    A map takes (x, y) to (a0 x + a1 y + a2, b0 x + b1 y + b2) / (c0 x + c1 y + 1), so corners move by its inverse.

    Args:
        boxes: (batch, n, 4), left, top, right, bottom in pixels.
        maps: (batch, 8), a0, a1, a2, b0, b1, b2, c0, c1.

    Returns:
        boxes (batch, n, 4), which may stick out of the image, and (batch, n) booleans: a box that the horizon cuts is
        in two pieces that reach to infinity, and its corners say nothing.
    """
    a0, a1, a2, b0, b1, b2, c0, c1 = jnp.moveaxis(maps, -1, 0)[..., None, None]  # (8, batch, 1, 1)
    left, top, right, bottom = jnp.moveaxis(boxes - 0.5, -1, 0)
    x = jnp.stack([left, right, right, left], axis=-1)  # (batch, n, 4 corners)
    y = jnp.stack([top, top, bottom, bottom], axis=-1)
    scale = (b0 * c1 - b1 * c0) * x + (a1 * c0 - a0 * c1) * y + a0 * b1 - a1 * b0  # of homogeneous coordinates
    safe = jnp.where(scale == 0, 1e-20, scale)  # a map onto a line: the corners go to infinity
    new_x = ((b1 - b2 * c1) * x + (a2 * c1 - a1) * y + a1 * b2 - a2 * b1) / safe + 0.5
    new_y = ((b2 * c0 - b0) * x + (a0 - a2 * c0) * y + a2 * b0 - a0 * b2) / safe + 0.5
    sides = [new_x.min(-1), new_y.min(-1), new_x.max(-1), new_y.max(-1)]
    return jnp.stack(sides, axis=-1), (scale.min(-1) < 0) & (scale.max(-1) > 0)


@functools.partial(jax.jit, inline=True)
def boxes_of_pixels(boxes: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    """Return the boxes around all the new pixels that show a part of the old ones: exact for any map.

    Args:
        boxes: (batch, n, 4), left, top, right, bottom in pixels.
        x, y: (batch, height, width), where each pixel of the new image comes from, as a number of a column and a row.

    Returns:
        Boxes (batch, n, 4) in whole pixels; empty (0, 0, 0, 0) where none shows.
    """
    left, top, right, bottom = (side[..., None, None] for side in jnp.moveaxis(boxes - 0.5, -1, 0))
    x, y = x[:, None], y[:, None]
    inside = (left <= x) & (x < right) & (top <= y) & (y < bottom)  # (batch, n, height, width)
    (left, right), (top, bottom) = _extent(inside.any(-2)), _extent(inside.any(-1))
    return jnp.stack([left, top, right, bottom], axis=-1).astype(boxes.dtype)


def _extent(flags: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The first True of (..., size) and the end of the last; (0, 0) where there is none."""
    end = flags.shape[-1] - jnp.argmax(flags[..., ::-1], axis=-1)
    return jnp.argmax(flags, axis=-1), jnp.where(flags.any(-1), end, 0)
