"""Hostile HDF5: what h5py can write, and files in which single fields were changed."""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.faults.hostile.bytes_in_file import as_file

UNDEFINED, FAR = 2**64 - 1, 2**63
NAME = "hostile.h5"


def by_h5py(fill: Callable[[h5py.File], Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w", **options) as file:
        fill(file)
    return stream.getvalue()


def in_folder(fill: Callable[[h5py.File, Path], Any]) -> Callable[[Path], Path]:
    """A writer for files that lead to another file in the folder."""

    def write(folder: Path) -> Path:
        with h5py.File(folder / NAME, "w") as file:
            fill(file, folder)
        return folder / NAME

    return write


# --- files in which fields are changed


@functools.cache
def base() -> tuple[bytes, dict[str, int]]:
    """A file as Keras might write it, and the places of its object headers."""
    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.attrs["text"] = "some text of any length"
        file.attrs["list"] = ["a", "bc"]
        group = file.create_group("g")
        for number in range(12):
            group.create_dataset(f"a{number:02}", data=np.arange(4, dtype="f4"))
        file.create_dataset("chunks", data=np.arange(64, dtype="i4") % 7, chunks=(16,), compression="gzip")
        file["g/a00"].attrs["note"] = np.bytes_(b"fixed")
        names = ["/", "g", "g/a00", "g/a01", "chunks"]
        places = {name: h5py.h5o.get_info(file[name].id).addr for name in names}
    return stream.getvalue(), places


def put(place: int, form: str, *values: int) -> bytes:
    """The file with other values at a place."""
    data = bytearray(base()[0])
    struct.pack_into("<" + form, data, place, *values)
    return bytes(data)


def at(sign: bytes, offset: int, form: str, value: int, number: int = 0) -> bytes:
    """The file with another value in the n-th structure of this signature."""
    place = -1
    for _ in range(number + 1):
        place = base()[0].index(sign, place + 1)
    return put(place + offset, form, {-1: place, -2: base()[1]["/"]}.get(value, value))


def message(name: str, kind: int) -> int:
    """Place of the body of a message in the object header of an array or a group."""
    data, places = base()
    blocks = [(places[name] + 16, struct.unpack_from("<L", data, places[name] + 8)[0])]
    for start, length in blocks:
        place = start
        while place < start + length:
            found, size = struct.unpack_from("<HH", data, place)
            if found == kind:
                return place + 8
            if found == 0x10:
                blocks.append(struct.unpack_from("<QQ", data, place + 8))
            place += 8 + size
    raise LookupError(f"{name} has no message {kind:#x}")


def in_header(name: str, offset: int, form: str, value: int) -> bytes:
    return put(base()[1][name] + offset, form, value)


def said(name: str, kind: int, offset: int, form: str, *values: int) -> bytes:
    return put(message(name, kind) + offset, form, *values)


ITSELF, ROOT = -1, -2
STRUCTURES = {
    ("TREE", "kind", 4, "B"): (1, 9),
    ("TREE", "level", 5, "B"): (1, 16, 255),
    ("TREE", "count", 6, "H"): (100, 0xFFFF),
    ("TREE", "child", 32, "Q"): (0, ITSELF, ROOT, FAR, UNDEFINED, 8),
    ("HEAP", "version", 4, "B"): (1,),
    ("HEAP", "size", 8, "Q"): (0, 2**20, FAR, UNDEFINED),
    ("HEAP", "data", 24, "Q"): (ITSELF, ROOT, FAR, UNDEFINED),
    ("SNOD", "version", 4, "B"): (0, 2),
    ("SNOD", "count", 6, "H"): (50, 0xFFFF),
    ("SNOD", "name", 8, "Q"): (2**20, FAR, UNDEFINED),
    ("SNOD", "header", 16, "Q"): (0, ITSELF, ROOT, FAR, UNDEFINED),
    ("SNOD", "link", 24, "L"): (2,),
    ("GCOL", "version", 4, "B"): (0,),
    ("GCOL", "size", 8, "Q"): (0, 15, 2**20, FAR, UNDEFINED),
    ("GCOL", "object size", 24, "Q"): (0, 1, 2**20, FAR, UNDEFINED),
    ("GCOL", "object number", 16, "H"): (0, 2, 99),
}
SUPERBLOCK = {
    ("version", 8, "B"): (4, 255),
    ("widths", 13, "B"): (4, 0, 16),
    ("lengths", 14, "B"): (2, 255),
    ("base", 24, "Q"): (1, 512, FAR),
    ("end", 40, "Q"): (0, 1, 100, 2**40, FAR, UNDEFINED),
    ("driver", 48, "Q"): (0, 96),
    ("root", 64, "Q"): (0, 8, FAR, UNDEFINED),
}
HEADER = {
    ("version", 0, "B"): (0, 2, 79),
    ("count", 2, "H"): (0, 1, 99, 0xFFFF),
    ("size", 8, "L"): (0, 8, 17, 2**20, 0xFFFFFFFF),
    ("first kind", 16, "H"): (0x07, 0x0D, 0x0F, 0x13, 0x99),
    ("first size", 18, "H"): (0xFFFF,),
    ("first flags", 20, "B"): (2, 3),
}
MESSAGES = {
    ("g/a00", "shape version", 0x01, 0, "B"): (0, 3),
    ("g/a00", "shape rank", 0x01, 1, "B"): (0, 2, 33, 255),
    ("g/a00", "shape flags", 0x01, 2, "B"): (2, 255),
    ("g/a00", "shape size", 0x01, 8, "Q"): (0, 3, 5, 2**20, 2**62, FAR, UNDEFINED),
    ("g/a00", "type class", 0x03, 0, "B"): tuple(0x10 | n for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11)),
    ("g/a00", "type version", 0x03, 0, "B"): (0x01, 0xF1),
    ("g/a00", "type order", 0x03, 1, "B"): (0x60, 0x61, 0x00),
    ("g/a00", "type size", 0x03, 4, "L"): (0, 1, 3, 8, 2**31),
    ("g/a00", "type offset", 0x03, 8, "H"): (1,),
    ("g/a00", "type precision", 0x03, 10, "H"): (16, 64),
    ("g/a00", "type bias", 0x03, 16, "L"): (0, 15),
    ("g/a00", "layout version", 0x08, 0, "B"): (0, 1, 2, 5, 255),
    ("g/a00", "layout class", 0x08, 1, "B"): (0, 2, 3, 4),
    ("g/a00", "layout address", 0x08, 2, "Q"): (0, 96, FAR, UNDEFINED, 2**20),
    ("g/a00", "layout size", 0x08, 10, "Q"): (0, 15, 17, FAR),
    ("g/a00", "attribute version", 0x0C, 0, "B"): (0, 4),
    ("g/a00", "attribute name", 0x0C, 2, "H"): (0xFFFF,),
    ("g/a00", "attribute type", 0x0C, 4, "H"): (0, 0xFFFF),
    ("g/a00", "attribute shape", 0x0C, 6, "H"): (0, 0xFFFF),
    ("g", "tree", 0x11, 0, "Q"): (0, 96, FAR, UNDEFINED),
    ("g", "heap", 0x11, 8, "Q"): (0, 96, FAR, UNDEFINED),
    ("chunks", "rank", 0x08, 2, "B"): (0, 1, 3, 255),
    ("chunks", "tree", 0x08, 3, "Q"): (0, 96, FAR, UNDEFINED),
    ("chunks", "chunk size", 0x08, 11, "L"): (0, 1, 17, 2**31, 2**32 - 1),
    ("chunks", "element size", 0x08, 15, "L"): (0, 8, 2**31),
    ("chunks", "shape", 0x01, 8, "Q"): (1, 63 - 16, 65, 2**20, 2**40, FAR),
    ("chunks", "filters", 0x0B, 1, "B"): (2, 9, 255),
    ("chunks", "filter", 0x0B, 8, "H"): (0, 4, 5, 6, 32001, 0xFFFF),
    ("chunks", "filter name", 0x0B, 10, "H"): (0xFFFF,),
    ("chunks", "filter values", 0x0B, 14, "H"): (0xFFFF,),
}
# Fields of the second tree of chunks: its first key and child.
CHUNK_KEYS = {
    ("stored", 24, "L"): (0, 1, 2**31),
    ("skipped", 28, "L"): (1,),
    ("corner", 32, "Q"): (1, 16, 64, FAR),
    ("address", 48, "Q"): (0, 96, ITSELF, FAR, UNDEFINED),
}


def changed_fields() -> dict[str, Callable[[], bytes]]:
    found: dict[str, Callable[[], bytes]] = {}
    shown = {ITSELF: "itself", ROOT: "root", FAR: "2**63", UNDEFINED: "2**64-1"}
    for (sign, what, offset, form), values in STRUCTURES.items():
        for value in values:
            make = functools.partial(at, sign.encode(), offset, form, value)
            found[f"{sign} {what} {shown.get(value, value)}"] = make
    for (what, offset, form), values in SUPERBLOCK.items():
        for value in values:
            found[f"superblock {what} {shown.get(value, value)}"] = functools.partial(put, offset, form, value)
    for name in ("/", "g/a00"):
        for (what, offset, form), values in HEADER.items():
            for value in values:
                found[f"header of {name} {what} {value}"] = functools.partial(
                    lambda name, offset, form, value: put(base()[1][name] + offset, form, value),
                    name,
                    offset,
                    form,
                    value,
                )
    for (name, what, kind, offset, form), values in MESSAGES.items():
        for value in values:
            found[f"{name} {what} {shown.get(value, value)}"] = functools.partial(said, name, kind, offset, form, value)
    for (what, offset, form), values in CHUNK_KEYS.items():
        for value in values:
            found[f"chunk {what} {shown.get(value, value)}"] = functools.partial(
                lambda offset, form, value: at(b"TREE\1", offset, form, value), offset, form, value
            )
    return found


def shared_bytes() -> bytes:
    """Two arrays that claim the same bytes."""
    first = struct.unpack_from("<Q", base()[0], message("g/a00", 0x08) + 2)[0]
    return said("g/a01", 0x08, 2, "Q", first)


def half_shared_bytes() -> bytes:
    first = struct.unpack_from("<Q", base()[0], message("g/a00", 0x08) + 2)[0]
    return said("g/a01", 0x08, 2, "Q", first + 4)


def continued_in_itself() -> bytes:
    place = base()[1]["g/a01"]
    data = bytearray(base()[0])
    struct.pack_into("<HHB3xQQ", data, place + 16, 0x10, 16, 0, place + 16, 64)
    return bytes(data)


def ladder(count: int, libver: str | None = None) -> bytes:
    """Each group holds the next one twice: 2**count paths."""

    def fill(file: h5py.File) -> None:
        group = file.create_group("g")
        for _ in range(count):
            below = group.create_group("a")
            group["b"] = below
            group = below

    return by_h5py(fill, libver=libver)


def bomb(**options: Any) -> bytes:
    def fill(file: h5py.File) -> None:
        data = file.create_dataset("x", (64 << 20,), "u1", chunks=(10 << 20,), **options)
        data[...] = np.zeros(64 << 20, "u1")

    return by_h5py(fill)


def of_type(kind: h5py.h5t.TypeID, shape: tuple[int, ...] = (2,)) -> bytes:
    return by_h5py(lambda file: h5py.h5d.create(file.id, b"x", kind, h5py.h5s.create_simple(shape)) and None)


TYPES = {
    "objects as text": h5py.string_dtype(),
    "fixed text": np.dtype("S8"),
    "lists": h5py.vlen_dtype(np.int32),
    "lists of text": h5py.vlen_dtype(h5py.string_dtype()),
    "references": h5py.ref_dtype,
    "references to regions": h5py.regionref_dtype,
    "compounds": np.dtype([("a", "f4"), ("b", "S3")]),
    "nested compounds": np.dtype([("a", [("b", [("c", "f4")])])]),
    "complex": np.dtype("c16"),
    "opaque of 2 bytes": np.dtype("V2"),
    "opaque of a megabyte": np.dtype("V1000000"),
    "enumeration": h5py.enum_dtype({"A": 0, "B": 1, "C": 2}),
    "false truth values": h5py.enum_dtype({"FALSE": 1, "TRUE": 0}, "i1"),
    "dates": h5py.opaque_dtype(np.dtype("M8[us]")),
    "long floats": np.dtype("longdouble"),
}
ATTRIBUTES: dict[str, Callable[[h5py.File], Any]] = {
    "reference": lambda file: file.ref,
    "references": lambda file: np.array([file.ref, file.ref], h5py.ref_dtype),
    "compound": lambda file: np.zeros(3, [("a", "f4")]),
    "table": lambda file: np.zeros((2, 2)),
    "nothing": lambda file: h5py.Empty("f8"),
    "opaque": lambda file: np.void(b"\0" * 40),
    "no UTF-8": lambda file: np.bytes_(b"\xff\xfe\xfd"),
    "complex": lambda file: 1j,
}


def odd_attribute(make: Callable[[h5py.File], Any]) -> bytes:
    return by_h5py(lambda file: file.create_group("g").attrs.__setitem__("a", make(file)))


def named(name: bytes) -> bytes:
    """A group with a name that h5py would not write."""
    holder = b"h" * len(name)
    return by_h5py(lambda file: file.create_group(holder.decode())).replace(holder, name)


def virtual(file: h5py.File, folder: Path) -> None:
    with h5py.File(folder / "other.h5", "w") as other:
        other["x"] = np.ones(4)
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource(folder / "other.h5", "x", (4,))
    file.create_virtual_dataset("v", layout)


MAKERS: dict[str, Callable[[], bytes]] = {
    "soft link": lambda: by_h5py(lambda file: file.__setitem__("s", h5py.SoftLink("/g"))),
    "soft link to nothing": lambda: by_h5py(lambda file: file.__setitem__("s", h5py.SoftLink("/none"))),
    "soft link to itself": lambda: by_h5py(lambda file: file.__setitem__("s", h5py.SoftLink("/s"))),
    "soft link upwards": lambda: by_h5py(lambda file: file.__setitem__("g/s", h5py.SoftLink("/"))),
    "soft link, new form": lambda: by_h5py(lambda file: file.__setitem__("s", h5py.SoftLink("/g")), libver="latest"),
    "external link": lambda: by_h5py(lambda file: file.__setitem__("e", h5py.ExternalLink("secret.txt", "/"))),
    "external link to a device": lambda: by_h5py(
        lambda file: file.__setitem__("e", h5py.ExternalLink("/dev/zero", "/"))
    ),
    "external link to the network": lambda: by_h5py(
        lambda file: file.__setitem__("e", h5py.ExternalLink("//host/share/x.h5", "/"))
    ),
    "external link, new form": lambda: by_h5py(
        lambda file: file.__setitem__("e", h5py.ExternalLink("secret.txt", "/")), libver="latest"
    ),
    "hard link twice": lambda: by_h5py(lambda file: file.update({"x": np.ones(3)}) or file.__setitem__("y", file["x"])),
    "hard link in a circle": lambda: by_h5py(lambda file: file.create_group("g").__setitem__("up", file["/"])),
    "hard link to itself": lambda: by_h5py(lambda file: (g := file.create_group("g")).__setitem__("g", g)),
    "hard links in a ladder": lambda: ladder(30),
    "hard links in a ladder, new form": lambda: ladder(30, "latest"),
    "groups too deep": lambda: by_h5py(lambda file: file.create_group("/".join("g" * 400))),
    "giant shape": lambda: by_h5py(lambda file: file.create_dataset("x", (2**40,), "f8")),
    "giant shape in chunks": lambda: by_h5py(lambda file: file.create_dataset("x", (2**40,), "f8", chunks=(2**20,))),
    "giant shape in gzip": lambda: by_h5py(
        lambda file: file.create_dataset("x", (2**30, 2**30), "f8", chunks=(64, 64), compression="gzip")
    ),
    "giant shape with a value": lambda: by_h5py(
        lambda file: file.create_dataset("x", (2**40,), "f8", chunks=(64,), fillvalue=3.0)[:64].sum() and None
    ),
    "giant and empty": lambda: of_type(h5py.h5t.IEEE_F32LE, (0, 2**40, 2**40)),
    "giant shape that wraps": lambda: of_type(h5py.h5t.IEEE_F32LE, (2**32, 2**29)),
    "giant chunk": lambda: by_h5py(
        lambda file: file.create_dataset("x", (4,), "u1", chunks=(2**31,), maxshape=(None,), compression="gzip")
    ),
    "bomb gzip": lambda: bomb(compression="gzip", compression_opts=9),
    "bomb lzf": lambda: bomb(compression="lzf"),
    "bomb shuffled": lambda: bomb(compression="gzip", shuffle=True, fletcher32=True),
    "missing chunks": lambda: by_h5py(
        lambda file: file.create_dataset("x", (100,), "f4", chunks=(10,)).__setitem__(slice(0, 50), 1)
    ),
    "never written": lambda: by_h5py(lambda file: file.create_dataset("x", (100,), "f4")),
    "filter scaleoffset": lambda: by_h5py(
        lambda file: file.create_dataset("x", data=np.ones(100), chunks=(10,), scaleoffset=2)
    ),
    "named type": lambda: by_h5py(lambda file: file.__setitem__("t", np.dtype("f4"))),
    "array of a named type": lambda: by_h5py(
        lambda file: file.__setitem__("t", np.dtype("f4")) or file.create_dataset("x", data=np.ones(2), dtype=file["t"])
    ),
    "bit field": lambda: of_type(h5py.h5t.STD_B8LE),
    "array of arrays": lambda: of_type(h5py.h5t.array_create(h5py.h5t.IEEE_F32LE, (3,))),
    **{
        f"type {name}": functools.partial(lambda kind: by_h5py(lambda file: file.create_dataset("x", (2,), kind)), kind)
        for name, kind in TYPES.items()
    },
    **{f"attribute {name}": functools.partial(odd_attribute, make) for name, make in ATTRIBUTES.items()},
    **{
        f"name {name!r}": functools.partial(named, name)
        for name in (b".", b"..", b"a/b", b"/a", b"a\nb", b"\x1b[31m", b"\xff\xfe", b"x" * 2000, b"\xe2\x80\xaeab")
    },
    "user block": lambda: by_h5py(lambda file: file.create_group("g"), userblock_size=512),
    "new form, many members": lambda: by_h5py(
        lambda file: [file.create_group(f"g{n}") for n in range(50)], libver="latest"
    ),
    "new form, many attributes": lambda: by_h5py(
        lambda file: [file.attrs.__setitem__(f"a{n}", n) for n in range(50)], libver="latest"
    ),
    "new form, chunks": lambda: by_h5py(
        lambda file: file.create_dataset("x", data=np.ones(100), chunks=(10,)), libver="latest"
    ),
    "still open": lambda: (data := by_h5py(lambda file: None, libver="latest"))[:11] + b"\1" + data[12:],
    "shared bytes": shared_bytes,
    "half shared bytes": half_shared_bytes,
    "continued in itself": continued_in_itself,
    "false checksum": lambda: base()[0] + b"lamina sha256 " + b"0" * 64 + b"\n",
    "bytes behind": lambda: base()[0] + b"x",
    "cut": lambda: base()[0][:-1],
    "half": lambda: base()[0][: len(base()[0]) // 2],
    "only a signature": lambda: b"\x89HDF\r\n\x1a\n",
    "signature and zeros": lambda: b"\x89HDF\r\n\x1a\n" + bytes(1000),
    "signature and ones": lambda: b"\x89HDF\r\n\x1a\n" + b"\xff" * 1000,
    "HDF4": lambda: b"\x0e\x03\x13\x01" + bytes(200),
    "zip": lambda: b"PK\3\4" + bytes(200),
    "pickle": lambda: b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    "nothing": lambda: b"",
    **changed_fields(),
}
ITEMS = [
    *((f"hdf5/{name[:60]}", as_file(make, NAME)) for name, make in MAKERS.items()),
    (
        "hdf5/external storage",
        in_folder(
            lambda file, folder: file.create_dataset("x", (15,), "u1", external=[(folder / "secret.txt", 0, 15)])
        ),
    ),
    (
        "hdf5/external storage of a device",
        in_folder(lambda file, folder: file.create_dataset("x", (15,), "u1", external=[("/dev/zero", 0, 15)])),
    ),
    ("hdf5/virtual array", in_folder(virtual)),
    (
        "hdf5/external link to a file",
        in_folder(lambda f, folder: f.__setitem__("e", h5py.ExternalLink(folder / NAME, "/"))),
    ),
]
CONTROLS = [
    (f"hdf5/{name}", as_file(make, "control.h5"))
    for name, make in {
        "base": lambda: base()[0],
        "empty": lambda: by_h5py(lambda file: None),
        "new form": lambda: by_h5py(lambda file: file.update({"g/x": np.ones(3), "y": np.ones(2)}), libver="latest"),
        "filters": lambda: by_h5py(
            lambda file: file.create_dataset(
                "x",
                data=np.random.default_rng(0).normal(size=(50, 50)),
                compression="gzip",
                shuffle=True,
                fletcher32=True,
            )
        ),
    }.items()
]
