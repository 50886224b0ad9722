"""CIFAR-10: 60,000 small colour photographs in ten classes."""

from __future__ import annotations

import tarfile
import zlib
from pathlib import Path

import numpy as np

from lamina.datasets._errors import DatasetCorrupt
from lamina.datasets._files import DataFile, obtain
from lamina.datasets._split import Split

class_names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_FILE = DataFile(
    "cifar-10",
    "cifar-10-binary.tar.gz",
    (
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz",
    ),
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)
_BATCHES = (
    "cifar-10-batches-bin/data_batch_1.bin",
    "cifar-10-batches-bin/data_batch_2.bin",
    "cifar-10-batches-bin/data_batch_3.bin",
    "cifar-10-batches-bin/data_batch_4.bin",
    "cifar-10-batches-bin/data_batch_5.bin",
    "cifar-10-batches-bin/test_batch.bin",
)
_IMAGES, _RECORD = 10000, 1 + 3 * 32 * 32  # images in a batch; bytes of one: label, then red, green and blue plane


def load_data() -> Split:
    """CIFAR-10 as `(x_train, y_train), (x_test, y_test)`.

    Differs from Keras: reads the binary version of the archive, because the Python version is a pickle, which can run
    code; the images are the same, in the same order. Images are always channels-last, and contiguous in memory.

    Returns:
        x_train: (50000, 32, 32, 3), uint8, red, green and blue from 0 to 255.
        y_train: (50000, 1), uint8, classes 0 to 9 in the order of `class_names`, 5,000 of each.
        x_test, y_test: the same with 10,000 images, 1,000 of each class.
    Raises:
        DatasetUnavailable: The archive is not on this machine and cannot be downloaded.
        DatasetCorrupt: The archive under LAMINA_DATA is not CIFAR-10's binary version.
    Source: Krizhevsky 2009, Learning multiple layers of features from tiny images,
        https://www.cs.toronto.edu/~kriz/cifar.html; no licence stated.
    Example:
        >>> from lamina.datasets import cifar10
        >>> (x_train, y_train), (x_test, y_test) = cifar10.load_data()  # doctest: +SKIP
        >>> cifar10.class_names[3]
        'cat'
    """
    records = _read(obtain("cifar10", [_FILE], f"{_FILE.folder}/{_FILE.name}"))
    labels = records[:, :1].copy()
    images = np.ascontiguousarray(records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    train = 5 * _IMAGES
    return (images[:train], labels[:train]), (images[train:], labels[train:])


def _read(path: Path) -> np.ndarray:
    """The records of all batches, training before test, (60000, 3073), straight out of the archive."""
    records = np.empty((len(_BATCHES), _IMAGES * _RECORD), np.uint8)
    missing = set(_BATCHES)
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                if member.name not in missing or not member.isreg():
                    continue
                if member.size != records.shape[1]:
                    raise _corrupt(path, f"{member.name} has {member.size:,} bytes, expected {records.shape[1]:,}")
                content = archive.extractfile(member).read()  # type: ignore[union-attr]  # None only if not a file
                records[_BATCHES.index(member.name)] = np.frombuffer(content, np.uint8)
                missing.remove(member.name)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise _corrupt(path, f"it is not a whole .tar.gz archive ({error})") from None
    if missing:
        raise _corrupt(path, f"it lacks {', '.join(sorted(missing))}")
    records = records.reshape(-1, _RECORD)
    if records[:, 0].max() > 9:
        raise _corrupt(path, f"it has a label {records[:, 0].max()}, the classes end at 9")
    return records


def _corrupt(path: Path, what: str) -> DatasetCorrupt:
    return DatasetCorrupt(f"cifar10: {path} is not CIFAR-10's binary archive: {what}. Replace or remove it.")
