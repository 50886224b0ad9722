"""Values between the elements of an array, and beyond its edges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core.errors import check_choice
from lamina.ops.image._images import channel_axis

ORDERS = {"nearest": 0, "bilinear": 1}


def _fold(index: jax.Array, period: int, last: int) -> jax.Array:
    """A triangular wave: up from 0, and back down so that `last` is reached before a new period begins."""
    index = index % period
    return jnp.minimum(index, last - index)


# Which element of an axis stands in for an index; "constant" counts in an axis with one more element at each end, the
# fill value.
INDICES = {
    "constant": lambda index, size: jnp.clip(index, -1, size) + 1,
    "nearest": lambda index, size: jnp.clip(index, 0, size - 1),
    "wrap": lambda index, size: index % size,
    "mirror": lambda index, size: _fold(index, max(2 * size - 2, 1), 2 * size - 2),
    "reflect": lambda index, size: _fold(index, 2 * size, 2 * size - 1),
}


def check_fill_mode(fill_mode: str, where: str) -> None:
    """Raise for an unknown way to go on beyond the edges."""
    check_choice("fill_mode", fill_mode, INDICES, f"{where}: ")


def interpolate(
    x: jax.Array, coordinates: Sequence[jax.Array], fill_value: jax.Array | float, order: int, fill_mode: str
) -> jax.Array:
    """Return the values of an array at coordinates that are no whole numbers.

    Args:
        x: Array, any shape.
        coordinates: One array for each axis of x, all of one shape.
        fill_value: Value beyond the edges, for fill_mode "constant".
        order: 0 (the nearest element) or 1 (linear along each axis).
        fill_mode: A key of `INDICES`.
    """
    pick = INDICES[fill_mode]
    nodes = [  # for each axis, the elements next to each coordinate and their shares
        [(pick(index, size), share) for index, share in _neighbours(position, order)]
        for position, size in zip(coordinates, x.shape, strict=True)
    ]
    if fill_mode == "constant":
        x = lax.pad(x, jnp.asarray(fill_value).astype(x.dtype), [(1, 1, 0)] * x.ndim)
    total: jax.Array | float = 0.0
    for corner in itertools.product(*nodes):
        indices, shares = zip(*corner, strict=True)
        values = x.at[indices].get(mode="promise_in_bounds")
        if order == 0:
            return values
        total = total + math.prod(shares[1:], start=shares[0]) * values
    result = jnp.asarray(total)
    return (result if jnp.issubdtype(x.dtype, jnp.inexact) else lax.round(result)).astype(x.dtype)


def _neighbours(position: jax.Array, order: int) -> list[tuple[jax.Array, jax.Array | float]]:
    if order == 0:
        return [(lax.round(position).astype(jnp.int32), 1.0)]  # halves are rounded away from zero
    lower = jnp.floor(position)
    share, index = position - lower, lower.astype(jnp.int32)
    return [(index, 1 - share), (index + 1, share)]


# Measured on two cores, 32 x 64 x 64 x 3 floats in a compiled loop: bilinear 0.7-1.0 ms in every fill mode, nearest 0.3
# to 0.5 (Keras: 12, as it interpolates between channels too). "constant" by a choice for each neighbour: 1.3, not 0.9.
def sample(
    images: jax.Array,
    rows: jax.Array,
    columns: jax.Array,
    fill_value: jax.Array | float,
    order: int,
    fill_mode: str,
    data_format: str,
) -> jax.Array:
    """Return a batch of images whose pixel (i, j) is read at (rows[i, j], columns[i, j]) of each image.

    Args:
        images: Batch (batch, height, width, channels), or with channels first.
        rows, columns: Positions (batch, new height, new width).
        fill_value, order, fill_mode: As in `interpolate`.
        data_format: Where the channels stand.
    """
    channels = channel_axis(data_format) % 3
    read = lambda plane, i, j: interpolate(plane, (i, j), fill_value, order, fill_mode)  # noqa: E731
    return jax.vmap(jax.vmap(read, (channels, None, None), channels))(images, rows, columns)
