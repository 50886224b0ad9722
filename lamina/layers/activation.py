"""Activations as layers."""

from __future__ import annotations

from typing import Any

import jax

from lamina import activations
from lamina.layers.base import Layer, family
from lamina.layers.shapes import Shape


@family.add
class Activation(Layer):
    """Apply a function to each element: y = f(x).

    Args:
        activation: Name ("relu", "tanh", …) or callable f.
    Input: any shape, float.   Output: the same shape.

    Example:
        >>> import jax.numpy as jnp
        >>> Activation("relu")(jnp.array([-1.0, 2.0]))
        Array([0., 2.], dtype=float32)
    """

    _takes_one_array = True

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self.supports_masking = True

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return f(inputs)."""
        return self.activation(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape
