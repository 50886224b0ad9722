"""Settings that image layers share: how strong a random change is, and the range of pixel values."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np


def factor_range(factor: Any, lowest: float, highest: float, argument: str, where: str) -> tuple[float, float]:
    """Return a strength as (lower, upper): a number f is (max(-f, lowest), f), a pair is put in order.

    Raises a ValueError unless both lie in [lowest, highest].

    Example:
        >>> factor_range(0.2, -1, 1, "factor", "RandomFog"), factor_range((0.5, 0.1), 0, 1, "factor", "RandomFog")
        ((-0.2, 0.2), (0.1, 0.5))
    """
    several = isinstance(factor, (tuple, list))
    pair = [f.item() if isinstance(f, np.number) else f for f in (factor if several else (factor, factor))]
    numbers = all(isinstance(f, (int, float)) and not isinstance(f, bool) for f in pair)
    if len(pair) != 2 or not numbers or not all(lowest <= f <= highest for f in pair):
        raise ValueError(
            f"{where}: {argument}: expected a number or a pair (lower, upper) from {lowest} to {highest}, "
            f"received {factor!r}."
        )
    return (min(pair), max(pair)) if several else (max(-abs(pair[0]), lowest), abs(pair[0]))


def check_value_range(value_range: Any, where: str) -> tuple[float, float]:
    """Return the range of pixel values as (lowest, highest), or raise unless it is two numbers in that order."""
    pair = list(value_range) if isinstance(value_range, (tuple, list)) else []
    if len(pair) != 2 or not all(isinstance(v, (int, float)) for v in pair) or not pair[0] < pair[1]:
        raise ValueError(
            f"{where}: value_range: expected (lowest, highest), e.g. (0, 255) or (0, 1), received {value_range!r}."
        )
    return pair[0], pair[1]


def change_range(images: jax.Array, old: tuple[float, float], new: tuple[float, float]) -> jax.Array:
    """Map pixel values linearly from one range to another.

    Example:
        >>> change_range(jax.numpy.array([0.0, 127.5]), (0, 255), (0, 1))
        Array([0. , 0.5], dtype=float32)
    """
    if tuple(old) == tuple(new):
        return images
    return (images - old[0]) / (old[1] - old[0]) * (new[1] - new[0]) + new[0]
