"""Checkpoints as files, and folders of them: whole or refused, the last good one is never lost."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from lamina.files import ArchiveWriter, FileError, replacing, to_json, writing
from lamina.training.checkpoint import file
from lamina.training.checkpoint.folder import Folder
from lamina.training.checkpoint.plain import Arrays

VALUES = [
    np.arange(6, dtype="float32").reshape(2, 3),
    np.array(7, "int32"),
    np.zeros((0, 2), "float16"),
    np.asarray(jnp.arange(4, dtype="bfloat16")),
    np.array([True, False]),
]


def arrays(number: float = 0.0) -> Arrays:
    found = Arrays()
    for value in (np.full(1000, number), *VALUES):
        found.add(value)
    return found


@pytest.fixture
def folder(tmp_path):
    opened = Folder(tmp_path / "run")
    yield opened
    opened.close()


def names(folder: Folder) -> list[str]:
    return sorted(path.name for path in folder.path.iterdir() if path.name != "lock")


def number_of(folder: Folder) -> int:
    found = folder.newest()
    assert found is not None
    assert (found.arrays[0] == found.document["n"]).all()
    return found.document["n"]


def test_a_file_comes_back_bit_for_bit_and_is_the_same_each_time(tmp_path):
    document = {"n": 1, "text": "é", "nested": {"x": [1, 2.5, None]}}
    file.write(tmp_path / "a", document, VALUES)
    file.write(tmp_path / "b", document, VALUES)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    found, values = file.read(tmp_path / "a")
    assert document.items() <= found.items()
    for value, expected in zip(values, VALUES, strict=True):
        assert (value.dtype, value.shape, value.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())
    with zipfile.ZipFile(tmp_path / "a") as archive:  # a plain zip for anybody else
        assert archive.testzip() is None
        assert archive.read("arrays/0") == VALUES[0].tobytes()


def test_every_flipped_bit_and_every_cut_is_refused(tmp_path):
    file.write(tmp_path / "a", {"n": 1}, VALUES)
    whole = (tmp_path / "a").read_bytes()
    rng = np.random.default_rng(0)
    places = rng.integers(0, len(whole) * 8, 600)
    for place in places:
        broken = bytearray(whole)
        broken[place // 8] ^= 1 << (place % 8)
        (tmp_path / "b").write_bytes(broken)
        with pytest.raises(FileError, match=re.escape(f"{tmp_path / 'b'}: ")):
            file.read(tmp_path / "b")
    for length in {*range(0, len(whole), 13), len(whole) - 1}:
        (tmp_path / "b").write_bytes(whole[:length])
        with pytest.raises(FileError, match=re.escape(f"{tmp_path / 'b'}: ")):
            file.read(tmp_path / "b")


def _made(path: Path, document: Any, members: dict[str, bytes]) -> Path:
    with replacing(path) as handle:
        archive = ArchiveWriter(handle)
        archive.add(file.MEMBER, to_json(document))
        for name, data in members.items():
            archive.add(name, data)
        archive.close()
    return path


def _document(**changes: Any) -> dict[str, Any]:
    return {"kind": "lamina checkpoint", "format": 1, "arrays": [{"dtype": "float32", "shape": [2]}]} | changes


@pytest.mark.parametrize(
    ("document", "members", "text"),
    [
        ([], {}, "checkpoint.json: it is no checkpoint of lamina's."),
        ({"kind": "model"}, {}, "checkpoint.json: it is no checkpoint of lamina's."),
        (_document(format=2), {}, "checkpoint.json: expected format 1, received 2. It was written by a newer lamina"),
        (_document(arrays=None), {}, "its table of arrays does not fit the members of the file"),
        (_document(), {}, "its table of arrays does not fit the members of the file"),
        (_document(), {"arrays/0": bytes(8), "more": b""}, "its table of arrays does not fit the members"),
        (_document(), {"arrays/0": bytes(9)}, "arrays/0: expected 8 bytes for float32 of shape [2], received 9."),
        (_document(arrays=[{"dtype": "object", "shape": [1]}]), {"arrays/0": bytes(8)}, "expected a dtype of numbers"),
        (_document(arrays=[{"dtype": "float32", "shape": [-1]}]), {"arrays/0": bytes(8)}, "and a shape, received"),
        (_document(arrays=[{"dtype": "float32", "shape": 2}]), {"arrays/0": bytes(8)}, "and a shape, received"),
        (
            _document(arrays=[3]),
            {"arrays/0": bytes(8)},
            "arrays/0: expected a dtype of numbers and a shape, received 3.",
        ),
        (_document(arrays=[{"dtype": "float32", "shape": [10**12]}]), {"arrays/0": bytes(8)}, "expected 4000000000000"),
    ],
)
def test_a_file_that_says_something_else_than_it_holds_is_refused(tmp_path, document, members, text):
    with pytest.raises(FileError, match=re.escape(text)):
        file.read(_made(tmp_path / "a", document, members))


# Folders


def test_the_two_newest_are_kept(folder):
    assert folder.newest() is None
    for n in range(5):
        folder.write({"n": n}, arrays(n))
    assert names(folder) == ["checkpoint-000004.lamina", "checkpoint-000005.lamina"]
    assert number_of(folder) == 4


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_newest_one_is_named_and_the_one_before_is_taken(folder, damage):
    for n in range(2):
        path = folder.write({"n": n}, arrays(n))
    _damage(path, damage)
    with pytest.warns(UserWarning, match=rf"is damaged and was left out: {path}: .* goes on from .*000001"):
        assert number_of(folder) == 0
    folder.write({"n": 2}, arrays(2))  # keeps the good one, and the new one
    assert names(folder) == ["checkpoint-000001.lamina", "checkpoint-000003.lamina"]


def _damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes({"flip": data, "cut": data[:-100], "empty": b""}[how])


def test_when_all_are_damaged_nothing_is_deleted_and_the_error_names_them(folder):
    for n in range(2):
        _damage(folder.write({"n": n}, arrays(n)), "flip")
    with pytest.raises(FileError) as caught:
        folder.newest()
    text = str(caught.value)
    assert text.startswith(f"{folder.path}: no checkpoint in it can be read: {folder.path}/checkpoint-000002.lamina: ")
    assert "checkpoint-000001.lamina: its checksum" in text
    assert text.endswith("Delete the folder, or name another one, to start anew.")
    assert names(folder) == ["checkpoint-000001.lamina", "checkpoint-000002.lamina"]


def test_a_newer_format_is_not_fallen_back_from(folder):
    folder.write({"n": 0}, arrays())
    _made(folder.path / "checkpoint-000007.lamina", _document(format=9), {})
    with pytest.raises(FileError, match="expected format 1, received 9"):
        folder.newest()


def test_what_a_killed_process_left_is_removed_and_foreign_files_stay(tmp_path):
    for name in (".checkpoint-000003.lamina.0123456789ab.part", "notes.txt", ".hidden.part", "checkpoint-x.lamina"):
        (tmp_path / name).write_text("x")
    folder = Folder(tmp_path)
    assert names(folder) == [".hidden.part", "checkpoint-x.lamina", "notes.txt"]
    folder.clear()
    folder.close(remove=True)
    assert sorted(os.listdir(tmp_path)) == [".hidden.part", "checkpoint-x.lamina", "notes.txt"]


def test_clear_and_remove_leave_nothing(tmp_path):
    folder = Folder(tmp_path / "a" / "b")
    folder.write({"n": 0}, arrays())
    folder.clear()
    folder.close(remove=True)
    assert os.listdir(tmp_path / "a") == []


# The lock


def test_a_second_user_of_a_folder_is_refused_in_this_process_and_in_another(folder):
    with pytest.raises(RuntimeError, match=rf"the folder '{folder.path}' is in use by another fit of this process"):
        Folder(folder.path)
    code = f"from lamina.training.checkpoint.folder import Folder; Folder({str(folder.path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert f"is in use by process {os.getpid()}. Wait for it to end, or give this run a folder" in done.stderr
    folder.close()
    Folder(folder.path).close()
    assert not (folder.path / "lock").exists()


def test_a_file_in_the_place_of_the_folder_is_an_os_error(tmp_path):
    (tmp_path / "run").write_text("x")
    with pytest.raises(OSError, match="run"):
        Folder(tmp_path / "run")


# Faults of the disk at every call that a save makes


class _Counter:
    """Lets the nth write, sync, rename or removal fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, error: BaseException) -> None:
        self.left, self.error, self.log = number, error, []
        for name in ("fsync", "replace", "unlink"):
            monkeypatch.setattr(os, name, self.counted(name, getattr(os, name)))
        create = writing._create
        monkeypatch.setattr(writing, "_create", lambda *arguments: _Proxy(create(*arguments), self))

    def counted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            self.left -= 1
            self.log.append(name)
            if self.left == 0:
                raise self.error
            return function(*arguments, **more)

        return call


class _Proxy:
    """A file whose writes are counted."""

    def __init__(self, handle: Any, counter: _Counter) -> None:
        self._handle = handle
        self.write = counter.counted("write", handle.write)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS])
def test_a_fault_at_any_call_of_a_save_leaves_the_checkpoints_whole(tmp_path, monkeypatch, code):
    folder = Folder(tmp_path)
    for n in (1, 2):
        folder.write({"n": n}, arrays(n))
    last, unheard = 2, 0
    for call in range(1, 1000):
        more = arrays(2 + call)
        for value in range(20):
            more.add(np.array(value))
        with monkeypatch.context() as patch:
            counter = _Counter(patch, call, OSError(code, os.strerror(code)))
            raised = _error_of(lambda n=2 + call, values=more: folder.write({"n": n}, values))
        assert not [name for name in names(folder) if name.endswith(".part")]
        if raised is None:
            last, unheard = 2 + call, unheard + (counter.left <= 0)
        else:
            assert raised.errno == code
            assert str(folder.path) in str(raised)
        assert number_of(folder) == last or counter.log.count("fsync") == 2  # of the folder, after the rename
        last = number_of(folder)
        if counter.left > 0:
            break
    assert unheard == 1  # the removal of an old one
    assert call > 50
    folder.close()


def _error_of(function: Callable[[], object]) -> OSError | None:
    try:
        function()
    except OSError as error:
        return error
    return None


def test_a_save_syncs_the_file_before_the_rename_and_the_folder_before_it_deletes(tmp_path, monkeypatch):
    folder = Folder(tmp_path)
    for n in (1, 2):
        folder.write({"n": n}, arrays(n))
    counter = _Counter(monkeypatch, 0, RuntimeError())
    folder.write({"n": 3}, arrays(3))
    events = [name for i, name in enumerate(counter.log) if name != "write" or counter.log[i - 1 : i] != ["write"]]
    assert [e for e in events if e != "unlink"] == ["write", "fsync", "replace", "fsync"]
    assert events[-1] == "unlink"
    folder.close()


def test_after_a_power_cut_at_any_byte_the_old_or_the_new_one_is_there(tmp_path):
    """Before the rename only the temporary file differs, whatever of it came to the disk; after it all is synced."""
    folder = Folder(tmp_path / "run")
    folder.write({"n": 1}, arrays(1))
    folder.write({"n": 2}, arrays(2))
    folder.close()
    file.write(tmp_path / "next", {"n": 3}, arrays(3).fetch())
    new = (tmp_path / "next").read_bytes()
    rng = np.random.default_rng(0)
    for state in range(500):
        length = len(new) * state // 500
        torn = bytearray(new[:length])
        for page in rng.integers(0, max(1, length), 2):  # pages that did not come to the disk are zeros
            torn[page : page + 512] = bytes(len(torn[page : page + 512]))
        (tmp_path / "run" / ".checkpoint-000003.lamina.0123456789ab.part").write_bytes(torn)
        folder = Folder(tmp_path / "run")
        assert number_of(folder) == 2
        folder.close()
    (tmp_path / "run" / "checkpoint-000003.lamina").write_bytes(new)
    folder = Folder(tmp_path / "run")
    assert number_of(folder) == 3
    folder.close()
