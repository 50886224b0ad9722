"""Fashion-MNIST: what the files must hold, and the real data."""

from __future__ import annotations

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lamina.datasets import DatasetCorrupt, DatasetUnavailable, fashion_mnist

from .web import Server, whole


def idx(*lengths: int, values: bytes | None = None, mark: int = 0x0800) -> bytes:
    """An IDX file: the mark with the rank in its last byte, the lengths, the values."""
    header = struct.pack(f">I{len(lengths)}I", mark + len(lengths), *lengths)
    return header + (bytes(int(np.prod(lengths))) if values is None else values)


IMAGES = idx(60000, 28, 28)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<html>not found</html>", r"it cannot be unpacked \("),
        (gzip.compress(IMAGES, 1)[:-1000], "it is cut short or too long, 47,040,016 bytes unpacked were expected"),
        (gzip.compress(IMAGES[:-1], 1), "it is cut short or too long"),
        (gzip.compress(IMAGES + b"!", 1), "it is cut short or too long"),
        (gzip.compress(b"", 1), "it begins with nothing instead of the IDX mark 00000803"),
        (gzip.compress(idx(60000), 1), "it begins with 00000801 instead of the IDX mark 00000803"),
        (gzip.compress(idx(100, 28, 28), 1), r"its header announces an array of shape \(100, 28, 28\)"),
        (gzip.compress(idx(60000)[:3] + b"\3\0\0", 1), r"its header announces an array of shape \(0, 0, 0\)"),
        (gzip.compress(IMAGES, 1), r"it is whole, but holds other data than Fashion-MNIST \(MNIST's files"),
    ],
    ids=["no gzip", "cut", "short", "long", "empty", "labels", "fewer images", "cut header", "another data set"],
)
def test_wrong_file_is_refused(content: bytes, what: str, cache: Path, tmp_path: Path, monkeypatch):
    path = tmp_path / "fashion-mnist" / "train-images-idx3-ubyte.gz"
    path.parent.mkdir()
    path.write_bytes(content)
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path))
    with pytest.raises(DatasetCorrupt, match=what) as caught:
        fashion_mnist.load_data()
    assert str(caught.value).startswith(f"fashion_mnist: {path} is not the published file: ")
    assert str(caught.value).endswith(". Replace or remove it.")


def test_offline_without_data_says_what_to_do(cache: Path, monkeypatch):
    monkeypatch.setattr(
        fashion_mnist, "_PARTS", {"x_train": (fashion_mnist.DataFile("fashion-mnist", "images.gz"), (), "")}
    )
    with pytest.raises(DatasetUnavailable) as caught:
        fashion_mnist.load_data()
    assert "set LAMINA_DATA to a folder that holds a folder fashion-mnist with images.gz." in str(caught.value)


# When each file was packed, in seconds since 1970, as the published .gz files say in their headers.
PACKED = {"train-images": 1504176606, "train-labels": 1504176606, "t10k-images": 1504176627, "t10k-labels": 1504176627}


def published(path: Path) -> bytes:
    """The file as its authors published it: a copy may lack the name and the time in the gzip header."""
    content, name = path.read_bytes(), path.name.removesuffix(".gz")
    packed = content[content.index(b"\0", 10) + 1 :] if content[3] & 8 else content[10:]
    time = PACKED[name.rpartition("-idx")[0]]
    return b"\x1f\x8b\x08\x08" + struct.pack("<I", time) + b"\0\3" + name.encode() + b"\0" + packed


def test_published_files_pass_their_checksums(server: Server, real_data: Path, tmp_path: Path, monkeypatch):
    parts = {}
    for part, (file, *content) in fashion_mnist._PARTS.items():
        path = real_data / file.folder / file.name
        if not path.is_file():
            pytest.skip("LAMINA_DATA has no Fashion-MNIST")
        url = server.serve(file.name, whole(published(path)))
        parts[part] = (replace(file, urls=(url,)), *content)
    expected = fashion_mnist.load_data()
    monkeypatch.setattr(fashion_mnist, "_PARTS", parts)
    monkeypatch.delenv("LAMINA_DATA")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for _ in ("downloaded", "cached"):
        for ours, theirs in zip(fashion_mnist.load_data(), expected, strict=True):
            np.testing.assert_array_equal(ours[0], theirs[0])
            np.testing.assert_array_equal(ours[1], theirs[1])
    assert len(server.requests) == 4


@pytest.fixture
def data(real_data: Path):
    if not list(real_data.rglob("t10k-labels-idx1-ubyte.gz")):
        pytest.skip("LAMINA_DATA has no Fashion-MNIST")
    return fashion_mnist.load_data()


def test_real_data_has_keras_shapes_and_types(data):
    (x_train, y_train), (x_test, y_test) = data
    assert (x_train.shape, y_train.shape) == ((60000, 28, 28), (60000,))
    assert (x_test.shape, y_test.shape) == ((10000, 28, 28), (10000,))
    assert {array.dtype for pair in data for array in pair} == {np.dtype("uint8")}
    assert all(array.flags.writeable for pair in data for array in pair)


def test_real_data_has_balanced_classes_and_full_range(data):
    (x_train, y_train), (_, y_test) = data
    assert np.bincount(y_train).tolist() == [6000] * 10  # the paper, section 2
    assert np.bincount(y_test).tolist() == [1000] * 10
    assert (x_train.min(), x_train.max()) == (0, 255)
    assert len(fashion_mnist.class_names) == 10
    # Known from Keras' tutorials: the first training image is an ankle boot; mean and spread of the pixels in [0, 1].
    assert fashion_mnist.class_names[y_train[0]] == "Ankle boot"
    assert x_train.mean() / 255 == pytest.approx(0.2860, abs=5e-5)
    assert x_train.std() / 255 == pytest.approx(0.3530, abs=5e-5)
