"""`BatchNormalization`."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina import initializers
from lamina.core.errors import check_fraction, closest_match
from lamina.core.variable import Variable
from lamina.layers._checks import check_axis, check_number
from lamina.layers.base import family
from lamina.layers.normalization._affine import AffineNormalization
from lamina.layers.normalization._axes import known_sizes, spread
from lamina.layers.shapes import Shape


@family.add
class BatchNormalization(AffineNormalization):
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
        renorm: Whether training normalises by running statistics as inference does: normalised * r + d, where
            r = deviation / running deviation and d = (mean - running mean) / running deviation count as constants.
        renorm_clipping: Limits of r and d: dict with any of "rmin", "rmax" (0 <= rmin <= rmax) and "dmax" (>= 0).
        renorm_momentum: Weight of the old running statistics of renorm, in [0, 1]. Default 0.99.
        synchronized: Accepted, without effect: statistics are those of the whole batch, on any number of devices.
    Input: (batch, ..., channels), numbers; mask: bools of its leading axes, such as (batch, time), that say which
        entries count in the statistics.
    Output: the same shape, compute dtype.
    Weights: gamma, beta (trainable), moving_mean, moving_variance; with renorm also moving_stddev, renorm_mean,
        renorm_stddev; each (channels,).

    Raises:
        ValueError: arguments out of range; an axis that the input does not have, or whose size is free; other channels
            later on; a mask of another shape.

    Source: Ioffe & Szegedy 2015; renorm: Ioffe 2017.

    Differs from Keras: thawing a frozen layer takes effect at the next `fit`, without `compile`.

    Example:
        >>> x = jnp.array([[1.0], [3.0]])
        >>> y = BatchNormalization(epsilon=1e-9)(x, training=True)
        >>> [round(float(v), 3) for v in y[:, 0]]
        [-1.0, 1.0]
    """

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
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        where = f"BatchNormalization {self.name!r}: "
        self.axis = check_axis("axis", axis, where)
        self.momentum = check_fraction("momentum", momentum, where, closed=True)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm = renorm
        self.renorm_clipping = _check_clipping(renorm_clipping or {}, where) if renorm else renorm_clipping
        self.renorm_momentum = check_fraction("renorm_momentum", renorm_momentum, where, closed=True)
        self.synchronized = synchronized

    def build(self, input_shape: Shape) -> None:
        """Create gamma, beta and the moving statistics, each (channels,)."""
        shape = known_sizes(self, self.axis, input_shape)
        self.add_gamma_and_beta(shape, gamma=self.scale, beta=self.center)
        self.moving_mean = self._add_statistic("moving_mean", self.moving_mean_initializer, shape)
        self.moving_variance = self._add_statistic("moving_variance", self.moving_variance_initializer, shape)
        if self.renorm:
            mean, stddev = self.moving_mean.numpy(), np.sqrt(self.moving_variance.numpy())
            self.moving_stddev = self._add_statistic("moving_stddev", stddev, shape)
            self.renorm_mean = self._add_statistic("renorm_mean", mean, shape)
            self.renorm_stddev = self._add_statistic("renorm_stddev", stddev, shape)

    def _add_statistic(self, name: str, initializer: Any, shape: tuple[int, ...]) -> Variable:
        return self.add_weight(shape, initializer, trainable=False, autocast=False, name=name)

    def check_input(self, inputs: jax.Array) -> None:
        """Raise unless the channels are those of the weights."""
        channels = self.moving_mean.shape[0]
        if inputs.ndim < 2 or not -inputs.ndim <= self.axis < inputs.ndim or inputs.shape[self.axis] != channels:
            raise ValueError(
                f"BatchNormalization {self.path!r}: expected {channels} channels on axis {self.axis}, received input "
                f"of shape {inputs.shape}."
            )

    def call(self, inputs: jax.Array, training: bool = False, mask: jax.Array | None = None) -> jax.Array:
        """Return the normalised inputs; when training, move the statistics. `mask` leaves entries out of them."""
        x = inputs.astype(jnp.result_type(inputs.dtype, jnp.float32))  # 16 bits would overflow in the squares
        kept = None if mask is None else self._entries(mask, x)
        gamma = 1.0 if self.gamma is None else self.gamma.value
        beta = 0.0 if self.beta is None else self.beta.value
        if training and self.trainable:
            mean = self._mean(x, kept)
            centred = x - spread(mean, self.axis, x.ndim)
            variance = self._mean(jnp.square(centred if kept is None else jnp.where(kept, centred, 0)), kept)
            if self.renorm:
                r, d = self._correction(mean, variance)
                gamma, beta = gamma * r, gamma * d + beta
            self._follow(mean, variance)
        else:
            centred = x - spread(self.moving_mean.value.astype(x.dtype), self.axis, x.ndim)
            variance = self.moving_variance.value.astype(x.dtype)
        factor = jax.lax.rsqrt(variance + self.epsilon) * gamma
        shift = jnp.broadcast_to(beta, factor.shape)
        y = centred * spread(factor, self.axis, x.ndim) + spread(shift, self.axis, x.ndim)
        return y.astype(self.compute_dtype)

    def _entries(self, mask: jax.Array, x: jax.Array) -> jax.Array:
        """The mask as bools of the shape of x."""
        shape = jnp.shape(mask)
        if not 0 < len(shape) < x.ndim or shape != x.shape[: len(shape)]:
            raise ValueError(
                f"BatchNormalization {self.path!r}: mask: expected the leading axes of the input's shape, such as "
                f"{x.shape[:-1]}, received {shape}."
            )
        ones = [1] * (x.ndim - len(shape))
        return jnp.broadcast_to(jnp.asarray(mask, bool).reshape(*shape, *ones), x.shape)

    def _mean(self, x: jax.Array, kept: jax.Array | None) -> jax.Array:
        """The mean of each channel, over the entries that are kept."""
        axes = tuple(i for i in range(x.ndim) if i != self.axis % x.ndim)
        if kept is None:
            return jnp.mean(x, axes)
        return jnp.sum(jnp.where(kept, x, 0), axes) / (jnp.sum(kept, axes, dtype=x.dtype) + 1e-7)

    def _follow(self, mean: jax.Array, variance: jax.Array) -> None:
        """Move the statistics towards the batch's."""
        _move(self.moving_mean, mean, self.momentum)
        if not self.renorm:
            _move(self.moving_variance, variance, self.momentum)
            return
        stddev = jnp.sqrt(variance + self.epsilon)
        moving_stddev = _move(self.moving_stddev, stddev, self.momentum)
        self.moving_variance.assign(jnp.maximum(jnp.square(moving_stddev) - self.epsilon, 0))
        _move(self.renorm_mean, mean, self.renorm_momentum)
        _move(self.renorm_stddev, stddev, self.renorm_momentum)

    def _correction(self, mean: jax.Array, variance: jax.Array) -> tuple[jax.Array, jax.Array]:
        """r and d, which turn normalised by the batch into normalised by the running statistics; constants."""
        limits = self.renorm_clipping or {}
        running_mean, running_stddev = (v.value.astype(mean.dtype) for v in (self.renorm_mean, self.renorm_stddev))
        running_stddev = jnp.maximum(running_stddev, math.sqrt(self.epsilon))
        r = jnp.sqrt(variance + self.epsilon) / running_stddev
        d = (mean - running_mean) / running_stddev
        dmax = limits.get("dmax", math.inf)
        r = jnp.clip(r, limits.get("rmin", 0.0), limits.get("rmax", math.inf))
        return jax.lax.stop_gradient((r, jnp.clip(d, -dmax, dmax)))


def _move(statistic: Variable, value: jax.Array, momentum: float) -> jax.Array:
    """Let a moving statistic follow the batch's; return its new value before it is rounded for storage."""
    new = statistic.value.astype(value.dtype) * momentum + value * (1 - momentum)
    statistic.assign(new)
    return new


def _check_clipping(limits: Any, where: str) -> dict[str, float]:
    known = ("rmin", "rmax", "dmax")
    if not isinstance(limits, dict):
        raise ValueError(f"{where}renorm_clipping: expected a dict with keys of {known}, received {limits!r}.")
    for key, limit in limits.items():
        if key not in known:
            raise ValueError(
                f"{where}renorm_clipping: expected keys of {known}, received {key!r}.{closest_match(key, known)}"
            )
        check_number(f"renorm_clipping[{key!r}]", limit, where, minimum=0)
    if limits.get("rmin", 0) > limits.get("rmax", math.inf):
        raise ValueError(f"{where}renorm_clipping: expected rmin <= rmax, received {limits}.")
    return dict(limits)
