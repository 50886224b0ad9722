"""Hostile files, made anew by the tests: a list of (name, writer), and what each kind is opened with.

A name is "kind/what it does". A writer gets a folder, in which nothing but `SECRET` lies, and gives the file that is to
be opened. `DOORS[kind]` opens a file and reads all that is in it; each file of `ITEMS` must be refused, each of
`CONTROLS` accepted. New kinds need a module with `ITEMS` and `CONTROLS` here, and a door.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.hostile import hdf5, json_texts, safetensors, zips

Writer = Callable[[Path], Path]

SECRET = "secret.txt"
SECRET_TEXT = "TOP-SECRET-7f3a"


def read_archive(path: Path) -> Any:
    from lamina.files import Archive, open_file

    with open_file(path) as file:
        archive = Archive(file)
        return {name: (archive.read(name, 1 << 28), archive.view(name).read(1)) for name in archive.names}


def read_hdf5(path: Path) -> Any:
    from lamina.files import Hdf5Reader, open_file

    with open_file(path) as file, Hdf5Reader(file.window(), file.path) as reader:
        return {name: reader.read(name) for name in reader.arrays}, reader.groups


def read_json(path: Path) -> Any:
    from lamina.files import open_file, parse_json

    with open_file(path) as file:
        return parse_json(file.handle.read(), file.path, "config.json")


def read_safetensors(path: Path) -> Any:
    from lamina.files import SafetensorsReader, open_file

    with open_file(path) as file:
        reader = SafetensorsReader(file)
        return {name: reader.read(name) for name in reader.arrays}


DOORS: dict[str, Callable[[Path], Any]] = {
    "zip": read_archive,
    "hdf5": read_hdf5,
    "json": read_json,
    "safetensors": read_safetensors,
}
ITEMS: list[tuple[str, Writer]] = [*zips.ITEMS, *hdf5.ITEMS, *json_texts.ITEMS, *safetensors.ITEMS]
CONTROLS: list[tuple[str, Writer]] = [*zips.CONTROLS, *hdf5.CONTROLS, *json_texts.CONTROLS, *safetensors.CONTROLS]
