"""Conversion and parts of arrays, against Keras and NumPy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import sparse

from lamina.core.symbolic import KerasTensor
from lamina.core.variable import Variable
from lamina.ops import control_flow, core
from tests.ops.parity import case, check_symbolic, check_values, keras, names_of, normal, parameters, whole

DTYPES = ["float32", "float16", "bfloat16", "int32", "int8", "uint8", "bool"]
EDGES = np.array([-3e9, -300, -129, -1.5, 0, 0.5, 127.5, 256, 65504, 7e9], np.float32)
INDICES = np.array([[0, 1], [2, 0], [0, 1]], np.int32)
CASES = [
    *(case(name, {"x": normal(3, 4) * 50 + 60}, dtype=d) for name in ("cast", "convert_to_tensor") for d in DTYPES),
    *(case("cast", {"x": whole(3, 4, low=-3, dtype=s)}, dtype=d) for s in ("int32", "uint8", "bool") for d in DTYPES),
    case("convert_to_tensor", {"x": normal(3)}),
    *(case("saturate_cast", {"x": EDGES}, dtype=d) for d in (*DTYPES, "uint32")),
    *(case("saturate_cast", {"x": whole(9, low=-70000, high=70000)}, dtype=d) for d in DTYPES if "float" not in d),
    *(case("saturate_cast", {"x": EDGES[1:-1].astype(jnp.bfloat16)}, dtype=d) for d in ("int8", "float16", "int32")),
    *(
        case("slice", {"inputs": x, "start_indices": (1, 0)}, free=(), shape=s)
        for x in (normal(4, 5), whole(4, 5))
        for s in ((2, 3), (-1, -1))
    ),
    case("slice_update", {"inputs": normal(4, 5), "start_indices": np.int32([1, 2]), "updates": normal(2, 3)}),
    case("scatter", {"indices": INDICES, "values": normal(3)}, free=("indices", "values"), shape=(3, 4)),
    case("scatter", {"indices": INDICES[:, :1], "values": whole(3, 4)}, free=("indices", "values"), shape=(3, 4)),
    *(
        case(
            "scatter_update",
            {"inputs": x, "indices": INDICES[:2], "updates": x[:2, 0] + 2},
            free=("inputs",),
            reduction=r,
        )
        for x in (normal(3, 4), whole(3, 4))
        for r in (None, "add", "max", "min", "mul", "ADD")
    ),
    case(
        "scatter_update", {"inputs": normal(3, 4), "indices": INDICES[:, :1], "updates": normal(3, 4)}, reduction="add"
    ),
    *(case("unstack", {"x": normal(3, 2, 4)}, axis=a) for a in (1, -1)),
    case("unstack", {"x": normal(3, 2)}, free=(), num=3),
    case("stop_gradient", {"variable": normal(3)}),
]
CALLED_BELOW = {"convert_to_numpy", "is_tensor", "shape", "dtype"}


def test_every_function_of_keras_is_there_with_the_same_parameters():
    assert set(core.__all__) | set(control_flow.__all__) == names_of("core")
    for name in core.__all__:
        assert parameters(getattr(core, name)) == parameters(getattr(keras.ops, name)), name


def test_every_function_has_a_case():
    assert {one.name for one in CASES} | CALLED_BELOW == set(core.__all__)


@pytest.mark.parametrize("one", CASES, ids=str)
def test_values_are_those_of_keras(one):
    check_values(getattr(core, one.name), one)


@pytest.mark.parametrize("one", CASES, ids=str)
def test_symbolic_shapes_are_those_of_keras(one):
    if one.name == "slice":
        one = one._replace(
            tensors={"inputs": one.tensors["inputs"]},
            settings={**one.settings, "start_indices": one.tensors["start_indices"]},
        )
    check_symbolic(getattr(core, one.name), one)


@pytest.mark.parametrize(
    "value", [3, 2.5, True, [1, 2], [[1.0], [2.0]], np.float64(3), np.arange(3), Variable([1.0, 2.0])]
)
def test_everything_that_holds_numbers_becomes_an_array(value):
    array = core.convert_to_tensor(value)
    assert core.is_tensor(array)
    np.testing.assert_array_equal(array, np.asarray(value))
    if not isinstance(value, Variable):
        assert array.dtype == keras.ops.convert_to_tensor(value).dtype
    assert core.shape(value) == np.shape(value)
    assert isinstance(core.convert_to_numpy(value), np.ndarray)


def test_lists_of_arrays_and_sparse_matrices_become_arrays():
    np.testing.assert_array_equal(core.convert_to_tensor([jnp.ones(2), Variable([2.0, 3.0])]), [[1, 1], [2, 3]])
    np.testing.assert_array_equal(core.convert_to_tensor(sparse.eye(2), dtype="int32"), [[1, 0], [0, 1]])
    np.testing.assert_array_equal(core.convert_to_numpy(sparse.eye(2)), [[1, 0], [0, 1]])
    with pytest.raises(ValueError, match="convert_to_tensor: ragged: expected None or False, received True"):
        core.convert_to_tensor([1], ragged=True)


def test_whole_numbers_outside_of_a_float_type_become_its_limits():
    # Keras 3.15 casts the limits of the float type to int32 first, which is undefined.
    y = core.saturate_cast(np.array([-70000, 3, 70000]), "float16")
    assert y.tolist() == [-65504, 3, 65504]
    assert core.saturate_cast(np.array([-(2**31), 7]), "float32").tolist() == [-(2**31), 7]


def test_an_array_of_the_right_dtype_is_not_copied():
    x = jnp.ones(3)
    assert core.convert_to_tensor(x) is x
    assert core.cast(x, "float32") is x


def test_64_bit_types_become_32_bit_ones():
    assert core.cast([1.0], "int64").dtype == "int32"
    assert core.convert_to_tensor(np.arange(3)).dtype == "int32"


def test_only_arrays_of_jax_are_tensors():
    assert core.is_tensor(jnp.ones(1))
    for other in (np.ones(1), [1.0], 1.0, Variable(1.0), KerasTensor((2,), "float32")):
        assert not core.is_tensor(other)


def test_shape_and_dtype_are_static_in_models_and_compiled_functions():
    tensor = KerasTensor((None, 8), "bfloat16")
    assert (core.shape(tensor), core.dtype(tensor)) == ((None, 8), "bfloat16")
    assert core.dtype(Variable([1, 2])) == "int32"
    assert core.dtype([1.0]) == "float32"

    @jax.jit
    def groups(x):  # the notes' DepthPool
        *rest, channels = core.shape(x)
        return jnp.max(jnp.reshape(x, (*rest, channels // 2, 2)), axis=-1)

    assert groups(np.ones((2, 3, 8))).shape == (2, 3, 4)


def test_symbolic_tensors_have_no_values_to_convert():
    with pytest.raises(TypeError, match="has no values"):
        core.convert_to_numpy(KerasTensor((None, 8), "float32"))


def test_slices_may_start_where_the_model_says():
    y = jax.jit(lambda start: core.slice(np.arange(6), (start,), (2,)))(3)
    assert y.tolist() == [3, 4]
    assert core.slice(np.arange(6), jnp.array([4]), (-1,)).tolist() == [4, 5]
    tensor = core.slice(KerasTensor((6, 2), "float32"), KerasTensor((2,), "int32"), (3, 1))
    assert tensor.shape == (3, 1)
    with pytest.raises(ValueError, match=r"slice: shape: -1 needs a place that is known, but start_indices\[0\]"):
        jax.jit(lambda start: core.slice(np.arange(6), (start,), (-1,)))(3)


def test_updates_are_cast_to_the_inputs():
    assert core.slice_update(np.zeros(3, np.float32), (1,), [7]).tolist() == [0, 7, 0]
    assert core.scatter_update(np.zeros(3, np.float32), [[1]], [7]).dtype == "float32"


def test_stop_gradient_takes_nests_and_variables():
    value = core.stop_gradient({"a": Variable([1.0]), "b": [jnp.ones(2)]})
    assert value["a"].tolist() == [1]
    gradient = jax.grad(lambda x: core.stop_gradient(x) * x)(3.0)
    assert gradient == 3


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: core.cast([1], "float31"), r"Unknown dtype: 'float31'\. Did you mean 'float32'\?"),
        (lambda: core.slice(np.ones((2, 3)), (0,), (1, 1)), r"slice: start_indices: .*\(2, 3\), received 1"),
        (lambda: core.slice(np.ones((2, 3)), (0, 0), (1,)), r"slice: shape: expected one size .*received \(1,\)"),
        (lambda: core.slice_update(np.ones(3), (0, 0), [1]), "slice_update: start_indices: .*received 2"),
        (lambda: core.scatter_update([1.0], [[0]], [2.0], "sum"), "scatter_update: reduction: .*received 'sum'"),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
