"""`FilePattern`: a file name with placeholders, "ckpt_{epoch:02d}-{val_loss:.2f}", checked before there are values."""

from __future__ import annotations

import os
import string
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from lamina.core import errors
from lamina.files import to_path

_CONVERSIONS: dict[str | None, Any] = {None: lambda value: value, "r": repr, "s": str, "a": ascii}
_COUNTS = ("epoch", "batch")  # whole numbers, from 1; everything else is a value of the logs


class FilePattern:
    """Names of files, made from the epoch, the batch and the logs.

    Args:
        path: str, `Path` or "file://" address; one that ends in "/" is a folder.
        where: What messages begin with.

    Attributes:
        names: The placeholders, without `epoch` and `batch`.

    Raises:
        ValueError: no path; braces that do not match; a placeholder without a name, or with a format that numbers do
            not have.

    Example:
        >>> pattern = FilePattern("ckpt_{epoch:02d}-{val_loss:.2f}.keras", "ModelCheckpoint: filepath")
        >>> pattern.names, pattern.fill({"epoch": 3, "val_loss": 0.5})
        (['val_loss'], 'ckpt_03-0.50.keras')
    """

    def __init__(self, path: Any, where: str) -> None:
        self._where = where
        try:
            self.text = str(to_path(path))
        except ValueError as error:
            raise ValueError(f"{where}: {str(error).removeprefix('path: ')}") from None
        self._is_folder = os.fspath(path).endswith(("/", os.sep))
        try:
            self._parts = list(string.Formatter().parse(self.text))
        except ValueError as error:
            raise ValueError(f"{where}: {self.text!r}: {error}. Write a brace that is meant as such twice.") from None
        fields = [field for _, field, _, _ in self._parts if field is not None]
        wrong = [conversion for *_, conversion in self._parts if conversion not in _CONVERSIONS]
        if wrong:
            raise ValueError(f"{where}: {self.text!r}: expected a conversion !r, !s or !a, received !{wrong[0]}.")
        for field in fields:
            if not field or field.isdigit():
                raise ValueError(
                    f"{where}: {self.text!r}: a placeholder needs a name, such as {{epoch}} or {{val_loss}}."
                )
        self.counts = [field for field in fields if field in _COUNTS]
        self.names = [field for field in fields if field not in _COUNTS]
        try:
            self.fill(dict.fromkeys(_COUNTS, 1) | dict.fromkeys(self.names, 0.5))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{where}: {self.text!r}: a placeholder cannot be filled: {error}.") from None

    @property
    def varies(self) -> bool:
        """Whether it names more than one file."""
        return bool(self.names or self.counts)

    def fill(self, values: Mapping[str, Any]) -> str:
        """Return the name for values; one that is not there now, such as that of a validation, is "nan"."""
        filled = []
        for text, field, form, conversion in self._parts:
            filled.append(text)
            if field is not None:
                value = _CONVERSIONS[conversion](values.get(field, float("nan")))
                filled.append(format(value, form or ""))
        return "".join(filled) + ("/" if self._is_folder else "")

    def check(self, names: Collection[str]) -> None:
        """Raise unless the logs have every value that the name needs."""
        for field in self.names:
            if field not in names:
                raise ValueError(
                    f"{self._where}: {self.text!r}: {{{field}}} is not among the values of this training, which are "
                    f"epoch, batch, {', '.join(names)}.{errors.closest_match(field, names)}"
                )

    def make_folders(self, filled: str | None = None) -> None:
        """Make the folders of a name; None: those that are the same for all names."""
        path = Path(self.text if filled is None else filled)
        folders = path if self._is_folder else path.parent
        if filled is None:
            fixed = [part for part in (folders, *folders.parents) if "{" not in str(part)]
            folders = fixed[0] if fixed else Path()
        folders.mkdir(parents=True, exist_ok=True)
