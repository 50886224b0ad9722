"""The functions of `keras.ops.numpy` on symbolic tensors: shapes, dtypes and settings as in Keras 3.15's graphs."""

from __future__ import annotations

import functools
import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import ops
from lamina.core.symbolic import KerasTensor
from tests.ops.numpy_cases import CASES, A, Call, assert_same, described, fill, numbers
from tests.ops.parity import keras

SYMBOLIC = sorted(name for name, calls in CASES.items() if any(one.symbolic for one in calls))

# Where Keras' graphs promise something else than its functions then give, or refuse what they take (Keras 3.15).
KERAS_ERRS = {
    "abs": "complex instead of real results",
    "absolute": "complex instead of real results",
    "angle": "complex instead of real results",
    "real": "complex instead of real results",
    "imag": "complex instead of real results",
    "arctan2": "float32 for a 16-bit float and an integer",
    "reciprocal": "float32 for 16-bit floats",
    "meshgrid": "one dtype for vectors of several",
    "ndim": "the shape of a tensor instead of that of a number",
    "corrcoef": "the shape of its input",
    "slogdet": "one sign for many matrices",
    "vstack": "vectors one after another instead of one below another",
    "hstack": "an IndexError for vectors",
    "bitwise_and": "an AttributeError for a number",
    "bitwise_or": "an AttributeError for a number",
    "bitwise_xor": "an AttributeError for a number",
    "hypot": "an AttributeError for a number",
    "tensordot": "a DeprecationWarning of Python for lists of axes",
    "repeat": "no config for repeats as an array",
    "trapezoid": "no config for x as an array",
}


def graph_call(function: Any, one: Call, dtype: str, tensor_class: Any) -> tuple[Any, list[Any]]:
    """Call a function on symbolic tensors; return what it gives, and those tensors."""
    made: list[Any] = []

    def make(tensor: A, place: int) -> Any:
        made.append(tensor_class(tensor.shape, tensor.dtype or dtype))
        return made[-1]

    args, kwargs = fill((one.args, one.kwargs), make)
    return function(*args, **kwargs), made


def specs(outputs: Any) -> list[tuple[Any, str]]:
    return [(tuple(tensor.shape), tensor.dtype) for tensor in jax.tree.leaves(outputs)]


@pytest.mark.parametrize("name", SYMBOLIC)
def test_shapes_and_dtypes_are_those_of_the_numbers(name):
    for one in [one for one in CASES[name] if one.symbolic]:
        for dtype in one.dtypes:
            outputs, _ = graph_call(getattr(ops, name), one, dtype, KerasTensor)
            args, kwargs = numbers(one, dtype)
            values = jax.eval_shape(functools.partial(getattr(ops, name), *args, **kwargs))
            for (shape, found), value in zip(specs(outputs), jax.tree.leaves(values), strict=True):
                assert (found, len(shape)) == (value.dtype.name, len(value.shape)), described(name, one, dtype)
                assert all(n in (None, m) for n, m in zip(shape, value.shape, strict=True)), described(name, one, dtype)


@pytest.mark.parametrize("name", [name for name in SYMBOLIC if name not in KERAS_ERRS])
def test_shapes_dtypes_and_settings_are_those_of_keras(name):
    for one in [one for one in CASES[name] if one.symbolic]:
        for dtype in one.dtypes:
            ours, _ = graph_call(getattr(ops, name), one, dtype, KerasTensor)
            theirs, _ = graph_call(getattr(keras.ops, name), one, dtype, keras.KerasTensor)
            assert specs(ours) == specs(theirs), described(name, one, dtype)
            ours, theirs = (jax.tree.leaves(outputs)[0] for outputs in (ours, theirs))
            operation, config = ours.producer, theirs._keras_history.operation.get_config()
            assert operation.class_name == type(theirs._keras_history.operation).__name__
            for setting, value in operation.settings.items():
                plain = tuple(value) if isinstance(config[setting], tuple) else value
                assert plain == config[setting], described(name, one, dtype)


@pytest.mark.parametrize("name", SYMBOLIC)
def test_a_graph_gives_the_numbers_that_the_function_gives(name):
    one = next(one for one in CASES[name] if one.symbolic)
    outputs, inputs = graph_call(getattr(ops, name), one, one.dtypes[0], KerasTensor)
    made = iter(inputs)
    array_of = {}
    args, kwargs = fill(
        (one.args, one.kwargs),
        lambda tensor, place: array_of.setdefault(id(next(made)), tensor.array(one.dtypes[0], place)),
    )
    node = jax.tree.leaves(outputs)[0].node
    node_args, node_kwargs = jax.tree.map(lambda leaf: array_of.get(id(leaf), leaf), (node.args, node.kwargs))
    again = node.operation(*node_args, **node_kwargs)
    assert_same(again, getattr(ops, name)(*args, **kwargs), described(name, one))


def image() -> KerasTensor:
    return KerasTensor((None, 3), "float32", "x")


NUMBERS = np.random.default_rng(0).uniform(0.5, 3.0, (4, 3)).astype("float32")
SQUARE = np.random.default_rng(1).normal(size=(3, 3)).astype("float32")
OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "!=": operator.ne,
}


def run(output: KerasTensor, value: Any) -> Any:
    """Call the one node behind an output with an array in place of its symbolic tensors."""
    args = jax.tree.map(lambda leaf: value if isinstance(leaf, KerasTensor) else leaf, output.node.args)
    return output.node.operation(*args, **output.node.kwargs)


@pytest.mark.parametrize("sign", OPERATORS)
@pytest.mark.parametrize("other", [2.0, 2, np.float32(1.5), NUMBERS[:1], NUMBERS[0]], ids=str)
def test_operators_with_numbers_and_arrays_on_either_side(sign, other):
    apply = OPERATORS[sign]
    for calculate in (lambda x: apply(x, other), lambda x: apply(other, x)):
        output = calculate(image())
        expected = calculate(jnp.asarray(NUMBERS))
        assert (output.shape, output.dtype) == ((None, 3), expected.dtype)
        np.testing.assert_allclose(run(output, NUMBERS), expected, rtol=1e-6)


def test_operators_between_symbolic_tensors():
    for sign, apply in OPERATORS.items():
        output = apply(image(), KerasTensor((3,), "float32"))
        assert output.shape == (None, 3), sign
        assert len(output.node.inputs) == 2


def test_matrix_product_with_arrays_on_either_side():
    output = image() @ SQUARE
    np.testing.assert_allclose(run(output, NUMBERS), NUMBERS @ SQUARE, rtol=1e-5)
    output = SQUARE @ KerasTensor((3, 5), "float32")
    assert (output.shape, output.producer.class_name) == ((3, 5), "Matmul")


def test_logic_of_symbolic_bools():
    flag, other = KerasTensor((None, 2), "bool"), np.array([True, False])
    for output, name in ((flag & other, "And"), (other | flag, "Or"), (flag ^ flag, "Xor"), (~flag, "Not")):
        assert (output.shape, output.dtype) == ((None, 2), "bool")
        assert output.producer.class_name == f"Logical{name}"


def test_sign_absolute_value_and_rounding():
    x = image()
    for output, name in ((-x, "Negative"), (abs(x), "Absolute"), (round(x), "Round"), (round(x, 2), "Round")):
        assert (output.shape, output.producer.class_name) == ((None, 3), name)
    np.testing.assert_array_equal(run(round(x, 1), NUMBERS), jnp.round(NUMBERS, 1))


@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        slice(1, 3),
        (slice(None), 1),
        (Ellipsis, slice(None, None, -1)),
        (slice(None), None, 0),
        [0, 1],
        np.array([2, 0]),
    ],
    ids=str,
)
def test_brackets(key):
    output = KerasTensor((4, 3), "float32")[key]
    expected = NUMBERS[tuple(key) if isinstance(key, list) else key]
    assert output.shape == expected.shape
    np.testing.assert_array_equal(run(output, NUMBERS), expected)


def test_brackets_take_symbolic_indices():
    x, rows = KerasTensor((None, 3), "float32"), KerasTensor((5,), "int32")
    assert x[rows].shape == (5, 3)
    assert x[rows].node.inputs == [x, rows]


def test_methods_of_symbolic_tensors():
    assert KerasTensor((None, 4, 1), "float32").reshape(-1, 2, 2).shape == (None, 2, 2)
    assert KerasTensor((None, 4, 1), "float32").squeeze(-1).shape == (None, 4)


def test_settings_cannot_be_symbolic_and_the_argument_is_named():
    with pytest.raises(TypeError, match=r"lamina.ops.sum: axis cannot be a symbolic tensor, received <KerasTensor"):
        ops.sum(image(), axis=image())
    with pytest.raises(TypeError, match=r"lamina.ops.arange: start cannot be a symbolic tensor"):
        ops.arange(image())
    with pytest.raises(TypeError, match=r"lamina.ops.hanning: x cannot be a symbolic tensor"):
        ops.hanning(image())


@pytest.mark.parametrize("name", ["nonzero", "where", "unique", "bincount"])
def test_shapes_that_depend_on_values_are_refused_in_graphs(name):
    with pytest.raises(TypeError, match=rf"lamina.ops.{name}: the shape of the result depends on values"):
        getattr(ops, name)(KerasTensor((None,), "int32"))


def test_bools_in_the_brackets_are_refused_in_graphs():
    with pytest.raises(TypeError, match=r"lamina.ops.get_item: .* depends on values.*Use lamina.ops.where"):
        image()[image() > 0]


def test_shapes_that_do_not_fit_are_refused_with_the_shapes():
    with pytest.raises(TypeError) as raised:
        ops.matmul(image(), np.ones((4, 2), "float32"))
    assert any("lamina.ops.matmul, called on shapes [(None, 3)]" in note for note in raised.value.__notes__)
