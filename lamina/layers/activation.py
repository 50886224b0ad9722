"""Activations as layers: any function (`Activation`), and those with settings or weights of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina import activations, constraints, initializers, regularizers
from lamina.core.errors import warn_user
from lamina.core.masking import get_mask
from lamina.layers._checks import check_axes, check_axes_exist, check_number
from lamina.layers._same_shape import SameShape
from lamina.layers.base import family
from lamina.layers.shapes import Shape


@family.add
class Activation(SameShape):
    """Apply a function to each element: y = f(x).

    Args:
        activation: Name ("relu", "tanh", …) or callable f.
    Input: any shape, float.   Output: the same shape.

    Example:
        >>> import jax.numpy as jnp
        >>> Activation("relu")(jnp.array([-1.0, 2.0]))
        Array([0., 2.], dtype=float32)
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return f(inputs)."""
        return self.activation(inputs)


@family.add
class ReLU(SameShape):
    """Rectified linear unit: x above the threshold, negative_slope * (x - threshold) below, at most max_value.

    Args:
        max_value: Largest output, >= 0; None (default) is no limit.
        negative_slope: Slope below the threshold, >= 0. Default 0.
        threshold: Where the line starts, >= 0. Default 0.
    Input: any shape, numbers (whole ones stay whole with the default arguments).   Output: the same shape.

    Raises:
        ValueError: a negative argument.

    Source: Nair & Hinton 2010.

    Example:
        >>> ReLU(max_value=6.0, negative_slope=0.5)(jnp.array([-2.0, 3.0, 9.0]))
        Array([-1.,  3.,  6.], dtype=float32)
    """

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        where = f"ReLU {self.name!r}: "
        self.max_value = max_value if max_value is None else check_number("max_value", max_value, where, minimum=0)
        self.negative_slope = check_number("negative_slope", negative_slope, where, minimum=0)
        self.threshold = check_number("threshold", threshold, where, minimum=0)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the rectified inputs."""
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


@family.add
class LeakyReLU(SameShape):
    """Leaky rectifier: x for x >= 0, negative_slope * x below.

    Args:
        negative_slope: Slope below zero, >= 0. Default 0.3. Its former name `alpha` is taken too, with a warning.
    Input: any shape, numbers.   Output: the same shape, float.

    Raises:
        ValueError: a negative slope.

    Source: Maas et al. 2013.

    Example:
        >>> LeakyReLU(0.5)(jnp.array([-2.0, 3.0]))
        Array([-1.,  3.], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        if "alpha" in kwargs:
            warn_user("LeakyReLU: the argument `alpha` is called `negative_slope` now.")
            negative_slope = kwargs.pop("alpha")
        super().__init__(**kwargs)
        self.negative_slope = check_number("negative_slope", negative_slope, f"LeakyReLU {self.name!r}: ", minimum=0)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the rectified inputs."""
        return activations.leaky_relu(inputs, self.negative_slope)


@family.add
class PReLU(SameShape):
    """Leaky rectifier with learned slopes: x for x >= 0, alpha * x below.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: Initial slopes, their penalty and projection.
        shared_axes: Axes (batch is 0) along which one slope serves all entries: [1, 2] for the height and width of
            images; None (default) learns a slope for each entry of a sample.
    Input: (batch, ...), numbers.   Output: the same shape, compute dtype.
    Weights: alpha, the shape of a sample with 1 on shared axes.

    Raises:
        ValueError: shared axes that the input does not have; a free axis that is not shared; another shape later on.

    Source: He et al. 2015, Delving Deep into Rectifiers.

    Differs from Keras: negative axes count from the end (Keras shares the axis before the one named).

    Example:
        >>> layer = PReLU(alpha_initializer="ones", shared_axes=[1, 2])
        >>> layer(jnp.ones((2, 28, 28, 3))).shape, layer.alpha.shape
        ((2, 28, 28, 3), (1, 1, 3))
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes: list[int] | None = None
        if shared_axes is not None:
            axes = check_axes("shared_axes", shared_axes, f"PReLU {self.name!r}: ")
            self.shared_axes = [axes] if isinstance(axes, int) else axes

    def build(self, input_shape: Shape) -> None:
        """Create alpha: the shape of a sample, 1 on shared axes."""
        rank, given = len(input_shape), self.shared_axes or []
        shared = {a % rank for a in given if -rank <= a < rank}
        if 0 in shared or len(shared) < len(given):
            raise ValueError(
                f"PReLU {self.name!r}: shared_axes {given}: expected different axes from 1 to {rank - 1}, received an "
                f"input of shape {input_shape}."
            )
        free = [a for a in range(1, rank) if input_shape[a] is None and a not in shared]
        if free:
            raise ValueError(
                f"PReLU {self.name!r}: axis {free[0]} of the input shape {input_shape} is free, so alpha has no size "
                f"there. Give it a size, or share the slope along it with shared_axes={sorted({*shared, *free})}."
            )
        self.alpha = self.add_weight(
            [1 if a in shared else input_shape[a] for a in range(1, rank)],  # type: ignore[misc] # no None is left
            self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
            name="alpha",
        )
        self._kept_axes = [a for a in range(1, rank) if a not in shared]

    def check_input(self, inputs: jax.Array) -> None:
        """Raise unless each entry has a slope."""
        slopes = self.alpha.shape
        if inputs.ndim != len(slopes) + 1 or any(inputs.shape[a] != slopes[a - 1] for a in self._kept_axes):
            raise ValueError(
                f"PReLU {self.path!r}: alpha of shape {slopes} does not fit an input of shape {inputs.shape}. It was "
                f"built for {self._build_shape}."
            )

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the rectified inputs."""
        x = inputs.astype(self.compute_dtype)
        return jax.nn.relu(x) - self.alpha.value * jax.nn.relu(-x)


@family.add
class ELU(SameShape):
    """Exponential linear unit: x for x > 0, alpha * (exp(x) - 1) below.

    Args:
        alpha: Minus the limit for x -> -infinity. Default 1.
    Input: any shape, numbers.   Output: the same shape, float.

    Source: Clevert et al. 2016.

    Example:
        >>> ELU(alpha=2.0)(jnp.array([-100.0, 3.0]))
        Array([-2.,  3.], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = check_number("alpha", alpha, f"ELU {self.name!r}: ")

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the activated inputs."""
        return activations.elu(inputs, self.alpha)


@family.add
class Softmax(SameShape):
    """Probabilities from scores: exp(x) / sum(exp(x)) along an axis, over the entries that a mask keeps.

    Args:
        axis: Axis, or list of axes, that sum to one. Default -1.
    Input: any shape with these axes, numbers; mask: bools (or 0 and 1) that broadcast to it.
    Output: the same shape, float; 0 where the mask is False, all zeros where it keeps no entry of an axis.

    Raises:
        ValueError: an axis that the input does not have; a mask that does not broadcast to the input.

    Source: Bridle 1990.

    Differs from Keras: the mask (batch, time) that an input brings with it leaves out whole time steps, whatever axes
    follow; Keras aligns it with the last axes.

    Example:
        >>> Softmax()(jnp.array([[2.0, 2.0, 9.0]]), mask=jnp.array([[True, True, False]]))
        Array([[0.5, 0.5, 0. ]], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = check_axes("axis", axis, f"Softmax {self.name!r}: ")

    def check_input(self, inputs: jax.Array) -> None:
        """Raise unless the inputs have the axes."""
        check_axes_exist(self.axis, inputs.shape, f"Softmax {self.path!r}: ")

    def call(self, inputs: jax.Array, mask: jax.Array | None = None) -> jax.Array:
        """Return the shares of the entries that the mask keeps."""
        if mask is None:
            return activations.softmax(inputs, self.axis)
        keep = self._spread(mask, inputs)
        x = inputs.astype(jnp.result_type(inputs.dtype, self.compute_dtype))
        shares = activations.softmax(jnp.where(keep, x, _lowest(x.dtype)), self.axis)
        return jnp.where(keep, shares, 0)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask that the inputs carry: one given in the call says what shares, not which steps count."""
        return get_mask(inputs)

    def _spread(self, mask: jax.Array, inputs: jax.Array) -> jax.Array:
        """The mask as bools with the axes of the inputs."""
        shape = np.shape(mask)
        if mask is get_mask(inputs):
            shape = (*shape, *[1] * (inputs.ndim - len(shape)))
        pairs = zip(shape[::-1], inputs.shape[::-1], strict=False)
        if len(shape) > inputs.ndim or any(n not in (1, full) for n, full in pairs):
            raise ValueError(
                f"Softmax {self.path!r}: mask: expected a shape that broadcasts to the input's, {inputs.shape}, "
                f"received {np.shape(mask)}. To mask whole steps of (batch, time, ...), pass mask[..., None]."
            )
        keep = jnp.asarray(mask).reshape(shape)
        return keep if keep.dtype == bool else keep > 0.5


def _lowest(dtype: Any) -> float:
    """A score whose exponential is 0 beside any other, half way to the end of the range: differences stay finite."""
    return float(jnp.finfo(dtype).min) / 2
