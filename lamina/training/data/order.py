"""Dicts that keep the order in which they were written."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any


def in_given_order(data: Any) -> Any:
    """Return a dict as an OrderedDict, and anything else as it is.

    JAX sorts the keys of plain dicts wherever it copies them; for outputs without names the order tells whose the
    targets are.

    Example:
        >>> import jax
        >>> y = {"main": 1, "aux": 2}
        >>> list(jax.tree.map(abs, y)), list(jax.tree.map(abs, in_given_order(y)))
        (['aux', 'main'], ['main', 'aux'])
    """
    return OrderedDict(data) if type(data) is dict else data
