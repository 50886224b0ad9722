"""Layers around another layer: `Wrapper`, the base of them, and `TimeDistributed`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.random import SeedGenerator
from lamina.core.variable import autocast, bind
from lamina.layers.base import Layer, family
from lamina.layers.context import call_context
from lamina.layers.shapes import is_shape


@family.add
class Wrapper(Layer):
    """Base of the layers that wrap another one, which is built for the wrapper's input; a subclass defines `call`.

    Args:
        layer: The layer inside.

    Raises:
        TypeError: `layer` is no layer.

    Example:
        >>> from lamina.layers import Dense
        >>> class Twice(Wrapper):
        ...     def call(self, inputs):
        ...         return self.layer(self.layer(inputs))
        >>> Twice(Dense(3))(jnp.ones((2, 3))).shape
        (2, 3)
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            made = f" Make an object of it: {layer.__name__}(...)." if isinstance(layer, type) else ""
            raise TypeError(f"{type(self).__name__} {self.name!r}: layer: expected a layer, received {layer!r}.{made}")
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        """Build the layer inside."""
        if not self.layer.built:
            self.layer.build(input_shape)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Build a wrapper and its layer from `get_config`'s dict."""
        return super().from_config({**config, "layer": family.deserialize(config["layer"])})


@family.add
class TimeDistributed(Wrapper):
    """Apply a layer to each time step with the same weights: y[:, t] = layer(x[:, t]).

    Args:
        layer: The layer; it sees rows of shape (...) out of inputs (batch, time, ...).
    Input: (batch, time, ...) of rank >= 3, or a nest of them with one batch and time.
    Output: (batch, time, ...), where the layer gives (batch, ...). Mask: the inputs'; the layer is given it too, if its
        `call` takes one.

    The steps of all samples go through the layer at once, as batch * time rows. Only in training, and only if the
    layer has weights that training does not update (moving statistics), they go one after the other: a
    `BatchNormalization` inside takes its statistics step by step, as in Keras.

    Raises:
        ValueError: an input of lower rank, inputs whose batch or time differ, or a mask that does not fit.

    Differs from Keras: a stateless layer that mixes the rows of a batch sees those of all steps together; nests of
    inputs are taken; an activity regularizer of the layer inside counts, per row.

    Example:
        >>> from lamina.layers import Dense
        >>> TimeDistributed(Dense(3))(jnp.ones((2, 5, 8))).shape
        (2, 5, 3)
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True
        self._seeds = SeedGenerator()  # of the steps that go one after the other

    def _step_shape(self, input_shape: Any) -> Any:
        """The shapes without time; raises where there is none, or batch or time differ."""
        shapes = jax.tree.leaves(input_shape, is_leaf=is_shape)
        short = not shapes or any(len(shape) < 3 for shape in shapes)
        if short or any(len({shape[axis] for shape in shapes} - {None}) > 1 for axis in (0, 1)):
            raise ValueError(
                f"TimeDistributed {self.path!r}: expected input of shape (batch, time, ...) with at least 3 axes, "
                f"batch and time the same for all inputs, received {input_shape}."
            )
        return jax.tree.map(lambda shape: (shape[0], *shape[2:]), input_shape, is_leaf=is_shape)

    def build(self, input_shape: Any = None) -> None:
        """Build the layer for one time step."""
        super().build(self._step_shape(input_shape))

    def check_input(self, inputs: Any) -> None:
        """Raise unless all inputs have the same batch and time."""
        self._step_shape(jax.tree.map(jnp.shape, inputs))

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        """Return the layer's outputs for each step."""
        batch, time = jax.tree.leaves(inputs)[0].shape[:2]
        for one in jax.tree.leaves(mask):
            if jnp.shape(one)[:2] != (batch, time):
                raise ValueError(
                    f"TimeDistributed {self.path!r}: mask: expected shape ({batch}, {time}, ...), the inputs' batch "
                    f"and time, received {jnp.shape(one)}."
                )
        if training and any(not v.trainable for v in self.layer.variables):
            return self._one_by_one(inputs, mask, time)
        rows, masks = jax.tree.map(lambda x: jnp.reshape(x, (batch * time, *x.shape[2:])), (inputs, mask))
        outputs = self._apply_layer(rows, masks, training)
        return jax.tree.map(lambda y: jnp.reshape(y, (batch, time, *y.shape[1:])), outputs)

    def _apply_layer(self, inputs: Any, mask: Any, training: bool) -> Any:
        given = {"mask": mask} if mask is not None and "mask" in self.layer._call_parameters else {}
        return self.layer(inputs, training=training, **given)

    def _one_by_one(self, inputs: Any, mask: Any, time: int) -> Any:
        """Training steps in order, each of which finds the state that the one before left."""
        state = [v for v in self.layer.variables if not v.trainable]

        def step(values: list[jax.Array], slices: Any) -> tuple[list[jax.Array], Any]:
            (x, m), key = slices
            with bind(state, values, key=key) as binding, call_context(True) as context:
                outputs = self._apply_layer(x, m, True)
                return [binding.values[id(v)] for v in state], (outputs, context.losses)

        with autocast(None):
            values = [v.value for v in state]
        by_time = jax.tree.map(lambda x: jnp.moveaxis(x, 1, 0), (inputs, mask))
        keys = jax.random.split(self._seeds.next(), time)
        values, (outputs, losses) = jax.lax.scan(step, values, (by_time, keys))
        for variable, value in zip(state, values, strict=True):
            variable.assign(value)
        self.add_loss([jnp.sum(loss) for loss in losses])
        return jax.tree.map(lambda y: jnp.moveaxis(y, 0, 1), outputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the layer's output shape with time after the batch axis."""
        outputs = self.layer.compute_output_shape(self._step_shape(input_shape))
        time = jax.tree.leaves(input_shape, is_leaf=is_shape)[0][1]
        return jax.tree.map(lambda shape: (shape[0], time, *shape[1:]), outputs, is_leaf=is_shape)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of a single input; of several, none."""
        return None if isinstance(inputs, (list, tuple, dict)) else previous_mask
