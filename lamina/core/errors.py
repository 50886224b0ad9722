"""Errors that teach: what was wrong, where, what came, what was expected, the way out."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable
from typing import Any


class LaminaError(ValueError):
    """Base of the errors that only lamina raises; a `ValueError`, so that existing handlers keep working."""


class LaminaConfigError(LaminaError):
    """The model, its loss and its data cannot go together; found before anything is compiled."""


class NotBuiltError(LaminaError):
    """Weights were needed before the input shape was known."""


class NotCompiledError(LaminaError):
    """`fit` or `evaluate` was called before `compile`."""


class FileError(LaminaError):
    """A file was refused: what is in it is broken, unknown, hostile, or does not belong where it is wanted.

    Faults of the disk (no space, no permission, no such file) stay `OSError`.

    Args:
        path: The file.
        where: The place inside the file, such as "config.json, line 3"; "" is the file as a whole.
        reason: What was wrong, what came and what was expected; without a full stop.
        code: One word for programs, such as "checksum".
        way_out: A sentence that says what to do.
    Example:
        >>> print(FileError("m.keras", "config.json", "expected UTF-8 text", way_out="Save the model again."))
        m.keras: config.json: expected UTF-8 text. Save the model again.
    """

    def __init__(self, path: object, where: str, reason: str, *, code: str = "refused", way_out: str = "") -> None:
        self.path, self.where = str(path), printable(where, 300)
        self.reason, self.code = printable(reason, 800), code
        place = f"{printable(self.path, 500)}: " + (f"{self.where}: " if where else "")
        super().__init__(f"{place}{self.reason}." + (f" {printable(way_out, 300)}" if way_out else ""))
        self._arguments = (path, where, reason, code, way_out)

    def __reduce__(self) -> tuple[Any, ...]:
        return _file_error, self._arguments


def _file_error(path: object, where: str, reason: str, code: str, way_out: str) -> FileError:
    """Unpickle a `FileError`: `BaseException` would call it with its message alone."""
    return FileError(path, where, reason, code=code, way_out=way_out)


def printable(text: object, limit: int) -> str:
    """Return `text` in printable characters, at most `limit`: others become escapes, the middle of long text goes.

    Example:
        >>> printable("a" + chr(10) + "b", 300)
        'a\\\\nb'
    """
    text = str(text)
    if len(text) > limit:
        text = f"{text[: limit // 2]} ... {text[-limit // 4 :]}"
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= limit else f"{text[: limit - 4]} ..."


def closest_match(name: object, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known name nearest to `name`, or an empty string.

    Example:
        >>> closest_match("rleu", ["relu", "tanh"])
        " Did you mean 'relu'?"
    """
    near = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""


def with_article(noun: str) -> str:
    """Put "a" or "an" before a noun.

    Example:
        >>> with_article("layer"), with_article("optimizer")
        ('a layer', 'an optimizer')
    """
    return f"an {noun}" if noun[0] in "aeio" else f"a {noun}"


def unknown_name(kind: str, name: object, known: Iterable[str], hint: str = "") -> LaminaError:
    """Build the error for a name that is not in a table: the closest match, the known names, the way out."""
    known = sorted(set(known))
    listed = ", ".join(known[:60]) + (", ..." if len(known) > 60 else "")
    return LaminaError(f"Unknown {kind}: {name!r}.{closest_match(name, known)} Known names: {listed}.{hint}")


def warn_user(message: str) -> None:
    """Warn at the line of the user's code that called lamina, however deep in lamina (or JAX) the reason was found."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("lamina", "jax"):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, UserWarning, stacklevel=level)


def check_choice(argument: str, value: Any, allowed: Iterable[Any], where: str = "") -> None:
    """Raise a ValueError unless `value` is one of `allowed`; `argument` and `where` name the place."""
    allowed = list(allowed)
    if value not in allowed:
        hint = closest_match(value, [a for a in allowed if isinstance(a, str)])
        raise ValueError(f"{where}{argument}: expected one of {allowed}, received {value!r}.{hint}")


def check_positive_int(argument: str, value: Any, where: str = "", minimum: int = 1) -> int:
    """Return `value` as an int, or raise unless it is a whole number >= `minimum`."""
    whole = isinstance(value, int) or (hasattr(value, "__index__") and not isinstance(value, float))
    if isinstance(value, bool) or not whole or int(value) < minimum:
        raise ValueError(f"{where}{argument}: expected a whole number >= {minimum}, received {value!r}.")
    return int(value)


def check_fraction(argument: str, value: Any, where: str = "", *, closed: bool = False) -> float:
    """Return `value` as a float in [0, 1) (or [0, 1] when `closed`), or raise."""
    upper = "1" if closed else "below 1"
    bad = isinstance(value, bool) or not (isinstance(value, (int, float)) or hasattr(value, "__float__"))
    if bad or not (0 <= float(value) < 1 or (closed and float(value) == 1)):
        raise ValueError(f"{where}{argument}: expected a fraction from 0 to {upper}, received {value!r}.")
    return float(value)
