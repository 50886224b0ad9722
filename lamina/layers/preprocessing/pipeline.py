"""`Pipeline`: layers one after the other, on whatever they take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lamina.layers.base import Layer, family


@family.add
class Pipeline(Layer):
    """Apply layers one after the other: y = f_n(... f_2(f_1(x))). Made for layers that prepare or change data.

    Unlike a `Sequential`, it is a plain layer, and it hands on what it gets as it is: uint8 images, a list of images,
    or a dict of images, labels, boxes and masks go to the first layer untouched.

    Args:
        layers: List of layers, at least one.
        name: Name; None gives "pipeline", "pipeline_1", …
    Input: what the first layer takes.   Output: what the last one gives.

    Called by itself, it acts as in training; inside a model, as the model does (layers that change images at random do
    nothing in `predict` and `evaluate`).

    Raises:
        TypeError: something in the list is no layer. ValueError: an empty list.

    Example:
        >>> import numpy as np
        >>> from lamina.layers import Rescaling
        >>> pipeline = Pipeline([Rescaling(1 / 255), Rescaling(2, offset=-1)])
        >>> pipeline(np.array([[0, 255]], "uint8"))
        Array([[-1.,  1.]], dtype=float32)
    """

    def __init__(self, layers: Sequence[Layer], name: str | None = None) -> None:
        super().__init__(name=name)
        if isinstance(layers, Layer) or not isinstance(layers, (list, tuple)):
            raise TypeError(f"Pipeline {self.name!r}: layers: expected a list of layers, received {layers!r}.")
        for layer in layers:
            if not isinstance(layer, Layer):
                example = f" Write {layer.__name__}(...)." if isinstance(layer, type) else ""
                raise TypeError(
                    f"Pipeline {self.name!r}: layers: expected layers such as Rescaling(1 / 255), received {layer!r} "
                    f"of type {type(layer).__name__}.{example} A function: put it into a Lambda layer."
                )
        if not layers:
            raise ValueError(f"Pipeline {self.name!r}: layers: expected at least one layer, received an empty list.")
        self.layers = list(layers)

    def call(self, inputs: Any, training: bool = True) -> Any:
        """Return what the last layer makes of the inputs."""
        for layer in self.layers:
            inputs = layer(inputs, training=training)
        return inputs

    def _convert(self, inputs: Any) -> Any:
        """The inputs as they are: each layer converts what it gets."""
        return inputs
