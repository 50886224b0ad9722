"""How many elements to add or to cut at both ends of each spatial axis, as users write it."""

from __future__ import annotations

from typing import Any

from lamina.core.errors import check_positive_int

Pairs = tuple[tuple[int, int], ...]


def pairs_per_axis(value: Any, rank: int, argument: str, where: str) -> Pairs:
    """Return (before, after) for each of `rank` spatial axes; one number stands for both ends, or for all axes.

    For a single axis a pair is its two ends; for more, the entries belong to the axes.

    Example:
        >>> pairs_per_axis((1, (2, 3)), 2, "padding", "ZeroPadding2D 'pad'")
        ((1, 1), (2, 3))
    """
    entries = [value] if rank == 1 else list(value) if isinstance(value, (tuple, list)) else [value] * rank
    pairs = [tuple(entry) if isinstance(entry, (tuple, list)) else (entry, entry) for entry in entries]
    if len(pairs) != rank or any(len(pair) != 2 for pair in pairs):
        axes = "" if rank == 1 else f", or {rank} entries, each a number or a pair (before, after), one for each axis"
        both = " or a pair (before, after)" if rank == 1 else ""
        raise ValueError(f"{where}: {argument}: expected a whole number >= 0{both}{axes}; received {value!r}.")
    checked = [[check_positive_int(argument, n, f"{where}: ", minimum=0) for n in pair] for pair in pairs]
    return tuple((before, after) for before, after in checked)
