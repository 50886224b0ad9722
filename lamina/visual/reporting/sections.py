"""The sections of a report on data, training and outcomes, as markup."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lamina.visual import _style
from lamina.visual.calibration import calibration_curve
from lamina.visual.confusion import confusion_matrix
from lamina.visual.curves import learning_curves
from lamina.visual.mistakes import worst_mistakes
from lamina.visual.ranking import precision_recall_curve, roc_curve
from lamina.visual.regression import predicted_vs_actual, residuals
from lamina.visual.reporting import page
from lamina.visual.reporting.outcomes import Outcome
from lamina.visual.scores import COLUMNS, score_rows

_MOST_CLASSES = 60  # of a confusion matrix that can be read
_MOST_POINTS = 20_000  # of a scatter plot
_MOST_COLUMNS = 4  # of numbers that are drawn
_FEATURES = 8  # that a row of a table shows
WORST = 16  # mistakes shown
Part = tuple[str, str]  # title and markup


def data(x: Mapping[str, np.ndarray], y: Mapping[str, np.ndarray], outcomes: Sequence[Outcome], train: Any) -> str:
    """What the test data are: shapes, dtypes, values, classes.

    Args:
        x, y: Arrays by name. outcomes: What came of them. train: The training data, (x, y) likewise, or None.
    """
    sets = [("test", x, y)] if train is None else [("training", *train), ("test", x, y)]
    rows = [
        [f"{kind} {name}", "x".join(map(str, array.shape)), str(array.dtype), *_values(array)]
        for kind, given, wanted in sets
        for name, array in [*given.items(), *wanted.items()]
    ]
    parts = [page.table(("", "shape", "dtype", "smallest", "mean", "largest", "not finite"), rows)]
    for outcome in outcomes:
        if outcome.task != "classification":
            continue
        counts = np.bincount(outcome.true, minlength=len(outcome.names))
        columns = ["class", "test samples" if outcome.per_sample else "test positions", "share"]
        of_train = _train_counts(train, outcome)
        if of_train is not None:
            columns.append("training samples")
        rows = []
        for i, name in enumerate(outcome.names):
            row: list[Any] = [name, f"{counts[i]:,}", f"{counts[i] / counts.sum():.1%}"]
            rows.append(row if of_train is None else [*row, f"{of_train[i]:,}"])
        table = page.heading(f"Classes{_of(outcome)}") + page.table(columns, rows)
        parts.append(table if len(rows) <= 30 else page.folded(f"{len(rows)} classes", table))
    return "".join(parts)


def _values(array: np.ndarray) -> list[str]:
    if array.dtype.kind not in "biuf" or not array.size:
        return ["", "", "", ""]
    numbers = array.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    missing = f"{numbers.size - finite.size:,}"
    if not finite.size:
        return ["", "", "", missing]
    return [*(f"{value:.4g}" for value in (finite.min(), finite.mean(), finite.max())), missing]


def _train_counts(train: Any, outcome: Outcome) -> np.ndarray | None:
    """Training samples of each class, where there is one array of targets that says so."""
    if train is None or outcome.name or not outcome.per_sample:
        return None
    array = next(iter(train[1].values()))
    classes = len(outcome.names)
    labels = array.argmax(axis=1) if array.ndim == 2 and array.shape[1] == classes > 1 else array.reshape(-1)
    if labels.dtype.kind not in "biuf" or not ((labels >= 0) & (labels < classes) & (labels == np.round(labels))).all():
        return None
    return np.bincount(labels.astype(np.int64), minlength=classes)


def training(history: Any, seconds: float | None) -> str:
    """Learning curves, each by itself, so that a phone shows them large enough."""
    record = getattr(history, "history", history)
    epochs = max(len(values) for values in record.values())
    facts: list[tuple[str, Any]] = [("epochs", epochs)]
    if seconds is not None:
        facts.append(("seconds of training", f"{seconds:.1f}"))
    for name, values in record.items():
        facts.append((f"{name}, last", f"{float(np.mean(values[-1])):.4g}"))
    names = dict.fromkeys(str(name).removeprefix("val_") for name in record)
    images = [page.picture(learning_curves(history, name), f"Learning curve of {name}") for name in names]
    return page.facts(facts) + page.pictures(images)


def outcome_parts(
    outcome: Outcome, x: Mapping[str, np.ndarray], features: Sequence[str], unit: str, colormap: str
) -> Iterator[Part]:
    """The sections on one output."""
    if outcome.task == "classification":
        yield f"Scores{_of(outcome)}", _class_scores(outcome)
        if len(outcome.names) <= _MOST_CLASSES:
            figure = confusion_matrix(outcome.true, outcome.predicted, outcome.names)
            yield f"Confusion matrix{_of(outcome)}", page.picture(figure, "Confusion matrix", wide=True)
        yield f"Worst mistakes{_of(outcome)}", _class_mistakes(outcome, x, features, colormap)
    elif outcome.task == "labels":
        yield f"Scores{_of(outcome)}", _label_scores(outcome)
    else:
        yield f"Scores{_of(outcome)}", _number_scores(outcome, unit)
        yield f"Worst predictions{_of(outcome)}", _number_mistakes(outcome, x, features)


def _of(outcome: Outcome) -> str:
    return f" of {outcome.name}" if outcome.name else ""


def _class_scores(outcome: Outcome) -> str:
    rows = []
    for row in score_rows("report", outcome.true, outcome.predicted, outcome.names):
        blank = ["", ""] if len(row.values) == 1 else []
        rows.append([row.name, *blank, *(f"{value:.3f}" for value in row.values), f"{row.support:,}"])
    markup = page.table(("", *COLUMNS), rows)
    if len(rows) > 40:
        markup = page.table(("", *COLUMNS), rows[-3:]) + page.folded(f"{len(rows) - 3} classes", markup)
    if len(np.unique(outcome.true)) < 2:
        return markup + page.paragraph("All samples are of one class: there are no curves of scores.", note=True)
    images = [
        page.picture(roc_curve(outcome.true, outcome.scores, outcome.names), "ROC curves"),
        page.picture(precision_recall_curve(outcome.true, outcome.scores, outcome.names), "Precision and recall"),
    ]
    if outcome.probabilities is not None:
        figure = calibration_curve(outcome.true, outcome.probabilities, outcome.names)
        images.append(page.picture(figure, "Calibration"))
    return markup + page.pictures(images)


def _class_mistakes(outcome: Outcome, x: Mapping[str, np.ndarray], features: Sequence[str], colormap: str) -> str:
    wrong = np.flatnonzero(outcome.predicted != outcome.true)
    unit = "samples" if outcome.per_sample else "positions"
    if not len(wrong):
        return page.paragraph(f"None: all {len(outcome.true):,} {unit} are classified correctly.")
    images = _images(x) if outcome.per_sample and outcome.probabilities is not None else None
    if images is not None:
        figure = worst_mistakes(images, outcome.true, outcome.probabilities, outcome.names, WORST, colormap=colormap)
        return page.picture(figure, "The images that the model gets most wrong", wide=True)
    scores = outcome.scores if outcome.probabilities is None else outcome.probabilities
    if scores is None:
        return ""
    lost = scores[wrong, outcome.true[wrong]] - scores[wrong, outcome.predicted[wrong]] * (
        outcome.probabilities is None
    )
    worst = wrong[np.argsort(lost, kind="stable")][:WORST]
    word = "score" if outcome.probabilities is None else "probability"
    names, shown = _table_of(x, features) if outcome.per_sample else ([], None)
    columns = ["no.", "true", "predicted", f"{word} of the true class", f"{word} of the predicted one", *names]
    rows = []
    for sample in worst:
        true, predicted = int(outcome.true[sample]), int(outcome.predicted[sample])
        values = [] if shown is None else [f"{value:.4g}" for value in shown[sample]]
        given = [f"{scores[sample, true]:.3g}", f"{scores[sample, predicted]:.3g}"]
        rows.append([str(sample), outcome.names[true], outcome.names[predicted], *given, *values])
    said = page.paragraph(f"{len(wrong):,} of {len(outcome.true):,} {unit}; the worst first.", note=True)
    return said + page.table(columns, rows, names_first=False)


def _images(x: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The images, where x is one array of them."""
    if len(x) != 1:
        return None
    array = next(iter(x.values()))
    is_picture = array.ndim == 3 or (array.ndim == 4 and array.shape[-1] in (1, 3, 4))
    return array if is_picture and min(array.shape[1:3]) >= 4 and array.dtype.kind in "biuf" else None


def _table_of(x: Mapping[str, np.ndarray], features: Sequence[str]) -> tuple[list[str], np.ndarray | None]:
    """The first features of each sample with their names, where x has tables."""
    tables = {name: array for name, array in x.items() if array.ndim == 2 and array.dtype.kind in "biuf"}
    if not tables:
        return [], None
    columns = [f"{name}[{i}]" if len(x) > 1 else f"[{i}]" for name, a in tables.items() for i in range(a.shape[1])]
    if len(features) == len(columns):
        columns = list(features)
    return columns[:_FEATURES], np.concatenate(list(tables.values()), axis=1)[:, :_FEATURES]


def _label_scores(outcome: Outcome) -> str:
    from sklearn import metrics

    true, predicted = outcome.true, outcome.predicted
    scores = np.zeros(true.shape) if outcome.scores is None else outcome.scores
    by_label = metrics.precision_recall_fscore_support(true, predicted, zero_division=0)
    rows = []
    for i, name in enumerate(outcome.names):
        both = 0 < true[:, i].sum() < len(true)
        area = f"{metrics.roc_auc_score(true[:, i], scores[:, i]):.3f}" if both else ""
        rows.append([name, *(f"{float(part[i]):.3f}" for part in by_label[:3]), area, f"{int(by_label[3][i]):,}"])
    for average in ("micro", "macro", "weighted"):
        means = metrics.precision_recall_fscore_support(true, predicted, average=average, zero_division=0)
        rows.append([f"{average} avg", *(f"{float(value):.3f}" for value in means[:3]), "", f"{int(true.sum()):,}"])
    exact = page.facts([("all labels of a sample right", f"{metrics.accuracy_score(true, predicted):.1%}")])
    return exact + page.table(("", *COLUMNS[:3], "ROC AUC", "support"), rows)


def _number_scores(outcome: Outcome, unit: str) -> str:
    from sklearn import metrics

    parts = []
    for i, name in enumerate(outcome.names[:_MOST_COLUMNS]):
        true, predicted = outcome.true[:, i], outcome.predicted[:, i]
        if len(outcome.names) > 1:
            parts.append(page.heading(f"Column {name}"))
        finite = np.isfinite(predicted)
        if not finite.all():
            parts.append(page.paragraph(f"{int((~finite).sum()):,} predictions are NaN or infinite, and left out."))
            true, predicted = true[finite], predicted[finite]
            if not len(true):
                continue
        errors = abs(predicted - true)
        facts = [
            ("root mean squared error", f"{math.sqrt(metrics.mean_squared_error(true, predicted)):.4g}"),
            ("mean absolute error", f"{metrics.mean_absolute_error(true, predicted):.4g}"),
            ("median absolute error", f"{float(np.median(errors)):.4g}"),
            ("largest error", f"{float(errors.max()):.4g}"),
        ]
        if len(true) > 1 and true.std() > 0:
            facts.append(("R²", f"{metrics.r2_score(true, predicted):.4f}"))
        every = -(-len(true) // _MOST_POINTS)
        shown = true[::every], predicted[::every]
        images = [
            page.picture(predicted_vs_actual(*shown, label=unit), "Predicted against true values"),
            page.picture(residuals(*shown, label=unit), "Residuals"),
        ]
        parts += [page.facts(facts), page.pictures(images)]
        if every > 1:
            parts.append(page.paragraph(f"The pictures show every {every}th of {len(true):,} points.", note=True))
    if len(outcome.names) > _MOST_COLUMNS:
        parts.append(page.paragraph(f"The first {_MOST_COLUMNS} of {len(outcome.names)} columns.", note=True))
    return "".join(parts)


def _number_mistakes(outcome: Outcome, x: Mapping[str, np.ndarray], features: Sequence[str]) -> str:
    errors = np.nan_to_num(abs(outcome.predicted - outcome.true), nan=np.inf).max(axis=1)
    worst = np.argsort(-errors, kind="stable")[:WORST]
    names, shown = _table_of(x, features) if outcome.per_sample else ([], None)
    several = len(outcome.names) > 1
    rows = []
    for sample in worst:
        column = int(np.argmax(np.nan_to_num(abs(outcome.predicted[sample] - outcome.true[sample]), nan=np.inf)))
        true, predicted = outcome.true[sample, column], outcome.predicted[sample, column]
        values = [] if shown is None else [f"{value:.4g}" for value in shown[sample]]
        which = [outcome.names[column]] if several else []
        rows.append([str(sample), *which, *(f"{v:.4g}" for v in (true, predicted, predicted - true)), *values])
    return page.table(["no.", *["column"] * several, "true", "predicted", "error", *names], rows, names_first=False)


def require_pictures() -> None:
    """Raise ImportError with what to install, before anything takes time."""
    with _style.look():
        return
