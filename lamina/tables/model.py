"""`TableModel`: a network with its preprocessing and its target; predictions and scores of tables; a folder of data."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import lamina
from lamina.files import FileError, open_file, parse_json, replacing, to_json
from lamina.files.strict_json import MAX_BYTES
from lamina.tables.errors import TableError, pyarrow
from lamina.tables.preprocessing import TablePreprocessor, as_table
from lamina.tables.reading import check_columns
from lamina.tables.target import Target

NETWORK, TABLE = "model.keras", "table.json"


@dataclass
class TableModel:
    """Predicts a column of tables.

    Fields:
        network: A built model: (rows, features) -> (rows, classes) probabilities, or (rows, 1).
        preprocessing: Makes the features.
        target: What is predicted.
        info: Further things to keep in the folder, in JSON's types: scores, seed, versions.
    """

    network: Any
    preprocessing: TablePreprocessor
    target: Target
    info: dict[str, Any] = field(default_factory=dict)

    def predict(self, table: Any) -> Any:
        """Return a `pyarrow.Table` with the columns "prediction" and, for classes, "probability of ..." for each.

        Args:
            table: A `pyarrow.Table`, a pandas or Polars frame, or a dict of columns; the target may be among them.
        Raises:
            TableError: a column is missing or of another type than in training.
        """
        features = self.preprocessing.transform(as_table(table))
        return pyarrow().table(self.target.decode(self.network.predict(features, verbose=0)))

    def evaluate(self, table: Any) -> dict[str, float]:
        """Return scores on rows whose target is known: see `scores`."""
        return self.evaluate_parts([as_table(table)])

    def evaluate_parts(self, parts: Iterable[Any]) -> dict[str, float]:
        """Return scores on the rows of several tables; rows without a target are left out.

        Raises:
            TableError: the target's column is missing, empty, or holds other classes than in training.
        """
        truth, outputs = [], []
        for part in parts:
            check_columns("the table", part.column_names, [self.target.name])
            known = part.filter(pyarrow().compute.is_valid(part.column(self.target.name)))
            if known.num_rows:
                truth.append(self.target.encode(known.column(self.target.name)))
                outputs.append(self.network.predict(self.preprocessing.transform(known), verbose=0))
        if not truth:
            raise TableError(f"no row has a value of the target {self.target.name!r}.")
        return scores(self.target, np.concatenate(truth), np.concatenate(outputs))

    def save(self, folder: str | os.PathLike[str]) -> Path:
        """Write `model.keras` and `table.json` into a folder, which is made if need be.

        Raises:
            OSError: the folder cannot be written to.
        """
        folder = Path(folder).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        self.network.save(folder / NETWORK)
        config = {
            "target": self.target.get_config(),
            "preprocessing": self.preprocessing.get_config(),
            "info": self.info,
        }
        with replacing(folder / TABLE) as stream:
            stream.write(to_json(config, indent=1))
        return folder


def load(folder: str | os.PathLike[str]) -> TableModel:
    """Read a folder that `TableModel.save` or `lamina train` wrote. Nothing from it is run.

    Raises:
        TableError: not such a folder.
        FileError: a file in it is broken.
    """
    folder = Path(folder).expanduser()
    for name in (TABLE, NETWORK):
        if not (folder / name).is_file():
            raise TableError(f"{folder}: not a model's folder: it has no {name}. `lamina train` makes such folders.")
    with open_file(folder / TABLE) as file:
        config = parse_json(file.window().read(MAX_BYTES + 1), file.path, "")
    if not isinstance(config, dict):
        raise FileError(folder / TABLE, "", f"expected an object, received {type(config).__name__}")
    target = Target.from_config(config.get("target", {}))
    preprocessing = TablePreprocessor.from_config(config.get("preprocessing", {}))
    info = config.get("info", {})
    signs = info.get("missing", []) if isinstance(info, dict) else None
    if not isinstance(signs, list) or not all(isinstance(sign, str) for sign in signs):
        raise TableError(
            f"{folder / TABLE}: info: expected an object whose 'missing' is a list of texts, received {info!r:.100}."
        )
    return TableModel(lamina.models.load_model(folder / NETWORK), preprocessing, target, info)


def scores(target: Target, y: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
    """Return scikit-learn's scores by name.

    Args:
        target: What was predicted.
        y: What `target.encode` returned, (rows,).
        outputs: Of a network, (rows, classes) or (rows, 1).
    Returns: of numbers "RMSE", "MAE" and "R2"; of classes "accuracy", "balanced accuracy", "F1 (macro)", "log loss"
        and, of two, "ROC AUC".
    """
    from sklearn import metrics

    if target.task == "regression":
        guess = outputs[:, 0].astype(np.float64)
        return {
            "RMSE": float(metrics.root_mean_squared_error(y, guess)),
            "MAE": float(metrics.mean_absolute_error(y, guess)),
            "R2": float(metrics.r2_score(y, guess)) if len(y) > 1 else float("nan"),
        }
    labels, guess = np.arange(len(target.classes)), outputs.argmax(axis=1)
    probabilities = outputs.astype(np.float64) / outputs.sum(axis=1, keepdims=True, dtype=np.float64)
    present = np.unique(y)
    result = {
        "accuracy": float(metrics.accuracy_score(y, guess)),
        "balanced accuracy": float(np.mean([(guess[y == label] == label).mean() for label in present])),
        "F1 (macro)": float(metrics.f1_score(y, guess, labels=present, average="macro")),
        "log loss": float(metrics.log_loss(y, probabilities, labels=labels)),
    }
    if len(labels) == 2 and len(present) == 2:
        result["ROC AUC"] = float(metrics.roc_auc_score(y, outputs[:, 1]))
    return result
