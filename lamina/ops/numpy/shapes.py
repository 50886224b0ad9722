"""Tensors in another shape, order or size, with the same elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.symbolic import Tensor, operation
from lamina.core.variable import is_traced
from lamina.ops._arrays import as_array
from lamina.ops.numpy._tensors import value


@operation("numpy")
def ndim(x: Tensor) -> int:
    """Number of axes.

    Example:
        >>> ndim([[1, 2], [3, 4]])
        2
    """
    return jnp.ndim(value(x))


@operation("numpy")
def size(x: Tensor) -> int:
    """Number of elements.

    Example:
        >>> size([[1, 2], [3, 4]])
        4
    """
    return jnp.size(value(x))


@operation("numpy")
def reshape(x: Tensor, newshape: int | Sequence[int | None]) -> jax.Array:
    """The same elements, in row-major order, in another shape.

    Args:
        x: Tensor.
        newshape: New shape, batch axis included; one size may be -1: what is left. A sequence of whole numbers, or an
            array of them, such as `concatenate` makes of other sizes.

    Raises:
        ValueError: a size below -1, or more than one that is -1.
        TypeError: sizes that are computed from values inside a compiled function.

    Differs from Keras: None, the free axis in the shape of a symbolic tensor, means -1.

    Example:
        >>> print(reshape([1, 2, 3, 4], (2, -1)))
        [[1 2]
         [3 4]]
    """
    if is_traced(newshape):
        raise TypeError(
            f"reshape: newshape depends on values, which a compiled function does not have yet: received {newshape}. "
            "Make it of x.shape, lamina.ops.shape(x) and plain numbers."
        )
    if isinstance(newshape, (np.ndarray, jax.Array)):
        newshape = np.asarray(newshape).tolist()
    if isinstance(newshape, (tuple, list)):
        newshape = tuple(-1 if n is None else n for n in newshape)
        known = [n for n in newshape if isinstance(n, int)]
        if known.count(-1) > 1 or min(known, default=0) < -1:
            raise ValueError(
                f"reshape: newshape may have one free size (-1 or None) and no other negative one; received {newshape}."
            )
    return jnp.reshape(as_array(x), newshape)  # jnp would leave a NumPy array one


@operation("numpy")
def ravel(x: Tensor) -> jax.Array:
    """All elements as a vector, in row-major order.

    Example:
        >>> print(ravel([[1, 2], [3, 4]]))
        [1 2 3 4]
    """
    return jnp.ravel(value(x))


@operation("numpy")
def expand_dims(x: Tensor, axis: int | Sequence[int]) -> jax.Array:
    """With a new axis, or more, of size 1.

    Args:
        x: Tensor.
        axis: Where the new axes are in the result.

    Example:
        >>> expand_dims([1, 2, 3], axis=-1).shape
        (3, 1)
    """
    return jnp.expand_dims(value(x), axis)


@operation("numpy")
def squeeze(x: Tensor, axis: int | Sequence[int] | None = None) -> jax.Array:
    """Without its axes of size 1.

    Args:
        x: Tensor.
        axis: Axes of size 1 to leave out; None: all of them. Default None.

    Raises:
        ValueError: an axis of another size.

    Example:
        >>> squeeze([[[1, 2, 3]]], axis=0).shape
        (1, 3)
    """
    return jnp.squeeze(value(x), axis)


@operation("numpy")
def transpose(x: Tensor, axes: Sequence[int] | None = None) -> jax.Array:
    """With its axes in another order.

    Args:
        x: Tensor.
        axes: For each axis of the result, the axis of x; None reverses them. Default None.

    Example:
        >>> print(transpose([[1, 2], [3, 4]]))
        [[1 3]
         [2 4]]
    """
    return jnp.transpose(value(x), axes)


@operation("numpy")
def moveaxis(x: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> jax.Array:
    """With some axes in other places; the others keep their order.

    Args:
        x: Tensor.
        source: Axis, or axes, to move.
        destination: Their places in the result.

    Example:
        >>> moveaxis([[[1, 2, 3]]], source=2, destination=0).shape
        (3, 1, 1)
    """
    return jnp.moveaxis(as_array(x), source, destination)


@operation("numpy")
def swapaxes(x: Tensor, axis1: int, axis2: int) -> jax.Array:
    """With two axes exchanged.

    Example:
        >>> swapaxes([[[1, 2, 3]]], 0, 2).shape
        (3, 1, 1)
    """
    return jnp.swapaxes(value(x), axis1, axis2)


@operation("numpy")
def broadcast_to(x: Tensor, shape: Sequence[int]) -> jax.Array:
    """Repeated along new axes, and along those of size 1, up to a shape.

    Example:
        >>> print(broadcast_to([1, 2], (2, 2)))
        [[1 2]
         [1 2]]
    """
    return jnp.broadcast_to(value(x), shape)


@operation("numpy")
def repeat(x: Tensor, repeats: int | Sequence[int], axis: int | None = None) -> jax.Array:
    """With each element repeated.

    Args:
        x: Tensor.
        repeats: How often: one number, or one for each element of the axis.
        axis: Axis to repeat along; None: the flattened tensor. Default None.

    Example:
        >>> print(repeat([1, 2], 2))
        [1 1 2 2]
    """
    counts: Any = np.asarray(repeats) if isinstance(repeats, (list, tuple)) else repeats
    return jnp.repeat(value(x), counts, axis=axis)


@operation("numpy")
def tile(x: Tensor, repeats: int | Sequence[int]) -> jax.Array:
    """With the whole tensor repeated along its axes.

    Args:
        x: Tensor.
        repeats: How often along each axis; a shorter one counts for the last axes.

    Example:
        >>> print(tile([1, 2], 2))
        [1 2 1 2]
    """
    return jnp.tile(value(x), repeats)


@operation("numpy")
def flip(x: Tensor, axis: int | Sequence[int] | None = None) -> jax.Array:
    """Reversed along an axis, or some; None: along all.

    Example:
        >>> print(flip([[1, 2], [3, 4]], axis=1))
        [[2 1]
         [4 3]]
    """
    return jnp.flip(value(x), axis)


@operation("numpy")
def fliplr(x: Tensor) -> jax.Array:
    """Reversed along the second axis.

    Example:
        >>> print(fliplr([[1, 2], [3, 4]]))
        [[2 1]
         [4 3]]
    """
    return jnp.fliplr(value(x))


@operation("numpy")
def flipud(x: Tensor) -> jax.Array:
    """Reversed along the first axis.

    Example:
        >>> print(flipud([[1, 2], [3, 4]]))
        [[3 4]
         [1 2]]
    """
    return jnp.flipud(value(x))


@operation("numpy")
def rot90(array: Tensor, k: int = 1, axes: tuple[int, int] = (0, 1)) -> jax.Array:
    """Rotated by k quarter turns, from the first of two axes to the second.

    Args:
        array: Tensor with two axes or more.
        k: Number of quarter turns; negative: the other way round. Default 1.
        axes: The two axes of the plane. Default (0, 1).

    Raises:
        ValueError: fewer than two axes, or `axes` that are not two different ones.

    Example:
        >>> print(rot90([[1, 2], [3, 4]]))
        [[2 4]
         [1 3]]
    """
    x = value(array)
    if jnp.ndim(x) < 2 or len(axes) != 2:
        raise ValueError(
            "rot90: expected a tensor with at least two axes and a pair of them to turn in; received shape "
            f"{jnp.shape(x)} and axes={axes}."
        )
    return jnp.rot90(x, k, (axes[0], axes[1]))


@operation("numpy")
def roll(x: Tensor, shift: int | Sequence[int], axis: int | Sequence[int] | None = None) -> jax.Array:
    """Shifted along an axis; what falls out at the end comes in at the front.

    Args:
        x: Tensor.
        shift: By how many places; one number, or one for each axis.
        axis: Axis or axes; None: the flattened tensor. Default None.

    Example:
        >>> print(roll([1, 2, 3], 1))
        [3 1 2]
    """
    return jnp.roll(value(x), shift, axis)


@operation("numpy")
def pad(x: Tensor, pad_width: Any, mode: str = "constant", constant_values: Tensor | None = None) -> jax.Array:
    """With a margin around it.

    Args:
        x: Tensor.
        pad_width: Widths before and after: one number for all sides, one pair for all axes, or a pair for each axis.
        mode: What fills the margin: "constant", "edge", "reflect", "symmetric", "wrap", "linear_ramp", "maximum",
            "mean", "median", "minimum" or "empty". Default "constant".
        constant_values: Value in mode "constant"; None is 0. Default None.

    Raises:
        ValueError: as many pairs as x has no axes, or constant_values in another mode.

    Example:
        >>> print(pad([1, 2], (1, 2), constant_values=9))
        [9 1 2 9 9]
    """
    if constant_values is None:
        return jnp.pad(value(x), pad_width, mode=mode)
    if mode != "constant":
        raise ValueError(f"pad: constant_values goes with mode='constant' only, received mode={mode!r}.")
    return jnp.pad(value(x), pad_width, mode=mode, constant_values=value(constant_values))
