"""Window functions: weights that fade a signal in and out, w[n] for n = 0 … x - 1, in the default float type."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.dtypes import floatx
from lamina.core.symbolic import operation


@operation("numpy")
def bartlett(x: Any) -> jax.Array:
    """Triangle: w[n] = 1 - |2 n / (x - 1) - 1|.

    Args:
        x: Number of weights.

    Example:
        >>> print(bartlett(5))
        [0.  0.5 1.  0.5 0. ]
    """
    return jnp.asarray(np.bartlett(int(x)), floatx())


@operation("numpy")
def blackman(x: Any) -> jax.Array:
    """Blackman's window: w[n] = 0.42 - 0.5 cos(2π n / (x - 1)) + 0.08 cos(4π n / (x - 1)).

    Args:
        x: Number of weights.

    Example:
        >>> [f"{w:.2f}" for w in blackman(5)[1:4]]
        ['0.34', '1.00', '0.34']
    """
    return jnp.asarray(np.blackman(int(x)), floatx())


@operation("numpy")
def hamming(x: Any) -> jax.Array:
    """Hamming's window: w[n] = 0.54 - 0.46 cos(2π n / (x - 1)).

    Args:
        x: Number of weights.

    Example:
        >>> [f"{w:.2f}" for w in hamming(3)]
        ['0.08', '1.00', '0.08']
    """
    return jnp.asarray(np.hamming(int(x)), floatx())


@operation("numpy")
def hanning(x: Any) -> jax.Array:
    """Hann's window: w[n] = 0.5 - 0.5 cos(2π n / (x - 1)).

    Args:
        x: Number of weights.

    Example:
        >>> print(hanning(3))
        [0. 1. 0.]
    """
    return jnp.asarray(np.hanning(int(x)), floatx())


@operation("numpy")
def kaiser(x: Any, beta: float) -> jax.Array:
    """Kaiser's window: w[n] = i0(beta sqrt(1 - (2 n / (x - 1) - 1)²)) / i0(beta).

    Args:
        x: Number of weights.
        beta: How narrow it is; 0 is a rectangle.

    Example:
        >>> print(kaiser(3, 0.0))
        [1. 1. 1.]
    """
    return jnp.asarray(np.kaiser(int(x), float(beta)), floatx())
