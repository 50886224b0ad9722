"""Layers that merge a list of arrays into one, and their functions: `Add`, `Multiply`, …, `Concatenate`, `Dot`.

Each layer is its formula; `_merge.py` has what they share.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.layers._merge import Elementwise, Merge, deepened, odd_one
from lamina.layers.base import family
from lamina.layers.shapes import Shape


@family.add
class Add(Elementwise):
    """Sum of the inputs: y = x0 + x1 + …

    Input: list of arrays (batch, ...) whose shapes spread over each other, see `Elementwise`.
    Output: array of the common shape. Mask: where any input counts, if all have masks.

    Raises:
        ValueError: no list, or shapes that do not fit.

    Example:
        >>> Add()([jnp.ones((1, 2)), jnp.array([[1.0, 2.0]])])
        Array([[2., 3.]], dtype=float32)
    """

    def _merge(self, arrays: list[jax.Array], masks: list[jax.Array | None]) -> jax.Array:
        return functools.reduce(jnp.add, arrays)


@family.add
class Subtract(Elementwise):
    """Difference of two inputs: y = x0 - x1.

    Input: list of two arrays (batch, ...) whose shapes spread over each other.   Output: array of the common shape.

    Raises:
        ValueError: no list of two, or shapes that do not fit.

    Example:
        >>> Subtract()([jnp.ones((1, 2)), jnp.array([[1.0, 2.0]])])
        Array([[ 0., -1.]], dtype=float32)
    """

    _number = 2

    def _merge(self, arrays: list[jax.Array], masks: list[jax.Array | None]) -> jax.Array:
        return jnp.subtract(*arrays)


@family.add
class Multiply(Elementwise):
    """Product of the inputs: y = x0 * x1 * …

    Input: list of arrays (batch, ...) whose shapes spread over each other.   Output: array of the common shape. An
    input counts as 1 where it is masked; where all inputs are, the output is 0.

    Raises:
        ValueError: no list, or shapes that do not fit.

    Example:
        >>> Multiply()([jnp.array([[3.0, 4.0]]), jnp.array([[1.0, 2.0]])])
        Array([[3., 8.]], dtype=float32)
    """

    def _merge(self, arrays: list[jax.Array], masks: list[jax.Array | None]) -> jax.Array:
        factors = [x if m is None else jnp.where(m, x, jnp.ones_like(x)) for x, m in zip(arrays, masks, strict=True)]
        product = functools.reduce(jnp.multiply, factors)
        known = [m for m in masks if m is not None]
        if len(known) < len(masks):
            return product
        return jnp.where(functools.reduce(jnp.logical_or, known), product, jnp.zeros_like(product))


@family.add
class Average(Elementwise):
    """Mean of the inputs: y = (x0 + x1 + …) / number of inputs.

    Input: list of arrays (batch, ...) whose shapes spread over each other.   Output: array of the common shape, float.

    Raises:
        ValueError: no list, or shapes that do not fit.

    Example:
        >>> Average()([jnp.array([[3.0, 4.0]]), jnp.array([[1.0, 2.0]])])
        Array([[2., 3.]], dtype=float32)
    """

    def _merge(self, arrays: list[jax.Array], masks: list[jax.Array | None]) -> jax.Array:
        return functools.reduce(jnp.add, arrays) / len(arrays)


@family.add
class Maximum(Elementwise):
    """Largest of the inputs, element by element: y = max(x0, x1, …).

    Input: list of arrays (batch, ...) whose shapes spread over each other.   Output: array of the common shape. Masked
    elements are left out; where all inputs are masked, the output is the first one's.

    Raises:
        ValueError: no list, or shapes that do not fit.

    Example:
        >>> Maximum()([jnp.array([[3.0, 1.0]]), jnp.array([[1.0, 2.0]])])
        Array([[3., 2.]], dtype=float32)
    """

    def _merge(self, arrays: list[jax.Array], masks: list[jax.Array | None]) -> jax.Array:
        return _extreme(jnp.maximum, arrays, masks)


@family.add
class Minimum(Elementwise):
    """Smallest of the inputs, element by element: y = min(x0, x1, …).

    Input: list of arrays (batch, ...) whose shapes spread over each other.   Output: array of the common shape. Masked
    elements are left out; where all inputs are masked, the output is the first one's.

    Raises:
        ValueError: no list, or shapes that do not fit.

    Example:
        >>> Minimum()([jnp.array([[3.0, 1.0]]), jnp.array([[1.0, 2.0]])])
        Array([[1., 1.]], dtype=float32)
    """

    def _merge(self, arrays: list[jax.Array], masks: list[jax.Array | None]) -> jax.Array:
        return _extreme(jnp.minimum, arrays, masks)


def _extreme(
    function: Callable[[Any, Any], jax.Array], arrays: list[jax.Array], masks: list[jax.Array | None]
) -> jax.Array:
    """Reduce with maximum or minimum, which have no neutral element: a masked value is replaced by its partner."""
    result, counts = arrays[0], masks[0]
    for x, mask in zip(arrays[1:], masks[1:], strict=True):
        if mask is not None:
            x = jnp.where(mask, x, result)
        if counts is not None:
            result = jnp.where(counts, result, x)
        counts = None if counts is None or mask is None else counts | mask
        result = function(result, x)
    return result


# Concatenate, Dot ----------------------------------------------------------------------------------------------------


@family.add
class Concatenate(Merge):
    """Inputs one after the other along an axis.

    Args:
        axis: Axis along which they are joined; the other axes have equal sizes. Default -1, the last.
    Input: list of arrays (batch, ...) of one rank.   Output: array whose size on the axis is the sum of theirs. Mask:
        theirs one after the other if the masks have that axis, else where any input counts; an input without a mask
        counts everywhere.

    Raises:
        ValueError: no list, ranks or sizes that differ, or an axis that the inputs do not have.

    Example:
        >>> Concatenate()([jnp.ones((2, 3)), jnp.ones((2, 5))]).shape
        (2, 8)
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, bool) or not hasattr(axis, "__index__"):
            raise ValueError(f"Concatenate {self.name!r}: axis: expected a whole number, received {axis!r}.")
        self.axis = int(axis)

    def _check(self, shapes: list[Shape]) -> None:
        rank = len(shapes[0])
        pair = odd_one([len(shape) for shape in shapes])
        if pair is not None:
            raise ValueError(
                f"Concatenate {self.path!r}: input {pair[0]} has {len(shapes[pair[0]])} axes, input {pair[1]} has "
                f"{len(shapes[pair[1]])}. Received shapes {shapes}; all need the same number. Add one with Reshape."
            )
        if not -rank <= self.axis < rank:
            raise ValueError(
                f"Concatenate {self.path!r}: axis: expected a whole number from {-rank} to {rank - 1} for inputs of "
                f"shapes {shapes}, received {self.axis}."
            )
        for axis, sizes in enumerate(zip(*shapes, strict=True)):
            pair = None if axis == self.axis % rank else odd_one(sizes, fits_all=(None,))
            if pair is not None:
                odd, other = pair
                raise ValueError(
                    f"Concatenate {self.path!r}: input {odd} of shape {shapes[odd]} does not fit: on axis {axis} it "
                    f"has size {sizes[odd]}, input {other} has {sizes[other]}. Received shapes {shapes}; only axis "
                    f"{self.axis}, along which they are joined, may differ."
                )

    def call(self, inputs: Sequence[jax.Array]) -> jax.Array:
        """Return the joined array."""
        return jnp.concatenate(inputs, self.axis)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the inputs' shape with the sizes on the axis added up."""
        shapes = self._listed(input_shape)
        self._check(shapes)
        columns = list(zip(*shapes, strict=True))
        output: list[Any] = [next((n for n in sizes if n is not None), None) for sizes in columns]
        output[self.axis] = None if None in columns[self.axis] else sum(columns[self.axis])
        return tuple(output)

    def compute_mask(self, inputs: Sequence[jax.Array], previous_mask: Any = None) -> jax.Array | None:
        """Return the masks joined as the inputs are, or None where no input has one."""
        masks = self._masks(inputs, previous_mask)
        depth = max((m.ndim for m in masks if m is not None), default=0)
        if depth == 0:
            return None
        full = [
            jnp.ones(x.shape[:depth], bool) if m is None else jnp.broadcast_to(deepened(m, depth), x.shape[:depth])
            for x, m in zip(inputs, masks, strict=True)
        ]
        axis = self.axis % inputs[0].ndim
        return jnp.concatenate(full, axis) if axis < depth else functools.reduce(jnp.logical_or, full)


@family.add
class Dot(Merge):
    """Dot products of two inputs, sample by sample: y[b, i, j] = sum over k of x0[b, i, k] * x1[b, j, k].

    Args:
        axes: Axis of both inputs that is summed over, or a pair (axis of the first, axis of the second); never 0.
        normalize: Whether vectors along these axes are divided by their length first, which gives cosines.
            Default False.
    Input: list of two arrays (batch, ...) of rank >= 2 with equal sizes on these axes.
    Output: (batch, other axes of the first, other axes of the second); (batch, 1) where none is left. No mask.

    Raises:
        ValueError: no list of two, sizes that differ, or axes that the inputs do not have.

    Differs from Keras: the gradient of a zero vector with `normalize` is finite, and float16 does not overflow in it.

    Example:
        >>> Dot(axes=1)([jnp.array([[1.0, 2.0]]), jnp.array([[3.0, 4.0]])])
        Array([[11.]], dtype=float32)
    """

    _number = 2

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        pair: tuple[Any, ...] = tuple(axes) if isinstance(axes, (list, tuple)) else (axes, axes)
        if len(pair) != 2 or any(isinstance(a, bool) or not hasattr(a, "__index__") or a == 0 for a in pair):
            raise ValueError(
                f"Dot {self.name!r}: axes: expected a whole number or two of them, not 0 (the batch axis), received "
                f"{axes!r}."
            )
        self.axes = (int(pair[0]), int(pair[1])) if isinstance(axes, (list, tuple)) else int(pair[0])
        self.normalize = normalize

    def _pair(self, first: int, second: int) -> tuple[int, int]:
        """The two axes counted from the front, for inputs of these ranks."""
        axes = self.axes if isinstance(self.axes, tuple) else (self.axes, self.axes)
        return tuple(a % rank if -rank <= a < rank else 0 for a, rank in zip(axes, (first, second), strict=True))  # type: ignore[return-value]

    def _check(self, shapes: list[Shape]) -> None:
        axes = self._pair(*map(len, shapes)) if all(shapes) else (0, 0)
        for i in (0, 1):
            if axes[i] == 0:
                raise ValueError(
                    f"Dot {self.path!r}: axes {self.axes} must be axes of the inputs other than the batch axis; input "
                    f"{i} has the shape {shapes[i]}. Received shapes {shapes}."
                )
        for what, sizes in {
            "batch sizes": (shapes[0][0], shapes[1][0]),
            f"sizes on the axes {axes}": (shapes[0][axes[0]], shapes[1][axes[1]]),
        }.items():
            if None not in sizes and sizes[0] != sizes[1]:
                raise ValueError(f"Dot {self.path!r}: {what} must be equal: {sizes[0]} != {sizes[1]}, in {shapes}.")

    def call(self, inputs: Sequence[jax.Array]) -> jax.Array:
        """Return the dot products."""
        axes = self._pair(*(x.ndim for x in inputs))
        if self.normalize:
            inputs = [_unit(x, axis) for x, axis in zip(inputs, axes, strict=True)]
        dtype = jnp.result_type(*inputs)
        x, y = (x.astype(dtype) for x in inputs)
        products = jax.lax.dot_general(x, y, (((axes[0],), (axes[1],)), ((0,), (0,))))
        return products if products.ndim > 1 else products[:, None]

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the batch axis and the axes that are left."""
        shapes = self._listed(input_shape)
        self._check(shapes)
        axes = self._pair(*map(len, shapes))
        left = [n for shape, axis in zip(shapes, axes, strict=True) for i, n in enumerate(shape) if i not in (0, axis)]
        batch = shapes[0][0] if shapes[0][0] is not None else shapes[1][0]
        return (batch, *(left or [1]))

    def compute_mask(self, inputs: Sequence[jax.Array], previous_mask: Any = None) -> None:
        """Return None: the steps that a mask counts are no axis of the output."""
        return None


def _unit(x: jax.Array, axis: int) -> jax.Array:
    """Divide by the length along an axis, which counts as 1e-7 where it is smaller; sums are taken in 32 bits."""
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    # The bound stands inside the root, whose slope at 0 is infinite.
    squares = jnp.maximum(jnp.sum(jnp.square(wide), axis, keepdims=True), 1e-14)
    return (wide * jax.lax.rsqrt(squares)).astype(jnp.result_type(x.dtype, 1.0))


# Functions -----------------------------------------------------------------------------------------------------------


def add(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return `Add(**kwargs)(inputs)`: the sum of a list of arrays or symbolic tensors.

    Example:
        >>> add([jnp.ones(2), jnp.ones(2)])
        Array([2., 2.], dtype=float32)
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return `Subtract(**kwargs)(inputs)`: the difference of two arrays or symbolic tensors.

    Example:
        >>> subtract([jnp.ones(2), jnp.ones(2)])
        Array([0., 0.], dtype=float32)
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return `Multiply(**kwargs)(inputs)`: the product of a list of arrays or symbolic tensors.

    Example:
        >>> multiply([jnp.array([3.0]), jnp.array([2.0])])
        Array([6.], dtype=float32)
    """
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return `Average(**kwargs)(inputs)`: the mean of a list of arrays or symbolic tensors.

    Example:
        >>> average([jnp.array([3.0]), jnp.array([2.0])])
        Array([2.5], dtype=float32)
    """
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return `Maximum(**kwargs)(inputs)`: the largest elements of a list of arrays or symbolic tensors.

    Example:
        >>> maximum([jnp.array([3.0]), jnp.array([2.0])])
        Array([3.], dtype=float32)
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return `Minimum(**kwargs)(inputs)`: the smallest elements of a list of arrays or symbolic tensors.

    Example:
        >>> minimum([jnp.array([3.0]), jnp.array([2.0])])
        Array([2.], dtype=float32)
    """
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """Return `Concatenate(axis, **kwargs)(inputs)`: arrays or symbolic tensors one after the other.

    Example:
        >>> concatenate([jnp.ones((2, 3)), jnp.ones((2, 5))]).shape
        (2, 8)
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Sequence[Any], axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """Return `Dot(axes, **kwargs)(inputs)`: dot products of two arrays or symbolic tensors, sample by sample.

    Example:
        >>> dot([jnp.ones((2, 3)), jnp.ones((2, 3))]).shape
        (2, 1)
    """
    return Dot(axes=axes, **kwargs)(inputs)
