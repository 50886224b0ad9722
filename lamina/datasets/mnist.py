"""MNIST: 70,000 small grey images of handwritten digits."""

from __future__ import annotations

import os

from lamina.datasets._errors import DatasetCorrupt
from lamina.datasets._files import DataFile, obtain, renamed
from lamina.datasets._npz import read_npz
from lamina.datasets._split import Split

class_names = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")

_FILE = DataFile(
    "mnist",
    "mnist.npz",
    (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
        "https://s3.amazonaws.com/img-datasets/mnist.npz",
    ),
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)
_SHAPES = {"x_train": (60000, 28, 28), "y_train": (60000,), "x_test": (10000, 28, 28), "y_test": (10000,)}


def load_data(path: str | os.PathLike[str] = "mnist.npz") -> Split:
    """MNIST as `(x_train, y_train), (x_test, y_test)`.

    Differs from Keras: a file of your own at an absolute `path` is read, never replaced.

    Args:
        path: Name of the file, relative to LAMINA_DATA and to the cache, or absolute. Default "mnist.npz".
    Returns:
        x_train: (60000, 28, 28), uint8, grey values from 0 (background) to 255.
        y_train: (60000,), uint8, the digits 0 to 9.
        x_test, y_test: the same with 10,000 images.
    Raises:
        DatasetUnavailable: The file is not on this machine and cannot be downloaded.
        DatasetCorrupt: The file under LAMINA_DATA does not hold these arrays.
    Source: LeCun, Bottou, Bengio, Haffner 1998, Proceedings of the IEEE 86(11), http://yann.lecun.com/exdb/mnist/;
        Creative Commons Attribution-Share Alike 3.0.
    Example:
        >>> from lamina.datasets import mnist
        >>> (x_train, y_train), (x_test, y_test) = mnist.load_data()  # doctest: +SKIP
        >>> len(mnist.class_names)
        10
    """
    file = _FILE if os.fspath(path) == _FILE.name else renamed(_FILE, path)
    found = obtain("mnist", [file], file.name)
    arrays = read_npz("mnist", found, _SHAPES, "uint8")
    for part in ("y_train", "y_test"):
        if arrays[part].max() > 9:
            raise DatasetCorrupt(f"mnist: {found}: {part} has a label {arrays[part].max()}, the digits end at 9.")
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
