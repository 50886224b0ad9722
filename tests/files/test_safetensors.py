"""Safetensors: both ways with the package of that name, and headers that lie."""

from __future__ import annotations

import io
import json
import tracemalloc

import numpy as np
import pytest
import safetensors
from safetensors import numpy as package

from lamina.core.errors import FileError
from lamina.files import OpenFile, SafetensorsReader, SafetensorsWriter, open_file, replacing
from lamina.files.safetensors import DTYPES


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    found = {
        name: (rng.normal(size=(2, 3)) * 5).astype(DTYPES[name]) for name in DTYPES if not name.startswith(("BF", "F8"))
    }
    return found | {"scalar": np.array(2.5, "f4"), "empty": np.zeros((0, 4)), "é/b.c": np.arange(3)}


def written(values: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> bytes:
    stream = io.BytesIO()
    SafetensorsWriter(stream).write(values, metadata)
    return stream.getvalue()


def reader(data: bytes) -> SafetensorsReader:
    return SafetensorsReader(OpenFile("m.safetensors", io.BytesIO(data), owned=False))


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert (found[name].shape, found[name].dtype) == (value.shape, value.dtype)
        np.testing.assert_array_equal(found[name], value)


def test_the_package_reads_what_was_written(tmp_path):
    with replacing(tmp_path / "m.safetensors") as stream:
        SafetensorsWriter(stream).write(arrays(), {"note": "Wörter"})
    assert_same(package.load_file(tmp_path / "m.safetensors"), arrays())
    with safetensors.safe_open(tmp_path / "m.safetensors", "np") as file:
        assert file.metadata() == {"note": "Wörter"}


def test_what_the_package_wrote_is_read(tmp_path):
    package.save_file(arrays(), tmp_path / "m.safetensors", {"note": "n", "other": "o"})
    with open_file(tmp_path / "m.safetensors") as file:
        ours = SafetensorsReader(file)
        assert ours.metadata == {"note": "n", "other": "o"}
        assert_same({name: ours.read(name) for name in ours.arrays}, arrays())
        info = ours.arrays["F32"]
        assert (info.shape, info.dtype, info.nbytes) == ((2, 3), np.float32, 24)


@pytest.mark.parametrize("name", ["BF16", "F8_E4M3", "F8_E5M2"])
def test_small_floats_both_ways(name):
    value = np.array([1.5, -2, 0.25], DTYPES[name])
    data = written({"x": value})
    assert reader(data).read("x").tobytes() == value.tobytes()
    assert reader(data).read("x").dtype == DTYPES[name]
    found = dict(safetensors.deserialize(data))["x"]
    assert (found["dtype"], bytes(found["data"])) == (name, value.tobytes())


def test_big_endian_and_strided_arrays():
    value = np.arange(12, dtype=">f4").reshape(3, 4)[:, ::2].T
    assert package.load(written({"x": value}))["x"].tolist() == value.tolist()
    assert reader(written({"x": value})).read("x").dtype == np.float32


def test_arrays_are_aligned():
    data = written({"a": np.ones(3, bool), "b": np.ones(3), "c": np.ones(3, np.float16), "d": np.ones(1, bool)})
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert list(header) == ["b", "c", "a", "d"]
    assert int.from_bytes(data[:8], "little") % 8 == 0


def test_the_same_arrays_give_the_same_bytes():
    assert written(arrays(), {"b": "1", "a": "2"}) == written(arrays(), {"b": "1", "a": "2"})


def test_nothing_at_all():
    assert package.load(written({})) == {}
    assert reader(written({})).arrays == {}
    assert reader(package.save({})).arrays == {}


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        ({"x": np.ones(2, "c8")}, ValueError, r"safetensors: x: expected an array of F64, .*, received complex64"),
        ({"x": np.array(["a"])}, ValueError, r"safetensors: x: expected an array of F64, .*, received <U1"),
        ({"x": np.array([None])}, ValueError, "received object"),
        ({"__metadata__": np.ones(2)}, ValueError, "__metadata__: expected an array of"),
    ],
)
def test_other_arrays_are_not_written(values, kind, message):
    with pytest.raises(kind, match=message):
        written(values)


def test_other_metadata_are_not_written():
    with pytest.raises(TypeError, match=r"safetensors: metadata: expected texts by name, received {'a': 1}"):
        written({}, {"a": 1})


def test_no_second_copy(tmp_path):
    value = np.ones(5_000_000, "f4")
    with replacing(tmp_path / "m") as stream:
        tracemalloc.start()
        SafetensorsWriter(stream).write({"x": value})
        assert tracemalloc.get_traced_memory()[1] < 0.1 * value.nbytes
        tracemalloc.stop()
    with open_file(tmp_path / "m") as file:
        ours = SafetensorsReader(file)
        tracemalloc.start()
        found = ours.read("x")
        assert tracemalloc.get_traced_memory()[1] < 1.05 * value.nbytes
        tracemalloc.stop()
        assert (found == value).all()


# --- refused


def crafted(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype="F32", shape=(2,), start=0, end=8) -> dict:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


REFUSED = {
    "empty": (b"", "", "it is no safetensors file: 0 bytes are too few", "signature"),
    "short": (b"1234567", "", "it is no safetensors file: 7 bytes are too few", "signature"),
    "long header": (b"\xff" * 8 + b"{}", "", "it declares a header of 18446744073709551615 bytes, but has 10", "size"),
    "header cut": (crafted({"x": entry()})[:20], "", "it declares a header of", "size"),
    "no JSON": (crafted(b"hello"), "header", "is not JSON", "json"),
    "list": (crafted([]), "header", "expected an object, received list", "header"),
    "duplicate": (crafted(b'{"x": 1, "x": 2}'), "header", "the key 'x' stands twice", "duplicate"),
    "deep": (crafted(b"[" * 100_000), "header", "lie more than 200 deep", "depth"),
    "metadata": (crafted({"__metadata__": {"a": 1}}), "__metadata__", "expected texts by name", "header"),
    "metadata list": (crafted({"__metadata__": []}), "__metadata__", "expected texts by name", "header"),
    "entry": (crafted({"x": 1}), "x", "expected an object with dtype, shape and data_offsets", "header"),
    "more fields": (crafted({"x": entry() | {"y": 1}}, bytes(8)), "x", "expected an object with", "header"),
    "dtype": (crafted({"x": entry("F33")}, bytes(8)), "x", "as dtype, received 'F33'", "dtype"),
    "dtype list": (crafted({"x": entry(["F32"])}, bytes(8)), "x", "as dtype, received ['F32']", "dtype"),
    "complex": (crafted({"x": entry("C64", (1,))}, bytes(8)), "x", "as dtype, received 'C64'", "dtype"),
    "negative": (crafted({"x": entry(shape=(-2, -1))}, bytes(8)), "x", "expected sizes, received shape", "shape"),
    "float": (crafted({"x": entry(shape=(2.0,))}, bytes(8)), "x", "expected sizes, received shape [2.0]", "shape"),
    "true": (crafted({"x": entry(shape=(True, 2))}, bytes(8)), "x", "expected sizes", "shape"),
    "three offsets": (
        crafted({"x": entry() | {"data_offsets": [0, 8, 9]}}, bytes(8)),
        "x",
        "and offsets [0, 8, 9]",
        "shape",
    ),
    "impossible": (crafted({"x": entry(shape=(0, 2**40, 2**40), end=0)}), "x", "expected sizes", "shape"),
    "rank": (crafted({"x": entry(shape=[1] * 33, end=4)}, bytes(4)), "x", "expected sizes", "shape"),
    "giant": (crafted({"x": entry(shape=(2**31, 2**20))}, bytes(8)), "x", "needs 9007199254740992 bytes", "size"),
    "backwards": (crafted({"x": entry(start=8, end=0)}, bytes(8)), "x", "but has those from 8 to 0", "size"),
    "gap": (crafted({"x": entry(start=4, end=12)}, bytes(12)), "x", "its bytes begin at 4; expected 0", "overlap"),
    "overlap": (
        crafted({"x": entry(), "y": entry(start=4, end=12)}, bytes(12)),
        "y",
        "its bytes begin at 4; expected 8, where those before it end",
        "overlap",
    ),
    "shared": (crafted({"x": entry(), "y": entry()}, bytes(8)), "y", "its bytes begin at 0; expected 8", "overlap"),
    "out of the file": (crafted({"x": entry()}, bytes(7)), "", "its arrays take 8 bytes, but 7 follow", "size"),
    "more bytes": (crafted({"x": entry()}, bytes(9)), "", "its arrays take 8 bytes, but 9 follow", "size"),
    "far": (
        crafted({"x": entry(shape=(2**57,), end=2**59)}, bytes(8)),
        "",
        "its arrays take 576460752303423488 bytes, but 8 follow",
        "size",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_headers_that_lie_are_refused(name):
    data, where, reason, code = REFUSED[name]
    with pytest.raises(FileError) as caught:
        reader(data)
    error = caught.value
    assert reason in str(error)
    assert (error.path, error.where, error.code) == ("m.safetensors", where, code)


def test_other_truth_values_are_refused():
    with pytest.raises(FileError, match="x: expected 0 and 1 as truth values, received another number"):
        reader(crafted({"x": entry("BOOL", (2,), 0, 2)}, b"\1\2")).read("x")


def test_an_array_that_is_not_there():
    with pytest.raises(FileError, match=r"m\.safetensors: y: there is no such array\."):
        reader(crafted({"x": entry()}, bytes(8))).read("y")
