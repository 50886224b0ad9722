"""Axes that have statistics or weights of their own."""

from __future__ import annotations

from collections.abc import Sequence

import jax

from lamina.core.variable import Variable
from lamina.layers._checks import check_axes_exist
from lamina.layers.base import Layer
from lamina.layers.shapes import Shape


def weight_axes(axis: int | Sequence[int]) -> list[int]:
    """The axes in the order in which the weights have them: Keras sorts the numbers as they are given."""
    return [axis] if isinstance(axis, int) else sorted(axis)


def known_sizes(layer: Layer, axis: int | Sequence[int], shape: Shape) -> tuple[int, ...]:
    """The sizes of the axes, for the weights; raises when the shape does not have them, or leaves them free."""
    where = f"{type(layer).__name__} {layer.name!r}: "
    check_axes_exist(axis, shape, where)
    sizes = tuple(shape[a] for a in weight_axes(axis))
    if None in sizes:
        one = "an axis" if isinstance(axis, int) else "axes"
        raise ValueError(f"{where}axis {axis} must be {one} of known size, received input shape {shape}.")
    return sizes  # type: ignore[return-value] # no None is left


def check_sizes(layer: Layer, axis: int | Sequence[int], sizes: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Raise unless the axes of an input have the sizes of the weights."""
    inside = all(-len(shape) <= a < len(shape) for a in weight_axes(axis))
    if not inside or tuple(shape[a] for a in weight_axes(axis)) != sizes:
        raise ValueError(
            f"{type(layer).__name__} {layer.path!r}: expected size {sizes} on axis {axis}, received input of shape "
            f"{shape}. It was built for {layer._build_shape}."
        )


def spread(weight: Variable | jax.Array, axis: int | Sequence[int], rank: int) -> jax.Array:
    """A weight, or statistic, over these axes as an array of `rank` axes, 1 on the others."""
    shape = [1] * rank
    for a, size in zip(weight_axes(axis), weight.shape, strict=True):
        shape[a] = size
    value = weight.value if isinstance(weight, Variable) else weight
    return value.reshape(shape)
