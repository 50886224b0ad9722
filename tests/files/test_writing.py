"""Replacing a file: what is there after an error, an interrupt, or success."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path
from typing import BinaryIO

import pytest

from lamina.files import replacing, writing


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "m.keras"
    path.write_bytes(b"old")
    return path


def fail(stream: BinaryIO, error: BaseException) -> None:
    stream.write(b"half")
    raise error


def assert_only(target: Path, content: bytes) -> None:
    """The target has this content, and nothing lies beside it."""
    assert target.read_bytes() == content
    assert os.listdir(target.parent) == [target.name]


def test_the_new_file_takes_the_place_of_the_old_one_at_the_end(target):
    with replacing(target) as stream:
        stream.write(b"new")
        assert target.read_bytes() == b"old"
        assert len(os.listdir(target.parent)) == 2
    assert_only(target, b"new")
    assert stream.closed


def test_a_new_file_is_made(tmp_path):
    with replacing(str(tmp_path / "new")) as stream:
        stream.write(b"abcdef")
        stream.seek(1)
        assert stream.read(2) == b"bc"
        stream.seek(0)
        stream.write(b"X")
    assert_only(tmp_path / "new", b"Xbcdef")


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, MemoryError, ValueError, RuntimeError])
def test_errors_and_interrupts_leave_the_old_file(target, error):
    with pytest.raises(error), replacing(target) as stream:
        fail(stream, error("stop"))
    assert_only(target, b"old")
    assert stream.closed


def test_an_interrupt_between_the_statements_leaves_the_old_file(target):
    manager = replacing(target)
    manager.__enter__().write(b"half")
    del manager  # as when a Ctrl-C arrives before the block begins
    assert_only(target, b"old")


def test_a_missing_folder_is_not_made(tmp_path):
    path = tmp_path / "none" / "m.keras"
    with pytest.raises(FileNotFoundError, match=r"There is no folder '.*none', make it first: '.*m\.keras'") as caught:
        replacing(path).__enter__()
    assert caught.value.filename == str(path)
    assert os.listdir(tmp_path) == []


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(IsADirectoryError, match="This is a folder, name a file") as caught:
        replacing(tmp_path).__enter__()
    assert caught.value.filename == str(tmp_path)


def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="This is a device or a pipe, name a file"):
        replacing(tmp_path / "pipe").__enter__()
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_file_in_place_of_a_folder_is_named(target):
    with pytest.raises(OSError, match="There is no folder") as caught:
        replacing(target / "m.keras").__enter__()
    assert caught.value.filename == str(target / "m.keras")


def test_of_a_link_the_file_is_replaced(target, tmp_path):
    link = tmp_path / "latest"
    link.symlink_to(target.name)
    with replacing(link) as stream:
        stream.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_link_to_nothing_makes_the_file_that_it_names(tmp_path):
    link = tmp_path / "latest"
    link.symlink_to("later")
    with replacing(link) as stream:
        stream.write(b"new")
    assert (tmp_path / "later").read_bytes() == b"new"


def test_the_mode_is_that_of_the_old_file(target):
    target.chmod(0o640)
    with replacing(target) as stream:
        stream.write(b"new")
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_the_mode_of_a_new_file_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "new"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_stays(target):
    os.chown(target, 1234, 1235)
    with replacing(target) as stream:
        stream.write(b"new")
    assert (target.stat().st_uid, target.stat().st_gid) == (1234, 1235)


def test_the_longest_name_is_written(tmp_path):
    with replacing(tmp_path / ("é" * 127)) as stream:
        stream.write(b"new")
    assert_only(tmp_path / ("é" * 127), b"new")


@pytest.mark.parametrize("fault", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EMFILE])
def test_a_folder_that_cannot_be_written_to(target, monkeypatch, fault):
    def refuse(path, flags, mode=0o777):
        raise OSError(fault, os.strerror(fault), path)

    monkeypatch.setattr(writing.os, "open", refuse)
    with pytest.raises(OSError, match=os.strerror(fault)) as caught:
        replacing(target).__enter__()
    assert (caught.value.errno, caught.value.filename) == (fault, str(target))
    assert type(caught.value) is type(OSError(fault, ""))
    assert_only(target, b"old")


@pytest.mark.parametrize("name", ["fsync", "replace", "fchmod"])
def test_faults_of_the_system_name_the_target(target, monkeypatch, name):
    def fail(*arguments):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(writing.os, name, fail)
    with pytest.raises(OSError, match=r"Input/output error: '.*m\.keras'") as caught, replacing(target) as stream:
        stream.write(b"new")
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(target))
    assert_only(target, b"old")


def test_a_fault_of_another_file_keeps_its_name(target, tmp_path):
    with pytest.raises(FileNotFoundError) as caught, replacing(target):
        (tmp_path / "other").read_bytes()
    assert caught.value.filename == str(tmp_path / "other")


def test_a_fault_without_a_number_names_the_target(target):
    with pytest.raises(OSError, match="HDF5 is unhappy") as caught, replacing(target):
        raise OSError("HDF5 is unhappy")
    assert (caught.value.errno, caught.value.filename) == (errno.EIO, str(target))


def test_writers_at_the_same_time_do_not_meet(target):
    def write(number: int) -> None:
        with replacing(target) as stream:
            for _ in range(50):
                stream.write(bytes([number]) * 1000)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = target.read_bytes()
    assert len(content) == 50_000
    assert len(set(content)) == 1
    assert os.listdir(target.parent) == [target.name]
