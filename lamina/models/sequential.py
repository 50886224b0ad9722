"""`Sequential`: a stack of layers, each with one input and one output."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax

from lamina.core import naming
from lamina.core.config import serialize
from lamina.core.errors import LaminaError
from lamina.core.symbolic import KerasTensor
from lamina.layers.base import Layer, family
from lamina.layers.core import InputLayer
from lamina.layers.shapes import Shape
from lamina.models.model import Model


@family.add
class Sequential(Model):
    """A stack of layers: each takes what the one before gives.

    Args:
        layers: Layers, or an `Input` first; None starts empty, for `add`.
        trainable: Whether training may change the weights.
        name: Name; None gives "sequential", "sequential_1", …

    With an `Input` (or `input_shape=` on the first layer) the weights exist at once; without, they are made for the
    first data that come.

    Example:
        >>> from lamina.layers import Dense, Input
        >>> model = Sequential([Input(shape=(8,)), Dense(50, activation="relu"), Dense(1)])
        >>> model.count_params()
        501
        >>> [layer.name for layer in model.layers][0].startswith("dense")
        True
    """

    def __init__(
        self, layers: Iterable[Any] | None = None, trainable: bool = True, name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, trainable=trainable, **kwargs)
        self._stack: list[Layer] = []
        self._input: InputLayer | None = None
        self._shapes: list[Shape] = []
        if isinstance(layers, (Layer, KerasTensor)):
            layers = [layers]
        for layer in layers or []:
            self.add(layer)

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top.

        Raises:
            TypeError: not a layer. ValueError: a name that is taken, or a second Input.
        """
        if isinstance(layer, KerasTensor):
            layer = layer.producer
        if not isinstance(layer, Layer):
            example = f" Write {layer.__name__}(...)." if isinstance(layer, type) else ""
            raise TypeError(
                f"Sequential {self.name!r}: expected a layer such as Dense(10), received {layer!r} of type "
                f"{type(layer).__name__}.{example}"
            )
        if isinstance(layer, InputLayer):
            self._set_input(layer)
            return
        if any(other is layer or other.name == layer.name for other in self._stack):
            raise ValueError(
                f"Sequential {self.name!r}: there is a layer named {layer.name!r} already. Names must be unique: "
                "pass name=..."
            )
        if not self._stack and self._input is None and layer._input_shape_hint is not None:
            self._set_input(InputLayer(batch_shape=layer._input_shape_hint))
        elif not self._stack and self._input is None and isinstance(layer, Model) and layer.input_shape is not None:
            self._set_input(InputLayer(batch_shape=layer.input_shape))
        self._stack.append(layer)
        if self.built or (self._input is not None and rebuild):
            try:
                with naming.name_scope(self.name):
                    self._build_next(layer)
            except Exception:
                self._stack.pop()
                raise

    def _set_input(self, layer: InputLayer) -> None:
        if self._stack or self._input is not None:
            raise ValueError(
                f"Sequential {self.name!r}: Input must come first and once; there are "
                f"{'layers' if self._stack else 'an Input'} already."
            )
        self._input = layer
        self._shapes = [layer.batch_shape]

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer off and return it."""
        if not self._stack:
            raise ValueError(f"Sequential {self.name!r} has no layers to take off.")
        layer = self._stack.pop()
        del self._shapes[len(self._stack) + 1 :]
        return layer

    several_inputs = False

    @property
    def layer_chain(self) -> list[Layer]:
        """The layers in order; empty for a subclass whose `call` may do something else."""
        return list(self._stack) if type(self).call is Sequential.call else []

    @property
    def layers(self) -> list[Layer]:
        """The layers from bottom to top, without the Input."""
        return list(self._stack)

    @property
    def input_shape(self) -> Shape | None:
        """Shape of the inputs, batch axis None; None before it is known."""
        return self._shapes[0] if self._shapes else None

    @property
    def output_shape(self) -> Shape | None:
        """Shape of the outputs; None before it is known."""
        return self._shapes[-1] if self.built and self._shapes else None

    def build(self, input_shape: Shape | None = None) -> None:
        """Create the weights of all layers for inputs of this shape (batch axis first)."""
        if input_shape is None:
            if self._input is None:
                raise ValueError(f"Sequential {self.name!r}: build needs the input shape, e.g. build((None, 28, 28)).")
            input_shape = self._input.batch_shape
        if not self._stack:
            raise LaminaError(f"Sequential {self.name!r} has no layers. Add some, e.g. model.add(Dense(10)).")
        self._shapes = [tuple(input_shape)]
        for layer in self._stack:
            self._build_next(layer)

    def _build_next(self, layer: Layer) -> None:
        """Build a layer for the shape that the stack below gives, inside this model's name scope."""
        shape = self._shapes[-1]
        if not layer.built:
            layer.build(shape)
        self._shapes.append(layer.compute_output_shape(shape))
        self.built = True

    def call(self, inputs: jax.Array, training: bool | None = None) -> Any:
        """Return what the last layer makes of the inputs."""
        outputs = inputs
        for layer in self._stack:
            outputs = layer(outputs, training=training)
        return outputs

    def _convert(self, inputs: Any) -> Any:
        """Arrays as the Input declares them: a last axis of size 1 is added or dropped if only that differs."""
        inputs = super()._convert(inputs)
        if self._input is None or not isinstance(inputs, jax.Array):
            return inputs
        declared = self._input.batch_shape
        if inputs.ndim == len(declared) - 1 and declared[-1] == 1:
            return inputs[..., None]
        if inputs.ndim == len(declared) + 1 and inputs.shape[-1] == 1:
            return inputs[..., 0]
        return inputs

    def check_input(self, inputs: Any) -> None:
        """Raise when the inputs do not have the shape that `Input` declared."""
        if self._input is None:
            return
        expected, received = self._input.batch_shape, getattr(inputs, "shape", None)
        fits = received is not None and len(received) == len(expected)
        if (
            received is None
            or not fits
            or any(e not in (None, r) for e, r in zip(expected[1:], received[1:], strict=True))
        ):
            raise ValueError(
                f"Sequential {self.name!r}: expected {_words(expected)}, received {_shape_of(inputs)}."
                f"{_hint(expected, received)}"
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs for inputs of this shape."""
        if not self.built:
            self.build(input_shape)
        for layer in self._stack:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def layer_output_shape(self, layer: Layer) -> Shape | None:
        """Shape that a layer of this stack gives, or None before it is known."""
        index = self._stack.index(layer) + 1
        return self._shapes[index] if index < len(self._shapes) else None

    def get_config(self) -> dict[str, Any]:
        """Return name, dtype and the layers' configs, the Input first, as Keras writes them."""
        layers = [*([self._input] if self._input is not None else []), *self._stack]
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": serialize(self.dtype_policy)}
        config["layers"] = [serialize_layer(layer) for layer in layers]
        if self._shapes and self.built:
            config["build_input_shape"] = self._shapes[0]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Sequential:
        """Build the model from `get_config`'s dict; weights start anew."""
        model = cls(name=config.get("name"), trainable=config.get("trainable", True), dtype=config.get("dtype"))
        for entry in config["layers"]:
            layer = family.deserialize(entry, custom_objects)
            if entry.get("build_config"):
                layer.build_from_config(entry["build_config"])
            model.add(layer)
        shape = config.get("build_input_shape")
        if shape is not None and not model.built:
            model.build(tuple(shape))
        return model


def serialize_layer(layer: Layer) -> dict[str, Any]:
    """Return a layer's config with what it was built for."""
    config = serialize(layer)
    build_config = layer.get_build_config()
    return config | ({"build_config": build_config} if build_config else {})


def _words(shape: Shape) -> str:
    return f"inputs of shape ({', '.join(['batch', *('any' if n is None else str(n) for n in shape[1:])])})"


def _shape_of(inputs: Any) -> str:
    shapes = [tuple(leaf.shape) for leaf in jax.tree.leaves(inputs)]
    return f"shape {shapes[0]}" if len(shapes) == 1 else f"{len(shapes)} inputs of shapes {shapes}"


def _hint(expected: Shape, received: Any) -> str:
    if received is None:
        return " This model has one input."
    if len(received) == len(expected) - 1 and tuple(received) == tuple(expected[1:]):
        return " One sample came without the batch axis: pass x[None]."
    if len(received) > len(expected):
        return " If these are images, start the model with Input(shape=x.shape[1:]) and Flatten()."
    if len(received) > 2 and tuple(received[1:]) == (expected[-1], *expected[1:-1]):
        return " If these are images with the channels first, pass numpy.moveaxis(x, 1, -1)."
    return ""
