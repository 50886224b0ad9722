"""The column to predict: a class or a number, as the network learns it, and predictions back from its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lamina.core.errors import closest_match
from lamina.tables.columns import TYPES, floats, strings, type_name
from lamina.tables.errors import TableError, pyarrow, quoted

TASKS = ("classification", "regression")
MOST_CLASSES = 200
_FEW = 20  # different whole numbers up to which they are classes


@dataclass(frozen=True)
class Target:
    """What a network predicts.

    Fields:
        name: The column's name.
        task: "classification" or "regression".
        classes: The classes, in the order of the network's outputs.
        type: PyArrow's name of the type that the column was read as.
        mean, deviation: Of a number; the network's last layer multiplies by one and adds the other.
    """

    name: str
    task: str
    classes: tuple[str, ...] = ()
    type: str = "double"
    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def fit(cls, name: str, values: Any, task: str | None = None) -> Target:
        """Find out the task from a column of training data and measure it.

        Args:
            name: The column's name.
            values: A PyArrow column without missing values.
            task: "classification" or "regression". Default None: text, true and false, and up to 20 different whole
                numbers are classes, all else is a number.
        Raises:
            TableError: an unknown task; one class, or more than 200; numbers asked for where there is text.
        Example:
            >>> import pyarrow as pa
            >>> Target.fit("city", pa.chunked_array([["Rome", "Bonn", "Rome"]]))
            Target(name='city', task='classification', classes=('Bonn', 'Rome'), type='string', mean=0.0, deviation=1.0)
        """
        if task is not None and task not in TASKS:
            raise TableError(f"task: unknown task {task!r}.{closest_match(task, TASKS)} Known: {', '.join(TASKS)}.")
        task = task or _task(values)
        if task == "regression":
            y = _numbers(name, values)
            if y.std() == 0:
                raise TableError(f"the target {name!r} is {y[0]:g} in every row; there is nothing to learn.")
            return cls(name, task, mean=float(y.mean()), deviation=float(y.std()))
        classes = _labels(values).unique().to_pylist()
        if len(classes) < 2:
            raise TableError(f"the target {name!r} is {classes[0]!r} in every row; there is nothing to learn.")
        if len(classes) > MOST_CLASSES:
            raise TableError(
                f"the target {name!r} has {len(classes)} different texts ({quoted(sorted(classes), 3)}); up to "
                f"{MOST_CLASSES} classes can be learned. If these are numbers, correct those that are not."
            )
        return cls(name, task, tuple(sorted(classes, key=_order)), type_name(values))

    def encode(self, values: Any) -> np.ndarray:
        """Return (rows,) int32 class numbers, or (rows,) float64 numbers.

        Raises:
            TableError: a class that training data did not have; text where a number is expected.
        """
        if self.task == "regression":
            return _numbers(self.name, values)
        pa, labels = pyarrow(), _labels(values)
        index = pa.compute.index_in(labels, value_set=pa.array(self.classes, pa.string()))
        if index.null_count:
            other = sorted(set(labels.unique().to_pylist()) - set(self.classes))
            raise TableError(
                f"the target {self.name!r} holds what training data did not: {quoted(other, 3)}. "
                f"Known classes: {quoted(self.classes)}."
            )
        return index.to_numpy(zero_copy_only=False).astype(np.int32)

    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """Return columns: "prediction", and for classes the probability of each.

        Args:
            outputs: What the network gave: (rows, classes) probabilities or (rows, 1) numbers.
        """
        if self.task == "regression":
            return {"prediction": outputs[:, 0].astype(np.float64)}
        prediction = [self.classes[i] for i in outputs.argmax(axis=1)]
        return {"prediction": prediction, **{f"probability of {c}": outputs[:, i] for i, c in enumerate(self.classes)}}

    def get_config(self) -> dict[str, Any]:
        """Return the fields in JSON's types."""
        return {**asdict(self), "classes": list(self.classes)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Target:
        """Make one from what `get_config` returned.

        Raises:
            TableError: the config is not one.
        """
        try:
            name, task, classes = config["name"], config["task"], tuple(config["classes"])
            kind, mean, deviation = config["type"], config["mean"], config["deviation"]
        except (KeyError, TypeError) as error:
            raise TableError(f"not the config of a target: {type(error).__name__}: {error}.") from error
        texts = all(isinstance(value, str) for value in (name, task, *classes, kind))
        if (
            not texts
            or task not in TASKS
            or kind not in TYPES
            or type(mean) is not float
            or type(deviation) is not float
        ):
            raise TableError(f"not the config of a target: {config!r:.200}.")
        return cls(name, task, classes, kind, mean, deviation)


def _task(values: Any) -> str:
    pa = pyarrow()
    if pa.types.is_floating(values.type) or pa.types.is_decimal(values.type):
        return "regression"
    if pa.types.is_integer(values.type):
        return "classification" if len(values.unique()) <= _FEW else "regression"
    return "classification"


def _numbers(name: str, values: Any) -> np.ndarray:
    try:
        y = floats(values)
    except (ValueError, NotImplementedError) as error:
        raise TableError(f"the target {name!r} is no number: {str(error).splitlines()[0]}") from error
    if np.isnan(y).any():
        raise TableError(f"the target {name!r} is infinite or not a number in row {int(np.isnan(y).argmax()) + 1}.")
    return y


def _labels(values: Any) -> Any:
    """Classes as text: 1.0 and 1 are one class, as a file of floats may say either."""
    pa = pyarrow()
    if pa.types.is_floating(values.type):
        whole = pa.compute.all(pa.compute.equal(pa.compute.floor(values), values)).as_py()
        values = pa.compute.cast(values, pa.int64()) if whole else values
    return strings(values)


def _order(label: str) -> tuple[int, float, str]:
    """Numbers in their order, then texts in theirs."""
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label
