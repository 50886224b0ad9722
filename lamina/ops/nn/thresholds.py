"""Functions that leave small values out."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_float


@operation("nn")
def soft_shrink(x: Tensor, threshold: float = 0.5) -> jax.Array:
    """Soft shrinkage, pulling x towards 0: sign(x) * max(|x| - threshold, 0).

    Args:
        x: Array, any shape.
        threshold: How far it pulls, >= 0. Default 0.5.

    Source: Donoho 1995, De-noising by Soft-Thresholding.

    Example:
        >>> print(soft_shrink([-2.0, 0.2, 2.0]))
        [-1.5  0.   1.5]
    """
    x = as_float(x)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, 0.0))


@operation("nn")
def hard_shrink(x: Tensor, threshold: float = 0.5) -> jax.Array:
    """Hard shrinkage: x where |x| > threshold, else 0.

    Args:
        x: Array, any shape.
        threshold: Half width of the zero range, >= 0. Default 0.5.

    Source: Donoho & Johnstone 1994, Ideal Spatial Adaptation by Wavelet Shrinkage.

    Example:
        >>> print(hard_shrink([-2.0, 0.2, 2.0]))
        [-2.  0.  2.]
    """
    x = as_float(x)
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


@operation("nn")
def threshold(x: Tensor, threshold: float, default_value: float) -> jax.Array:
    """Threshold: x where x > threshold, else default_value.

    Args:
        x: Array, any shape.
        threshold: Values at or below it are replaced.
        default_value: What replaces them.

    Example:
        >>> print(threshold([0.0, 1.0, 2.0], threshold=0.5, default_value=-1.0))
        [-1.  1.  2.]
    """
    x = as_float(x)
    return jnp.where(x > threshold, x, default_value)
