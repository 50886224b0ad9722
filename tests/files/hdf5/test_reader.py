"""Reading HDF5: the same as h5py for what Keras writes, a refusal for everything else."""

from __future__ import annotations

import contextlib
import io
import tracemalloc

import h5py
import ml_dtypes
import numpy as np
import pytest

from lamina.core.errors import FileError
from lamina.files import ArrayInfo, Hdf5Reader, open_file
from lamina.files.hdf5.groups import MAX_DEPTH
from tests.files.hdf5.helpers import assert_same_as_h5py, reader, written

TYPES = [
    "f2",
    "f4",
    "f8",
    ">f2",
    ">f4",
    ">f8",
    "i1",
    "i2",
    ">i2",
    "i4",
    "i8",
    ">i8",
    "u1",
    "u2",
    "u4",
    "u8",
    ">u8",
    "?",
]


# --- the same as h5py


@pytest.mark.parametrize("libver", [None, "v108", "latest"])
@pytest.mark.parametrize("dtype", TYPES)
def test_types_and_shapes(dtype, libver):
    rng = np.random.default_rng(0)

    def fill(file):
        for shape in [(), (1,), (7,), (0,), (3, 0, 2), (2, 3, 4), (1,) * 8]:
            value = (rng.normal(size=shape) * 50).astype(dtype)
            file.create_dataset(f"a{shape}".replace(" ", ""), data=value)

    assert_same_as_h5py(written(fill, libver=libver))


CHUNKS = {
    "chunks": {"chunks": True},
    "gzip": {"compression": "gzip"},
    "gzip 9 and shuffle": {"compression": "gzip", "compression_opts": 9, "shuffle": True},
    "lzf": {"compression": "lzf"},
    "fletcher32": {"fletcher32": True},
    "all": {"compression": "gzip", "shuffle": True, "fletcher32": True},
    "lzf and all": {"compression": "lzf", "shuffle": True, "fletcher32": True},
    "one by one": {"chunks": (1, 1, 1)},
    "larger than the array": {"chunks": (8, 128, 16), "maxshape": (None, None, None), "compression": "gzip"},
}


@pytest.mark.parametrize("options", CHUNKS.values(), ids=CHUNKS.keys())
@pytest.mark.parametrize("dtype", ["f4", ">f8", "i1", "?"])
@pytest.mark.parametrize("kind", ["noise", "constant", "steps"])
def test_chunks_and_filters(options, dtype, kind):
    rng = np.random.default_rng(0)
    shape = (3, 5, 2) if options.get("chunks") == (1, 1, 1) else (3, 65, 7)
    value = {"noise": rng.normal(size=shape) * 50, "constant": np.ones(shape), "steps": rng.integers(0, 3, shape)}[kind]
    assert_same_as_h5py(written(lambda file: file.create_dataset("x", data=value.astype(dtype), **options)))


@pytest.mark.parametrize("count", [1, 8, 9, 17, 600])
def test_groups_of_many_members(count):
    def fill(file):
        for number in range(count):
            file.create_dataset(f"layers/member_{number}", data=np.float32(number))

    assert_same_as_h5py(written(fill))


def test_chunks_in_a_tree_of_several_levels():
    value = np.arange(5000, dtype="i4")
    assert_same_as_h5py(written(lambda file: file.create_dataset("x", data=value, chunks=(2,))))


def test_many_attributes_continue_elsewhere():
    def fill(file):
        group = file.create_group("g")
        for number in range(200):
            group.attrs[f"a{number}"] = "x" * number
        file.create_dataset("g/x", data=np.ones(3))

    ours = assert_same_as_h5py(written(fill))
    assert ours.groups["g"] == {f"a{number}": "x" * number for number in range(200)}


def test_deleted_and_replaced_members_are_gone():
    def fill(file):
        for number in range(50):
            file[f"g{number % 5}/a{number}"] = np.arange(number)
        for number in range(0, 50, 3):
            del file[f"g{number % 5}/a{number}"]
        del file["g4"]
        file["new"] = np.ones(4)
        file["g0/a5"][...] = 7
        file.attrs["x"] = 1
        file.attrs["x"] = "text"

    assert assert_same_as_h5py(written(fill)).groups[""] == {"x": "text"}


@pytest.mark.parametrize("libver", [None, "v108", "latest"])
def test_attributes_become_python_values(libver):
    values = {
        "whole": 3,
        "negative": np.int8(-3),
        "float": 0.5,
        "half": np.float16(0.25),
        "true": True,
        "text": "Wörter",
        "bytes": np.bytes_(b"fixed"),
        "empty": "",
        "long": "x" * 60_000,
    }
    lists = {
        "names": ["dense", "dense_1", "", "é"],
        "fixed names": np.array([b"dense", b"dense_1"]),
        "none": [],
        "numbers": np.arange(3),
        "floats": np.array([0.5, 1.5], ">f8"),
    }

    def fill(file):
        group = file.create_group("g")
        for name, value in (values if libver is None else dict(list(values.items())[:7])).items():
            group.attrs[name] = value
        for name, value in lists.items():
            file.attrs[name] = value

    ours = reader(written(fill, libver=libver))
    assert ours.groups[""] == {
        "names": ["dense", "dense_1", "", "é"],
        "fixed names": ["dense", "dense_1"],
        "none": [],
        "numbers": [0, 1, 2],
        "floats": [0.5, 1.5],
    }
    found = ours.groups["g"]
    assert found == {name: value for name, value in (values | {"bytes": "fixed"}).items() if name in found}
    assert len(found) >= 7
    assert [type(found[name]) for name in ("whole", "float", "true", "text")] == [int, float, bool, str]


def test_bfloat16_as_keras_marks_it():
    value = np.array([1.5, -2, 3e38], ml_dtypes.bfloat16)

    def fill(file):
        file.create_dataset("x", data=value).attrs["dtype"] = "bfloat16"

    ours = reader(written(fill))
    assert ours.arrays["x"] == ArrayInfo((3,), np.dtype(ml_dtypes.bfloat16), 6)
    assert ours.read("x").tobytes() == value.tobytes()
    assert ours.read("x").dtype == ml_dtypes.bfloat16


def test_bfloat16_as_a_type_of_hdf5():
    """HDF5 2.0 has it as a float of 16 bits with 8 of them for the exponent."""
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)

    def fill(file):
        space = h5py.h5s.create_simple((2,))
        item = h5py.h5d.create(file.id, b"x", kind, space)
        item.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([1.5, -2], "f4"), h5py.h5t.NATIVE_FLOAT)

    assert reader(written(fill)).read("x").tolist() == [1.5, -2]


def test_a_compact_array():
    def fill(file):
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_layout(h5py.h5d.COMPACT)
        item = h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((3,)), plan)
        item.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([1, 2, 3], "f4"))

    assert_same_as_h5py(written(fill))


def test_an_array_belongs_to_the_caller():
    ours = reader(written(lambda file: file.create_dataset("x", data=np.zeros(3, ">f4"))))
    first = ours.read("x")
    first += 1
    assert ours.read("x").tolist() == [0, 0, 0]


def test_reading_takes_no_second_copy(tmp_path):
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["x"] = np.ones(5_000_000, "f4")
        file["y"] = np.ones(5_000_000, ">f4")
    with open_file(tmp_path / "m.h5") as file, Hdf5Reader(file.window(), file.path) as ours:
        for name in ("x", "y"):
            tracemalloc.start()
            value = ours.read(name)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert value[-1] == 1
            assert peak < 1.05 * value.nbytes


# --- refused


def refusal(data: bytes, name: str | None = None) -> FileError:
    with pytest.raises(FileError) as caught:
        reader(data) if name is None else reader(data).read(name)
    assert caught.value.path == "m.h5"
    return caught.value


LINKS = {
    "soft": (lambda f: f.__setitem__("s", h5py.SoftLink("/x")), "'s' is a link to another place", "link"),
    "soft in a group": (lambda f: f.__setitem__("g/s", h5py.SoftLink("/x")), "'s' is a link to another", "link"),
    "external": (lambda f: f.__setitem__("e", h5py.ExternalLink("/etc/passwd", "/")), "it has a message", "link"),
    "two names": (lambda f: f.__setitem__("b", f["x"]), "has two places in the file", "cycle"),
    "circle": (lambda f: f["g"].__setitem__("up", f["/"]), "has two places in the file", "cycle"),
    "itself": (lambda f: f["g"].__setitem__("g", f["g"]), "has two places in the file", "cycle"),
}


@pytest.mark.parametrize("libver", [None, "latest"])
@pytest.mark.parametrize("name", LINKS)
def test_links(name, libver):
    make, reason, code = LINKS[name]

    def fill(file):
        file["x"] = np.ones(3)
        file.create_group("g")
        make(file)

    error = refusal(written(fill, libver=libver))
    if name != "external":
        assert reason in str(error)
    assert error.code in (code, "layout", "message")


def test_an_external_link_is_named():
    error = refusal(written(lambda file: file.__setitem__("e", h5py.ExternalLink("/etc/passwd", "/"))))
    assert str(error) == "m.h5: its member 'e' is a link to another place or file."


def test_external_storage(tmp_path):
    (tmp_path / "secret").write_bytes(b"secret!!")
    external = [(str(tmp_path / "secret"), 0, 8)]
    error = refusal(written(lambda file: file.create_dataset("x", (8,), "u1", external=external)))
    assert str(error) == "m.h5: x: its bytes lie in another file."
    assert error.code == "external"


def test_a_virtual_array(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = np.ones(3)
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (3,))
    error = refusal(written(lambda file: file.create_virtual_dataset("v", layout)))
    assert str(error) == "m.h5: v: it is a virtual array, whose bytes lie in other files."
    assert error.code == "virtual"


ODD_TYPES = {
    "text of any length": (h5py.string_dtype(), "received text"),
    "text": (np.dtype("S5"), "received text"),
    "lists": (h5py.vlen_dtype(np.float32), "received lists of any length"),
    "references": (h5py.ref_dtype, "received references"),
    "regions": (h5py.regionref_dtype, "received references"),
    "compounds": (np.dtype([("a", "f4"), ("b", "i4")]), "received compounds"),
    "complex": (np.dtype("c8"), "received compounds"),
    "arrays": (np.dtype(("f4", (3,))), "received arrays"),
    "enumeration": (h5py.enum_dtype({"RED": 0, "BLUE": 1}, "i1"), "received an enumeration"),
    "wide enumeration": (h5py.enum_dtype({"FALSE": 0, "TRUE": 1}, "i4"), "received an enumeration"),
    "opaque": (np.dtype("V2"), "received opaque bytes"),
    "long opaque": (np.dtype("V16"), "received opaque bytes"),
    "dates": (h5py.opaque_dtype(np.dtype("M8[s]")), "received opaque bytes"),
    "long floats": (np.dtype("g"), "received 80 bits"),
}


@pytest.mark.parametrize("name", ODD_TYPES)
def test_other_types(name):
    dtype, reason = ODD_TYPES[name]
    base = dtype.base if dtype.subdtype else dtype

    def fill(file):
        if dtype.subdtype:
            kind = h5py.h5t.array_create(h5py.h5t.IEEE_F32LE, (3,))
            h5py.h5d.create(file.id, b"x", kind, h5py.h5s.create_simple((2,)))
        else:
            file.create_dataset("x", (2,), base)

    error = refusal(written(fill))
    assert reason in str(error)
    assert (error.where, error.code) == ("x", "dtype")


def test_a_float_with_another_layout_of_bits():
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_ebias(100)
    error = refusal(written(lambda file: h5py.h5d.create(file.id, b"x", kind, h5py.h5s.create_simple((2,))) and None))
    assert "expected floats of 16, 32 or 64 bits, received 32 bits in 4 bytes" in str(error)


def test_whole_numbers_of_few_bits():
    data = written(lambda file: file.create_dataset("x", data=np.ones(2, "i4")))
    precision = b"\x10\x08\0\0\4\0\0\0\0\0\x20\0"
    assert precision in data
    error = refusal(data.replace(precision, precision[:-2] + b"\x0c\0"))
    assert "expected whole numbers of 8 to 64 bits, received 12 bits in 4 bytes" in str(error)


def test_a_named_type_is_no_array():
    error = refusal(written(lambda file: file.__setitem__("t", np.dtype("f4"))))
    assert str(error) == "m.h5: t: it is neither a group nor an array."


def test_an_array_of_a_named_type():
    def fill(file):
        file["t"] = np.dtype("f4")
        file.create_dataset("a", data=np.ones(2), dtype=file["t"])

    assert refusal(written(fill)).code == "shared"


@pytest.mark.parametrize("shape", [(10**9,), (10**6, 10**6), (2**30, 2**28)])
def test_a_shape_without_bytes(shape):
    error = refusal(written(lambda file: file.create_dataset("x", shape, "f4")))
    needed = int(np.prod(shape, dtype=object)) * 4
    assert str(error) == f"m.h5: x: its shape needs {needed} bytes, but 0 are stored."
    assert error.code == "size"


def test_a_shape_that_no_array_can_have():
    def fill(file):
        space = h5py.h5s.create_simple((0, 2**40, 2**40))
        h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, space)

    assert "no array can have the shape (0, 1099511627776, 1099511627776)" in str(refusal(written(fill)))


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_chunks_that_were_never_written(compression):
    options = {"chunks": (100,), "compression": compression}
    error = refusal(written(lambda file: file.create_dataset("x", (1000,), "f4", fillvalue=7, **options)))
    assert str(error) == "m.h5: x: expected 10 chunks, found 0."
    error = refusal(written(lambda file: file.create_dataset("x", (10**12,), "f4", **options)))
    assert "unpack to 4000000000000 bytes, more than 64 times the file's" in str(error)


def test_some_chunks_are_missing():
    def fill(file):
        data = file.create_dataset("x", (1000,), "f4", chunks=(100,))
        data[:900] = 1

    assert str(refusal(written(fill))) == "m.h5: x: expected 10 chunks, found 9."


def test_a_bomb_in_chunks():
    def fill(file):
        file.create_dataset("x", (50_000_000,), "u1", chunks=(5_000_000,), compression="gzip")[...] = 0

    error = refusal(written(fill))
    assert "its chunks and those before them unpack to 50000000 bytes, more than 64 times" in str(error)
    assert error.code == "ratio"


def test_other_filters():
    data = written(lambda file: file.create_dataset("x", data=np.ones(100, "f4"), chunks=(10,), scaleoffset=3))
    error = refusal(data)
    assert "expected gzip, shuffle, fletcher32 or lzf once each, received filter 6" in str(error)
    assert error.code == "filter"


def test_unknown_filters():
    data = written(lambda file: file.create_dataset("x", data=np.ones(100, "f4"), chunks=(10,), compression="gzip"))
    gzip = b"\x01\0\x08\0\x01\0\x01\0deflate\0"
    assert gzip in data
    assert "received filter 32008" in str(refusal(data.replace(gzip, b"\x08\x7d" + gzip[2:])))


@pytest.mark.parametrize("libver", ["v108", "latest"])
def test_groups_in_heaps_say_what_to_do(libver):
    error = refusal(written(lambda file: [file.create_group(f"g{n}") for n in range(100)], libver=libver))
    assert "found its members in a heap" in str(error)
    assert str(error).endswith('Write the file again with h5py, without libver="latest".')
    assert error.code == "layout"


def test_attributes_in_heaps_say_what_to_do():
    def fill(file):
        for number in range(20):
            file.attrs[f"a{number}"] = number

    error = refusal(written(fill, libver="latest"))
    assert "found them in a heap" in str(error)


def test_new_layouts_of_chunks_say_what_to_do():
    data = written(lambda file: file.create_dataset("x", data=np.ones(100), chunks=(10,)), libver="latest")
    assert "expected an array as h5py stores it by default, received layout 2 of version" in str(refusal(data))


ATTRIBUTES = {
    "table": (np.ones((2, 3)), "the attribute 'a' has 2 axes; expected a value or a list"),
    "reference": (None, "received references"),
    "nothing": (h5py.Empty("f4"), "expected a shape of at most 32 sizes"),
    "compound": (np.zeros(2, [("a", "f4")]), "received compounds"),
    "opaque": (np.void(b"ab"), "received opaque bytes"),
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_other_attributes(name):
    value, reason = ATTRIBUTES[name]

    def fill(file):
        group = file.create_group("g")
        group.attrs["a"] = group.ref if value is None else value

    error = refusal(written(fill))
    assert reason in str(error)
    assert error.where == "g"


def test_attributes_that_are_no_text():
    error = refusal(written(lambda file: file.attrs.__setitem__("a", np.bytes_(b"\xff\xfe"))))
    assert "a name or an attribute is no UTF-8 text" in str(error)
    assert error.code == "encoding"


@pytest.mark.parametrize("name", [b".", b"..", b"a\nb", b"\x1b[31m", b"\xff", b"x" * 1025])
def test_names_of_members(name):
    holder = b"h" * len(name)
    data = written(lambda file: file.create_group(holder.decode())).replace(holder, name)
    error = refusal(data)
    assert error.code in ("name", "encoding")
    assert str(error).isprintable()


def test_a_name_with_a_slash():
    data = written(lambda file: file.create_group("aXb")).replace(b"aXb", b"a/b")
    assert "expected a plain name of a member, received 'a/b'" in str(refusal(data))


def test_two_members_of_one_name():
    data = written(lambda file: (file.create_group("aa"), file.create_group("ab"))).replace(b"ab\0", b"aa\0")
    error = refusal(data)
    assert ("two members are called 'aa'" in str(error), error.code) == (True, "duplicate")


def test_two_attributes_of_one_name():
    data = written(lambda file: file.attrs.update({"aa": 1, "ab": 2})).replace(b"ab\0", b"aa\0")
    assert "the attribute 'aa' is there twice" in str(refusal(data))


def test_groups_that_lie_too_deep():
    data = written(lambda file: file.create_group("/".join("g" * (MAX_DEPTH + 1))))
    assert "groups and arrays, or 64 in each other" in str(refusal(data))
    reader(written(lambda file: file.create_group("/".join("g" * MAX_DEPTH))))


@pytest.mark.parametrize("data", [b"", b"x", b"\x89HDF\r\n\x1a\n", b"PK\3\4" * 100, b"\0" * 1000])
def test_no_hdf5_file(data):
    error = refusal(data)
    assert error.code in ("signature", "truncated", "hdf5")
    assert str(error).startswith("m.h5: ")


def test_a_user_block_in_front():
    data = written(lambda file: file.create_group("g"), userblock_size=512)
    assert str(refusal(data)) == "m.h5: it is no HDF5 file."


def test_other_superblocks():
    data = written(lambda file: file.create_group("g"))
    assert "expected a superblock of version 0 to 3, received 9" in str(refusal(data[:8] + b"\x09" + data[9:]))
    assert "expected addresses and lengths of 8 bytes, received 4 and 8" in str(refusal(data[:13] + b"\4" + data[14:]))
    assert "it was not closed by the program that wrote it" in str(
        refusal((new := written(lambda file: None, libver="latest"))[:11] + b"\1" + new[12:])
    )


def test_a_longer_file():
    data = written(lambda file: file.create_group("g"))
    error = refusal(data + b"hidden")
    assert str(error) == (
        f"m.h5: it declares {len(data)} bytes, but has {len(data) + 6}. Take another copy of the file."
    )


def test_every_truncation():
    data = written(lambda file: file.create_dataset("g/x", data=np.ones(10)))
    for length in range(0, len(data), 13):
        assert refusal(data[:length]).code in ("truncated", "signature")


def test_truth_values_other_than_0_and_1():
    data = written(lambda file: file.create_dataset("x", data=np.array([True, False] * 8)))
    data = data.replace(b"\1\0" * 8, b"\2\0" * 8)
    assert "expected 0 and 1 as truth values" in str(refusal(data, "x"))


def test_an_array_that_is_not_there():
    error = refusal(written(lambda file: file.create_group("g")), "g")
    assert (str(error), error.code) == ("m.h5: g: there is no such array.", "missing")


def test_the_place_is_named():
    data = written(lambda file: file.__setitem__("g/s", h5py.SoftLink("/x")))
    with pytest.raises(FileError) as caught:
        Hdf5Reader(io.BytesIO(data), "m.keras", "model.weights.h5")
    assert str(caught.value) == "m.keras: model.weights.h5: g: its member 's' is a link to another place."
    assert caught.value.where == "model.weights.h5: g"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"compression": "gzip"}, "its packed bytes"),
        ({"compression": "lzf"}, "its packed bytes"),
        ({"fletcher32": True}, "a checksum (Fletcher-32) does not fit its bytes"),
    ],
)
def test_broken_chunks(options, reason):
    value = np.arange(4000, dtype="i4") % 50
    data = written(lambda file: file.create_dataset("x", data=value, chunks=(4000,), **options))
    with h5py.File(io.BytesIO(data)) as file:
        chunk = file["x"].id.get_chunk_info(0)
    start = chunk.byte_offset
    reasons = []
    for place in range(start, start + chunk.size, max(chunk.size // 100, 1)):
        ours = reader(data[:place] + bytes([data[place] ^ 0x15]) + data[place + 1 :])
        with contextlib.suppress(FileError):  # some changes of lzf only change values
            ours.read("x")
            continue
        reasons.append(str(refusal(data[:place] + bytes([data[place] ^ 0x15]) + data[place + 1 :], "x")))
    assert any(reason in found for found in reasons)
    assert all(reason in found or "its chunk at (0,) has" in found for found in reasons)


def test_a_lack_of_memory_is_a_refusal(monkeypatch):
    ours = reader(written(lambda file: file.create_dataset("x", data=np.ones(3, "f4"))))

    def no_memory(*arguments):
        raise MemoryError

    monkeypatch.setattr(np, "empty", no_memory)
    with pytest.raises(FileError, match=r"m\.h5: x: there is no memory for its 12 bytes\."):
        ours.read("x")
