"""Doors that do what none may do, to see that the judge notices."""

from __future__ import annotations

import ctypes
import os
import random
import subprocess
import time
from pathlib import Path
from typing import NoReturn

import numpy as np

from lamina.core.errors import FileError


def refuse(path: object, reason: str = "refused") -> NoReturn:
    raise FileError(path, "", reason)


def crashes(path: Path) -> None:
    ctypes.string_at(0)


def hangs(path: Path) -> None:
    time.sleep(100)


def writes(path: Path) -> None:
    path.with_name("new").write_bytes(b"x")
    refuse(path)


def reads(path: Path) -> None:
    path.with_name("secret.txt").read_bytes()
    refuse(path)


def makes_a_folder(path: Path) -> None:
    path.with_name("new").mkdir()
    refuse(path)


def runs(path: Path) -> None:
    subprocess.run(["true"], check=True)
    refuse(path)


def changes_state(path: Path) -> None:
    os.environ["HOSTILE"] = str(random.random())
    refuse(path)


def takes_memory(path: Path) -> None:
    np.ones(300 << 20, "u1")
    refuse(path)


def takes_time(path: Path) -> None:
    end = time.process_time() + 2.2
    while time.process_time() < end:
        pass
    refuse(path)


class Unchecked(FileError):
    """An error whose message is what it is given."""

    def __init__(self, path: object, message: str) -> None:
        super().__init__(path, "", "")
        self.args = (message,)


def says(message: str) -> NoReturn:
    raise Unchecked("hostile.bin", message)


def raises(path: Path) -> None:
    raise KeyError("x")


DOORS = {
    "good": refuse,
    "accepts": lambda path: None,
    "crashes": crashes,
    "exits": lambda path: os._exit(3),
    "hangs": hangs,
    "raises": raises,
    "writes": writes,
    "reads the secret": reads,
    "tells the secret": lambda path: refuse(path, path.with_name("secret.txt").read_text()),
    "makes a folder": makes_a_folder,
    "runs": runs,
    "changes the environment": changes_state,
    "takes memory": takes_memory,
    "takes too much memory": lambda path: np.ones(10 << 30, "u1"),
    "takes time": takes_time,
    "long message": lambda path: says("hostile.bin: " + "x" * 3000),
    "control characters": lambda path: says("hostile.bin: \x1b[31m"),
    "names no file": lambda path: says("something is wrong"),
}
