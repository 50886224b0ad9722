"""Hostile safetensors: headers that lie."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.faults.hostile.bytes_in_file import as_file


def crafted(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def one(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8), **more: Any) -> dict[str, Any]:
    return {"x": {"dtype": dtype, "shape": shape, "data_offsets": offsets} | more}


def two(first: tuple[int, int], second: tuple[int, int]) -> dict[str, Any]:
    return {
        name: {"dtype": "U8", "shape": [end - start], "data_offsets": [start, end]}
        for name, (start, end) in {"a": first, "b": second}.items()
    }


EIGHT = bytes(8)
MAKERS: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "seven bytes": lambda: b"\x07" * 7,
    "length of 2**64 - 1": lambda: crafted({}, length=2**64 - 1),
    "length of 2**63": lambda: crafted({}, length=2**63),
    "length of 100 MB": lambda: crafted({}, length=100_000_000),
    "length beyond the file": lambda: crafted({}, length=3),
    "length too short": lambda: crafted(one(), EIGHT, length=10),
    "length of 0": lambda: crafted(one(), EIGHT, length=0),
    "header of 40 MB": lambda: crafted(b" " * 40_000_000 + b"{}"),
    "many names": lambda: crafted(
        {f"{n}": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for n in range(100_000)}
    ),
    "list": lambda: crafted([one()]),
    "text": lambda: crafted("x"),
    "no JSON": lambda: crafted(b"\xff\xfe"),
    "deep": lambda: crafted(b'{"x":' * 100_000),
    "duplicate": lambda: crafted(b'{"x": %s, "x": %s}' % ((json.dumps(one()["x"]).encode(),) * 2), EIGHT),
    "duplicate metadata": lambda: crafted(b'{"__metadata__": {}, "__metadata__": {"a": "b"}}'),
    "metadata of numbers": lambda: crafted({"__metadata__": {"a": 1}}),
    "metadata of objects": lambda: crafted({"__metadata__": {"a": {"b": "c"}}}),
    "metadata as text": lambda: crafted({"__metadata__": "a"}),
    "no entry": lambda: crafted({"x": None}),
    "entry without shape": lambda: crafted({"x": {"dtype": "F32", "data_offsets": [0, 8]}}, EIGHT),
    "entry with more": lambda: crafted(one(file="secret.txt"), EIGHT),
    **{
        f"dtype {kind!r}": lambda kind=kind: crafted(one(kind), EIGHT)
        for kind in ("F33", "f32", "C64", "OBJECT", "", None, 3, ["F32"], {"a": 1}, "\x1b[31m", "F4", "F8_E8M0")
    },
    **{
        f"shape {shape!r}": lambda shape=shape: crafted(one(shape=shape), EIGHT)
        for shape in (
            [-2], [-1, -2], [2.0], ["2"], [True, 2], [None], 2, "2", {"0": 2}, [[2]], [2**63], [2**64, 0],
            [2**31, 2**31], [10**18, 10**18], [1, 3], [0], [], [1] * 40, [2] * 100_000,
        )
    },
    **{
        f"offsets {offsets!r}": lambda offsets=offsets: crafted(one(offsets=offsets), EIGHT)
        for offsets in (
            [8, 0], [0, 7], [0, 9], [0], [0, 4, 8], [], [-8, 0], [0.0, 8.0], ["0", "8"], [0, 2**64], [2**63, 2**63 + 8],
            None, [8, 16], [0, None], [4, 12],
        )
    },
    "overlap": lambda: crafted(two((0, 5), (3, 8)), EIGHT),
    "the same bytes": lambda: crafted(two((0, 8), (0, 8)), EIGHT),
    "inside": lambda: crafted(two((0, 8), (2, 4)), EIGHT),
    "gap": lambda: crafted(two((0, 3), (5, 8)), EIGHT),
    "gap in front": lambda: crafted(two((1, 3), (3, 8)), EIGHT),
    "too few bytes": lambda: crafted(one(), EIGHT[:7]),
    "no bytes": lambda: crafted(one()),
    "more bytes": lambda: crafted(one(), EIGHT + b"x"),
    "giant": lambda: crafted(one(shape=[2**38], offsets=[0, 2**40]), EIGHT),
    "giant and empty": lambda: crafted(one(shape=[0, 2**40, 2**40], offsets=[0, 0])),
    "truth values": lambda: crafted(one("BOOL", [8], [0, 8]), b"\2" * 8),
    "pickle": lambda: b"\x80\x02}q\x00." * 10,
    "zip": lambda: b"PK\3\4" + bytes(100),
}  # fmt: skip
ITEMS = [(f"safetensors/{name[:60]}", as_file(make, "hostile.safetensors")) for name, make in MAKERS.items()]
CONTROLS = [
    (f"safetensors/{name}", as_file(make, "control.safetensors"))
    for name, make in {
        "one": lambda: crafted(one(), EIGHT),
        "two": lambda: crafted(two((0, 3), (3, 8)) | {"__metadata__": {"a": "b"}}, EIGHT),
        "spaces behind": lambda: crafted(json.dumps(one()).encode() + b"    ", EIGHT),
        "nothing in it": lambda: crafted({}),
    }.items()
]
