"""What the refusal of a broken structure says; the files are those of the hostile corpus, which only refuses them."""

from __future__ import annotations

import pytest

from lamina.core.errors import FileError
from tests.faults.hostile.hdf5 import MAKERS
from tests.files.hdf5.helpers import reader

REASONS = {
    "TREE kind 1": ("", "a node of its tree is missing"),
    "TREE level 16": ("", "a node of its tree is missing"),
    "TREE count 100": ("", "a table of its members is missing"),
    "TREE child itself": ("", "a table of its members is missing"),
    "HEAP version 1": ("", "the names of its members are missing"),
    "HEAP size 0": ("", "the name of a member is missing, or too long"),
    "SNOD count 65535": ("", "it points to bytes"),
    "SNOD version 2": ("", "a table of its members is missing"),
    "SNOD header root": ("chunks", "has two places in the file, which may go round in a circle"),
    "GCOL version 0": ("", "a text is not where an attribute says"),
    "GCOL object number 99": ("", "a text is not where an attribute says"),
    "GCOL object number 2": ("", "two texts have one number"),
    "GCOL size 0": ("", "one of its structures is shorter than its content"),
    "superblock base 512": ("", "it declares bytes 512 to"),
    "superblock driver 96": ("", "it is a part of an HDF5 file of several files"),
    "superblock root 8": ("", "expected an object at byte 8, found none"),
    "header of g/a00 version 2": ("g/a00", "expected an object at byte"),
    "header of g/a00 count 1": ("g/a00", "it has another number of messages than it declares"),
    "header of g/a00 first kind 19": ("g/a00", "it has a message of kind 19, which lamina does not read"),
    "header of g/a00 first kind 7": ("g/a00", "its bytes lie in another file"),
    "header of g/a00 first flags 2": ("g/a00", "a part of its description lies in another place"),
    "g/a00 type version 241": ("g/a00", "expected a type of version 1 to 5, received 15"),
    "g/a00 type bias 15": ("g/a00", "expected floats of 16, 32 or 64 bits, received 32 bits in 4 bytes"),
    "g/a00 layout size 15": ("g/a00", "its shape needs 16 bytes, but 15 are stored"),
    "g/a00 layout address 2**64-1": ("g/a00", "its shape needs 16 bytes, but 0 are stored"),
    "g/a00 layout version 1": (
        "g/a00",
        "expected an array as h5py stores it by default, received layout 1 of version 1",
    ),
    "g/a00 attribute version 4": ("g/a00", "expected an attribute of version 1 to 3, received 4"),
    "g/a00 shape rank 33": ("g/a00", "expected a shape of at most 32 sizes, received one of version 1"),
    "chunks rank 3": ("chunks", "expected chunks of 1 sizes and 4 bytes, received [16, 4] and 0"),
    "chunks chunk size 17": ("chunks", "its chunk at (16,) is not where one may be, or there twice"),
    "chunks filters 9": ("chunks", "expected at most 8 filters, received 9 of version 1"),
    "chunk stored 1": ("chunks", "its packed bytes are not 64 bytes"),
    "chunk skipped 1": ("chunks", "its chunk at (0,) has 30 bytes; expected 64"),
    "shared bytes": ("g/a01", "has two places in the file"),
    "half shared bytes": ("", "lies inside of something else"),
    "continued in itself": ("g/a01", "has two places in the file"),
}


@pytest.mark.parametrize("name", REASONS)
def test_the_reason_and_the_place_are_told(name):
    where, reason = REASONS[name]
    with pytest.raises(FileError) as caught:
        read_all(MAKERS[name]())
    assert reason in caught.value.reason
    assert caught.value.where == where


def read_all(data: bytes) -> None:
    ours = reader(data)
    for name in ours.arrays:
        ours.read(name)
