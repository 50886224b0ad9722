"""`CSVLogger`: a row of a table for each epoch."""

from __future__ import annotations

import csv
import errno
import io
import os
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lamina.core import errors
from lamina.files import to_path
from lamina.training.callbacks.base import Callback, Logs


class CSVLogger(Callback):
    """Write the logs of each epoch into a CSV file: a header, then one row an epoch as soon as it is over.

    The columns are `epoch` (from 0) and the names of the first epoch's logs, sorted, with their `val_` names where
    they have none; what an epoch did not measure is `NA`. Arrays are written as "[1, 2]".

    After a crash, `fit(resume=...)` cuts off the rows of epochs that are run again, so that each epoch has one row.

    Args:
        filename: Path of the file; its folder has to exist.
        separator: One character between the values. Default ",".
        append: Whether to go on after the rows of an older file, in its columns. Default False: begin anew.

    Raises:
        ValueError: a separator of another length. Before training, or at the end of the first epoch where the names
            were not known before: logs that have no column in the file that is gone on with.
        OSError: before training, a file that cannot be written, a FileNotFoundError where its folder is missing.

    Differs from Keras: resuming; appended rows go by the names in the file's header, where Keras goes by place, and a
    name without a column is an error.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     logger = CSVLogger(f"{folder}/log.csv")
        ...     logger.on_train_begin()
        ...     logger.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.75})
        ...     logger.on_train_end()
        ...     print(Path(logger.filename).read_text().split())
        ['epoch,loss,val_loss', '0,0.5,0.75']
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        if not isinstance(separator, str) or len(separator) != 1 or separator in '\r\n"':
            raise ValueError(f"CSVLogger: separator: expected one character such as ';', received {separator!r}.")
        self.filename = str(to_path(filename))
        self.sep = separator
        self.append = append
        self._begin(b"")

    def _begin(self, written: bytes) -> None:
        """Go on after the file's first bytes; with the next row, what is behind them is cut off."""
        self._size, self._checksum = len(written), zlib.crc32(written)
        self._cut = True
        self._columns = self._header(written)
        self._compared = False  # whether the first logs were compared with the columns
        self._left_out: set[str] = set()

    def expect_logs(self, names: Collection[str]) -> None:
        """Compare the names that the logs will have with the columns of the file that is gone on with."""
        path = Path(self.filename)
        columns = self._header(path.read_bytes()) if self.append and path.is_file() else None
        if columns is not None:
            self._check_columns(columns, names)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Look whether the file can be written; an older one stays until the first row comes."""
        path = Path(self.filename)
        if not path.parent.is_dir():
            raise FileNotFoundError(
                f"CSVLogger: filename: {self.filename!r} cannot be written: there is no folder {str(path.parent)!r}. "
                f"Make it first, with pathlib.Path({str(path.parent)!r}).mkdir(parents=True)."
            )
        with path.open("ab"):
            pass
        written = path.read_bytes() if self.append else b""
        self._begin(written)
        self._cut = not self.append
        if written and not written.endswith(b"\n"):
            self._write(b"\r\n")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the epoch's row."""
        logs = logs or {}
        header = b""
        if self._columns is None:
            names = sorted(logs)
            if not any(name.startswith("val_") for name in names):
                names += [f"val_{name}" for name in names]
            self._columns = ["epoch", *names]
            header = self._row(self._columns)
        elif not self._compared:
            self._check_columns(self._columns, logs)
        self._compared = True
        self._tell_left_out(epoch, logs)
        self._write(header + self._row([epoch, *(_cell(logs.get(name, "NA")) for name in self._columns[1:])]))

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Cut off older rows where there was no epoch."""
        if self._cut:
            self._write(b"")

    def get_state(self) -> dict[str, Any]:
        """Return how much of the file is written, in bytes, and its checksum."""
        return {"size": self._size, "checksum": self._checksum}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on where `get_state` was called; call it after `on_train_begin`. Rows behind that place are cut off."""
        size = state["size"]
        path = Path(self.filename)
        written = path.read_bytes()[:size] if path.is_file() else b""
        if len(written) == size and zlib.crc32(written) == state["checksum"]:
            self._begin(written)
            self._compared = True
            return
        errors.warn_user(
            f"CSVLogger: {self.filename!r} does not begin with the {size} bytes that the training had written when it "
            "was interrupted: it was changed or deleted since. The rows of the epochs before are missing."
        )

    def _header(self, written: bytes) -> list[str] | None:
        """The columns of a file, or None of an empty one."""
        line = written.split(b"\n", 1)[0].decode("utf-8", "replace")
        columns = next(csv.reader([line], delimiter=self.sep), [])
        if columns and columns[0] != "epoch":
            raise ValueError(
                f"CSVLogger: append: {self.filename!r} does not begin with a header of CSVLogger's, epoch{self.sep}"
                f"loss{self.sep}..., but with {line[:80]!r}. Use another file or separator, or append=False, which "
                "replaces it."
            )
        return columns or None

    def _check_columns(self, columns: Sequence[str], names: Collection[str]) -> None:
        missing = [name for name in names if name not in columns]
        if missing:
            raise ValueError(
                f"CSVLogger: append: {self.filename!r} has the columns {', '.join(columns)}, and this training also "
                f"gives {', '.join(missing)}. Use another file, or append=False, which replaces this one."
            )

    def _tell_left_out(self, epoch: int, logs: Logs) -> None:
        """Warn of the values that have no column, once each."""
        left_out = [name for name in logs if name not in (self._columns or ()) and name not in self._left_out]
        self._left_out.update(left_out)
        if left_out:
            errors.warn_user(
                f"CSVLogger: {', '.join(left_out)} came first in epoch {epoch + 1} and has no column in "
                f"{self.filename!r}: columns are those of the first epoch."
            )

    def _row(self, values: Iterable[Any]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self.sep).writerow(values)
        return text.getvalue().encode()

    def _write(self, data: bytes) -> None:
        """Append to the file, all or nothing."""
        path = Path(self.filename)
        try:
            with path.open("ab", buffering=0) as file:
                if self._cut:
                    file.truncate(self._size)
                before = file.seek(0, os.SEEK_END)
                if file.write(data) < len(data):
                    file.truncate(before)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise type(error)(error.errno, error.strerror, self.filename) from error
        self._cut = False
        self._checksum = zlib.crc32(data, self._checksum)
        if before != self._size:  # somebody else wrote, too
            self._checksum = zlib.crc32(path.read_bytes()[: before + len(data)])
        self._size = before + len(data)


def _cell(value: Any) -> Any:
    """A value as one cell; arrays and lists in brackets."""
    if isinstance(value, str) or not isinstance(value, Iterable) or getattr(value, "ndim", 1) == 0:
        return value
    return f'"[{", ".join(map(str, value))}]"'
