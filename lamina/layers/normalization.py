"""Layers that rescale activations by their own statistics: `BatchNormalization`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from lamina import constraints, initializers, regularizers
from lamina.core.errors import check_fraction
from lamina.core.variable import Variable
from lamina.layers.base import Layer, family
from lamina.layers.shapes import Shape


@family.add
class BatchNormalization(Layer):
    """Normalise each channel: y = gamma * (x - mean) / sqrt(variance + epsilon) + beta.

    In training, mean and variance are the batch's, and the moving ones follow: moving = momentum * moving +
    (1 - momentum) * batch. Otherwise, and while `trainable` is False, they are the moving ones.

    Args:
        axis: Axis of the channels. Default -1.
        momentum: Weight of the old moving statistics, in [0, 1].
        epsilon: Added to the variance, > 0.
        center, scale: Whether beta and gamma exist.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: Initial values.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: Penalties and projections.
    Input: (batch, ..., channels), float.   Output: the same shape.
    Weights: gamma, beta (trainable), moving_mean, moving_variance; each (channels,).

    Source: Ioffe & Szegedy 2015.

    Differs from Keras: thawing a frozen layer takes effect at the next `fit`, without `compile`; `renorm` does not
    exist.

    Example:
        >>> x = jnp.array([[1.0], [3.0]])
        >>> y = BatchNormalization(epsilon=1e-9)(x, training=True)
        >>> [round(float(v), 3) for v in y[:, 0]]
        [-1.0, 1.0]
    """

    _takes_one_array = True
    _keras_only = {"renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99, "synchronized": False}

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        where = f"BatchNormalization {self.name!r}: "
        if not hasattr(axis, "__index__"):
            raise ValueError(f"{where}axis: expected a whole number, received {axis!r}.")
        if not (hasattr(epsilon, "__float__") and epsilon > 0):
            raise ValueError(f"{where}epsilon: expected a number > 0, received {epsilon!r}.")
        self.axis, self.epsilon = int(axis), float(epsilon)
        self.momentum = check_fraction("momentum", momentum, where, closed=True)
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.supports_masking = True
        self.gamma: Variable | None = None
        self.beta: Variable | None = None

    def build(self, input_shape: Shape) -> None:
        """Create gamma, beta and the moving statistics, each (channels,)."""
        rank = len(input_shape)
        if not -rank <= self.axis < rank or input_shape[self.axis] is None:
            raise ValueError(
                f"BatchNormalization {self.name!r}: axis {self.axis} must be an axis of known size, received input "
                f"shape {input_shape}."
            )
        shape = (input_shape[self.axis],)
        common: dict[str, Any] = {"shape": shape, "autocast": False}
        if self.scale:
            self.gamma = self.add_weight(
                initializer=self.gamma_initializer,
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
                name="gamma",
                **common,
            )
        if self.center:
            self.beta = self.add_weight(
                initializer=self.beta_initializer,
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
                name="beta",
                **common,
            )
        self.moving_mean = self.add_weight(
            initializer=self.moving_mean_initializer, trainable=False, name="moving_mean", **common
        )
        self.moving_variance = self.add_weight(
            initializer=self.moving_variance_initializer, trainable=False, name="moving_variance", **common
        )

    def check_input(self, inputs: Any) -> None:
        """Raise unless the channels are those of the weights."""
        channels = self.moving_mean.shape[0]
        if inputs.ndim < 2 or inputs.shape[self.axis] != channels:
            raise ValueError(
                f"BatchNormalization {self.path!r}: expected {channels} channels on axis {self.axis}, received input "
                f"of shape {inputs.shape}."
            )

    def call(self, inputs: jax.Array, training: bool = False, mask: jax.Array | None = None) -> jax.Array:
        """Return the normalised inputs; when training, move the statistics. `mask` (batch, ...) leaves entries out."""
        x = inputs.astype(jnp.result_type(inputs.dtype, jnp.float32))  # 16 bits would overflow in the squares
        moving_mean, moving_variance = (v.value.astype(x.dtype) for v in (self.moving_mean, self.moving_variance))
        if training and self.trainable:
            mean, variance = self._moments(x, mask)
            self.moving_mean.assign(moving_mean * self.momentum + mean * (1 - self.momentum))
            self.moving_variance.assign(moving_variance * self.momentum + variance * (1 - self.momentum))
        else:
            mean, variance = moving_mean, moving_variance
        factor = jax.lax.rsqrt(variance + self.epsilon)
        if self.gamma is not None:
            factor = factor * self.gamma.value
        shift = -mean * factor
        if self.beta is not None:
            shift = shift + self.beta.value
        shape = [1] * x.ndim
        shape[self.axis] = -1
        return (x * factor.reshape(shape) + shift.reshape(shape)).astype(self.compute_dtype)

    def _moments(self, x: jax.Array, mask: jax.Array | None) -> tuple[jax.Array, jax.Array]:
        axes = tuple(i for i in range(x.ndim) if i != self.axis % x.ndim)
        if mask is None:
            mean = jnp.mean(x, axes, keepdims=True)
            variance = jnp.mean(jnp.square(x - mean), axes)
            return mean.reshape(-1), variance
        if jnp.shape(mask) != x.shape[:-1]:
            raise ValueError(
                f"BatchNormalization {self.path!r}: mask: expected the input's shape without the last axis, "
                f"{x.shape[:-1]}, received {jnp.shape(mask)}."
            )
        kept = jnp.broadcast_to(jnp.expand_dims(jnp.asarray(mask, bool), -1), x.shape)
        total = jnp.sum(kept, axes, keepdims=True, dtype=x.dtype) + 1e-7
        mean = jnp.sum(jnp.where(kept, x, 0), axes, keepdims=True) / total
        variance = jnp.sum(jnp.where(kept, jnp.square(x - mean), 0), axes, keepdims=True) / total
        return mean.reshape(-1), variance.reshape(-1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input shape."""
        return input_shape
