"""Layers that change the shape and no value: `Flatten`, `Reshape`, `Permute`, `RepeatVector`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.errors import check_choice, check_positive_int
from lamina.layers.base import Layer, family
from lamina.layers.shapes import Shape, is_shape


@family.add
class Flatten(Layer):
    """Put all axes but the first into one.

    Args:
        data_format: "channels_last" or "channels_first" (which moves the channels last before flattening);
            None is "channels_last".
    Input: (batch, ...).   Output: (batch, product of the other axes); (batch, 1) for (batch,).

    Example:
        >>> Flatten()(jnp.ones((2, 28, 28))).shape
        (2, 784)
    """

    _takes_one_array = True

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format or "channels_last"
        check_choice("data_format", self.data_format, ("channels_last", "channels_first"), f"Flatten {self.name!r}: ")

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return (batch, features)."""
        if self.data_format == "channels_first" and inputs.ndim > 1:
            inputs = jnp.moveaxis(inputs, 1, -1)
        return jnp.reshape(inputs, (inputs.shape[0], math.prod(inputs.shape[1:])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, product), None where an axis is free."""
        free = any(n is None for n in input_shape[1:])
        return (input_shape[0], None if free else math.prod(input_shape[1:]))  # type: ignore[arg-type]


@family.add
class Reshape(Layer):
    """Give each sample another shape with the same number of elements.

    Args:
        target_shape: New shape without the batch axis; one entry may be -1, which stands for what is left.
    Input: (batch, ...).   Output: (batch, *target_shape).

    Raises:
        ValueError: the sizes do not match.

    Example:
        >>> Reshape((4, -1))(jnp.ones((2, 12))).shape
        (2, 4, 3)
    """

    _takes_one_array = True

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = (target_shape,) if isinstance(target_shape, int) else target_shape
        whole = is_shape(sizes) and all(n is not None and (n == -1 or n >= 1) for n in sizes)
        if not whole or sizes.count(-1) > 1:
            raise ValueError(
                f"Reshape {self.name!r}: target_shape: expected sizes >= 1 and at most one -1, "
                f"received {target_shape!r}."
            )
        self.target_shape = tuple(map(int, sizes))

    def build(self, input_shape: Shape) -> None:
        """Check that the sizes match."""
        self._check(input_shape)

    def _check(self, input_shape: Shape) -> None:
        if any(n is None for n in input_shape[1:]):
            return
        size, known = math.prod(input_shape[1:]), math.prod(n for n in self.target_shape if n != -1)  # type: ignore[arg-type]
        if size != known if -1 not in self.target_shape else known == 0 or size % known:
            raise ValueError(
                f"Reshape {self.path!r}: a sample of shape {tuple(input_shape[1:])} has {size} elements and cannot "
                f"take the shape {self.target_shape}. Use a target_shape with the same number, or one -1."
            )

    def check_input(self, inputs: Any) -> None:
        """Raise unless the sizes match."""
        self._check(inputs.shape)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return (batch, *target_shape)."""
        return jnp.reshape(inputs, self.compute_output_shape(inputs.shape))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, *target_shape), with -1 worked out."""
        if -1 not in self.target_shape:
            return (input_shape[0], *self.target_shape)
        known = math.prod(n for n in self.target_shape if n != -1)
        free = any(n is None for n in input_shape[1:])
        rest = None if free else math.prod(input_shape[1:]) // known  # type: ignore[arg-type]
        return (input_shape[0], *(rest if n == -1 else n for n in self.target_shape))


@family.add
class Permute(Layer):
    """Put the axes of each sample into another order: axis i of the output is axis dims[i - 1] of the input.

    Args:
        dims: The axes 1, 2, … (0 is the batch axis) in their new order.
    Input: (batch, ...), len(dims) + 1 axes.   Output: (batch, ...), the axes in the new order.

    Raises:
        ValueError: `dims` is no order of 1, 2, …, or the input has another number of axes.

    Example:
        >>> Permute((2, 1))(jnp.ones((4, 10, 64))).shape
        (4, 64, 10)
    """

    _takes_one_array = True

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        whole = is_shape(dims) and all(n is not None for n in dims)
        if not whole or sorted(dims) != list(range(1, len(dims) + 1)):
            raise ValueError(
                f"Permute {self.name!r}: dims: expected the axes 1, 2, … in their new order, each once (0, the batch "
                f"axis, stays), received {dims!r}."
            )
        self.dims = tuple(map(int, dims))

    def build(self, input_shape: Shape) -> None:
        """Check the number of axes."""
        self._check(input_shape)

    def _check(self, input_shape: Shape) -> None:
        if len(input_shape) != len(self.dims) + 1:
            raise ValueError(
                f"Permute {self.path!r}: dims {self.dims} need input with {len(self.dims) + 1} axes, the batch axis "
                f"among them, received shape {input_shape}."
            )

    def check_input(self, inputs: Any) -> None:
        """Raise unless the number of axes is that of `dims`."""
        self._check(inputs.shape)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return the inputs with their axes in the new order."""
        return jnp.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the sizes in the new order."""
        self._check(input_shape)
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))


@family.add
class RepeatVector(Layer):
    """Repeat each row along a new time axis: y[b, t] = x[b] for t < n.

    Args:
        n: How often, >= 1.
    Input: (batch, features).   Output: (batch, n, features).

    Raises:
        ValueError: n < 1, or an input with other than two axes.

    Example:
        >>> RepeatVector(3)(jnp.ones((2, 8))).shape
        (2, 3, 8)
    """

    _takes_one_array = True

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = check_positive_int("n", n, f"RepeatVector {self.name!r}: ")

    def build(self, input_shape: Shape) -> None:
        """Check the number of axes."""
        self._check(input_shape)

    def _check(self, input_shape: Shape) -> None:
        if len(input_shape) != 2:
            raise ValueError(
                f"RepeatVector {self.path!r}: expected input of shape (batch, features), received {input_shape}. "
                "If it has a time axis already, it needs no repeating; Flatten() makes one row of a sample."
            )

    def check_input(self, inputs: Any) -> None:
        """Raise unless there are two axes."""
        self._check(inputs.shape)

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return (batch, n, features)."""
        return jnp.broadcast_to(inputs[:, None], (inputs.shape[0], self.n, inputs.shape[1]))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (batch, n, features)."""
        self._check(input_shape)
        return (input_shape[0], self.n, input_shape[1])
