"""What the colour layers share: one drawn number an image, whole levels of brightness, the check for colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.random import uniform
from lamina.layers.preprocessing.images._base import ImageLayer, RandomImageLayer
from lamina.layers.preprocessing.images._settings import change_range

# Pixels / 255 * 255, or through (-1, 1) and back, come out up to 1e-4 below the whole number that they were.
_ROUNDING = 1e-3


def draw_for_each(layer: RandomImageLayer, images: jax.Array, bounds: tuple[float, float]) -> jax.Array:
    """Draw a number from [lower, upper) for each image: (batch, 1, 1, 1), of the images' dtype."""
    return uniform(layer.generator.next(), (images.shape[0], 1, 1, 1), *bounds).astype(images.dtype)


def choose_images(layer: RandomImageLayer, images: jax.Array, bounds: tuple[float, float]) -> jax.Array:
    """Draw a probability from [lower, upper) for each image, and then whether it is chosen: bool (batch, 1, 1, 1)."""
    shape = (images.shape[0], 1, 1, 1)
    probability = uniform(layer.generator.next(), shape, *bounds)
    return uniform(layer.generator.next(), shape) < probability


def whole_levels(images: jax.Array, value_range: tuple[float, float], count: int = 256) -> jax.Array:
    """Return the level of each pixel among `count` evenly spaced ones: int32 from 0 to count - 1, rounded down.

    Example:
        >>> whole_levels(jnp.array([0.0, 0.5, 1.0, 1.2]), (0, 1), 3)
        Array([0, 1, 2, 2], dtype=int32)
    """
    scaled = change_range(images.astype(jnp.float32), value_range, (0, count - 1))
    return jnp.clip(jnp.floor(scaled + _ROUNDING), 0, count - 1).astype(jnp.int32)


def check_channels(layer: ImageLayer, images: Any, allowed: Sequence[int] = (3,)) -> None:
    """Raise unless the images have one of the allowed numbers of channels."""
    channels = images.shape[layer.channel_axis]
    if channels not in allowed:
        raise ValueError(
            f"{type(layer).__name__} {layer.path!r}: expected images of {' or '.join(map(str, allowed))} channels "
            f"(red, green, blue) on axis {layer.channel_axis}, received {channels} in images of shape {images.shape}. "
            f"data_format is {layer.data_format!r}."
        )
