"""Filters of chunks, compared with what HDF5 itself made."""

from __future__ import annotations

import io
import struct

import h5py
import numpy as np
import pytest

from lamina.files.hdf5.chunks import fletcher32, read_filters, unpack_lzf
from lamina.files.hdf5.source import Refused


def stored_chunk(value: np.ndarray, **options) -> bytes:
    """The bytes of the only chunk of an array, as they are in the file."""
    with h5py.File(io.BytesIO(), "w") as file:
        data = file.create_dataset("x", data=value, chunks=value.shape, **options)
        mask, chunk = data.id.read_direct_chunk((0,) * value.ndim)
    assert mask == 0
    return chunk


@pytest.mark.parametrize("size", [1, 2, 3, 719, 720, 721, 100_001])
@pytest.mark.parametrize("kind", ["zeros", "ones", "noise", "full"])
def test_fletcher32_is_that_of_hdf5(size, kind):
    rng = np.random.default_rng(size)
    value = {
        "zeros": np.zeros(size, "u1"),
        "ones": np.ones(size, "u1"),
        "noise": rng.integers(0, 256, size).astype("u1"),
        "full": np.full(size, 255, "u1"),
    }[kind]
    chunk = stored_chunk(value, fletcher32=True)
    assert chunk[:-4] == value.tobytes()
    assert fletcher32(chunk[:-4]) == struct.unpack("<L", chunk[-4:])[0]


@pytest.mark.parametrize("kind", ["zeros", "text", "steps", "far"])
def test_lzf_is_that_of_h5py(kind):
    rng = np.random.default_rng(0)
    block = rng.integers(0, 256, 4000).astype("u1")
    value = {
        "zeros": np.zeros(100_000, "u1"),
        "text": np.frombuffer(b"the quick brown fox " * 2000 + b"jumps", "u1"),
        "steps": np.repeat(rng.integers(0, 256, 3000).astype("u1"), rng.integers(1, 40, 3000)),
        "far": np.concatenate([block, block[:3000], block]),
    }[kind]
    assert unpack_lzf(stored_chunk(value, compression="lzf"), value.size) == value.tobytes()


@pytest.mark.parametrize(
    "data", [b"\x20", b"\x20\x00", b"\x00a\xe0", b"\x00a\xe0\x01", b"\x00a\x3f\xff", b"\xff\xff\xff"]
)
def test_broken_lzf_is_refused(data):
    with pytest.raises(Refused, match="its packed bytes are broken"):
        unpack_lzf(data, 1000)


def test_lzf_that_unpacks_to_too_much_is_refused():
    with pytest.raises(Refused, match="its packed bytes are too many"):
        unpack_lzf(b"\x00a" + b"\xe0\xff\x00" * 100_000, 1000)


def test_filters_of_both_versions():
    gzip = struct.pack("<4H8sLL", 1, 8, 1, 1, b"deflate\0", 4, 0)
    shuffle = struct.pack("<4H8sLL", 2, 8, 1, 1, b"shuffle\0", 4, 0)
    assert read_filters(b"\1\2" + bytes(6) + shuffle + gzip) == [2, 1]
    lzf = struct.pack("<4H4s3L", 32000, 4, 1, 3, b"lzf\0", 4, 261, 800)
    assert read_filters(b"\2\2" + struct.pack("<3HL", 2, 1, 1, 4) + lzf) == [2, 32000]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\3\1", "received 1 of version 3"),
        (b"\2\x09", "expected at most 8 filters, received 9"),
        (b"\2\1" + struct.pack("<3H", 4, 0, 0), "received filter 4"),
        (b"\2\2" + struct.pack("<6H", 1, 0, 0, 1, 0, 0), "received filter 1"),
        (b"\2\1\1", "shorter than its content"),
    ],
)
def test_other_filters_are_refused(body, reason):
    with pytest.raises(Refused, match=reason):
        read_filters(body)
