"""`TablePreprocessor`: a table's columns, each with its kind, as one matrix of numbers that a network reads."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lamina.core.errors import closest_match
from lamina.tables.columns import KINDS, TYPES, CategoryColumn, strings
from lamina.tables.errors import TableError, pyarrow, quoted
from lamina.tables.reading import check_columns

_VERSION = 1
_MIXED = 0.5  # fraction of values that are numbers, from which on a column of text was surely meant to hold numbers
_WORDS = 3  # words a value on average, from which on a column holds texts


class TablePreprocessor:
    """Turns a table into float32 features: numbers standardized, missing ones filled, categories and words as columns.

    Args:
        drop: Columns to leave out.
        kinds: The kind of columns by name, where the one that `fit` finds is not meant: "number", "category", "date" or
            "text". Default None.

    `fit` finds the kind of a column by its type: numbers; true and false, and texts of up to 2 words, as categories;
    longer texts by their words; dates and times. It leaves out columns that say nothing (one value, or none) and texts
    of which nearly each is another one (names, keys); `dropped` tells which, and why.

    Raises:
        TableError: no such column; a column that mixes numbers and text; nothing left to learn from.

    Example:
        >>> import pyarrow as pa
        >>> table = pa.table({"rooms": [2, 4, None], "city": ["Rome", "Bonn", "Rome"], "key": [7, 7, 7]})
        >>> prepare = TablePreprocessor().fit(table)
        >>> prepare.features
        ['rooms', 'rooms is missing', 'city = Rome', 'city is rare']
        >>> prepare.dropped
        {'key': 'it holds one value'}
        >>> prepare.transform(table).shape
        (3, 4)
    """

    def __init__(self, drop: Sequence[str] = (), kinds: Mapping[str, str] | None = None) -> None:
        self.drop = tuple(drop)
        self.kinds = dict(kinds or {})
        for name, kind in self.kinds.items():
            if kind not in KINDS:
                raise TableError(
                    f"kinds: {name!r}: unknown kind {kind!r}.{closest_match(kind, KINDS)} Known: {', '.join(KINDS)}."
                )
        self.columns: list[Any] = []
        self.dropped: dict[str, str] = {}

    def fit(self, table: Any) -> TablePreprocessor:
        """Measure the columns of training data and return itself.

        Args:
            table: A `pyarrow.Table` without the column to predict.
        """
        check_columns("drop, kinds", table.column_names, [*self.drop, *self.kinds])
        self.columns, self.dropped = [], {}
        for name in table.column_names:
            values = table.column(name)
            reason = "it was to be left out" if name in self.drop else _says_nothing(name, values)
            kind = None if reason else self.kinds.get(name) or _kind(name, values)
            if kind is not None:
                self.columns.append(_fit(KINDS[kind], name, values))
            else:
                self.dropped[name] = reason or "nearly each of its texts is another one"
        if not self.columns:
            why = "; ".join(f"{name!r}: {reason}" for name, reason in self.dropped.items()) or "the table has no other"
            raise TableError(f"no column to learn from is left: {why}.")
        return self

    def transform(self, table: Any) -> np.ndarray:
        """Return (rows, features) float32.

        Raises:
            TableError: a column is missing, or of a type that its kind cannot be read from.
        """
        check_columns("the table", table.column_names, [column.name for column in self.columns])
        return np.concatenate([_transform(column, table.column(column.name)) for column in self.columns], axis=1)

    def unknown(self, table: Any) -> dict[str, list[str]]:
        """Return the categories that training data did not have, by column; `transform` gives them zeros.

        Example:
            >>> import pyarrow as pa
            >>> prepare = TablePreprocessor().fit(pa.table({"city": ["Rome", "Bonn"] * 2}))
            >>> prepare.unknown(pa.table({"city": ["Rome", "Oslo"]}))
            {'city': ['Oslo']}
        """
        categories = [column for column in self.columns if isinstance(column, CategoryColumn)]
        found = {column.name: column.unknown(table.column(column.name)) for column in categories}
        return {name: values for name, values in found.items() if values}

    @property
    def features(self) -> list[str]:
        """Names of the features, in the order of `transform`."""
        return [name for column in self.columns for name in column.features]

    @property
    def types(self) -> dict[str, Any]:
        """PyArrow types by which text files are read again, by column."""
        pa = pyarrow()
        known = {"number": pa.float64(), "text": pa.string(), "date": pa.string()}
        return {
            column.name: known.get(column.kind) or pa.type_for_alias(column.type)  # of a category
            for column in self.columns
        }

    def get_config(self) -> dict[str, Any]:
        """Return all that was measured, in JSON's types."""
        columns = [{"kind": column.kind, **dataclasses.asdict(column)} for column in self.columns]
        return {
            "version": _VERSION,
            "drop": list(self.drop),
            "kinds": self.kinds,
            "dropped": self.dropped,
            "columns": columns,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TablePreprocessor:
        """Make one from what `get_config` returned.

        Raises:
            TableError: the config is not one, or of a newer version.

        Example:
            >>> import pyarrow as pa
            >>> table = pa.table({"rooms": [2, 4, 3]})
            >>> config = TablePreprocessor().fit(table).get_config()
            >>> TablePreprocessor.from_config(config).transform(table).ravel().tolist()[2]
            0.0
        """
        try:
            if config["version"] != _VERSION:
                raise TableError(
                    f"the preprocessing is of version {config['version']!r}, this lamina reads {_VERSION}."
                )
            new = cls(config["drop"], config["kinds"])
            new.dropped = {str(name): str(reason) for name, reason in config["dropped"].items()}
            new.columns = [_column(entry) for entry in config["columns"]]
        except (KeyError, TypeError, AttributeError) as error:
            raise TableError(f"not the config of a preprocessing: {type(error).__name__}: {error}.") from error
        return new


def _column(entry: Mapping[str, Any]) -> Any:
    """A column from its config, whose types are checked."""
    kind = KINDS[entry["kind"]]
    values = {}
    for field in dataclasses.fields(kind):
        value = entry[field.name]
        value = tuple(value) if isinstance(value, list) else value
        if not _fits(str(field.type), value):
            raise TableError(
                f"column {entry['name']!r:.80}: {field.name}: expected {field.type}, received {value!r:.80}."
            )
        values[field.name] = value
    if values.get("type", "string") not in TYPES:
        raise TableError(
            f"column {entry['name']!r:.80}: type: expected one of {TYPES}, received {values['type']!r:.80}."
        )
    return kind(**values)


def _fits(kind: str, value: Any) -> bool:
    if kind.startswith("tuple"):
        item = str if "str" in kind else float
        return isinstance(value, tuple) and all(type(part) is item for part in value)
    return type(value).__name__ == kind


def _says_nothing(name: str, values: Any) -> str | None:
    """Why a column cannot help any prediction, or None."""
    if pyarrow().types.is_nested(values.type):
        raise TableError(
            f"column {name!r}: values of type {values.type} cannot be read. Leave the column out, or write it as text."
        )
    if values.null_count == len(values):
        return "it is empty"
    # A value and its absence may say something together.
    if not values.null_count and len(values.unique()) == 1:
        return "it holds one value"
    return None


def _kind(name: str, values: Any) -> str | None:
    """The kind of a column; None for texts of which nearly each is another one."""
    pa = pyarrow()
    kind = values.type
    if pa.types.is_boolean(kind) or pa.types.is_dictionary(kind):
        return "category"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return "date"
    text = strings(values).drop_null()
    _refuse_mixed(name, text.unique().to_pylist())
    words = pa.compute.mean(pa.compute.count_substring(pa.compute.utf8_trim_whitespace(text), " ")).as_py() + 1
    if words >= _WORDS:
        return "text"
    return None if len(text) >= 20 and len(text.unique()) > 0.5 * len(text) else "category"


def _refuse_mixed(name: str, values: list[str]) -> None:
    others = [value for value in values if not _is_number(value)]
    if len(values) - len(others) >= _MIXED * len(values) and others and len(values) > 2:
        raise TableError(
            f"column {name!r} mixes numbers and text: {quoted(others, 3)} among {len(values)} different values. "
            "Correct these, name them as missing values, or leave the column out."
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _fit(kind: Any, name: str, values: Any) -> Any:
    with _named(name, kind.kind):
        return kind.fit(name, values)


def _transform(column: Any, values: Any) -> np.ndarray:
    with _named(column.name, column.kind):
        return column.transform(values)


class _named:
    """Names the column in what PyArrow and scikit-learn refuse."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, ValueError) and not isinstance(error, TableError):
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise TableError(f"column {self.name!r} cannot be read as {self.kind}: {text}") from error
        if isinstance(error, NotImplementedError):  # PyArrow has no cast
            raise TableError(f"column {self.name!r} cannot be read as {self.kind}: {error}") from error


def as_table(data: Any) -> Any:
    """A `pyarrow.Table` from one, from a pandas or Polars frame, or from a dict of columns.

    Example:
        >>> as_table({"a": [1, 2]}).num_rows
        2
    """
    pa = pyarrow()
    if isinstance(data, pa.Table):
        return data
    try:
        if isinstance(data, Mapping):
            return pa.table(dict(data))
        if hasattr(data, "to_arrow"):  # Polars
            return data.to_arrow()
        return pa.Table.from_pandas(data, preserve_index=False)
    except (pa.ArrowException, AttributeError, TypeError) as error:
        raise TableError(
            f"expected a pyarrow.Table, a pandas or Polars frame, or a dict of columns, received "
            f"{type(data).__name__}: {error}"
        ) from error
