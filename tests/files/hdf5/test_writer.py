"""Writing HDF5: what h5py reads back, the same bytes each time, faults of the disk."""

from __future__ import annotations

import errno
import gc
import hashlib
import io
import os
import subprocess
import sys
import textwrap

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

    def truncate(self, size=None):
        self._count("truncate")
        return super().truncate(size)

    def flush(self):
        self._count("flush")


@pytest.mark.parametrize("kind", ["write", "truncate", "flush"])
@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_fault_at_any_call_arrives_unchanged(kind, fault):
    counter = Faulty(kind, -1, fault)
    write_all(counter)
    assert counter.calls > 0
    for number in range(1, counter.calls + 1):
        with pytest.raises(type(fault)) as caught:
            write_all(Faulty(kind, number, fault))
        assert caught.value is fault
        gc.collect()  # what HDF5 still has open is closed without a sound


def test_a_process_ends_well_after_a_fault(tmp_path):
    """HDF5 tries to write what is left when the process ends; it must neither crash nor print."""
    code = textwrap.dedent(
        """
        import io, sys
        import numpy as np
        from lamina.files import Hdf5Writer, replacing
        from tests.files.hdf5.test_writer import Faulty
        try:
            with replacing(sys.argv[1]) as stream:
                left = Hdf5Writer(stream)
                left.array("x", np.ones(10000))
                raise OSError(28, "No space left on device")
        except OSError as error:
            print(error)
        never_closed = Hdf5Writer(Faulty("write", 3, OSError(28, "No space")))
        try:
            never_closed.array("x", np.ones(10))
            never_closed.close()
        except OSError as error:
            print(error)
        """
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path / "m.h5"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == [f"[Errno 28] No space left on device: '{tmp_path}/m.h5'", "[Errno 28] No space"]
    assert os.listdir(tmp_path) == []


def test_memory_of_writing(tmp_path):
    """h5py hands the arrays' own bytes to the file."""
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
