"""Writing HDF5: what h5py reads back, the same bytes each time, faults of the disk."""

from __future__ import annotations

import errno
import hashlib
import io
import re
import subprocess
import sys

import h5py
import ml_dtypes
import numpy as np
import pytest

from lamina.core.errors import FileError
from lamina.files import Hdf5Reader, Hdf5Writer, append_checksum, open_file, replacing, verify_checksum
from tests.files.hdf5.helpers import assert_same_as_h5py, reader


def fill(writer: Hdf5Writer) -> None:
    writer.group("layers/dense", {"name": "dense", "units": 3, "rate": 0.5, "names": ["a", "bcd"], "none": []})
    for number in range(20):
        writer.array(f"layers/dense/vars/{number}", np.arange(number * 3, dtype="f4").reshape(number, 3))
    writer.array("scalar", np.float64(2.5))
    writer.array("truth", np.array([True, False]))
    writer.array("strided", np.arange(12, dtype="i4").reshape(3, 4)[:, ::2].T)
    writer.group("", {"root": "yes"})


def write_all(stream: io.BytesIO, *, checksum: bool = True) -> None:
    writer = Hdf5Writer(stream, checksum=checksum)
    fill(writer)
    writer.close()


def written(*, checksum: bool = False) -> bytes:
    stream = io.BytesIO()
    write_all(stream, checksum=checksum)
    return stream.getvalue()


@pytest.mark.parametrize("checksum", [False, True])
def test_h5py_reads_what_was_written(checksum):
    ours = assert_same_as_h5py(written(checksum=checksum))
    with h5py.File(io.BytesIO(written(checksum=checksum)), "r") as file:
        assert file["layers/dense"].attrs["name"] == "dense"
        assert file["layers/dense"].attrs["names"].tolist() == ["a", "bcd"]
        assert file["scalar"][()] == 2.5
        assert file["strided"][...].tolist() == [[0, 4, 8], [2, 6, 10]]
        assert file["scalar"].chunks is None
    assert ours.groups["layers/dense"] == {"name": "dense", "units": 3, "rate": 0.5, "names": ["a", "bcd"], "none": []}
    assert ours.groups[""]["root"] == "yes"


def test_bfloat16_is_marked_as_keras_does():
    stream = io.BytesIO()
    writer = Hdf5Writer(stream)
    value = np.array([1.5, -2], ml_dtypes.bfloat16)
    writer.array("x", value, {"note": "n"})
    writer.close()
    with h5py.File(stream, "r") as file:
        assert dict(file["x"].attrs) == {"dtype": "bfloat16", "note": "n"}
        assert np.array(file["x"], dtype=ml_dtypes.bfloat16).tolist() == [1.5, -2]
    assert reader(stream.getvalue()).read("x").tolist() == [1.5, -2]


ATTRIBUTES = {
    "whole": 3,
    "negative": -(2**63),
    "large": 2**64 - 1,
    "float": 0.5,
    "single": np.float32(0.25),
    "byte": np.uint8(7),
    "truth": True,
    "text": "Wörter",
    "empty": "",
    "long text": "x" * 100_000,
    "texts": ["a", "", "é" * 50],
    "tuple": ("a", "b"),
    "numbers": [1, 2, 3],
    "mixed numbers": [1, 2.5],
    "truths": [True, False],
    "array": np.arange(5, dtype=">i2"),
    "nothing": [],
}


def test_attributes_of_all_kinds():
    stream = io.BytesIO()
    writer = Hdf5Writer(stream)
    writer.group("g", ATTRIBUTES)
    writer.array("x", np.ones(2), ATTRIBUTES)
    writer.close()
    expected = {
        name: value.tolist() if hasattr(value, "tolist") else list(value) if isinstance(value, tuple) else value
        for name, value in ATTRIBUTES.items()
    }
    assert reader(stream.getvalue()).groups["g"] == expected
    with h5py.File(stream, "r") as file:
        for item in (file["g"], file["x"]):
            found = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in item.attrs.items()}
            assert found == expected


def test_attributes_may_be_set_again():
    stream = io.BytesIO()
    writer = Hdf5Writer(stream)
    writer.group("g", {"a": 1, "b": "x"})
    writer.group("g", {"a": "new"})
    writer.close()
    assert reader(stream.getvalue()).groups["g"] == {"a": "new", "b": "x"}


@pytest.mark.parametrize("libver", [None, "latest"])
def test_h5py_can_go_on_writing(tmp_path, libver):
    """What is written here is a file like others: members and attributes can be added, changed and removed."""
    path = tmp_path / "m.h5"
    with replacing(path) as stream:
        writer = Hdf5Writer(stream)
        for number in range(100):
            writer.array(f"g/a{number:02}", np.full(3, number, "f4"), {"note": f"n{number}"})
        writer.group("g/empty", {"text": "x"})
        writer.close()
    with h5py.File(path, "r+", libver=libver) as file:
        for number in range(0, 100, 2):
            del file[f"g/a{number:02}"]
        for number in range(100, 400):
            file[f"g/b{number}"] = np.full(2, number)
        file["g/a01"][...] = -1
        file["g/a03"].attrs["note"] = "changed"
        del file["g/empty"].attrs["text"]
        file["g/empty/now"] = 1
    with h5py.File(path, "r") as file:
        assert len(file["g"]) == 100 - 50 + 1 + 300
        assert file["g/a01"][...].tolist() == [-1, -1, -1]
        assert file["g/a03"].attrs["note"] == "changed"
        assert file["g/a99"].attrs["note"] == "n99"
        assert [file[f"g/b{number}"][0] for number in range(100, 400)] == list(range(100, 400))


@pytest.mark.parametrize("count", [0, 1, 8, 9, 256, 257, 3000])
def test_groups_of_any_size(count):
    stream = io.BytesIO()
    writer = Hdf5Writer(stream)
    writer.group("g")
    for number in range(count):
        writer.array(f"g/member {number} ü", np.int32(number))
    writer.close()
    with h5py.File(stream, "r") as file:
        assert len(file["g"]) == count
        assert all(file[f"g/member {number} ü"][()] == number for number in range(count))
        assert list(file["g"]) == sorted((f"member {number} ü" for number in range(count)), key=str.encode)
    ours = reader(stream.getvalue())
    assert [ours.read(f"g/member {number} ü") for number in range(count)] == list(range(count))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i1", "i2", "i4", "i8", ">i8", "u1", "u2", "u4", "u8", "?"])
def test_types(dtype):
    values = [np.array(3).astype(dtype), np.arange(6).reshape(2, 3).astype(dtype), np.zeros((0, 2), dtype)]
    stream = io.BytesIO()
    writer = Hdf5Writer(stream)
    for number, value in enumerate(values):
        writer.array(str(number), value)
    writer.close()
    assert_same_as_h5py(stream.getvalue())
    with h5py.File(stream, "r") as file:
        for number, value in enumerate(values):
            found = file[str(number)]
            assert (found.dtype, found.shape) == (value.dtype.newbyteorder("<"), value.shape)
            np.testing.assert_array_equal(found[()], value)


def test_the_same_content_gives_the_same_bytes():
    assert written() == written()
    assert written(checksum=True) == written(checksum=True)


def test_the_same_content_gives_the_same_bytes_in_another_process():
    code = (
        "from tests.files.hdf5.test_writer import written; import hashlib; print(hashlib.sha256(written()).hexdigest())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == hashlib.sha256(written()).hexdigest()


# --- the checksum of a file that lies alone


def test_the_checksum_is_a_line_behind_the_end():
    data = written(checksum=True)
    assert data[-79:] == b"lamina sha256 " + hashlib.sha256(data[:-79]).hexdigest().encode() + b"\n"


def test_verify_checksum(tmp_path):
    (tmp_path / "with.h5").write_bytes(written(checksum=True))
    (tmp_path / "without.h5").write_bytes(written())
    (tmp_path / "short.h5").write_bytes(b"x")
    for name, expected in (("with.h5", True), ("without.h5", False), ("short.h5", False)):
        with open_file(tmp_path / name) as file:
            assert verify_checksum(file) is expected


def test_append_checksum_alone():
    stream = io.BytesIO(b"content")
    append_checksum(stream)
    assert stream.getvalue() == b"contentlamina sha256 " + hashlib.sha256(b"content").hexdigest().encode() + b"\n"


def test_every_changed_byte_is_refused():
    stream = io.BytesIO()
    writer = Hdf5Writer(stream, checksum=True)
    writer.array("x", np.arange(3, dtype="f4"))
    writer.close()
    data = bytearray(stream.getvalue())
    rng = np.random.default_rng(0)
    for place, old in enumerate(data):
        data[place] = old ^ int(rng.integers(1, 256))
        with pytest.raises(FileError):
            reader(bytes(data))
        data[place] = old
    reader(bytes(data))


def test_a_cut_checksum_is_missed():
    data = written(checksum=True)
    for length in (len(data) - 79, len(data) - 78, len(data) - 1):
        with pytest.raises(FileError, match=r"the checksum at its end is missing|it declares"):
            reader(data[:length])


# --- what cannot be written

BAD_ATTRIBUTES = {
    "table": (np.ones((2, 2)), TypeError, "attribute 'a': expected numbers, text or a list of them, received array"),
    "mixed": ([1, "b"], TypeError, "attribute 'a': expected numbers, text or a list of them, received [1, 'b']"),
    "bytes": (b"x", TypeError, "attribute 'a': expected numbers, text or a list of them, received b'x'"),
    "nothing": (None, TypeError, "attribute 'a': expected numbers, text or a list of them, received None"),
    "complex": (1j, TypeError, "attribute 'a': expected numbers"),
    "huge": (2**70, TypeError, "attribute 'a': expected numbers"),
    "dict": ({"b": 1}, TypeError, "attribute 'a': expected numbers"),
    "long": (["x"] * 5000, ValueError, "attribute 'a': 80000 bytes do not fit; HDF5 has room for 64 KB. Split it"),
}


@pytest.mark.parametrize("name", BAD_ATTRIBUTES)
def test_other_attributes_are_refused(name):
    value, kind, message = BAD_ATTRIBUTES[name]
    with pytest.raises(kind, match=rf"HDF5: g: {re.escape(message)}"):
        Hdf5Writer(io.BytesIO()).group("g", {"a": value})


@pytest.mark.parametrize("dtype", ["c8", "S3", "U3", "O", "M8[s]", "V2", "longdouble", [("a", "f4")]])
def test_other_arrays_are_refused(dtype):
    with pytest.raises(TypeError, match=r"HDF5: g/x: expected bool, int8 to int64, .* or bfloat16, received"):
        Hdf5Writer(io.BytesIO()).array("g/x", np.zeros(2, dtype))


@pytest.mark.parametrize("name", ["", "/", "/a", "a/", "a//b", ".", "a/..", "a\nb", "x" * 1025])
def test_names_that_would_be_refused_are_not_written(name):
    writer = Hdf5Writer(io.BytesIO())
    with pytest.raises(ValueError, match="HDF5: expected"):
        writer.array(name, np.ones(2))
    if name:
        with pytest.raises(ValueError, match="HDF5: expected plain names, received"):
            writer.group(name)


def test_a_name_is_taken_once():
    writer = Hdf5Writer(io.BytesIO())
    writer.array("g/x", np.ones(2))
    with pytest.raises(ValueError, match=r"expected a new plain name, received 'g/x'; wrong is that it is taken\."):
        writer.array("g/x", np.ones(2))
    with pytest.raises(ValueError, match="wrong is that it is taken"):
        writer.array("g", np.ones(2))
    with pytest.raises(ValueError, match=r"HDF5: 'g/x/y': 'x' is an array, which has no members\."):
        writer.array("g/x/y", np.ones(2))


def test_groups_that_would_lie_too_deep():
    with pytest.raises(ValueError, match="HDF5: expected at most 64 groups in each other"):
        Hdf5Writer(io.BytesIO()).group("/".join("g" * 65))
    stream = io.BytesIO()
    writer = Hdf5Writer(stream)
    writer.group("/".join("g" * 64))
    writer.close()
    assert_same_as_h5py(stream.getvalue())


# --- faults


class Faulty(io.BytesIO):
    """A file whose n-th call of a kind fails."""

    def __init__(self, name: str, number: int, fault: BaseException) -> None:
        super().__init__()
        self.kind, self.number, self.fault, self.calls = name, number, fault, 0

    def _count(self, name: str) -> None:
        if name == self.kind:
            self.calls += 1
            if self.calls == self.number:
                raise self.fault

    def write(self, data):
        self._count("write")
        return super().write(data)

    def seek(self, place, whence=0):
        self._count("seek")
        return super().seek(place, whence)

    def truncate(self, size=None):
        self._count("truncate")
        return super().truncate(size)


@pytest.mark.parametrize("kind", ["write", "seek", "truncate"])
@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_fault_at_any_call_arrives_unchanged(kind, fault):
    counter = Faulty(kind, -1, fault)
    write_all(counter)
    assert counter.calls > 0
    for number in range(1, counter.calls + 1):
        with pytest.raises(type(fault)) as caught:
            write_all(Faulty(kind, number, fault))
        assert caught.value is fault


def test_memory_of_writing(tmp_path):
    """The arrays' own bytes go to the file."""
    import tracemalloc

    value = np.ones(5_000_000, "f4")
    with replacing(tmp_path / "m.h5") as stream:
        tracemalloc.start()
        writer = Hdf5Writer(stream, checksum=True)
        writer.array("x", value)
        writer.close()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 0.2 * value.nbytes
    with open_file(tmp_path / "m.h5") as file, Hdf5Reader(file.window(), file.path) as ours:
        assert (ours.read("x") == value).all()
