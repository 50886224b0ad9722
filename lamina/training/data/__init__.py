"""What `fit`, `evaluate` and `predict` accept -> arrays, or batches of arrays, on the host.

    is_stream(x)? -- no --> as_arrays -> check_lengths, check_finite -> train_validation_split     (arrays, checks)
                 -- yes -> Stream, an epoch of (x, y, sample_weight) batches, read ahead on a thread       (stream)

Nothing here computes on a device or compiles. Read `arrays.py` first.
"""

from __future__ import annotations

from lamina.training.data.arrays import as_arrays, is_stream
from lamina.training.data.checks import check_finite, check_lengths
from lamina.training.data.dtypes import target_dtype
from lamina.training.data.split import train_validation_split
from lamina.training.data.stream import Stream, unpack
from lamina.training.data.tape import Tape
from lamina.training.data.weights import class_weights_to_sample_weights, standardize_weights

__all__ = [
    "as_arrays",
    "is_stream",
    "target_dtype",
    "check_lengths",
    "check_finite",
    "train_validation_split",
    "class_weights_to_sample_weights",
    "standardize_weights",
    "Stream",
    "Tape",
    "unpack",
]
