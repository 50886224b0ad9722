"""Zip archives: read without believing them, written so that a changed byte is noticed.

`form.py` has the records of the format, `directory.py` finds the members, `reader.py` and `writer.py` are what other
rooms use.
"""

from lamina.files.archive.reader import Archive
from lamina.files.archive.writer import ArchiveWriter

__all__ = ["Archive", "ArchiveWriter"]
