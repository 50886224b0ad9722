"""Hostile zip archives, put together record by record so that each can lie by itself."""

from __future__ import annotations

import functools
import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.hostile.bytes_in_file import as_file

FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF


@dataclass
class Part:
    """A member, with fields of its two headers that may differ from what is true."""

    name: bytes = b"config.json"
    data: bytes = b"{}"  # as stored
    size: int | None = None  # unpacked
    method: int = 0
    crc: int | None = None
    flags: int = 0
    mode: int = stat.S_IFREG | 0o644
    extra: bytes = b""
    comment: bytes = b""
    local: dict[str, Any] = field(default_factory=dict)
    central: dict[str, Any] = field(default_factory=dict)
    before: bytes = b""  # bytes in front of the local header

    def fields(self, other: dict[str, Any]) -> dict[str, Any]:
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        size = len(self.data) if self.size is None else self.size
        known = {"name": self.name, "method": self.method, "crc": crc, "flags": self.flags, "extra": self.extra}
        return known | {"stored": len(self.data), "size": size, "disk": 0} | other


def archive(*parts: Part, end: dict[str, int] | None = None, head: bytes = b"", tail: bytes = b"") -> bytes:
    """A zip archive of these parts; `end` changes fields of the end record."""
    out, directory = bytearray(head), bytearray()
    for part in parts:
        out += part.before
        header = len(out)
        f = part.fields(part.local)
        out += struct.pack(
            "<4s5H3L2H", b"PK\3\4", 20, f["flags"], f["method"], 0, 33, f["crc"], f["stored"], f["size"],
            len(f["name"]), len(f["extra"]),
        )  # fmt: skip
        out += f["name"] + f["extra"] + part.data
        f = part.fields({"header": header} | part.central)
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 3 << 8 | 20, 20, f["flags"], f["method"], 0, 33, f["crc"], f["stored"],
            f["size"], len(f["name"]), len(f["extra"]), len(part.comment), f["disk"], 0, part.mode << 16, f["header"],
        )  # fmt: skip
        directory += f["name"] + f["extra"] + part.comment
    e = {"count": len(parts), "here": len(parts), "size": len(directory), "start": len(out), "disk": 0, "of": 0}
    e |= {"comment": 0} | (end or {})
    record = struct.pack(
        "<4s4H2LH", b"PK\5\6", e["disk"], e["of"], e["here"], e["count"], e["size"], e["start"], e["comment"]
    )
    return bytes(out + directory + record + tail)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(data) + packer.flush()


def packed(data: bytes, name: bytes = b"config.json", **fields: Any) -> Part:
    return Part(name, deflated(data), size=len(data), crc=zlib.crc32(data), method=8, **fields)


@functools.cache
def zeros(megabytes: int) -> bytes:
    return deflated(bytes(megabytes << 20))


def bomb(megabytes: int, declared: int | None = None, name: bytes = b"model.weights.h5") -> Part:
    size = megabytes << 20
    return Part(name, zeros(megabytes), size=size if declared is None else declared, crc=0, method=8)


def wide(*values: int) -> bytes:
    """The extra field with sizes of 64 bits."""
    return struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values)


def overlapping(count: int) -> bytes:
    """Members that share their bytes: many entries for one local header (David Fifield, "A better zip bomb", 2019)."""
    first = bomb(20, name=b"a")
    others = [Part(b"a", b"", size=20 << 20, crc=0, method=8, central={"header": 0, "stored": len(first.data)})]
    return archive(first, *others * count)


def quoted(count: int) -> bytes:
    """Each member's bytes hold the local headers of all that follow, quoted by stored blocks of deflate."""
    kernel = deflated(bytes(1 << 20))
    names = [b"%d" % n for n in range(count)]
    bodies = [b""] * count
    sizes = [0] * count
    bodies[-1], sizes[-1] = kernel, 1 << 20
    tail = b""
    for n in range(count - 2, -1, -1):
        header = struct.pack(
            "<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 33, 0, len(bodies[n + 1]), sizes[n + 1], len(names[n + 1]), 0
        ) + names[n + 1]  # fmt: skip
        tail = header + bodies[n + 1]
        block = struct.pack("<BHH", 0, len(header), len(header) ^ FULL16)
        bodies[n], sizes[n] = block + tail, sizes[n + 1] + len(header)
    out = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 33, 0, len(bodies[0]), sizes[0], 1, 0) + names[0] + bodies[0]
    directory, place = b"", 0
    for n in range(count):
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 8, 0, 33, 0, len(bodies[n]), sizes[n], len(names[n]), 0, 0, 0, 0, 0,
            place,
        ) + names[n]  # fmt: skip
        place += 30 + len(names[n]) + 5
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(out), 0)
    return out + directory + end


def wide_end(**lies: int) -> bytes:
    """An archive with an end record of 64 bits, fields of which may lie."""
    plain = archive(Part())
    directory = plain.index(b"PK\1\2")
    f = {"length": 44, "count": 1, "here": 1, "size": len(plain) - 22 - directory, "start": directory}
    f |= {"at": len(plain) - 22, "disks": 1} | lies
    record = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", f["length"], 45, 45, 0, 0, f["here"], f["count"], f["size"], f["start"]
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, f["at"], f["disks"])
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, FULL16, FULL16, FULL32, FULL32, 0)
    return plain[:-22] + record + locator + end


def by_python(method: int = 0, **files: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        for name, data in files.items():
            file.writestr(name, data)
    return stream.getvalue()


LATE = Part(flags=8, local={"crc": 0, "stored": 0, "size": 0})  # its sizes follow in a descriptor
WIDE = Part(extra=wide(2, 2), local={"size": FULL32, "stored": FULL32}, central={"extra": b""})
NAMES = {
    "up": b"../escape.txt",
    "far up": b"../" * 50 + b"tmp/escape",
    "up inside": b"assets/../../escape",
    "up at the end": b"assets/..",
    "absolute": b"/tmp/escape",
    "absolute network": b"//host/share",
    "backslash up": b"..\\escape",
    "backslash": b"assets\\escape",
    "drive": b"C:/escape",
    "drive relative": b"C:escape",
    "stream": b"config.json:stream",
    "NUL": b"config.json\0.txt",
    "line feed": b"a\nb",
    "escape sequence": b"\x1b]0;owned\x07",
    "right to left": "a\u202egpj.exe".encode(),
    "empty part": b"assets//a",
    "dot": b"./config.json",
    "only dots": b"..",
    "empty": b"",
    "long": b"n" * 60_000,
    "no UTF-8": b"\xff\xfe\xfd",
    "surrogate": b"\xed\xa0\x80",
    "other encoding": "wörter".encode("cp437"),
}
MAKERS: dict[str, Callable[[], bytes]] = {
    **{
        f"name {what}": functools.partial(
            lambda name: archive(Part(name, flags=0 if name.isascii() or name[:1] == b"w" else 0x800)), name
        )
        for what, name in NAMES.items()
    },
    **{
        f"mode {what}": functools.partial(lambda kind: archive(Part(b"link", b"secret.txt", mode=kind | 0o777)), kind)
        for what, kind in {
            "link": stat.S_IFLNK,
            "pipe": stat.S_IFIFO,
            "device": stat.S_IFCHR,
            "block device": stat.S_IFBLK,
            "socket": stat.S_IFSOCK,
            "folder": stat.S_IFDIR,
        }.items()
    },
    "link as a folder": lambda: archive(Part(b"assets/", b"../secret.txt", mode=stat.S_IFLNK | 0o777)),
    "duplicate": lambda: archive(Part(), Part(data=b"[]")),
    "duplicate far apart": lambda: archive(Part(), *[Part(b"%d" % n) for n in range(3000)], Part(data=b"[]")),
    "duplicate in the directory": lambda: archive(Part(), Part(b"b", central={"name": b"config.json"})),
    "bomb 64 MB": lambda: archive(bomb(64)),
    "bomb in many members": lambda: archive(*[bomb(20, name=b"%d" % n) for n in range(100)]),
    "bomb that declares 4 GB": lambda: archive(bomb(50, declared=FULL32 - 1)),
    "bomb that declares little": lambda: archive(bomb(64, declared=1000)),
    "bomb that declares nothing": lambda: archive(bomb(64, declared=0)),
    "bomb in 64 bits": lambda: archive(
        Part(data=b"", size=FULL32, extra=wide(2**60), method=8, local={"size": 0, "extra": b""})
    ),
    "bomb twice in both headers": lambda: archive(
        Part(data=zeros(20), size=FULL32, crc=0, extra=wide(20 << 40), method=8)
    ),
    "overlapping entries": lambda: overlapping(500),
    "overlapping quoted headers": lambda: quoted(300),
    "nested": lambda: archive(Part(b"a", archive(Part())), Part(b"b", b"", central={"header": 31})),
    "shared bytes": lambda: archive(Part(b"a"), Part(b"b", b"", size=2, crc=zlib.crc32(b"{}"), central={"stored": 2})),
    "header in the directory": lambda: archive(Part(central={"header": 43})),
    "header in the end": lambda: archive(Part(central={"header": 100})),
    "header beyond": lambda: archive(Part(central={"header": FULL32 - 1})),
    "header far beyond": lambda: archive(Part(central={"header": FULL32, "extra": wide(2**63)})),
    "wrong crc": lambda: archive(Part(crc=1)),
    "wrong crc packed": lambda: archive(Part(data=deflated(b"{}"), size=2, crc=1, method=8)),
    "wrong crc in the directory": lambda: archive(Part(central={"crc": 1})),
    "wrong crc in the header": lambda: archive(Part(local={"crc": 1})),
    "broken deflate": lambda: archive(Part(data=b"\xff" * 100, size=50, method=8)),
    "endless deflate": lambda: archive(Part(data=zeros(1)[:-3], size=1 << 20, crc=0, method=8)),
    "deflate with more behind": lambda: archive(
        Part(data=deflated(b"{}") + b"more", size=2, crc=zlib.crc32(b"{}"), method=8)
    ),
    "empty deflate": lambda: archive(Part(data=b"", size=0, crc=0, method=8)),
    "stored with another size": lambda: archive(Part(size=3)),
    "stored too long": lambda: archive(Part(local={"stored": 1000}, central={"stored": 1000}, size=1000)),
    "method name only": lambda: archive(Part(local={"method": 8})),
    **{
        f"method {n}": functools.partial(lambda n: archive(Part(method=n)), n)
        for n in (1, 6, 9, 12, 14, 93, 95, 98, 99)
    },
    **{
        f"encrypted {bit:#06x}": functools.partial(lambda bit: archive(Part(flags=bit)), bit)
        for bit in (0x1, 0x40, 0x2000, 0x41)
    },
    **{f"flag {bit:#06x}": functools.partial(lambda bit: archive(Part(flags=bit)), bit) for bit in (0x10, 0x20, 0x80)},
    "encrypted in one header": lambda: archive(Part(local={"flags": 1})),
    "other name in the header": lambda: archive(Part(local={"name": b"config.jsonX"})),
    "other sizes in the header": lambda: archive(Part(local={"size": 5})),
    "descriptor that is missing": lambda: archive(
        Part(flags=8, local={"crc": 0, "stored": 0, "size": 0}), Part(b"b", before=b"x" * 7)
    ),
    "descriptor that lies": lambda: archive(
        Part(flags=8, local={"crc": 0, "stored": 0, "size": 0}),
        Part(b"b", before=struct.pack("<4s3L", b"PK\7\10", 1, 2, 2)),
    ),
    "bytes in front": lambda: archive(Part(), head=b"#!/bin/sh\n"),
    "bytes in front, places moved": lambda: b"MZ" * 50 + archive(Part()),
    "bytes between": lambda: archive(Part(), Part(b"b", before=b"hidden")),
    "bytes before the directory": lambda: archive(Part(), end={"start": 49}),
    "bytes behind": lambda: archive(Part(), tail=b"behind"),
    "comment": lambda: archive(Part(), end={"comment": 5}, tail=b"hello"),
    "comment that holds an end": lambda: archive(Part(), end={"comment": 22}, tail=archive()),
    "comment that is too short": lambda: archive(Part(), end={"comment": 100}, tail=b"x"),
    "comment of a member": lambda: archive(Part(comment=b"x" * 60_000)),
    "false checksum": lambda: archive(Part(), end={"comment": 78}, tail=b"lamina sha256 " + b"0" * 64),
    "checksum in capitals": lambda: archive(Part(), end={"comment": 78}, tail=b"lamina sha256 " + b"A" * 64),
    **{
        f"end {key} {value}": functools.partial(lambda key, value: archive(Part(), end={key: value}), key, value)
        for key, values in {
            "count": (0, 2, 999, FULL16),
            "here": (0, 2),
            "disk": (1,),
            "of": (1,),
            "size": (0, 1, FULL32),
            "start": (0, 1, FULL32),
        }.items()
        for value in values
    },
    **{
        f"wide end {key} {value}": functools.partial(lambda key, value: wide_end(**{key: value}), key, value)
        for key, values in {
            "length": (0, 45, 2**63),
            "count": (0, 2, 2**63),
            "size": (0, 2**63),
            "start": (1, 2**63),
            "at": (0, 2**63),
            "disks": (2,),
        }.items()
        for value in values
    },
    "wide sizes without need": lambda: archive(Part(extra=wide(2))),
    "wide sizes too few": lambda: archive(Part(size=FULL32, extra=struct.pack("<2HL", 1, 4, 2))),
    "wide sizes missing": lambda: archive(Part(size=FULL32)),
    "wide sizes twice": lambda: archive(Part(size=FULL32, extra=wide(2) + wide(3))),
    "extra that is cut": lambda: archive(Part(extra=b"\x01\x00\xff\xff")),
    "extra of one byte": lambda: archive(Part(extra=b"\x01")),
    "two disks": lambda: archive(Part(central={"disk": 1})),
    "folder with content": lambda: archive(Part(b"assets/", b"x", mode=0)),
    "too many members": lambda: archive(*[Part(b"%d" % n, b"") for n in range(20_000)]),
    "only an end": lambda: archive(end={"count": 1, "here": 1}),
    "no end": lambda: archive(Part())[:-22],
    "cut": lambda: archive(Part(data=bytes(1000)))[:700],
    "text": lambda: b"PK is not enough",
    "nothing": lambda: b"",
    "another format": lambda: b"\x1f\x8b\x08\0" + bytes(100),
    "rar": lambda: b"Rar!\x1a\x07\x00" + bytes(200),
}
ITEMS = [(f"zip/{name}", as_file(make, "hostile.keras")) for name, make in MAKERS.items()]
CONTROLS = [
    (f"zip/{name}", as_file(make, "control.keras"))
    for name, make in {
        "python stored": lambda: by_python(a=b"1", b=bytes(1000)),
        "python deflated": lambda: by_python(8, a=b"1", b=b"some text " * 100),
        "by parts": lambda: archive(Part(), packed(b"[1, 2]" * 10, b"assets/b"), Part(b"assets/", b"", mode=0o040755)),
        "wide end": wide_end,
        "wide sizes": lambda: archive(
            Part(extra=wide(2, 2), local={"size": FULL32, "stored": FULL32}, central={"extra": b""})
        ),
        "empty": archive,
    }.items()
]
