"""From a table to a trained `TableModel`, scored on rows that it has not seen, beside two baselines."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import lamina
from lamina.core.errors import check_fraction, check_positive_int
from lamina.tables.errors import TableError, pyarrow
from lamina.tables.model import TableModel, scores
from lamina.tables.preprocessing import TablePreprocessor, as_table
from lamina.tables.reading import check_columns
from lamina.tables.target import Target

LEAST_ROWS = 10
PATIENCE = 15  # epochs without a better validation loss after which training ends


@dataclass(frozen=True)
class Trained:
    """What `train` returns.

    Fields:
        model: Predicts; to be saved.
        scores: Of the test rows, by name; see `lamina.tables.model.scores`.
        baselines: The same scores of simple models: "no features" (the mean, or the share of each class) and "linear".
        history: What `fit` returned.
        parts: The tables that the rows were split into: "training", "validation", "test".
        without_target: Rows that were left out, as the target was missing.
    """

    model: TableModel
    scores: dict[str, float]
    baselines: dict[str, dict[str, float]]
    history: Any
    parts: dict[str, Any]
    without_target: int


def train(
    table: Any,
    target: str,
    *,
    task: str | None = None,
    epochs: int = 200,
    drop: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    seed: int = 42,
    verbose: int | str = "auto",
    **settings: Any,
) -> Trained:
    """Train a multilayer perceptron on a table and score it on test rows (15 %), beside two baselines.

    Training ends when the loss of the validation rows (15 %) has not fallen for 15 epochs; the best weights are kept.

    Args:
        table: A `pyarrow.Table`, a pandas or Polars frame, or a dict of columns.
        target: Name of the column to predict; rows without it are left out.
        task: "classification" or "regression". Default None: see `Target.fit`.
        epochs: The most passes over the training rows.
        drop, kinds: See `TablePreprocessor`.
        seed: Of the split, the weights and the order of rows.
        verbose: As for `fit`.
        **settings: See `network`.
    Raises:
        TableError: no such column, fewer than 10 rows with a target, or nothing to learn from.
    Example:
        >>> x = np.linspace(-1, 1, 200)
        >>> trained = train({"x": x, "y": 3 * x + 5}, "y", epochs=3, verbose=0)
        >>> sorted(trained.baselines), trained.model.target.task
        (['linear', 'no features'], 'regression')
    """
    check_positive_int("epochs", epochs, "train: ")
    lamina.utils.set_random_seed(seed)
    prepared = prepare(table, target, task=task, drop=drop, kinds=kinds, seed=seed)
    goal, (x, y), (x_test, y_test) = prepared.target, prepared.data["training"], prepared.data["test"]
    model = network(x.shape[1], goal, **settings)
    history = model.fit(
        x,
        y,
        batch_size=batch_size(len(x)),
        epochs=epochs,
        validation_data=prepared.data["validation"],
        callbacks=stopping(),
        verbose=verbose,
    )
    return Trained(
        TableModel(model, prepared.preprocessing, goal, {"seed": seed, "lamina": lamina.__version__}),
        scores(goal, y_test, model.predict(x_test, verbose=0)),
        _baselines(goal, x, y, x_test, y_test),
        history,
        prepared.parts,
        prepared.without_target,
    )


@dataclass(frozen=True)
class Prepared:
    """A table that a network can be trained on.

    Fields:
        target, preprocessing: Fitted to the rows with a target, and to the training rows.
        parts: The tables that the rows were split into: "training", "validation", "test".
        data: Features and targets of each part.
        without_target: Rows that were left out.
    """

    target: Target
    preprocessing: TablePreprocessor
    parts: dict[str, Any]
    data: dict[str, tuple[np.ndarray, np.ndarray]]
    without_target: int


def prepare(
    table: Any,
    target: str,
    *,
    task: str | None = None,
    drop: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    seed: int = 42,
) -> Prepared:
    """Split a table and fit its preprocessing: the first half of `train`, with its arguments and errors.

    Example:
        >>> prepare({"x": range(20), "y": ["a", "b"] * 10}, "y").data["training"][0].shape
        (14, 1)
    """
    table = as_table(table)
    check_columns("the table", table.column_names, [target])
    known = table.filter(pyarrow().compute.is_valid(table.column(target)))
    if known.num_rows < LEAST_ROWS:
        raise TableError(f"expected {LEAST_ROWS} rows with a value of {target!r} or more, received {known.num_rows}.")
    goal = Target.fit(target, known.column(target), task)
    parts = split(known, goal, seed=seed)
    fitted = TablePreprocessor(drop, kinds).fit(parts["training"].drop_columns([target]))
    data = {name: (fitted.transform(part), goal.encode(part.column(target))) for name, part in parts.items()}
    return Prepared(goal, fitted, parts, data, table.num_rows - known.num_rows)


def stopping() -> list[Any]:
    """Return the callbacks that end a training and make its last steps smaller."""
    return [
        lamina.callbacks.EarlyStopping(patience=PATIENCE, restore_best_weights=True),
        lamina.callbacks.ReduceLROnPlateau(factor=0.5, patience=PATIENCE // 3),
    ]


def split(
    table: Any, target: Target, *, validation: float = 0.15, test: float = 0.15, seed: int = 42
) -> dict[str, Any]:
    """Split rows at random into "training", "validation" and "test", with equal shares of each class where that goes.

    Args:
        table: A `pyarrow.Table` with a target in each row.
        target: Tells the classes.
        validation, test: Fractions of the rows.
        seed: Of the order.
    Example:
        >>> import pyarrow as pa
        >>> table = pa.table({"x": range(20), "y": ["a", "b"] * 10})
        >>> {name: part.num_rows for name, part in split(table, Target("y", "classification", ("a", "b"))).items()}
        {'training': 14, 'validation': 3, 'test': 3}
    """
    from sklearn.model_selection import train_test_split

    check_fraction("validation", validation, "split: ")
    check_fraction("test", test, "split: ")
    pa, rows = pyarrow(), np.arange(table.num_rows)
    classes = None
    if target.task == "classification":
        encoded = target.encode(table.column(target.name))
        least = min(validation, test) * len(rows)
        classes = encoded if np.bincount(encoded).min() >= 4 and least >= len(target.classes) else None
    rest, last = train_test_split(rows, test_size=max(1, round(test * len(rows))), random_state=seed, stratify=classes)
    first, middle = train_test_split(
        rest,
        test_size=max(1, round(validation * len(rows))),
        random_state=seed,
        stratify=None if classes is None else classes[rest],
    )
    parts = {"training": first, "validation": middle, "test": last}
    return {name: table.take(pa.array(np.sort(part))) for name, part in parts.items()}


def network(
    features: int,
    target: Target,
    *,
    hidden: Sequence[int] = (128, 64),
    dropout: float = 0.1,
    learning_rate: float = 1e-3,
) -> Any:
    """Return a compiled multilayer perceptron with ReLU and a little dropout.

    Args:
        features: Width of the input.
        target: Decides the last layer and the loss: softmax and cross-entropy, or one number and squared error. The
            number leaves the network in the target's unit.
        hidden: Units of the hidden layers.
        dropout: Fraction of the units that rest in a step.
        learning_rate: Of Adam.
    Example:
        >>> network(8, Target("price", "regression")).count_params()
        9473
    """
    layers = lamina.layers
    model = lamina.Sequential([layers.Input((features,))])
    for units in hidden:
        model.add(layers.Dense(units, activation="relu", kernel_initializer="he_normal"))
        model.add(layers.Dropout(dropout))
    classes = target.task == "classification"
    if classes:
        model.add(layers.Dense(len(target.classes), activation="softmax"))
    else:
        model.add(layers.Dense(1))
        model.add(layers.Rescaling(target.deviation, target.mean))
    loss, metric = ("sparse_categorical_crossentropy", "accuracy") if classes else ("mse", "mae")
    model.compile(optimizer=lamina.optimizers.Adam(learning_rate), loss=loss, metrics=[metric])
    return model


def batch_size(rows: int) -> int:
    """Return a power of two from 16 to 256 that makes about 300 steps an epoch.

    Example:
        >>> batch_size(200), batch_size(16_000), batch_size(10**7)
        (16, 64, 256)
    """
    return int(2 ** np.clip(np.round(np.log2(rows / 300)), 4, 8))


def _baselines(target: Target, x: Any, y: Any, x_test: Any, y_test: Any) -> dict[str, dict[str, float]]:
    """Scores of scikit-learn's simplest models."""
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.linear_model import LogisticRegression, Ridge

    classes = target.task == "classification"
    models = {
        "no features": DummyClassifier(strategy="prior") if classes else DummyRegressor(),
        "linear": LogisticRegression(max_iter=300) if classes else Ridge(),
    }
    result = {}
    for name, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a baseline that has not converged is one
            model.fit(x, y)
        if classes:
            outputs = np.zeros((len(x_test), len(target.classes)))
            outputs[:, model.classes_] = model.predict_proba(x_test)
        else:
            outputs = model.predict(x_test).reshape(-1, 1)
        result[name] = scores(target, y_test, outputs)
    return result
