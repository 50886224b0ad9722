"""Messages: closest match, known names, checks of arguments."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from lamina.core.errors import (
    FileError,
    LaminaConfigError,
    LaminaError,
    NotBuiltError,
    NotCompiledError,
    check_choice,
    check_fraction,
    check_positive_int,
    closest_match,
    printable,
    unknown_name,
)


@pytest.mark.parametrize("error", [LaminaError, LaminaConfigError, NotBuiltError, NotCompiledError])
def test_our_errors_are_value_errors(error):
    assert issubclass(error, ValueError)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("rleu", " Did you mean 'relu'?"), ("sigmiod", " Did you mean 'sigmoid'?"), ("xyz", ""), (3, ""), (None, "")],
)
def test_closest_match_or_nothing(name, expected):
    assert closest_match(name, ["relu", "sigmoid", "tanh"]) == expected


def test_unknown_name_lists_what_is_known_once_and_sorted():
    error = unknown_name("fruit", "aple", ["pear", "apple", "pear"], " Grow one.")
    assert str(error) == "Unknown fruit: 'aple'. Did you mean 'apple'? Known names: apple, pear. Grow one."


def test_long_lists_are_cut():
    text = str(unknown_name("number", "x", [f"n{i:03d}" for i in range(100)]))
    assert text.endswith("n058, n059, ....")


def test_choice():
    check_choice("padding", "same", ["same", "valid"])
    with pytest.raises(ValueError) as caught:
        check_choice("padding", "smae", ["same", "valid"], "Pool: ")
    assert (
        str(caught.value) == "Pool: padding: expected one of ['same', 'valid'], received 'smae'. Did you mean 'same'?"
    )


@pytest.mark.parametrize("value", [1, 7, np.int64(3), np.uint8(3), np.array(4)])
def test_whole_numbers_become_ints(value):
    assert type(check_positive_int("units", value)) is int


@pytest.mark.parametrize("value", [0, -1, 1.0, "3", None, True, np.float32(2), [1], float("nan")])
def test_other_numbers_are_refused(value):
    with pytest.raises(ValueError, match=r"Dense: units: expected a whole number >= 1, received"):
        check_positive_int("units", value, "Dense: ")


def test_minimum_may_be_another():
    assert check_positive_int("epoch", 0, minimum=0) == 0
    with pytest.raises(ValueError, match="epoch: expected a whole number >= 2, received 1"):
        check_positive_int("epoch", 1, minimum=2)


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.25), np.array(0.5)])
def test_fractions_become_floats(value):
    assert type(check_fraction("rate", value)) is float


@pytest.mark.parametrize("value", [-0.1, 1, 1.5, float("nan"), "0.5", None, True, [0.5]])
def test_other_values_are_no_fractions(value):
    with pytest.raises(ValueError, match="Dropout: rate: expected a fraction from 0 to below 1, received"):
        check_fraction("rate", value, "Dropout: ")


def test_closed_interval_includes_one():
    assert check_fraction("rate", 1, closed=True) == 1.0
    with pytest.raises(ValueError, match=r"rate: expected a fraction from 0 to 1, received 1\.01"):
        check_fraction("rate", 1.01, closed=True)


def test_file_error_says_file_place_reason_and_way_out():
    error = FileError("m.keras", "config.json", "expected UTF-8 text", code="encoding", way_out="Save it again.")
    assert str(error) == "m.keras: config.json: expected UTF-8 text. Save it again."
    assert (error.path, error.where, error.reason, error.code) == (
        "m.keras",
        "config.json",
        "expected UTF-8 text",
        "encoding",
    )
    assert isinstance(error, LaminaError)


def test_file_error_of_the_file_as_a_whole():
    error = FileError("m.keras", "", "it is empty")
    assert str(error) == "m.keras: it is empty."
    assert (error.where, error.code) == ("", "refused")


def test_file_error_survives_pickling():
    error = pickle.loads(pickle.dumps(FileError("m\n", "place", "why", code="zip", way_out="Do.")))
    assert str(error) == "m\\n: place: why. Do."
    assert (error.path, error.where, error.reason, error.code) == ("m\n", "place", "why", "zip")


@pytest.mark.parametrize(
    "text", ["\x1b[31mred\n\r\0", "\ud800", "\u202eright to left", "x" * 100_000, "\x07" * 100_000]
)
def test_file_error_is_short_and_printable(text):
    error = FileError(text, text, text, way_out=text)
    assert str(error).isprintable()
    assert len(str(error)) < 2000
    assert error.path == text


def test_long_text_keeps_both_ends():
    assert printable("a" * 500 + "z" * 500, 100) == "a" * 50 + " ... " + "z" * 25
