"""`SameShape`: the base of layers whose outputs have the shape and the mask of their one input."""

from __future__ import annotations

from typing import Any

from lamina.layers.base import Layer
from lamina.layers.shapes import Shape


class SameShape(Layer):
    """A layer of one array, with outputs of the same shape and the same mask.

    Args:
        kwargs: Arguments of every layer.

    Example:
        >>> SameShape().compute_output_shape((None, 3))
        (None, 3)
    """

    _takes_one_array = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape
