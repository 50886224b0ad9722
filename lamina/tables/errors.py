"""The one error of the tables' room, and what is missing without PyArrow."""

from __future__ import annotations

from typing import Any

from lamina.core.errors import LaminaError


class TableError(LaminaError):
    """A table, a column or an argument that does not do; its text is one line: what, where, and the way out."""


def pyarrow() -> Any:
    """PyArrow with its CSV and Parquet readers.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.csv
        import pyarrow.feather
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError('lamina.tables needs PyArrow: pip install "lamina[tables]"') from error
    return pyarrow


def quoted(names: Any, most: int = 8) -> str:
    """Names for a message, of many the first ones.

    Example:
        >>> quoted(["a", "b"])
        "'a', 'b'"
    """
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name) for name in names[:most]) + more
