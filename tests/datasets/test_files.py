"""Where the bytes come from, against a web server on this machine."""

from __future__ import annotations

import errno
import os
import pickle
import socket
import sys
from pathlib import Path

import pytest

from lamina.datasets import DatasetUnavailable, _download
from lamina.datasets._files import DataFile, cache_folder, obtain

from .web import Server, promising, sha256, silent, status, whole

BODY = bytes(range(256)) * 1000


def file_at(*urls: str, hash: str = sha256(BODY)) -> DataFile:
    return DataFile("things", "thing.bin", urls, hash)


def get(*files: DataFile) -> Path:
    return obtain("toy", files, "things/thing.bin")


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_download_arrives_whole_in_the_cache(server: Server, cache: Path):
    path = get(file_at(server.serve("a", whole(BODY))))
    assert path == cache / "things" / "thing.bin"
    assert path.read_bytes() == BODY
    assert files_in(cache) == ["thing.bin"]


def test_second_time_needs_no_network(server: Server, cache: Path):
    url = server.serve("a", whole(BODY))
    assert get(file_at(url)) == get(file_at(url))
    assert server.requests == ["/a"]


def test_lamina_data_comes_before_cache_and_network(server: Server, cache: Path, tmp_path: Path, monkeypatch):
    get(file_at(server.serve("a", whole(BODY))))
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    assert get(file_at()).parent == cache / "things"
    (tmp_path / "mine" / "thing.bin").write_bytes(b"mine")
    assert get(file_at()).read_bytes() == b"mine"
    (tmp_path / "mine" / "things").mkdir()
    (tmp_path / "mine" / "things" / "thing.bin").write_bytes(b"mine, in its folder")
    assert get(file_at()).read_bytes() == b"mine, in its folder"
    assert server.requests == ["/a"]


def test_default_cache_is_in_the_users_cache_folder(monkeypatch):
    monkeypatch.delenv("LAMINA_CACHE", raising=False)
    assert cache_folder().parts[-2:] == ("lamina", "datasets") or sys.platform == "win32"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            whole(BODY[:-1] + b"!"),
            f"wrong checksum, 256,000 bytes with a SHA-256 other than the expected {sha256(BODY)}",
        ),
        (whole(b""), "wrong checksum, 0 bytes"),
        (promising(len(BODY), BODY[:100_000]), "the connection broke off after "),
        (promising(100_000, BODY), "wrong checksum, 100,000 bytes"),
        (promising(None, BODY[:100_000]), "wrong checksum, 100,000 bytes"),
        (status(404), "HTTP 404 Not Found"),
        (status(500), "HTTP 500 Internal Server Error"),
    ],
    ids=["other bytes", "nothing", "cut in mid-body", "short length", "cut without a length", "404", "500"],
)
def test_failed_download_is_named_and_leaves_the_cache_clean(answer, reason, server: Server, cache: Path):
    url = server.serve("a", answer)
    with pytest.raises(DatasetUnavailable) as caught:
        get(file_at(url))
    message = str(caught.value)
    assert message.startswith("toy: found no thing.bin in LAMINA_DATA (not set) nor an intact one in the cache (")
    assert f"{url}: {reason}" in message
    assert message.endswith("or set LAMINA_DATA to a folder that holds things/thing.bin.")
    assert "\n" not in message
    assert files_in(cache) == []
    assert server.requests == ["/a"], "one attempt, no retries"

    server.serve("a", whole(BODY))
    assert get(file_at(url)).read_bytes() == BODY


def test_no_connection_is_named(cache: Path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/a"
    with pytest.raises(DatasetUnavailable, match=rf"{url}: no connection\)"):
        get(file_at(url))


def test_server_that_says_nothing_is_given_up(server: Server, cache: Path, monkeypatch):
    monkeypatch.setattr(_download, "TIMEOUT", (1.0, 0.1))
    with pytest.raises(DatasetUnavailable, match=r"/a: no answer within 0\.1 s\)"):
        get(file_at(server.serve("a", silent(0.3))))
    assert files_in(cache) == []


def test_next_mirror_is_tried(server: Server, cache: Path):
    urls = [
        server.serve("broken", status(500)),
        server.serve("forged", whole(b"forged")),
        server.serve("good", whole(BODY)),
        server.serve("unused", whole(BODY)),
    ]
    assert get(file_at(*urls)).read_bytes() == BODY
    assert server.requests == ["/broken", "/forged", "/good"]


def test_another_form_of_the_data_is_tried(server: Server, cache: Path):
    other = DataFile("things", "other.bin", (server.serve("other", whole(b"other")),), sha256(b"other"))
    path = get(DataFile("things", "never downloaded.bin"), file_at(server.serve("gone", status(404))), other)
    assert path.read_bytes() == b"other"


def test_all_mirrors_are_named(server: Server, cache: Path):
    urls = [server.serve("x", status(404)), server.serve("y", status(500))]
    with pytest.raises(DatasetUnavailable, match=r"/x: HTTP 404 Not Found; .*/y: HTTP 500 Internal Server Error"):
        get(file_at(*urls))


def test_damaged_cache_is_replaced(server: Server, cache: Path):
    path = cache / "things" / "thing.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(BODY[:1000])
    assert get(file_at(server.serve("a", whole(BODY)))).read_bytes() == BODY


def test_damaged_cache_is_not_used_offline(cache: Path):
    path = cache / "things" / "thing.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(BODY[:1000])
    with pytest.raises(DatasetUnavailable, match="nor an intact one in the cache"):
        get(file_at())


def test_cache_folder_that_cannot_be_made_is_named(server: Server, tmp_path: Path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("LAMINA_CACHE", str(tmp_path / "file"))
    monkeypatch.delenv("LAMINA_DATA", raising=False)
    url = server.serve("a", whole(BODY))
    with pytest.raises(DatasetUnavailable) as caught:
        get(file_at(url))
    message = str(caught.value)
    assert message.startswith(f"toy: {url} could not be stored as thing.bin in the cache folder {tmp_path / 'file'}")
    assert os.strerror(errno.ENOTDIR) in message
    assert "set LAMINA_CACHE to a folder with free space that you may write to" in message


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_full_or_unwritable_cache_is_named_and_left_clean(code: int, server: Server, cache: Path, monkeypatch):
    sync = os.fsync

    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    url = server.serve("a", whole(BODY))
    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(DatasetUnavailable) as caught:
        get(file_at(url))
    place = f"{url} could not be stored as thing.bin in the cache folder {cache / 'things'}"
    assert f"{place} ({os.strerror(code)})" in str(caught.value)
    monkeypatch.setattr(os, "fsync", sync)
    assert files_in(cache) == []
    assert get(file_at(url)).read_bytes() == BODY


def test_interrupted_download_leaves_the_cache_clean(server: Server, cache: Path, monkeypatch):
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        get(file_at(server.serve("a", whole(BODY))))
    assert files_in(cache) == []


def test_lamina_data_that_is_no_folder_is_named(cache: Path, monkeypatch):
    monkeypatch.setenv("LAMINA_DATA", "/no/such/folder")
    with pytest.raises(DatasetUnavailable, match=r"in LAMINA_DATA \(/no/such/folder, which is no folder\)"):
        get(file_at())


def test_download_is_silent_without_a_terminal(server: Server, cache: Path, capfd):
    get(file_at(server.serve("a", whole(BODY))))
    assert capfd.readouterr() == ("", "")


def test_download_shows_progress_on_a_terminal(server: Server, cache: Path, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    get(file_at(server.serve("a", whole(BODY))))
    out, err = capsys.readouterr()
    assert out == ""
    assert "thing.bin" in err
    assert "256.0/256.0 kB" in err


def test_error_survives_pickling():
    error = pickle.loads(pickle.dumps(DatasetUnavailable("toy: gone.")))
    assert isinstance(error, DatasetUnavailable)
    assert str(error) == "toy: gone."
