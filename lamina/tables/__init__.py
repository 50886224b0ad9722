"""Tables: from a CSV, Parquet or Arrow file to a trained network and its predictions. `lamina train` stands on this.

In: a file or a `pyarrow.Table` with a column to predict. Out: a `TableModel` (network, preprocessing and target), which
is saved as a folder of data, never of code. Needs `pip install "lamina[tables]"` (PyArrow).
`reading.py` opens files, `columns.py` turns columns into numbers, `target.py` knows the task, `training.py` trains
(read that first), `model.py` predicts, evaluates, saves and loads.
"""

from lamina.tables.errors import TableError
from lamina.tables.model import TableModel, load
from lamina.tables.preprocessing import TablePreprocessor, as_table
from lamina.tables.reading import read, read_in_parts
from lamina.tables.target import Target
from lamina.tables.training import Prepared, Trained, network, prepare, split, train

__all__ = [
    "Prepared",
    "TableError",
    "TableModel",
    "TablePreprocessor",
    "Target",
    "Trained",
    "as_table",
    "load",
    "network",
    "prepare",
    "read",
    "read_in_parts",
    "split",
    "train",
]
