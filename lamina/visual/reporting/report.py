"""`report`: from a model and test data to one HTML file."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lamina.core import errors
from lamina.visual.reporting import page
from lamina.visual.reporting.outcomes import outcomes

_MOST_BOXES = 300  # of the architecture's picture


def report(
    model: Any,
    x_test: Any,
    y_test: Any,
    path: str | os.PathLike[str] = "report.html",
    history: Any = None,
    class_names: Sequence[Any] | None = None,
    *,
    train_data: tuple[Any, Any] | None = None,
    task: str | None = None,
    batch_size: int | None = None,
    feature_names: Sequence[str] | None = None,
    unit: str = "",
    colormap: str = "gray",
    title: str | None = None,
    training_seconds: float | None = None,
    seed: int | None = None,
    fit_arguments: Mapping[str, Any] | None = None,
) -> Path:
    """Write what there is to know about a trained model into one HTML file, which opens anywhere without a network.

    In it: the architecture, the data, the learning curves, scores (of each class, or errors of numbers), confusion
    matrix, worst mistakes, time and memory, and what it takes to repeat the run. Nothing in it is loaded from
    elsewhere, no script runs, all names are escaped.

    Args:
        model: A compiled, trained model.
        x_test: Test inputs (rows, ...), or the nest of arrays that the model takes; a data frame's columns are named.
        y_test: Targets (rows, ...), or for several outputs a list, or a dict by output name.
        path: File to write. Default "report.html".
        history: What `fit` returned, or its dict. Default None: that of the model's last `fit`, if there was one.
        class_names: Names of the classes in the order of their numbers; for several outputs a list of lists or a dict
            by output name. Default None: the numbers.
        train_data: (x, y) that the model was trained on, for the section on data. Default None: not described.
        task: "classification", "labels" (several yes-or-no answers for each sample) or "regression". Default None: as
            the loss, the shapes and the values say.
        batch_size: Rows computed at a time. Default None: 32.
        feature_names: Names of the columns of a table of inputs. Default None: the data frame's, or the numbers.
        unit: What predicted numbers are, with their unit, for the axes. Default "".
        colormap: Matplotlib colormap of grey images: "gray" draws 0 black, "gray_r" white. Default "gray".
        title: Title of the page. Default None: the model's name.
        training_seconds: How long the training took, to be told. Default None: not told.
        seed: Seed of the run. Default None: what `set_random_seed` was last given.
        fit_arguments: What `fit` was given besides the data, for the lines that repeat the run, such as
            {"batch_size": 32}. Default None: the epochs.
    Returns:
        The path of the file.
    Raises:
        ImportError: Matplotlib is not installed.
        NotCompiledError, NotBuiltError: a model without a loss or without weights.
        TypeError: no model; ValueError: data that do not fit the model or each other, too few class names, an unknown
            task; OSError: the file cannot be written. The last is found out before anything takes time.
    Example:
        >>> import tempfile
        >>> from lamina import Sequential
        >>> from lamina.layers import Dense, Input
        >>> model = Sequential([Input((2,)), Dense(1)], name="line")
        >>> model.compile("sgd", "mse")
        >>> x = np.linspace([0.0, 1.0], [1.0, 0.0], 8)
        >>> history = model.fit(x, x[:, 0], epochs=2, verbose=0)
        >>> file = model.report(x, x[:, 0], tempfile.mkdtemp() + "/report.html")
        >>> file.name, "<h1>line</h1>" in file.read_text()
        ('report.html', True)
    """
    from lamina.visual.reporting import costs, repeating, sections  # not above: they load JAX, and scikit-learn

    sections.require_pictures()
    _require_model(model)
    target = _writable(path)
    inputs, columns = _arrays(x_test), feature_names or _columns(x_test)
    x, targets = _named(inputs, "x"), _targets(model, y_test)
    rows = _check_rows(x)
    began = time.perf_counter()
    predictions = _leaves(model.predict(inputs, batch_size=batch_size, verbose=0))
    first = time.perf_counter() - began
    if len(predictions) != len(targets):
        raise ValueError(
            f"report: y_test: expected targets for {len(predictions)} outputs {model.output_names or ''}, received "
            f"{len(targets)}."
        )
    found = outcomes(model, predictions, targets, class_names, task)
    y = _named(targets if len(targets) > 1 else targets[0], "y")
    train = None if train_data is None else tuple(map(_named, map(_arrays, train_data), "xy"))
    history = model.history if history is None else history
    past = getattr(history, "history", history) or {}
    scores = model.evaluate(inputs, y_test, batch_size=batch_size, verbose=0, return_dict=True)
    parts = [
        ("Result", page.facts((name, f"{float(np.mean(value)):.4g}") for name, value in scores.items())),
        ("Architecture", _architecture(model)),
        ("Data", sections.data(x, y, found, train)),
    ]
    if any(len(values) for values in past.values()):
        parts.append(("Training", sections.training(history, training_seconds)))
    for outcome in found:
        parts += sections.outcome_parts(outcome, x, columns, unit, colormap)
    parts.append(("Time and memory", costs.costs(model, inputs, rows, first, batch_size)))
    given = dict(fit_arguments) if fit_arguments is not None else _epochs(past)
    parts.append(("Repeat the run", repeating.repeating(model, [*x.values(), *y.values()], seed, given)))
    when = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    head = f"{type(model).__name__} with {model.count_params():,} parameters, on {rows:,} test samples"
    content = page.document(title or model.name, head, parts, f"Written by lamina on {when}.")
    target.write_text(content, encoding="utf-8")
    return target


def _require_model(model: Any) -> None:
    from lamina.models import Model

    if not isinstance(model, Model):
        raise TypeError(f"report: model: expected a model, received {model!r:.80} of type {type(model).__name__}.")
    model.require_compiled("report")
    if not model.built:
        raise errors.NotBuiltError(f"report: model {model.name!r} has no weights yet. Call fit, or build, first.")


def _writable(path: Any) -> Path:
    """The path, tried out: a file that is there stays as it is, until the report takes its place."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"report: path: expected a path, received {path!r} of type {type(path).__name__}.")
    target = Path(path).expanduser()
    existed = target.exists()
    try:
        with open(target, "ab"):
            pass
    except OSError as error:
        error.add_note(f"report: cannot write {str(target)!r}; hand in another path=..., in a folder that exists.")
        raise
    if not existed:
        target.unlink()
    return target


def _arrays(nest: Any) -> Any:
    """The nest with NumPy arrays as leaves; lists of numbers and data frames are arrays."""
    if isinstance(nest, dict):
        return {name: _arrays(value) for name, value in nest.items()}
    if isinstance(nest, (list, tuple)) and any(hasattr(value, "shape") and np.ndim(value) for value in nest):
        return type(nest)([_arrays(value) for value in nest])
    if hasattr(nest, "__next__") or not (hasattr(nest, "__array__") or hasattr(nest, "__len__")):
        raise TypeError(
            f"report: x_test: expected arrays, received {nest!r:.60} of type {type(nest).__name__}. Collect batches "
            "into arrays first."
        )
    return np.asarray(nest)


def _leaves(nest: Any) -> list[np.ndarray]:
    import jax

    return [np.asarray(leaf) for leaf in jax.tree.leaves(nest)]


def _named(nest: Any, name: str) -> dict[str, np.ndarray]:
    """Arrays of a nest by name: the keys of a dict, numbered in a list."""
    if isinstance(nest, dict):
        return {f"{name} {key}": np.asarray(value) for key, value in nest.items()}
    if isinstance(nest, (list, tuple)):
        return {f"{name}[{i}]": array for i, array in enumerate(_leaves(nest))}
    return {name: np.asarray(nest)}


def _targets(model: Any, y_test: Any) -> list[np.ndarray]:
    """Targets in the order of the outputs."""
    names = model.output_names or []
    if y_test is None:
        raise ValueError("report: y_test: expected the targets of x_test, received None.")
    if isinstance(y_test, dict):
        if set(names) == set(y_test):
            return [np.asarray(y_test[name]) for name in names]
        return _leaves(_arrays(y_test))
    if len(names) > 1 and isinstance(y_test, (list, tuple)):
        return [np.asarray(value) for value in y_test]
    return _leaves(_arrays(y_test))


def _columns(x: Any) -> list[str]:
    return [str(name) for name in x.columns] if hasattr(x, "columns") and hasattr(x, "iloc") else []


def _check_rows(x: Mapping[str, np.ndarray]) -> int:
    lengths = {name: len(array) for name, array in x.items()}
    if not lengths or len(set(lengths.values())) > 1 or not min(lengths.values()):
        raise ValueError(
            f"report: x_test: expected at least one row, and as many in each array, received {lengths or 'nothing'}."
        )
    return next(iter(lengths.values()))


def _epochs(past: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    epochs = max((len(values) for values in past.values()), default=0)
    return {"epochs": epochs} if epochs else {}


def _architecture(model: Any) -> str:
    from lamina.visual._notebook import summary_text
    from lamina.visual.diagram import model_svg

    drawn = model_svg(model, most_boxes=_MOST_BOXES)
    shown = page.scrolling(drawn) if drawn else page.paragraph("Too many layers for a picture.", note=True)
    return shown + page.folded("Summary", page.lines(summary_text(model)))
