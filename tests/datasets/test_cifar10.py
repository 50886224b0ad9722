"""CIFAR-10's binary archive, built here to the layout that its authors describe."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from lamina.datasets import DatasetCorrupt, cifar10

NAMES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]


def archive(path: Path, batches: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in batches.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


@pytest.fixture
def path(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path))
    (tmp_path / "cifar-10").mkdir()
    return tmp_path / "cifar-10" / "cifar-10-binary.tar.gz"


def test_records_become_images_in_keras_shapes(path: Path):
    # One record: the label, then 1024 bytes each of red, green, blue, row by row.
    batches = {}
    for number, name in enumerate(NAMES):
        records = np.zeros((10000, 3073), np.uint8)
        records[:, 0] = np.arange(10000) % 10
        records[:, 1] = number  # red, top left
        records[:, 1 + 1024 + 31] = 100  # green, top right
        records[:, 1 + 2048 + 31 * 32] = 200  # blue, bottom left
        batches[name] = records.tobytes()
    archive(path, {"readme.html": b"<html>", **dict(reversed(batches.items()))})

    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    assert (x_train.shape, y_train.shape) == ((50000, 32, 32, 3), (50000, 1))
    assert (x_test.shape, y_test.shape) == ((10000, 32, 32, 3), (10000, 1))
    assert x_train.dtype == y_train.dtype == x_test.dtype == y_test.dtype == np.uint8
    assert x_train[::10000, 0, 0, 0].tolist() == [0, 1, 2, 3, 4]
    assert x_test[0, 0, 0].tolist() == [5, 0, 0]
    assert x_test[7, 0, 31].tolist() == [0, 100, 0]
    assert x_test[7, 31, 0].tolist() == [0, 0, 200]
    assert y_train[:12, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert x_train.flags.c_contiguous


def test_wrong_archives_are_refused(path: Path):
    path.write_bytes(b"<html>")
    with pytest.raises(DatasetCorrupt, match=r"is not CIFAR-10's binary archive: it is not a whole \.tar\.gz archive"):
        cifar10.load_data()
    archive(path, {"data_batch_1.bin": bytes(3073)})
    with pytest.raises(DatasetCorrupt, match=r"data_batch_1\.bin has 3,073 bytes, expected 30,730,000"):
        cifar10.load_data()
    batch = bytes(30_730_000)
    archive(path, dict.fromkeys(NAMES[1:], batch))
    with pytest.raises(DatasetCorrupt, match=r"it lacks cifar-10-batches-bin/data_batch_1\.bin"):
        cifar10.load_data()
    path.write_bytes(path.read_bytes()[:50_000])
    with pytest.raises(DatasetCorrupt, match=r"it is not a whole \.tar\.gz archive"):
        cifar10.load_data()
    archive(path, {**dict.fromkeys(NAMES[1:], batch), NAMES[0]: b"\x0a" + batch[1:]})
    with pytest.raises(DatasetCorrupt, match="it has a label 10, the classes end at 9"):
        cifar10.load_data()
