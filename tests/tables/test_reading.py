"""Tables from files: the same as pandas reads, whole or in parts, and one line about what cannot be read."""

from __future__ import annotations

import gzip

import numpy as np
import pandas
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from lamina.tables import TableError, read, read_in_parts, reading

FRAME = pandas.DataFrame({"a": [1.5, np.nan, -3.0], "b": ["x, y", "ä", None], "c": [1, 2, 3]})


def frame(table):
    """As pandas has it."""
    return table.to_pandas().fillna({"b": "?"})


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found_and_values_are_those_that_pandas_reads(tmp_path, delimiter):
    file = tmp_path / "t.csv"
    FRAME.to_csv(file, sep=delimiter, index=False)
    expected = pandas.read_csv(file, sep=delimiter).fillna({"b": "?"})
    pandas.testing.assert_frame_equal(frame(read(file)), expected, check_dtype=False)
    pandas.testing.assert_frame_equal(frame(read(file, delimiter=delimiter)), expected, check_dtype=False)


def test_every_format_holds_the_same_table(tmp_path):
    table = pa.Table.from_pandas(FRAME)
    parquet.write_table(table, tmp_path / "t.parquet")
    feather.write_feather(table, tmp_path / "t.arrow")
    FRAME.to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(FRAME.to_csv(index=False).encode()))
    for name in ("t.parquet", "t.arrow", "t.tsv", "t.csv.gz"):
        pandas.testing.assert_frame_equal(frame(read(tmp_path / name)), frame(table), check_dtype=False)
        parts = pa.concat_tables(read_in_parts(tmp_path / name))
        pandas.testing.assert_frame_equal(frame(parts), frame(table), check_dtype=False)


def test_parts_of_a_long_file_are_read_with_little_memory_and_in_the_types_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "_PART", 1 << 12)
    numbers = np.arange(5000)
    file = tmp_path / "t.csv"
    pandas.DataFrame({"a": numbers, "key": [f"{n:05d}" for n in numbers]}).to_csv(file, index=False)
    parts = list(read_in_parts(file, {"a": pa.float64()}))
    assert len(parts) > 10
    assert max(part.nbytes for part in parts) < 40_000
    whole = pa.concat_tables(parts)
    assert whole.schema.types == [pa.float64(), pa.string()]  # what nobody asked for stays as it stands there
    assert whole.column("key")[7].as_py() == "00007"
    np.testing.assert_array_equal(whole.column("a").to_numpy(), numbers)


def test_signs_for_missing_values(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("a,b\n1,x\nNA,\n?,NULL\n-999,n/a\n")
    assert read(file, missing=["-999"]).to_pydict() == {"a": [1, None, None, None], "b": ["x", None, None, None]}


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("t.csv", b"", "t.csv: the file is empty."),
        ("t.csv", b"  \n", "t.csv: the file is empty."),
        ("t.csv", b"a,b\n", "t.csv: the table has 2 columns and no rows."),
        ("t.csv", b"a,b,a\n1,2,3\n", "t.csv: columns of one name: 'a'. Each column needs"),
        ("t.csv", b"a,,c\n1,2,3\n", "t.csv: column 2 has no name."),
        ("t.csv", b"a,b\n1,2\n3,4,5\n", "Expected 2 columns, got 3"),
        ("t.csv", b"a,b\n1,\xe4\n" + b"3,4\n" * 9, r"t.csv: not UTF-8 text \(byte 6\). It may be Latin-1"),
        ("t.csv", "a,b\n1,2\n".encode("utf-16"), "It may be UTF-16"),
        ("t.parquet", b"no", "t.parquet: "),
        ("t.arrow", b"no", "t.arrow: "),
        ("t.csw", b"a\n1\n", "t.csw: unknown ending '.csw'. Did you mean '.csv'"),
        ("t.csv.gz", b"no", "t.csv.gz: Not a gzipped file"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, name, content, text):
    (tmp_path / name).write_bytes(content)
    for reader in (read, lambda file: list(read_in_parts(file))):
        if "no rows" in text and reader is not read:
            continue  # a file without rows has no parts
        with pytest.raises(TableError, match=text) as caught:
            reader(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_no_file_a_folder_and_a_wrong_delimiter(tmp_path):
    with pytest.raises(TableError, match=r"none\.csv: no such file"):
        read(tmp_path / "none.csv")
    with pytest.raises(TableError, match="this is a folder"):
        read(tmp_path)
    (tmp_path / "t.csv").write_text("a;b\n1;2\n3;4\n")
    with pytest.raises(TableError, match="the delimiter ',' makes one column, ';' makes 2"):
        read(tmp_path / "t.csv", delimiter=",")
    with pytest.raises(TableError, match="delimiter: expected one character, received ';;'"):
        read(tmp_path / "t.csv", delimiter=";;")


def test_a_value_of_another_type_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\nten,4\n")
    with pytest.raises(TableError, match=r"t\.csv: In CSV column #0: .*'ten'"):
        list(read_in_parts(tmp_path / "t.csv", {"a": pa.float64()}))
