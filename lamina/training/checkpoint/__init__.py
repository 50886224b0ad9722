"""Checkpoints: a run that was killed goes on bit for bit where its last checkpoint stands.

    loop.fit -> Resume: which checkpoint to begin at, when to save              (resume)
             -> Snapshot: the state of a run by reference, and what run it is   (snapshot, plain, fingerprint)
             -> Writer: a thread -> Folder: lock, numbers, the two newest       (writer, folder, lock, file)

Read `resume.py` first.
"""

from lamina.training.checkpoint.resume import NoResume, Resume, resuming
from lamina.training.checkpoint.snapshot import Position

__all__ = ["NoResume", "Position", "Resume", "resuming"]
