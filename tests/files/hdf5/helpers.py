"""HDF5 files written by h5py in memory."""

from __future__ import annotations

import io
from collections.abc import Callable

import h5py
import numpy as np

from lamina.files import Hdf5Reader


def written(fill: Callable[[h5py.File], object], **options) -> bytes:
    """The bytes of a file after `fill` put something into it."""
    stream = io.BytesIO()
    with h5py.File(stream, "w", **options) as file:
        fill(file)
    return stream.getvalue()


def reader(data: bytes) -> Hdf5Reader:
    return Hdf5Reader(io.BytesIO(data), "m.h5")


def assert_same_as_h5py(data: bytes) -> Hdf5Reader:
    """Compare groups, names, shapes, types and values with what h5py reads."""
    ours = reader(data)
    groups, arrays = [""], []
    with h5py.File(io.BytesIO(data), "r") as theirs:
        theirs.visititems(lambda name, item: (arrays if isinstance(item, h5py.Dataset) else groups).append(name))
        assert sorted(ours.arrays) == sorted(arrays)
        assert sorted(ours.groups) == sorted(groups)
        for name in arrays:
            value, expected = ours.read(name), np.asarray(theirs[name][()])
            info = ours.arrays[name]
            assert (info.shape, info.dtype, info.nbytes) == (value.shape, value.dtype, value.nbytes)
            assert (value.shape, value.dtype) == (expected.shape, expected.dtype.newbyteorder("="))
            np.testing.assert_array_equal(value, expected)
            assert value.flags.c_contiguous
            assert value.flags.owndata or value.base.flags.owndata
    return ours
