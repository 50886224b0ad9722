"""The records of a zip archive, for reading and for writing.

Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

END = struct.Struct(
    "<4s4H2LH"
)  # signature, 2 disks, 2 x entries, bytes and place of the directory, bytes of the comment
END64 = struct.Struct("<4sQ2H2L4Q")  # signature, bytes that follow, 2 versions, then as above with more bits
LOCATOR64 = struct.Struct("<4sLQL")  # signature, disk, place of the record above, disks
CENTRAL = struct.Struct("<4s6H3L5H2L")  # of a member, in the directory
LOCAL = struct.Struct("<4s5H3L2H")  # of a member, in front of its bytes
END_SIGN, END64_SIGN, LOCATOR64_SIGN = b"PK\5\6", b"PK\6\6", b"PK\6\7"
CENTRAL_SIGN, LOCAL_SIGN, DESCRIPTOR_SIGN = b"PK\1\2", b"PK\3\4", b"PK\7\10"
FULL16, FULL32 = 0xFFFF, 0xFFFFFFFF  # too small for the value, which has 64 bits and is in another place

STORED, DEFLATED = 0, 8  # methods of compression
ENCRYPTED = 0x0001 | 0x0040 | 0x2000  # flags
DESCRIPTOR, UTF8 = 0x0008, 0x0800
KNOWN_FLAGS = 0x0006 | DESCRIPTOR | UTF8  # 0x0006: how hard deflate tried
ZIP64_FIELD = 0x0001  # the extra field that has sizes of 64 bits
UNIX = 3  # a system whose file modes are in the upper half of the attributes
MAX_NAME = 1024  # bytes


@dataclass(frozen=True)
class Member:
    """One file in an archive."""

    name: str
    size: int  # bytes, unpacked
    stored: int  # bytes in the archive
    start: int  # first of them
    crc: int
    packed: bool  # deflated, else stored as it is


def name_fault(name: str) -> str:
    """What is wrong with the name of a member; "" for a plain relative path with "/" between its parts.

    Example:
        >>> name_fault("assets/words.txt"), name_fault("../words.txt")
        ('', "the part '..'")
    """
    if not name or len(name.encode("utf-8", "replace")) > MAX_NAME:
        return f"its length (1 to {MAX_NAME} bytes)"
    if not name.isprintable() or "\\" in name or ":" in name:
        return "a backslash, a colon or a control character"
    if name.startswith("/"):
        return "the slash at its beginning"
    bad = next((part for part in name.removesuffix("/").split("/") if part in ("", ".", "..")), None)
    return "" if bad is None else f"the part {bad!r}"
