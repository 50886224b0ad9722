"""Checks of constructor arguments, made when `fit` begins, as scikit-learn's contract asks."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np

from lamina.core.errors import closest_match


def number(
    estimator: Any,
    name: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    whole: bool = False,
    above: bool = False,
    below: bool = False,
    also: tuple[Any, ...] = (),
) -> None:
    """Check that a parameter is a number from `low` to `high`.

    Args:
        estimator: Whose parameter it is.
        name: Its name.
        low: Least value.
        high: Greatest value.
        whole: Whether it is a whole number.
        above: Whether `low` itself is refused.
        below: Whether `high` itself is refused.
        also: Further values that are accepted: None, "auto", …
    Raises:
        ValueError: anything else.
    """
    value = getattr(estimator, name)
    if any(value is other or (isinstance(other, str | float) and value == other) for other in also):
        return
    kind = Integral if whole else Real
    good = isinstance(value, kind) and not isinstance(value, bool | np.bool_) and not math.isnan(value)
    good = good and (low < value if above else low <= value) and (value < high if below else value <= high)
    if not good:
        bounds = f"{'>' if above else '>='} {low:g}" if low > -math.inf else ""
        if high < math.inf:
            bounds += f"{' and ' if bounds else ''}{'<' if below else '<='} {high:g}"
        others = "".join(f", or {other!r}" for other in also)
        raise ValueError(
            f"{type(estimator).__name__}: {name}: expected a {'whole ' if whole else ''}number {bounds}{others}, "
            f"received {value!r}."
        )


def choice(estimator: Any, name: str, known: tuple[Any, ...]) -> None:
    """Check that a parameter is one of the known values.

    Raises:
        ValueError: it is not.
    """
    value = getattr(estimator, name)
    if not any(value is other or (isinstance(value, str) and value == other) for other in known):
        hint = (
            closest_match(value, [other for other in known if isinstance(other, str)]) if isinstance(value, str) else ""
        )
        raise ValueError(
            f"{type(estimator).__name__}: {name}: expected one of {', '.join(map(repr, known))}, "
            f"received {value!r}.{hint}"
        )


def flag(estimator: Any, *names: str) -> None:
    """Check that parameters are True or False.

    Raises:
        ValueError: one of them is not.
    """
    for name in names:
        if not isinstance(value := getattr(estimator, name), bool | np.bool_):
            raise ValueError(f"{type(estimator).__name__}: {name}: expected True or False, received {value!r}.")
