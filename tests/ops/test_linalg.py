"""Linear algebra against Keras, and against what defines each decomposition."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina.core.symbolic import KerasTensor
from lamina.core.variable import Variable
from lamina.ops import linalg
from tests.ops.parity import (
    case,
    check_gradients,
    check_symbolic,
    check_values,
    keras,
    names_of,
    normal,
    parameters,
    whole,
)


def positive(*shape):
    x = normal(*shape)
    return x @ x.mT + 2 * np.eye(shape[-1], dtype=np.float32)


def triangular(*shape):
    return np.tril(normal(*shape)) + 3 * np.eye(shape[-1], dtype=np.float32)


SQUARE = (positive(3, 3), positive(2, 4, 4))
ANY = (normal(3, 3), normal(4, 3), normal(2, 3, 5))
SMOOTH = [
    *(case("cholesky", {"x": x}, upper=upper) for x in SQUARE for upper in (False, True)),
    *(
        case("cholesky_inverse", {"x": triangular(3, 3).T if upper else triangular(3, 3)}, upper=upper)
        for upper in (0, 1)
    ),
    *(case(name, {"x": x}, tolerance=1e-5) for name in ("det", "inv") for x in SQUARE),
    *(
        case("norm", {"x": normal(4, 3)}, ord=o, axis=a, keepdims=k)
        for o in (None, 1, 2, 3, np.inf, 0.5)
        for a in (0, -1)
        for k in (0, 1)
    ),
    *(
        case("norm", {"x": normal(2, 4, 3)}, ord=o, axis=(1, 2))
        for o in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
    ),
    *(case("norm", {"x": x}, free=()) for x in (normal(5), normal(3, 3), normal(2, 3, 4))),
    *(
        case("solve", {"a": a, "b": b}, free=("a", "b") if a.ndim > 2 else (), tolerance=1e-5)
        for a in SQUARE
        for b in (normal(*a.shape), normal(*a.shape[:-1], 2))
    ),
    case("solve", {"a": SQUARE[0], "b": normal(3)}, free=()),
    *(
        case("solve_triangular", {"a": triangular(3, 3), "b": b}, lower=lower)
        for b in (normal(3), normal(3, 2))
        for lower in (0, 1)
    ),
    case("pinv", {"x": normal(4, 3)}, tolerance=1e-5),
    case("lstsq", {"a": normal(5, 3), "b": normal(5)}, tolerance=1e-5),
    case("lstsq", {"a": normal(5, 3), "b": normal(5, 2)}, tolerance=1e-5),
]
EXACT = [
    *(
        case("norm", {"x": x}, ord=o, axis=0)
        for x in (whole(4, 3), whole(4, 3, dtype="uint8"), whole(4, 3) > 2)
        for o in (None, 1)
    ),
    case("norm", {"x": normal(4, 3, dtype="float16")}, axis=-1),
    case("norm", {"x": normal(4, 3, dtype="bfloat16")}, axis=-1, ord=1),
    case("norm", {"x": normal(4, 3)}, axis=-1, ord=0),
    case("det", {"x": whole(3, 3)}),
    *(case("eig", {"x": x}, tolerance=1e-5) for x in ANY[:1]),
    *(case("eigh", {"x": x}, tolerance=1e-5) for x in SQUARE),
    *(case("lu_factor", {"x": x}, tolerance=1e-5) for x in ANY),
    *(case("qr", {"x": x}, mode=mode, tolerance=1e-5) for x in ANY for mode in ("reduced", "complete")),
    *(case("svd", {"x": x}, full_matrices=full, tolerance=2e-5) for x in ANY for full in (False, True)),
    case("svd", {"x": ANY[2]}, compute_uv=False, tolerance=1e-5),
    *(
        case("matrix_rank", {"x": x}, tol=tol)
        for x in (np.ones((3, 4), np.float32), ANY[2])
        for tol in (None, 0.5, 1e3)
    ),
    case("lstsq", {"a": np.float32([[1, 1], [1, 1.001], [1, 1]]), "b": normal(3)}, rcond=0.1, tolerance=1e-4),
    case("pinv", {"x": np.float32([[1, 1], [1, 1.001], [1, 1]])}, rcond=0.1, tolerance=1e-4),
    case(
        "jvp",
        {"primals": (normal(3), normal(3, seed=1)), "tangents": (normal(3, seed=2), normal(3, seed=3))},
        fun=lambda a, b: a * jnp.exp(b),
    ),
]
CASES = [*SMOOTH, *EXACT]
# What Keras declares for symbolic tensors and does not keep for arrays.
WRONG_IN_KERAS = {
    "eig": "declares a real result",
    "lu_factor": "declares float pivots",
    "det": "declares int32 for the determinant of whole numbers, which is float32",
}


def free_batch(one):
    """Only a batch of matrices has a first axis that can be free."""
    return one._replace(free=() if np.ndim(next(iter(one.tensors.values()))) < 3 and one.free is None else one.free)


def test_every_function_of_keras_is_there_with_the_same_parameters():
    assert set(linalg.__all__) == names_of("linalg")
    for name in linalg.__all__:
        assert parameters(getattr(linalg, name)) == parameters(getattr(keras.ops, name)), name


def test_every_function_has_a_case():
    assert {one.name for one in CASES} == set(linalg.__all__)


@pytest.mark.parametrize("one", CASES, ids=str)
def test_values_are_those_of_keras(one):
    check_values(getattr(linalg, one.name), one)


@pytest.mark.parametrize("one", SMOOTH[::3], ids=str)
def test_gradients_are_those_of_keras(one):
    check_gradients(getattr(linalg, one.name), one, tolerance=1e-4)


@pytest.mark.parametrize("one", [free_batch(one) for one in CASES if one.name != "jvp"], ids=str)
def test_symbolic_shapes_are_those_of_keras(one):
    check_symbolic(getattr(linalg, one.name), one, same_dtype=one.name not in WRONG_IN_KERAS)


def test_decompositions_give_their_matrix_back():
    x = normal(2, 4, 3)
    q, r = linalg.qr(x)
    u, s, vt = linalg.svd(x, full_matrices=False)
    np.testing.assert_allclose(q @ r, x, atol=1e-5)
    np.testing.assert_allclose((u * s[:, None]) @ vt, x, atol=1e-5)
    values, vectors = linalg.eigh(SQUARE[1])
    np.testing.assert_allclose(SQUARE[1] @ vectors, vectors * values[:, None], atol=1e-4)


def test_whole_numbers_lists_and_variables_are_taken():
    for x in ([[2, 0], [0, 4]], np.array([[2, 0], [0, 4]]), Variable([[2.0, 0.0], [0.0, 4.0]])):
        np.testing.assert_allclose(linalg.inv(x), [[0.5, 0], [0, 0.25]])
        np.testing.assert_allclose(linalg.cholesky(x), [[np.sqrt(2), 0], [0, 2]], rtol=1e-6)
        np.testing.assert_allclose(linalg.solve(x, [2, 2]), [1, 0.5])


def test_batches_of_vectors_are_solved():
    a, b = SQUARE[1], normal(2, 4)
    expected = np.stack([np.linalg.solve(a[i].astype(np.float64), b[i]) for i in range(2)])
    np.testing.assert_allclose(linalg.solve(a, b), expected, rtol=1e-4, atol=1e-5)
    low = triangular(2, 4, 4)
    expected = np.stack([np.linalg.solve(low[i].astype(np.float64), b[i]) for i in range(2)])
    np.testing.assert_allclose(linalg.solve_triangular(low, b, lower=True), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("upper", [False, True])
def test_inverse_from_a_batch_of_cholesky_factors(upper):
    factors = linalg.cholesky(SQUARE[1], upper=upper)
    expected = np.linalg.inv(SQUARE[1].astype(np.float64))
    np.testing.assert_allclose(linalg.cholesky_inverse(factors, upper=upper), expected, rtol=1e-4, atol=1e-5)


def test_jvp_hands_auxiliary_data_through_and_works_in_a_model():
    value, slope, aux = linalg.jvp(lambda x: (x**2, x + 1), (Variable([3.0]),), (np.ones(1),), has_aux=True)
    assert (value.tolist(), slope.tolist(), aux.tolist()) == ([9], [6], [4])
    tensor = KerasTensor((None, 3), "float32")
    value, slope = linalg.jvp(lambda x: jnp.sum(x, -1), (tensor,), (tensor,))
    assert (value.shape, slope.shape) == ((None,), (None,))


def test_cholesky_says_so_when_there_is_no_factor():
    indefinite = np.array([[1.0, 2.0], [2.0, 1.0]], np.float32)
    with pytest.raises(ValueError, match="cholesky: x: expected symmetric positive definite matrices"):
        linalg.cholesky(indefinite)
    assert np.isnan(jax.jit(linalg.cholesky)(indefinite)).any()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: linalg.inv(np.ones((2, 3))), r"inv: expected square matrices .*received shape \(2, 3\)"),
        (lambda: linalg.det(np.ones(3)), r"det: expected matrices \(..., m, n\), received shape \(3,\)"),
        (
            lambda: linalg.qr(np.ones((2, 2)), "full"),
            r"qr: mode: expected one of \['reduced', 'complete'\], received 'full'",
        ),
        (lambda: linalg.solve(np.eye(3), np.ones(2)), r"solve: b: expected vectors \(..., 3\) or matrices .*\(2,\)"),
        (lambda: linalg.solve_triangular(np.eye(3), 1.0), r"solve_triangular: b: expected .*received shape \(\)"),
        (lambda: linalg.lstsq(np.ones((2, 3)), np.ones(3)), r"lstsq: expected a matrix .*received \(2, 3\) and \(3,\)"),
        (lambda: linalg.norm(np.ones((2, 3)), ord="max"), "max"),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
