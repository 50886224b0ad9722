"""The first bytes of an HDF5 file: its version, its size and where the root group is."""

from __future__ import annotations

from lamina.files.hdf5.source import UNDEFINED, Fields, Refused, Source

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LENGTHS = {0: 96, 1: 100, 2: 48, 3: 48}  # bytes, by version


def root_address(source: Source) -> int:
    """Address of the root group; what lies behind the declared end of the file is no longer a part of `source`."""
    if source.size < 9 or source.look(0, 8) != SIGNATURE:
        raise Refused("it is no HDF5 file", "signature")
    version = source.look(8, 1)[0]
    if version not in LENGTHS:
        raise Refused(f"expected a superblock of version 0 to 3, received {version}", "version")
    fields = Fields(source.take(0, LENGTHS[version]))
    fields.take(9)
    base, end, root = _classic(fields, version) if version < 2 else _modern(fields)
    if base != 0 or end > source.size:
        raise Refused(f"it declares bytes {base} to {end}, but the file has {source.size}", "truncated")
    source.size = end
    return root


def _classic(fields: Fields, version: int) -> tuple[int, int, int]:
    _check_widths(fields.take(4)[-1], *fields.take(2))
    fields.take(1 + 4 + 4 + (4 if version == 1 else 0))  # sizes of nodes, flags
    base, _, end, driver = fields.numbers(4)
    if driver != UNDEFINED:
        raise Refused("it is a part of an HDF5 file of several files", "external")
    _, root = fields.numbers(2)
    return base, end, root


def _modern(fields: Fields) -> tuple[int, int, int]:
    _check_widths(0, *fields.take(2))
    if fields.number(1):
        raise Refused("it was not closed by the program that wrote it", "open")
    base, extension, end, root = fields.numbers(4)
    if extension != UNDEFINED:
        raise Refused("expected no extension of the superblock", "version")
    return base, end, root


def _check_widths(shared: int, offsets: int, lengths: int) -> None:
    if (shared, offsets, lengths) != (0, 8, 8):
        raise Refused(f"expected addresses and lengths of 8 bytes, received {offsets} and {lengths}", "version")
