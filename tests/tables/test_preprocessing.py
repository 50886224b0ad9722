"""Columns become the numbers that scikit-learn makes of them, and come back from their config."""

from __future__ import annotations

import datetime
import json

import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from lamina.tables import TableError, TablePreprocessor
from lamina.tables.preprocessing import as_table

RNG = np.random.default_rng(0)


def numbers(rows: int = 50) -> np.ndarray:
    x = RNG.normal(5, 3, rows)
    x[::7] = np.nan
    return x


def fitted(**columns) -> tuple[TablePreprocessor, pa.Table]:
    table = pa.table(columns)
    return TablePreprocessor().fit(table), table


def test_numbers_are_imputed_and_scaled_as_scikit_learn_does_it():
    x = numbers()
    prepare, table = fitted(x=pa.array(x, from_pandas=True))
    expected = make_pipeline(SimpleImputer(strategy="median", add_indicator=True)).fit_transform(x[:, None])
    expected[:, :1] = StandardScaler().fit_transform(expected[:, :1])
    np.testing.assert_allclose(prepare.transform(table), expected, rtol=1e-6, atol=1e-6)
    assert prepare.features == ["x", "x is missing"]


def test_amounts_over_magnitudes_are_scaled_by_their_logarithm():
    x = np.exp(RNG.normal(8, 2, 400))
    prepare, table = fitted(x=x)
    expected = StandardScaler().fit_transform(np.log1p(x)[:, None])
    np.testing.assert_allclose(prepare.transform(table), expected, rtol=1e-5, atol=1e-5)
    assert np.isfinite(prepare.transform(pa.table({"x": [-5.0, np.inf, 1e300]}))).all()


def test_categories_are_one_hot_as_scikit_learn_has_them():
    values = RNG.choice(["Rome", "Bonn", "Oslo"], 60)
    prepare, table = fitted(city=values)
    expected = OneHotEncoder(sparse_output=False).fit_transform(values[:, None])
    np.testing.assert_array_equal(prepare.transform(table), expected)
    np.testing.assert_array_equal(prepare.transform(pa.table({"city": ["Oslo", "Paris", None]}))[:, 1], [1, 0, 0])
    assert prepare.unknown(pa.table({"city": ["Paris", "Rome"]})) == {"city": ["Paris"]}


def test_rare_and_missing_categories_have_features_of_their_own():
    prepare, table = fitted(city=["Rome", "Rome", "Bonn", None])
    assert prepare.features == ["city = Rome", "city is rare", "city is missing"]
    np.testing.assert_array_equal(prepare.transform(table), [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    assert prepare.unknown(pa.table({"city": ["Paris"]})) == {}
    many = [f"c{i % 100:02d}" for i in range(300)]
    assert len(TablePreprocessor(kinds={"c": "category"}).fit(pa.table({"c": many})).features) == 65


def test_words_are_weighted_as_scikit_learn_does_it():
    values = [f"a fine house near the {place} number {i % 5}" for i, place in enumerate(["sea", "lake", "Café"] * 9)]
    prepare, table = fitted(note=values)
    expected = TfidfVectorizer(sublinear_tf=True, strip_accents="unicode").fit_transform(values).toarray()
    np.testing.assert_allclose(prepare.transform(table), expected, rtol=1e-6)
    assert "note: cafe" in prepare.features
    assert prepare.transform(pa.table({"note": [None, "sea"]})).shape == (2, expected.shape[1])


def test_dates_are_days_and_places_in_the_year_the_week_and_the_day():
    dates = [datetime.datetime(2024, 1, 1) + datetime.timedelta(hours=31 * i) for i in range(40)]
    prepare, table = fitted(when=dates)
    made = prepare.transform(table)
    days = np.array([d.replace(tzinfo=datetime.UTC).timestamp() / 86400 for d in dates])
    np.testing.assert_allclose(made[:, 0], (days - days.mean()) / days.std(), rtol=1e-5)
    np.testing.assert_allclose(made[:, 5], np.sin(2 * np.pi * (days % 1)), atol=1e-5)
    again = prepare.transform(pa.table({"when": [d.isoformat(" ") for d in dates]}))  # as a text file has them
    np.testing.assert_array_equal(again, made)
    assert fitted(day=[d.date() for d in dates])[0].features[-1] == "day, cosine of the week"  # no hours
    np.testing.assert_array_equal(
        prepare.transform(pa.table({"when": pa.array([None], pa.date32())})), np.zeros((1, 7))
    )


def test_frames_of_pandas_and_polars_and_dicts_are_the_same_table():
    columns = {"x": [1.0, 2.5, -1.0], "city": ["Rome", "Bonn", "Rome"]}
    prepare = TablePreprocessor().fit(as_table(columns))
    expected = prepare.transform(as_table(columns))
    categorical = pandas.DataFrame(columns).astype({"city": "category"})
    for data in (pandas.DataFrame(columns), polars.DataFrame(columns), categorical):
        np.testing.assert_array_equal(prepare.transform(as_table(data)), expected)
    with pytest.raises(TableError, match=r"expected a pyarrow\.Table, a pandas or Polars frame"):
        as_table(3)


def test_what_says_nothing_is_left_out_with_a_reason():
    prepare, _ = fitted(
        x=[float(i) for i in range(30)],
        one=[1] * 30,
        none=pa.nulls(30),
        key=[f"k{i}" for i in range(30)],
        b=[True, False] * 15,
    )
    assert prepare.dropped == {
        "one": "it holds one value",
        "none": "it is empty",
        "key": "nearly each of its texts is another one",
    }
    assert prepare.features == ["x", "b = false", "b = true"]


def test_everything_comes_back_from_json():
    prepare, table = fitted(
        x=pa.array(numbers(30), from_pandas=True),
        city=["Rome", "Bonn", None] * 10,
        note=["one two three four", "two three four five", "six seven eight"] * 10,
        when=[datetime.date(2024, 1, 1 + i) for i in range(30)],
        ok=[True, False] * 15,
    )
    again = TablePreprocessor.from_config(json.loads(json.dumps(prepare.get_config())))
    np.testing.assert_array_equal(again.transform(table), prepare.transform(table))
    assert again.features == prepare.features
    assert again.types == prepare.types
    assert again.get_config() == prepare.get_config()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"version": 2}, "of version 2, this lamina reads 1"),
        ({"columns": 3}, "not the config of a preprocessing"),
        ({"columns": [{"kind": "shell", "name": "x"}]}, "not the config of a preprocessing: KeyError: 'shell'"),
        ({"columns": [{"kind": "number", "name": "x", "median": "1"}]}, "'x': median: expected float, received '1'"),
        (
            {
                "columns": [
                    {
                        "kind": "category",
                        "name": "c",
                        "categories": ["a"],
                        "type": "os",
                        "other": False,
                        "missing": False,
                    }
                ]
            },
            "'c': type: expected one of",
        ),
        ({"dropped": None}, "not the config of a preprocessing"),
    ],
)
def test_a_broken_config_is_refused(change, text):
    config = fitted(x=[1.0, 2.0])[0].get_config()
    with pytest.raises(TableError, match=text):
        TablePreprocessor.from_config(config | change)


def test_bad_columns_are_named():
    prepare, _ = fitted(x=[1.0, 2.0, 3.0], y=[1.0, 2.0, 4.0])
    with pytest.raises(TableError, match=r"the column 'x' is missing\. Its columns: 'X', 'y'"):
        prepare.transform(pa.table({"X": [1.0], "y": [1.0]}))
    with pytest.raises(TableError, match="column 'x' cannot be read as number: Failed to parse string: 'ten'"):
        prepare.transform(pa.table({"x": ["ten"], "y": [1.0]}))
    with pytest.raises(TableError, match=r"column 'age' mixes numbers and text: 'old' among 4 different values"):
        fitted(age=["1", "2", "3", "old"])
    with pytest.raises(TableError, match=r"column 'x': values of type list<.*> cannot be read"):
        fitted(x=[[1, 2], [3]])
    with pytest.raises(TableError, match="no column to learn from is left: 'x': it holds one value"):
        fitted(x=[1, 1])
    with pytest.raises(TableError, match=r"drop, kinds: the column 'z' is missing"):
        TablePreprocessor(drop=["z"]).fit(pa.table({"x": [1, 2]}))
    with pytest.raises(TableError, match=r"unknown kind 'categories'\. Did you mean 'category'"):
        TablePreprocessor(kinds={"x": "categories"})
