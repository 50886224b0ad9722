"""Reading archives: those of Python's zipfile are accepted, those that contradict themselves are not."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib

import numpy as np
import pytest

from lamina.core.errors import FileError
from lamina.files import Archive, open_file
from lamina.files.archive.directory import MAX_MEMBERS
from tests.files.archive.helpers import FILES, changed, nth, opened, zipped

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]
CENTRAL, LOCAL, END = b"PK\1\2", b"PK\3\4", b"PK\5\6"


class Unseekable(io.RawIOBase):
    """A file that can only be written to from the beginning to the end, as a pipe."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.data += data
        return len(data)


def check_contents(archive: Archive, files: dict[str, bytes]) -> None:
    assert archive.names == list(files)
    for name, data in files.items():
        assert name in archive
        assert archive.size(name) == len(data)
        assert archive.read(name, len(data)) == data
        view = archive.view(name)
        assert view.read() == data
        view.seek(-1, os.SEEK_END)
        assert view.read() == data[-1:]
        buffer = bytearray(5)
        view.seek(1)
        assert bytes(buffer[: view.readinto(buffer)]) == data[1:6]


# --- accepted


@pytest.mark.parametrize("method", METHODS)
def test_archives_of_pythons_zipfile_are_read(method):
    check_contents(opened(zipped(method=method)), FILES)


@pytest.mark.parametrize("level", [0, 1, 6, 9])
def test_every_level_of_compression_is_read(level):
    rng = np.random.default_rng(level)
    files = {
        "noise": rng.bytes(1_100_000),
        "text": b"".join(b"%d " % n for n in rng.integers(0, 999, 300_000)),
        "zeros": bytes(2_000_000),
    }
    check_contents(opened(zipped(files, zipfile.ZIP_DEFLATED, compresslevel=level)), files)


@pytest.mark.parametrize("method", METHODS)
def test_archives_written_into_a_pipe_are_read(method):
    """Their sizes follow the members instead of preceding them."""
    pipe = Unseekable()
    with zipfile.ZipFile(pipe, "w", method) as archive:
        for name, data in FILES.items():
            archive.writestr(name, data)
        with archive.open("wide", "w", force_zip64=True) as member:
            member.write(b"wide")
    check_contents(opened(bytes(pipe.data)), FILES | {"wide": b"wide"})


def test_archives_with_64_bit_sizes_are_read():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in FILES.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(data)
    check_contents(opened(stream.getvalue()), FILES)


def test_an_archive_with_a_64_bit_directory_is_read(monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    data = zipped()
    assert b"PK\6\6" in data
    check_contents(opened(data), FILES)


def test_folders_are_left_out():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.mkdir("assets")
        archive.writestr("assets/a", b"1")
    check_contents(opened(stream.getvalue()), {"assets/a": b"1"})


def test_files_from_the_disk_are_read(tmp_path):
    (tmp_path / "x").write_bytes(b"content")
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.write(tmp_path / "x", "assets/x")
    with open_file(tmp_path / "z") as file:
        check_contents(Archive(file), {"assets/x": b"content"})


def test_an_empty_archive_has_no_members():
    archive = opened(zipped({}))
    assert archive.names == []
    with pytest.raises(
        FileError, match=r"m\.keras: config\.json: there is no such member; there are: none\."
    ) as caught:
        archive.read("config.json", 10)
    assert (caught.value.code, caught.value.where) == ("missing", "config.json")


def test_names_in_other_scripts_are_read():
    check_contents(opened(zipped({"Wörter/中文.txt": b"1"})), {"Wörter/中文.txt": b"1"})


def test_the_bytes_of_a_stored_member_are_not_copied(tmp_path):
    (tmp_path / "z").write_bytes(zipped({"big": bytes(1000)}))
    with open_file(tmp_path / "z") as file:
        assert not isinstance(Archive(file).view("big"), io.BytesIO)


# --- refused


def _use(data: bytes, name: str | None, view: bool) -> None:
    archive = opened(data)
    if name is not None:
        archive.view(name) if view else archive.read(name, 10**9)


def refusal(data: bytes, name: str | None = None, *, view: bool = False) -> FileError:
    """The error for an archive, or for a member of it."""
    with pytest.raises(FileError) as caught:
        _use(data, name, view)
    assert caught.value.path == "m.keras"
    return caught.value


@pytest.mark.parametrize("data", [b"", b"x", b"PK\5\6", b"not an archive" * 10, zipped()[:-1], zipped()[:-22]])
def test_no_archive(data):
    error = refusal(data)
    assert str(error).startswith("m.keras: it is no zip archive, or its end is missing. If it was copied or downloaded")
    assert error.code == "signature"


@pytest.mark.parametrize("tail", [b"\0", b"\n", b"x" * 1000, zipped({})])
def test_bytes_after_the_end(tail):
    error = refusal(zipped() + tail)
    assert error.code in ("comment", "layout")


def test_a_comment():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.comment = b"hello"
    assert "it has a comment, or bytes follow its end" in str(refusal(stream.getvalue()))


def test_a_comment_of_a_member():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("a")
        info.comment = b"hello"
        archive.writestr(info, b"")
    error = refusal(stream.getvalue())
    assert ("it has a comment, or lies in another file" in str(error), error.where) == (True, "a")


@pytest.mark.parametrize("head", [b"\0", b"#!/bin/sh\n", b"x" * 1000])
def test_bytes_in_front(head):
    """As in self-extracting archives, which zipfile reads."""
    assert refusal(head + zipped()).code == "layout"


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("../secret", "the part '..'"),
        ("assets/../../secret", "the part '..'"),
        ("/etc/passwd", "the slash at its beginning"),
        ("a//b", "the part ''"),
        ("./a", "the part '.'"),
        ("a/.", "the part '.'"),
        ("..\\secret", "a backslash, a colon or a control character"),
        ("C:secret", "a backslash, a colon or a control character"),
        ("a\nb", "a backslash, a colon or a control character"),
        ("\x1b[31m", "a backslash, a colon or a control character"),
        ("\u202e", "a backslash, a colon or a control character"),
        ("x" * 1025, "its length (1 to 1024 bytes)"),
        ("", "its length (1 to 1024 bytes)"),
    ],
)
def test_names_that_lead_elsewhere(name, fault):
    # A placeholder of the same length, because zipfile cleans names itself.
    holder = "h" * len(name.encode())
    flag = [] if name.isascii() else [6, 8]
    data = zipped({holder: b"x"}).replace(holder.encode(), name.encode()) if name else _without_name()
    for offset in flag:
        place = nth(data, LOCAL if offset == 6 else CENTRAL)
        data = changed(data, place + offset, b"\0\x08")
    error = refusal(data)
    assert f"expected a plain relative name; wrong is {fault}" in str(error)
    assert error.code == "name"
    assert str(error).isprintable()


def _without_name() -> bytes:
    data = zipped({"h": b"x"}).replace(b"h", b"")
    data = changed(data, nth(data, LOCAL) + 26, b"\0\0")
    data = changed(data, nth(data, CENTRAL) + 28, b"\0\0")
    data = changed(data, -10, struct.pack("<LL", 46, 31))
    return data


def test_a_name_in_no_encoding():
    data = zipped({"hh": b"x"}).replace(b"hh", b"\xff\xfe")
    assert "its name is no text in the declared encoding" in str(refusal(data))


def test_two_members_of_one_name():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("config.json", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("config.json", b"2")
    error = refusal(stream.getvalue())
    assert "two members have this name" in str(error)
    assert (error.code, error.where) == ("duplicate", "config.json")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK, stat.S_IFDIR])
@pytest.mark.parametrize("system", [3, 0])
def test_links_and_devices(kind, system):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.create_system, info.external_attr = system, (kind | 0o777) << 16
        archive.writestr(info, b"/etc/passwd")
    error = refusal(stream.getvalue())
    assert "it is no regular file, but a link or a device" in str(error)
    assert (error.code, error.where) == ("link", "link")


@pytest.mark.parametrize("bit", [0x0001, 0x0040, 0x2000])
def test_encrypted_members(bit):
    data = zipped({"a": b"x"})
    flags = struct.pack("<H", bit)
    data = changed(changed(data, nth(data, LOCAL) + 6, flags), nth(data, CENTRAL) + 8, flags)
    error = refusal(data)
    assert ("it is encrypted" in str(error), error.code) == (True, "encrypted")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions(method):
    error = refusal(zipped(method=method))
    assert f"expected a stored or deflated member, received method {method}" in str(error)
    assert error.code == "compression"


def test_unknown_flags():
    data = zipped({"a": b"x"})
    data = changed(changed(data, nth(data, LOCAL) + 6, b"\x20\0"), nth(data, CENTRAL) + 8, b"\x20\0")
    assert "received method 0, flags 0x20" in str(refusal(data))


@pytest.mark.parametrize("method", METHODS)
def test_a_wrong_checksum(method):
    data = zipped({"a": b"content" * 10}, method)
    wrong = struct.pack("<L", zlib.crc32(b"other"))
    data = changed(changed(data, nth(data, LOCAL) + 14, wrong), nth(data, CENTRAL) + 16, wrong)
    for view in (False, True):
        error = refusal(data, "a", view=view)
        assert "its checksum (CRC) does not fit its bytes; it was damaged or changed" in str(error)
        assert (error.code, error.where) == ("checksum", "a")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [0, 69, 71, 10_000])
def test_a_wrong_size(method, size):
    """Both headers say the same; only the bytes know better."""
    data = zipped({"a": b"content" * 10}, method)
    wrong = struct.pack("<L", size)
    data = changed(changed(data, nth(data, LOCAL) + 22, wrong), nth(data, CENTRAL) + 24, wrong)
    error = refusal(data, "a")
    assert error.code in ("size", "contradiction", "ratio")


def test_broken_deflate():
    data = zipped({"a": b"content" * 1000}, zipfile.ZIP_DEFLATED)
    error = refusal(changed(data, 31, b"\xff\xff\xff"), "a")
    assert ("its packed bytes are broken" in str(error), error.code) == (True, "packed")


def test_deflate_that_ends_early():
    inner = zlib.compressobj(wbits=-15)
    packed = inner.compress(b"ab") + inner.flush()
    data = zipped({"a": packed + b"rest"})
    for place, value in ((8, 8), (10, 8)):
        data = changed(data, nth(data, LOCAL if place == 8 else CENTRAL) + place, struct.pack("<H", value))
    for sign, place in ((LOCAL, 14), (CENTRAL, 16)):
        data = changed(data, nth(data, sign) + place, struct.pack("<L", zlib.crc32(b"ab")))
        data = changed(data, nth(data, sign) + place + 8, struct.pack("<L", 2))
    error = refusal(data, "a")
    assert "its packed bytes do not end where the archive says" in str(error)


def test_a_bomb_by_ratio():
    data = zipped({"a": bytes(10_000_000)}, zipfile.ZIP_DEFLATED)
    error = refusal(data)
    assert "its members unpack to 10000000 bytes, more than 64 times the file's" in str(error)
    assert error.code == "ratio"
    assert str(error).endswith("If it is yours, pack it again without compression.")


def test_a_bomb_that_hides_its_size():
    data = zipped({"a": bytes(10_000_000), "b": bytes(1000)}, zipfile.ZIP_DEFLATED)
    wrong = struct.pack("<L", 1000)
    data = changed(changed(data, nth(data, LOCAL) + 22, wrong), nth(data, CENTRAL) + 24, wrong)
    error = refusal(data, "a")
    assert "it unpacks to more than the declared 1000 bytes" in str(error)


def test_a_limit_is_checked_before_unpacking():
    archive = opened(zipped(method=zipfile.ZIP_DEFLATED))
    with pytest.raises(FileError, match=r"config\.json: 1000 bytes; at most 999 were expected") as caught:
        archive.read("config.json", 999)
    assert caught.value.code == "size"


@pytest.mark.parametrize("field", ["name", "flags", "method", "crc", "stored", "size"])
def test_headers_that_contradict_each_other(field):
    place, new = {
        "name": (30, b"X"),
        "flags": (6, b"\2\0"),
        "method": (8, b"\x08\0"),
        "crc": (14, b"\1\2\3\4"),
        "stored": (18, b"\x09\0\0\0"),
        "size": (22, b"\x09\0\0\0"),
    }[field]
    data = zipped({"a": b"content"})
    error = refusal(changed(data, place, new))
    assert "its two headers contradict each other" in str(error)
    assert error.code == "contradiction"


def test_members_that_overlap():
    """Two entries of the directory for one member: its bytes would count twice."""
    data = zipped({"aa": b"x" * 1000, "bb": b"y"})
    second = nth(data, CENTRAL, 1)
    data = changed(data, second + 42, struct.pack("<L", 0))
    error = refusal(data)
    assert error.code == "layout"
    assert "belong" in str(error) or "overlaps" in str(error) or "does not end where" in str(error)


def test_a_member_in_a_member():
    """The second entry points to a local header inside of the first member's bytes."""
    inner = zipped({"b": b"y" * 10})
    inner_local = inner[: 31 + 10]
    data = zipped({"a": inner_local, "b": b"y" * 10})
    place = nth(data, CENTRAL, 1)
    data = changed(data, place + 42, struct.pack("<L", 31))
    assert refusal(data).code == "layout"


def test_bytes_between_members():
    data = zipped({"a": b"x", "b": b"y"})
    gap = nth(data, LOCAL, 1)
    data = data[:gap] + b"hidden" + data[gap:]
    data = changed(data, nth(data, CENTRAL, 1) + 42, struct.pack("<L", gap + 6))
    data = changed(data, -6, struct.pack("<L", nth(data, CENTRAL)))
    assert "it does not end where the next member or the directory begins" in str(refusal(data))


@pytest.mark.parametrize("count", [0, 1, 3, 65535])
def test_a_wrong_count(count):
    data = zipped({"a": b"x", "b": b"y"})
    error = refusal(changed(data, -14, struct.pack("<2H", count, count)))
    assert error.code in ("contradiction", "layout", "size")


@pytest.mark.parametrize(("place", "value"), [(-18, 1), (-16, 1), (-14, 1)])
def test_an_archive_in_several_files(place, value):
    error = refusal(changed(zipped({"a": b"x", "b": b"y"}), place, struct.pack("<H", value)))
    assert "it is a part of an archive of several files" in str(error)


@pytest.mark.parametrize(
    ("place", "value"), [(-10, 0), (-10, 1), (-10, 2**32 - 1), (-6, 0), (-6, 10**6), (-6, 2**32 - 1)]
)
def test_a_directory_in_another_place(place, value):
    error = refusal(changed(zipped(), place, struct.pack("<L", value)))
    assert error.code in ("layout", "truncated", "contradiction")


def test_too_many_members():
    data = zipped({str(number): b"" for number in range(MAX_MEMBERS + 1)})
    assert f"at most {MAX_MEMBERS} are read" in str(refusal(data))


@pytest.mark.parametrize("number", range(4))
def test_64_bit_records_that_lie(monkeypatch, number):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 10)
    data = zipped()
    place = nth(data, b"PK\6\6")
    offset, value = [(24, 7), (32, 2**40), (40, 2**63), (48, 1)][number]
    error = refusal(changed(data, place + offset, struct.pack("<Q", value)))
    assert error.code in ("contradiction", "layout", "zip", "truncated")


@pytest.mark.parametrize(
    "sizes", [b"", struct.pack("<Q", 1), struct.pack("<3Q", 1, 1, 1), struct.pack("<2Q", 2**62, 2**62)]
)
def test_64_bit_sizes_that_lie(sizes):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive, archive.open("a", "w", force_zip64=True) as member:
        member.write(b"x")
    data = stream.getvalue()
    extra = struct.pack("<2H", 1, 16) + struct.pack("<2Q", 1, 1)
    assert extra in data
    lie = struct.pack("<2H", 1, len(sizes)) + sizes
    data = data.replace(extra, lie)
    data = changed(data, 28, struct.pack("<H", len(lie)))
    data = changed(data, -6, struct.pack("<L", nth(data, CENTRAL)))
    assert refusal(data).code == "contradiction"


@pytest.mark.parametrize("extra", [b"\1", b"\1\0\x10\0", b"\x99\x99\xff\xff", b"\1\0\0\0" + b"\1\0\0\0" + b"\x07"])
def test_broken_extra_fields(extra):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("a")
        info.extra = b"\x99\x99" + struct.pack("<H", len(extra)) + extra
        archive.writestr(info, b"x")
    data = stream.getvalue().replace(info.extra, extra + info.extra[: len(info.extra) - len(extra)])
    assert refusal(data).code in ("layout", "contradiction")


def test_a_descriptor_that_lies():
    pipe = Unseekable()
    with zipfile.ZipFile(pipe, "w") as archive:
        archive.writestr("a", b"x")
    data = bytes(pipe.data)
    error = refusal(changed(data, nth(data, b"PK\7\10") + 8, b"\7"))
    assert "it does not end where the next member or the directory begins" in str(error)


@pytest.mark.parametrize("length", range(1, 400, 7))
def test_every_truncation(length):
    refusal(zipped()[:length])


def test_a_folder_with_content():
    data = zipped({"ab": b"x"}).replace(b"ab", b"a/")
    assert refusal(changed(data, nth(data, CENTRAL) + 38, b"\0\0\0\0")).code == "contradiction"


def test_a_file_that_is_cut_while_it_is_read(tmp_path):
    (tmp_path / "z").write_bytes(zipped({"a": bytes(100_000)}))
    with open_file(tmp_path / "z") as file:
        archive = Archive(file)
        os.truncate(tmp_path / "z", 50_000)
        with pytest.raises(FileError, match=r"it unpacks to 4.... bytes, but declares 100000"):
            archive.read("a", 10**6)


def test_a_lack_of_memory_is_a_refusal(monkeypatch):
    archive = opened(zipped())
    monkeypatch.setattr(zlib, "crc32", _no_memory)
    with pytest.raises(FileError, match=r"config\.json: there is no memory for its 1000 bytes\.") as caught:
        archive.read("config.json", 1000)
    assert caught.value.code == "memory"


def _no_memory(*arguments):
    raise MemoryError
