"""Archives written by Python's zipfile, and archives with bytes changed."""

from __future__ import annotations

import io
import zipfile

from lamina.files import Archive, OpenFile

FILES = {"metadata.json": b'{"a": 1}', "config.json": b"{}" * 500, "assets/words.txt": "Wörter\n".encode() * 100}


def zipped(files: dict[str, bytes] | None = None, method: int = zipfile.ZIP_STORED, **options) -> bytes:
    """A zip archive as Python writes it."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method, **options) as archive:
        for name, data in (FILES if files is None else files).items():
            archive.writestr(name, data)
    return stream.getvalue()


def opened(data: bytes) -> Archive:
    """The archive of these bytes, called m.keras."""
    return Archive(OpenFile("m.keras", io.BytesIO(data), owned=False))


def changed(data: bytes, place: int, new: bytes) -> bytes:
    """The same bytes with others from `place` on; a negative place counts from the end."""
    place %= len(data)
    return data[:place] + new + data[place + len(new) :]


def nth(data: bytes, sign: bytes, number: int = 0) -> int:
    """Place of the n-th occurrence of a signature."""
    place = -1
    for _ in range(number + 1):
        place = data.index(sign, place + 1)
    return place
