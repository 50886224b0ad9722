"""Math operations and Fourier transforms against Keras, NumPy and SciPy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal, special

from lamina.core.variable import Variable
from lamina.ops import fourier, math
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

FUNCTIONS = {name: getattr(module, name) for module in (math, fourier) for name in module.__all__}
IDS = np.array([0, 2, 2, 1, 0, 2], np.int32)
SEGMENTS = [
    case(
        f"segment_{kind}",
        {"data": data, "segment_ids": ids},
        free=("data", "segment_ids"),
        num_segments=4,
        sorted=order,
    )
    for kind in ("sum", "max", "min", "prod")
    for data, ids, order in ((normal(6, 3), IDS, False), (whole(6), np.sort(IDS), True))
]
PAIR = (normal(3, 8), normal(3, 8, seed=1))
TONE = np.sin(np.arange(64, dtype=np.float32) ** 1.3).reshape(2, 32)
SMOOTH = [
    *(
        case("logsumexp", {"x": 30 * normal(3, 4, 2)}, axis=axis, keepdims=keep)
        for axis in (-1, 0, (0, 2))
        for keep in (0, 1)
    ),
    case("logsumexp", {"x": normal(3, 4, dtype="float16")}, axis=1),
    *(
        case("cdist", {"x": x, "y": y}, free=("x", "y"))
        for x, y in ((normal(3, 2), normal(4, 2)), (normal(5, 3, 2), normal(5, 1, 2)))
    ),
    *(
        case("extract_sequences", {"x": normal(*s)}, sequence_length=4, sequence_stride=k)
        for s in ((9,), (2, 3, 9))
        for k in (1, 3)
    ),
    *(case(name, {"x": normal(3, 4)}) for name in ("erf", "erfc")),
    *(case("erfinv", {"x": x}) for x in (np.linspace(-0.99, 0.99, 12, dtype=np.float32), np.float32([-1, 0, 1, 2]))),
    *(case("rsqrt", {"x": np.abs(normal(3, 4, dtype=d)) + np.ones((), d)}) for d in ("float32", "bfloat16")),
    case("logdet", {"x": np.eye(3, dtype=np.float32) * 4 + normal(2, 3, 3)}),
    case("logdet", {"x": np.eye(3, dtype=np.float32) * 4 + normal(3, 3)}, free=()),
]
SPECTRAL = [
    case("fft", {"x": PAIR}),
    *(case(name, {"x": PAIR}, free=()) for name in ("fft2", "ifft2")),
    case("fft2", {"x": (normal(2, 3, 4), normal(2, 3, 4, seed=1))}),
    *(case("rfft", {"x": normal(3, 9)}, fft_length=n) for n in (None, 4, 9, 16)),
    *(case("irfft", {"x": (normal(3, 5), normal(3, 5, seed=1))}, fft_length=n) for n in (None, 7, 16)),
    *(
        case(
            "stft",
            {"x": TONE},
            sequence_length=length,
            sequence_stride=stride,
            fft_length=n,
            window=window,
            center=center,
        )
        for length, stride, n, window, center in (
            (8, 4, 8, "hann", True),
            (6, 3, 8, "hamming", False),
            (5, 2, 9, np.arange(1, 6), True),
            (8, 11, 8, None, False),
        )
    ),
    *(
        case(
            "istft",
            {"x": (normal(2, 5, n // 2 + 1), normal(2, 5, n // 2 + 1, seed=1))},
            sequence_length=length,
            sequence_stride=stride,
            fft_length=n,
            window=window,
            center=center,
            length=size,
            tolerance=2e-5,
        )
        for length, stride, n, window, center, size in (
            (8, 4, 8, "hann", True, None),
            (6, 3, 8, "hamming", False, 15),
        )
    ),
]
EXACT = [
    *SEGMENTS,
    *(
        case("top_k", {"x": x}, k=k)
        for x in (normal(3, 6), whole(3, 6, high=3), normal(2, 6, dtype="float16"))
        for k in (1, 4)
    ),
    case("in_top_k", {"targets": whole(8, high=6), "predictions": normal(8, 6)}, free=("targets", "predictions"), k=2),
    case(
        "in_top_k",
        {"targets": np.int32([0, 0, 1]), "predictions": np.float32([[1, 1, 0], [np.nan, 0, 1], [2, 2, 2]])},
        free=(),
        k=1,
    ),
    case("extract_sequences", {"x": whole(2, 7)}, sequence_length=3, sequence_stride=2),
    case("view_as_complex", {"x": normal(4, 2)}),
    case("view_as_real", {"x": normal(4, 3) + 1j * normal(4, 3, seed=1)}),
]
CASES = [*SMOOTH, *SPECTRAL, *EXACT]
# What Keras declares for symbolic tensors and does not keep for arrays.
WRONG_IN_KERAS = {
    "logsumexp": "always float32",
}


def test_every_function_of_keras_is_there_with_the_same_parameters():
    assert set(FUNCTIONS) == names_of("math")
    for name, function in FUNCTIONS.items():
        assert parameters(function) == parameters(getattr(keras.ops, name)), name


def test_every_function_has_a_case():
    assert {one.name for one in CASES} == set(FUNCTIONS)


@pytest.mark.parametrize("one", CASES, ids=str)
def test_values_are_those_of_keras(one):
    check_values(FUNCTIONS[one.name], one)


@pytest.mark.parametrize("one", [one for one in SMOOTH if one.tensors["x"].dtype == np.float32][::2], ids=str)
def test_gradients_are_those_of_keras(one):
    check_gradients(FUNCTIONS[one.name], one, tolerance=1e-4)


@pytest.mark.parametrize("one", CASES, ids=str)
def test_symbolic_shapes_are_those_of_keras(one):
    check_symbolic(FUNCTIONS[one.name], one, same_dtype=one.name not in WRONG_IN_KERAS)


@pytest.mark.parametrize("name", ["erf", "erfc", "rsqrt", "logsumexp"])
def test_special_functions_are_those_of_scipy_for_all_kinds_of_numbers(name):
    reference = {"erf": special.erf, "erfc": special.erfc, "rsqrt": lambda x: x**-0.5, "logsumexp": special.logsumexp}
    for x in ([1, 2, 3], [1.0, 2.0, 3.0], np.arange(1, 4), Variable([1.0, 2.0, 3.0])):
        y = FUNCTIONS[name](x)
        assert y.dtype == "float32"
        np.testing.assert_allclose(y, reference[name](np.array([1.0, 2, 3])), rtol=1e-6)


def test_segments_are_counted_where_numbers_are_known():
    assert math.segment_sum(np.ones(4), [0, 3, 3, 1]).tolist() == [1, 1, 0, 2]
    with pytest.raises(ValueError, match=r"segment_sum: num_segments: needed in models and compiled functions"):
        jax.jit(math.segment_sum)(np.ones(4), np.array([0, 3, 3, 1]))


def test_gradient_of_the_distance_between_equal_rows_is_zero():
    x = jnp.ones((2, 3))
    assert not np.asarray(jax.grad(lambda x: math.cdist(x, x).sum())(x)).any()


@pytest.mark.parametrize("window", ["hann", "hamming"])
def test_stft_is_that_of_scipy(window):
    x = normal(50)
    real, imaginary = fourier.stft(x, 8, 4, 8, window, center=False)
    factors = signal.get_window(window, 8)
    _, _, expected = signal.stft(x, window=factors, nperseg=8, noverlap=4, boundary=None, padded=False)
    np.testing.assert_allclose(np.asarray(real) + 1j * np.asarray(imaginary), expected.T * factors.sum(), atol=1e-5)


@pytest.mark.parametrize("window", ["hann", "hamming", None])
@pytest.mark.parametrize("sizes", [(8, 2, 8), (6, 3, 8)])
def test_istft_undoes_stft(window, sizes):
    x = normal(2, 40)
    again = fourier.istft(fourier.stft(x, *sizes, window), *sizes, length=40, window=window)
    middle = slice(4, 36)  # nothing overlaps at the ends of a Hann window
    np.testing.assert_allclose(again[:, middle], x[:, middle], atol=1e-5)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: math.segment_sum(np.ones(3), np.zeros((3, 1), int), 2),
            r"segment_sum: segment_ids: .*\(3, 1\) and \(3,\)",
        ),
        (lambda: math.top_k(np.ones((2, 3)), 4), r"top_k: k: expected at most the size of the last axis, received 4"),
        (lambda: math.cdist(np.ones(3), np.ones((2, 3))), r"cdist: expected two arrays .*received \(3,\) and \(2, 3\)"),
        (lambda: math.view_as_complex(np.ones(3)), r"view_as_complex: expected a last axis of size 2 .*\(3,\)"),
        (lambda: fourier.fft(np.ones(4)), "fft: x: expected a pair of arrays, .*received ndarray"),
        (lambda: fourier.irfft((np.ones(4), np.ones(3))), r"irfft: x: .*of one shape, received \(4,\) and \(3,\)"),
        (
            lambda: fourier.extract_sequences(np.ones(3), 4, 1),
            r"extract_sequences: expected at least 4 elements .*\(3,\)",
        ),
        (lambda: fourier.stft(np.ones(9), 4, 0, 4), r"sequence_stride: expected a whole number >= 1, received 0"),
        (lambda: fourier.stft(np.ones(9), 4, 2, 3), r"stft: fft_length: expected a whole number >= 4, received 3"),
        (lambda: fourier.stft(np.ones(9), 4, 2, 4, "han"), r"stft: window: .*Did you mean 'hann'\?"),
        (lambda: fourier.stft(np.ones(9), 4, 2, 4, np.ones(3)), r"window: expected shape \(4,\).*received \(3,\)"),
        (
            lambda: fourier.istft((np.ones(3), np.ones(3)), 4, 2, 4),
            r"istft: x: expected arrays \(..., pieces, .*\(3,\)",
        ),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
