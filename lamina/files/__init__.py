"""Bytes on disk: the one reader and the one writer of every file that lamina opens; knows nothing of layers.

`open_file` gives an `OpenFile`, which `Archive`, `Hdf5Reader` and `SafetensorsReader` read without trusting a byte of
it; what they refuse is a `FileError`. `replacing` gives a temporary file beside the target, which `ArchiveWriter`,
`Hdf5Writer` and `SafetensorsWriter` fill, and puts it in the target's place when all of it is on the disk. Read
`opening.py` and `writing.py` first.
"""

from lamina.core.errors import FileError
from lamina.files.archive import Archive, ArchiveWriter
from lamina.files.array_info import ArrayInfo
from lamina.files.hdf5 import Hdf5Reader, Hdf5Writer, append_checksum, verify_checksum
from lamina.files.opening import OpenFile, open_beside, open_file, to_path
from lamina.files.safetensors import SafetensorsReader, SafetensorsWriter
from lamina.files.strict_json import parse_json, to_json
from lamina.files.writing import replacing

__all__ = [
    "to_path",
    "open_file",
    "open_beside",
    "OpenFile",
    "replacing",
    "parse_json",
    "to_json",
    "Archive",
    "ArchiveWriter",
    "Hdf5Reader",
    "Hdf5Writer",
    "ArrayInfo",
    "append_checksum",
    "verify_checksum",
    "SafetensorsReader",
    "SafetensorsWriter",
    "FileError",
]
