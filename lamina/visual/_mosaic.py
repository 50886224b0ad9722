"""Many small pictures in one frame: rows and columns of cells, each 1 wide, with the same gap between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lamina.visual import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 9.0  # of a full row, inches
GAP = 0.06  # of a cell, on each side
_FEW = 24  # pictures up to which a row holds 8 of them, else 16


def rows_of(count: int, columns: int) -> int:
    """Rows that so many cells fill."""
    return math.ceil(count / columns)


def columns_for(count: int) -> int:
    """Pictures in a row that many pictures of one kind get: larger ones where they are few."""
    return min(count, 8) if count <= _FEW else 16


def height_of(picture: tuple[int, ...]) -> float:
    """Height of a cell, in widths, for pictures of shape (height, width, ...)."""
    return picture[0] / picture[1] * (1 - 2 * GAP) + 2 * GAP


def draw(ax: Axes, pictures: Sequence[np.ndarray], columns: int, **style: Any) -> None:
    """Draw pictures (height, width) or (height, width, 3) row by row, and number the first of each row.

    Args:
        ax: The frame.
        pictures: All of one shape.
        columns: Pictures in a row.
        **style: Settings of `imshow`: cmap, vmin, vmax.
    """
    high = height_of(pictures[0].shape)
    for place, picture in enumerate(pictures):
        row, column = divmod(place, columns)
        left, right, top, bottom = column + GAP, column + 1 - GAP, row * high + GAP, (row + 1) * high - GAP
        ax.imshow(picture, extent=(left, right, bottom, top), interpolation="nearest", **style)
    frame(ax, rows_of(len(pictures), columns), columns, high)


def frame(ax: Axes, rows: int, columns: int, high: float) -> None:
    """Set the limits to rows and columns of cells that are 1 wide and `high` high, and number the rows' first cells."""
    ax.set(xlim=(0, columns), ylim=(rows * high, 0), aspect="equal", anchor="NW", xticks=[])
    ax.set_yticks([(row + 0.5) * high for row in range(rows)], [str(row * columns) for row in range(rows)], fontsize=7)
    _style.bare(ax)
