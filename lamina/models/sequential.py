"""`Sequential`: a stack of layers, each with one input and one output."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

import jax

from lamina.core import naming
from lamina.core.config import Family, serialize
from lamina.core.errors import LaminaError, NotBuiltError
from lamina.core.symbolic import KerasTensor
from lamina.layers.base import Layer, family
from lamina.layers.core import InputLayer
from lamina.layers.shapes import Shape
from lamina.models import inputs as model_inputs
from lamina.models.graph_config import deserialize_layer, serialize_layer
from lamina.models.model import Model


@Family("model", "keras").add  # where Keras' configs look for it
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
        self._tensors: list[Any] = []  # symbolic: the input, then what each layer gives
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
        if not self.trainable:
            layer.trainable = False
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
        self._tensors = [layer.output]

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer off and return it."""
        if not self._stack:
            raise ValueError(f"Sequential {self.name!r} has no layers to take off.")
        layer = self._stack.pop()
        del self._tensors[len(self._stack) + 1 :]
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
    def input(self) -> Any:
        """The symbolic input."""
        return self._known(0)

    @property
    def output(self) -> Any:
        """The symbolic output."""
        return self._known(-1)

    @property
    def inputs(self) -> list[Any]:
        """The symbolic input, in a list."""
        return [self.input]

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs, in a list."""
        return jax.tree.leaves(self.output)

    def _known(self, place: int) -> Any:
        if not self._tensors:
            raise NotBuiltError(
                f"Sequential {self.name!r} has no symbolic tensors yet: its input shape is not known. Start it with "
                "Input(shape), call build(input_shape), or call it on data."
            )
        return self._tensors[place]

    @property
    def input_shape(self) -> Shape | None:
        """Shape of the inputs, batch axis None; None before it is known."""
        return self._tensors[0].shape if self._tensors else None

    @property
    def output_shape(self) -> Any:
        """Shape of the outputs; None before it is known."""
        return _shape_of(self._tensors[-1]) if self.built and self._tensors else None

    def build(self, input_shape: Shape | None = None) -> None:
        """Create the weights of all layers for inputs of this shape (batch axis first)."""
        if input_shape is None:
            if self._input is None:
                raise ValueError(f"Sequential {self.name!r}: build needs the input shape, e.g. build((None, 28, 28)).")
            input_shape = self._input.batch_shape
        if not self._stack:
            raise LaminaError(f"Sequential {self.name!r} has no layers. Add some, e.g. model.add(Dense(10)).")
        if self._input is None or self._input.batch_shape != tuple(input_shape):
            self._tensors = [InputLayer(batch_shape=tuple(input_shape)).output]
        del self._tensors[1:]
        for layer in self._stack:
            self._build_next(layer)

    def _build_next(self, layer: Layer) -> None:
        """Call a layer on the symbolic output of the stack below, inside this model's name scope."""
        self._tensors.append(layer(self._tensors[-1]))
        self.built = True

    def call(self, inputs: jax.Array, training: bool | None = None) -> Any:
        """Return what the last layer makes of the inputs."""
        outputs = inputs
        for layer in self._stack:
            outputs = layer(outputs)  # which inherits `training`
        return outputs

    def _convert(self, inputs: Any) -> Any:
        """Arrays as the Input declares them: a last axis of size 1 is added or dropped if only that differs."""
        inputs = super()._convert(inputs)
        if self._input is None or not isinstance(inputs, jax.Array):
            return inputs
        return model_inputs.fit_rank(inputs, self._input.batch_shape)

    def check_input(self, inputs: Any) -> None:
        """Raise when the inputs do not have the shape that `Input` declared."""
        if self._input is not None:
            model_inputs.check_shape(f"Sequential {self.name!r}", self._input.batch_shape, inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs for inputs of this shape."""
        if not self.built:
            self.build(input_shape)
        for layer in self._stack:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def layer_output_shape(self, layer: Layer) -> Any:
        """Shape that a layer of this stack gives, or None before it is known."""
        index = self._stack.index(layer) + 1
        return _shape_of(self._tensors[index]) if index < len(self._tensors) else None

    def get_config(self) -> dict[str, Any]:
        """Return name, dtype and the layers' configs, the Input first, as Keras writes them."""
        layers = [*([self._input] if self._input is not None else []), *self._stack]
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": serialize(self.dtype_policy)}
        config["layers"] = [serialize_layer(layer) for layer in layers]
        if self._tensors and self.built:
            config["build_input_shape"] = self.input_shape
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Sequential:
        """Build the model from `get_config`'s dict; weights start anew."""
        model = cls(name=config.get("name"), trainable=config.get("trainable", True), dtype=config.get("dtype"))
        for entry in config["layers"]:
            holds_layers = "layers" in entry["config"]  # a model, whose weights are named after it alone
            with nullcontext() if holds_layers else naming.name_scope(model.name):
                layer = deserialize_layer(entry, custom_objects)
            model.add(layer)
        shape = config.get("build_input_shape")
        if shape is not None and not model.built:
            model.build(tuple(shape))
        return model

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy's layers stand in the copy's chain."""
        super().__setstate__(state)
        for tensor in self._tensors:
            node = jax.tree.leaves(tensor)[0].node
            node.operation._inbound_nodes.append(node)


def _shape_of(tensors: Any) -> Any:
    return jax.tree.map(lambda tensor: tensor.shape, tensors)
