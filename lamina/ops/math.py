"""Functions of arrays that NumPy does not have: sums by segment, largest entries, special functions, complex numbers.

Fourier transforms are in `fourier.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax, nn

from lamina.core.errors import check_positive_int
from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array, as_float, at_least_float32, promote_floats

__all__ = [
    "segment_sum",
    "segment_max",
    "segment_min",
    "segment_prod",
    "top_k",
    "in_top_k",
    "logsumexp",
    "cdist",
    "rsqrt",
    "erf",
    "erfc",
    "erfinv",
    "logdet",
    "view_as_complex",
    "view_as_real",
]


@operation("math")
def segment_sum(data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> jax.Array:
    """Sums of rows that have the same number: y[k] = sum of data[i] where segment_ids[i] == k.

    Args:
        data: Array (rows, ...).
        segment_ids: Whole numbers (rows,); rows with a negative one, or one past the end, are left out.
        num_segments: Number of segments; None takes the largest number plus 1, outside of compiled functions only.
        sorted: Whether segment_ids are in ascending order, which may be faster. Default False.

    Returns: array (num_segments, ...); 0 for a segment without rows.
    Raises:
        ValueError: segment_ids that are no vector of the same length; no num_segments in a compiled function.

    Example:
        >>> print(segment_sum([1, 2, 10], [0, 0, 2]))
        [ 3  0 10]
    """
    return _segments(jax.ops.segment_sum, "segment_sum", data, segment_ids, num_segments, sorted)


@operation("math")
def segment_max(data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> jax.Array:
    """Largest values of rows that have the same number.

    Args:
        data, segment_ids, num_segments, sorted: As in `segment_sum`.

    Returns: array (num_segments, ...); the lowest value of the dtype for a segment without rows.

    Example:
        >>> print(segment_max([1, 2, 10], [0, 0, 1]))
        [ 2 10]
    """
    return _segments(jax.ops.segment_max, "segment_max", data, segment_ids, num_segments, sorted)


@operation("math")
def segment_min(data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> jax.Array:
    """Smallest values of rows that have the same number.

    Args:
        data, segment_ids, num_segments, sorted: As in `segment_sum`.

    Returns: array (num_segments, ...); the highest value of the dtype for a segment without rows.

    Example:
        >>> print(segment_min([1, 2, 10], [0, 0, 1]))
        [ 1 10]
    """
    return _segments(jax.ops.segment_min, "segment_min", data, segment_ids, num_segments, sorted)


@operation("math")
def segment_prod(data: Tensor, segment_ids: Tensor, num_segments: int | None = None, sorted: bool = False) -> jax.Array:
    """Products of rows that have the same number.

    Args:
        data, segment_ids, num_segments, sorted: As in `segment_sum`.

    Returns: array (num_segments, ...); 1 for a segment without rows.

    Example:
        >>> print(segment_prod([3, 2, 10], [0, 0, 1]))
        [ 6 10]
    """
    return _segments(jax.ops.segment_prod, "segment_prod", data, segment_ids, num_segments, sorted)


@operation("math")
def top_k(x: Tensor, k: int, sorted: bool = True) -> tuple[jax.Array, jax.Array]:
    """Largest entries along the last axis, and their places.

    Args:
        x: Array (..., n).
        k: How many, from 1 to n.
        sorted: No effect: the entries always come in descending order.

    Returns: two arrays (..., k): values, and places as int32. Of equal values, the first comes first.

    Example:
        >>> print(*top_k([3.0, 9.0, 7.0], 2))
        [9. 7.] [1 2]
    """
    x = as_array(x)
    if check_positive_int("k", k, "top_k: ") > (x.shape[-1] if x.ndim else 0):
        raise ValueError(f"top_k: k: expected at most the size of the last axis, received {k} for shape {x.shape}.")
    values, places = lax.top_k(x, k)
    return values, places


@operation("math")
def in_top_k(targets: Tensor, predictions: Tensor, k: int) -> jax.Array:
    """Whether a class is among the k with the highest scores; classes of equal score share the better rank.

    Args:
        targets: Class numbers (batch,).
        predictions: Scores (batch, classes). NaN for the target counts as the lowest score.
        k: How many classes count.

    Returns: bools (batch,).

    Example:
        >>> print(in_top_k([2, 0], [[0.1, 0.3, 0.6], [0.1, 0.3, 0.6]], k=2))
        [ True False]
    """
    targets, predictions = as_array(targets), as_array(predictions)
    own = jnp.take_along_axis(predictions, targets[..., None], axis=-1)
    own = jnp.where(jnp.isnan(own), -jnp.inf, own)
    return jnp.sum(predictions > own, axis=-1) < k


@operation("math")
def logsumexp(x: Tensor, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> jax.Array:
    """Logarithm of a sum of exponentials, log(sum(exp(x))), without overflow.

    Args:
        x: Array, any shape.
        axis: Axes to sum over; None is all.
        keepdims: Whether these stay, with size 1. Default False.

    Example:
        >>> print(f"{logsumexp([1000.0, 1000.0]):.2f}")
        1000.69
    """
    return nn.logsumexp(
        as_float(x), axis=axis if axis is None or isinstance(axis, int) else tuple(axis), keepdims=keepdims
    )


@operation("math", "CDist")
def cdist(x: Tensor, y: Tensor) -> jax.Array:
    """Euclidean distance between every row of x and every row of y.

    Args:
        x: Array (..., m, size).
        y: Array (..., n, size).

    Returns: array (..., m, n).
    Raises:
        ValueError: fewer than two axes, or rows of different size.

    Differs from Keras: the gradient between equal rows is 0 (Keras: NaN).

    Example:
        >>> print(cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 0.0]]))
        [[5. 0.]]
    """
    x, y = promote_floats(x, y)
    if min(x.ndim, y.ndim) < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(
            f"cdist: expected two arrays (..., rows, size) with rows of equal size, received {x.shape} and {y.shape}."
        )
    squares = jnp.sum(jnp.square(x[..., :, None, :] - y[..., None, :, :]), axis=-1)
    apart = squares > 0
    return jnp.where(apart, jnp.sqrt(jnp.where(apart, squares, 1)), 0)


@operation("math")
def rsqrt(x: Tensor) -> jax.Array:
    """One divided by the square root: 1 / sqrt(x).

    Example:
        >>> print(rsqrt([1.0, 4.0]))
        [1.  0.5]
    """
    return lax.rsqrt(as_float(x))


@operation("math")
def erf(x: Tensor) -> jax.Array:
    """Error function: 2 / sqrt(pi) * integral of exp(-t**2) from 0 to x.

    Example:
        >>> print(f"{erf(1.0):.4f}")
        0.8427
    """
    return lax.erf(as_float(x))


@operation("math")
def erfc(x: Tensor) -> jax.Array:
    """Complement of the error function, 1 - erf(x), exact for large x.

    Example:
        >>> print(f"{erfc(1.0):.4f} {erfc(9.0):.3g}")
        0.1573 4.14e-37
    """
    return lax.erfc(as_float(x))


@operation("math")
def erfinv(x: Tensor) -> jax.Array:
    """Inverse of the error function, for x in [-1, 1].

    Example:
        >>> print(f"{erfinv(0.5):.4f}")
        0.4769
    """
    return lax.erf_inv(as_float(x))


@operation("math")
def logdet(x: Tensor) -> jax.Array:
    """Logarithm of the absolute determinant, without overflow.

    Args:
        x: Square matrices (..., n, n).

    Returns: array (...).

    Example:
        >>> print(f"{logdet([[2.0, 0.0], [0.0, 3.0]]):.4f}")
        1.7918
    """
    return jnp.linalg.slogdet(as_float(x))[1]


@operation("math")
def view_as_complex(x: Tensor) -> jax.Array:
    """Complex numbers from pairs: x[..., 0] + i x[..., 1].

    Args:
        x: Real array (..., 2).

    Returns: complex array (...).
    Raises:
        ValueError: a last axis that has not two elements.

    Example:
        >>> print(view_as_complex([[1.0, 2.0]]))
        [1.+2.j]
    """
    x = at_least_float32(x)
    if x.ndim < 1 or x.shape[-1] != 2:
        raise ValueError(
            f"view_as_complex: expected a last axis of size 2 (real, imaginary), received shape {x.shape}."
        )
    return lax.complex(x[..., 0], x[..., 1])


@operation("math")
def view_as_real(x: Tensor) -> jax.Array:
    """Pairs of real and imaginary part of complex numbers.

    Args:
        x: Complex array, any shape (...).

    Returns: real array (..., 2).

    Example:
        >>> print(view_as_real([1 + 2j]))
        [[1. 2.]]
    """
    x = as_array(x)
    return jnp.stack([jnp.real(x), jnp.imag(x)], axis=-1)


def _segments(
    reduce: Callable[..., jax.Array], where: str, data: Any, segment_ids: Any, num_segments: int | None, ordered: bool
) -> jax.Array:
    data, segment_ids = as_array(data), as_array(segment_ids)
    if segment_ids.ndim != 1 or data.shape[:1] != segment_ids.shape:
        raise ValueError(
            f"{where}: segment_ids: expected one number for each of the rows of data, received shapes "
            f"{segment_ids.shape} and {data.shape}."
        )
    if num_segments is None and isinstance(segment_ids, jax.core.Tracer):
        raise ValueError(f"{where}: num_segments: needed in models and compiled functions, received None.")
    return reduce(data, segment_ids, num_segments, indices_are_sorted=ordered)
