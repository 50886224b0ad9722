"""Files as those of models, for tests of what happens to them when something fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from lamina.files import Archive, ArchiveWriter, Hdf5Reader, Hdf5Writer, SafetensorsWriter, open_file, replacing

WORDS = b"words\n" * 1000


def save_archive(path: Path, arrays: int = 10) -> None:
    with replacing(path) as stream:
        archive = ArchiveWriter(stream)
        archive.add("config.json", b'{"class_name": "Sequential"}' * 100)
        with archive.stream("model.weights.h5") as member:
            _save_arrays(Hdf5Writer(member), arrays)
        archive.add("assets/words.txt", WORDS)
        archive.close()


def save_weights(path: Path, arrays: int = 10) -> None:
    with replacing(path) as stream:
        _save_arrays(Hdf5Writer(stream, checksum=True), arrays)


def save_safetensors(path: Path, arrays: int = 30) -> None:
    with replacing(path) as stream:
        SafetensorsWriter(stream).write({str(n): np.full((50, 50), n, "f4") for n in range(arrays)})


def _save_arrays(writer: Hdf5Writer, count: int) -> None:
    for number in range(count):
        writer.array(f"layers/dense_{number}/vars/0", np.full((50, 50), number, "f4"))
    writer.close()


def assert_whole_archive(path: Path) -> None:
    with open_file(path) as file:
        archive = Archive(file)
        assert archive.read("assets/words.txt", len(WORDS)) == WORDS
        with Hdf5Reader(archive.view("model.weights.h5"), file.path) as reader:
            assert reader.arrays
            for name in reader.arrays:
                assert (reader.read(name) == int(name.split("_")[1].split("/")[0])).all()


SAVES: dict[str, Callable[[Path], None]] = {
    "archive": save_archive,
    "weights": save_weights,
    "safetensors": save_safetensors,
}
