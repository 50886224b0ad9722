"""Embedding tables for TensorBoard's projector."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lamina.core.errors import closest_match
from lamina.files import to_path
from lamina.layers import Embedding
from lamina.summary import _package


class Embeddings:
    """Writes the tables of a model's `Embedding` layers, and the file that tells the projector of them.

    Args:
        model: Built model.
        labels: File with a label for each row, for all tables; or a dict from names of layers to such files. Relative
            paths start in `log_dir`, or else in the working folder.
        log_dir: Folder of the runs' folders.

    Raises:
        ValueError: a name that no embedding layer has. FileNotFoundError: no such file.
    """

    def __init__(self, model: Any, labels: Any, log_dir: Path) -> None:
        self.layers = [layer for layer in model.tree.layers if isinstance(layer, Embedding)]
        names = [layer.name for layer in self.layers]
        if not isinstance(labels, Mapping):
            labels = {} if labels is None else dict.fromkeys(names, labels)
        for name in labels:
            if name not in names:
                raise ValueError(
                    f"TensorBoard: embeddings_metadata: no Embedding layer named {name!r} in model {model.name!r}."
                    f"{closest_match(name, names)} There are: {', '.join(names) or 'none'}."
                )
        self._labels = {name: _find(to_path(file), log_dir) for name, file in labels.items()}

    def write(self, folder: Path, epoch: int) -> None:
        """Write `<layer>-<epoch>.tsv` for each table, and `projector_config.pbtxt`, which names the newest first.

        The files with the labels are copied beside them: the projector opens nothing outside of the run's folder.
        """
        from google.protobuf import text_format

        folder.mkdir(parents=True, exist_ok=True)
        config = _package.plugin("projector").ProjectorConfig()
        for layer in self.layers:
            stem = layer.path.replace("/", "_")
            table = np.asarray(layer.embeddings.value, np.float32)
            rows = ("\t".join(f"{value:.9g}" for value in row) for row in table)
            _write(folder / f"{stem}-{epoch}.tsv", "\n".join(rows) + "\n")
            labels = self._labels.get(layer.name)
            if labels is not None:
                _write(folder / f"{stem}-labels.tsv", labels.read_text(encoding="utf-8"))
            written = [file.stem.removeprefix(f"{stem}-") for file in folder.glob(f"{stem}-*.tsv")]
            for number in sorted((int(text) for text in written if text.isdecimal()), reverse=True):
                entry = config.embeddings.add()
                entry.tensor_name = f"{layer.path} (epoch {number})"
                entry.tensor_path = f"{stem}-{number}.tsv"
                if labels is not None:
                    entry.metadata_path = f"{stem}-labels.tsv"
        _write(folder / "projector_config.pbtxt", text_format.MessageToString(config))


def _find(file: Path, log_dir: Path) -> Path:
    for path in (log_dir / file, file):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"TensorBoard: embeddings_metadata: there is no file {str(log_dir / file)!r}. Write it first: a line of text "
        "for each row of the table."
    )


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
