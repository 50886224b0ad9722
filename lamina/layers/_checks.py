"""Checks of constructor arguments that several families of layers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def check_number(
    argument: str, value: Any, where: str = "", *, minimum: float | None = None, above: float | None = None
) -> Any:
    """Return `value` as it came, or raise unless it is a number >= `minimum`, or > `above`.

    Example:
        >>> check_number("stddev", -1, "GaussianNoise 'noise': ", minimum=0)
        Traceback (most recent call last):
        ValueError: GaussianNoise 'noise': stddev: expected a number >= 0, received -1.
    """
    number = hasattr(value, "__float__") and not isinstance(value, bool) and np.ndim(value) == 0
    number = number and value == value  # NaN is none
    if number and (minimum is None or value >= minimum) and (above is None or value > above):
        return value
    limit = f" >= {minimum}" if minimum is not None else f" > {above}" if above is not None else ""
    raise ValueError(f"{where}{argument}: expected a number{limit}, received {value!r}.")


def check_axis(argument: str, axis: Any, where: str = "") -> int:
    """Return one axis as an int; raise for anything else.

    Example:
        >>> check_axis("axis", -1)
        -1
    """
    if isinstance(axis, bool) or not hasattr(axis, "__index__"):
        raise ValueError(f"{where}{argument}: expected a whole number, received {axis!r}.")
    return int(axis)


def check_axes(argument: str, axis: Any, where: str = "") -> int | list[int]:
    """Return one axis as an int, or several as a list; raise for anything else.

    Example:
        >>> check_axes("axis", (1, 2)), check_axes("axis", -1)
        ([1, 2], -1)
    """
    several = isinstance(axis, (list, tuple))
    axes = list(axis) if several else [axis]
    if not axes or any(isinstance(a, bool) or not hasattr(a, "__index__") for a in axes):
        raise ValueError(f"{where}{argument}: expected a whole number or a list of them, received {axis!r}.")
    return [int(a) for a in axes] if several else int(axis)


def check_axes_exist(axis: int | Sequence[int], shape: Sequence[int | None], where: str = "") -> None:
    """Raise unless an input of this shape has the axis or axes, each named once."""
    axes, rank = [axis] if isinstance(axis, int) else axis, len(shape)
    if any(not -rank <= a < rank for a in axes) or len({a % rank for a in axes}) < len(axes):
        raise ValueError(
            f"{where}axis {axis}: expected different axes from {-rank} to {rank - 1}, received an input of shape "
            f"{tuple(shape)}."
        )
