"""Resampling along one axis: each output is a weighted sum of a few inputs, whose weights depend on the sizes alone."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


def _linear(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - x, 0)


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' kernel with a = -0.5."""
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(radius: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(x <= radius, np.sinc(x) * np.sinc(x / radius), 0)


# Weight of an input by its distance from the output's place, in inputs.
KERNELS = {"bilinear": _linear, "bicubic": _cubic, "lanczos3": _lanczos(3), "lanczos5": _lanczos(5)}

# Few inputs of an output are gathered and summed, many are a matrix product. Measured on two cores, 32 x 64 x 64 x 3
# floats in a compiled loop, sums / products / products across and sums down: bilinear to 48 x 48 takes 0.4 / 0.8 / 0.4
# ms, to 128 x 128 1.2 / 3.1 / 1.1, bicubic 17 / 3.2 / 1.2. One gathered input costs as much as this many of a product:
_COST_OF_ROWS, _COST_OF_PIXELS = 4, 32
_ROW = 32  # fewest elements behind the axis that are a row


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3, 4, 5))
def resample(x: jax.Array, axis: int, size: int, count: int, interpolation: str, antialias: bool) -> jax.Array:
    """Return an array with `count` elements in place of `size` along one axis; nearest keeps every dtype."""
    return _combine(x, axis, weights_of(size, count, interpolation, antialias))


def _forward(x: jax.Array, *settings: Any) -> tuple[jax.Array, None]:
    return resample(x, *settings), None


def _backward(
    axis: int, size: int, count: int, interpolation: str, antialias: bool, _: None, slope: jax.Array
) -> tuple[jax.Array]:
    # The transpose is a resampling too. The gradient that JAX derives scatters, 10 to 50 times slower on a CPU.
    return (_combine(slope, axis, weights_of(size, count, interpolation, antialias).T),)


resample.defvjp(_forward, _backward)


def _combine(x: jax.Array, axis: int, weights: np.ndarray) -> jax.Array:
    """Return y[j] = sum over i of weights[i, j] * x[i] along one axis."""
    used = weights != 0
    first = used.argmax(0)
    taps = (len(used) - used[::-1].argmax(0) - first)[used.any(0)].max()
    cost = _COST_OF_ROWS if math.prod(x.shape[axis + 1 :]) >= _ROW else _COST_OF_PIXELS
    if taps > 1 and taps * cost >= len(used):
        matrix = jnp.asarray(weights, x.dtype)
        return jnp.moveaxis(jnp.tensordot(x, matrix, (axis, 0), precision=lax.Precision.HIGHEST), -1, axis)
    places = np.minimum(first, len(used) - taps) + np.arange(taps)[:, None]  # (taps, outputs)
    shares = np.take_along_axis(weights, places, axis=0)
    parts = [jnp.take(x, place, axis, mode="clip") for place in places]
    if taps == 1 and (shares == 1).all():
        return parts[0]
    along = (-1,) + (1,) * (x.ndim - axis - 1)
    return jnp.asarray(
        sum(part * share.reshape(along).astype(x.dtype) for part, share in zip(parts, shares, strict=True))
    )


def weights_of(size: int, count: int, interpolation: str, antialias: bool) -> np.ndarray:
    """Weights (inputs, outputs); those of an output sum to one."""
    places = (np.arange(count) + 0.5) * size / count  # of the outputs' centres, the first input reaching from 0 to 1
    inputs = np.arange(size)[:, None]
    if interpolation == "nearest":
        return (inputs == np.floor(places)).astype(float)
    stretch = max(size / count, 1.0) if antialias else 1.0
    weights = KERNELS[interpolation](np.abs(places - 0.5 - inputs) / stretch)
    return weights / weights.sum(0)
