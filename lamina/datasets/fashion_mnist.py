"""Fashion-MNIST: 70,000 small grey images of clothes in ten classes."""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from lamina.datasets._errors import DatasetCorrupt
from lamina.datasets._files import DataFile, obtain
from lamina.datasets._split import Split

class_names = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

_MIRRORS = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)


def _file(name: str, sha256: str) -> DataFile:
    return DataFile("fashion-mnist", name, tuple(mirror + name for mirror in _MIRRORS), sha256)


# Part: the file as published, and the shape and SHA-256 of the array inside. Copies that were packed anew (another
# checksum of the .gz) are as good, and MNIST's files, which have the same four names, are told apart.
_PARTS = {
    "x_train": (
        _file("train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        (60000, 28, 28),
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    "y_train": (
        _file("train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        (60000,),
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "x_test": (
        _file("t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        (10000, 28, 28),
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    "y_test": (
        _file("t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
        (10000,),
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}


def load_data() -> Split:
    """Fashion-MNIST as `(x_train, y_train), (x_test, y_test)`.

    Differs from Keras: the arrays can be written to, and what is in the files is verified.

    Returns:
        x_train: (60000, 28, 28), uint8, grey values from 0 (background) to 255.
        y_train: (60000,), uint8, classes 0 to 9 in the order of `class_names`, 6,000 of each.
        x_test, y_test: the same with 10,000 images, 1,000 of each class.
    Raises:
        DatasetUnavailable: A file is not on this machine and cannot be downloaded.
        DatasetCorrupt: A file under LAMINA_DATA is not the one of Fashion-MNIST.
    Source: Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747, https://github.com/zalandoresearch/fashion-mnist;
        copyright Zalando SE, MIT licence.
    Example:
        >>> from lamina.datasets import fashion_mnist
        >>> (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()  # doctest: +SKIP
        >>> fashion_mnist.class_names[9]
        'Ankle boot'
    """
    arrays = {part: _load(*description) for part, description in _PARTS.items()}
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def _load(file: DataFile, shape: tuple[int, ...], sha256: str) -> np.ndarray:
    names = ", ".join(part.name for part, _, _ in _PARTS.values())
    path = obtain("fashion_mnist", [file], f"a folder {file.folder} with {names}")
    content = _unpack(path, idx_header(shape), math.prod(shape))
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _corrupt(path, "it is whole, but holds other data than Fashion-MNIST (MNIST's files have the same names)")
    return np.frombuffer(content, np.uint8, offset=4 + 4 * len(shape)).reshape(shape).copy()


def idx_header(shape: tuple[int, ...]) -> bytes:
    """First bytes of an IDX file of uint8: two zeros, type 8, rank, then the lengths as big-endian int32."""
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)


def _unpack(path: Path, header: bytes, values: int) -> bytes:
    """The file's content, which must be exactly this header and this many bytes."""
    expected = len(header) + values
    unpacker = zlib.decompressobj(wbits=31)  # 31: gzip, checksum verified
    try:
        content = unpacker.decompress(path.read_bytes(), expected + 1)  # never more than expected, whatever the file
    except zlib.error as error:
        raise _corrupt(path, f"it cannot be unpacked ({error})") from None
    if content[:4] != header[:4]:
        raise _corrupt(
            path, f"it begins with {content[:4].hex() or 'nothing'} instead of the IDX mark {header[:4].hex()}"
        )
    if content[: len(header)] != header:
        lengths = struct.unpack(f">{len(header) // 4 - 1}I", content[4 : len(header)].ljust(len(header) - 4, b"\0"))
        raise _corrupt(path, f"its header announces an array of shape {lengths}")
    if len(content) != expected or not unpacker.eof:
        raise _corrupt(path, f"it is cut short or too long, {expected:,} bytes unpacked were expected")
    return content


def _corrupt(path: Path, what: str) -> DatasetCorrupt:
    return DatasetCorrupt(f"fashion_mnist: {path} is not the published file: {what}. Replace or remove it.")
