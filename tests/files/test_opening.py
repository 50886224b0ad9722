"""Opening: what may be named, what may be opened, and windows on it."""

from __future__ import annotations

import io
import os
import socket
import tempfile
from pathlib import Path

import pytest

from lamina.core.errors import FileError
from lamina.files import open_beside, open_file, to_path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ten.bin"
    path.write_bytes(b"0123456789")
    return path


# --- names


@pytest.mark.parametrize("kind", [str, Path, lambda text: f"file://{text}", lambda text: f"file://localhost{text}"])
def test_a_path_may_be_named_in_these_ways(file, kind):
    assert to_path(kind(str(file))) == file


def test_home_and_percent_signs(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    assert to_path("~/m.keras") == Path("/home/ada/m.keras")
    assert to_path("file:///a%20b/m.keras") == Path("/a b/m.keras")
    assert to_path("a%20b") == Path("a%20b")


@pytest.mark.parametrize("name", ["", "  ", "a\0b"])
def test_no_name_of_a_file(name):
    with pytest.raises(ValueError, match=r"path: expected the name of a file, received '"):
        to_path(name)


@pytest.mark.parametrize("name", [3, None, b"m.keras", ["m.keras"], 1.5])
def test_no_path_at_all(name):
    with pytest.raises(ValueError, match=rf"path: expected a str or pathlib\.Path, received {type(name).__name__}"):
        to_path(name)


@pytest.mark.parametrize("address", ["https://host/m.keras", "s3://b/m.keras", "hf://a/b", "file://host/m.keras"])
def test_other_addresses_say_what_to_do(address):
    with pytest.raises(ValueError, match=r"expected a file of this machine, received '.*'\. Download it first"):
        to_path(address)


def test_a_windows_drive_is_a_path():
    assert str(to_path("C:\\models\\m.keras")) == "C:\\models\\m.keras"


# --- opening


def test_a_file_is_opened_and_closed(file):
    with open_file(file) as opened:
        assert (opened.path, opened.size, opened.handle.read()) == (str(file), 10, b"0123456789")
    assert opened.handle.closed


def test_a_link_that_the_user_names_is_followed(file, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(file)
    with open_file(link) as opened:
        assert opened.handle.read() == b"0123456789"


def test_a_missing_file_is_an_os_error_with_its_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        open_file(tmp_path / "none.keras")
    assert caught.value.filename == str(tmp_path / "none.keras")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(FileError, match=r"it is a folder; expected a file\.") as caught:
        open_file(tmp_path)
    assert (caught.value.code, caught.value.path, caught.value.where) == ("kind", str(tmp_path), "")


def test_a_pipe_that_nobody_writes_to_does_not_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="it is no regular file"):
        open_file(tmp_path / "pipe")


def test_devices_and_sockets_are_refused(monkeypatch):
    with pytest.raises(FileError, match="it is no regular file"):
        open_file("/dev/zero")
    # A short folder of its own: the name of a socket may have 107 bytes.
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/s")
        with pytest.raises(OSError, match="No such device or address"):
            open_file(f"{folder}/s")


def test_a_file_object_is_used_and_stays_open(file):
    with open(file, "rb") as handle, open_file(handle) as opened:
        handle.seek(5)
        assert (opened.path, opened.size) == (str(file), 10)
        opened.close()
        assert opened.window(2, 3).read() == b"234"
    memory = io.BytesIO(b"abc")
    with open_file(memory) as opened:
        assert (opened.path, opened.size) == ("<BytesIO>", 3)
    assert not memory.closed


def test_other_objects_are_refused(file, tmp_path):
    with open(file, encoding="ascii") as text, pytest.raises(ValueError, match="opened for reading bytes"):
        open_file(text)
    with open(tmp_path / "w", "wb") as writable, pytest.raises(ValueError, match="opened for reading bytes"):
        open_file(writable)
    with pytest.raises(ValueError, match="opened for reading bytes"):
        open_file(io.StringIO("x"))
    reader, writer = os.pipe()
    os.close(writer)
    with open(reader, "rb") as pipe, pytest.raises(ValueError, match="expected a seekable file"):
        open_file(pipe)


# --- beside


def test_a_neighbour_is_opened_from_a_file_or_a_folder(file, tmp_path):
    (tmp_path / "other.txt").write_bytes(b"other")
    for known in (file, tmp_path, str(tmp_path)):
        with open_beside(known, "other.txt") as opened:
            assert (opened.handle.read(), opened.path) == (b"other", str(tmp_path / "other.txt"))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../secret", "a/b", "/etc/hostname", "a\\b", "C:x", "a\0b", "a\nb", "./a", "a/"]
)
def test_only_plain_names_are_opened(file, name):
    with pytest.raises(FileError, match="which is no plain name in its folder") as caught:
        open_beside(file, name)
    assert (caught.value.code, caught.value.path) == ("name", str(file))


def test_a_link_beside_is_refused(file, tmp_path):
    (tmp_path / "link").symlink_to(file)
    with pytest.raises(FileError, match=r"link: it is a link; expected a regular file\.") as caught:
        open_beside(file, "link")
    assert caught.value.code == "link"


def test_a_folder_or_nothing_beside(file, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError, match="it is a folder"):
        open_beside(file, "folder")
    with pytest.raises(FileNotFoundError) as caught:
        open_beside(file, "none")
    assert caught.value.filename == str(tmp_path / "none")


def test_what_was_opened_is_what_is_read(file, tmp_path):
    with open_file(file) as opened:
        (tmp_path / "new").write_bytes(b"other bytes")
        os.replace(tmp_path / "new", file)
        assert opened.window().read() == b"0123456789"


# --- windows


def test_a_window_is_a_file_of_its_own(file):
    with open_file(file) as opened:
        window = opened.window(2, 5)
        assert window.read() == b"23456"
        assert window.read() == b""
        assert (window.seek(-2, os.SEEK_END), window.read(1), window.tell()) == (3, b"5", 4)
        assert (window.seek(1), window.seek(1, os.SEEK_CUR), window.read()) == (1, 2, b"456")
        buffer = bytearray(9)
        window.seek(0)
        assert (window.readinto(buffer), bytes(buffer)) == (5, b"23456\0\0\0\0")
        assert window.seek(100) == 100
        assert window.read() == b""
        with pytest.raises(ValueError, match="expected a place from 0 on, received -1"):
            window.seek(-1)


def test_two_windows_do_not_disturb_each_other(file):
    with open_file(file) as opened:
        first, second = opened.window(0, 5), opened.window(5, 5)
        assert [first.read(2), second.read(2), first.read(2), second.read(2)] == [b"01", b"56", b"23", b"78"]


@pytest.mark.parametrize(("start", "length"), [(0, 11), (11, 0), (-1, 2), (3, -1), (2**70, 1)])
def test_windows_beyond_the_file_are_refused(file, start, length):
    with open_file(file) as opened, pytest.raises(FileError, match="are not in the file, which has 10"):
        opened.window(start, length)
