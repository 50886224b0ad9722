"""Writing archives: plain zips, the same bytes each time, which notice every change."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from lamina.core.errors import FileError
from lamina.files import Archive, ArchiveWriter, open_file, replacing
from lamina.files.archive import directory, writer
from tests.files.archive.helpers import FILES, opened


def archived(files: dict[str, bytes], *, streamed: bool = False) -> bytes:
    stream = io.BytesIO()
    archive = ArchiveWriter(stream)
    for name, data in files.items():
        if streamed:
            with archive.stream(name) as member:
                member.write(data)
        else:
            archive.add(name, data)
    archive.close()
    return stream.getvalue()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("files", [{}, {"a": b""}, FILES, {"Wörter/中文.txt": b"1"}])
def test_zipfile_reads_what_was_written(files, streamed):
    data = archived(files, streamed=streamed)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files
    ours = opened(data)
    assert {name: ours.read(name, 10_000) for name in ours.names} == files
    assert {name: ours.view(name).read() for name in ours.names} == files


def test_the_comment_is_the_checksum_of_what_precedes_it():
    data = archived(FILES)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.comment == b"lamina sha256 " + hashlib.sha256(data[:-78]).hexdigest().encode()
    assert data.endswith(archive.comment)


def test_the_same_members_give_the_same_bytes():
    assert archived(FILES) == archived(FILES)
    assert archived(FILES, streamed=True) == archived(FILES, streamed=True)


def test_nothing_of_the_machine_is_in_it():
    with zipfile.ZipFile(io.BytesIO(archived(FILES))) as archive:
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.external_attr >> 16 == stat.S_IFREG | 0o644
            assert (info.extra, info.compress_type) == (b"", zipfile.ZIP_STORED)


def test_a_streamed_member_is_a_file():
    stream = io.BytesIO()
    archive = ArchiveWriter(stream)
    archive.add("before", b"b")
    with archive.stream("member") as member:
        assert (member.readable(), member.writable(), member.seekable()) == (True, True, True)
        member.write(b"0123456789")
        assert (member.tell(), member.seek(-4, os.SEEK_END), member.read(2)) == (10, 6, b"67")
        member.write(b"XY")
        member.seek(15)
        member.write(b"end")
        member.seek(0)
        buffer = bytearray(30)
        assert member.readinto(buffer) == 18
        assert buffer[:18] == b"01234567XY\0\0\0\0\0end"
        assert (member.truncate(12), member.seek(0, os.SEEK_END), member.read()) == (12, 12, b"")
        member.flush()
        with pytest.raises(ValueError, match="expected a place from 0 on, received -1"):
            member.seek(-1)
    archive.add("after", b"a")
    archive.close()
    ours = opened(stream.getvalue())
    assert [ours.read(name, 100) for name in ours.names] == [b"b", b"01234567XY\0\0", b"a"]


@pytest.mark.parametrize("name", ["", "../a", "/a", "a\\b", "a\0", "a//b", "C:a", "."])
def test_names_that_would_be_refused_are_not_written(name):
    archive = ArchiveWriter(io.BytesIO())
    with pytest.raises(ValueError, match="archive: expected a plain relative name, received"):
        archive.add(name, b"")
    with pytest.raises(ValueError, match="expected a plain relative name"), archive.stream(name):
        pass


def test_a_name_is_written_once():
    archive = ArchiveWriter(io.BytesIO())
    archive.add("a", b"")
    with pytest.raises(ValueError, match=r"archive: the member 'a' was written already\."):
        archive.add("a", b"")


def test_an_archive_is_written_to_the_disk(tmp_path):
    with replacing(tmp_path / "m.keras") as stream:
        archive = ArchiveWriter(stream)
        for name, data in FILES.items():
            archive.add(name, data)
        archive.close()
    assert (tmp_path / "m.keras").read_bytes() == archived(FILES)


def test_many_members():
    files = {f"assets/{number}": b"%d" % number for number in range(3000)}
    ours = opened(archived(files))
    assert {name: ours.read(name, 10) for name in ours.names} == files


def test_members_beyond_4_gb(tmp_path: Path, monkeypatch):
    """Only sizes and places are tested: the members are holes, and checksums of 9 GB take too long."""
    mark = b"lamina sha256 " + b"0" * 64
    monkeypatch.setattr(writer, "crc_of", lambda *arguments: 1)
    monkeypatch.setattr(writer, "mark_of", lambda *arguments: stream.seek(0, os.SEEK_END) and mark)
    monkeypatch.setattr(directory, "mark_of", lambda *arguments: mark)
    size = 4_500_000_000
    with replacing(tmp_path / "big") as stream:
        archive = ArchiveWriter(stream)
        for name in ("first", "second"):
            with archive.stream(name) as member:
                member.truncate(size)
        archive.add("last", b"x")
        archive.close()
    with zipfile.ZipFile(tmp_path / "big") as theirs:
        found = [(info.filename, info.file_size) for info in theirs.infolist()]
        assert found == [("first", size), ("second", size), ("last", 1)]
        assert theirs.infolist()[2].header_offset > 2 * size
        assert theirs.read("last") == b"x"
    with open_file(tmp_path / "big") as file:
        ours = Archive(file)
        assert [(name, ours.size(name)) for name in ours.names] == found
        assert ours.read("last", 1) == b"x"


@pytest.mark.parametrize("streamed", [False, True])
def test_every_changed_byte_is_refused(streamed):
    data = bytearray(archived({"config.json": b"{}", "assets/Wörter": b"abc"}, streamed=streamed))
    for place, old in enumerate(data):
        for new in (old ^ 1, old ^ 0x20, old ^ 0x80, 255 - old):
            data[place] = new
            with pytest.raises(FileError):
                opened(bytes(data))
        data[place] = old
    opened(bytes(data))


def test_a_changed_byte_is_explained():
    data = archived({"config.json": b"{}"})
    with pytest.raises(FileError) as caught:
        opened(data.replace(b"{}", b"[]"))
    assert str(caught.value) == (
        "m.keras: its checksum (SHA-256) does not fit its bytes; it was damaged or changed. "
        "Take another copy of the file."
    )
    assert caught.value.code == "checksum"


def test_every_truncation_is_refused():
    data = archived({"config.json": b"{}"})
    for length in range(len(data)):
        with pytest.raises(FileError):
            opened(data[:length])
