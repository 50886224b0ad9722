"""New tensors. Without a dtype they have the default float type, unless said otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core.dtypes import floatx, standardize_dtype
from lamina.core.symbolic import Tensor, operation
from lamina.ops.numpy._tensors import dtype_name, value


@operation("numpy")
def array(x: Tensor, dtype: str | None = None) -> jax.Array:
    """A new tensor with the values of x.

    Args:
        x: Number, list, NumPy array or tensor.
        dtype: Type; None follows x. Default None.

    Example:
        >>> print(array([1, 2], dtype="float32"))
        [1. 2.]
    """
    return jnp.array(value(x), dtype_name(dtype))


@operation("numpy")
def copy(x: Tensor) -> jax.Array:
    """A new tensor with the values of x.

    Example:
        >>> print(copy([1, 2]))
        [1 2]
    """
    return jnp.copy(value(x))


@operation("numpy")
def view(x: Tensor, dtype: str | None = None) -> jax.Array:
    """The same bytes, read as another type; the size of the last axis follows.

    Args:
        x: Tensor.
        dtype: Type to read them as; None is that of x. Default None.

    Example:
        >>> print(view(jnp.ones(2, "float32"), "int32"))
        [1065353216 1065353216]
    """
    return jnp.asarray(value(x)).view(dtype_name(dtype))


@operation("numpy")
def zeros(shape: int | Sequence[int], dtype: str | None = None) -> jax.Array:
    """Zeros in a shape.

    Example:
        >>> print(zeros(3))
        [0. 0. 0.]
    """
    return jnp.zeros(shape, standardize_dtype(dtype))


@operation("numpy")
def ones(shape: int | Sequence[int], dtype: str | None = None) -> jax.Array:
    """Ones in a shape.

    Example:
        >>> print(ones(3, dtype="int32"))
        [1 1 1]
    """
    return jnp.ones(shape, standardize_dtype(dtype))


@operation("numpy")
def empty(shape: int | Sequence[int], dtype: str | None = None) -> jax.Array:
    """Zeros in a shape; JAX leaves no memory unset.

    Example:
        >>> empty((2, 3)).shape
        (2, 3)
    """
    return jnp.zeros(shape, standardize_dtype(dtype))


@operation("numpy")
def full(shape: int | Sequence[int], fill_value: Tensor, dtype: str | None = None) -> jax.Array:
    """One value in a shape.

    Args:
        shape: Shape.
        fill_value: Number, or a tensor that broadcasts to the shape.
        dtype: Type; None is the default float type, also for integers. Default None.

    Example:
        >>> print(full(3, 7))
        [7. 7. 7.]
    """
    return jnp.full(shape, value(fill_value), standardize_dtype(dtype))


@operation("numpy")
def zeros_like(x: Tensor, dtype: str | None = None) -> jax.Array:
    """Zeros in the shape, and without a dtype in the type, of x.

    Example:
        >>> print(zeros_like([1, 2]))
        [0 0]
    """
    return jnp.zeros_like(value(x), dtype_name(dtype))


@operation("numpy")
def ones_like(x: Tensor, dtype: str | None = None) -> jax.Array:
    """Ones in the shape, and without a dtype in the type, of x.

    Example:
        >>> print(ones_like([1, 2]))
        [1 1]
    """
    return jnp.ones_like(value(x), dtype_name(dtype))


@operation("numpy")
def empty_like(x: Tensor, dtype: str | None = None) -> jax.Array:
    """Zeros in the shape, and without a dtype in the type, of x; JAX leaves no memory unset.

    Example:
        >>> empty_like([1, 2]).shape
        (2,)
    """
    return jnp.zeros_like(value(x), dtype_name(dtype))


@operation("numpy")
def full_like(x: Tensor, fill_value: Tensor, dtype: str | None = None) -> jax.Array:
    """One value in the shape, and without a dtype in the type, of x.

    Example:
        >>> print(full_like([1, 2], 7))
        [7 7]
    """
    return jnp.full_like(value(x), value(fill_value), dtype_name(dtype))


@operation("numpy")
def eye(N: int, M: int | None = None, k: int = 0, dtype: str | None = None) -> jax.Array:
    """Matrix with ones on a diagonal, zeros elsewhere.

    Args:
        N: Number of rows.
        M: Number of columns; None is N. Default None.
        k: Which diagonal: above the main one (> 0), or below (< 0). Default 0.
        dtype: Type; None is the default float type. Default None.

    Example:
        >>> print(eye(2))
        [[1. 0.]
         [0. 1.]]
    """
    return jnp.eye(N, M, k, standardize_dtype(dtype))


@operation("numpy")
def identity(n: int, dtype: str | None = None) -> jax.Array:
    """Unit matrix (n, n).

    Example:
        >>> print(identity(2))
        [[1. 0.]
         [0. 1.]]
    """
    return jnp.identity(n, standardize_dtype(dtype))


@operation("numpy")
def tri(N: int, M: int | None = None, k: int = 0, dtype: str | None = None) -> jax.Array:
    """Matrix (N, M) with ones on and below diagonal number k, zeros above.

    Args: as for `eye`.

    Example:
        >>> print(tri(2, 3))
        [[1. 0. 0.]
         [1. 1. 0.]]
    """
    return jnp.tri(N, M, k, standardize_dtype(dtype))


@operation("numpy")
def arange(start: Any, stop: Any = None, step: Any = None, dtype: str | None = None) -> jax.Array:
    """Numbers from start up to, not including, stop: start, start + step, …

    Args:
        start: First number; the end, where it is the only one given, after a start of 0.
        stop: End. Default None.
        step: Distance, not 0; None is 1. Default None.
        dtype: Type; None: int32 for integers, else the default float type. Default None.

    Example:
        >>> print(arange(3), arange(1, 2, 0.5))
        [0 1 2] [1.  1.5]
    """
    start, stop, step = value(start), value(stop), value(step)
    given = [n for n in (start, stop, step) if n is not None]
    if dtype is None:
        is_number = not [n for n in given if hasattr(n, "dtype")]
        dtype = floatx() if is_number and [n for n in given if isinstance(n, float)] else jnp.result_type(*given).name
    return jnp.arange(start, stop, step, dtype=standardize_dtype(dtype))


@operation("numpy")
def linspace(
    start: Tensor,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: str | None = None,
    axis: int = 0,
) -> Any:
    """Numbers at equal distances: start + i (stop - start) / (num - 1).

    Args:
        start, stop: Ends: numbers or tensors.
        num: How many. Default 50.
        endpoint: Whether stop is the last one. Default True.
        retstep: Whether to return the distance too. Default False.
        dtype: Type; None is a float type. Default None.
        axis: Axis of the result along which they run, where the ends are tensors. Default 0.

    Example:
        >>> print(linspace(0, 1, 5))
        [0.   0.25 0.5  0.75 1.  ]
    """
    return jnp.linspace(value(start), value(stop), num, endpoint, retstep, dtype_name(dtype), axis)


@operation("numpy")
def logspace(
    start: Tensor,
    stop: Tensor,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10,
    dtype: str | None = None,
    axis: int = 0,
) -> jax.Array:
    """Powers of a base at equal ratios: base ** linspace(start, stop, num).

    Args:
        start, stop: Exponents of the ends: numbers or tensors.
        num, endpoint, dtype, axis: as for `linspace`.
        base: Base of the powers. Default 10.

    Example:
        >>> print(logspace(0, 2, 3).round(2))
        [  1.  10. 100.]
    """
    return jnp.logspace(value(start), value(stop), num, endpoint, base, dtype_name(dtype), axis)


@operation("numpy")
def geomspace(
    start: Tensor, stop: Tensor, num: int = 50, endpoint: bool = True, dtype: str | None = None, axis: int = 0
) -> jax.Array:
    """Numbers at equal ratios from start to stop: start (stop / start) ** (i / (num - 1)).

    Args:
        start, stop: Ends, not 0 and of one sign: numbers or tensors.
        num, endpoint, dtype, axis: as for `linspace`.

    Example:
        >>> print(geomspace(1, 100, 3).round(2))
        [  1.  10. 100.]
    """
    return jnp.geomspace(value(start), value(stop), num, endpoint, dtype_name(dtype), axis)


@operation("numpy")
def meshgrid(*x: Tensor, indexing: str = "xy") -> list[jax.Array]:
    """Coordinates of the points of a grid: one tensor for each vector, with an axis for each.

    Args:
        *x: Vectors of the coordinates along each axis.
        indexing: "xy": rows run along the second vector, as in pictures; "ij": along the first, as in matrices.

    Example:
        >>> [grid.tolist() for grid in meshgrid([1, 2], [3, 4])]
        [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    return jnp.meshgrid(*map(value, x), indexing=indexing)


@operation("numpy")
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> jax.Array:
    """Vandermonde matrix: the powers of each element in a row, x[i] ** (N - 1 - j).

    Args:
        x: Vector.
        N: Number of powers; None is the length of x. Default None.
        increasing: Whether the powers increase: x[i] ** j. Default False.

    Raises:
        ValueError: x that is no vector.

    Example:
        >>> print(vander([1, 2, 3], 3))
        [[1 1 1]
         [4 2 1]
         [9 3 1]]
    """
    return jnp.vander(value(x), N, increasing)
