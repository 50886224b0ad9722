"""Tables and columns of pandas, polars and pyarrow."""

from __future__ import annotations

import datetime
import tracemalloc

import numpy as np
import pandas as pd
import polars as pl
import pytest

from lamina.training.data import as_arrays, check_finite, is_stream


@pytest.mark.parametrize(
    ("frame", "dtype"),
    [
        (pd.DataFrame({"a": [1.5, 2], "b": [3, 4.5]}), "float32"),
        (pd.DataFrame({"a": [1.5, 2], "b": [3, 4]}), "float32"),
        (pd.DataFrame({"a": [1, 2], "b": [3, 4]}), "int32"),
        (pd.DataFrame({"a": [1, 2], "b": [True, False]}), "int32"),
        (pd.DataFrame({"a": [True, True], "b": [True, False]}), "bool"),
        (pd.DataFrame({"a": [1, 2], "b": [3, 4]}, dtype="uint8"), "uint8"),
        (pd.DataFrame({"a": [1, 2], "b": [3, 4]}, dtype="Int64"), "int32"),
        (pd.DataFrame({"a": [1.5, 2], "b": [3, 4]}, dtype="Float64"), "float32"),
        (pd.DataFrame({"a": [True, True], "b": [True, False]}, dtype="boolean"), "bool"),
        (pd.DataFrame({"a": [0, 2], "b": [0, 0]}, dtype="Sparse[float64]"), "float32"),
        (pd.DataFrame({"a": [1, 2], "b": [3.5, 4]}, dtype=object), "float32"),
        (pd.DataFrame([[1.5, 2], [3, 4]], columns=["a", "a"], index=[7, 9]), "float32"),
        (pd.DataFrame(np.float32([[1, 2], [3, 4]])), "float32"),
        (pd.DataFrame({"a": np.float32([1, 2]), "b": np.int32([3, 4])}), "float32"),
    ],
)
def test_pandas_tables_are_their_values(frame, dtype):
    found = as_arrays(frame, "x")
    assert found.dtype == dtype
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, frame.to_numpy().astype(dtype))


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"a": [1.5, 2.5], "b": [3, 4]}),
        pl.DataFrame({"a": [1, 2], "b": [True, False]}),
        pl.DataFrame({"a": [1, 2], "b": [3, 4]}).lazy(),
    ],
)
def test_polars_tables_are_their_values(frame):
    found = as_arrays(frame, "x")
    frame = frame.collect() if hasattr(frame, "collect") else frame
    np.testing.assert_array_equal(found, np.array(frame.rows(), found.dtype))
    assert found.dtype == ("float32" if frame["a"].dtype == pl.Float64 else "int32")


def test_arrow_tables_are_their_values():
    pa = pytest.importorskip("pyarrow")
    table = pa.table({"a": [1, 2], "b": [1.5, 2.5], "c": [True, False]})
    np.testing.assert_array_equal(as_arrays(table, "x"), np.float32([[1, 1.5, 1], [2, 2.5, 0]]))
    np.testing.assert_array_equal(as_arrays(table["a"], "y"), [1, 2])
    np.testing.assert_array_equal(as_arrays(pa.array([True, False]), "y"), [True, False])
    with pytest.raises(ValueError, match=r"^x: column 'a' \(dtype int64\) has 1 missing values, the first in row 1"):
        as_arrays(pa.table({"a": [1, None]}), "x")
    with pytest.raises(ValueError, match=r"^x: column 'a' is categorical \(dtype dictionary<"):
        as_arrays(pa.table({"a": pa.array(["u", "v"]).dictionary_encode()}), "x")
    with pytest.raises(ValueError, match=r"^x: column 'a' holds text \(dtype string\): row 0 is 'u'"):
        as_arrays(pa.table({"a": ["u", None]}), "x")


@pytest.mark.parametrize("make", [pd.Series, pd.Index, pl.Series, pd.array])
def test_columns_have_one_axis(make):
    found = as_arrays(make([1, 2, 3]), "y")
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, [1, 2, 3])


def test_fixed_width_polars_arrays_are_rows():
    assert as_arrays(pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int64, 2)), "x").tolist() == [[1, 2], [3, 4]]


def test_a_dict_of_columns_is_several_inputs():
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4]})
    found = as_arrays({name: frame[name] for name in frame}, "x")
    assert {name: (part.shape, part.dtype.name) for name, part in found.items()} == {
        "a": ((2,), "float32"),
        "b": ((2,), "int32"),
    }


NA = pd.NA
REFUSED = [
    (
        pd.DataFrame({"a": [1, 2], "city": ["Paris", "Rome"]}),
        r"column 'city' holds text \(dtype (str|object)\): row 0 is 'Paris'",
    ),
    (pd.DataFrame({"age": ["31", "?", "40"]}), r"column 'age' holds text .*: row 1 is '\?'"),
    (pd.DataFrame({"city": ["Paris", None]}), "column 'city' holds text .*: row 0 is 'Paris'"),
    (
        pd.DataFrame({"n": [1, NA, NA]}, dtype="Int64"),
        r"column 'n' \(dtype Int64\) has 2 missing values, the first in row 1",
    ),
    (
        pd.DataFrame({"n": [True, NA]}, dtype="boolean"),
        r"column 'n' \(dtype boolean\) has 1 missing values, the first in",
    ),
    (pd.DataFrame({"n": [1.5, None]}, dtype="Float64"), r"column 'n' \(dtype Float64\) has 1 missing values.*fillna"),
    (pd.DataFrame({"n": [1, None]}, dtype=object), "column 'n' holds objects that are not numbers .*: row 1 is None"),
    (
        pd.DataFrame({"c": pd.Categorical(["u", "v"])}),
        r"column 'c' is categorical \(dtype category\).*get_dummies.*codes",
    ),
    (pd.DataFrame({"d": pd.date_range("2020", periods=2)}), r"column 'd': data of dtype datetime64\[.*Turn dates into"),
    (pd.DataFrame({"z": [1j, 2j]}), "column 'z': data of dtype complex128"),
    (pd.DataFrame({"id": [1, 2**40]}), "column 'id': row 1 is 1099511627776, which does not fit int32"),
    (
        pd.DataFrame({"v": [[1, 2], [3, 4]]}),
        r"column 'v' holds arrays of shape \(2,\); expected one number in each row",
    ),
    (pl.DataFrame({"city": ["Paris"]}), "column 'city' holds text .*: row 0 is 'Paris'"),
    (pl.DataFrame({"n": [1, None]}), r"column 'n' \(dtype Int64\) has 1 missing values, the first in row 1.*fill_null"),
    (pl.DataFrame({"b": [None, True]}), r"column 'b' \(dtype Boolean\) has 1 missing values, the first in row 0"),
    (pl.DataFrame({"c": pl.Series(["u"], dtype=pl.Categorical)}), r"column 'c' is categorical \(dtype Categorical"),
    (pl.DataFrame({"c": pl.Series(["u"], dtype=pl.Enum(["u"]))}), r"column 'c' is categorical \(dtype Enum"),
    (pl.DataFrame({"d": [datetime.date(2020, 1, 1)]}), r"column 'd': data of dtype datetime64\[D\]"),
]


@pytest.mark.parametrize(("frame", "message"), REFUSED, ids=[message[:30] for _, message in REFUSED])
def test_the_column_that_cannot_be_cast_is_named(frame, message):
    with pytest.raises(ValueError, match=f"^x: {message}"):
        as_arrays(frame, "x")


@pytest.mark.parametrize("frame", [pd.DataFrame({"a": []}), pd.DataFrame(index=[1, 2]), pl.DataFrame({"a": []})])
def test_empty_tables_are_refused(frame):
    with pytest.raises(ValueError, match=r"^x is empty: its shape is"):
        as_arrays(frame, "x")


def test_text_in_a_column_of_labels_is_refused():
    with pytest.raises(ValueError, match=r"^y holds text .*: row 0 is 'u'. .*LabelEncoder"):
        as_arrays(pd.Series(["u", "v"]), "y")


def test_infinite_values_are_told_by_the_name_of_their_column():
    frame = pd.DataFrame({"age": [1.0, 2.0], "income": [3.0, np.nan]})
    with pytest.raises(ValueError, match=r"^x: row 1, column 'income' is nan; 1 value of 4 is"):
        check_finite(as_arrays(frame, "x"), "x", frame)


def test_tables_are_no_streams():
    assert not any(is_stream(data) for data in (pd.DataFrame(), pd.Series([1]), pl.DataFrame(), pl.LazyFrame()))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(np.ones((20_000, 50))),
        pd.DataFrame({i: np.ones(20_000) if i % 2 else np.ones(20_000, int) for i in range(50)}),
        pl.DataFrame({str(i): np.ones(20_000) for i in range(50)}),
    ],
    ids=["one block", "mixed", "polars"],
)
def test_a_table_needs_no_memory_beyond_its_result(frame):
    tracemalloc.start()
    found = as_arrays(frame, "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < found.nbytes + 600_000
