"""JSON: what is refused, and why; what is accepted as Python's own parser does."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from lamina.core.errors import FileError
from lamina.files import parse_json, to_json
from lamina.files.strict_json import CHUNK, MAX_BYTES, MAX_DEPTH, MAX_ITEMS


def parse(data: bytes, **options):
    return parse_json(data, "m.keras", "config.json", **options)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -7,
        0.1,
        1e-300,
        "",
        "é\u4e2d😀",
        '"\\[{}],',
        "\u0000\n",
        [],
        {},
        [[], {}, [{}]],
        {"a": {"b": [1, 2.5, None]}},
        10**99,
    ],
)
@pytest.mark.parametrize("options", [{}, {"ensure_ascii": False}, {"indent": 2}])
def test_what_python_writes_is_read(value, options):
    assert parse(json.dumps(value, **options).encode()) == value


REFUSED = {
    "empty": (b"", "line 1, column 1 is not JSON: Expecting value", "json"),
    "spaces": (b" \n ", "line 2, column 2 is not JSON", "json"),
    "words": (b"hello", "line 1, column 1 is not JSON: Expecting value", "json"),
    "single quotes": (b"{'a': 1}", "column 2 is not JSON: Expecting property name enclosed in double quotes", "json"),
    "comma": (b"[1,]", "is not JSON", "json"),
    "comment": (b"// x\n1", "is not JSON", "json"),
    "two values": (b"{} {}", "column 4 is not JSON: Extra data", "json"),
    "open string": (b'{"a', "is not JSON: Unterminated string", "json"),
    "open list": (b"[1", "is not JSON", "json"),
    "control": (b'"a\nb"', "is not JSON: Invalid control character", "json"),
    "escape": (b'"\\x41"', "is not JSON", "json"),
    "leading zero": (b"01", "is not JSON: Extra data", "json"),
    "NaN": (b"[NaN]", "NaN is no number in JSON", "number"),
    "Infinity": (b"Infinity", "Infinity is no number in JSON", "number"),
    "-Infinity": (b'{"a": -Infinity}', "-Infinity is no number in JSON", "number"),
    "huge float": (b"1e999", "the number 1e999 is beyond what a float can hold", "number"),
    "huge float allowed nan": (b"-1e400", "the number -1e400 is beyond", "number"),
    "digits": (b"1" * 101, "a number with 101 digits; at most 100 are read", "number"),
    "many digits": (b"9" * 5_000_000, "a number with 5000000 digits; at most 100 are read", "number"),
    "long fraction": (b"0." + b"1" * 200, "a number with 202 digits", "number"),
    "duplicate": (b'{"units": 1, "b": 2, "units": 3}', "the key 'units' stands twice in one object", "duplicate"),
    "inner duplicate": (b'[{"a": {"b": 1, "\\u0062": 2}}]', "the key 'b' stands twice in one object", "duplicate"),
    "BOM": (b"\xef\xbb\xbf{}", "expected UTF-8 text, received UTF-8 with a byte order mark", "encoding"),
    "UTF-16": ("{}".encode("utf-16"), "expected UTF-8 text, received UTF-16", "encoding"),
    "UTF-16 BE": ("{}".encode("utf-16-be"), "expected UTF-8 text, received UTF-16 or UTF-32", "encoding"),
    "UTF-16 LE": ("{}".encode("utf-16-le"), "is not JSON", "json"),
    "Latin-1": ('{"é": 1}'.encode("latin-1"), "byte 2 is not UTF-8 text", "encoding"),
    "overlong": (b'"\xc0\xaf"', "byte 1 is not UTF-8 text", "encoding"),
    "raw surrogate": (b'"\xed\xa0\x80"', "byte 1 is not UTF-8 text", "encoding"),
    "surrogate": (b'"\\ud800"', "half of a surrogate pair, which is no character", "encoding"),
    "surrogate in key": (b'[{"a\\uDFFF": 1}]', "half of a surrogate pair", "encoding"),
    "surrogates swapped": (b'["\\udc00\\ud800"]', "half of a surrogate pair", "encoding"),
    "deep": (b"[" * 1000 + b"]" * 1000, "lie more than 200 deep in each other", "depth"),
    "deep objects": (b'{"a":' * 201 + b"1" + b"}" * 201, "lie more than 200 deep in each other", "depth"),
    "very deep": (b"[" * 400_000, "lie more than 200 deep in each other", "depth"),
    "deep after a string": (b'["\\\\", ' + b"[" * 300 + b"]" * 301, "lie more than 200 deep", "depth"),
    "many": (b"[" + b"0," * MAX_ITEMS + b"0]", f"more than {MAX_ITEMS} values", "size"),
    "many objects": (b"[" + b"{}," * MAX_ITEMS + b"0]", f"more than {MAX_ITEMS} values", "size"),
    "long": (b" " * MAX_BYTES + b"1", f"{MAX_BYTES + 1} bytes of JSON; at most {MAX_BYTES} are read", "size"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_text_is_refused(name):
    data, reason, code = REFUSED[name]
    with pytest.raises(FileError) as caught:
        parse(data)
    error = caught.value
    assert reason in str(error)
    assert (error.path, error.where, error.code) == ("m.keras", "config.json", code)
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None


def test_nan_only_where_it_is_allowed():
    value = parse(b"[NaN, Infinity, -Infinity, 1.0]", allow_nan=True)
    assert math.isnan(value[0])
    assert value[1:] == [math.inf, -math.inf, 1.0]
    with pytest.raises(FileError, match="beyond what a float can hold"):
        parse(b"1e999", allow_nan=True)


def test_keras_own_config_with_infinity_is_read():
    keras = pytest.importorskip("keras", reason="the writer of such configs")
    text = keras.Sequential([keras.layers.ReLU(max_value=math.inf)]).to_json()
    assert "Infinity" in text
    layer = parse(text.encode(), allow_nan=True)["config"]["layers"][0]
    assert layer["config"]["max_value"] == math.inf
    with pytest.raises(FileError, match="Infinity is no number"):
        parse(text.encode())


def test_limits_may_be_others():
    with pytest.raises(FileError, match="3 bytes of JSON; at most 2"):
        parse(b"[1]", max_bytes=2)
    with pytest.raises(FileError, match="more than 1 deep"):
        parse(b"[[1]]", max_depth=1)
    with pytest.raises(FileError, match="more than 2 values"):
        parse(b"[1,2,3]", max_items=2)
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)


@pytest.mark.parametrize("shift", range(6))
@pytest.mark.parametrize("filler", [b"a", b"\\\\", b'\\"', b'\\\\\\"'])
def test_brackets_in_strings_do_not_count_wherever_the_text_is_cut(shift, filler):
    """The text is looked through in pieces, whose borders may fall between a backslash and what it escapes."""
    string = filler * ((CHUNK + 10) // len(filler)) + b"[" * 300
    data = b"[" + b" " * shift + b'"' + string + b'", {}]'
    assert parse(data) == json.loads(data)
    with pytest.raises(FileError, match="more than 200 deep"):
        parse(data[:-1] + b", " + b"[" * 200 + b"]" * 201)


def test_a_recursion_limit_of_the_caller_is_a_refusal():
    def deeper():
        try:
            return deeper()
        except RecursionError:  # here, where little is left of it
            return parse(b"[" * 190 + b"]" * 190)

    with pytest.raises(FileError, match="lie too deep in each other") as caught:
        deeper()
    assert caught.value.code == "depth"


def test_a_lack_of_memory_is_a_refusal(monkeypatch):
    def no_memory(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(json, "loads", no_memory)
    with pytest.raises(FileError, match=r"config\.json: there is no memory for its values\."):
        parse(b"{}")


# --- writing


def test_the_same_value_gives_the_same_bytes_as_pythons_writer():
    value = {"b": [1, 2.5, True, None], "a": "é", "nested": {"x": ()}}
    assert to_json(value) == json.dumps(value).encode()
    assert to_json(value, indent=2) == json.dumps(value, indent=2).encode()
    assert to_json(np.float64(0.1)) == b"0.1"


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (
            {"config": {"layers": [{}, {"config": {"rate": math.nan}}]}},
            ValueError,
            r"config\.layers\[1\]\.config\.rate: JSON holds finite numbers only, received nan",
        ),
        ([math.inf], ValueError, r"value\[0\]: JSON holds finite numbers only, received inf"),
        (
            {"config": {"dtype": np.float32(1)}},
            TypeError,
            r"config\.dtype: JSON cannot hold a value of type float32: np\.float32\(1\.0\)",
        ),
        ({"a": {1: 2}}, TypeError, r"a: expected keys of type str, received int: 1"),
        ({"a": {1, 2}}, TypeError, r"a: JSON cannot hold a value of type set"),
        ({"a": b"x"}, TypeError, r"a: JSON cannot hold a value of type bytes"),
        (object, TypeError, r"value: JSON cannot hold a value of type type"),
        ({"a": ["\ud800"]}, ValueError, r"a\[0\]: expected text, received half of a surrogate pair"),
    ],
)
def test_other_values_are_refused_with_their_place(value, kind, message):
    with pytest.raises(kind, match=message):
        to_json(value)


def test_a_list_in_itself_is_refused():
    endless: list = []
    endless.append(endless)
    with pytest.raises(ValueError, match="lie more than 200 deep in each other"):
        to_json({"a": endless})
