"""Hostile JSON."""

from __future__ import annotations

from collections.abc import Callable

from tests.faults.hostile.bytes_in_file import as_file

MANY = 10_000_000
MAKERS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "spaces": lambda: b" " * MANY,
    "deep lists": lambda: b"[" * MANY,
    "deep lists that end": lambda: b"[" * 5000 + b"]" * 5000,
    "deep objects": lambda: b'{"a":' * (MANY // 5),
    "deep objects that end": lambda: b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "deep mixed": lambda: b'[{"a":' * 5000 + b"1" + b"}]" * 5000,
    "deep behind a string": lambda: b'["\\"\\\\", ' + b"[" * 5000 + b"]" * 5001,
    "deep behind a closed list": lambda: b"[" + b"[],[]," * 1000 + b"[" * 5000 + b"]" * 5001,
    "many zeros": lambda: b"[" + b"0," * (MANY // 2) + b"0]",
    "many lists": lambda: b"[" + b"[]," * (MANY // 3) + b"0]",
    "many objects": lambda: b"[" + b"{}," * (MANY // 3) + b"0]",
    "many keys": lambda: b"{" + b",".join(b'"%d":0' % n for n in range(600_000)) + b"}",
    "many strings": lambda: b"[" + b'"",' * (MANY // 3) + b"0]",
    "too long": lambda: b'"' + b"a" * 40_000_000 + b'"',
    "quotes": lambda: b'"' * MANY,
    "string without end": lambda: b'"' + b'\\"' * (MANY // 2),
    "backslashes": lambda: b'"' + b"\\" * (MANY + 1),
    "whole number": lambda: b"1" * MANY,
    "whole number in a list": lambda: b"[1, " + b"9" * 5000 + b"]",
    "negative number": lambda: b"-" + b"7" * 4000,
    "long fraction": lambda: b"0." + b"3" * MANY,
    "exponent": lambda: b"1e" + b"9" * MANY,
    "beyond floats": lambda: b'{"rate": 1e999}',
    "minus beyond floats": lambda: b"[-1e400]",
    "NaN": lambda: b'{"rate": NaN}',
    "Infinity": lambda: b"[Infinity]",
    "-Infinity": lambda: b"-Infinity",
    "nan in small letters": lambda: b"nan",
    "duplicate key": lambda: b'{"class_name": "Dense", "class_name": "Lambda"}',
    "duplicate key escaped": lambda: b'{"class_name": "Dense", "class\\u005fname": "Lambda"}',
    "duplicate key far apart": lambda: b"{" + b",".join(b'"%d":0' % n for n in range(200_000)) + b',"0":1}',
    "byte order mark": lambda: b"\xef\xbb\xbf{}",
    "UTF-16": lambda: '{"a": 1}'.encode("utf-16"),
    "UTF-16 LE": lambda: '{"a": 1}'.encode("utf-16-le"),
    "UTF-16 BE": lambda: '{"a": 1}'.encode("utf-16-be"),
    "UTF-32": lambda: '{"a": 1}'.encode("utf-32"),
    "Latin-1": lambda: '{"ä": 1}'.encode("latin-1"),
    "Shift-JIS": lambda: '{"表": 1}'.encode("shift-jis"),
    "overlong slash": lambda: b'"\xc0\xaf"',
    "overlong NUL": lambda: b'"\xc0\x80"',
    "raw surrogate": lambda: b'"\xed\xa0\x80"',
    "beyond Unicode": lambda: b'"\xf5\x80\x80\x80"',
    "lone surrogate": lambda: b'"\\ud800"',
    "lone low surrogate": lambda: b'{"a": ["\\udfff"]}',
    "lone surrogate as a key": lambda: b'{"\\ud800": 1}',
    "many lone surrogates": lambda: b'"' + b"\\ud800" * (MANY // 6) + b'"',
    "control character": lambda: b'"a\x00b"',
    "line feed in a string": lambda: b'"a\nb"',
    "NUL behind": lambda: b"{}\0",
    "two values": lambda: b"{}{}",
    "comma at the end": lambda: b'{"a": 1,}',
    "comment": lambda: b'/* x */ {"a": 1}',
    "comment behind": lambda: b'{"a": 1} // x',
    "single quotes": lambda: b"{'a': 1}",
    "no quotes": lambda: b"{a: 1}",
    "number as a key": lambda: b"{1: 2}",
    "hexadecimal": lambda: b"[0x10]",
    "leading zero": lambda: b"[010]",
    "plus": lambda: b"[+1]",
    "point without digits": lambda: b"[1.]",
    "Python": lambda: b"__import__('os').system('true')",
    "pickle": lambda: b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    "YAML": lambda: b"!!python/object/apply:os.system ['true']",
    "zip": lambda: b"PK\5\6" + bytes(18),
    "cut": lambda: b'{"class_name": "Sequential", "config": {"layers": [',
    "random": lambda: bytes(range(256)) * 100,
}
ITEMS = [(f"json/{name}", as_file(make, "hostile.json")) for name, make in MAKERS.items()]
CONTROLS = [
    (f"json/{name}", as_file(make, "control.json"))
    for name, make in {
        "config": lambda: b'{"class_name": "Dense", "config": {"units": 3, "rate": 0.5, "axes": [1, -1], "x": null}}',
        "deep": lambda: b"[" * 150 + b"]" * 150,
        "pairs of surrogates": lambda: b'"\\ud83d\\ude00"',
        "brackets in a string": lambda: b'"' + b"[{" * 100_000 + b'"',
        "long": lambda: b"[" + b"0," * 300_000 + b"0]",
    }.items()
]
