"""Calls of every function of `keras.ops.numpy`: one entry of `CASES` a function, with the arrays left open.

`A(shape)` stands for a tensor. The parity tests put the same numbers in its place for lamina and for Keras, and the
tests of the graph a symbolic tensor; None in the shape is a free axis, of size 4 where there are numbers.
"""

from __future__ import annotations

import dataclasses
import zlib
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

FLOATS = ("float32", "bfloat16", "float16")
INTEGERS = ("int32", "int8", "uint8")
ANY = ("float32", "bfloat16", "int32", "uint8", "bool")


@dataclasses.dataclass(frozen=True)
class A:
    """A tensor: shape, dtype (None: each dtype of the case), and what its elements lie between."""

    shape: tuple[int | None, ...]
    dtype: str | None = None
    low: float = -3.0
    high: float = 3.0
    nan: bool = False  # whether a third of the elements is NaN

    def array(self, dtype: str, place: int) -> np.ndarray | jax.Array:
        """The numbers, which depend on the shape and on the place among the arguments alone."""
        shape = tuple(4 if n is None else n for n in self.shape)
        random = np.random.default_rng(zlib.crc32(repr((shape, place)).encode()))
        dtype = self.dtype or dtype
        if dtype == "bool":
            return random.uniform(size=shape) < 0.5
        if dtype in INTEGERS:
            low = max(self.low, 0) if dtype.startswith("u") else self.low
            return random.integers(int(np.ceil(low)), int(np.floor(self.high)) + 1, shape).astype(dtype)
        values = random.uniform(self.low, self.high, shape)
        if dtype == "complex64":
            return (values + 1j * random.uniform(self.low, self.high, shape)).astype(dtype)
        if self.nan:
            values = np.where(random.uniform(size=shape) < 1 / 3, np.nan, values)
        return np.asarray(values, np.float32) if dtype == "float32" else jnp.asarray(values, dtype)


class Listed(list):
    """A list where Keras wants an array, which it gets with the same numbers."""


class Call(NamedTuple):
    """Arguments of one call, and the dtypes to make it with."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    dtypes: tuple[str, ...] = ("float32",)
    symbolic: bool = True  # whether it is made on symbolic tensors too


def call(*args: Any, **kwargs: Any) -> Call:
    return Call(args, kwargs)


def eager(*args: Any, **kwargs: Any) -> Call:
    return Call(args, kwargs, symbolic=False)


def over(dtypes: tuple[str, ...], *calls: Call) -> list[Call]:
    return [one._replace(dtypes=dtypes) for one in calls]


def fill(tree: Any, make: Any) -> Any:
    """Replace the tensors in arguments by `make(tensor, place)`."""
    places = iter(range(100))

    def walk(value: Any) -> Any:
        if isinstance(value, A):
            return make(value, next(places))
        if isinstance(value, (list, tuple)):
            return type(value)(map(walk, value))
        if isinstance(value, dict):
            return {key: walk(inner) for key, inner in value.items()}
        return value

    return walk(tree)


X, V, ROW = A((None, 3)), A((None,)), A((3,))
POSITIVE = A((None, 3), low=0.5)
COMPLEX = A((None, 3), "complex64")
WITH_NAN = A((None, 6), nan=True)
MASK, INDEX = A((None, 3), "bool"), A((None, 2), "int32", 0, 2)
CUBE = A((None, 3, 2))

unary = over(ANY, call(X)) + [eager(0.5), eager([1.0, 2.0]), eager(2)]
unary_positive = over(ANY, call(POSITIVE)) + [eager(0.5), eager([1.0, 2.0]), eager(2)]
unary_complex = [*over(ANY, call(X)), call(COMPLEX), eager(1.5)]
binary_edges = [
    call(X, 2.5),
    call(2.5, X),
    call(X, ROW),
    call(A((3,), "float16"), A((2, 1, 3), "int32")),
    eager(1, 2.5),
]
binary = over(("float32", "float16", "int32", "uint8"), call(X, X), call(X, 2)) + binary_edges
binary_positive = over(
    ("float32", "int32", "float16"), call(POSITIVE, POSITIVE), call(POSITIVE, 2), call(2.5, POSITIVE)
)
compared = over(("float32", "int32", "bool"), call(X, X), call(X, A((3,), "int32")), call(X, 1)) + [eager([1, 2], 2)]
bits = over(INTEGERS, call(X, X), call(X, 2)) + [call(X, ROW)._replace(dtypes=("int32",))]
shifts = over(INTEGERS, call(X, 1), call(X, A((None, 3), None, 0, 2)))
reduced = [
    *over(ANY, call(CUBE, axis=1)),
    *over(("float16", "int8"), call(CUBE)),
    call(CUBE, axis=0),
    call(CUBE, axis=-1, keepdims=True),
    call(CUBE, axis=(0, 2)),
    call(CUBE, keepdims=True),
    call(CUBE, (1, 2), True),
    eager(Listed([1.0, 5.0, 2.0])),
]
nan_reduced = [
    *over(FLOATS, call(WITH_NAN, axis=1)),
    *over(("int32", "uint8", "bool"), call(X, axis=0)),
    call(WITH_NAN),
    call(WITH_NAN, axis=0, keepdims=True),
    call(A((None, 3, 4), nan=True), axis=(1, 2)),
]
one_axis = [
    *over(ANY, call(CUBE, axis=1)),
    call(CUBE),
    call(CUBE, axis=-1, keepdims=True),
    call(CUBE, keepdims=True),
    eager([3.0, 1.0, 2.0]),
]
running = [
    *over(ANY, call(X, axis=1)),
    call(X),
    call(X, axis=0),
    call(X, axis=-1, dtype="int32"),
    eager([1.0, 2.0]),
]
quantiles = [
    *over(("float32", "int32", "bfloat16"), call(CUBE, 0.25, axis=1)),
    call(CUBE, 0.5),
    call(CUBE, A((2,), low=0.0, high=1.0), axis=1),
    call(CUBE, 0.5, axis=1, method="nearest", keepdims=True),
    call(CUBE, 0.5, axis=(1, 2)),
    call(CUBE, 0.5, keepdims=True),
    eager([1.0, 2.0, 4.0], [0.1, 0.9]),
]
nan_quantiles = [call(WITH_NAN, 0.5), call(WITH_NAN, 0.25, axis=1), call(WITH_NAN, A((2,), low=0.0, high=1.0), axis=1)]
window = [eager(5), eager(8), eager(1)]
like = [*over(("float32", "int32", "bfloat16"), call(X)), call(X, dtype="int32"), eager(Listed([1, 2])), eager(3.0)]

CASES: dict[str, list[Call]] = {
    # arithmetic
    "add": binary,
    "subtract": binary,
    "multiply": binary,
    "divide": binary,
    "true_divide": binary,
    "divide_no_nan": [*binary, eager([1.0, 2.0], [0.0, 4.0]), call(X, 0.0)],
    "floor_divide": binary_positive,
    "mod": binary_positive,
    "fmod": binary_positive,
    "power": [*binary_positive, call(X, 2), call(2.0, X)],
    "square": unary_complex,
    "reciprocal": unary_positive,
    "negative": over(FLOATS + INTEGERS, call(X)) + [eager([1.0])],
    "absolute": unary_complex,
    "abs": unary_complex,
    "fabs": unary,
    "sign": over(FLOATS + INTEGERS, call(X)) + [eager([0.0, -2.0])],
    "signbit": over(FLOATS + INTEGERS, call(X)) + [eager([0.0, -0.0])],
    "maximum": binary,
    "minimum": binary,
    "fmax": [*binary, call(WITH_NAN, A((6,), nan=True))],
    "fmin": [*binary, call(WITH_NAN, A((6,), nan=True))],
    "clip": over(ANY, call(X, 0, 1)) + [call(X, -0.5, 0.5), call(X, x_min=0.0, x_max=1.0), eager([1, 5], 2, 3)],
    "heaviside": over(("float32", "int32"), call(X, X), call(X, ROW)),
    "gcd": over(INTEGERS, call(A((None, 3), None, 1, 20), A((None, 3), None, 1, 20))),
    "lcm": over(INTEGERS, call(A((None, 3), None, 1, 5), A((None, 3), None, 1, 5))),
    # exponents
    "exp": unary,
    "exp2": unary,
    "expm1": unary,
    "log": unary_positive,
    "log10": unary_positive,
    "log1p": unary_positive,
    "log2": unary_positive,
    "logaddexp": [*binary, eager(1000.0, 1000.0)],
    "logaddexp2": [*binary, eager(1000.0, 1000.0)],
    "sqrt": unary_positive,
    "cbrt": unary,
    "i0": unary,
    # rounding
    "ceil": unary,
    "floor": unary,
    "trunc": unary,
    "round": [
        *over(FLOATS + INTEGERS, call(X)),
        call(X, 2),
        call(X, decimals=-1),
        call(A((None, 3), "int32", -500, 500), -2),
    ],
    "nextafter": over(("float32",), call(X, X), call(X, ROW)),
    "ldexp": [call(X, A((None, 3), "int32"))],
    "nan_to_num": [call(WITH_NAN), call(WITH_NAN, nan=2.0), eager([np.inf, -np.inf, 1.0]), eager([np.inf], posinf=7.0)],
    # trigonometry
    "sin": unary,
    "cos": unary,
    "tan": unary,
    "arcsin": over(ANY, call(A((None, 3), low=-1, high=1))) + [eager(2)],
    "arccos": over(ANY, call(A((None, 3), low=-1, high=1))) + [eager(2)],
    "arctan": unary,
    "arctan2": binary,
    "sinh": unary,
    "cosh": unary,
    "tanh": unary,
    "arcsinh": unary,
    "arccosh": over(ANY, call(A((None, 3), low=1))) + [eager(0.5)],
    "arctanh": over(ANY, call(A((None, 3), low=-0.9, high=0.9))) + [eager(2)],
    "deg2rad": over(ANY, call(A((None, 3), low=-100, high=100))),
    "rad2deg": unary,
    "sinc": unary,
    "hypot": over(("float32", "int32", "bfloat16"), call(X, X), call(X, ROW)) + [call(X, 2.0)],
    # complex numbers
    "real": unary_complex,
    "imag": unary_complex,
    "conjugate": unary_complex,
    "conj": unary_complex,
    "angle": [*over(ANY, call(X)), call(COMPLEX)],
    # comparisons
    "equal": compared,
    "not_equal": compared,
    "less": compared,
    "less_equal": compared,
    "greater": compared,
    "greater_equal": compared,
    "isclose": [
        call(X, X),
        call(X, ROW),
        call(X, 1.0, rtol=0.5),
        call(X, 1.0, 0.0, 2.0),
        call(WITH_NAN, WITH_NAN, equal_nan=True),
        eager([1.0, 2.0], [1.0, 2.1]),
    ],
    "allclose": [call(X, X), call(X, ROW), call(X, 1.0, rtol=0.5), call(X, 1.0, 0.0, 9.0), eager([1.0], [1.0])],
    "isin": [*over(("float32", "int32"), call(X, V)), call(X, ROW, assume_unique=True), call(X, V, invert=True)],
    "isfinite": [*unary, call(WITH_NAN)],
    "isinf": [*unary, eager([np.inf, 1.0])],
    "isneginf": [*over(FLOATS, call(X)), eager([np.inf, -np.inf])],
    "isposinf": [*over(FLOATS, call(X)), eager([np.inf, -np.inf])],
    "isnan": [*unary, call(WITH_NAN)],
    "isreal": [*unary_complex, eager([1 + 2j, 3 + 0j])],
    # logic
    "logical_and": compared,
    "logical_or": compared,
    "logical_xor": compared,
    "logical_not": over(("float32", "int32", "bool"), call(X)) + [eager([True, False])],
    "bitwise_and": bits,
    "bitwise_or": bits,
    "bitwise_xor": bits,
    "bitwise_invert": over((*INTEGERS, "bool"), call(X)),
    "bitwise_not": over((*INTEGERS, "bool"), call(X)),
    "bitwise_left_shift": shifts,
    "left_shift": shifts,
    "bitwise_right_shift": shifts,
    "right_shift": shifts,
    # reductions
    "sum": reduced,
    "prod": [*reduced, call(CUBE, axis=1, dtype="int32")],
    "max": [*reduced, call(CUBE, axis=1, initial=2.0)],
    "min": [*reduced, call(CUBE, axis=1, initial=-2.0)],
    "amax": reduced,
    "amin": reduced,
    "ptp": [*over(FLOATS + INTEGERS, call(CUBE), call(CUBE, axis=1)), call(CUBE, axis=(1, 2), keepdims=True)],
    "all": reduced,
    "any": reduced,
    "count_nonzero": [*over(ANY, call(CUBE), call(CUBE, axis=1)), call(CUBE, axis=(0, 2)), eager(Listed([0, 3]))],
    "cumsum": running,
    "cumprod": running,
    # reductions without NaN
    "nansum": nan_reduced,
    "nanprod": nan_reduced,
    "nanmax": nan_reduced,
    "nanmin": nan_reduced,
    "nanmean": nan_reduced,
    "nanvar": nan_reduced,
    "nanstd": nan_reduced,
    "nanmedian": nan_reduced,
    "nanargmax": [call(WITH_NAN), call(WITH_NAN, axis=1), call(WITH_NAN, axis=0, keepdims=True)],
    "nanargmin": [call(WITH_NAN), call(WITH_NAN, axis=1), call(WITH_NAN, axis=0, keepdims=True)],
    "nanquantile": nan_quantiles,
    "nanpercentile": [call(WITH_NAN, 50), call(WITH_NAN, 25.0, axis=1, method="lower", keepdims=True)],
    "nancumsum": [call(WITH_NAN), call(WITH_NAN, axis=1), call(WITH_NAN, axis=0, dtype="float16")],
    "nancumprod": [call(WITH_NAN), call(WITH_NAN, axis=1), call(WITH_NAN, axis=0, dtype="float16")],
    # statistics
    "mean": reduced,
    "var": reduced,
    "std": reduced,
    "average": [
        *over(("float32", "int32", "float16"), call(CUBE), call(CUBE, axis=1)),
        call(X, axis=1, weights=A((3,), low=0.1)),
        call(X, weights=A((None, 3), low=0.1)),
        call(X, 1, A((3,), "int32", 1, 3)),
    ],
    "median": reduced,
    "quantile": quantiles,
    "percentile": [
        *over(("float32", "int32"), call(CUBE, 50), call(CUBE, 25, axis=1)),
        call(CUBE, A((2,), low=0.0, high=100.0), axis=1, keepdims=True),
    ],
    "corrcoef": over(("float32", "int32"), call(A((3, 5)))) + [eager([1.0, 2.0])],
    "bincount": [
        eager(A((9,), "int32", 0, 5)),
        eager(A((9,), "int32", 0, 5), minlength=8),
        eager(A((9,), "int32", 0, 5), weights=A((9,))),
        eager(np.array([[0, 1, 2], [2, 2, 0]])),
        eager(np.array([[0, 1, 2], [2, 2, 0]]), weights=A((2, 3)), minlength=4),
    ],
    "histogram": [call(A((20,))), call(A((20,)), bins=3, range=(-1, 2)), eager([1.0, 2.0, 5.0], 2)],
    "digitize": [call(X, np.array([-1.0, 0.0, 1.5], "float32")), call(A((None, 3), "int32"), np.array([-1, 1]))],
    # shapes
    "ndim": [call(CUBE), eager(Listed([[1]]))],
    "size": [call(CUBE), eager(Listed([[1, 2]]))],
    "reshape": [
        call(CUBE, (-1, 6)),
        call(CUBE, (-1, 2, 3)),
        call(CUBE, [-1]),
        call(A((2, 3)), (3, -1)),
        eager([1, 2], -1),
    ],
    "ravel": [call(CUBE), call(A((2, 3))), eager([[1, 2]])],
    "expand_dims": [call(X, 0), call(X, -1), call(X, (1, 3)), eager([1, 2], [0])],
    "squeeze": [call(A((None, 1, 3, 1))), call(A((None, 1, 3, 1)), 1), call(A((None, 1, 3, 1)), (1, -1)), eager([[1]])],
    "transpose": [call(CUBE), call(CUBE, (0, 2, 1)), call(CUBE, axes=[1, 0, 2]), eager([[1, 2]])],
    "moveaxis": [call(CUBE, 1, -1), call(CUBE, (0, 1), (1, 0)), call(CUBE, [0], [2])],
    "swapaxes": [call(CUBE, 1, 2), call(CUBE, 0, -1)],
    "broadcast_to": [call(ROW, (2, 3)), call(A((1, 3)), (4, 3)), eager([1, 2], (3, 2))],
    "repeat": [call(CUBE, 2, axis=1), call(CUBE, 2), call(X, 3, 0), call(X, Listed([1, 0, 2]), axis=1)],
    "tile": [call(X, 2), call(X, (1, 2)), call(X, (2, 1, 1)), eager(Listed([1, 2]), (2,))],
    "flip": [call(CUBE), call(CUBE, 1), call(CUBE, axis=(0, 2)), eager(Listed([1, 2]))],
    "fliplr": [call(CUBE), eager([[1, 2]])],
    "flipud": [call(CUBE), eager([[1], [2]])],
    "rot90": [call(CUBE), call(CUBE, k=-1), call(CUBE, 1, (1, 2))],
    "roll": [call(CUBE, 1), call(CUBE, 2, axis=1), call(CUBE, (1, 2), axis=(0, 1)), eager(Listed([1, 2]), 1)],
    "pad": [
        call(X, 1),
        call(X, (0, 2)),
        call(X, ((0, 0), (1, 2))),
        call(X, ((0, 0), (1, 2)), constant_values=7.0),
        call(X, ((0, 0), (1, 2)), "reflect"),
        call(X, [(0, 0), (1, 2)], mode="edge"),
        call(A((None, 3), "int32"), ((0, 0), (1, 0)), "constant", 5),
    ],
    # joining
    "concatenate": [
        call([X, X]),
        call([X, A((None, 2))], axis=1),
        call((X, A((None, 3), "int32")), -1),
        eager([[1.0], [2.0]]),
    ],
    "stack": [call([X, X]), call([X, X], axis=1), call((X, A((None, 3), "int32")), -1), eager([1.0, 2.0])],
    "hstack": [call([X, X]), call([X, A((None, 2), "float16")]), call([ROW, ROW]), eager([Listed([1]), Listed([2])])],
    "vstack": [call([X, X]), call([ROW, ROW]), eager([Listed([1]), Listed([2])])],
    "dstack": [call([X, X]), call([CUBE, A((None, 3, 1), "int32")])],
    "append": [call(X, X), call(X, A((None, 2), "int32"), axis=1), call(A((2, 3)), ROW), eager([1], [2, 3])],
    "split": [call(A((None, 6)), 3, axis=1), call(A((None, 6)), [1, 4], axis=-1), call(A((6,)), 2), eager([1, 2], 2)],
    "array_split": [call(A((None, 7)), 3, axis=1), call(A((5,)), 2), call(A((5, 2)), 4)],
    "hsplit": [call(A((None, 6)), 3), call(A((None, 6)), [1, 4]), call(A((6,)), 2)],
    "vsplit": [call(A((6, 2)), 3), call(A((6, 2)), [1, 4])],
    "dsplit": [call(A((None, 2, 4)), 2), call(A((None, 2, 4)), (1,))],
    # indexing
    "get_item": [
        call(CUBE, 0),
        call(CUBE, (slice(None), 1)),
        call(CUBE, (slice(None), slice(0, 2), -1)),
        call(CUBE, (Ellipsis, 0)),
        call(CUBE, (slice(None), None, Ellipsis, slice(None, None, -1))),
        call(X, (slice(1, None),)),
    ],
    "take": [call(X, 1, axis=1), call(X, INDEX), call(X, A((2,), "int32", 0, 2), axis=-1), eager([1.0, 2.0], [0, -1])],
    "take_along_axis": [
        call(X, INDEX, axis=1),
        call(A((None, 3), "int32"), INDEX, -1),
        call(X, A((5,), "int32", 0, 2)),
        eager([[1, 2]], [[1]], 1),
    ],
    "where": [
        call(MASK, X, X),
        call(MASK, X, 0.0),
        call(MASK, 1, A((None, 3), "int32")),
        call(A((None, 1), "bool"), A((None, 3), "float16"), A((3,), "int32")),
        eager(Listed([True, False]), Listed([1, 2]), 0),
        eager(Listed([True, False])),
    ],
    "select": [
        call([MASK, MASK], [X, X], 7.0),
        call([MASK, MASK], [X, A((None, 3), "int32")]),
        eager([Listed([True, False])], [Listed([1, 2])]),
    ],
    "nonzero": [eager(A((4, 3), "int32", 0, 1)), eager(Listed([1, 0, 2]))],
    "unravel_index": [call(A((None,), "int32", 0, 5), (2, 3)), eager([1, 5], [2, 3])],
    "diag": [call(ROW), call(A((3, 4))), call(A((3, 4)), k=1), call(ROW, -1)],
    "diagflat": [call(ROW), call(A((2, 2)), k=1)],
    "diagonal": [call(A((3, 4))), call(A((None, 3, 4)), 1, 1, 2), call(A((None, 3, 4)), axis1=-1, axis2=-2)],
    "tril": [*over(("float32", "int32"), call(A((None, 3, 3)))), call(A((None, 3, 3)), k=-1)],
    "triu": [*over(("float32", "int32"), call(A((None, 3, 3)))), call(A((None, 3, 3)), k=1)],
    # sorting
    "sort": [*over(FLOATS + INTEGERS, call(X)), call(X, axis=0), call(X, None), eager([2, 1])],
    "argsort": [*over(FLOATS + INTEGERS, call(X)), call(X, axis=0), call(X, None), eager([2, 1]), eager(3.0)],
    "argpartition": [call(X, 1), call(X, 0, axis=0), call(X, 3, None)],
    "argmax": one_axis,
    "argmin": one_axis,
    "searchsorted": [
        call(np.array([-1.0, 0.0, 1.0], "float32"), X),
        call(np.array([-1, 0, 1]), A((None, 3), "int32"), side="right"),
        eager([1, 2], 2),
    ],
    "unique": [
        eager(A((9,), "int32")),
        eager(A((9,), "int32"), return_index=True, return_inverse=True, return_counts=True),
        eager(A((3, 2), "int32", 0, 1), axis=0),
        call(A((9,), "int32"), size=4),
        call(A((9,), "int32"), size=12, fill_value=-7, return_counts=True),
        eager([np.nan, np.nan, 1.0]),
    ],
    # creation
    "array": [*over(("float32", "int32"), call(X)), call(X, dtype="int32"), eager([1, 2], "float32"), eager(1.5)],
    "copy": [*over(("float32", "int32"), call(X)), eager([1, 2])],
    "view": [call(X), call(X, "int32"), call(A((None, 4), "float16"), dtype="int32"), call(X, dtype="uint8")],
    "zeros": [eager(3), eager((2, 3)), eager([2], dtype="int32")],
    "ones": [eager(3), eager((2, 3)), eager([2], dtype="int32")],
    "empty": [eager(3), eager((2, 3)), eager([2], dtype="int32")],
    "full": [eager(3, 7), eager((2, 3), Listed([1, 2, 3])), eager((2,), 1.5, dtype="int32"), call((2, 3), A((3,)))],
    "zeros_like": like,
    "ones_like": like,
    "empty_like": like,
    "full_like": [
        *over(("float32", "int32"), call(X, 2)),
        call(X, 2.5, dtype="float16"),
        call(X, ROW),
        eager(Listed([1, 2]), 3),
    ],
    "eye": [eager(3), eager(2, 3), eager(3, k=-1, dtype="int32")],
    "identity": [eager(3), eager(2, dtype="int32")],
    "tri": [eager(3), eager(2, 3), eager(3, k=-1, dtype="int32")],
    "arange": [
        eager(5),
        eager(1, 4),
        eager(0.0, 1.0, 0.25),
        eager(5, 0, -2),
        eager(3, dtype="float32"),
        eager(np.float32(3)),
        eager(np.int32(1), 4),
    ],
    "linspace": [
        eager(0, 1, 5),
        eager(0.0, 1.0, num=4, endpoint=False),
        eager(0, 1, 3, retstep=True),
        eager(0, 10, 3, dtype="int32"),
        call(X, ROW, 4),
        call(X, 3.0, num=4, axis=-1),
    ],
    "logspace": [eager(0, 1, 5), eager(0, 2, 3, base=2.0), call(X, ROW, 4), call(X, 2.0, num=3, axis=1)],
    "geomspace": [eager(1, 8, 4), eager(1.0, 2.0, 3, endpoint=False), call(POSITIVE, 3.0, num=4, axis=-1)],
    "meshgrid": [
        call(ROW, A((2,))),
        call(V, ROW, indexing="ij"),
        call(ROW, A((2,)), A((4,), "int32")),
        eager(Listed([1, 2]), Listed([3])),
    ],
    "vander": [call(ROW), call(ROW, 2), call(V, N=3, increasing=True), call(A((3,), "int32"), 4)],
    # windows
    "bartlett": window,
    "blackman": window,
    "hamming": window,
    "hanning": window,
    "kaiser": [eager(5, 3.0), eager(8, 14.0), eager(1, 2.0)],
    # products
    "matmul": [
        *over(("float32", "int32", "int8", "float16"), call(X, A((3, 5))), call(CUBE, A((None, 2, 5)))),
        call(X, ROW),
        call(A((None, 2, 3)), A((3, 5), "int32")),
        eager([[1, 2]], [3, 4]),
    ],
    "dot": [*over(("float32", "int32"), call(X, A((3, 5)))), call(X, ROW), call(CUBE, A((2, 5))), call(X, 2.0)],
    "inner": [*over(("float32", "int32"), call(X, A((5, 3)))), call(X, ROW), call(ROW, ROW)],
    "vdot": [call(ROW, ROW), call(A((2, 3)), A((2, 3), "int32")), call(A((3,), "complex64"), A((3,), "complex64"))],
    "outer": [*over(("float32", "int32"), call(ROW, A((2,)))), call(A((2, 3)), V), eager(Listed([1, 2]), Listed([3]))],
    "kron": [*over(("float32", "int32"), call(A((2, 3)), A((3, 2)))), call(X, A((2, 2)))],
    "cross": [*over(("float32", "int32"), call(X, X)), call(X, ROW), call(A((3, 4)), A((3, 4)), axis=0)],
    "tensordot": [
        call(X, A((3, 5)), axes=1),
        call(A((2, 3, 4)), A((3, 4, 5))),
        call(CUBE, A((2, 3, 5)), axes=[[1, 2], [1, 0]]),
        call(X, A((3, 5), "int32"), [[1], [0]]),
    ],
    "einsum": [
        *over(("float32", "int32", "int8"), call("ij,jk->ik", X, A((3, 5)))),
        call("bij->b", CUBE),
        call("...i,i->...", CUBE, A((2,))),
        call("ij,jk", A((2, 3)), A((3, 4), "int32")),
        eager("i,i->", [1, 2], [3, 4]),
    ],
    "trace": [
        *over(("float32", "int32"), call(A((3, 4)))),
        call(A((None, 3, 4)), 1, 1, 2),
        call(A((None, 3, 4)), axis1=2),
    ],
    "slogdet": [call(A((None, 3, 3))), eager([[1.0, 2.0], [3.0, 4.0]])],
    "correlate": [call(A((6,)), A((3,))), call(A((6,)), A((3,)), "full"), call(A((6,)), A((3,), "int32"), mode="same")],
    "diff": [*over(("float32", "int32"), call(CUBE, axis=1)), call(X, 2), call(X, axis=0), eager([1, 4, 9])],
    "trapezoid": [
        *over(("float32", "int32"), call(X)),
        call(X, np.array([0.0, 1.0, 3.0], "float32")),
        call(CUBE, dx=0.5, axis=1),
        eager([1, 2, 3]),
    ],
}


def numbers(one: Call, dtype: str, kind: Any = None) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call with arrays in them, or with `kind(array)`."""
    convert = kind or (lambda array: array)
    return fill((one.args, one.kwargs), lambda tensor, place: convert(tensor.array(dtype, place)))


def described(name: str, one: Call, dtype: str = "") -> str:
    return f"{name} {one.args} {one.kwargs} {dtype}"


def assert_same(ours: Any, theirs: Any, what: str) -> None:
    """The same structure, shapes, dtypes and numbers; NaN in the same places."""
    ours_flat, theirs_flat = jax.tree.leaves(ours), jax.tree.leaves(theirs)
    assert (type(ours) in (list, tuple), len(ours_flat)) == (type(theirs) in (list, tuple), len(theirs_flat)), what
    for ours, theirs in zip(ours_flat, theirs_flat, strict=True):
        assert isinstance(ours, (jax.Array, int)), what
        assert (np.shape(ours), jnp.result_type(ours)) == (np.shape(theirs), jnp.result_type(theirs)), what
        wide = np.complex64 if np.iscomplexobj(theirs) else np.float64
        tolerance = 2e-6 if np.asarray(theirs).dtype.itemsize >= 4 else 1e-2
        ours, theirs = np.asarray(ours).astype(wide), np.asarray(theirs).astype(wide)
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance, err_msg=what)
