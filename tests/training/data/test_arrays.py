"""Everything that `fit` reads as arrays, against NumPy; and the text of each refusal."""

from __future__ import annotations

import array
import collections
import decimal
import tracemalloc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lamina.training.data import as_arrays, is_stream, target_dtype

ROWS = [[1.5, 2.0], [3.0, 4.25]]
EXPECTED = np.array(ROWS, "float32")


class ArrayOnly:
    """An object that NumPy can read and nothing else is known of."""

    def __array__(self, dtype=None, copy=None):
        return np.array(ROWS)


class DLPackOnly:
    def __init__(self):
        self.array = jnp.array(ROWS)

    def __dlpack__(self, **arguments):
        return self.array.__dlpack__(**arguments)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


@pytest.mark.parametrize(
    "data",
    [
        np.array(ROWS),
        np.array(ROWS, "float16"),
        np.array(ROWS, ">f4"),
        np.array(ROWS, "longdouble"),
        np.array(ROWS, object),
        np.asfortranarray(ROWS),
        np.array(ROWS).view(np.matrix),
        np.ma.array(ROWS),
        jnp.array(ROWS),
        jnp.array(ROWS, "float32"),
        ROWS,
        tuple(map(tuple, ROWS)),
        [np.float64(1.5), np.float32(3.0)],
        [[decimal.Decimal("1.5"), 2], [3, decimal.Decimal("4.25")]],
        scipy.sparse.csr_matrix(ROWS),
        scipy.sparse.coo_array(ROWS),
        ArrayOnly(),
        DLPackOnly(),
    ],
    ids=lambda data: type(data).__module__ + "." + type(data).__name__,
)
def test_floats_of_every_kind_become_the_same_float32_array(data):
    found = as_arrays(data, "x")
    expected = EXPECTED[:, 0] if np.ndim(found) == 1 else EXPECTED
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        ([1, 0, 2], "int32"),
        ((1, 0, 2), "int32"),
        (range(3), "int32"),
        (array.array("b", [1, 2]), "int8"),
        (np.array([1, 2]), "int32"),
        (np.array([1, 2], "uint64"), "uint32"),
        (np.array([1, 2], "uint8"), "uint8"),
        (np.array([1, 2], ">i2"), "int16"),
        (np.array([True, False]), "bool"),
        ([True, False], "bool"),
        (np.array([1, 2], object), "int32"),
        (np.array([True, False], object), "bool"),
        (jnp.array([1, 2], "uint8"), "uint8"),
        (scipy.sparse.csr_matrix(np.eye(2, dtype=int)), "float32"),
    ],
)
def test_integers_and_booleans_keep_their_type_and_64_bits_become_32(data, dtype):
    found = as_arrays(data, "y")
    assert found.dtype == dtype
    assert found.dtype.isnative
    expected = data.toarray() if hasattr(data, "toarray") else np.asarray(data)
    np.testing.assert_array_equal(found, expected.astype(dtype))


def test_64_bits_stay_where_jax_computes_in_them():
    with jax.enable_x64(True):
        assert as_arrays(np.array([2**40]), "y").dtype == np.int64
        assert as_arrays(np.ones(2), "x", float_dtype="float64").dtype == np.float64


def test_the_float_type_is_chosen_by_the_caller():
    assert as_arrays(np.ones(2, "float32"), "x", float_dtype="bfloat16").dtype == jnp.bfloat16
    assert target_dtype(jnp.bfloat16) == np.float32


def test_what_has_its_type_already_is_not_copied():
    data = np.ones((3, 2), "float32")
    assert as_arrays(data, "x") is data
    on_device = jnp.ones((3, 2), "float16")
    assert as_arrays(on_device, "x") is on_device


def test_a_memory_map_stays_in_its_file_and_type(tmp_path):
    data = np.memmap(tmp_path / "x", "float64", "w+", shape=(4, 2))
    assert as_arrays(data, "x") is data
    labels = np.memmap(tmp_path / "y", "int64", "w+", shape=4)
    labels[2] = 2**40
    with pytest.raises(ValueError, match=r"^y: row 2 is 1099511627776, which does not fit int32"):
        as_arrays(labels, "y")


@pytest.mark.parametrize(
    "data", [np.ones((2000, 500)), np.asfortranarray(np.ones((2000, 500))), np.ones((1000, 1000), int)]
)
def test_a_cast_needs_no_memory_beyond_its_result(data):
    tracemalloc.start()
    found = as_arrays(data, "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.nbytes == 4 * data.size
    assert peak < found.nbytes + 200_000


def test_nests_of_arrays_keep_their_structure():
    Pair = collections.namedtuple("Pair", "left right")
    data = {"a": [np.ones(2), [1, 2]], "b": Pair(np.zeros((2, 3)), None), "c": ((1, 2), (3, 4))}
    found = as_arrays(data, "x")
    assert list(found) == ["a", "b", "c"]
    assert [part.shape for part in found["a"]] == [(2,), (2,)]
    assert type(found["b"]) is Pair
    assert found["b"].left.dtype == np.float32
    assert found["b"].right is None
    assert found["c"].shape == (2, 2)
    assert as_arrays(None, "y") is None


def test_a_list_of_arrays_is_several_inputs_unless_told_otherwise():
    images = [np.zeros((4, 4)), np.ones((4, 4)), np.ones((4, 4))]
    assert [part.shape for part in as_arrays(images, "x")] == [(4, 4)] * 3
    assert as_arrays(images, "x", several=False).shape == (3, 4, 4)
    assert as_arrays(images[:1], "x", several=False).shape == (4, 4)
    assert isinstance(as_arrays(tuple(images), "x"), tuple)


def test_a_list_of_lists_is_one_array_unless_told_otherwise():
    assert as_arrays([[1, 2], [3, 4]], "x").shape == (2, 2)
    assert [part.tolist() for part in as_arrays([[1, 2], [3, 4]], "x", several=True)] == [[1, 2], [3, 4]]
    assert as_arrays([[1, 2], np.array([3, 4])], "x").shape == (2, 2)
    assert [part.shape for part in as_arrays([None, np.zeros(2)], "y")[1:]] == [(2,)]


def test_object_arrays_of_arrays_are_stacked():
    data = np.empty(2, object)
    data[:] = [np.zeros((2, 2)), np.ones((2, 2))]
    assert as_arrays(data, "x").shape == (2, 2, 2)


@given(hnp.arrays(hnp.floating_dtypes() | hnp.integer_dtypes(sizes=(8, 16, 32)), hnp.array_shapes(max_dims=4)))
def test_values_are_those_of_a_numpy_cast(data):
    with np.errstate(all="ignore"):
        expected = data.astype(target_dtype(data.dtype))
    np.testing.assert_array_equal(as_arrays(data, "x"), expected)
    np.testing.assert_array_equal(as_arrays(data.astype(object), "x").shape, data.shape)


@given(st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=3, max_size=3), min_size=1))
def test_nested_lists_are_numpys_array(rows):
    np.testing.assert_array_equal(as_arrays(rows, "x"), np.array(rows))


REFUSED = [
    (np.array(["a", "b"]), "x holds text .dtype <U1.: row 0 is 'a'.*LabelEncoder"),
    (np.array([[1, 2], [3, "?"]], object), "x holds text .dtype object.: row 1, column 1 is '.'"),
    (["1", "2", "n/a"], "x holds text .*: row 2 is 'n/a'"),
    (["1", "2"], "x holds text .*: row 0 is '1'.*pandas.to_numeric"),
    (np.array([b"a"]), "x holds text .*: row 0 is b'a'"),
    ([[1, None], [2, 3]], "x holds objects that are not numbers .*row 0, column 1 is None.*Fill missing values"),
    ([{"a": 1}, {"a": 2}], r"x\[0\]\['a'\]: expected an array with one row per sample, received the single value 1"),
    (np.array([1 + 2j]), r"x: data of dtype complex128 cannot be trained on.*x.real, x.imag"),
    (jnp.array([1 + 2j]), "x: data of dtype complex64 cannot be trained on"),
    (scipy.sparse.csr_matrix([[1j]]), "x: data of dtype complex128 cannot be trained on"),
    (np.array(["2020-01-01"], "datetime64[D]"), r"x: data of dtype datetime64\[D\].*days since"),
    (np.zeros(2, [("a", float), ("b", int)]), "x: data of dtype .*structured_to_unstructured"),
    (jax.random.key(0)[None], "x: data of dtype key.* cannot be trained on. Booleans, integers and floats"),
    ([[1, 2], [3, 4], [5]], "x: row 2 has length 1, the rows before it have length 2. All rows need one shape: pad"),
    ([[[1, 2], [3]]], "x: row 0, row 1 has length 1, the rows before it have length 2"),
    ([[1, 2], [[3], [4]]], r"x: row 1 has shape \(2, 1\), the rows before it have shape \(2,\)"),
    ([1, [2]], r"x: row 1 has shape \(1,\), the rows before it have shape \(\)"),
    (np.array(3.0), "x: expected an array with one row per sample, received a single value: 3.0"),
    (3.0, "x: expected an array with one row per sample, received the single value 3.0"),
    (jnp.array(3.0), "x: expected an array with one row per sample, received a single value"),
    ([], r"x is empty: its shape is \(0,\)"),
    (np.zeros((0, 4)), r"x is empty: its shape is \(0, 4\). Expected at least one row"),
    (jnp.zeros((0, 4)), r"x is empty: its shape is \(0, 4\)"),
    ({}, "x is an empty dict: expected at least one array in it"),
    (np.array([0, 2**40]), r"x: row 1 is 1099511627776, which does not fit int32 .*numpy.unique.*jax_enable_x64"),
    (np.array([[0, -(2**31) - 1]]), "x: row 0, column 1 is -2147483649, which does not fit int32"),
    (np.array([2**63], "uint64"), "x: row 0 is 9223372036854775808, which does not fit uint32"),
    ([0, 2**70], "x: row 1 is 1180591620717411303424, which does not fit int64"),
    (np.ma.array([[1.0, 2.0]], mask=[[False, True]]), "x: row 0, column 1 is masked. Fill masked values with .filled"),
    ({"a": (np.zeros(2), ["u"])}, r"x\['a'\]\[1\] holds text"),
]


@pytest.mark.parametrize(("data", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_what_cannot_be_trained_on_is_refused_by_its_place(data, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        as_arrays(data, "x")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("abc", "x: a value of type str cannot be read as an array. Accepted are NumPy and JAX arrays"),
        ({1, 2}, "x: a value of type set cannot be read"),
        (object(), "x: a value of type object cannot be read"),
        (iter([1]), "x: a list_iterator yields batches, and batches are read from x alone"),
    ],
)
def test_unreadable_types_are_told_what_is_accepted(data, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        as_arrays(data, "x")


def test_a_list_of_arrays_of_different_shapes_is_no_single_input():
    with pytest.raises(ValueError, match=r"^x: the list holds arrays of different shapes, row 1 of shape \(3,\) after"):
        as_arrays([np.zeros(2), np.zeros(3)], "x", several=False)


def test_large_values_become_infinite_without_a_warning():
    assert np.isinf(as_arrays(np.array([1e300]), "x")).all()


class Indexed:
    def __getitem__(self, index):
        raise IndexError

    def __len__(self):
        return 1


@pytest.mark.parametrize(
    "data",
    [
        (i for i in ()),
        zip([1], [2], strict=True),
        lambda: iter([]),
        Indexed(),
    ],
)
def test_streams_are_told_from_arrays(data):
    assert is_stream(data)


@pytest.mark.parametrize(
    "data",
    [
        None,
        3,
        "text",
        Indexed,
        [1],
        (1,),
        {"a": [1]},
        {1},
        range(3),
        np.ones(1),
        jnp.ones(1),
        ArrayOnly(),
    ],
)
def test_arrays_are_told_from_streams(data):
    assert not is_stream(data)
    assert not is_stream(scipy.sparse.csr_matrix([[1]]))
