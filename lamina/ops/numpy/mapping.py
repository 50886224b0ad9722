"""Functions of numbers made functions of tensors."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import jax.numpy as jnp


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Collection[int | str] | None = None, signature: str | None = None
) -> Callable[..., Any]:
    """Let a function of numbers, or of small arrays, take tensors and broadcast over their other axes.

    Args:
        pyfunc: Function that JAX can trace.
        excluded: Places and names of arguments that stay as they are. Default None.
        signature: Axes of one call's arguments and results, like "(n),(n)->()"; None: numbers. Default None.

    Raises:
        TypeError: pyfunc that cannot be called.

    Example:
        >>> print(vectorize(lambda a, b: a + b)(jnp.arange(3), 10))
        [10 11 12]
    """
    if not callable(pyfunc):
        raise TypeError(f"vectorize: pyfunc must be a function, received {pyfunc!r}.")
    return jnp.vectorize(pyfunc, excluded=frozenset(excluded or ()), signature=signature)
