"""Products of vectors and matrices, and sums along neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array
from lamina.ops.numpy._tensors import floating, value

_INT8 = np.dtype("int8")


def _sum_dtype(*xs: Any) -> str | None:
    """Type in which products are added: int32 where all are int8, whose own sums would overflow."""
    for x in xs:
        if getattr(x, "dtype", None) != _INT8:
            return None
    return "int32"


@operation("numpy")
def matmul(x1: Tensor, x2: Tensor) -> jax.Array:
    """Matrix product: y[…, i, k] = sum over j of x1[…, i, j] x2[…, j, k].

    Args:
        x1: Tensor (..., n, m), or a vector (m,).
        x2: Tensor (..., m, p), or a vector (m,); the leading axes of both broadcast.

    Returns:
        Tensor (..., n, p); int32 for two of int8.

    Example:
        >>> print(matmul([[1, 2], [3, 4]], [1, 1]))
        [3 7]
    """
    x1, x2 = value(x1), value(x2)
    return jnp.matmul(x1, x2, preferred_element_type=_sum_dtype(x1, x2))


@operation("numpy")
def dot(x1: Tensor, x2: Tensor) -> jax.Array:
    """Product sum over the last axis of x1 and the last but one of x2; of vectors, the scalar product.

    Example:
        >>> print(dot([1, 2], [3, 4]))
        11
    """
    return jnp.dot(value(x1), value(x2))


@operation("numpy")
def inner(x1: Tensor, x2: Tensor) -> jax.Array:
    """Product sum over the last axis of both.

    Example:
        >>> print(inner([[1, 2], [3, 4]], [1, 1]))
        [3 7]
    """
    return jnp.inner(value(x1), value(x2))


@operation("numpy")
def vdot(x1: Tensor, x2: Tensor) -> jax.Array:
    """Scalar product of the flattened tensors; complex x1 is conjugated.

    Example:
        >>> print(vdot([[1, 2], [3, 4]], [[1, 0], [0, 1]]))
        5
    """
    return jnp.vdot(value(x1), value(x2))


@operation("numpy")
def outer(x1: Tensor, x2: Tensor) -> jax.Array:
    """Product of each with each: y[i, j] = x1[i] x2[j], of the flattened tensors.

    Example:
        >>> print(outer([1, 2], [3, 4]))
        [[3 4]
         [6 8]]
    """
    return jnp.outer(value(x1), value(x2))


@operation("numpy")
def kron(x1: Tensor, x2: Tensor) -> jax.Array:
    """Kronecker product: blocks x1[i, j] x2.

    Example:
        >>> print(kron([1, 10], [1, 2]))
        [ 1  2 10 20]
    """
    return jnp.kron(value(x1), value(x2))


@operation("numpy")
def cross(
    x1: Tensor, x2: Tensor, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> jax.Array:
    """Cross product of vectors with 3 (or 2) components: at right angles to both.

    Args:
        x1, x2: Tensors of vectors.
        axisa, axisb, axisc: Axis of the components in x1, in x2 and in the result. Default -1.
        axis: One axis for all three; None: those. Default None.

    Example:
        >>> print(cross([1, 0, 0], [0, 1, 0]))
        [0 0 1]
    """
    return jnp.cross(value(x1), value(x2), axisa, axisb, axisc, axis)


@operation("numpy")
def tensordot(x1: Tensor, x2: Tensor, axes: int | Sequence[Any] = 2) -> jax.Array:
    """Product sum over chosen axes of both.

    Args:
        x1, x2: Tensors.
        axes: Number of the last axes of x1 and first ones of x2, or a pair of lists of axes. Default 2.

    Example:
        >>> print(tensordot([[1, 2], [3, 4]], [1, 1], axes=1))
        [3 7]
    """
    return jnp.tensordot(value(x1), value(x2), axes=axes)


@operation("numpy")
def einsum(subscripts: str, /, *operands: Tensor, **kwargs: Any) -> jax.Array:
    """Product sum in Einstein's notation: "ij,jk->ik" is the matrix product.

    Args:
        subscripts: A letter for each axis of each operand, and for the axes of the result after "->".
        *operands: Tensors.
        **kwargs: Further arguments of `jax.numpy.einsum`, such as `optimize` and `precision`.

    Returns:
        Tensor; int32 where all operands are int8.

    Example:
        >>> print(einsum("ij->j", [[1, 2], [3, 4]]))
        [4 6]
    """
    if "subscripts" in kwargs:  # settings of a graph's operation come by name, so the first operand took the place
        subscripts, operands = kwargs.pop("subscripts"), (subscripts, *operands)
    operands = tuple(map(as_array, operands))
    return jnp.einsum(subscripts, *operands, **{"preferred_element_type": _sum_dtype(*operands), **kwargs})


@operation("numpy")
def trace(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> jax.Array:
    """Sum of the diagonal of the matrices in two axes.

    Args:
        x: Tensor with two axes or more.
        offset: Which diagonal: above the main one (> 0), or below (< 0). Default 0.
        axis1, axis2: Rows and columns of the matrices. Default 0 and 1.

    Example:
        >>> print(trace([[1, 2], [3, 4]]))
        5
    """
    return jnp.trace(value(x), offset, axis1, axis2)


@operation("numpy")
def slogdet(x: Tensor) -> tuple[jax.Array, jax.Array]:
    """Sign and logarithm of the absolute value of the determinant of square matrices.

    Args:
        x: Tensor (..., n, n).

    Returns:
        Two tensors (...,): sign, and ln|det x|.

    Example:
        >>> [float(part) for part in slogdet([[1.0, 0.0], [0.0, -1.0]])]
        [-1.0, 0.0]
    """
    sign, logarithm = jnp.linalg.slogdet(value(x))
    return sign, logarithm


@operation("numpy")
def correlate(x1: Tensor, x2: Tensor, mode: str = "valid") -> jax.Array:
    """Cross-correlation of two vectors: y[k] = sum over n of x1[n + k] conj(x2[n]).

    Args:
        x1, x2: Vectors.
        mode: "valid": only where both overlap fully; "same": as long as the longer one; "full": all. Default "valid".

    Example:
        >>> print(correlate([1.0, 2.0, 3.0], [1.0, 1.0]))
        [3. 5.]
    """
    return jnp.correlate(value(x1), value(x2), mode)


@operation("numpy")
def diff(a: Tensor, n: int = 1, axis: int = -1) -> jax.Array:
    """Differences of neighbours: y[i] = a[i + 1] - a[i].

    Args:
        a: Tensor.
        n: How often to take them. Default 1.
        axis: Axis along which. Default -1.

    Example:
        >>> print(diff([1, 4, 9]))
        [3 5]
    """
    return jnp.diff(value(a), n, axis)


@operation("numpy")
def trapezoid(y: Tensor, x: Any = None, dx: float = 1.0, axis: int = -1) -> jax.Array:
    """Integral by the trapezoidal rule: sum over i of (y[i] + y[i + 1]) / 2 · (x[i + 1] - x[i]).

    Args:
        y: Values of the function.
        x: Where they were taken; None: at distances `dx`. Default None.
        dx: Distance of the points, where x is None. Default 1.
        axis: Axis along which. Default -1.

    Example:
        >>> print(trapezoid([1.0, 2.0, 3.0]))
        4.0
    """
    return jnp.trapezoid(floating(y), value(x), value(dx), axis)
