"""`History`: what `fit` returns, the losses and metrics of every epoch."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lamina.training.callbacks.base import Callback, Logs

if TYPE_CHECKING:
    import pandas


class History(Callback):
    """The record of a training.

    Attributes:
        history: Dict from name (`loss`, `accuracy`, `val_loss`, …) to the list of its values, one an epoch in which it
            was measured; names in the order of the logs.
        epoch: The epochs that were run, from 0.
        params: Dict with `verbose`, `epochs` and `steps` (batches an epoch).
        model: The trained model.

    `pandas.DataFrame(history.history)` works as long as every value was measured in every epoch; `to_pandas` always.

    Example:
        >>> history = History()
        >>> history.on_epoch_end(0, {"accuracy": 0.7, "loss": 0.9})
        >>> history.on_epoch_end(1, {"accuracy": 0.8, "loss": 0.5})
        >>> history.history
        {'accuracy': [0.7, 0.8], 'loss': [0.9, 0.5]}
        >>> history
        <History of 2 epochs: accuracy 0.7000 to 0.8000, loss 0.9000 to 0.5000>
    """

    def __init__(self) -> None:
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []
        self._measured: dict[str, list[int]] = {}  # the epochs of each value in `history`

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Append the epoch's values."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self._measured.setdefault(name, []).append(epoch)

    def get_state(self) -> dict[str, Any]:
        """Return the record, for a checkpoint."""
        return {"history": self.history, "epoch": self.epoch, "measured": self._measured}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Take up what `get_state` returned."""
        history, epoch, measured = state["history"], state["epoch"], state["measured"]
        lists = [epoch, *history.values(), *measured.values()]
        if not all(isinstance(values, list) for values in lists) or history.keys() != measured.keys():
            raise ValueError("expected lists of values, and for each the list of its epochs")
        self.history, self.epoch, self._measured = history, epoch, measured

    def to_pandas(self) -> pandas.DataFrame:
        """Return one row an epoch and one column a value; NaN where an epoch did not measure it.

        Raises:
            ImportError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("History.to_pandas needs pandas. Install it: pip install pandas") from error
        columns = {name: pd.Series(values, self._measured[name]) for name, values in self.history.items()}
        return pd.DataFrame(columns, index=pd.Index(self.epoch, name="epoch", dtype="int64"))

    def plot(self, **options: Any) -> Any:
        """Draw the learning curves; takes the options of `lamina.visual.learning_curves` and returns what it does."""
        from lamina.visual import learning_curves

        return learning_curves(self, **options)

    def __repr__(self) -> str:
        changes = ", ".join(f"{name} {_short(v[0])} to {_short(v[-1])}" for name, v in self.history.items())
        count = f"{len(self.epoch)} epoch{'' if len(self.epoch) == 1 else 's'}"
        return f"<History of {count}: {changes}>" if changes else f"<History of {count}>"

    def _repr_html_(self) -> str:
        """Show a table with the first, last, smallest and largest of each value, for notebooks."""
        head = "".join(f"<th>{title}</th>" for title in ("", "first", "last", "smallest (epoch)", "largest (epoch)"))
        rows = "".join(f"<tr>{self._html_cells(name)}</tr>" for name in self.history)
        caption = f"{len(self.epoch)} of {(self.params or {}).get('epochs', len(self.epoch))} epochs"
        return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def _html_cells(self, name: str) -> str:
        values = self.history[name]
        order = sorted((v, e) for v, e in zip(values, self._measured[name], strict=True) if _is_number(v))
        extremes = [f"{_short(value)} ({epoch + 1})" for value, epoch in (order[:1] + order[-1:])] or ["", ""]
        cells = [_short(values[0]), _short(values[-1]), *extremes]
        return f"<th>{html.escape(name)}</th>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not math.isnan(value)


def _short(value: Any) -> str:
    if not _is_number(value):
        return str(value)
    return f"{value:.4f}" if value == 0 or 1e-3 < abs(value) < 1e6 else f"{value:.4e}"
