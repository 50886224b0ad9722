"""Bad input to compile, fit, evaluate and predict: each row of the table gets the error that its text promises.

After every row the weights are what they were, bit for bit, nothing was compiled on the way, and the same model trains
on good data. `docs/bad-input.md` is this table; `python -m tests.training.test_bad_input` writes it.
"""

from __future__ import annotations

import functools
import re
import warnings
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

import lamina
from lamina.core import naming, random
from tests.training import bad_input
from tests.training.bad_input import CALLS, MIDWAY, TABLE, WARNINGS, Row
from tests.training.helpers import count_compilations, same_bits

DOCS = Path(__file__).parents[2] / "docs" / "bad-input.md"
INTRODUCTION = """# Bad input

What lamina says to input that cannot be meant, or cannot train right. The messages are those of the tests, word for
word (`tests/training/bad_input.py` is the table; `python -m tests.training.test_bad_input` writes this page).

An error comes before anything is compiled and before the first step, and leaves the model as it was: the same model
trains on good data. `LaminaConfigError` and the other errors of `lamina` are `ValueError`s. `compile(preflight=False)`
skips the comparisons of values, loss and last layer; shapes are checked all the same.
"""


def rows(table: dict[str, list[Row]]) -> list:
    return [pytest.param(row, id=f"{title}: {row.what}") for title, part in table.items() for row in part]


def model_of(row: Row) -> lamina.Sequential:
    return (row.model or bad_input.classifier)()


@functools.cache
def message_of(row: Row) -> str:
    """Run a row and return what the user reads."""
    naming.clear_session()
    random.set_random_seed(0)
    model = model_of(row)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            row.call(model)
        except Exception as error:  # noqa: BLE001 - whatever the row raises is looked at
            return f"{type(error).__name__}: {error}"
    return f"{caught[0].category.__name__}: {caught[0].message}"


def trains(model: lamina.Sequential, row: Row) -> bool:
    """Whether good data train on the model, which is then not what it was."""
    if row.mend is not None:
        row.mend(model)
    before = model.get_weights()
    history = model.fit(*row.good, batch_size=16, verbose=0).history
    return np.isfinite(history["loss"]).all() and not same_bits(before, model.get_weights())


@pytest.mark.parametrize("row", rows(TABLE))
def test_bad_input_is_refused_before_anything_happens(row, request):
    model = model_of(row)
    built, before = model.built, model.get_weights()
    with count_compilations() as compiled, pytest.raises(row.error, match=f"(?s){row.text}"):
        row.call(model)
    assert compiled == []
    assert model.built == built
    assert same_bits(before, model.get_weights())
    if crc32(row.what.encode()) % 3 == 0 or request.config.getoption("--grid"):  # each takes half a second
        assert trains(model, row)


@pytest.mark.parametrize("row", rows(CALLS))
def test_layers_called_by_themselves_refuse_bad_input(row):
    with pytest.raises(row.error, match=f"(?s){row.text}"):
        row.call(None)


@pytest.mark.parametrize("row", rows({"while training": MIDWAY}))
def test_bad_batches_stop_training_and_leave_the_model_usable(row):
    model = model_of(row)
    with pytest.raises(row.error, match=f"(?s){row.text}"):
        row.call(model)
    assert all(np.isfinite(w).all() for w in model.get_weights())
    assert trains(model, row)


@pytest.mark.parametrize("row", rows({"warning": WARNINGS}))
def test_what_is_rarely_meant_is_told_once_and_trains(row):
    model = model_of(row)
    before = model.get_weights()
    with pytest.warns(UserWarning, match=f"(?s){row.text}") as caught:
        row.call(model)
    assert len(caught) == 1
    assert caught[0].filename == bad_input.__file__  # the line that called fit
    assert not same_bits(before, model.get_weights())


def test_messages_are_short_and_plain():
    for row in [row for part in (TABLE | CALLS).values() for row in part]:
        message = message_of(row)
        assert len(message) < 2000
        assert message.isprintable(), message
        assert " at 0x" not in message, message


def page() -> str:
    """The documentation, made from the messages."""
    parts = [INTRODUCTION]
    for title, part in {
        **TABLE,
        **CALLS,
        "While training runs": MIDWAY,
        "Warnings at the start of fit": WARNINGS,
    }.items():
        parts.append(f"\n## {title}\n\n| what came | what lamina says |\n|---|---|\n")
        parts += [f"| {row.what} | {_cell(message_of(row))} |\n" for row in part]
    return "".join(parts)


def _cell(message: str) -> str:
    message = re.sub(r"Known( names)?: .*?(\.\.\.|\.( |$))", r"Known\1: … ", message).strip()
    return message.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def test_the_page_of_bad_input_says_what_lamina_says():
    assert DOCS.read_text(encoding="utf-8") == page(), "run: python -m tests.training.test_bad_input"


if __name__ == "__main__":
    DOCS.write_text(page(), encoding="utf-8")
