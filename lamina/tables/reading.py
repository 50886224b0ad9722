"""Reading tables: CSV with any usual delimiter, Parquet, Arrow and Feather; whole, or in parts that fit into memory."""

from __future__ import annotations

import contextlib
import csv
import gzip
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lamina.core.errors import closest_match, printable
from lamina.tables.errors import TableError, pyarrow, quoted

TEXT, PARQUET, ARROW = (".csv", ".tsv", ".txt", ".data"), (".parquet", ".pq"), (".arrow", ".feather", ".ipc")
DELIMITERS = ",;\t|"
# What stands for a missing value in text files, besides nothing at all; these are the words that pandas knows.
MISSING = ("", "?", "#N/A", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", "-nan", "<NA>")
_PEEK = 1 << 16  # bytes of a text file that its delimiter is found in
_PART = 1 << 23  # bytes of a text file in one part


def read(path: str | os.PathLike[str], *, delimiter: str | None = None, missing: Sequence[str] = ()) -> Any:
    """Read a whole table.

    Args:
        path: A file: .csv, .tsv, .txt or .data (also .gz), .parquet or .pq, .arrow, .feather or .ipc.
        delimiter: What separates the columns of a text file. Default None: found in its first lines.
        missing: Further texts that stand for a missing value, besides `MISSING`.
    Returns: a `pyarrow.Table` with at least one row.
    Raises:
        TableError: no such file, an unknown ending, no rows, columns without or with the same name, rows of different
            lengths, text that is not UTF-8.
    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "homes.csv"
        >>> _ = file.write_text("rooms;price\\n3;250000\\n4;310000\\n")
        >>> read(file).to_pydict()
        {'rooms': [3, 4], 'price': [250000, 310000]}
    """
    file = _existing(path)
    with _one_line(file):
        table = _whole(file, delimiter, missing)
    _check_names(file, table.column_names)
    if not table.num_rows:
        raise TableError(f"{file}: the table has {table.num_columns} columns and no rows.")
    return table


def read_in_parts(
    path: str | os.PathLike[str],
    types: Mapping[str, Any] | None = None,
    *,
    delimiter: str | None = None,
    missing: Sequence[str] = (),
) -> Iterator[Any]:
    """Read a table part by part, in memory that does not depend on its length.

    Args:
        path, delimiter, missing: As for `read`.
        types: The PyArrow type of a text file's columns by name; all others are read as text then. Default None: the
            first part decides.
    Yields: `pyarrow.Table`s.
    Raises:
        TableError: as `read`; a value that is not of its column's type.
    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "homes.csv"
        >>> _ = file.write_text("rooms\\n3\\n4\\n")
        >>> [part.num_rows for part in read_in_parts(file)]
        [2]
    """
    pa, file = pyarrow(), _existing(path)
    with _one_line(file):
        if _kind(file) in TEXT:
            options = _csv_options(file, delimiter, missing)
            if types is not None:
                names = next(csv.reader(_start(file), delimiter=options["parse_options"].delimiter))
                options["convert_options"].column_types = {name: types.get(name, pa.string()) for name in names}
            with pa.csv.open_csv(file, **options) as reader:
                _check_names(file, reader.schema.names)
                for batch in reader:
                    yield pa.Table.from_batches([batch])
        elif _kind(file) in PARQUET:
            with pa.parquet.ParquetFile(file) as reader:
                for batch in reader.iter_batches():
                    yield pa.Table.from_batches([batch])
        else:
            table = pa.feather.read_table(file, memory_map=True)
            for batch in table.to_batches(max_chunksize=1 << 16):
                yield pa.Table.from_batches([batch])


def check_columns(where: str, found: Sequence[str], expected: Sequence[str]) -> None:
    """Raise TableError unless all columns are there.

    Example:
        >>> check_columns("new.csv", ["rooms"], ["rooms", "age"])
        Traceback (most recent call last):
        lamina.tables.errors.TableError: new.csv: the column 'age' is missing. Its columns: 'rooms'.
    """
    lost = [name for name in expected if name not in found]
    if lost:
        verb = f"the column {lost[0]!r} is" if len(lost) == 1 else f"the columns {quoted(lost)} are"
        raise TableError(f"{where}: {verb} missing.{closest_match(lost[0], found)} Its columns: {quoted(found)}.")


def _existing(path: str | os.PathLike[str]) -> Path:
    file = Path(path).expanduser()
    if file.is_dir():
        raise TableError(f"{file}: this is a folder; expected a file.")
    if not file.exists():
        raise TableError(f"{file}: no such file.")
    _kind(file)
    return file


def _kind(file: Path) -> str:
    suffixes = [suffix.lower() for suffix in file.suffixes]
    kind = suffixes[-2] if len(suffixes) > 1 and suffixes[-1] == ".gz" else (suffixes or [""])[-1]
    if kind not in TEXT + PARQUET + ARROW:
        raise TableError(
            f"{file}: unknown ending {kind!r}.{closest_match(kind, TEXT + PARQUET + ARROW)} "
            f"Known: {', '.join(TEXT + PARQUET + ARROW)}, and .gz behind those of text."
        )
    return kind


def _whole(file: Path, delimiter: str | None, missing: Sequence[str]) -> Any:
    pa = pyarrow()
    if _kind(file) in TEXT:
        return pa.csv.read_csv(file, **_csv_options(file, delimiter, missing))
    return pa.parquet.read_table(file) if _kind(file) in PARQUET else pa.feather.read_table(file)


def _csv_options(file: Path, delimiter: str | None, missing: Sequence[str]) -> dict[str, Any]:
    pa = pyarrow()
    return {
        "read_options": pa.csv.ReadOptions(block_size=_PART),
        "parse_options": pa.csv.ParseOptions(delimiter=_delimiter(file, delimiter), newlines_in_values=True),
        "convert_options": pa.csv.ConvertOptions(null_values=[*MISSING, *missing], strings_can_be_null=True),
    }


def _delimiter(file: Path, given: str | None) -> str:
    """The delimiter of a text file; raises unless it makes columns of the first lines."""
    start = _start(file)
    widths = {delimiter: _width(start, delimiter) for delimiter in dict.fromkeys([*(given or ""), *DELIMITERS])}
    best = max(DELIMITERS, key=lambda delimiter: widths[delimiter])
    if widths[best] <= 1:  # lines differ: the first one decides, and the reader says where they do
        best = max(DELIMITERS, key=lambda delimiter: _width(start[:1], delimiter))
    if given is None:
        return "\t" if file.suffix.lower() == ".tsv" and widths["\t"] >= 1 else best
    if len(given) != 1:
        raise TableError(f"delimiter: expected one character, received {given!r}.")
    if widths[given] <= 1 < widths[best]:
        raise TableError(
            f"{file}: the delimiter {given!r} makes one column, {best!r} makes {widths[best]}. "
            f"Leave the delimiter out, or pass {best!r}."
        )
    return given


def _start(file: Path) -> list[str]:
    """The first lines of a text file."""
    with gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb") as stream:
        content = stream.read(_PEEK)
    if not content.strip():
        raise TableError(f"{file}: the file is empty.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(content) - 4:
            hint = (
                "It may be UTF-16 or another encoding"
                if content[:2] in (b"\xff\xfe", b"\xfe\xff")
                else "It may be Latin-1"
            )
            raise TableError(
                f"{file}: not UTF-8 text (byte {error.start}). {hint}: save it as UTF-8, as by "
                "`iconv -f LATIN1 -t UTF-8`."
            ) from None
        text = content[: error.start].decode("utf-8-sig")  # a character that the peek cut
    lines = text.splitlines()
    return lines[:-1] if len(content) == _PEEK and len(lines) > 1 else lines


def _width(lines: list[str], delimiter: str) -> int:
    """The number of columns that a delimiter makes; 0 if lines differ in it."""
    try:
        widths = {len(row) for row in csv.reader(lines[:100], delimiter=delimiter) if row}
    except csv.Error:
        return 0
    return widths.pop() if len(widths) == 1 else 0


def _check_names(file: Path, names: Sequence[str]) -> None:
    twice = [name for name in dict.fromkeys(names) if list(names).count(name) > 1]
    if twice:
        raise TableError(f"{file}: columns of one name: {quoted(twice)}. Each column needs a name of its own.")
    if not all(name.strip() for name in names):
        number = next(i for i, name in enumerate(names) if not name.strip())
        raise TableError(f"{file}: column {number + 1} has no name. The first line has to hold the columns' names.")


@contextlib.contextmanager
def _one_line(file: Path) -> Iterator[None]:
    """Turn what PyArrow and the system say into one line that names the file."""
    pa = pyarrow()
    try:
        yield
    except TableError:
        raise
    except (pa.ArrowException, OSError) as error:
        text = printable(str(error).splitlines()[0] if str(error) else type(error).__name__, 300)
        raise TableError(f"{file}: {text}") from error
