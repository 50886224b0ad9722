"""MNIST's archive: its arrays are checked, pickles are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lamina.datasets import DatasetCorrupt, DatasetUnavailable, mnist


def arrays(**changed: np.ndarray) -> dict[str, np.ndarray]:
    digits = np.arange(60000, dtype=np.uint8) % 10
    images = np.zeros((60000, 28, 28), np.uint8)
    images[:, 0, 0] = digits
    return {"x_train": images, "y_train": digits, "x_test": images[:10000], "y_test": digits[:10000], **changed}


@pytest.fixture
def folder(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path))
    return tmp_path


def test_archive_is_read_from_lamina_data(folder: Path):
    np.savez_compressed(folder / "mnist.npz", **arrays())
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert (x_train.shape, y_train.shape, x_test.shape, y_test.shape) == (
        (60000, 28, 28),
        (60000,),
        (10000, 28, 28),
        (10000,),
    )
    np.testing.assert_array_equal(x_train[:, 0, 0], y_train)
    assert x_test.dtype == y_test.dtype == np.uint8


def test_path_may_be_another_name_or_absolute(folder: Path, monkeypatch):
    np.savez_compressed(folder / "other.npz", **arrays())
    assert mnist.load_data("other.npz")[0][0].shape == (60000, 28, 28)
    monkeypatch.delenv("LAMINA_DATA")
    before = (folder / "other.npz").read_bytes()
    assert mnist.load_data(path=folder / "other.npz")[0][0].shape == (60000, 28, 28)
    assert (folder / "other.npz").read_bytes() == before


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"x_train": np.zeros((3, 28, 28), np.uint8)}, r"x_train has shape \(3, 28, 28\) and dtype uint8, expected"),
        ({"y_test": np.zeros(10000)}, r"y_test has shape \(10000,\) and dtype float64, expected \(10000,\) and uint8"),
        ({"y_test": np.full(10000, 10, np.uint8)}, "y_test has a label 10, the digits end at 9"),
        (
            {"x_train": np.array([print], object)},
            "is not a NumPy archive with the arrays x_train, y_train, x_test, y_test",
        ),
    ],
    ids=["shape", "dtype", "label", "pickle"],
)
def test_wrong_arrays_are_refused(changed, what, folder: Path):
    np.savez_compressed(folder / "mnist.npz", **arrays(**changed))
    with pytest.raises(DatasetCorrupt, match=what) as caught:
        mnist.load_data()
    assert str(caught.value).startswith(f"mnist: {folder / 'mnist.npz'}")


def test_missing_array_and_broken_archives_are_refused(folder: Path):
    path = folder / "mnist.npz"
    np.savez(path, x_train=np.zeros(3))
    with pytest.raises(DatasetCorrupt, match="is not a NumPy archive with the arrays"):
        mnist.load_data()
    whole = path.read_bytes()
    np.save(folder / "single.npy", np.zeros(3))
    for content in (b"", b"<html>", whole[: len(whole) // 2], (folder / "single.npy").read_bytes()):
        path.write_bytes(content)
        with pytest.raises(DatasetCorrupt, match="is not a NumPy archive with the arrays"):
            mnist.load_data()


def test_bits_that_flipped_are_noticed(folder: Path):
    path = folder / "mnist.npz"
    np.savez(path, **arrays())
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetCorrupt, match="Bad CRC-32"):
        mnist.load_data()


def test_absent_archive_says_what_to_do(folder: Path, monkeypatch):
    monkeypatch.setattr(mnist, "_FILE", mnist.DataFile("mnist", "mnist.npz"))
    with pytest.raises(DatasetUnavailable, match=r"set LAMINA_DATA to a folder that holds mnist\.npz\."):
        mnist.load_data()
