"""Linear algebra under the names of `keras.ops.linalg`. Leading axes are batches of matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy import linalg

from lamina.core.errors import check_choice
from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array, as_float, promote_floats

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eig",
    "eigh",
    "inv",
    "lu_factor",
    "norm",
    "qr",
    "solve",
    "solve_triangular",
    "svd",
    "lstsq",
    "matrix_rank",
    "pinv",
    "jvp",
]


@operation("linalg")
def cholesky(x: Tensor, upper: bool = False) -> jax.Array:
    """Cholesky factor L of symmetric positive definite matrices: x = L @ L^T.

    Args:
        x: Matrices (..., n, n).
        upper: Whether to return L^T. Default False.

    Returns: triangular matrices of the same shape.
    Raises:
        ValueError: no square matrices; outside of compiled functions, matrices that are not positive definite (inside:
            NaN).

    Example:
        >>> print(cholesky([[4.0, 2.0], [2.0, 2.0]]))
        [[2. 0.]
         [1. 1.]]
    """
    factor = jnp.linalg.cholesky(_square(x, "cholesky"), upper=upper)
    if not isinstance(factor, jax.core.Tracer) and bool(jnp.isnan(factor).any()):
        raise ValueError("cholesky: x: expected symmetric positive definite matrices, received one that is not.")
    return factor


@operation("linalg")
def cholesky_inverse(x: Tensor, upper: bool = False) -> jax.Array:
    """Inverse of a matrix whose Cholesky factor is known: (x @ x^T)^-1.

    Args:
        x: Cholesky factors (..., n, n), lower triangular.
        upper: Whether they are upper triangular: (x^T @ x)^-1. Default False.

    Returns: symmetric matrices of the same shape.
    Raises:
        ValueError: no square matrices.

    Differs from Keras: batches of matrices work.

    Example:
        >>> print(cholesky_inverse([[2.0, 0.0], [0.0, 1.0]]))
        [[0.25 0.  ]
         [0.   1.  ]]
    """
    x = _square(x, "cholesky_inverse")
    inverse = linalg.solve_triangular(
        x, jnp.broadcast_to(jnp.eye(x.shape[-1], dtype=x.dtype), x.shape), lower=not upper
    )
    flipped = inverse.mT
    return inverse @ flipped if upper else flipped @ inverse


@operation("linalg")
def det(x: Tensor) -> jax.Array:
    """Determinants.

    Args:
        x: Matrices (..., n, n).

    Returns: array (...).

    Example:
        >>> print(det([[1.0, 2.0], [3.0, 5.0]]).round(4))
        -1.0
    """
    return jnp.linalg.det(_square(x, "det"))


@operation("linalg")
def eig(x: Tensor) -> tuple[jax.Array, jax.Array]:
    """Eigenvalues w and eigenvectors v of matrices: x @ v = v * w. On CPUs only.

    Args:
        x: Matrices (..., n, n).

    Returns: complex arrays w (..., n) and v (..., n, n), the vectors in columns.

    Example:
        >>> print(eig([[2.0, 0.0], [0.0, 3.0]])[0])
        [2.+0.j 3.+0.j]
    """
    values, vectors = jnp.linalg.eig(_square(x, "eig"))
    return values, vectors


@operation("linalg")
def eigh(x: Tensor) -> tuple[jax.Array, jax.Array]:
    """Eigenvalues w, ascending, and eigenvectors v of symmetric (Hermitian) matrices: x @ v = v * w.

    Args:
        x: Matrices (..., n, n).

    Returns: arrays w (..., n) and v (..., n, n), the vectors in columns.

    Example:
        >>> print(eigh([[2.0, 0.0], [0.0, 1.0]])[0])
        [1. 2.]
    """
    values, vectors = jnp.linalg.eigh(_square(x, "eigh"))
    return values, vectors


@operation("linalg")
def inv(x: Tensor) -> jax.Array:
    """Inverses of matrices.

    Args:
        x: Matrices (..., n, n).

    Returns: matrices of the same shape; infinite or NaN where there is no inverse.

    Example:
        >>> print(inv([[2.0, 0.0], [0.0, 4.0]]))
        [[0.5  0.  ]
         [0.   0.25]]
    """
    return jnp.linalg.inv(_square(x, "inv"))


@operation("linalg")
def lu_factor(x: Tensor) -> tuple[jax.Array, jax.Array]:
    """Triangular factors of matrices with exchanged rows: P @ x = L @ U.

    Args:
        x: Matrices (..., m, n).

    Returns: array (..., m, n), U above L (whose diagonal of ones is left out), and int32 array (..., min(m, n)), the
        row that each row was exchanged with.

    Example:
        >>> print(*lu_factor([[1.0, 2.0], [2.0, 6.0]]))
        [[ 2.   6. ]
         [ 0.5 -1. ]] [1 1]
    """
    factors, pivots, _ = jax.lax.linalg.lu(_matrices(x, "lu_factor"))
    return factors, pivots


@operation("linalg")
def norm(x: Tensor, ord: Any = None, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> jax.Array:
    """Norm of vectors or matrices.

    Args:
        x: Array, any shape.
        ord: For vectors a number p, sum(|x|**p)**(1/p), inf, -inf or 0 (count); for matrices "fro", "nuc", 1, -1, 2,
            -2, inf, -inf. None is the root of the sum of squares.
        axis: One axis: norms of vectors. Two: of matrices. None: of x, flattened unless it is a vector or matrix.
        keepdims: Whether these axes stay, with size 1. Default False.

    Raises:
        ValueError: an order that does not exist.

    Example:
        >>> print(norm([[3.0, 4.0], [0.0, 1.0]], axis=1))
        [5. 1.]
    """
    axes = axis if axis is None or isinstance(axis, int) else tuple(axis)
    return jnp.linalg.norm(as_float(x), ord, axes[0] if isinstance(axes, tuple) and len(axes) == 1 else axes, keepdims)


@operation("linalg")
def qr(x: Tensor, mode: str = "reduced") -> tuple[jax.Array, jax.Array]:
    """Orthogonal and upper triangular factors of matrices: x = Q @ R.

    Args:
        x: Matrices (..., m, n).
        mode: "reduced" (Q has min(m, n) columns) or "complete" (m columns).

    Returns: arrays Q (..., m, k) and R (..., k, n).
    Raises:
        ValueError: an unknown mode.

    Example:
        >>> print(*(factor.shape for factor in qr([[1.0], [2.0], [3.0]])))
        (3, 1) (1, 1)
    """
    check_choice("mode", mode, ("reduced", "complete"), "qr: ")
    q, r = jnp.linalg.qr(_matrices(x, "qr"), mode=mode)
    return q, r


@operation("linalg")
def solve(a: Tensor, b: Tensor) -> jax.Array:
    """Solution x of a @ x = b.

    Args:
        a: Matrices (..., n, n).
        b: Vectors (..., n), one axis fewer than a, or matrices (..., n, k).

    Returns: array of the shape of b.
    Raises:
        ValueError: no square matrices, or sizes that do not go together.

    Differs from Keras: batches of vectors work.

    Example:
        >>> print(solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]))
        [1.  0.5]
    """
    return _solve(jnp.linalg.solve, a, b, "solve")


@operation("linalg")
def solve_triangular(a: Tensor, b: Tensor, lower: bool = False) -> jax.Array:
    """Solution x of a @ x = b for triangular a; its other half is not read.

    Args:
        a: Matrices (..., n, n).
        b: Vectors (..., n), one axis fewer than a, or matrices (..., n, k).
        lower: Whether a is lower triangular. Default False.

    Returns: array of the shape of b.
    Raises:
        ValueError: no square matrices, or sizes that do not go together.

    Example:
        >>> print(solve_triangular([[1.0, 1.0], [0.0, 2.0]], [3.0, 4.0]))
        [1. 2.]
    """
    return _solve(lambda a, b: linalg.solve_triangular(a, b, lower=lower), a, b, "solve_triangular")


@operation("linalg", "SVD")
def svd(x: Tensor, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular value decomposition: x = U @ diag(s) @ V^T.

    Args:
        x: Matrices (..., m, n).
        full_matrices: Whether U and V are square; else they have min(m, n) columns. Default True.
        compute_uv: Whether to return U and V^T too. Default True.

    Returns: arrays U, s (..., min(m, n)), descending, and V^T; or s alone.

    Example:
        >>> print(svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False))
        [4. 3.]
    """
    result = jnp.linalg.svd(_matrices(x, "svd"), full_matrices=full_matrices, compute_uv=compute_uv)
    return tuple(result) if compute_uv else result


@operation("linalg")
def lstsq(a: Tensor, b: Tensor, rcond: float | None = None) -> jax.Array:
    """Least-squares solution: the shortest x for which |a @ x - b| is smallest.

    Args:
        a: Matrix (m, n).
        b: Vector (m,) or matrix (m, k).
        rcond: Singular values below this share of the largest one count as 0; None is the float type's precision times
            max(m, n).

    Returns: array (n,) or (n, k).
    Raises:
        ValueError: other numbers of axes, or sizes that do not go together.

    Example:
        >>> print(lstsq([[1.0], [1.0]], [1.0, 3.0]).round(4))
        [2.]
    """
    a, b = promote_floats(a, b)
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise ValueError(
            f"lstsq: expected a matrix (m, n) and a vector (m,) or matrix (m, k), received {a.shape} and {b.shape}."
        )
    return jnp.linalg.lstsq(a, b, rcond)[0]


@operation("linalg")
def matrix_rank(x: Tensor, tol: float | None = None) -> jax.Array:
    """Number of singular values above a threshold.

    Args:
        x: Matrices (..., m, n).
        tol: The threshold; None is the largest singular value times max(m, n) times the float type's precision.

    Returns: int32 array (...).

    Example:
        >>> print(matrix_rank([[1.0, 2.0], [2.0, 4.0]]))
        1
    """
    x = _matrices(x, "matrix_rank")
    if tol is None:
        return jnp.linalg.matrix_rank(x).astype("int32")
    return jnp.sum(jnp.linalg.svd(x, compute_uv=False) > tol, axis=-1, dtype="int32")


@operation("linalg")
def pinv(x: Tensor, rcond: float | None = None) -> jax.Array:
    """Pseudo-inverse (Moore-Penrose).

    Args:
        x: Matrices (..., m, n).
        rcond: Singular values below this share of the largest one count as 0; None is 10 * max(m, n) times the float
            type's precision.

    Returns: array (..., n, m).

    Example:
        >>> print(pinv([[2.0, 0.0]]))
        [[0.5]
         [0. ]]
    """
    return jnp.linalg.pinv(_matrices(x, "pinv"), rcond)


@operation("linalg", "JVP")
def jvp(fun: Callable[..., Any], primals: Sequence[Tensor], tangents: Sequence[Tensor], has_aux: bool = False) -> Any:
    """Value and directional derivative of a function (forward mode).

    Args:
        fun: Function of arrays.
        primals: Its arguments, a tuple or list.
        tangents: The direction: one array of the same shape for each argument.
        has_aux: Whether fun returns a pair whose second half is handed through. Default False.

    Returns: value and derivative; with has_aux also what fun hands through.

    Example:
        >>> print(*jvp(jnp.square, (3.0,), (1.0,)))
        9.0 6.0
    """
    primals, tangents = jax.tree.map(as_array, (tuple(primals), tuple(tangents)))
    return jax.jvp(fun, primals, tangents, has_aux=has_aux)


def _matrices(x: Any, where: str) -> jax.Array:
    x = as_float(x)
    if x.ndim < 2:
        raise ValueError(f"{where}: expected matrices (..., m, n), received shape {x.shape}.")
    return x


def _square(x: Any, where: str) -> jax.Array:
    x = _matrices(x, where)
    if x.shape[-1] != x.shape[-2]:
        raise ValueError(f"{where}: expected square matrices (..., n, n), received shape {x.shape}.")
    return x


def _solve(solve: Callable[..., jax.Array], a: Any, b: Any, where: str) -> jax.Array:
    a, b = promote_floats(_square(a, where), b)
    size, vectors = a.shape[-1], b.ndim in (1, a.ndim - 1)
    if b.ndim == 0 or b.shape[-1 if vectors else -2] != size:
        raise ValueError(
            f"{where}: b: expected vectors (..., {size}) or matrices (..., {size}, k) for matrices of shape {a.shape}, "
            f"received shape {b.shape}."
        )
    return solve(a, b[..., None])[..., 0] if vectors else solve(a, b)
