"""Saving on a disk that fails, is full, or loses its power: the old file or the new one, and nothing beside it."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lamina.core.errors import FileError
from lamina.files import Archive, Hdf5Reader, open_file, writing
from tests.faults.saves import SAVES, assert_whole_archive, save_archive

OLD = b"the old file"


# --- a disk that is watched


class WatchedFile(io.FileIO):
    """A file whose calls are noted, and one of which may fail."""

    def __init__(self, disk: WatchedDisk, descriptor: int) -> None:
        self.disk = disk
        super().__init__(descriptor, "r+b")

    def write(self, data: Any) -> int:
        self.disk.note("write", self.tell(), bytes(data))
        return super().write(data)

    def truncate(self, size: int | None = None) -> int:
        self.disk.note("truncate", self.tell() if size is None else size)
        return super().truncate(size)


class WatchedDisk:
    """Stands between `replacing` and the system: notes each operation, and lets the n-th fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.operations: list[tuple[Any, ...]] = []
        self.fail_at, self.fault = -1, OSError(errno.ENOSPC, "No space left on device")
        self.failed = False
        system = {name: getattr(os, name) for name in ("open", "replace")}
        self.parts: set[int] = set()

        def opened(path: Any, flags: int, mode: int = 0o777) -> int:
            self.note("create" if flags & os.O_CREAT else "open folder")
            descriptor = system["open"](path, flags, mode)
            (self.parts.add if flags & os.O_CREAT else self.parts.discard)(descriptor)
            return descriptor

        def synced(descriptor: int) -> None:
            self.note("fsync" if descriptor in self.parts else "fsync folder")  # and no more: it takes time

        def replaced(source: Any, target: Any) -> None:
            self.note("rename")
            system["replace"](source, target)

        monkeypatch.setattr(writing.os, "open", opened)
        monkeypatch.setattr(writing.os, "fsync", synced)
        monkeypatch.setattr(writing.os, "replace", replaced)
        monkeypatch.setattr(
            writing, "open", lambda descriptor, mode: io.BufferedRandom(WatchedFile(self, descriptor)), raising=False
        )

    def note(self, *operation: Any) -> None:
        if len(self.operations) == self.fail_at or (self.failed and operation[0] in ("write", "truncate")):
            self.failed = True  # a full disk stays full
            self.operations.append(("failed", *operation))
            raise self.fault
        self.operations.append(operation)


def operations_of(save: Callable[[Path], None], path: Path) -> list[tuple[Any, ...]]:
    with pytest.MonkeyPatch.context() as patch:
        disk = WatchedDisk(patch)
        save(path)
        return disk.operations


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("name", SAVES)
def test_a_fault_at_every_operation(tmp_path, name, fault):
    """The old file is whole unless the new one is, no other file is left, and the error names the target."""
    target = tmp_path / "m.keras"
    target.write_bytes(OLD)
    operations = operations_of(SAVES[name], target)
    new = target.read_bytes()
    renamed = next(number for number, operation in enumerate(operations) if operation[0] == "rename")
    assert len(operations) > 20
    for number in range(len(operations)):
        target.write_bytes(OLD)
        with pytest.MonkeyPatch.context() as patch:
            disk = WatchedDisk(patch)
            disk.fail_at, disk.fault = number, OSError(fault, os.strerror(fault))
            with pytest.raises(OSError, match=os.strerror(fault)) as caught:
                SAVES[name](target)
        assert (caught.value.errno, caught.value.filename) == (fault, str(target))
        assert target.read_bytes() == (OLD if number <= renamed else new)
        assert os.listdir(tmp_path) == ["m.keras"]


@pytest.mark.parametrize("name", SAVES)
def test_ctrl_c_at_every_operation(tmp_path, name):
    target = tmp_path / "m.keras"
    target.write_bytes(OLD)
    operations = operations_of(SAVES[name], target)
    new = target.read_bytes()
    renamed = next(number for number, operation in enumerate(operations) if operation[0] == "rename")
    for number in range(len(operations)):
        target.write_bytes(OLD)
        with pytest.MonkeyPatch.context() as patch:
            disk = WatchedDisk(patch)
            disk.fail_at, disk.fault = number, KeyboardInterrupt()  # type: ignore[assignment]
            with pytest.raises(KeyboardInterrupt):
                SAVES[name](target)
        assert target.read_bytes() == (OLD if number <= renamed else new)
        assert os.listdir(tmp_path) == ["m.keras"]


# --- power cuts


def after_a_cut(operations: list[tuple[Any, ...]], rng: random.Random | None, *, renamed: bool) -> bytes:
    """What lies at the target when the power goes after these operations.

    Writes that no fsync followed may be on the disk or not: none of them (without `rng`), or any. A rename may be on
    the disk before the folder's fsync or not (`renamed`); after it, it is.
    """
    kinds = [operation[0] for operation in operations]
    if "rename" not in kinds or not (renamed or "fsync folder" in kinds[kinds.index("rename") :]):
        return OLD
    synced = max((number for number, kind in enumerate(kinds) if kind == "fsync"), default=-1)
    disk = bytearray()
    for number, (kind, *arguments) in enumerate(operations):
        if kind in ("write", "truncate") and (number < synced or (rng is not None and rng.random() < 0.5)):
            apply(disk, kind, arguments)
    return bytes(disk)


def apply(disk: bytearray, kind: str, arguments: list[Any]) -> None:
    if kind == "truncate":
        size = arguments[0]
        disk[size:] = b""
        disk += bytes(size - len(disk))
    else:
        place, data = arguments
        disk += bytes(max(0, place - len(disk)))
        disk[place : place + len(data)] = data


def test_every_power_cut_leaves_the_old_or_the_new_file(tmp_path):
    target = tmp_path / "m.keras"
    target.write_bytes(OLD)
    operations = operations_of(lambda path: save_archive(path, arrays=60), target)
    new = target.read_bytes()
    states = olds = news = 0
    rng = random.Random(0)
    for length in range(len(operations) + 1):
        for chance in (None, rng, rng):
            for renamed in (False, True):
                found = after_a_cut(operations[:length], chance, renamed=renamed)
                assert found in (OLD, new)
                states, olds, news = states + 1, olds + (found == OLD), news + (found == new)
    assert states >= 500
    assert min(olds, news) > 0
    assert after_a_cut(operations, None, renamed=False) == new  # before the save was reported


@pytest.mark.parametrize("left_out", ["fsync", "fsync folder"])
def test_a_missing_fsync_would_be_found(tmp_path, left_out):
    """The test above can fail: without an fsync, some power cut leaves neither file, or loses one that was reported."""
    target = tmp_path / "m.keras"
    operations = [operation for operation in operations_of(save_archive, target) if operation[0] != left_out]
    new = target.read_bytes()
    found = {after_a_cut(operations[:length], None, renamed=True) for length in range(len(operations) + 1)}
    at_the_end = after_a_cut(operations, None, renamed=False)
    assert found - {OLD, new} or at_the_end != new


def test_the_order_of_operations(tmp_path):
    kinds = [operation[0] for operation in operations_of(save_archive, tmp_path / "m.keras")]
    assert kinds[0] == "create"
    assert kinds[-4:] == ["fsync", "rename", "open folder", "fsync folder"]
    assert {"write"} <= set(kinds[1:-4]) <= {"write", "truncate"}


# --- real limits, real signals, real processes

_SCRIPT = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from tests.faults.saves import save_archive
    {before}
    while True:
        save_archive(Path(sys.argv[1]))
        print("saved", flush=True)
    """
)
_LIMIT = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))
"""


def saving_process(target: Path, before: str = "") -> subprocess.Popen[str]:
    """A process that saves again and again."""
    return subprocess.Popen(
        [sys.executable, "-c", _SCRIPT.format(before=before), str(target)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.parametrize("limit", [0, 1000, 50_000])
def test_a_limit_on_the_size_of_files(tmp_path, limit):
    """As a quota: the system refuses what goes beyond it, in the middle of a write."""
    target = tmp_path / "m.keras"
    target.write_bytes(OLD)
    process = saving_process(target, _LIMIT.format(limit))
    out, err = process.communicate(timeout=300)
    assert out == ""
    assert err.strip().splitlines()[-1] == f"OSError: [Errno 27] File too large: '{target}'"
    assert "Exception ignored" not in err
    assert process.returncode == 1
    assert target.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["m.keras"]


@pytest.mark.parametrize(("stop", "times"), [(signal.SIGKILL, 4), (signal.SIGINT, 3)])
def test_a_process_that_is_stopped_leaves_a_whole_file(tmp_path, stop, times):
    """At random moments of its saves; a Ctrl-C also leaves nothing beside it."""
    target = tmp_path / "m.keras"
    rng = random.Random(0)
    for _ in range(times):
        process = saving_process(target)
        assert process.stdout is not None
        assert process.stdout.readline() == "saved\n"
        time.sleep(rng.random() * 0.1)
        process.send_signal(stop)
        _, err = process.communicate(timeout=300)
        assert_whole_archive(target)
        if stop is signal.SIGINT:
            assert err.strip().splitlines()[-1] == "KeyboardInterrupt"
            assert "Exception ignored" not in err
        else:
            for part in tmp_path.glob(".lamina-*.part"):
                part.unlink()
        assert os.listdir(tmp_path) == ["m.keras"]


def test_readers_while_another_process_saves(tmp_path):
    target = tmp_path / "m.keras"
    process = saving_process(target)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "saved\n"
        for _ in range(100):
            assert_whole_archive(target)
    finally:
        process.kill()
        process.communicate()


# --- damage


@pytest.mark.parametrize("name", ["archive", "weights"])
def test_any_flipped_byte_is_refused(tmp_path, name):
    """Of files as models are saved, 1000 changed bytes each; small files are tested byte by byte with their writers."""
    target = tmp_path / "m.keras"
    SAVES[name](target)
    data = bytearray(target.read_bytes())
    rng = random.Random(0)
    accepted = []
    for _ in range(1000):
        place = rng.randrange(len(data))
        old = data[place]
        data[place] = old ^ rng.randrange(1, 256)
        with contextlib.suppress(FileError):
            read(name, bytes(data))
            accepted.append(place)
        data[place] = old
    assert accepted == []
    read(name, bytes(data))


def read(name: str, data: bytes) -> None:
    with open_file(io.BytesIO(data)) as file:
        if name == "archive":
            Archive(file)
        else:
            Hdf5Reader(file.window(), file.path)
