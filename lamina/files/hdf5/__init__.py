"""HDF5: arrays and attributes in a tree of groups, as Keras keeps weights.

It is read by code of our own. HDF5's C library crashes and hangs on broken files: of 20,000 files with a few changed
bytes, 7 ended the process and 8 did not end within 10 s (HDF5 2.0.0, h5py 3.16.0). To find that out beforehand, all
structures have to be followed to the last byte; what remains to be done then is to read the bytes.

It is written by code of our own, too: the C library cannot close a file that it cannot write (a full disk, a Ctrl-C),
and then crashes the process at its end; and now the bytes are the same whatever its version.

The way of a file: `source.py` gives its bytes, each to one structure only; `superblock.py` finds the root group;
`objects.py` the messages of a group or an array, `messages.py` what they say; `groups.py` the members of a group;
`arrays.py` the bytes of an array, `chunks.py` its pieces. `reader.py` walks the tree. `writer.py` makes one, with
`encoding.py` and `tables.py`.
Source: HDF5 File Format Specification 3.0, https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html.
"""

from lamina.files.hdf5.checksum import append_checksum, verify_checksum
from lamina.files.hdf5.reader import Hdf5Reader
from lamina.files.hdf5.writer import Hdf5Writer

__all__ = ["Hdf5Reader", "Hdf5Writer", "append_checksum", "verify_checksum"]
